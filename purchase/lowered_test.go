package purchase_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/storage"
)

// A limit that was lowered while an order waited for its turn applies to it: it is not bought, and its money is free
// again.
func TestALimitThatWasLoweredWhileAnOrderWaited(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.fault("outage")
		id := s.buy()
		<-time.After(10 * time.Second)
		s.policy.OrderLimit = purchase.Limit{Max: 6374}
		s.restart()
		s.server.SwitchOff("outage")
		o := s.until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy {
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		s.check(0, 0, 0)
	})
}

// CoCalc's price went up between the card and the approvers' yes (a newer version of the bot knows a newer one): what
// they agree to is not what it costs, so it is not bought.
func TestAPriceThatRoseBeforeItWasApproved(t *testing.T) {
	ctx := context.Background()
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	d := desk.New(desk.Options{Ledger: ledger, ApprovalsChannel: approvals.ID, Policy: purchase.Policy{
		Everyone: true, Approvals: 1,
		Approvers: map[string]bool{erin.ID: true}, OrderLimit: purchase.Limit{None: true},
		MonthlyBudget: purchase.Limit{None: true},
	}})
	p, err := d.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec(), Reason: "winter school"})
	if err != nil {
		t.Fatal(err)
	}
	o, err := d.Outbox.UpdateMessages(ctx, p.Order.ID, func(o *purchase.Order) { o.Price -= 100 })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decide(ctx, purchase.Action{Actor: alice, Channel: math}, o.ID,
		orders.Decision{Kind: orders.Confirm}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decide(ctx, purchase.Action{Actor: erin, Channel: approvals}, o.ID,
		orders.Decision{Kind: orders.Approve}); err != nil {
		t.Fatal(err)
	}
	o, err = d.Outbox.Order(ctx, o.ID)
	if err != nil || o.State != purchase.Failed || o.Failure.Code != purchase.FailPriceMoved ||
		o.Failure.NewPrice != 6375 {
		t.Errorf("the order is %s: %+v (%v)", o.State, o.Failure, err)
	}
}
