package bot

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/slacksim/blockkit"
)

// heldOrder is one whose checkout was sent and whose outcome is not known.
func heldOrder(o *purchase.Order) {
	o.State, o.Confirmed, o.ItemID, o.CheckoutSent, o.Answer = purchase.Unknown, at, 7, at, purchase.AnswerUnclear
	o.Unresolved = &purchase.Unresolved{
		Cause: purchase.Cause{Code: purchase.HeldAnswerLost}, Since: at, Until: at.Add(10 * time.Minute),
	}
}

var shows = purchase.Evidence{At: at, Complete: true, Lines: []purchase.Cause{
	{Code: purchase.ShowsItem, Args: purchase.Args{"item": "7", "state": "in-cart"}},
	{Code: purchase.ShowsNoPurchases, Args: purchase.Args{"rows": "4"}},
	{Code: purchase.ShowsNoTagged, Args: purchase.Args{"licenses": "3"}},
}, Account: "8c7e9a10-3b5d-4f21-a6c4-0d9e8b7f6a51"}

// What an order of unknown outcome shows: to everyone what is known, to admins also the way to settle it.
func TestUnresolvedOrder_Golden(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*purchase.Order)
		admin  bool
	}{
		"order-held":              {heldOrder, false},
		"order-held-for-an-admin": {heldOrder, true},
		"order-held-and-removed": {func(o *purchase.Order) {
			heldOrder(o)
			o.Unresolved.Removed, o.Unresolved.Until = at.Add(10*time.Minute), at.Add(20*time.Minute)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := order(c.change)
			got := orderFacts(o, cardFacts{now: at})
			got.blocks = append(got.blocks, evidenceBlocks(o, shows, Reader{Admin: c.admin}, c.admin)...)
			checkGolden(t, name, got)
			checkHarmless(t, got)
		})
	}
}

func TestSettleView_Golden(t *testing.T) {
	for name, verdict := range map[string]purchase.Verdict{
		"settle-as-bought": purchase.WasBought, "settle-as-not-bought": purchase.WasNotBought,
	} {
		t.Run(name, func(t *testing.T) {
			o := order(heldOrder)
			view := settleView(o, resolveState{o.ID, verdict, "CMATH", "math", "https://hooks.slack.com/x"}, false)
			raw, err := json.Marshal(view)
			if err != nil {
				t.Fatal(err)
			}
			if problems := blockkit.ValidateView(raw, "modal", blockkit.Rules{Strict: true}); len(problems) > 0 {
				t.Errorf("problems by Slack's rules: got %v, want none", problems)
			}
			checkGolden(t, name, content{view.Title.Text + " / " + view.Submit.Text, view.Blocks.BlockSet})
			got := verdictMessage(o, orders.Decision{Kind: orders.Resolve, Verdict: verdict}, false)
			checkGolden(t, name+"-done", got)
		})
	}
}

// Every notice as people get it. What people wrote stands in plain text.
func TestNoticeMessage_Golden(t *testing.T) {
	const id, license = "01JD8Z3V5TQ4X6B7N8M9P0RSTW", "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
	noticeOf := func(kind purchase.NotificationKind, args ...string) purchase.Notification {
		return purchase.Notification{Kind: kind, Cause: cause(kind, args...)}
	}
	about := func(n purchase.Notification, causes ...purchase.Cause) purchase.Notification {
		n.Order, n.Causes = id, causes
		return n
	}
	const when = "2026-11-22T21:00:00Z"
	item := about(noticeOf(purchase.NotificationBrokenItem, "item", "77", "title", hostile,
		"cart", "https://cocalc.example/store/cart"))
	item.Item = 77
	paused := noticeOf(purchase.NotificationPaused, "by", "UDANA", "name", "dana", "since", when)
	paused.Causes = []purchase.Cause{incidents[0]}
	books := noticeOf(purchase.NotificationInconsistent, "told", "yes", "more", "0")
	books.Causes = []purchase.Cause{purchase.NewFinding("order "+id, purchase.FoundNoReceipt, id).Cause()}
	for name, n := range map[string]purchase.Notification{
		"foreign": noticeOf(purchase.NotificationForeign, "license", license, "purchase", "9", "amount", "6375", "at", when),
		"unexplained": about(noticeOf(purchase.NotificationUnexplained, "license", license, "amount", "6375", "at", when,
			"order", id, "why", "unknown-order")),
		"double-buy": about(noticeOf(purchase.NotificationDoubleBuy, "order", id, "item", "7", "times", "2", "amount", "6375",
			"licenses", license+" aaaaaaaa-7b64-4d0a-9c8e-1b2d3f4a5c6e")),
		"broken-item": item,
		"head":        noticeOf(purchase.NotificationHead, "at", when, "record", "12", "hash", "abcdef"),
		"paused":      paused,
		"resumed":     noticeOf(purchase.NotificationResumed, "by", "UDANA", "name", "dana", "reason", hostile),
		"settled": about(noticeOf(purchase.NotificationSettled, "order", id, "price", "6375"),
			*settledBy("dana", "bought", hostile)),
		"restored": noticeOf(purchase.NotificationRestored, "record", "12", "last", when),
		"reminder": about(noticeOf(purchase.NotificationReminder, "by", "UALICE", "name", hostile, "since", when,
			"license", "16 GB RAM", "price", "6375", "expires", "2026-11-25T21:00:00Z")),
		"books":  books,
		"untold": about(noticeOf(purchase.NotificationUndelivered, "group", "S0BOSSES", "why", "empty"), item.Cause),
		"server": noticeOf(purchase.NotificationServer, "condition", string(purchase.HasMoved),
			"site", "https://cocalc.example", "host", hostile),
		"server-back":       noticeOf(purchase.NotificationServerBack),
		"released":          about(noticeOf(purchase.NotificationReleased, "order", id, "price", "6375")),
		"of-a-kind-to-come": {Kind: "something-new", Cause: cause(purchase.Untranslated, "text", "Something happened.")},
	} {
		t.Run(name, func(t *testing.T) {
			got := noticeMessage(n, Reader{Admin: true})
			checkGolden(t, "notice-"+name, got)
			checkHarmless(t, got)
		})
	}
}

// What the Home tab says while nothing is bought.
func TestStopBlocks_Golden(t *testing.T) {
	stop := purchase.Stoppage{
		Pause: &purchase.Pause{
			Since: at, By: "UDANA", Incidents: []purchase.Incident{{Cause: incidents[0], By: "UDANA"}},
		},
		Held: []purchase.Order{order(heldOrder)},
	}
	for name, c := range map[string]struct {
		stop  purchase.Stoppage
		admin bool
	}{
		"home-stopped": {stop, false}, "home-stopped-for-an-admin": {stop, true},
		"home-restored": {purchase.Stoppage{Restored: &purchase.Restore{At: at}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := content{"home", stopBlocks(c.stop, c.admin, false, nil)}
			checkGolden(t, name, got)
			checkHarmless(t, got)
		})
	}
	if blocks := stopBlocks(purchase.Stoppage{}, true, false, nil); len(blocks) > 0 {
		t.Errorf("blocks without a stoppage: got %v, want none", blocks)
	}
}

// A form comes back with what was typed: no is said beside its field, and the form stays open.
func TestHandler_SubmitVerdict_Refusals(t *testing.T) {
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
				t.Errorf("got %+v, want an error of the field %s", reply.Payload, c.field)
			}
		})
	}
}
