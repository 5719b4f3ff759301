package bot_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// Lists and licenses: what a button names that is not there is not there, and nothing breaks.
func TestHandler_ShowPage_ForgedButtons(t *testing.T) {
	cases := []struct{ action, value, says string }{
		{"list_page", `{"f":"active","p":-5}`, "1 active license"},
		{"list_page", `{"f":"active","p":9223372036854775807}`, "1 active license"},
		{"list_page", `{"f":"<!channel>","p":1}`, "1 active license"},
		{"list_page", `nonsense`, "1 active license"},
		{"license_show", `nonsense`, "This button has expired"},
		{"license_show", `{"id":"../get-license"}`, "CoCalc doesn't know a license with that id"},
		{"license_show:x", `{"id":"` + someLicense + `","from":{"f":"x","p":-1}}`, "License " + someLicense},
		{"license_again", "x", "CoCalc doesn't know a license with that id"},
		{"history_page", "-1", "$0.00 spent"},
		{"history_page", "9223372036854775807", "$0.00 spent"},
		{"history_page", "99999999999999999999999999", "$0.00 spent"},
		{"history_page", "x", "$0.00 spent"},
		{"order_steal", string(aliceOrder), "This button has expired"},
		{"", "", "This button has expired"},
		{"item_take_out", "-1", "Nothing was removed"},
		{"item_take_out", "1e3", "Nothing was removed"},
		{"refund_requested", "", "Nothing was changed"},
		{"refund_requested", "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e", "Nothing was changed"},
		{"refund_requested", "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e -7", "Nothing was changed"},
	}
	c := newFilledHandlerEnv(t)
	before, _ := c.state()
	for _, s := range cases {
		t.Run(s.action+" "+s.value, func(t *testing.T) {
			c.t = t
			click := payload("UALICE", "T1", "CMATH", s.action, s.value)
			if said := c.answer(c.handler.Action(context.Background(), click)); !strings.Contains(said, s.says) {
				t.Errorf("got %q, want %q in it", said, s.says)
			}
		})
	}
	if after, _ := c.state(); after != before {
		t.Errorf("got the ledger %s; want %s", after, before)
	}
}

// Another license like one of the account's is proposed to anyone who may buy, and to no one else.
func TestHandler_RepeatLicense_Rights(t *testing.T) {
	c := newHandlerEnv(t)
	ask := func(who, team string) string {
		return c.answer(c.handler.Action(context.Background(), payload(who, team, "CMATH", "license_again", someLicense)))
	}
	for _, who := range []string{"UGUEST", "UROBOT", "UELSE", ""} {
		if said := ask(who, "T1"); !refusalWords[purchase.Outsider].MatchString(said) {
			t.Errorf("%q: got %q, want a match of %s", who, said, refusalWords[purchase.Outsider])
		}
		if last := c.lastEvent(); last.Kind != "refused" || last.Note != string(purchase.Outsider) {
			t.Errorf("%q: last audit record: got %+v, want %q with the note %q", who, last, "refused", purchase.Outsider)
		}
	}
	if said := ask("UBOB", "T1"); !strings.Contains(said, "You won't be charged until you click Buy") {
		t.Errorf("bob's answer: got %q, want %q in it", said, "You won't be charged until you click Buy")
	}
	if last := c.lastEvent(); last.Kind != string(purchase.Proposed) || last.By != "UBOB" {
		t.Errorf("last audit record: got %+v, want %q by %q", last, purchase.Proposed, "UBOB")
	}
}

// A price in a form that is not what the bot made is not computed, and harms no one.
func TestHandler_Submission_BrokenForm(t *testing.T) {
	c := newHandlerEnv(t)
	cb := payload("UALICE", "T1", "", "input", "8")
	cb.View.CallbackID = "license_editor"
	if said := c.answer(c.handler.Action(context.Background(), cb)); said != "" {
		t.Errorf("got %q, want no answer", said)
	}
	empty := slack.InteractionCallback{View: slack.View{CallbackID: "license_editor", PrivateMetadata: "{}"}}
	if reply := c.handler.Submission(context.Background(), empty); reply.Payload == nil {
		t.Errorf("form without fields: got payload %v, want one", reply.Payload)
	}
}

// A new button that names an order is tried with forged ones too.
func TestHandler_Action_ForgedOrderButtons(t *testing.T) {
	tried := map[string]bool{}
	for _, b := range buttons {
		tried[b.action] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("got files %v (error %v), want at least one", files, err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`action\w+\s*=\s*"(order_\w+)"`).FindAllSubmatch(text, -1) {
			found++
			if !tried[string(m[1])] {
				t.Errorf("%s: got the button %s, want it among those tried with forged orders", file, m[1])
			}
		}
	}
	if found < len(buttons) {
		t.Errorf("buttons of orders: got %d, want at least %d", found, len(buttons))
	}
}

// A card that is too old is refused by its own time, also when no one has ended it yet.
func TestHandler_Action_OldCard(t *testing.T) {
	c := newFilledHandlerEnv(t)
	c.now = c.now.Add(30 * time.Minute)
	before, _ := c.state()
	said := c.answer(c.handler.Action(context.Background(), payload("UALICE", "T1", "CMATH", "order_buy",
		string(aliceOrder))))
	if after, _ := c.state(); !strings.Contains(said, "This card has expired. Its price of ") ||
		c.lastEvent().Note != string(purchase.TooLate) || after != before &&
		c.orders()[aliceOrder].State != purchase.Proposed {
		t.Errorf("got %q and the record %+v, want an expired card and %s", said, c.lastEvent(), purchase.TooLate)
	}
}

// What a click decides is in the ledger when Action returns, which is before it is acknowledged.
func TestHandler_Action_DurableBeforeAnswer(t *testing.T) {
	c := newFilledHandlerEnv(t)
	for action, want := range map[string]purchase.State{
		"order_buy":    purchase.Approved,
		"order_cancel": purchase.Cancelled,
	} {
		c.put(aliceOrder, "UALICE", nil)
		c.handler.Action(context.Background(), payload("UALICE", "T1", "CMATH", action, string(aliceOrder)))
		if got := c.orders()[aliceOrder].State; got != want {
			t.Errorf("%s: got %s when the click is answered, want %v", action, got, want)
		}
	}
}

// What people write does not become a mention or a link in what they are told is wrong with it.
func TestMistakesMessage_Escaped(t *testing.T) {
	c := newHandlerEnv(t)
	said := c.answer(
		c.handler.Command(context.Background(), slack.SlashCommand{
			UserID: "UALICE", TeamID: "T1", ChannelID: "CMATH",
			Text: "buy ram=<!channel>  cpu=<@U1>",
		}))
	if strings.Contains(said, "<!") || strings.Contains(said, "<@") || said == "" {
		t.Errorf("got %q, want an answer without %q and %q", said, "<!", "<@")
	}
	if err := c.desk.SetPaused(context.Background(), purchase.Action{Actor: purchase.Actor{ID: "UDANA"}, Typed: true},
		true, "<!channel> see <https://evil.example|this>"); err != nil {
		t.Fatal(err)
	}
	said = c.answer(
		c.handler.Command(context.Background(), slack.SlashCommand{
			UserID: "UALICE", TeamID: "T1", ChannelID: "CMATH",
			Text: "buy ram=16 cpu=2",
		}))
	if strings.Contains(said, "<") || !strings.Contains(said, "&lt;!channel&gt;") {
		t.Errorf("got %q, want an answer without %q, with %q", said, "<", "&lt;!channel&gt;")
	}
}
