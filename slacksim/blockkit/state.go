package blockkit

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form is the form of an element's values in its state.
type form int

const (
	textForm     form = iota // one string
	optionForm               // one option
	optionsForm              // a list of options
	idsForm                  // a list of ids
	numberForm               // one number
	richTextForm             // one rich_text block
)

// stateField is the field of an element's state that has its values.
type stateField struct {
	name    string
	form    form
	initial string // the field of the element with its initial values; empty: it has none
}

// stateFields has the fields by the type of the element, from
// https://docs.slack.dev/reference/interaction-payloads/block_actions-payload and Slack's reference of the elements.
var stateFields = map[string]stateField{
	"plain_text_input":           {"value", textForm, "initial_value"},
	"number_input":               {"value", textForm, "initial_value"},
	"email_text_input":           {"value", textForm, "initial_value"},
	"url_text_input":             {"value", textForm, "initial_value"},
	"static_select":              {"selected_option", optionForm, "initial_option"},
	"external_select":            {"selected_option", optionForm, "initial_option"},
	"radio_buttons":              {"selected_option", optionForm, "initial_option"},
	"overflow":                   {"selected_option", optionForm, ""},
	"multi_static_select":        {"selected_options", optionsForm, "initial_options"},
	"multi_external_select":      {"selected_options", optionsForm, "initial_options"},
	"checkboxes":                 {"selected_options", optionsForm, "initial_options"},
	"users_select":               {"selected_user", textForm, "initial_user"},
	"conversations_select":       {"selected_conversation", textForm, "initial_conversation"},
	"channels_select":            {"selected_channel", textForm, "initial_channel"},
	"multi_users_select":         {"selected_users", idsForm, "initial_users"},
	"multi_conversations_select": {"selected_conversations", idsForm, "initial_conversations"},
	"multi_channels_select":      {"selected_channels", idsForm, "initial_channels"},
	"datepicker":                 {"selected_date", textForm, "initial_date"},
	"timepicker":                 {"selected_time", textForm, "initial_time"},
	"datetimepicker":             {"selected_date_time", numberForm, "initial_date_time"},
	"rich_text_input":            {"rich_text_value", richTextForm, ""},
	"file_input":                 {"files", idsForm, ""},
}

// State returns the element's entry in state.values, and the same fields of its action, for these values: the text of a
// field, the values of chosen options, a date (2027-01-31), a time (09:30), Unix seconds, or the ids of users, channels
// and files. No values means that the element is empty, which Slack sends as null or as an empty list.
func (e Element) State(values []string) map[string]any {
	out := map[string]any{"type": e.Type}
	if f, ok := stateFields[e.Type]; ok {
		out[f.name] = e.stateValue(f.form, values)
	}
	return out
}

// stateValue encodes the values in this form: null or an empty list if there are none.
func (e Element) stateValue(form form, values []string) any {
	first := ""
	if len(values) > 0 {
		first = values[0]
	}
	list := make([]any, 0, len(values))
	switch form {
	case idsForm:
		for _, v := range values {
			list = append(list, v)
		}
		return list
	case optionsForm:
		for _, v := range values {
			list = append(list, e.optionJSON(v))
		}
		return list
	case textForm:
		if first != "" {
			return first
		}
	case optionForm:
		if len(values) > 0 {
			return e.optionJSON(first)
		}
	case numberForm:
		if len(values) > 0 {
			return json.Number(first)
		}
	case richTextForm:
		if len(values) > 0 {
			return richText(first)
		}
	}
	return nil
}

// HasState reports whether the element has an entry in state.values. Buttons and overflow menus have none.
func (e Element) HasState() bool {
	switch e.Type {
	case "button", "overflow", "workflow_button", "icon_button", "feedback_buttons":
		return false
	}
	return true
}

// Typed reports whether people enter text, a date or a time, instead of choosing options.
func (e Element) Typed() bool {
	switch e.Type {
	case "plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input",
		"datepicker", "timepicker", "datetimepicker":
		return true
	}
	return false
}

// optionJSON returns the option with this value, as Slack sends it back to the app.
func (e Element) optionJSON(value string) map[string]any {
	if o, ok := e.Option(value); ok {
		return o.Raw
	}
	// The options of an external_select are not in the element: the app suggested them.
	return map[string]any{"text": map[string]any{"type": "plain_text", "text": value, "emoji": true}, "value": value}
}

func richText(s string) map[string]any {
	return map[string]any{"type": "rich_text", "elements": []any{map[string]any{
		"type": "rich_text_section", "elements": []any{map[string]any{"type": "text", "text": s}},
	}}}
}

// initial returns the values that the app gave the element.
func initial(kind string, m map[string]any) []string {
	f := stateFields[kind]
	v, given := m[f.initial]
	if f.initial == "" || !given {
		return nil
	}
	var out []string
	switch f.form {
	case textForm:
		if s := str(v); s != "" {
			out = append(out, s)
		}
	case numberForm:
		if n, ok := v.(json.Number); ok {
			out = append(out, n.String())
		}
	case idsForm:
		for _, id := range list(v) {
			out = append(out, str(id))
		}
	case optionForm:
		out = optionValues([]any{v})
	case optionsForm:
		out = optionValues(list(v))
	case richTextForm: // has no initial values as text
	}
	return out
}

// optionValues returns the values of options.
func optionValues(options []any) []string {
	var out []string
	for _, v := range options {
		if o, ok := v.(map[string]any); ok {
			out = append(out, str(o["value"]))
		}
	}
	return out
}

// CheckValues checks the values of a field as Slack's client does when a view is submitted, before anything is sent to
// the app. It returns the sentence that the client shows below the field, or "" if the values are valid.
func (e Element) CheckValues(values []string) string {
	if len(values) == 0 || values[0] == "" {
		if e.Optional {
			return ""
		}
		return "Please complete this required field."
	}
	problem := ""
	switch e.Type {
	case "plain_text_input":
		problem = e.checkLength(values[0])
	case "number_input":
		problem = e.checkNumber(values[0])
	case "email_text_input":
		if _, err := mail.ParseAddress(values[0]); err != nil {
			problem = "Please enter a valid email address."
		}
	case "url_text_input":
		if u, err := url.Parse(values[0]); err != nil || u.Scheme == "" || u.Host == "" {
			problem = "Please enter a valid URL."
		}
	}
	if problem == "" && e.MaxSelected > 0 && len(values) > e.MaxSelected {
		problem = fmt.Sprintf("Please select at most %d.", e.MaxSelected)
	}
	return problem
}

func (e Element) checkLength(text string) string {
	n := utf8.RuneCountInString(text)
	if e.MinLength > 0 && n < e.MinLength {
		return fmt.Sprintf("Please enter at least %d characters.", e.MinLength)
	}
	if e.MaxLength > 0 && n > e.MaxLength {
		return fmt.Sprintf("Please enter at most %d characters.", e.MaxLength)
	}
	return ""
}

func (e Element) checkNumber(text string) string {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "Please enter a valid number."
	}
	if !e.Decimal && strings.ContainsAny(text, ".eE") {
		return "Please enter a whole number."
	}
	if low, err := strconv.ParseFloat(e.MinValue, 64); err == nil && f < low {
		return "Please enter a number greater than or equal to " + e.MinValue + "."
	}
	if high, err := strconv.ParseFloat(e.MaxValue, 64); err == nil && f > high {
		return "Please enter a number less than or equal to " + e.MaxValue + "."
	}
	return ""
}
