package page

import (
	"encoding/hex"
	"hash/fnv"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"licensebot/slacksim/blockkit"
)

// control is an element that a person can use, prepared for its template.
type control struct {
	blockkit.Element
	ID      string // in the page, unique
	Caption template.HTML
	// Send is when the script sends a value to the app: now (as soon as it is chosen), typed (while typing), enter (when
	// Enter is pressed), or keep (with the submission; until then it is only stored).
	Send    string
	Values  []string
	Choices []choice
	Asks    *ask
	Error   string
	Hint    template.HTML
	Mode    string // of the on-screen keyboard
}

// choice is one option of a menu, radio buttons or checkboxes.
type choice struct {
	Value, Group string
	Text         template.HTML
	Description  template.HTML
	URL          string
	Chosen       bool
}

// ask is a confirm dialog.
type ask struct {
	ID             string
	Title, Yes, No template.HTML
	Text           template.HTML
	Danger         bool
}

// Value returns the first value, or "".
func (c control) Value() string {
	if len(c.Values) == 0 {
		return ""
	}
	return c.Values[0]
}

// Empty reports whether no value is chosen.
func (c control) Empty() bool { return c.Value() == "" }

// Groups returns the choices by option group, in order.
func (c control) Groups() []group {
	var out []group
	for _, o := range c.Choices {
		if len(out) == 0 || out[len(out)-1].Label != o.Group {
			out = append(out, group{Label: o.Group})
		}
		out[len(out)-1].Choices = append(out[len(out)-1].Choices, o)
	}
	return out
}

type group struct {
	Label   string
	Choices []choice
}

// Chosen returns the choices that are chosen.
func (c control) Chosen() []choice {
	return slices.DeleteFunc(slices.Clone(c.Choices), func(o choice) bool { return !o.Chosen })
}

// Multi reports whether several options can be chosen.
func (c control) Multi() bool { return strings.HasPrefix(c.Type, "multi_") }

// External reports whether the options come from the app while a person types.
func (c control) External() bool { return strings.HasSuffix(c.Type, "external_select") }

// domID makes an id for an HTML element from ids that the app chose.
func domID(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return "x" + hex.EncodeToString(h.Sum(nil))
}

// control prepares an element for its template.
func (s *blockRenderer) control(e blockkit.Element) control {
	c := control{
		Element: e, ID: domID(s.id, e.BlockID, e.ActionID, e.Value), Values: e.Initial, Send: "now", Mode: "text",
		Error: s.errors[e.BlockID], Caption: s.textObject(e.Raw["text"]),
	}
	if !e.Input {
		c.Error = ""
	}
	if !linkable(e.URL) {
		c.URL = ""
	}
	if held, ok := s.inputs[e.BlockID][e.ActionID]; ok {
		c.Values = held
	}
	switch e.Type {
	case "plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input":
		c.Send = "enter"
		if config, ok := e.Raw["dispatch_action_config"].(map[string]any); ok {
			on, _ := config["trigger_actions_on"].([]any)
			if slices.Contains(on, any("on_character_entered")) {
				c.Send = "typed"
			}
		}
	case "datetimepicker":
		// The script converts it to the reader's time zone.
		if n, err := strconv.ParseInt(c.Value(), 10, 64); err == nil {
			c.Placeholder = time.Unix(n, 0).UTC().Format("2006-01-02T15:04")
		}
	}
	if e.Input && !e.Dispatches {
		c.Send = "keep"
	}
	switch e.Type {
	case "number_input":
		c.Mode = "numeric"
		if e.Decimal {
			c.Mode = "decimal"
		}
	case "email_text_input":
		c.Mode = "email"
	case "url_text_input":
		c.Mode = "url"
	}
	c.Choices = s.choices(c)
	c.Asks = s.ask(c)
	return c
}

func (s *blockRenderer) choices(c control) []choice {
	var out []choice
	on := func(v string) bool { return slices.Contains(c.Values, v) }
	switch kind := strings.TrimPrefix(c.Type, "multi_"); kind {
	case "users_select", "channels_select", "conversations_select":
		for _, o := range s.conversations(kind) {
			out = append(out, choice{Value: o.Value, Text: plainText(o.Text, false), Group: o.Group, Chosen: on(o.Value)})
		}
	case "external_select":
		for _, v := range c.Values { // the app suggests others while a person types
			out = append(out, choice{Value: v, Text: plainText(v, false), Chosen: true})
		}
	default:
		for _, o := range c.Options {
			if !linkable(o.URL) {
				o.URL = ""
			}
			out = append(out, choice{
				Value: o.Value, Group: o.Group, Text: s.textObject(o.Raw["text"]), URL: o.URL,
				Description: s.textObject(o.Raw["description"]), Chosen: on(o.Value),
			})
		}
	}
	return out
}

func (s *blockRenderer) ask(c control) *ask {
	if c.Confirm == nil {
		return nil
	}
	raw, _ := c.Raw["confirm"].(map[string]any)
	return &ask{
		ID: c.ID + "-ask", Title: plainText(c.Confirm.Title, true), Text: s.textObject(raw["text"]),
		Yes: plainText(c.Confirm.Confirm, true), No: plainText(c.Confirm.Deny, true), Danger: c.Confirm.Style == "danger",
	}
}

// textObject renders a text object from its JSON.
func (s *blockRenderer) textObject(v any) template.HTML {
	m, _ := v.(map[string]any)
	text, _ := m["text"].(string)
	if m["type"] == "mrkdwn" {
		return Mrkdwn(text, s.names)
	}
	emoji, given := m["emoji"].(bool)
	return plainText(text, emoji || !given)
}
