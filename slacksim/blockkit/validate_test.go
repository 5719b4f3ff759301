package blockkit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"licensebot/slacksim/blockkit"
)

func x(n int) string { return strings.Repeat("x", n) }

// list repeats a JSON value n times; %d in it becomes the index.
func list(n int, item string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = strings.ReplaceAll(item, "%d", fmt.Sprint(i))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func plain(s string) string { return `{"type":"plain_text","text":"` + s + `"}` }
func button(fields string) string {
	return `{"type":"actions","elements":[{"type":"button","text":` + plain("Go") + fields + `}]}`
}

func field(element string) string {
	return `{"type":"input","label":` + plain("L") + `,"element":` + element + `}`
}

func section(fields string) string {
	return `{"type":"section","text":` + plain("hi") + fields + `}`
}

const option = `{"text":{"type":"plain_text","text":"A%d"},"value":"a%d"}`

func TestValidate_Blocks(t *testing.T) {
	// want is the last problem, which is the innermost one. Empty: the block is valid.
	tests := []struct{ name, block, want string }{
		{"a section", section(""), ""},
		{
			"a section of 3,000 characters that are more bytes",
			`{"type":"section","text":` + plain(strings.Repeat("ä", 3000)) + `}`, "",
		},
		{
			"a section of 3,001 characters", `{"type":"section","text":` + plain(x(3001)) + `}`,
			"must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
		},
		{"a section with nothing", `{"type":"section"}`, "missing required field: text [json-pointer:/blocks/0]"},
		{
			"a section with an empty text", `{"type":"section","text":` + plain("") + `}`,
			"must be more than 0 characters [json-pointer:/blocks/0/text/text]",
		},
		{
			"a section with a text that is no object", `{"type":"section","text":"hi"}`,
			"must provide an object [json-pointer:/blocks/0/text]",
		},
		{"a section with fields alone", `{"type":"section","fields":[` + plain("a") + `]}`, ""},
		{
			"eleven fields", section(`,"fields":` + list(11, plain("a"))),
			"no more than 10 items allowed [json-pointer:/blocks/0/fields]",
		},
		{
			"a field of 2,001 characters", section(`,"fields":[` + plain(x(2001)) + `]`),
			"must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
		},
		{
			"emoji on mrkdwn", `{"type":"section","text":{"type":"mrkdwn","text":"a","emoji":true}}`,
			"invalid additional property: emoji [json-pointer:/blocks/0/text]",
		},
		{
			"verbatim on plain_text", `{"type":"section","text":{"type":"plain_text","text":"a","verbatim":true}}`,
			"invalid additional property: verbatim [json-pointer:/blocks/0/text]",
		},
		{"an unknown field", section(`,"colour":"red"`), "invalid additional property: colour [json-pointer:/blocks/0]"},
		{
			"an unknown accessory", section(`,"accessory":{"type":"slider"}`),
			"unsupported type: slider [json-pointer:/blocks/0/accessory/type]",
		},
		{
			"a text field as accessory", section(`,"accessory":{"type":"plain_text_input","action_id":"a"}`),
			"unsupported type: plain_text_input [json-pointer:/blocks/0/accessory/type]",
		},
		{
			"a block_id of 256 characters", section(`,"block_id":"` + x(256) + `"`),
			"must be less than 256 characters [json-pointer:/blocks/0/block_id]",
		},
		{"a header", `{"type":"header","text":` + plain("hi") + `}`, ""},
		{
			"a header in mrkdwn", `{"type":"header","text":{"type":"mrkdwn","text":"a"}}`,
			"value must be one of the following: plain_text [json-pointer:/blocks/0/text/type]",
		},
		{
			"a header of 151 characters", `{"type":"header","text":` + plain(x(151)) + `}`,
			"must be less than 151 characters [json-pointer:/blocks/0/text/text]",
		},
		{"a divider", `{"type":"divider"}`, ""},
		{"a context of ten", `{"type":"context","elements":` + list(10, plain("a")) + `}`, ""},
		{
			"a context of eleven", `{"type":"context","elements":` + list(11, plain("a")) + `}`,
			"no more than 10 items allowed [json-pointer:/blocks/0/elements]",
		},
		{
			"a context with a button", `{"type":"context","elements":[{"type":"button","text":` + plain("a") + `}]}`,
			"value must be one of the following: plain_text, mrkdwn [json-pointer:/blocks/0/elements/0/type]",
		},
		{
			"an image without alt_text", `{"type":"image","image_url":"https://example.com/a.png"}`,
			"missing required field: alt_text [json-pointer:/blocks/0]",
		},
		{
			"an image without a source", `{"type":"image","alt_text":"a"}`,
			"missing required field: image_url [json-pointer:/blocks/0]",
		},
		{"a button", button(`,"action_id":"a","value":"v","style":"primary"`), ""},
		{
			"a button in another style", button(`,"style":"default"`),
			"value must be one of the following: primary, danger [json-pointer:/blocks/0/elements/0/style]",
		},
		{
			"a button with a text of 76", `{"type":"actions","elements":[{"type":"button","text":` + plain(x(76)) + `}]}`,
			"must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
		},
		{
			"a button with a value of 2,001", button(`,"value":"` + x(2001) + `"`),
			"must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
		},
		{
			"a button with half a URL", button(`,"url":"cocalc.com"`),
			"must provide a valid URL [json-pointer:/blocks/0/elements/0/url]",
		},
		{
			"a button with an action_id of 256", button(`,"action_id":"` + x(256) + `"`),
			"must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
		},
		{
			"a confirm dialog",
			button(`,"confirm":{"title":` + plain("Sure?") + `,"text":` + plain("a") + `,"confirm":` + plain("Yes") +
				`,"deny":` + plain("No") + `}`),
			"",
		},
		{
			"a confirm title of 101", button(`,"confirm":{"title":` + plain(x(101)) + `,"text":` + plain("a") + `}`),
			"must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
		},
		{
			"a confirm text of 301", button(`,"confirm":{"title":` + plain("a") + `,"text":` + plain(x(301)) + `}`),
			"must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
		},
		{
			"a confirm button of 31",
			button(`,"confirm":{"title":` + plain("a") + `,"text":` + plain("a") + `,"confirm":` + plain(x(31)) + `}`),
			"must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/confirm/text]",
		},
		{
			"26 buttons", `{"type":"actions","elements":` + list(26, `{"type":"button","text":`+plain("a")+`}`) + `}`,
			"no more than 25 items allowed [json-pointer:/blocks/0/elements]",
		},
		{"no button", `{"type":"actions","elements":[]}`, "no less than 1 items required [json-pointer:/blocks/0/elements]"},
		{
			"the same action_id twice",
			`{"type":"actions","block_id":"b","elements":` + list(
				2, `{"type":"button","action_id":"same","text":`+plain("a")+`}`,
			) + `}`,
			"`action_id` \"same\" already exists for block_id \"b\" [json-pointer:/blocks/0/elements/1/action_id]",
		},
		{"a menu of 100", field(`{"type":"static_select","options":` + list(100, option) + `}`), ""},
		{
			"a menu of 101", field(`{"type":"static_select","options":` + list(101, option) + `}`),
			"no more than 100 items allowed [json-pointer:/blocks/0/element/options]",
		},
		{
			"a menu without options", field(`{"type":"static_select"}`),
			"missing required field: options [json-pointer:/blocks/0/element]",
		},
		{
			"an initial option that is none",
			field(`{"type":"static_select","options":` + list(2, option) + `,"initial_option":{"text":` + plain("B") +
				`,"value":"b"}}`),
			"initial option must exactly match one of the options [json-pointer:/blocks/0/element/initial_option]",
		},
		{
			"an option text of 76", field(`{"type":"static_select","options":[{"text":` + plain(x(76)) + `,"value":"a"}]}`),
			"must be less than 76 characters [json-pointer:/blocks/0/element/options/0/text/text]",
		},
		{
			"an option value of 151",
			field(`{"type":"static_select","options":[{"text":` + plain("a") + `,"value":"` + x(151) + `"}]}`),
			"must be less than 151 characters [json-pointer:/blocks/0/element/options/0/value]",
		},
		{
			"mrkdwn in a menu", field(`{"type":"static_select","options":[{"text":{"type":"mrkdwn","text":"a"},"value":"a"}]}`),
			"value must be one of the following: plain_text [json-pointer:/blocks/0/element/options/0/text/type]",
		},
		{
			"mrkdwn beside a checkbox",
			field(`{"type":"checkboxes","options":[{"text":{"type":"mrkdwn","text":"a"},"value":"a"}]}`), "",
		},
		{
			"eleven checkboxes", field(`{"type":"checkboxes","options":` + list(11, option) + `}`),
			"no more than 10 items allowed [json-pointer:/blocks/0/element/options]",
		},
		{
			"an overflow menu of six", section(`,"accessory":{"type":"overflow","options":` + list(6, option) + `}`),
			"no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
		},
		{"a date", field(`{"type":"datepicker","initial_date":"2027-01-31"}`), ""},
		{
			"no date", field(`{"type":"datepicker","initial_date":"31.1.2027"}`),
			"must provide a date in the format YYYY-MM-DD [json-pointer:/blocks/0/element/initial_date]",
		},
		{
			"a number field",
			field(`{"type":"number_input","is_decimal_allowed":false,"min_value":"1","max_value":"16","initial_value":"2"}`), "",
		},
		{
			"a number field that says nothing of decimals", field(`{"type":"number_input"}`),
			"missing required field: is_decimal_allowed [json-pointer:/blocks/0/element]",
		},
		{
			"a number field with numbers that are not strings",
			field(`{"type":"number_input","is_decimal_allowed":false,"min_value":1}`),
			"must provide a number in a string [json-pointer:/blocks/0/element/min_value]",
		},
		{
			"an initial number out of bounds",
			field(`{"type":"number_input","is_decimal_allowed":false,"max_value":"16","initial_value":"17"}`),
			"must be between min_value and max_value [json-pointer:/blocks/0/element/initial_value]",
		},
		{
			"a text field with bounds the wrong way round", field(`{"type":"plain_text_input","min_length":5,"max_length":3}`),
			"must be less than or equal to max_length [json-pointer:/blocks/0/element/min_length]",
		},
		{
			"a button in an input block", field(`{"type":"button","text":` + plain("a") + `}`),
			"unsupported type: button [json-pointer:/blocks/0/element/type]",
		},
		{
			"an input block without a label", `{"type":"input","element":{"type":"plain_text_input"}}`,
			"missing required field: label [json-pointer:/blocks/0]",
		},
		{
			"a file field in a message", field(`{"type":"file_input"}`),
			"unsupported type: file_input [json-pointer:/blocks/0/element/type]",
		},
		{"markdown", `{"type":"markdown","text":"**hi**"}`, ""},
		{
			"markdown of 12,001", `{"type":"markdown","text":"` + x(12001) + `"}`,
			"must be less than 12001 characters in all markdown blocks [json-pointer:/blocks]",
		},
		{
			"an alert, which is for modals", `{"type":"alert","text":` + plain("a") + `}`,
			"unsupported type: alert [json-pointer:/blocks/0/type]",
		},
		{
			"rich text",
			`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"hi",` +
				`"style":{"bold":true}}]}]}`,
			"",
		},
		{
			"rich text with an unknown part",
			`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"blink"}]}]}`,
			"unsupported type: blink [json-pointer:/blocks/0/elements/0/elements/0/type]",
		},
		{
			"a table", `{"type":"table","rows":[[{"type":"raw_text","text":"a"}]],"column_settings":[null,{"align":"right"}]}`,
			"",
		},
		{
			"a table with rows of different lengths",
			`{"type":"table","rows":[[{"type":"raw_text","text":"a"}],[{"type":"raw_text","text":"a"},{"type":"raw_text",` +
				`"text":"b"}]]}`,
			"must have the same number of cells as the other rows [json-pointer:/blocks/0/rows/1]",
		},
		{
			"a data table",
			`{"type":"data_table","caption":"c","page_size":5,"rows":[[{"type":"raw_text","text":"h"}],[{"type":"raw_number",` +
				`"value":1.5,"text":"$1.50"}]]}`,
			"",
		},
		{
			"a data table with nothing but a header",
			`{"type":"data_table","caption":"c","rows":[[{"type":"raw_text","text":"h"}]]}`,
			"no less than 2 items required [json-pointer:/blocks/0/rows]",
		},
		{
			"a data table with a number as header",
			`{"type":"data_table","caption":"c","rows":[[{"type":"raw_number","value":1}],[{"type":"raw_text","text":"a"}]]}`,
			"value must be one of the following: raw_text [json-pointer:/blocks/0/rows/0/0/type]",
		},
		{
			"a data table without a caption",
			`{"type":"data_table","rows":[[{"type":"raw_text","text":"h"}],[{"type":"raw_text","text":"a"}]]}`,
			"missing required field: caption [json-pointer:/blocks/0]",
		},
		{
			"a data table with pages of 101",
			`{"type":"data_table","caption":"c","page_size":101,"rows":[[{"type":"raw_text","text":"h"}],[{"type":"raw_text",` +
				`"text":"a"}]]}`,
			"must be less than or equal to 100 [json-pointer:/blocks/0/page_size]",
		},
		{
			"a data table of 202 rows",
			`{"type":"data_table","caption":"c","rows":` + list(202, `[{"type":"raw_text","text":"h"}]`) + `}`,
			"no more than 201 items allowed [json-pointer:/blocks/0/rows]",
		},
		{
			"a data table of 10,001 characters",
			`{"type":"data_table","caption":"c","rows":[[{"type":"raw_text","text":"h"}],[{"type":"raw_text","text":"` +
				x(10_000) + `"}]]}`,
			"must be less than 10001 characters [json-pointer:/blocks/0/rows]",
		},
		{
			"a pie", `{"type":"data_visualization","title":"t","chart":{"type":"pie","segments":[{"label":"a","value":1}]}}`, "",
		},
		{
			"a pie of thirteen",
			`{"type":"data_visualization","title":"t","chart":{"type":"pie","segments":` + list(13, `{"label":"a","value":1}`) +
				`}}`,
			"no more than 12 items allowed [json-pointer:/blocks/0/chart/segments]",
		},
		{
			"a piece of nothing",
			`{"type":"data_visualization","title":"t","chart":{"type":"pie","segments":[{"label":"a","value":0}]}}`,
			"must be greater than 0 [json-pointer:/blocks/0/chart/segments/0/value]",
		},
		{
			"a label of 21",
			`{"type":"data_visualization","title":"t","chart":{"type":"pie","segments":[{"label":"` + x(21) + `","value":1}]}}`,
			"must be less than 21 characters [json-pointer:/blocks/0/chart/segments/0/label]",
		},
		{
			"bars",
			`{"type":"data_visualization","title":"t","chart":{"type":"bar","series":[{"name":"s","data":[{"label":"a",` +
				`"value":-1}]}],"axis_config":{"categories":["a"]}}}`,
			"",
		},
		{
			"bars that miss a category",
			`{"type":"data_visualization","title":"t","chart":{"type":"bar","series":[{"name":"s","data":[{"label":"a",` +
				`"value":1}]}],"axis_config":{"categories":["a","b"]}}}`,
			"must have exactly one point for every category [json-pointer:/blocks/0/chart/series/0/data]",
		},
		{"a block that is no object", `"hi"`, "must provide an object [json-pointer:/blocks/0]"},
		{"a block without a type", `{}`, "missing required field: type [json-pointer:/blocks/0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := json.RawMessage("[" + tt.block + "]")
			if !json.Valid(raw) {
				t.Fatalf("got %s, want JSON in the test", raw)
			}
			checkLast(t, blockkit.Validate(raw, blockkit.Rules{}), tt.want)
		})
	}
}

func checkLast(t *testing.T, problems []blockkit.Problem, want string) {
	t.Helper()
	got := ""
	if n := len(problems); n > 0 {
		got = problems[n-1].String()
	}
	if got != want {
		t.Errorf("problems: got %v, want %q last", problems, want)
	}
}
