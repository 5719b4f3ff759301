package reconcile_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/register"
)

// A purchase that the backup lacks is entered: history and budgets are complete, under the person whom the replaced
// ledger names, or under no one, and then buying is paused until an admin has looked.
func TestReconciler_Restore_PurchaseMissing(t *testing.T) {
	for _, c := range []struct {
		name  string
		state purchase.State // of the order in the backup
		known bool           // by the replaced ledger
		who   string
	}{
		{"and the ledger from before names the person", "", true, purchasetest.Alice.ID},
		{"and no ledger names the person", "", false, purchase.Unattributed.ID},
		{"that was proposed in the backup", purchase.Proposed, true, purchasetest.Alice.ID},
		{"that was proposed in the backup, without the ledger from before", purchase.Proposed, false, purchasetest.Alice.ID},
		{"that was confirmed in the backup", purchase.Approved, true, purchasetest.Alice.ID},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				env.Until(env.Buy(), purchase.Purchased) // this one is in the backup
				id, old := env.CopyInState(c.state, true)
				<-time.After(time.Hour)
				was := env.Order(id)
				env.RestoreFrom(old, c.known)
				<-time.After(time.Hour)

				env.Check(2, 2*6375, 0)
				o := env.Order(id)
				if o.State != purchase.Purchased || o.Requester.ID != c.who || o.Month != was.Month ||
					o.Receipt.LicenseID != was.Receipt.LicenseID || o.Open() {
					t.Errorf("entered order: got %s, requester %s, month %s, receipt %+v; want %s, %s, %s, license %s", o.State,
						o.Requester.ID, o.Month, o.Receipt, purchase.Purchased, c.who, was.Month, was.Receipt.LicenseID)
				}
				if c.known && (o.Spec.Title != was.Spec.Title || o.Reason != was.Reason || o.Channel != was.Channel ||
					o.Price != was.Price) {
					t.Errorf("entered order: got %+v, want the title, reason, channel and price of %+v", o, was)
				}
				h, err := env.Desk.History(context.Background(), 1, 10)
				if err != nil || len(h.Purchases) != 2 || h.Months[0].People[c.who].Spent < 6375 {
					t.Errorf("history: got %+v (error %v), want 2 purchases, at least 6375 cents of %s", h, err, c.who)
				}
				paused := c.who == purchase.Unattributed.ID
				if p := env.AccountState().Pause; (p != nil) != paused ||
					len(env.Events("unexplained-purchase", "foreign-purchase")) > 0 {
					t.Errorf("pause: got %+v, want one: %t; and no unexplained or foreign purchase", p, paused)
				}
				if texts := strings.Join(env.Notifications("CBUYING", purchase.NotificationRestored),
					" "); c.state != purchase.Approved &&
					!strings.Contains(texts, `entered="1"`) ||
					strings.Contains(texts, `unattributed="1"`) != paused {
					t.Errorf("messages to the channel: got %q, want 1 entered: %t, 1 unattributed: %t", texts,
						c.state != purchase.Approved, paused)
				}
				if paused && (len(env.Notifications(purchasetest.Dana.ID, purchase.NotificationPaused)) != 1 ||
					env.AccountState().Pause.LeftOut().Code != "") {
					t.Errorf("got left out %s, want nothing left out, and one message to the admin",
						env.AccountState().Pause.LeftOut())
				}
				if paused {
					env.Resume()
				}
				env.Until(env.Buy(), purchase.Purchased)
				env.Restart() // nothing is entered twice
				<-time.After(30 * time.Hour)
				env.Check(3, 3*6375, 0)
				if env.AccountState().Before != nil {
					t.Errorf("memory of the ledger from before: got %+v, want none", env.AccountState().Before)
				}
			}, purchasetest.WithChannel)
		})
	}
}

// An order that waited for approval in the backup, and was approved and bought after it.
func TestReconciler_Restore_ApprovedSince(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		<-time.After(time.Minute)
		old := env.Path + ".old"
		env.Close()
		if err := purchasetest.CopyFile(env.Path, old); err != nil {
			t.Fatal(err)
		}
		env.Open()
		if err := env.Approve(id, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		env.Until(id, purchase.Purchased)
		env.RestoreFrom(old, true)
		<-time.After(time.Hour)
		if o := env.Order(id); o.State != purchase.Purchased || len(o.Approvals) != 1 ||
			o.Approvals[0].By.ID != purchasetest.Erin.ID {
			t.Errorf("order: got %s, approvals %+v; want %s, approved by erin alone", o.State, o.Approvals, purchase.Purchased)
		}
		env.Check(1, 6375, 0)
	}, purchasetest.WithChannel, purchasetest.WithApprovers)
}

// An order whose money was released after a week, and that was bought after all, is entered as any other: nothing stays
// reserved for it.
func TestReconciler_Restore_ReleasedOrder(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Until(env.Buy(), purchase.Purchased)
		id, old := env.CopyInState("", true)
		<-time.After(time.Hour)
		env.Close()
		env.EditOrder(id, func(o *purchase.Order) { o.Released = time.Now() })
		env.Open()
		env.Inconsistent = true // that ledger will be replaced
		env.RestoreFrom(old, true)
		env.Inconsistent = false
		<-time.After(time.Hour)
		env.Check(2, 2*6375, 0)
		if o := env.Order(id); o.State != purchase.Purchased || !o.Released.IsZero() {
			t.Errorf("order: got %s, released %v; want %s, not released", o.State, o.Released, purchase.Purchased)
		}
	}, purchasetest.WithChannel)
}

// An order that counts as bought by an admin's word alone, since CoCalc does not show it, is in no list of purchases.
// It is carried over all the same, and the restore's report names it.
func TestReconciler_Restore_SettledByAdmin(t *testing.T) {
	for name, unknown := range map[string]bool{
		"the backup does not have the order": false,
		"the order is unknown in the backup": true,
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				old := env.Path + ".old"
				backup := func() {
					env.Close()
					if err := purchasetest.CopyFile(env.Path, old); err != nil {
						t.Fatal(err)
					}
					env.Open()
				}
				<-time.After(time.Minute)
				if !unknown {
					backup()
				}
				o := env.BuyUnresolved()
				if unknown {
					backup()
				}
				if err := env.Settle(o.ID, orders.Decision{
					Kind:    orders.Resolve,
					Verdict: purchase.WasBought, LicenseID: settledLicenseID,
					Reason: "support wrote",
				}); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Hour)
				was := env.Order(o.ID)
				env.RestoreFrom(old, true)
				<-time.After(2 * time.Hour)

				now := env.Order(o.ID)
				if now.State != purchase.Purchased || now.Requester.ID != purchasetest.Alice.ID || now.Month != was.Month ||
					now.Receipt == nil || now.Receipt.Settled == nil || !now.Receipt.Settled.Is(*was.Receipt.Settled) ||
					now.Receipt.LicenseID != settledLicenseID {
					t.Errorf("order: got %s, requester %s, month %s, receipt %+v; want %s, alice, %s, license %s, settled as before",
						now.State, now.Requester.ID, now.Month, now.Receipt, purchase.Purchased, was.Month, settledLicenseID)
				}
				h, err := env.Desk.History(context.Background(), 1, 10)
				if err != nil || len(h.Purchases) != 1 || h.Months[0].Spent != 6375 || h.Months[0].Reserved != 0 ||
					h.Months[0].People[purchasetest.Alice.ID].Spent != 6375 {
					t.Errorf("history: got %+v (error %v), want one purchase, 6375 cents of alice, nothing reserved", h, err)
				}
				if texts := strings.Join(env.Notifications("CBUYING", purchase.NotificationRestored), " "); !strings.Contains(texts,
					`by-word="1" by-word-sum="6375"`) {
					t.Errorf("messages to the channel: got %q, want one of 6375 cents that an admin settled", texts)
				}
				env.Restart() // it is not entered twice
				<-time.After(30 * time.Hour)
				if h, err := env.Desk.History(context.Background(), 1, 10); err != nil || len(h.Purchases) != 1 ||
					h.Months[0].Spent != 6375 {
					t.Errorf("history after a restart: got %+v (error %v), want one purchase, 6375 cents", h, err)
				}
			}, purchasetest.WithChannel)
		})
	}
}

// A copy of the ledger, used for a while, has ended the order that the other ledger has as bought by an admin's word.
// The restore of that copy enters the purchase, and orders go on.
func TestReconciler_Restore_EndedInCopy(t *testing.T) {
	for name, end := range map[string]func(env *purchasetest.Env, id purchase.OrderID) error{
		"expired": func(*purchasetest.Env, purchase.OrderID) error { <-time.After(time.Hour); return nil },
		"cancelled": func(env *purchasetest.Env, id purchase.OrderID) error {
			_, err := env.Desk.Decide(context.Background(), purchase.Action{
				Actor:   purchasetest.Alice,
				Channel: purchasetest.MathChannel,
			}, id,
				orders.Decision{Kind: orders.Cancel})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				id, old := env.CopyInState(purchase.Proposed, false)
				env.Server.Inject(cocalctest.Fault{
					Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.Before, Effect: cocalctest.LoseAnswer, Times: 1,
				})
				if err := env.Confirm(id); err != nil {
					t.Fatal(err)
				}
				env.Until(id, purchase.Unknown)
				verdict := orders.Decision{
					Kind:    orders.Resolve,
					Verdict: purchase.WasBought, LicenseID: settledLicenseID, Reason: "support wrote",
				}
				if err := env.Settle(id, verdict); err != nil {
					t.Fatal(err)
				}
				env.Close()
				current := env.Path
				env.Path = old
				env.Open()
				if err := end(env, id); err != nil {
					t.Fatal(err)
				}
				env.Close()
				env.Path = current
				env.Open()
				env.RestoreFrom(old, true)
				<-time.After(2 * time.Hour)
				if o := env.Order(id); o.State != purchase.Purchased {
					t.Errorf("got the state %s, want %s", o.State, purchase.Purchased)
				}
				if restored := env.AccountState().Restored; restored != nil {
					t.Errorf("got %+v, want a comparison that is over", restored)
				}
				env.Until(env.Buy(), purchase.Purchased)
				h, err := env.Desk.History(context.Background(), 1, 10)
				if err != nil || len(h.Purchases) != 2 || h.Months[0].Spent != 12750 || h.Months[0].Reserved != 0 {
					t.Errorf("got the history %+v, %v; want two purchases for $127.50", h, err)
				}
			}, purchasetest.WithChannel)
		})
	}
}

// While the replaced ledger cannot be read, an order that is older than the backup does not belong to this ledger.
func TestReconciler_Restore_OlderTag(t *testing.T) {
	m := &extraSales{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		<-time.After(3 * time.Hour)
		older := register.ULIDs(func() time.Time { return time.Now().Add(-2 * time.Hour) })()
		env.Until(env.Buy(), purchase.Purchased)
		_, old := env.CopyInState("", false)
		env.Server.ClearFaults()
		m.add(cocalc.PurchaseRow{
			ID: 900, LicenseID: "00000000-0000-4000-8000-00000000beef", Time: time.Now(), Cost: 12750,
			CartItemID: 900, Text: older.Tag(),
		})
		env.RestoreFrom(old, false)
		<-time.After(time.Hour)
		if p := env.AccountState().Pause; p == nil || p.LeftOut().Code == "" || len(env.Events("unexplained-purchase")) != 1 {
			t.Errorf("got pause %+v, left out %s, %d unexplained purchases; want a pause that names what was left out, 1", p,
				p.LeftOut(), len(env.Events("unexplained-purchase")))
		}
	}, m.install, purchasetest.WithChannel)
}

// A purchase with the tag of an order that the replaced ledger does not have either is another bot's: it is in no
// budget, and the admin who resumes buying reads the sum.
func TestReconciler_Restore_ResumeNamesLeftOut(t *testing.T) {
	m := &extraSales{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		_, old := env.CopyInState("", true)
		m.add(cocalc.PurchaseRow{
			ID: 900, LicenseID: "00000000-0000-4000-8000-00000000beef", Time: time.Now(), Cost: 12750,
			CartItemID: 900, Text: "x\norder 01JD8Z3V5TQ4X6B7N8M9P0RSTW",
		})
		env.RestoreFrom(old, true)
		<-time.After(time.Hour)
		p := env.AccountState().Pause
		const sum = `left-out amount="12750" purchases="1"`
		if p == nil || !strings.Contains(p.LeftOut().String(), sum) || len(env.Events("unexplained-purchase")) != 1 {
			t.Fatalf("got pause %+v, left out %s, %d unexplained purchases; want left out %s, 1", p, p.LeftOut(),
				len(env.Events("unexplained-purchase")), sum)
		}
		env.Resume()
		if texts := env.Notifications("CBUYING", purchase.NotificationResumed); len(texts) != 1 || !strings.Contains(texts[0],
			sum) {
			t.Errorf("messages to the channel: got %q, want one with %s", texts, sum)
		}
	}, m.install, purchasetest.WithChannel)
}

const settledLicenseID = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"
