package blockkit

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of messages and views. Those of blocks are with their rules.
const (
	// MaxMessageCharacters is the most characters that all blocks of a message can have together (msg_blocks_too_long).
	// Slack doesn't document this limit; developers have measured it.
	MaxMessageCharacters = 13_000
	// MaxViewBytes is the largest JSON of a view, in bytes (view_too_large).
	MaxViewBytes = 250 * 1024

	maxMessageBlocks      = 50
	maxViewBlocks         = 100
	maxTableCharacters    = 10_000 // of all cells of a table together
	maxMarkdownCharacters = 12_000 // of all markdown blocks of a message together
)

// Rules choose between rules that vary. The zero value accepts everything that some workspace accepts.
type Rules struct {
	// RefuseNew refuses the blocks that some workspaces don't have yet: data_table, data_visualization, table, card,
	// carousel and markdown.
	RefuseNew bool
	// Strict applies the stricter of two rules where Slack's sources differ: see Differences.
	Strict bool
}

var newBlocks = []string{"data_table", "data_visualization", "table", "card", "carousel", "markdown"}

// Blocks are the blocks of a message or a view, read from JSON once.
type Blocks struct{ decoded any }

// Read reads blocks, a JSON array. Validate finds problems in everything else.
func Read(blocks json.RawMessage) Blocks { return Blocks{decodeAny(blocks)} }

// Validate checks the blocks of a message, a JSON array. It returns no problems if Slack would accept them.
func Validate(blocks json.RawMessage, rules Rules) []Problem { return Read(blocks).Validate(rules) }

// Validate checks the blocks of a message. It returns no problems if Slack would accept them.
func (b Blocks) Validate(rules Rules) []Problem {
	c := &checker{rules: rules, surface: "message", inner: (*checker).block}
	c.blocks("/blocks", b.decoded, maxMessageBlocks)
	return c.problems
}

// ValidateView checks a view, a JSON object, of this kind: modal or home. It returns no problems if Slack would accept
// it.
func ValidateView(view json.RawMessage, kind string, rules Rules) []Problem {
	c := &checker{rules: rules, surface: kind, inner: (*checker).block}
	union(c.view)(c, "/view", decodeAny(view))
	return c.problems
}

// Characters returns the number of characters of all texts in the blocks: see MaxMessageCharacters.
func (b Blocks) Characters() int {
	n := 0
	var count func(v any)
	count = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				count(x)
			}
		case map[string]any:
			for k, x := range v {
				if s, ok := x.(string); ok && k == "text" {
					n += utf8.RuneCountInString(s)
				} else {
					count(x)
				}
			}
		}
	}
	count(b.decoded)
	return n
}

func decodeAny(raw json.RawMessage) any {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil // no rule accepts it
	}
	return v
}

func anything(*checker, string, any) {}

func (c *checker) view(_ *checker, at string, v any) {
	kind := oneOf(c.surface)
	common := fields{
		"type": need(kind), "callback_id": may(chars(0, 255)), "private_metadata": may(chars(0, 3000)),
		"external_id": may(chars(0, 255)),
		"blocks": need(func(c *checker, at string, v any) {
			c.blocks(at, v, maxViewBlocks)
		}),
	}
	if c.surface == "modal" {
		common["title"] = need(plain(24))
		common["submit"] = may(plain(24))
		common["close"] = may(plain(24))
		common["clear_on_close"] = may(boolean)
		common["notify_on_close"] = may(boolean)
	}
	object(common)(c, at, v)
	c.oneFocus(at, v)
	m, _ := v.(map[string]any)
	hasInput := slices.ContainsFunc(list(m["blocks"]), func(b any) bool {
		block, _ := b.(map[string]any)
		return str(block["type"]) == "input"
	})
	if c.surface == "modal" && hasInput && m["submit"] == nil {
		c.fail(at, "missing required field: submit")
	}
}

// oneFocus requires that at most one element of a view has focus_on_load.
func (c *checker) oneFocus(at string, v any) {
	seen := 0
	var look func(at string, v any)
	look = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for i, x := range v {
				look(at+"/"+strconv.Itoa(i), x)
			}
		case map[string]any:
			if v["focus_on_load"] == true {
				if seen++; seen > 1 {
					c.fail(at+"/focus_on_load", "only one element can have focus_on_load set to true")
				}
			}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				look(at+"/"+name, v[name])
			}
		}
	}
	look(at, v)
}

// blocks checks every block, the uniqueness of their ids, and the limits that they share.
func (c *checker) blocks(at string, v any, most int) {
	items(0, most, (*checker).block)(c, at, v)
	blockIDs := map[string]bool{}
	markdown, tables := 0, 0
	for i, b := range list(v) {
		m, ok := b.(map[string]any)
		if !ok {
			continue
		}
		here := at + "/" + strconv.Itoa(i)
		if id := str(m["block_id"]); id != "" {
			if blockIDs[id] {
				c.fail(here+"/block_id", "`block_id` %q already exists", id)
			}
			blockIDs[id] = true
		}
		c.uniqueActions(here, m)
		switch str(m["type"]) {
		case "markdown":
			markdown += utf8.RuneCountInString(str(m["text"]))
		case "table":
			tables++
		}
	}
	if markdown > maxMarkdownCharacters {
		c.fail(at, "must be less than %d characters in all markdown blocks", maxMarkdownCharacters+1)
	}
	if tables > 1 {
		c.fail(at, "only_one_table_allowed")
	}
}

// uniqueActions requires that the action_ids of a block differ.
func (c *checker) uniqueActions(at string, block map[string]any) {
	seen := map[string]bool{}
	name := "elements"
	if str(block["type"]) == "card" {
		name = "actions"
	}
	for i, e := range list(block[name]) {
		m, _ := e.(map[string]any)
		id := str(m["action_id"])
		if id == "" {
			continue
		}
		if seen[id] {
			c.fail(
				at+"/"+name+"/"+strconv.Itoa(i)+"/action_id", "`action_id` %q already exists for block_id %q", id,
				str(block["block_id"]),
			)
		}
		seen[id] = true
	}
}

func (c *checker) block(at string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must provide an object")
		return
	}
	kind := str(m["type"])
	rule, known := blockRules[kind]
	switch {
	case kind == "":
		c.fail(at, "missing required field: type")
	case !known || c.rules.RefuseNew && slices.Contains(newBlocks, kind),
		len(rule.only) > 0 && !slices.Contains(rule.only, c.surface):
		c.fail(at+"/type", "unsupported type: %s", kind)
	default:
		rule.check(c, at, v)
	}
}

// blockRule is the rule of a block, and the surfaces that accept it; none means all.
type blockRule struct {
	check check
	only  []string
}

func block(f fields, only ...string) blockRule {
	f["block_id"] = may(chars(0, 255))
	return blockRule{check: object(f), only: only}
}

// anyBlock accepts a block with any fields.
func anyBlock(only ...string) blockRule { return blockRule{check: anything, only: only} }

// blockRules has the rules of blocks by type. The limits are from https://docs.slack.dev/reference/block-kit/blocks.
var blockRules = map[string]blockRule{
	"divider": block(fields{}),
	"header":  block(fields{"text": need(plain(150)), "level": may(integer(1, 4))}),
	"section": {check: allOf(
		block(fields{
			"text": may(anyText(3000)), "fields": may(items(1, 10, anyText(2000))),
			"accessory": may(element(inSection)), "expand": may(boolean),
		}).check,
		func(c *checker, at string, v any) {
			if m, ok := v.(map[string]any); ok && m["text"] == nil && m["fields"] == nil {
				c.fail(at, "missing required field: text")
			}
		})},
	"context": block(fields{"elements": need(items(1, 10, contextElement))}),
	"actions": block(fields{"elements": need(items(1, 25, element(inActions)))}),
	"input": block(fields{
		"label": need(plain(2000)), "element": need(element(inInput)), "hint": may(plain(2000)),
		"optional": may(boolean), "dispatch_action": may(boolean),
	}),
	"image": {check: allOf(block(imageFields(fields{"title": may(plain(2000))})).check, imageSource)},
	"rich_text": block(fields{"elements": need(items(1, 1000, object(fields{
		"elements": need(items(0, 10_000, richTextElement)), "style": may(anything), "indent": may(integer(0, 8)),
		"offset": may(integer(0, 1<<31)), "border": may(integer(0, 1)), "language": may(chars(0, 255)),
	})))}),
	"markdown": block(fields{"text": need(chars(1, maxMarkdownCharacters))}, "message"),
	"table": {
		check: allOf(
			block(fields{"rows": need(rows(1, 100, plainCells)), "column_settings": may(items(0, 20, columnSetting))}).check,
			tableCharacters,
		),
		only: []string{"message"},
	},
	"data_table":         dataTable,
	"data_visualization": block(fields{"title": need(chars(1, 50)), "chart": need(chart)}),
	"card":               cardBlock,
	"alert": block(
		fields{"text": need(anyText(200)), "level": may(oneOf("default", "info", "warning", "error", "success"))}, "modal",
	),
	"context_actions": block(
		fields{"elements": need(items(1, 5, element([]string{"feedback_buttons", "icon_button"})))}, "message",
	),
	"container": containerBlock, "layout": layoutBlock,
	"carousel":  block(fields{"elements": need(items(1, 10, blockOf("card")))}, "message"),
	"plan":      block(fields{"title": need(chars(1, 3000)), "tasks": may(items(0, 50, blockOf("task_card")))}, "message"),
	"task_card": taskCard, "video": videoBlock, "file": anyBlock("message"), "call": anyBlock("message"),
}

// richTextElement checks the type of an inner element of rich text, and the length of a text. It doesn't check the
// elements of sections in a list.
func richTextElement(c *checker, at string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.fail(at, "must provide an object")
		return
	}
	kinds := []string{
		"text", "link", "user", "usergroup", "channel", "emoji", "date", "broadcast", "color", "team",
		"rich_text_section",
	}
	if kind := str(m["type"]); !slices.Contains(kinds, kind) {
		c.fail(at+"/type", "unsupported type: %s", kind)
	} else if kind == "text" {
		chars(1, 40_000)(c, at+"/text", m["text"])
	}
}
