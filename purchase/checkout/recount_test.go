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

// If another checkout at the same moment makes CoCalc sell the item twice, the receipt records the duplicate with its
// amount, and buying is paused.
func TestWorker_Recount_DoubleBuy(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("double-checkout")
		id := env.Buy()
		o := env.Until(id, purchase.Purchased)
		if len(o.Receipt.Duplicates) != 1 || o.Receipt.Duplicates[0].Charged != 6375 ||
			o.Receipt.Duplicates[0].LicenseID == o.Receipt.LicenseID {
			t.Fatalf("receipt: got %+v, want one duplicate of 6375 cents with a license of its own", o.Receipt)
		}
		env.Check(2, 2*6375, 0)
		_, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice,
			Channel:   purchasetest.MathChannel, Spec: purchasetest.Spec(),
		})
		var refusal *purchase.Refusal
		if !errors.As(err, &refusal) || refusal.Code != purchase.Paused {
			t.Errorf("next order: got %v, want a refusal %s", err, purchase.Paused)
		}
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false, "money is back"); err != nil {
			t.Fatal(err)
		}
		if env.Propose(purchasetest.Spec()); t.Failed() {
			t.Errorf("after the resume: got pause %+v, want none", env.AccountState().Pause)
		}
	})
}

// A duplicate is recorded if another checkout of the same cart commits minutes after the purchase was counted.
func TestWorker_Recount_DoubleBuyMinutesLate(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("double-checkout")
		env.Server.SetCheckoutTakes(3*time.Minute, 40*time.Millisecond)
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		<-time.After(30 * time.Minute)
		if o := env.Order(id); len(o.Receipt.Duplicates) != 1 || o.Open() {
			t.Errorf("got receipt %+v, open %v; want one duplicate and a closed order", o.Receipt, o.Open())
		}
		env.Check(2, 2*6375, 0)
		_, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(),
		})
		if err == nil {
			t.Errorf("next order: got error %v, want a refusal", err)
		}
	})
}

// While the list of purchases cannot be read, orders are bought with unchecked receipts; they are counted afterwards.
func TestWorker_Recount_ListUnreadable(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		outage := env.Server.Inject(cocalctest.Fault{Endpoint: "purchases/get-purchases", Effect: cocalctest.Fail})
		first, second := env.Buy(), env.Buy()
		<-time.After(time.Minute)
		for _, id := range []purchase.OrderID{first, second} {
			if o := env.Order(id); o.State != purchase.Purchased || !o.Receipt.Unchecked {
				t.Errorf("got %s with receipt %+v, want %s and unchecked", o.State, o.Receipt, purchase.Purchased)
			}
		}
		outage.Clear()
		<-time.After(time.Hour)
		if o := env.Order(first); o.Receipt.PurchaseID == 0 || o.Open() {
			t.Errorf("got receipt %+v, open %v; want a purchase id and a closed order", o.Receipt, o.Open())
		}
		env.Check(2, 2*6375, 0)
	})
}

// If the amount in the list of purchases differs from the entered one, a further entry corrects the log.
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
			t.Errorf("charged: got %s, want %s", o.Receipt.Charged, purchase.Cents(5100))
		}
		env.Check(1, 5100, 0)
	})
}

// The purchases of an order are counted even if the account makes a hundred others during its watch.
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
			t.Errorf("got uncounted records %+v, open %v; want none and a closed order", e, o.Open())
		}
	})
}
