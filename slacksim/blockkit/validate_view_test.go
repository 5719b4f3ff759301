package blockkit_test

import (
	"encoding/json"
	"testing"

	"github.com/slack-go/slack"

	"licensebot/slacksim/blockkit"
)

func TestValidate_SharedLimits(t *testing.T) {
	table := `{"type":"table","rows":[[{"type":"raw_text","text":"a"}]]}`
	tests := []struct{ name, blocks, want string }{
		{"fifty blocks", list(50, `{"type":"divider"}`), ""},
		{"51 blocks", list(51, `{"type":"divider"}`), "no more than 50 items allowed [json-pointer:/blocks]"},
		{
			"the same block_id twice", list(2, `{"type":"divider","block_id":"b"}`),
			"`block_id` \"b\" already exists [json-pointer:/blocks/1/block_id]",
		},
		{"the same action_id in two blocks is fine", list(2, button(`,"action_id":"a"`)), ""},
		{"two tables", list(2, table), "only_one_table_allowed [json-pointer:/blocks]"},
		{
			"12,002 characters of markdown", list(2, `{"type":"markdown","text":"`+x(6001)+`"}`),
			"must be less than 12001 characters in all markdown blocks [json-pointer:/blocks]",
		},
		{"no array", `{}`, "must provide an array [json-pointer:/blocks]"},
		{"no JSON", `[`, "must provide an array [json-pointer:/blocks]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkLast(t, blockkit.Validate(json.RawMessage(tt.blocks), blockkit.Rules{}), tt.want)
		})
	}
}

func TestValidate_RefuseNew(t *testing.T) {
	for kind, block := range map[string]string{
		"markdown": `{"type":"markdown","text":"a"}`,
		"table":    `{"type":"table","rows":[[{"type":"raw_text","text":"a"}]]}`,
		"card":     `{"type":"card","title":` + plain("a") + `}`,
	} {
		raw := json.RawMessage("[" + block + "]")
		checkLast(t, blockkit.Validate(raw, blockkit.Rules{}), "")
		checkLast(
			t, blockkit.Validate(raw, blockkit.Rules{RefuseNew: true}),
			"unsupported type: "+kind+" [json-pointer:/blocks/0/type]",
		)
	}
}

func TestValidateView_Views(t *testing.T) {
	modal := func(fields string) string {
		return `{"type":"modal","title":` + plain("T") + `,"blocks":[]` + fields + `}`
	}
	input := `[` + field(`{"type":"plain_text_input"}`) + `]`
	tests := []struct{ name, kind, view, want string }{
		{
			"a modal", "modal",
			modal(`,"submit":` + plain("Go") + `,"close":` + plain("No") + `,"callback_id":"c","notify_on_close":true`), "",
		},
		{"a home tab", "home", `{"type":"home","blocks":[{"type":"divider"}]}`, ""},
		{"a modal as home tab", "home", modal(""), "value must be one of the following: home [json-pointer:/view/type]"},
		{"no title", "modal", `{"type":"modal","blocks":[]}`, "missing required field: title [json-pointer:/view]"},
		{
			"a title of 25", "modal", `{"type":"modal","blocks":[],"title":` + plain(x(25)) + `}`,
			"must be less than 25 characters [json-pointer:/view/title/text]",
		},
		{
			"a submit of 25", "modal", modal(`,"submit":` + plain(x(25))),
			"must be less than 25 characters [json-pointer:/view/submit/text]",
		},
		{
			"metadata of 3,001", "modal", modal(`,"private_metadata":"` + x(3001) + `"`),
			"must be less than 3001 characters [json-pointer:/view/private_metadata]",
		},
		{
			"a callback_id of 256", "modal", modal(`,"callback_id":"` + x(256) + `"`),
			"must be less than 256 characters [json-pointer:/view/callback_id]",
		},
		{
			"inputs without a submit", "modal", `{"type":"modal","title":` + plain("T") + `,"blocks":` + input + `}`,
			"missing required field: submit [json-pointer:/view]",
		},
		{"an unknown field", "modal", modal(`,"colour":"red"`), "invalid additional property: colour [json-pointer:/view]"},
		{
			"101 blocks", "modal",
			`{"type":"modal","title":` + plain("T") + `,"blocks":` + list(101, `{"type":"divider"}`) + `}`,
			"no more than 100 items allowed [json-pointer:/view/blocks]",
		},
		{
			"markdown, which is for messages", "modal",
			`{"type":"modal","title":` + plain("T") + `,"blocks":[{"type":"markdown","text":"a"}]}`,
			"unsupported type: markdown [json-pointer:/view/blocks/0/type]",
		},
		{
			"an alert", "modal",
			`{"type":"modal","title":` + plain("T") + `,"blocks":[{"type":"alert","text":` + plain("a") +
				`,"level":"warning"}]}`,
			"",
		},
		{"no object", "modal", `[]`, "must provide an object [json-pointer:/view]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkLast(t, blockkit.ValidateView(json.RawMessage(tt.view), tt.kind, blockkit.Rules{}), tt.want)
		})
	}
}

// Blocks from slack-go are valid: otherwise the rules are too strict.
func TestValidate_SlackGo(t *testing.T) {
	pt := func(s string) *slack.TextBlockObject { return slack.NewTextBlockObject("plain_text", s, true, false) }
	md := slack.NewTextBlockObject("mrkdwn", "*a*", false, false)
	opt := slack.NewOptionBlockObject("v", pt("V"), nil)
	confirm := slack.NewConfirmationBlockObject(pt("Sure?"), md, pt("Yes"), pt("No"))
	number := slack.NewNumberInputBlockElement(pt("n"), "n", false)
	number.MinValue, number.MaxValue = "1", "16"
	buy := slack.NewButtonBlockElement("buy", "v", pt("Buy")).WithStyle(slack.StylePrimary).WithConfirm(confirm)
	table := slack.NewDataTableBlock("Orders").WithPageSize(10).
		AddRow(slack.NewDataTableRawTextCell("Order"), slack.NewDataTableRawTextCell("Price")).
		AddRow(slack.NewDataTableRawTextCell("1"), slack.NewDataTableRawNumberCell(63.75).WithText("$63.75"))
	blocks := []slack.Block{
		slack.NewHeaderBlock(pt("H")),
		slack.NewSectionBlock(
			md, []*slack.TextBlockObject{md, pt("f")}, slack.NewAccessory(slack.NewOverflowBlockElement("o", opt)),
		),
		slack.NewDividerBlock(),
		slack.NewContextBlock("", md, slack.NewImageBlockElement("https://example.com/a.png", "a")),
		slack.NewActionBlock("", buy, slack.NewOptionsSelectBlockElement("static_select", pt("p"), "s", opt),
			slack.NewDatePickerBlockElement("d"), slack.NewCheckboxGroupsBlockElement("c", opt),
			slack.NewOptionsMultiSelectBlockElement("multi_users_select", pt("p"), "m")),
		slack.NewInputBlock("i1", pt("L"), pt("hint"), number),
		slack.NewInputBlock("i2", pt("L"), nil, slack.NewPlainTextInputBlockElement(pt("p"), "t").WithMaxLength(10)),
		slack.NewInputBlock("i3", pt("L"), nil, slack.NewRadioButtonsBlockElement("r", opt)),
		slack.NewMarkdownBlock("", "**a**"),
		slack.NewTableBlock("").AddRow(slack.NewTableRawTextCell("a")),
		table,
		slack.NewDataVisualizationBlock("Spent", slack.NewDataVisualizationBarChart(
			slack.NewDataVisualizationAxisConfig("Jan"),
			slack.NewDataVisualizationDataSeries("a", slack.NewDataVisualizationDataPoint("Jan", 2)))),
		slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement("a", nil))),
	}
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	if problems := blockkit.Validate(raw, blockkit.Rules{}); len(problems) > 0 {
		t.Errorf("got %v, want no problems with\n%s", problems, raw)
	}
	filled, err := blockkit.FillIDs(raw, func() string { return "new" })
	if err != nil {
		t.Fatal(err)
	}
	var back slack.Blocks
	if err := json.Unmarshal(filled, &back); err != nil || len(back.BlockSet) != len(blocks) {
		t.Errorf("blocks read by slack-go: got %d (error %v), want %d", len(back.BlockSet), err, len(blocks))
	}
	if len(blockkit.Elements(filled)) != 9 {
		t.Errorf("elements: got %d, want 9", len(blockkit.Elements(filled)))
	}
	for _, e := range blockkit.Elements(filled) {
		if e.ActionID == "" || e.BlockID == "" {
			t.Errorf("got %+v, want both ids", e)
		}
	}
}

// No JSON makes the rules panic, and JSON that they accept can be stored and read.
func FuzzValidate(f *testing.F) {
	f.Add(`[{"type":"section","text":{"type":"mrkdwn","text":"a"},"accessory":{"type":"overflow","options":[null]}}]`)
	f.Add(`[{"type":"data_table","caption":"c","rows":[[1],[null]]}]`)
	f.Add(`[{"type":"input","label":1,"element":{"type":"static_select","option_groups":[{"options":[{}]}],` +
		`"initial_option":{}}}]`)
	f.Add(`[{"type":"data_visualization","title":"t","chart":{"type":"line","series":[{"data":[1]}],` +
		`"axis_config":{"categories":[null]}}}]`)
	f.Add(`[null,{"type":"actions","elements":[{"type":"button","confirm":[]}]}]`)
	f.Fuzz(func(t *testing.T, s string) {
		raw := json.RawMessage(s)
		blockkit.ValidateView(raw, "modal", blockkit.Rules{})
		for _, e := range blockkit.Elements(raw) {
			e.State([]string{"1"})
			e.CheckValues(e.Initial)
		}
		blockkit.PlainText(raw)
		if len(blockkit.Validate(raw, blockkit.Rules{})) > 0 {
			return
		}
		filled, err := blockkit.FillIDs(raw, func() string { return "id" })
		if err != nil {
			t.Fatal(err)
		}
		if filled != nil && !json.Valid(filled) {
			t.Errorf("got %s, want JSON", filled)
		}
	})
}
