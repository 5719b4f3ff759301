package blockkit

import (
	"encoding/json"
	"strings"
)

// PlainText returns what people read in blocks, one text on each line. Fields of sections and cells of tables are
// included (the cells of a row on one line, separated by " | "); buttons, menus and the values of fields are not. The
// texts are as the app sent them: markup and escapes (&amp;, <@U1>) are not resolved.
func PlainText(blocks json.RawMessage) string {
	var lines []string
	add := func(s string) {
		if s != "" {
			lines = append(lines, s)
		}
	}
	for _, b := range decodeBlocks(blocks) {
		switch str(b["type"]) {
		case "header", "alert", "markdown":
			add(text(b["text"]))
		case "section":
			add(text(b["text"]))
			for _, f := range list(b["fields"]) {
				add(text(f))
			}
		case "context":
			var parts []string
			for _, e := range list(b["elements"]) {
				if m, ok := e.(map[string]any); ok {
					if t := text(m); t != "" {
						parts = append(parts, t)
					} else {
						parts = append(parts, str(m["alt_text"]))
					}
				}
			}
			add(strings.Join(parts, " "))
		case "image", "video":
			add(text(b["title"]))
			add(str(b["alt_text"]))
		case "input":
			add(text(b["label"]))
			add(text(b["hint"]))
		case "rich_text":
			add(richTextString(b["elements"]))
		case "card":
			for _, key := range []string{"title", "subtitle", "body", "subtext"} {
				add(text(b[key]))
			}
		case "table", "data_table":
			add(text(b["caption"]))
			for _, row := range list(b["rows"]) {
				var cells []string
				for _, c := range list(row) {
					cells = append(cells, cellString(c))
				}
				add(strings.Join(cells, " | "))
			}
		case "data_visualization":
			add(text(b["title"]))
		}
	}
	return strings.Join(lines, "\n")
}

func cellString(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	switch str(m["type"]) {
	case "raw_number":
		if t := str(m["text"]); t != "" {
			return t
		}
		if n, ok := m["value"].(json.Number); ok {
			return n.String()
		}
	case "rich_text":
		return richTextString(m["elements"])
	case "action_cell":
		if e, ok := m["element"].(map[string]any); ok {
			return text(e["text"])
		}
	}
	return str(m["text"])
}

func richTextString(elements any) string {
	var sb strings.Builder
	for _, e := range list(elements) {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		switch str(m["type"]) {
		case "text":
			sb.WriteString(str(m["text"]))
		case "link":
			if t := str(m["text"]); t != "" {
				sb.WriteString(t)
			} else {
				sb.WriteString(str(m["url"]))
			}
		case "user":
			sb.WriteString("<@" + str(m["user_id"]) + ">")
		case "channel":
			sb.WriteString("<#" + str(m["channel_id"]) + ">")
		case "emoji":
			sb.WriteString(":" + str(m["name"]) + ":")
		case "date":
			sb.WriteString(str(m["fallback"]))
		default:
			if sb.Len() > 0 {
				sb.WriteString("\n")
			}
			sb.WriteString(richTextString(m["elements"]))
		}
	}
	return sb.String()
}
