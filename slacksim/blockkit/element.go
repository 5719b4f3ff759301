package blockkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Element is an element of blocks that a person can use: a button, a menu or a field.
type Element struct {
	BlockID  string
	ActionID string
	Type     string // such as button, overflow, static_select or plain_text_input

	// Label is the text by which people know the element: that of a button, the label of the input block around a field,
	// or else the placeholder.
	Label       string
	Placeholder string
	Hint        string // of the input block

	Value   string   // of a button: its action carries it
	URL     string   // of a button: it also opens this address
	Style   string   // "", primary or danger
	Confirm *Confirm // the confirm dialog, or nil
	Options []Option // of all option groups, in order

	// Input is true in an input block: the element is sent with the view's submission, and at once only if Dispatches.
	Input bool
	// Optional is true in an input block that may stay empty.
	Optional bool
	// Dispatches is true if the use of the element is sent at once: outside of input blocks, and with dispatch_action.
	Dispatches bool

	Multiline            bool
	MinLength, MaxLength int    // in characters; 0 means no limit
	Decimal              bool   // of a number_input: it accepts decimals
	MinValue, MaxValue   string // of a number_input, as sent; empty means no limit
	MaxSelected          int    // of a menu for several options; 0 means no limit

	// Initial are the values before a person uses the element: see State.
	Initial []string

	// Raw is the JSON of the element. Its numbers are json.Number.
	Raw map[string]any
}

// Option is an option of a menu, an overflow menu, radio buttons or checkboxes.
type Option struct {
	Text        string
	Value       string
	Description string
	URL         string // of an overflow menu: the option also opens this address
	Group       string // label of its option group
	Raw         map[string]any
}

// Confirm is the dialog that Slack shows before it sends an action.
type Confirm struct {
	Title, Text string
	Confirm     string // text of the button that accepts; "Yes" if the app gives none
	Deny        string // text of the button that declines; "Cancel" if the app gives none
	Style       string // "", primary or danger
}

// Elements returns the elements of blocks that a person can use, in reading order. It returns nil if blocks is not a
// JSON array of blocks.
func Elements(blocks json.RawMessage) []Element {
	var out []Element
	for _, block := range decodeBlocks(blocks) {
		id := str(block["block_id"])
		add := func(v any) {
			if m, ok := v.(map[string]any); ok {
				if e, ok := newElement(id, m); ok {
					out = append(out, e)
				}
			}
		}
		switch str(block["type"]) {
		case "section":
			add(block["accessory"])
		case "actions", "context_actions":
			for _, v := range list(block["elements"]) {
				add(v)
			}
		case "card":
			for _, v := range list(block["actions"]) {
				add(v)
			}
		case "data_table":
			for _, row := range list(block["rows"]) {
				for _, cell := range list(row) {
					if m, ok := cell.(map[string]any); ok && str(m["type"]) == "action_cell" {
						add(m["element"])
					}
				}
			}
		case "input":
			n := len(out)
			add(block["element"])
			if len(out) > n {
				e := &out[n]
				e.Input = true
				e.Label = text(block["label"])
				e.Hint = text(block["hint"])
				e.Optional, _ = block["optional"].(bool)
				e.Dispatches, _ = block["dispatch_action"].(bool)
			}
		}
	}
	return out
}

// decodeBlocks decodes a JSON array of blocks. It returns nil if blocks is anything else.
func decodeBlocks(blocks json.RawMessage) []map[string]any {
	if len(blocks) == 0 {
		return nil
	}
	var out []map[string]any
	dec := json.NewDecoder(strings.NewReader(string(blocks)))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		return nil
	}
	return out
}

// interactive has the types of elements that a person can use. An image is not one of them.
var interactive = map[string]bool{
	"button": true, "overflow": true, "workflow_button": true, "icon_button": true, "feedback_buttons": true,
	"static_select": true, "external_select": true, "users_select": true, "conversations_select": true,
	"channels_select":     true,
	"multi_static_select": true, "multi_external_select": true, "multi_users_select": true,
	"multi_conversations_select": true, "multi_channels_select": true,
	"radio_buttons": true, "checkboxes": true, "datepicker": true, "timepicker": true, "datetimepicker": true,
	"plain_text_input": true, "number_input": true, "email_text_input": true, "url_text_input": true,
	"rich_text_input": true, "file_input": true,
}

func newElement(blockID string, m map[string]any) (Element, bool) {
	kind := str(m["type"])
	if !interactive[kind] {
		return Element{}, false
	}
	e := Element{
		BlockID: blockID, ActionID: str(m["action_id"]), Type: kind, Raw: m, Dispatches: true,
		Placeholder: text(m["placeholder"]), Value: str(m["value"]), URL: str(m["url"]), Style: str(m["style"]),
		MinLength: whole(m["min_length"]), MaxLength: whole(m["max_length"]), MaxSelected: whole(m["max_selected_items"]),
		MinValue: str(m["min_value"]), MaxValue: str(m["max_value"]),
	}
	e.Multiline, _ = m["multiline"].(bool)
	e.Decimal, _ = m["is_decimal_allowed"].(bool)
	e.Label = text(m["text"])
	if e.Label == "" {
		e.Label = e.Placeholder
	}
	if c, ok := m["confirm"].(map[string]any); ok {
		e.Confirm = &Confirm{
			Title: text(c["title"]), Text: text(c["text"]), Confirm: text(c["confirm"]), Deny: text(c["deny"]),
			Style: str(c["style"]),
		}
		// Slack's defaults.
		if e.Confirm.Confirm == "" {
			e.Confirm.Confirm = "Yes"
		}
		if e.Confirm.Deny == "" {
			e.Confirm.Deny = "Cancel"
		}
	}
	e.Options = options(m["options"], "")
	for _, g := range list(m["option_groups"]) {
		if g, ok := g.(map[string]any); ok {
			e.Options = append(e.Options, options(g["options"], text(g["label"]))...)
		}
	}
	e.Initial = initial(kind, m)
	return e, true
}

func options(v any, group string) []Option {
	var out []Option
	for _, o := range list(v) {
		if m, ok := o.(map[string]any); ok {
			out = append(out, Option{
				Text: text(m["text"]), Value: str(m["value"]), Description: text(m["description"]),
				URL: str(m["url"]), Group: group, Raw: m,
			})
		}
	}
	return out
}

// Option finds an option by its value, or else by its text.
func (e Element) Option(what string) (Option, bool) {
	for _, o := range e.Options {
		if o.Value == what {
			return o, true
		}
	}
	for _, o := range e.Options {
		if o.Text == what {
			return o, true
		}
	}
	return Option{}, false
}

// ErrNotFound is the error for an element or option that is not there.
var ErrNotFound = errors.New("no such element")

// Find finds an element by its label, action_id or block_id, in this order, among those for which accept returns true
// (nil: among all). The error is ErrNotFound, and lists the labels that are there.
func Find(elements []Element, what string, accept func(Element) bool) (Element, error) {
	var there []string
	for _, by := range []func(Element) string{
		func(e Element) string { return e.Label },
		func(e Element) string { return e.ActionID },
		func(e Element) string { return e.BlockID },
	} {
		there = there[:0]
		for _, e := range elements {
			if accept != nil && !accept(e) {
				continue
			}
			there = append(there, fmt.Sprintf("%q", e.Label))
			if by(e) == what {
				return e, nil
			}
		}
	}
	return Element{}, fmt.Errorf("%w: %q; there is: %s", ErrNotFound, what, strings.Join(there, ", "))
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func whole(v any) int {
	n, ok := v.(json.Number)
	if !ok {
		return 0
	}
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return int(i)
}

// text returns the text of a text object, or a string as it is.
func text(v any) string {
	if m, ok := v.(map[string]any); ok {
		return str(m["text"])
	}
	return str(v)
}
