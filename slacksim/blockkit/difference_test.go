package blockkit_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"licensebot/slacksim/blockkit"
)

const (
	image    = `{"type":"image","alt_text":"a","image_url":"https://example.com/a.png"}`
	cardOnly = `{"type":"card","title":{"type":"mrkdwn","text":"a"}}`
	richText = `{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"a"}]}]}`
	task     = `{"type":"task_card","task_id":"1","title":"Look","status":"complete"}`
)

func card(fields string) string { return `{"type":"card"` + fields + `}` }
func container(fields string, children string) string {
	return `{"type":"container"` + fields + `,"child_blocks":` + children + `}`
}

func layout(fields, rows string) string {
	return `{"type":"layout","label":"Prices"` + fields + `,"rows":` + rows + `}`
}

func feedback(fields string) string {
	return `{"type":"context_actions","elements":[{"type":"feedback_buttons","action_id":"f"` + fields + `}]}`
}

func icon(fields string) string {
	return `{"type":"context_actions","elements":[{"type":"icon_button","action_id":"i"` + fields + `}]}`
}

// The rules of newer blocks, from the comments of @slack/types 3.2.0, Validate of slack-go 0.35.0 and Slack's
// reference.
func TestValidate_NewerBlocks(t *testing.T) {
	title := `,"title":` + plain("a")
	yes, no := `{"text":`+plain("Good")+`,"value":"y"}`, `{"text":`+plain("Bad")+`,"value":"n"}`
	video := `{"type":"video","video_url":"https://v.example/1","thumbnail_url":"https://v.example/1.png",` +
		`"alt_text":"a","title":`
	for _, c := range []struct{ name, block, want string }{ // want: part of a problem; empty: it is taken
		{"a card with a title", cardOnly, ""},
		{"a card with a hero image", card(`,"hero_image":` + image), ""},
		{"a card with a body", card(`,"body":` + plain("a")), ""},
		{"a card with actions", card(`,"actions":[{"type":"button","text":` + plain("Go") + `}]`), ""},
		{
			"a card with nothing", card(""),
			"must provide at least one of: hero_image, title, body, actions [json-pointer:/blocks/0]",
		},
		{"a card with a subtitle alone", card(`,"subtitle":` + plain("a")), "must provide at least one of"},
		{"a card with an icon alone", card(`,"icon":` + image), "must provide at least one of"},
		{
			"a card with three actions",
			card(`,"actions":` + list(3, `{"type":"button","action_id":"b%d","text":`+plain("Go")+`}`)), "",
		},
		{
			"a card with four actions",
			card(`,"actions":` + list(4, `{"type":"button","action_id":"b%d","text":`+plain("Go")+`}`)),
			"no more than 3 items allowed [json-pointer:/blocks/0/actions]",
		},
		{
			"a card with one action twice",
			card(`,"actions":` + list(2, `{"type":"button","action_id":"b","text":`+plain("Go")+`}`)), "already exists",
		},
		{"a carousel", `{"type":"carousel","elements":[` + cardOnly + `]}`, ""},
		{"a carousel of ten", `{"type":"carousel","elements":` + list(10, cardOnly) + `}`, ""},
		{
			"a carousel of none", `{"type":"carousel","elements":[]}`,
			"no less than 1 items required [json-pointer:/blocks/0/elements]",
		},
		{
			"a carousel of eleven", `{"type":"carousel","elements":` + list(11, cardOnly) + `}`,
			"no more than 10 items allowed [json-pointer:/blocks/0/elements]",
		},
		{
			"a carousel of dividers", `{"type":"carousel","elements":[{"type":"divider"}]}`,
			"unsupported type: divider [json-pointer:/blocks/0/elements/0/type]",
		},
		{"a carousel of an empty card", `{"type":"carousel","elements":[{"type":"card"}]}`, "must provide at least one of"},
		{"a container", container(title, `[{"type":"divider"}]`), ""},
		{"a container with a rich title", container(`,"rich_text_title":`+richText, `[{"type":"divider"}]`), ""},
		{
			"a container without a title", container("", `[{"type":"divider"}]`),
			"must provide at least one of: title, rich_text_title",
		},
		{
			"a container of none", container(title, `[]`), "no less than 1 items required [json-pointer:/blocks/0/child_blocks]",
		},
		{
			"a container of eleven", container(title, list(11, `{"type":"divider"}`)),
			"no more than 10 items allowed [json-pointer:/blocks/0/child_blocks]",
		},
		{
			"a container in a container", container(title, `[`+container(title, `[{"type":"divider"}]`)+`]`),
			"unsupported type: container",
		},
		{
			"a container with a wrong child", container(title, `[{"type":"header","text":"a"}]`),
			"must provide an object [json-pointer:/blocks/0/child_blocks/0/text]",
		},
		{
			"a container that begins closed and cannot open",
			container(title+`,"default_collapsed":true`, `[{"type":"divider"}]`), "requires is_collapsible to be true",
		},
		{
			"a container in another width", container(title+`,"width":"huge"`, `[{"type":"divider"}]`),
			"value must be one of the following: narrow, standard, wide, full",
		},
		{"a plan", `{"type":"plan","title":"Plan","tasks":[` + task + `]}`, ""},
		{"a plan without a title", `{"type":"plan","tasks":[` + task + `]}`, "missing required field: title"},
		{"a plan of dividers", `{"type":"plan","title":"Plan","tasks":[{"type":"divider"}]}`, "unsupported type: divider"},
		{"a task", task, ""},
		{
			"a task with everything",
			`{"type":"task_card","task_id":"1","title":"a","status":"error",` +
				`"details":` + richText + `,"output":` + richText + `,"sources":[{"type":"url","url":"https://a.example/",` +
				`"text":"a"}]}`,
			"",
		},
		{"a task without an id", `{"type":"task_card","title":"a","status":"complete"}`, "missing required field: task_id"},
		{
			"a task in another state", `{"type":"task_card","task_id":"1","title":"a","status":"done"}`,
			"value must be one of the following: pending, in_progress, complete, error",
		},
		{
			"a task with plain details",
			`{"type":"task_card","task_id":"1","title":"a","status":"complete","details":` + plain("a") + `}`,
			"unsupported type: plain_text",
		},
		{"a video", video + plain("a") + `}`, ""},
		{"a video with a title of 201", video + plain(x(201)) + `}`, "must be less than 201 characters"},
		{
			"a video without https", strings.Replace(video, "https://v", "http://v", 1) + plain("a") + `}`,
			"must provide an HTTPS URL [json-pointer:/blocks/0/video_url]",
		},
		{
			"a video without an alt text",
			`{"type":"video","video_url":"https://v.example/1","thumbnail_url":"https://v.example/1.png","title":` + plain("a") +
				`}`,
			"missing required field: alt_text",
		},
		{
			"a video with an author of 51", video + plain("a") + `,"author_name":"` + x(51) + `"}`,
			"must be less than 51 characters",
		},
		{"a layout", layout("", `[{"items":[{"block":{"type":"divider"}}]}]`), ""},
		{
			"a layout without a label", `{"type":"layout","rows":[{"items":[{"block":{"type":"divider"}}]}]}`,
			"missing required field: label",
		},
		{
			"a layout of six rows", layout("", list(6, `{"items":[{"block":{"type":"divider"}}]}`)),
			"no more than 5 items allowed [json-pointer:/blocks/0/rows]",
		},
		{
			"a layout row of four", layout("", `[{"items":`+list(4, `{"block":{"type":"divider"}}`)+`}]`),
			"no more than 3 items allowed",
		},
		{"a layout in a layout", layout("", `[{"items":[{"block":`+layout("", `[]`)+`}]}]`), "unsupported type: layout"},
		{
			"a layout with other lines", layout(`,"grid_lines":"all"`, `[{"items":[{"block":{"type":"divider"}}]}]`),
			"value must be one of the following: none, rows, outer",
		},
		{"an icon button", icon(`,"icon":"trash","text":` + plain("Delete")), ""},
		{"an icon button without an icon", icon(`,"text":` + plain("Delete")), "missing required field: icon"},
		{"an icon button without a text", icon(`,"icon":"trash"`), "missing required field: text"},
		{
			"an icon button with a label of 76",
			icon(`,"icon":"trash","text":` + plain("a") + `,"accessibility_label":"` + x(76) + `"`),
			"must be less than 76 characters",
		},
		{"feedback buttons", feedback(`,"positive_button":` + yes + `,"negative_button":` + no), ""},
		{"feedback without a no", feedback(`,"positive_button":` + yes), "missing required field: negative_button"},
		{
			"feedback without a value",
			feedback(`,"positive_button":` + yes + `,"negative_button":{"text":` + plain("Bad") + `}`),
			"missing required field: value",
		},
		{"a number in a table", `{"type":"table","rows":[[{"type":"raw_number","value":1,"text":"1"}]]}`, ""},
		{
			"a number without its text", `{"type":"table","rows":[[{"type":"raw_number","value":1}]]}`,
			"missing required field: text",
		},
		{
			"a number with an empty text", `{"type":"table","rows":[[{"type":"raw_number","value":1,"text":""}]]}`,
			"must be more than 0 characters",
		},
		{
			"a button in a plain table",
			`{"type":"table","rows":[[{"type":"action_cell","element":{"type":"button","text":` + plain("Go") + `}}]]}`,
			"unsupported type: action_cell [json-pointer:/blocks/0/rows/0/0/type]",
		},
		{"an image by a file's id", `{"type":"image","alt_text":"a","slack_file":{"id":"F1"}}`, ""},
		{
			"an image by a file's URL", `{"type":"image","alt_text":"a","slack_file":{"url":"https://files.slack.com/a.png"}}`,
			"",
		},
		{
			"an image by both", `{"type":"image","alt_text":"a","slack_file":{"id":"F1","url":"https://files.slack.com/a.png"}}`,
			"must provide exactly one of id and url",
		},
		{"an image by neither", `{"type":"image","alt_text":"a","slack_file":{}}`, "must provide exactly one of id and url"},
		{
			"a menu of conversations with a filter",
			section(`,"accessory":{"type":"conversations_select","filter":{"include":["im"]}}`), "",
		},
		{
			"a menu of conversations with an empty filter", section(`,"accessory":{"type":"conversations_select","filter":{}}`),
			"must have at least one of include, exclude_external_shared_channels, exclude_bot_users",
		},
		{
			"several conversations with an empty filter",
			section(`,"accessory":{"type":"multi_conversations_select","filter":{}}`), "must have at least one of",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, blockkit.Validate(json.RawMessage("["+c.block+"]"), blockkit.Rules{}), c.want)
		})
	}
}

func TestValidateView_NewerRules(t *testing.T) {
	view := func(blocks string) string {
		return `{"type":"modal","title":` + plain("T") + `,"submit":` + plain("S") + `,"blocks":` + blocks + `}`
	}
	focus := func(n int) string {
		return list(n, field(`{"type":"plain_text_input","action_id":"a%d","focus_on_load":true}`))
	}
	for _, c := range []struct{ name, view, want string }{
		{"an alert of 200", view(`[{"type":"alert","text":` + plain(x(200)) + `}]`), ""},
		{"an alert of 201", view(`[{"type":"alert","text":` + plain(x(201)) + `}]`), "must be less than 201 characters"},
		{"one field with the focus", view(focus(1)), ""},
		{"two fields with the focus", view(focus(2)), "only one element can have focus_on_load"},
		{"a second one that does not want it", view(strings.Replace(focus(2), "true", "false", 1)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, blockkit.ValidateView(json.RawMessage(c.view), "modal", blockkit.Rules{}), c.want)
		})
	}
}

// Where Slack's sources differ, the looser rule holds by default, and the stricter one with Rules.Strict.
func TestValidate_Strict_Differences(t *testing.T) {
	confirm := button(`,"confirm":{"text":` + plain("a") + `}`)
	value := func(n int) string {
		return section(`,"accessory":{"type":"static_select","options":[{"text":` + plain("a") + `,"value":"` + x(n) + `"}]}`)
	}
	segments := func(n int) string {
		return `{"type":"data_visualization","title":"t","chart":{"type":"pie","segments":` +
			list(n, `{"label":"a%d","value":1}`) + `}}`
	}
	series := func(n int) string {
		return `{"type":"data_visualization","title":"t","chart":{"type":"bar","series":` + list(
			n, `{"name":"s%d","data":[{"label":"a","value":1}]}`,
		) + `,"axis_config":{"categories":["a"]}}}`
	}
	rows := func(n int) string {
		return `{"type":"data_table","caption":"c","rows":` + list(n, `[{"type":"raw_text","text":"h"}]`) + `}`
	}
	untold := `{"type":"task_card","task_id":"1","title":"a"}`
	divided := container(`,"title":`+plain("a")+`,"is_collapsible":true,"has_header_divider":true`, `[{"type":"divider"}]`)
	for _, c := range []struct {
		name          string
		block         string
		strict, loose bool
	}{
		{"6 segments", segments(6), true, true},
		{"7 segments", segments(7), false, true},
		{"12 segments", segments(12), false, true},
		{"13 segments", segments(13), false, false},
		{"6 series", series(6), true, true},
		{"7 series", series(7), false, true},
		{"12 series", series(12), false, true},
		{"13 series", series(13), false, false},
		{"101 rows", rows(101), true, true},
		{"102 rows", rows(102), false, true},
		{"201 rows", rows(201), false, true},
		{"202 rows", rows(202), false, false},
		{"a value of 75", value(75), true, true},
		{"a value of 76", value(76), false, true},
		{"a value of 150", value(150), false, true},
		{"a value of 151", value(151), false, false},
		{"a confirm dialog without a title", confirm, false, true},
		{"a task without a state", untold, false, true},
		{"a line under a header that can close", divided, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for strict, taken := range map[bool]bool{true: c.strict, false: c.loose} {
				problems := blockkit.Validate(json.RawMessage("["+c.block+"]"), blockkit.Rules{Strict: strict})
				if (len(problems) == 0) != taken {
					t.Errorf("strict %v: got %v, want problems: %v", strict, problems, !taken)
				}
			}
		})
	}
}

// docs/blockkit.md has the differences as a table.
func TestDifferences_Documented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/blockkit.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range blockkit.Differences() {
		row := "| " + strings.Join([]string{d.Rule, d.Strict, d.StrictBy, d.Loose, d.LooseBy}, " | ") + " |"
		if !strings.Contains(string(doc), row+"\n") {
			t.Errorf("docs/blockkit.md: got no such row, want\n%s", row)
		}
	}
}

func expect(t *testing.T, problems []blockkit.Problem, want string) {
	t.Helper()
	all := ""
	for _, p := range problems {
		all += p.String() + "\n"
	}
	if want == "" && all != "" || want != "" && !strings.Contains(all, want) {
		t.Errorf("problems: got %q, want %q", all, want)
	}
}
