package blockkit_test

import (
	"fmt"
	"strings"

	"licensebot/slacksim/blockkit"
)

// A header with a text that is too long for Slack.
func ExampleValidate() {
	blocks := `[{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("x", 151) + `"}}]`
	for _, problem := range blockkit.Validate([]byte(blocks), blockkit.Rules{}) {
		fmt.Println(problem)
	}

	// Output:
	// failed to match all allowed schemas [json-pointer:/blocks/0/text]
	// must be less than 151 characters [json-pointer:/blocks/0/text/text]
}

// The buttons of a message, with their labels and ids.
func ExampleElements() {
	blocks := `[{"type":"actions","block_id":"order","elements":[
		{"type":"button","action_id":"buy","text":{"type":"plain_text","text":"Buy"}},
		{"type":"button","action_id":"cancel","text":{"type":"plain_text","text":"Cancel"}}]}]`
	for _, e := range blockkit.Elements([]byte(blocks)) {
		fmt.Println(e.Type, e.Label, e.BlockID, e.ActionID)
	}

	// Output:
	// button Buy order buy
	// button Cancel order cancel
}
