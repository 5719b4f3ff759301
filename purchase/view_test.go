package purchase_test

import (
	"context"
	"reflect"
	"testing"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
)

// countedLedger counts the transactions that read.
type countedLedger struct {
	purchase.Ledger
	views int
}

func (l *countedLedger) View(ctx context.Context, fn func(purchase.Reader) error) error {
	l.views++
	return l.Ledger.View(ctx, fn)
}

// A card is rendered from one transaction, so what it says belongs together.
func TestService_View_OneTransaction(t *testing.T) {
	ctx := t.Context()
	ledger := &countedLedger{Ledger: anyLedger(t)}
	d := desk.New(desk.Options{Ledger: ledger, ApprovalsChannel: approvals.ID, Policy: purchase.Policy{
		Everyone: true, OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{Max: 20000},
		Approvers: map[string]bool{"UERIN": true, "UFRANK": true}, AutoApprove: 10000, Approvals: 2,
	}})
	var ids []purchase.OrderID
	for range 2 {
		p, err := d.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec(), Reason: "course"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.Order.ID)
	}
	price := func(o purchase.Order) purchase.Cents { return o.Price }
	for _, c := range []struct {
		name           string
		id             purchase.OrderID
		confirm        bool
		ahead          int
		left           purchase.Cents
		asks, sumIsWhy bool
	}{
		{"the first card", ids[0], false, 0, 20000, false, false},
		{"once confirmed", ids[0], true, 0, 20000 - 6375, true, true},
		{"the next card", ids[1], false, 0, 20000 - 6375, true, true},
	} {
		if c.confirm {
			if _, err := d.Decide(ctx, byAlice, c.id, orders.Decision{Kind: orders.Confirm}); err != nil {
				t.Fatal(err)
			}
		}
		before := ledger.views
		got, err := d.View(ctx, c.id)
		if err != nil {
			t.Fatal(err)
		}
		if n := ledger.views - before; n != 1 {
			t.Errorf("%s: got %d transactions, want 1", c.name, n)
		}
		if got.Order.ID != c.id || price(got.Order) != 6375 || got.Ahead != c.ahead || got.Left != c.left || !got.Limited ||
			got.NeedsApproval != c.asks || got.Sum.Passed() != c.sumIsWhy {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c)
		}
	}
}

// Kinds that only Allowed takes decide nothing, and the other way round.
func TestService_Decide_UnknownKind(t *testing.T) {
	d := desk.New(desk.Options{Ledger: anyLedger(t), Policy: buying})
	p, err := d.Propose(t.Context(), purchase.Request{Requester: alice, Channel: math, Spec: spec()})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []orders.DecisionKind{orders.Buy, orders.Edit, orders.Repeat, orders.See, ""} {
		if _, err := d.Decide(t.Context(), byAlice, p.Order.ID, orders.Decision{Kind: kind}); err == nil {
			t.Errorf("Decide(%q): got no error", kind)
		}
	}
	for _, kind := range []orders.DecisionKind{orders.Confirm, orders.ConfirmNewPrice, orders.Cancel, ""} {
		if _, err := d.Allowed(t.Context(), byAlice, p.Order.ID, kind); err == nil {
			t.Errorf("Allowed(%q): got no error", kind)
		}
	}
	if v, err := d.View(t.Context(), p.Order.ID); err != nil || v.Order.State != purchase.Proposed {
		t.Errorf("got %s (%v), want a proposal", v.Order.State, err)
	}
}

// Each right is decided by itself, and outsiders have none.
func TestActor_Rights(t *testing.T) {
	policy := purchase.Policy{
		Buyers: map[string]bool{"UALICE": true}, Approvers: map[string]bool{"UERIN": true},
		Admins: map[string]bool{"UDANA": true}, Viewers: map[string]bool{"SAUDIT": true},
	}
	for _, c := range []struct {
		name                        string
		who                         purchase.Actor
		sees, all                   bool
		buys, approves, administers bool
	}{
		{"a buyer", purchase.Actor{ID: "UALICE"}, true, false, true, false, false},
		{"an approver", purchase.Actor{ID: "UERIN"}, true, true, false, true, false},
		{"an admin", purchase.Actor{ID: "UDANA"}, true, true, false, false, true},
		{"a viewer", purchase.Actor{ID: "UVERA", Groups: []string{"SAUDIT"}}, true, true, false, false, false},
		{"on no list", purchase.Actor{ID: "UEVE"}, false, false, false, false, false},
		{"a guest on all lists", purchase.Actor{ID: "UDANA", Membership: purchase.Guest}, false, false, false, false, false},
	} {
		got := c.who.Rights(policy)
		if (got.Unseen == nil) != c.sees || got.Sight.Licenses != c.sees || got.Sight.All != c.all || got.Buy != c.buys ||
			got.Approve != c.approves || got.Administer != c.administers {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c)
		}
	}
}

// The front door stays small: what a person does with orders is one more DecisionKind, not one more method.
func TestService_Methods_Few(t *testing.T) {
	const most = 11
	if n := reflect.TypeFor[*orders.Service]().NumMethod(); n > most {
		t.Errorf("got %d exported methods, want at most %d", n, most)
	}
}
