package purchase_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// restoredFrom stops the bot, puts the older copy in the place of its ledger, and starts it again. known: the ledger
// from before could be read.
func (s *shop) restoredFrom(old string, known bool) {
	s.t.Helper()
	ctx := context.Background()
	var orders []purchase.Order
	var pause *purchase.Pause
	err := s.ledger.View(ctx, func(r purchase.Reader) error {
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			orders = append(orders, o)
		}
		account, err := r.Account()
		pause = account.Pause
		return err
	})
	s.close()
	s.path = old
	ledger, err2 := storage.Open(old)
	if err := errors.Join(err, err2); err != nil {
		s.t.Fatal(err)
	}
	err = ledger.Update(ctx, func(w purchase.Writer) error {
		if err := register.AfterRestore(w, time.Now(), "UDANA", s.timing.Settle); err != nil || !known {
			return err
		}
		return errors.Join(register.KeepOrders(w, orders), register.KeepPause(w, pause))
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		s.t.Fatal(err)
	}
	s.open()
}

// A purchase that the backup lacks is entered: history and budgets are complete, under the person whom the ledger from
// before names, or under none, and then buying is paused until an admin has looked.
func TestAPurchaseThatTheBackupLacks(t *testing.T) {
	for _, c := range []struct {
		name  string
		state purchase.State // of the order in the backup
		known bool           // the ledger from before
		who   string
	}{
		{"and the ledger from before names the person", "", true, alice.ID},
		{"and no ledger names the person", "", false, purchase.Unattributed.ID},
		{"that was proposed in the backup", purchase.Proposed, true, alice.ID},
		{"that was proposed in the backup, without the ledger from before", purchase.Proposed, false, alice.ID},
		{"that was confirmed in the backup", purchase.Approved, true, alice.ID},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				s.until(s.buy(), purchase.Purchased) // which the backup has
				id, old := s.copyAt(c.state, true)
				<-time.After(time.Hour)
				was := s.order(id)
				s.restoredFrom(old, c.known)
				<-time.After(time.Hour)

				s.check(2, 2*6375, 0)
				o := s.order(id)
				if o.State != purchase.Purchased || o.Requester.ID != c.who || o.Month != was.Month ||
					o.Receipt.LicenseID != was.Receipt.LicenseID || o.Open() {
					t.Errorf("the order is %s, of %s in %s: %+v", o.State, o.Requester.ID, o.Month, o.Receipt)
				}
				if c.known && (o.Spec.Title != was.Spec.Title || o.Reason != was.Reason || o.Channel != was.Channel ||
					o.Price != was.Price) {
					t.Errorf("entered is %+v, and it was %+v", o, was)
				}
				h, err := s.desk.History(context.Background(), 1, 10)
				if err != nil || len(h.Purchases) != 2 || h.Months[0].People[c.who].Spent < 6375 {
					t.Errorf("history %+v (%v)", h, err)
				}
				paused := c.who == purchase.Unattributed.ID
				if p := s.state().Pause; (p != nil) != paused || len(s.events("unexplained-purchase", "foreign-purchase")) > 0 {
					t.Errorf("paused %+v", p)
				}
				if texts := strings.Join(s.told("CBUYING", purchase.NotificationRestored), " "); c.state != purchase.Approved &&
					!strings.Contains(texts, `entered="1"`) ||
					strings.Contains(texts, `unattributed="1"`) != paused {
					t.Errorf("the channel was told %q", texts)
				}
				if paused && (len(s.told(dana.ID, purchase.NotificationPaused)) != 1 || s.state().Pause.LeftOut().Code != "") {
					t.Errorf("admins are not told; left out %s", s.state().Pause.LeftOut())
				}
				if paused {
					s.resume()
				}
				s.until(s.buy(), purchase.Purchased)
				s.restart() // and nothing is entered twice
				<-time.After(30 * time.Hour)
				s.check(3, 3*6375, 0)
				if s.state().Before != nil {
					t.Error("what the ledger from before knew is kept for ever")
				}
			}, withChannel)
		})
	}
}

// What counts as bought by the word of an admin alone, since CoCalc does not show it, is in no list of purchases. It is
// carried over all the same, and the restore's report names it.
func TestAnAdminsWordIsCarriedOverARestore(t *testing.T) {
	for name, unknown := range map[string]bool{
		"the backup does not have the order": false,
		"the order is unknown in the backup": true,
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				old := s.path + ".old"
				backup := func() {
					s.close()
					if err := copyFile(s.path, old); err != nil {
						t.Fatal(err)
					}
					s.open()
				}
				<-time.After(time.Minute)
				if !unknown {
					backup()
				}
				o := s.held()
				if unknown {
					backup()
				}
				if err := s.settle(o.ID, orders.Decision{
					Kind:    orders.Resolve,
					Verdict: purchase.WasBought, LicenseID: someLicenseID,
					Reason: "support wrote",
				}); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Hour)
				was := s.order(o.ID)
				s.restoredFrom(old, true)
				<-time.After(2 * time.Hour)

				now := s.order(o.ID)
				if now.State != purchase.Purchased || now.Requester.ID != alice.ID || now.Month != was.Month ||
					now.Receipt == nil || now.Receipt.Settled == nil || !now.Receipt.Settled.Is(*was.Receipt.Settled) ||
					now.Receipt.LicenseID != someLicenseID {
					t.Errorf("the order is %s, %+v", now.State, now.Receipt)
				}
				h, err := s.desk.History(context.Background(), 1, 10)
				if err != nil || len(h.Purchases) != 1 || h.Months[0].Spent != 6375 || h.Months[0].Reserved != 0 ||
					h.Months[0].People[alice.ID].Spent != 6375 {
					t.Errorf("history %+v (%v)", h, err)
				}
				if texts := strings.Join(s.told("CBUYING", purchase.NotificationRestored), " "); !strings.Contains(texts,
					`by-word="1" by-word-sum="6375"`) {
					t.Errorf("the channel was told %q", texts)
				}
				s.restart() // and it is not entered twice
				<-time.After(30 * time.Hour)
				if h, err := s.desk.History(context.Background(), 1, 10); err != nil || len(h.Purchases) != 1 ||
					h.Months[0].Spent != 6375 {
					t.Errorf("later, history %+v (%v)", h, err)
				}
			}, withChannel)
		})
	}
}

// A copy of the ledger that ran by itself for a while has ended the order that the other ledger has as bought by the
// word of an admin. The restore of that copy enters the purchase, and orders go on.
func TestDesk_Restore_EntersWhatTheCopyHadEnded(t *testing.T) {
	for name, end := range map[string]func(s *shop, id purchase.OrderID) error{
		"expired": func(*shop, purchase.OrderID) error { <-time.After(time.Hour); return nil },
		"cancelled": func(s *shop, id purchase.OrderID) error {
			_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, id,
				orders.Decision{Kind: orders.Cancel})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 40000, func(s *shop) {
				id, old := s.copyAt(purchase.Proposed, false)
				s.server.Inject(cocalctest.Fault{
					Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.LoseAnswer, Times: 1,
				})
				if err := s.confirm(id); err != nil {
					t.Fatal(err)
				}
				s.until(id, purchase.Unknown)
				verdict := orders.Decision{
					Kind:    orders.Resolve,
					Verdict: purchase.WasBought, LicenseID: someLicenseID, Reason: "support wrote",
				}
				if err := s.settle(id, verdict); err != nil {
					t.Fatal(err)
				}
				s.close()
				current := s.path
				s.path = old
				s.open()
				if err := end(s, id); err != nil {
					t.Fatal(err)
				}
				s.close()
				s.path = current
				s.open()
				s.restoredFrom(old, true)
				<-time.After(2 * time.Hour)
				if o := s.order(id); o.State != purchase.Purchased {
					t.Errorf("got the state %s, want %s", o.State, purchase.Purchased)
				}
				if restored := s.state().Restored; restored != nil {
					t.Errorf("got %+v, want a comparison that is over", restored)
				}
				s.until(s.buy(), purchase.Purchased)
				h, err := s.desk.History(context.Background(), 1, 10)
				if err != nil || len(h.Purchases) != 2 || h.Months[0].Spent != 12750 || h.Months[0].Reserved != 0 {
					t.Errorf("got the history %+v, %v; want two purchases for $127.50", h, err)
				}
			}, withChannel)
		})
	}
}

const someLicenseID = "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e"

// A purchase with the tag of an order that the ledger from before does not have either is another bot's: it is in no
// budget, and whoever resumes buying is told the sum.
func TestAResumeNamesWhatIsLeftOut(t *testing.T) {
	m := &moreSold{}
	inShop(t, 20000, func(s *shop) {
		_, old := s.copyAt("", true)
		m.sold(cocalc.PurchaseRow{
			ID: 900, LicenseID: "00000000-0000-4000-8000-00000000beef", Time: time.Now(), Cost: 12750,
			CartItemID: 900, Text: "x\norder 01JD8Z3V5TQ4X6B7N8M9P0RSTW",
		})
		s.restoredFrom(old, true)
		<-time.After(time.Hour)
		p := s.state().Pause
		const sum = `left-out amount="12750" purchases="1"`
		if p == nil || !strings.Contains(p.LeftOut().String(), sum) || len(s.events("unexplained-purchase")) != 1 {
			t.Fatalf("paused %+v, left out %s", p, p.LeftOut())
		}
		s.resume()
		if texts := s.told("CBUYING", purchase.NotificationResumed); len(texts) != 1 || !strings.Contains(texts[0], sum) {
			t.Errorf("told %q", texts)
		}
	}, m.with, withChannel)
}

// An order that waited for approval in the backup, and was approved and bought since.
func TestAnApprovedPurchaseThatTheBackupLacks(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		<-time.After(time.Minute)
		old := s.path + ".old"
		s.close()
		if err := copyFile(s.path, old); err != nil {
			t.Fatal(err)
		}
		s.open()
		if err := s.approve(id, erin); err != nil {
			t.Fatal(err)
		}
		s.until(id, purchase.Purchased)
		s.restoredFrom(old, true)
		<-time.After(time.Hour)
		if o := s.order(id); o.State != purchase.Purchased || len(o.Approvals) != 1 || o.Approvals[0].By.ID != erin.ID {
			t.Errorf("the order is %s, approved by %+v", o.State, o.Approvals)
		}
		s.check(1, 6375, 0)
	}, withChannel, withApprovers)
}

// While the ledger from before cannot be read, an order that is older than the backup is no order of this ledger's.
func TestAnOlderTagAfterARestore(t *testing.T) {
	m := &moreSold{}
	inShop(t, 20000, func(s *shop) {
		<-time.After(3 * time.Hour)
		older := register.ULIDs(func() time.Time { return time.Now().Add(-2 * time.Hour) })()
		s.until(s.buy(), purchase.Purchased)
		_, old := s.copyAt("", false)
		s.server.ClearFaults()
		m.sold(cocalc.PurchaseRow{
			ID: 900, LicenseID: "00000000-0000-4000-8000-00000000beef", Time: time.Now(), Cost: 12750,
			CartItemID: 900, Text: older.Tag(),
		})
		s.restoredFrom(old, false)
		<-time.After(time.Hour)
		if p := s.state().Pause; p == nil || p.LeftOut().Code == "" || len(s.events("unexplained-purchase")) != 1 {
			t.Errorf("paused %+v, left out %s", p, p.LeftOut())
		}
	}, m.with, withChannel)
}

// An order that a week had released, and that was bought after all, is entered as any other: nothing stays reserved for
// it.
func TestAReleasedOrderThatTheBackupLacks(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.until(s.buy(), purchase.Purchased)
		id, old := s.copyAt("", true)
		<-time.After(time.Hour)
		s.close()
		s.amend(id, func(o *purchase.Order) { o.Released = time.Now() })
		s.open()
		s.unchecked = true // that ledger is to be replaced
		s.restoredFrom(old, true)
		s.unchecked = false
		<-time.After(time.Hour)
		s.check(2, 2*6375, 0)
		if o := s.order(id); o.State != purchase.Purchased || !o.Released.IsZero() {
			t.Errorf("it is %s, released at %v", o.State, o.Released)
		}
	}, withChannel)
}
