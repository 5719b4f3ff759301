package reconcile_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// A purchase by another person on the account is reported once, in the ledger and in the channel, and never counted as
// the bot's.
func TestReconciler_Sweep_ForeignPurchase(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		purchasetest.AddForeignItem(env)
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(15 * time.Minute)
		license := env.Account.Licenses()[0].ID
		texts := env.Notifications("CBUYING", purchase.NotificationForeign)
		if len(texts) != 1 || !strings.Contains(texts[0], license) {
			t.Errorf("messages to the channel: got %q, want one with license %s", texts, license)
		}
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		env.Restart()
		<-time.After(72 * time.Hour)
		if again := env.Notifications("CBUYING", purchase.NotificationForeign); len(again) > 0 {
			t.Errorf("messages after a restart: got %q, want none", again)
		}
		if e := env.Events("foreign-purchase"); len(e) != 1 || e[0].Args["license"] != license {
			t.Errorf("audit records: got %+v, want one with license %s", e, license)
		}
		h, err := env.Desk.History(context.Background(), 1, 10)
		if err != nil || len(h.Purchases) != 1 || h.Months[0].Spent != 6375 {
			t.Errorf("history: got %+v (error %v), want one purchase, 6375 cents", h, err)
		}
	}, purchasetest.WithChannel)
}

// Purchases from before the ledger began are not reported.
func TestReconciler_Sweep_OlderThanLedger(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Close()
		if err := os.Remove(env.Path); err != nil { // the desk may have written to it already
			t.Fatal(err)
		}
		purchasetest.AddForeignItem(env)
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		env.Open()
		<-time.After(time.Hour)
		if e := env.Events("foreign-purchase"); len(e) > 0 {
			t.Errorf("foreign purchases: got %+v, want none", e)
		}
	}, purchasetest.WithChannel)
}

// A checkout that commits long after both settle windows is still found and entered: the failed order becomes a bought
// one, and those who read that it failed get a message.
func TestReconciler_Sweep_CheckoutHourLate(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
			Times: 1,
		})
		env.Server.SetCheckoutTakes(90*time.Minute, time.Second)
		id := env.Buy()
		o := env.Until(id, purchase.Failed)
		for o.Open() { // until it is closed
			<-time.After(time.Minute)
			o = env.Order(id)
		}
		env.Check(0, 0, 0)
		o = env.Until(id, purchase.Purchased)
		<-time.After(time.Hour)
		env.Check(1, 6375, 0)
		if o.Receipt.Adopted || len(env.Notifications("CBUYING", purchase.NotificationForeign)) > 0 {
			t.Errorf("receipt: got %+v, want Adopted false and no message about a foreign purchase", o.Receipt)
		}
	}, purchasetest.WithChannel)
}

// A second purchase of a bought item that commits after its purchases were counted for the last time is a double buy
// too.
func TestReconciler_Sweep_DoubleBuyHoursLate(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.SetCheckoutTakes(0, time.Second)
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.Before, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) {
				env.Server.SetCheckoutTakes(3*time.Hour, time.Second)
				a.StartCheckout()
				env.Server.SetCheckoutTakes(0, time.Second)
			},
		})
		id := env.Buy()
		o := env.Until(id, purchase.Purchased)
		for o.Open() {
			<-time.After(time.Minute)
			o = env.Order(id)
		}
		if env.AccountState().Pause != nil {
			t.Fatalf("pause before the second license: got %+v, want none", env.AccountState().Pause)
		}
		<-time.After(4 * time.Hour)
		o = env.Order(id)
		if len(o.Receipt.Duplicates) != 1 || env.AccountState().Pause == nil {
			t.Fatalf("got receipt %+v, pause %+v; want one duplicate and a pause", o.Receipt, env.AccountState().Pause)
		}
		env.Check(2, 2*6375, 0)
		for _, whom := range []string{purchasetest.Dana.ID, "CBUYING"} {
			texts := env.Notifications(whom, purchase.NotificationDoubleBuy)
			if len(texts) != 1 || !strings.Contains(texts[0], o.Receipt.LicenseID) ||
				!strings.Contains(texts[0], o.Receipt.Duplicates[0].LicenseID) ||
				!strings.Contains(texts[0], `amount="6375"`) {
				t.Errorf("messages to %s: got %q, want one with both licenses and 6375 cents: %+v", whom, texts, o.Receipt)
			}
		}
		<-time.After(48 * time.Hour)
		env.Check(2, 2*6375, 0) // no third one
	}, purchasetest.WithChannel)
}

// A purchase with the bot's tag that the ledger cannot explain pauses buying: something is wrong with the ledger.
func TestReconciler_Sweep_UnexplainedPurchase(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.Account.AddToCart("site-license",
			`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
				`"boost":false,"period":"monthly","run_limit":1,"title":"x","description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(15 * time.Minute)
		texts := env.Notifications(purchasetest.Dana.ID, purchase.NotificationUnexplained)
		if len(texts) != 1 || !strings.Contains(texts[0], "01JD8Z3V5TQ4X6B7N8M9P0RSTW") {
			t.Errorf("messages to the admin: got %q, want one with the tag of the item", texts)
		}
		if p := env.AccountState().Pause; p == nil || p.Incidents[0].Code != purchase.IncidentUnexplained {
			t.Errorf("pause: got %+v, want %s", p, purchase.IncidentUnexplained)
		}
	})
}

// A person who buys one of the bot's items again in CoCalc's own store copies its tag. That is no double buy.
func TestReconciler_Sweep_ItemCopiedInStore(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		<-time.After(time.Hour)
		var ours string
		for _, item := range env.Account.Cart() {
			ours = string(item.Description)
		}
		env.Account.AddToCart("site-license", ours)
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if texts := env.Notifications("CBUYING", purchase.NotificationForeign); len(texts) != 1 ||
			!strings.Contains(texts[0], `why="copied"`) {
			t.Errorf("messages to the channel: got %q, want one with the reason copied", texts)
		}
		if p := env.AccountState().Pause; p != nil {
			t.Errorf("pause: got %s, want none", p.Cause())
		}
	}, purchasetest.WithChannel)
}

// A purchase with the order's tag that is older than the order, of another cart item, is another person's, although the
// order has failed.
func TestReconciler_Sweep_TagInOlderPurchase(t *testing.T) {
	m := &extraSales{}
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Hour)
		o := env.Until(env.BuyUnresolved().ID, purchase.Failed)
		m.add(cocalc.PurchaseRow{
			ID: 900, LicenseID: "00000000-0000-4000-8000-00000000beef", Time: o.AddSent.Add(-2 * time.Minute), Cost: 100,
			Text: "anything\n" + o.ID.Tag(),
		})
		<-time.After(2 * time.Hour)
		if o = env.Order(o.ID); o.State != purchase.Failed {
			t.Errorf("order: got %s, receipt %+v; want %s", o.State, o.Receipt, purchase.Failed)
		}
		if e := env.Events("foreign-purchase"); len(e) != 1 || e[0].Args["purchase"] != "900" {
			t.Errorf("audit records: got %+v, want one of purchase 900", e)
		}
	}, m.install, purchasetest.WithChannel)
}

// An account that cannot be proven does not count as compared with the ledger, even if its list of purchases is empty.
func TestReconciler_Sweep_KeyNotProven(t *testing.T) {
	m := &purchasetest.Interceptor{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		compared := func() (at time.Time) {
			err := env.Ledger.View(context.Background(), func(r purchase.Reader) error {
				account, err := r.Account()
				at = account.Reconciled
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		<-time.After(time.Minute) // the key has been proven once
		m.RejectKey.Store(true)
		began := time.Now()
		<-time.After(3 * time.Hour)
		if at := compared(); at.After(began) {
			t.Errorf("with a key of another account: got the account compared at %s, want not after %s", at, began)
		}
		m.RejectKey.Store(false)
		<-time.After(3 * time.Hour)
		if at := compared(); !at.After(began) {
			t.Errorf("with the key again: got the account compared at %s, want after %s", at, began)
		}
	}, m.Install)
}
