package blockkit_test

import (
	"encoding/json"
	"testing"

	"licensebot/slacksim/blockkit"
)

func TestPlainText_AllBlocks(t *testing.T) {
	blocks := `[{"type":"header","text":` + plain("Orders") + `},
		{"type":"table","rows":[[{"type":"raw_text","text":"a"},{"type":"raw_number","value":2}]]},
		{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[
				{"type":"text","text":"see "},{"type":"link","url":"https://example.com"}]},
			{"type":"rich_text_list","elements":[{"type":"rich_text_section","elements":[{"type":"user","user_id":"U1"}]}]}]},
		{"type":"context","elements":[` + plain("x") + `,
			{"type":"image","image_url":"https://example.com/a.png","alt_text":"logo"}]},
		` + button("") + `]`
	want := "Orders\na | 2\nsee https://example.com\n<@U1>\nx logo"
	if got := blockkit.PlainText(json.RawMessage(blocks)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
