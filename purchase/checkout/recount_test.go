package checkout_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// Somebody else checks out at the same moment: CoCalc sells twice. It is found, logged with both amounts, and
// buying is paused.
func TestWorker_Recount_DoubleBuy(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("double-checkout")
		id := env.Buy()
		o := env.Until(id, purchase.Purchased)
		if len(o.Receipt.Duplicates) != 1 || o.Receipt.Duplicates[0].Charged != 6375 ||
			o.Receipt.Duplicates[0].LicenseID == o.Receipt.LicenseID {
			t.Fatalf("receipt %+v", o.Receipt)
		}
		env.Check(2, 2*6375, 0)
		_, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice,
			Channel:   purchasetest.MathChannel, Spec: purchasetest.Spec(),
		})
		var no *purchase.Refusal
		if !errors.As(err, &no) || no.Code != purchase.Paused {
			t.Errorf("the next order got %v", err)
		}
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false, "money is back"); err != nil {
			t.Fatal(err)
		}
		if env.Propose(purchasetest.Spec()); t.Failed() {
			t.Error("still paused")
		}
	})
}

// Another checkout of the same cart commits minutes after ours was proven and counted.
func TestWorker_Recount_DoubleBuyMinutesLate(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("double-checkout")
		env.Server.SetCheckoutTakes(3*time.Minute, 40*time.Millisecond)
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		<-time.After(30 * time.Minute)
		if o := env.Order(id); len(o.Receipt.Duplicates) != 1 || o.Open() {
			t.Errorf("receipt %+v", o.Receipt)
		}
		env.Check(2, 2*6375, 0)
		if _, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(),
		}); err ==
			nil {
			t.Error("buying goes on")
		}
	})
}

// The list of purchases cannot be read for a quarter of an hour: the order itself is proven, and others go on.
func TestWorker_Recount_ListUnreadable(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		outage := env.Server.Inject(cocalctest.Fault{Endpoint: "purchases/get-purchases", Effect: cocalctest.Fail})
		first, second := env.Buy(), env.Buy()
		<-time.After(time.Minute)
		for _, id := range []purchase.OrderID{first, second} {
			if o := env.Order(id); o.State != purchase.Purchased || !o.Receipt.Unchecked {
				t.Errorf("%s: %+v", o.State, o.Receipt)
			}
		}
		outage.Clear()
		<-time.After(time.Hour)
		if o := env.Order(first); o.Receipt.PurchaseID == 0 || o.Open() {
			t.Errorf("receipt %+v", o.Receipt)
		}
		env.Check(2, 2*6375, 0)
	})
}

// What was charged differs from what was known when the purchase was entered: the log is corrected by an entry.
func TestWorker_Recount_OtherAmount(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		purchases := env.Server.Inject(cocalctest.Fault{Endpoint: "purchases/get-purchases", Effect: cocalctest.Fail})
		env.Server.Inject(cocalctest.Fault{
			Endpoint: "purchases/shopping-cart-checkout", Effect: cocalctest.PriceMoved,
			Percent: 80,
		})
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		purchases.Clear()
		<-time.After(time.Hour)
		o := env.Order(id)
		if o.Receipt.Charged != 5100 {
			t.Errorf("the receipt says %s", o.Receipt.Charged)
		}
		env.Check(1, 5100, 0)
	})
}

// An order's purchases are counted also when the account buys a hundred others meanwhile.
func TestWorker_Recount_BusyAccount(t *testing.T) {
	purchasetest.Run(t, 900_000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		<-time.After(time.Minute)
		for range 110 {
			env.Account.AddToCart("site-license", string(env.CartDescription()))
		}
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Hour)
		if e, o := env.Events("uncounted"), env.Order(id); len(e) > 0 || o.Open() {
			t.Errorf("%+v, open: %v", e, o.Open())
		}
	})
}
