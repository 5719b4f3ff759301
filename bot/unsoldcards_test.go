package bot

import (
	"encoding/json"
	"regexp"
	"testing"

	"licensebot/purchase/orders"

	"licensebot/purchase"
	"licensebot/slacksim/blockkit"
)

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
			t.Errorf("approvers can still approve: %s; want nil", found)
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
				t.Errorf("it promises %q; want nil", found)
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
		t.Errorf("Slack would refuse the view: %v; want none", problems)
	}
}
