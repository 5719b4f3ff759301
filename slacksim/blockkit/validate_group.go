package blockkit

import (
	"slices"
	"strings"
)

// Blocks that hold other blocks or belong to a group, following @slack/types 3.2.0 and slack-go's Validate.

// blockOf requires a block of one of these kinds, valid by its own rules.
func blockOf(kinds ...string) check {
	return func(c *checker, at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			c.fail(at, "must provide an object")
			return
		}
		if kind := str(m["type"]); !slices.Contains(kinds, kind) {
			c.fail(at+"/type", "unsupported type: %s", kind)
			return
		}
		c.inner(c, at, v)
		c.uniqueActions(at, m)
	}
}

// oneOfFields requires at least one of these fields.
func oneOfFields(names ...string) check {
	return func(c *checker, at string, v any) {
		m, ok := v.(map[string]any)
		if ok && !slices.ContainsFunc(names, func(name string) bool { return m[name] != nil }) {
			c.fail(at, "must provide at least one of: %s", strings.Join(names, ", "))
		}
	}
}

var cardBlock = blockRule{check: allOf(block(fields{
	"hero_image": may(element(images)), "icon": may(element(images)), "slack_icon": may(anything),
	"title": may(anyText(150)), "subtitle": may(anyText(150)), "body": may(anyText(200)), "subtext": may(anyText(200)),
	"actions": may(items(1, 3, element([]string{"button"}))),
}).check, oneOfFields("hero_image", "title", "body", "actions")), only: []string{"message"}}

var richTextBlock = blockOf("rich_text")

var containerBlock = blockRule{check: allOf(block(fields{
	"title": may(plain(150)), "rich_text_title": may(richTextBlock), "subtitle": may(anyText(150)),
	"icon": may(element(images)), "width": may(oneOf("narrow", "standard", "wide", "full")),
	"is_collapsible": may(boolean), "default_collapsed": may(boolean), "has_header_divider": may(boolean),
	"child_blocks": need(items(
		1, 10,
		blockOf(
			"actions", "context", "divider", "file", "header", "image", "input", "rich_text", "section", "table", "video",
		),
	)),
}).check, oneOfFields("title", "rich_text_title"), func(c *checker, at string, v any) {
	m, _ := v.(map[string]any)
	if m["default_collapsed"] == true && m["is_collapsible"] != true {
		c.fail(at+"/default_collapsed", "requires is_collapsible to be true")
	}
	if c.rules.Strict && m["has_header_divider"] == true && m["is_collapsible"] == true {
		c.fail(at+"/has_header_divider", "is only supported on non-collapsible containers")
	}
}), only: []string{"message"}}

var taskCard = blockRule{check: allOf(block(fields{
	"task_id": need(chars(1, 255)), "title": need(chars(1, 3000)), "status": may(
		oneOf("pending", "in_progress", "complete", "error"),
	),
	"details": may(richTextBlock), "output": may(richTextBlock), "hide_title": may(boolean),
	"sources": may(items(1, 100, object(fields{"url": need(isURL), "text": need(chars(1, 3000))}))),
}).check, func(c *checker, at string, v any) {
	if m, ok := v.(map[string]any); ok && c.rules.Strict && m["status"] == nil {
		c.fail(at, "missing required field: status")
	}
}), only: []string{"message"}}

var (
	isHTTPS = matching(
		"an HTTPS URL", func(s string) bool { return strings.HasPrefix(s, "https://") && len(s) > len("https://") },
	)

	videoBlock = block(fields{
		"video_url": need(isHTTPS), "thumbnail_url": need(isURL), "alt_text": need(chars(1, 2000)), "title": need(plain(200)),
		"title_url": may(isHTTPS), "author_name": may(chars(0, 50)), "provider_name": may(chars(0, 255)),
		"provider_icon_url": may(isURL),
		"description":       may(plain(200)),
	})
)

// layoutChildren are the blocks that an item of a layout accepts. No source lists them all; these are slack-go's stable
// ones.
var layoutChildren = blockOf(
	"actions", "card", "context", "data_table", "data_visualization", "divider", "header", "image", "markdown",
	"rich_text", "section", "table", "video",
)

var layoutBlock = block(fields{
	"label": need(chars(1, 150)), "is_label_visible": may(boolean), "grid_lines": may(oneOf("none", "rows", "outer")),
	"rows": need(items(1, 5, object(fields{"items": need(items(1, 3, object(fields{
		"block": need(layoutChildren), "width": may(oneOf("narrow", "standard", "wide")),
		"horizontal_alignment": may(oneOf("start", "center", "end")),
	})))}))),
	"fallback": may(items(0, maxMessageBlocks, layoutChildren)),
}, "message")
