package bot

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/slacksim/blockkit"
)

// heldOrder is one whose checkout was sent and whose outcome is not known.
func heldOrder(o *purchase.Order) {
	o.State, o.Confirmed, o.ItemID, o.CheckoutSent, o.Answer = purchase.Unknown, at, 7, at, purchase.AnswerUnclear
	o.Hold = &purchase.Hold{Cause: purchase.Cause{Code: purchase.HeldAnswerLost}, Since: at, Until: at.Add(10 * time.Minute)}
}

var shows = purchase.Evidence{At: at, Complete: true, Lines: []purchase.Cause{
	{Code: purchase.ShowsItem, Args: purchase.Args{"item": "7", "state": "in-cart"}},
	{Code: purchase.ShowsNoPurchases, Args: purchase.Args{"rows": "4"}},
	{Code: purchase.ShowsNoTagged, Args: purchase.Args{"licenses": "3"}},
}, Account: "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51"}

// What an order of unknown outcome shows: to everybody what is known, to admins also the way to settle it.
func TestHeldOrders(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*purchase.Order)
		admin  bool
	}{
		"order-held":              {heldOrder, false},
		"order-held-for-an-admin": {heldOrder, true},
		"order-held-and-removed": {func(o *purchase.Order) {
			heldOrder(o)
			o.Hold.Removed, o.Hold.Until = at.Add(10*time.Minute), at.Add(20*time.Minute)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := order(c.change)
			got := orderFacts(o, cardFacts{now: at})
			got.blocks = append(got.blocks, evidenceBlocks(o, shows, Reader{Admin: c.admin}, c.admin)...)
			golden(t, name, got)
			harmless(t, got)
		})
	}
}

func TestTheFormThatSettles(t *testing.T) {
	for name, verdict := range map[string]purchase.Verdict{"settle-as-bought": purchase.WasBought, "settle-as-not-bought": purchase.WasNotBought} {
		t.Run(name, func(t *testing.T) {
			o := order(heldOrder)
			view := settleView(o, settling{o.ID, verdict, "CMATH", "math", "https://hooks.slack.com/x"}, false)
			raw, err := json.Marshal(view)
			if err != nil {
				t.Fatal(err)
			}
			if problems := blockkit.ValidateView(raw, "modal", blockkit.Rules{Strict: true}); len(problems) > 0 {
				t.Errorf("Slack would refuse it: %v", problems)
			}
			golden(t, name, content{view.Title.Text + " / " + view.Submit.Text, view.Blocks.BlockSet})
			got := settledWords(o, purchase.Settlement{Verdict: verdict}, false)
			golden(t, name+"-done", got)
		})
	}
}

// Every notice as people get it. What people wrote stands in plain text.
func TestNotices(t *testing.T) {
	const id, license = "01JD8Z3V5TQ4X6B7N8M9P0RSTW", "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	for name, n := range map[string]purchase.Notice{
		"foreign": {Kind: purchase.NoticeForeign, Text: "License `" + license + "` was bought on the CoCalc account on Nov 22, 2026, 9:00 PM UTC for $63.75 (CoCalc purchase 9), but not by me. It doesn't count toward the budget."},
		"unexplained": {Kind: purchase.NoticeUnexplained, Order: id, Text: "License `" + license + "` was bought on the CoCalc account on Nov 22, 2026, 9:00 PM UTC, but I can't explain it. " +
			"It doesn't count toward the budget. Buying is paused until an admin uses `/license resume`."},
		"double-buy": {Kind: purchase.NoticeDoubleBuy, Order: id, Text: "Cart item 7 of order " + id + " was bought 2 times, and CoCalc charged $63.75 too much. " +
			"Ask CoCalc's support for a refund of the extra. Buying is paused until an admin uses `/license resume`."},
		"broken-item":       {Kind: purchase.NoticeBrokenItem, Order: id, Item: 77, Text: "Item 77 in the cart (“" + hostile + "”) is broken and blocks every purchase on the CoCalc account."},
		"head":              {Kind: purchase.NoticeHead, Text: "The ledger on Nov 22, 2026 ends with record 12, `abcdef`. To check later that nothing up to it was changed, run `bot verify --head 12:abcdef`."},
		"paused":            {Kind: purchase.NoticePaused, Text: "dana paused it on Nov 22, 2026, 9:00 PM UTC. Reason: “" + hostile + "”. Nothing new will be bought until an admin uses `/license resume`."},
		"resumed":           {Kind: purchase.NoticeResumed, Text: "dana resumed buying. Reason: “" + hostile + "”."},
		"settled":           {Kind: purchase.NoticeSettled, Order: id, Text: "CoCalc didn't confirm order `" + id + "` for $63.75. dana marked it as bought. Reason: “" + hostile + "”."},
		"restored":          {Kind: purchase.NoticeRestored, Text: "The ledger was restored from a backup that ends with record 12 (Nov 22, 2026, 9:00 PM UTC). I compared it with CoCalc's purchases since then."},
		"reminder":          {Kind: purchase.NoticeReminder, Order: id, Text: hostile + " has been waiting for approval since Nov 22, 2026, 9:00 PM UTC: 16 GB RAM for $63.75. The request expires on Nov 25, 2026, 9:00 PM UTC."},
		"books":             {Kind: purchase.NoticeBooks, Text: "The ledger contradicts itself. Look into it before you use `/license resume`."},
		"untold":            {Kind: purchase.NoticeUntold, Order: id, Text: "A message for admins wasn't delivered: the user group S0BOSSES is empty. The message: Item 77 in the cart (“" + hostile + "”) is broken."},
		"server":            {Kind: purchase.NoticeServer, Text: "The CoCalc server at `COCALC_URL` (https://cocalc.example) redirects to " + hostile + ": it has moved.\nThere, an API key can't buy anything."},
		"server-back":       {Kind: purchase.NoticeServerBack, Text: "Orders continue."},
		"released":          {Kind: purchase.NoticeReleased, Order: id, Text: "CoCalc can't tell any more whether order `" + id + "` for $63.75 was bought. A week has passed, so it no longer counts as reserved."},
		"of-a-kind-to-come": {Kind: "something-new", Text: "Something happened."},
	} {
		t.Run(name, func(t *testing.T) {
			got := notice(n)
			golden(t, "notice-"+name, got)
			harmless(t, got)
		})
	}
}

// What the Home tab says while nothing is bought.
func TestWhatTheHomeTabSaysOfAStop(t *testing.T) {
	stop := purchase.Stop{Pause: &purchase.Pause{Since: at, By: "UDANA", Reason: hostile}, Held: []purchase.Order{order(heldOrder)}}
	for name, c := range map[string]struct {
		stop  purchase.Stop
		admin bool
	}{
		"home-stopped": {stop, false}, "home-stopped-for-an-admin": {stop, true},
		"home-restored": {purchase.Stop{Restored: &purchase.Restore{At: at}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := content{"home", stopBlocks(c.stop, c.admin, false)}
			golden(t, name, got)
			harmless(t, got)
		})
	}
	if blocks := stopBlocks(purchase.Stop{}, true, false); len(blocks) > 0 {
		t.Errorf("on a good day: %v", blocks)
	}
}

// A form comes back with what was typed: no is said beside its field, and the form stays open.
func TestWhatTheFormThatSettlesRefuses(t *testing.T) {
	a := New(Options{})
	sent := func(metadata, license string) slack.InteractionCallback {
		cb := slack.InteractionCallback{View: slack.View{CallbackID: callbackSettle, PrivateMetadata: metadata}}
		cb.View.State = &slack.ViewState{Values: map[string]map[string]slack.BlockAction{
			inputReason: {inputOf: {Value: "because"}}, inputLicense: {inputOf: {Value: license}},
		}}
		return cb
	}
	for name, c := range map[string]struct{ metadata, license, field string }{
		"no license":       {`{"order":"01JD8Z3V5TQ4X6B7N8M9P0RSTW","verdict":"bought"}`, "soon", inputLicense},
		"what is not ours": {`{{`, "", inputReason},
	} {
		t.Run(name, func(t *testing.T) {
			reply := a.Submission(t.Context(), sent(c.metadata, c.license))
			answer, ok := reply.Payload.(*slack.ViewSubmissionResponse)
			if !ok || answer.Errors[c.field] == "" {
				t.Errorf("answers %+v", reply.Payload)
			}
		})
	}
}
