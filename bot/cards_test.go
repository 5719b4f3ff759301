package bot

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/internal/goldenfile"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/slacksim/blockkit"
)

var at = time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)

// hostile is what someone could write to make a message say what they want.
const hostile = "<!channel> <@U1> *bold* _it_ ~no~ `code` <https://evil.example|CoCalc> :tada: & \n> quote"

// order is one that was proposed; change brings it further.
func order(change func(*purchase.Order)) purchase.Order {
	o := purchase.Order{
		ID: "01JD8Z3V5TQ4X6B7N8M9P0RSTW", Rev: 1, State: purchase.Proposed,
		Requester: purchase.Actor{ID: "UALICE", Name: "alice"}, Channel: purchase.Channel{ID: "CMATH"},
		Spec: purchase.Spec{
			RAM: 16, CPU: 2, Disk: 10, Member: true, Uptime: "medium", User: "business", Period: "monthly", RunLimit: 1,
			Title: hostile, Description: "for the winter school",
		},
		Reason: hostile, Price: 6375, Renews: 6375, Created: at, Updated: at, Expires: at.Add(30 * time.Minute),
	}
	if change != nil {
		change(&o)
	}
	return o
}

func bought(o *purchase.Order) {
	o.State, o.Confirmed, o.ItemID = purchase.Purchased, at, 7
	o.Receipt = &purchase.Receipt{
		LicenseID: "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e", Time: at, Charged: 6375,
		PurchaseID: 9, Expires: at.AddDate(0, 1, 0),
	}
}

// testSite is the CoCalc server of links.
const testSite purchase.Site = "https://cocalc.example"

// Every card that people can meet, as Slack gets it. Look at the differences: they are what people will read.
func TestCard_Golden(t *testing.T) {
	facts := cardFacts{now: at, left: 93625, limited: true}
	cases := []struct {
		name   string
		change func(*purchase.Order)
		facts  cardFacts
	}{
		{"proposed", nil, facts},
		{"proposed-without-budget", nil, cardFacts{now: at}},
		{"proposed-fixed-term", func(o *purchase.Order) {
			o.Spec.Period, o.Spec.End, o.Renews, o.Spec.Title, o.Reason = "range", at.AddDate(0, 0, 90), 0, "", ""
			o.Spec.ProjectID, o.Spec.Boost = "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51", true
		}, facts},
		{"proposed-too-late", nil, cardFacts{now: at.Add(time.Hour)}},
		{"waiting-for-its-turn", func(o *purchase.Order) { o.State = purchase.Approved }, cardFacts{now: at, ahead: 2}},
		{"waiting-for-cocalc", func(o *purchase.Order) {
			o.State, o.Blocked = purchase.Approved, &purchase.Blocked{
				Cause: purchase.Cause{Code: purchase.WaitsForCoCalc},
				Since: at,
			}
		}, facts},
		{"adding", func(o *purchase.Order) { o.State = purchase.Adding }, facts},
		{"paying", func(o *purchase.Order) { o.State = purchase.Paying }, facts},
		{"unknown", func(o *purchase.Order) {
			o.State = purchase.Unknown
			o.Unresolved = &purchase.Unresolved{
				Cause: purchase.Cause{Code: purchase.HeldAnswerLost}, Since: at,
				Until: at.Add(10 * time.Minute),
			}
		}, facts},
		{"bought", bought, facts},
		{"bought-for-less", func(o *purchase.Order) { bought(o); o.Receipt.Charged = 6000 }, facts},
		{"bought-but-the-channel-is-closed", func(o *purchase.Order) {
			bought(o)
			o.SetMessage(purchase.Message{Kind: purchase.MessageLine, Problem: "not_in_channel"})
		}, facts},
		{"bought-twice", func(o *purchase.Order) {
			bought(o)
			o.Receipt.Duplicates = []purchase.DuplicatePurchase{{
				PurchaseID: 10, LicenseID: "aaaaaaaa-7b64-4d0a-9c8e-1b2d3f4a5c6e",
				Charged: 6375,
			}}
		}, facts},
		{"failed", func(o *purchase.Order) {
			o.State, o.Failure = purchase.Failed,
				&purchase.Failure{Cause: cause(purchase.FailNoCredit, "missing", "6275", "told", "yes")}
		}, facts},
		{"failed-price-moved", func(o *purchase.Order) {
			o.State, o.Failure = purchase.Failed,
				&purchase.Failure{
					Cause: cause(purchase.FailPriceMoved, "was", "6375", "now", "7013"), NewPrice: 7013,
					Until: at.Add(time.Minute),
				}
		}, facts},
		{"bought-by-the-word-of-an-admin", func(o *purchase.Order) {
			bought(o)
			o.Receipt.Settled = settledBy("dana", "bought", hostile)
		}, facts},
		{"bought-without-a-license-id", func(o *purchase.Order) {
			bought(o)
			o.Receipt.LicenseID, o.Receipt.Expires = "", time.Time{}
			o.Receipt.Settled = settledBy("dana", "bought", "CoCalc's support said so")
		}, facts},
		{"bought-but-the-channel-is-archived", func(o *purchase.Order) {
			bought(o)
			o.SetMessage(purchase.Message{Kind: purchase.MessageLine, Problem: "is_archived"})
		}, facts},
		{"failed-by-the-word-of-an-admin", func(o *purchase.Order) {
			o.State = purchase.Failed
			o.Failure = &purchase.Failure{Cause: *settledBy("dana", "not-bought", hostile)}
		}, facts},
		{"cancelled", func(o *purchase.Order) { o.State = purchase.Cancelled }, facts},
		{"expired", func(o *purchase.Order) { o.State = purchase.Expired }, facts},
		{"denied", func(o *purchase.Order) { o.State = purchase.Denied }, facts},
		{"proposed-to-be-approved", nil, cardFacts{now: at, left: 93625, limited: true, asks: true, needed: 1}},
		{"waiting-for-an-approval", asked, cardFacts{now: at, needed: 1}},
		{"waiting-for-a-second-approval", func(o *purchase.Order) {
			asked(o)
			agreed("UERIN")(o)
		}, cardFacts{now: at, needed: 2}},
		{"denied-by-somebody", deniedBy("UERIN"), facts},
		{"expired-unapproved", func(o *purchase.Order) { asked(o); o.State = purchase.Expired }, facts},
		{
			"bought-with-approvals", func(o *purchase.Order) { asked(o); agreed("UERIN")(o); agreed("UFRANK")(o); bought(o) },
			facts,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.facts.site = testSite
			got := card(order(c.change), c.facts)
			checkGolden(t, "card-"+c.name, got)
			checkHarmless(t, got)
		})
	}
}

func TestPurchaseLine_Golden(t *testing.T) {
	got := purchaseLine(order(bought))
	checkGolden(t, "line", got)
	checkHarmless(t, got)
	checkGolden(t, "line-without-a-license-id",
		purchaseLine(order(func(o *purchase.Order) { bought(o); o.Receipt.LicenseID = "" })))
}

// checkGolden compares a message with testdata, and holds it to Slack's own rules for blocks.
func checkGolden(t *testing.T, name string, c content) {
	t.Helper()
	raw, err := json.Marshal(c.blocks)
	if err != nil {
		t.Fatal(err)
	}
	if complaints := blockkit.Validate(raw, blockkit.Rules{Strict: true}); len(complaints) > 0 {
		t.Errorf("problems by Slack's rules: got %v, want none", complaints)
	}
	if c.text == "" {
		t.Errorf("text for notifications: got %q, want one", c.text)
	}
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string]any{"text": c.text, "blocks": c.blocks}); err != nil {
		t.Fatal(err)
	}
	goldenfile.Compare(t, filepath.Join("testdata", name+".json"), buf.String())
}

// checkHarmless checks that what people wrote stands in plain text only, where nothing becomes a mention, a link or
// format.
func checkHarmless(t *testing.T, c content) {
	t.Helper()
	raw, err := json.Marshal(c.blocks)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if text, _ := v["text"].(string); v["type"] == slack.MarkdownType &&
				(strings.Contains(text, "evil") || strings.Contains(text, "channel>")) {
				t.Errorf("got %q as Markdown, want what people wrote without format", text)
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	var blocks any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		t.Fatal(err)
	}
	walk(blocks)
	if strings.Contains(c.text, "evil") {
		t.Errorf("text for notifications: got %q, want no %q", c.text, "evil")
	}
}

const nothingSold = "This CoCalc server no longer sells licenses. Your purchase history is still here: `/license " +
	"history`."

// sells matches what leads to a license, and what invites to repeat what can't succeed.
var sells = regexp.MustCompile(`(?i)I'll buy|"order_(buy|buy_new_price|edit|again|approve|refresh)"|license_again|` +
	`home_buy|try again|\$(63\.75|70\.13) a month|Buy for`)

// Every card on a server that sells no licenses: it shows where the order stands, and nothing that leads to a license.
func TestCard_Unsold(t *testing.T) {
	facts := cardFacts{now: at, left: 93625, limited: true, unsold: nothingSold}
	failed := func(code purchase.FailureCode, args ...string) func(*purchase.Order) {
		return func(o *purchase.Order) {
			o.State, o.Failure = purchase.Failed, &purchase.Failure{
				Cause: cause(code, args...), NewPrice: 7013,
				Until: at.AddDate(0, 0, 1),
			}
		}
	}
	for name, change := range map[string]func(*purchase.Order){
		"proposed":     nil,
		"expired":      func(o *purchase.Order) { o.State = purchase.Expired },
		"cancelled":    func(o *purchase.Order) { o.State = purchase.Cancelled },
		"denied":       deniedBy("UERIN"),
		"asked":        asked,
		"unknown":      heldOrder,
		"bought":       bought,
		"released":     released,
		"failed":       failed(purchase.FailNotSold, "why", "server", "condition", "sells-memberships"),
		"unreachable":  failed(purchase.FailUnreachable),
		"watched":      failed(purchase.FailSettled, "seconds", "1200"),
		"cart-trouble": failed(purchase.FailCart, "why", "not-added"),
		"price-moved":  failed(purchase.FailPriceMoved, "was", "6375", "now", "7013"),
		"being-bought": func(o *purchase.Order) { o.State = purchase.Paying },
		"for-its-turn": func(o *purchase.Order) { o.State = purchase.Approved },
		"for-another": func(o *purchase.Order) {
			o.State, o.Blocked = purchase.Approved, &purchase.Blocked{Cause: purchase.Cause{Code: purchase.WaitsForCheckout}}
		},
		"held": func(o *purchase.Order) {
			o.State, o.Blocked = purchase.Approved, &purchase.Blocked{Cause: purchase.Cause{Code: purchase.WaitsForServer}}
		},
		"after-restore": failed(purchase.FailRestored),
	} {
		t.Run(name, func(t *testing.T) {
			got := card(order(change), facts)
			checkGolden(t, "unsold-card-"+name, got)
			checkHarmless(t, got)
			checkNoSale(t, got, "asked", name)
		})
	}
	t.Run("approvers", func(t *testing.T) {
		got := approvalCard(order(asked), approvalFacts{now: at, needed: 1, unsold: nothingSold})
		checkGolden(t, "unsold-ask", got)
		checkHarmless(t, got)
		raw, _ := json.Marshal(got.blocks)
		if found := regexp.MustCompile(actionApprove + "|/license approve").Find(raw); found != nil {
			t.Errorf("buttons and commands of approvers: got %s, want none", found)
		}
		if !regexp.MustCompile(actionDeny).Match(raw) {
			t.Error("got no button to deny, want one")
		}
	})
}

// released is an order of unknown outcome that no longer holds the budget.
func released(o *purchase.Order) {
	heldOrder(o)
	o.Released = at.AddDate(0, 0, 7)
}

// checkNoSale fails if the content offers a license. An order that waits for an approval names its price: it is
// reserved.
func checkNoSale(t *testing.T, c content, priced, name string) {
	t.Helper()
	raw, err := json.Marshal(c.blocks)
	if err != nil {
		t.Fatal(err)
	}
	if found := sells.FindString(string(raw)); found != "" && name != priced {
		t.Errorf("got %q, want no offer of a license: %s", found, raw)
	}
}

// What the Home tab and an admin's forms say of orders whose outcome the server can't tell any more.
func TestUnresolvableCard(t *testing.T) {
	stop := purchase.Stoppage{Held: []purchase.Order{order(heldOrder)}}
	for name, c := range map[string]content{
		"home":               {"home", stopBlocks(stop, false, true, nil)},
		"home-for-an-admin":  {"home", stopBlocks(stop, true, true, nil)},
		"order-for-an-admin": {"order", unresolvableEvidence(order(heldOrder))},
		"waiting": {
			"home",
			waitingBlocks([]purchase.Order{order(asked), order(func(o *purchase.Order) { asked(o); o.Requester.ID = "UBOB" })},
				purchase.Actor{ID: "UBOB"}, true, true),
		},
		"settled-as-bought": verdictMessage(order(heldOrder), orders.Decision{
			Kind:    orders.Resolve,
			Verdict: purchase.WasBought,
		}, true),
		"settled-as-not-bought": verdictMessage(order(heldOrder), orders.Decision{
			Kind:    orders.Resolve,
			Verdict: purchase.WasNotBought,
		}, true),
		"settled-released": verdictMessage(order(released), orders.Decision{
			Kind:    orders.Resolve,
			Verdict: purchase.WasNotBought,
		}, true),
	} {
		t.Run(name, func(t *testing.T) {
			checkGolden(t, "unsold-"+name, c)
			checkHarmless(t, c)
			raw, _ := json.Marshal(c.blocks)
			if found := regexp.MustCompile(`(?i)keep checking|when CoCalc shows|until at least|license approve`).
				Find(raw); found != nil {
				t.Errorf("got %q, want no such announcement", found)
			}
		})
	}
	for _, verdict := range []purchase.Verdict{purchase.WasBought, purchase.WasNotBought} {
		view := settleView(order(heldOrder), resolveState{Order: order(nil).ID, Verdict: verdict}, true)
		checkGolden(t, "unsold-settle-"+string(verdict), content{view.Title.Text, view.Blocks.BlockSet})
	}
	view := settleView(order(released), resolveState{Order: order(nil).ID, Verdict: purchase.WasNotBought}, true)
	checkGolden(t, "unsold-settle-released", content{view.Title.Text, view.Blocks.BlockSet})
	raw, err := json.Marshal(unsoldView(nothingSold))
	if err != nil {
		t.Fatal(err)
	}
	if problems := blockkit.ValidateView(raw, "modal", blockkit.Rules{Strict: true}); len(problems) > 0 {
		t.Errorf("problems by Slack's rules: got %v, want none", problems)
	}
}
