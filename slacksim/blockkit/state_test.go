package blockkit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"licensebot/slacksim/blockkit"
)

// only is the one element of a block.
func only(t *testing.T, block string) blockkit.Element {
	t.Helper()
	elements := blockkit.Elements(json.RawMessage("[" + block + "]"))
	if len(elements) != 1 {
		t.Fatalf("got %d elements, want 1", len(elements))
	}
	return elements[0]
}

func TestElement_State_AsSlackSends(t *testing.T) {
	options := `"options":` + list(2, option)
	tests := []struct {
		name, element string
		values        []string
		want          string
	}{
		{"text", `{"type":"plain_text_input"}`, []string{"hi"}, `{"type":"plain_text_input","value":"hi"}`},
		{"no text", `{"type":"plain_text_input"}`, nil, `{"type":"plain_text_input","value":null}`},
		{"a number", `{"type":"number_input"}`, []string{"3"}, `{"type":"number_input","value":"3"}`},
		{
			"a choice", `{"type":"static_select",` + options + `}`,
			[]string{"a1"},
			`{"selected_option":{"text":{"text":"A1","type":"plain_text"},"value":"a1"},"type":"static_select"}`,
		},
		{"no choice", `{"type":"static_select",` + options + `}`, nil, `{"selected_option":null,"type":"static_select"}`},
		{
			"several choices", `{"type":"checkboxes",` + options + `}`,
			[]string{"a0"},
			`{"selected_options":[{"text":{"text":"A0","type":"plain_text"},"value":"a0"}],"type":"checkboxes"}`,
		},
		{"none of several", `{"type":"checkboxes",` + options + `}`, nil, `{"selected_options":[],"type":"checkboxes"}`},
		{"a person", `{"type":"users_select"}`, []string{"U1"}, `{"selected_user":"U1","type":"users_select"}`},
		{
			"people", `{"type":"multi_users_select"}`,
			[]string{"U1", "U2"},
			`{"selected_users":["U1","U2"],"type":"multi_users_select"}`,
		},
		{"a channel", `{"type":"channels_select"}`, []string{"C1"}, `{"selected_channel":"C1","type":"channels_select"}`},
		{
			"a conversation", `{"type":"conversations_select"}`,
			[]string{"C1"},
			`{"selected_conversation":"C1","type":"conversations_select"}`,
		},
		{"a day", `{"type":"datepicker"}`, []string{"2027-01-31"}, `{"selected_date":"2027-01-31","type":"datepicker"}`},
		{
			"a moment", `{"type":"datetimepicker"}`,
			[]string{"1800000000"},
			`{"selected_date_time":1800000000,"type":"datetimepicker"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(only(t, field(tt.element)).State(tt.values))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s (error %v), want %s", got, err, tt.want)
			}
		})
	}
}

func TestElement_CheckValues_Sentences(t *testing.T) {
	optional := func(element string) string {
		return strings.Replace(field(element), `"label"`, `"optional":true,"label"`, 1)
	}
	tests := []struct {
		name, block string
		value       string
		want        string
	}{
		{"nothing in a required field", field(`{"type":"plain_text_input"}`), "", "required"},
		{"nothing in an optional field", optional(`{"type":"plain_text_input"}`), "", ""},
		{
			"ten characters of at most ten, in more bytes", field(`{"type":"plain_text_input","max_length":10}`), "ääääääääää",
			"",
		},
		{"too long", field(`{"type":"plain_text_input","max_length":3}`), "four", "at most 3"},
		{"too short", field(`{"type":"plain_text_input","min_length":3}`), "ab", "at least 3"},
		{"no number", field(`{"type":"number_input","is_decimal_allowed":false}`), "two", "valid number"},
		{"a fraction", field(`{"type":"number_input","is_decimal_allowed":false}`), "1.5", "whole"},
		{"a fraction where allowed", field(`{"type":"number_input","is_decimal_allowed":true}`), "1.5", ""},
		{"too small", field(`{"type":"number_input","is_decimal_allowed":false,"min_value":"1"}`), "0", "1"},
		{"too large", field(`{"type":"number_input","is_decimal_allowed":false,"max_value":"16"}`), "17", "16"},
		{"no address", field(`{"type":"email_text_input"}`), "alice", "email"},
		{"no URL", field(`{"type":"url_text_input"}`), "example", "URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var values []string
			if tt.value != "" {
				values = []string{tt.value}
			}
			got := only(t, tt.block).CheckValues(values)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
