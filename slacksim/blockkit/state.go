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

// State returns the element's entry in state.values, and the same fields of its action, for these values: the text of a
// field, the values of chosen options, a date (2027-01-31), a time (09:30), Unix seconds, or the ids of users, channels
// and files. No values means that the element is empty, which Slack sends as null or as an empty list.
func (e Element) State(values []string) map[string]any {
	out := map[string]any{"type": e.Type}
	one := func(key string) {
		if len(values) > 0 && values[0] != "" {
			out[key] = values[0]
		} else {
			out[key] = nil
		}
	}
	many := func(key string) {
		ids := make([]any, 0, len(values))
		for _, v := range values {
			ids = append(ids, v)
		}
		out[key] = ids
	}
	switch e.Type {
	case "plain_text_input", "number_input", "email_text_input", "url_text_input":
		one("value")
	case "static_select", "external_select", "radio_buttons", "overflow":
		out["selected_option"] = nil
		if len(values) > 0 {
			out["selected_option"] = e.optionJSON(values[0])
		}
	case "multi_static_select", "multi_external_select", "checkboxes":
		chosen := make([]any, 0, len(values))
		for _, v := range values {
			chosen = append(chosen, e.optionJSON(v))
		}
		out["selected_options"] = chosen
	case "users_select":
		one("selected_user")
	case "conversations_select":
		one("selected_conversation")
	case "channels_select":
		one("selected_channel")
	case "multi_users_select":
		many("selected_users")
	case "multi_conversations_select":
		many("selected_conversations")
	case "multi_channels_select":
		many("selected_channels")
	case "datepicker":
		one("selected_date")
	case "timepicker":
		one("selected_time")
	case "datetimepicker":
		out["selected_date_time"] = nil
		if len(values) > 0 {
			out["selected_date_time"] = json.Number(values[0])
		}
	case "rich_text_input":
		out["rich_text_value"] = nil
		if len(values) > 0 {
			out["rich_text_value"] = richText(values[0])
		}
	case "file_input":
		many("files")
	}
	return out
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
	optionValue := func(v any) []string {
		if o, ok := v.(map[string]any); ok {
			return []string{str(o["value"])}
		}
		return nil
	}
	one := func(key string) []string {
		if s := str(m[key]); s != "" {
			return []string{s}
		}
		return nil
	}
	many := func(key string) []string {
		var out []string
		for _, v := range list(m[key]) {
			out = append(out, str(v))
		}
		return out
	}
	switch kind {
	case "plain_text_input", "number_input", "email_text_input", "url_text_input":
		return one("initial_value")
	case "static_select", "external_select", "radio_buttons":
		return optionValue(m["initial_option"])
	case "multi_static_select", "multi_external_select", "checkboxes":
		var out []string
		for _, v := range list(m["initial_options"]) {
			out = append(out, optionValue(v)...)
		}
		return out
	case "users_select":
		return one("initial_user")
	case "conversations_select":
		return one("initial_conversation")
	case "channels_select":
		return one("initial_channel")
	case "multi_users_select":
		return many("initial_users")
	case "multi_conversations_select":
		return many("initial_conversations")
	case "multi_channels_select":
		return many("initial_channels")
	case "datepicker":
		return one("initial_date")
	case "timepicker":
		return one("initial_time")
	case "datetimepicker":
		if n, ok := m["initial_date_time"].(json.Number); ok {
			return []string{n.String()}
		}
	}
	return nil
}

// CheckValues checks the values of a field as Slack's client does when a view is submitted, before anything is sent to
// the app. It returns the sentence that the client shows below the field, or "" if the values are valid.
func (e Element) CheckValues(values []string) string {
	filled := len(values) > 0 && values[0] != ""
	if !filled {
		if e.Optional {
			return ""
		}
		return "Please complete this required field."
	}
	s, n := values[0], utf8.RuneCountInString(values[0])
	switch e.Type {
	case "plain_text_input":
		if e.MinLength > 0 && n < e.MinLength {
			return fmt.Sprintf("Please enter at least %d characters.", e.MinLength)
		}
		if e.MaxLength > 0 && n > e.MaxLength {
			return fmt.Sprintf("Please enter at most %d characters.", e.MaxLength)
		}
	case "number_input":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return "Please enter a valid number."
		}
		if !e.Decimal && strings.ContainsAny(s, ".eE") {
			return "Please enter a whole number."
		}
		if low, err := strconv.ParseFloat(e.MinValue, 64); err == nil && f < low {
			return "Please enter a number greater than or equal to " + e.MinValue + "."
		}
		if high, err := strconv.ParseFloat(e.MaxValue, 64); err == nil && f > high {
			return "Please enter a number less than or equal to " + e.MaxValue + "."
		}
	case "email_text_input":
		if _, err := mail.ParseAddress(s); err != nil {
			return "Please enter a valid email address."
		}
	case "url_text_input":
		if u, err := url.Parse(s); err != nil || u.Scheme == "" || u.Host == "" {
			return "Please enter a valid URL."
		}
	}
	if e.MaxSelected > 0 && len(values) > e.MaxSelected {
		return fmt.Sprintf("Please select at most %d.", e.MaxSelected)
	}
	return ""
}
