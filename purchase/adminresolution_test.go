package purchase_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// refusedAs checks that a decision was refused with the code, that the refusal is in the audit, and that its sentence
// says at most once that nothing was bought.
func (s *shop) refusedAs(err error, code purchase.RefusalCode) {
	s.t.Helper()
	var no *purchase.Refusal
	if !errors.As(err, &no) || no.Code != code {
		s.t.Fatalf("got %v, want %s", err, code)
	}
	e := s.events("refused")
	if len(e) == 0 || e[len(e)-1].Note != string(code) {
		s.t.Errorf("%s is not in the audit: %+v", code, e)
	}
}

// held makes an order whose outcome CoCalc does not tell.
func (s *shop) held() purchase.Order {
	s.t.Helper()
	s.server.Inject(cocalctest.Fault{
		Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.LoseAnswer,
		Times: 1,
	})
	id := s.buy()
	return s.until(id, purchase.Unknown)
}

// An order whose outcome is unknown can be settled by an admin, who says why; that is recorded, and told to the others.
func TestAnAdminSettles(t *testing.T) {
	ctx := context.Background()
	otherAdmin := func(s *shop) { s.policy.Admins["UEVE"] = true }
	t.Run("as not bought", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			o := s.held()
			o, err := s.desk.Decide(ctx, byAdmin, o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasNotBought,
				Reason: "asked support",
			})
			if err != nil || o.State != purchase.Failed || o.Failure.Args["name"] != "dana" ||
				o.Failure.Args["reason"] != "asked support" {
				t.Fatalf("%s, %+v (%v)", o.State, o.Failure, err)
			}
			next := s.buy() // the account is free again
			s.until(next, purchase.Purchased)
			<-time.After(time.Hour)
			s.check(1, 6375, 0)
			if e := s.events("settled"); len(e) != 1 || e[0].By != dana.ID || e[0].Note != "not-bought: asked support" {
				t.Errorf("recorded %+v", e)
			}
			if texts := s.told("UEVE", purchase.NotificationSettled); len(texts) != 1 ||
				!strings.Contains(texts[0], `verdict="not-bought"`) {
				t.Errorf("the other admin was told %q", texts)
			}
			if texts := s.told(dana.ID, purchase.NotificationSettled); len(texts) > 0 {
				t.Errorf("whoever settled it was told %q", texts)
			}
		}, otherAdmin)
	})
	t.Run("as bought, which shows later", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			s.server.Inject(cocalctest.Fault{
				Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
				Times: 1,
			})
			s.server.SetCheckoutTakes(5*time.Minute, time.Second)
			o := s.until(s.buy(), purchase.Unknown)
			o, err := s.desk.Decide(ctx, byAdmin, o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasBought,
				Reason: "seen in the store",
			})
			if err != nil || o.State != purchase.Purchased || o.Receipt.Settled.Args["reason"] != "seen in the store" {
				t.Fatalf("%s, %+v (%v)", o.State, o.Receipt, err)
			}
			<-time.After(time.Hour)
			s.check(1, 6375, 0)
			if o := s.order(o.ID); o.Receipt.LicenseID != s.account.Licenses()[0].ID || o.Receipt.PurchaseID == 0 || o.Open() {
				t.Errorf("receipt %+v", o.Receipt)
			}
		})
	})
	t.Run("wrongly as not bought", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			s.server.Inject(cocalctest.Fault{
				Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
				Times: 1,
			})
			s.server.SetCheckoutTakes(5*time.Minute, time.Second)
			o := s.until(s.buy(), purchase.Unknown)
			if _, err := s.desk.Decide(ctx, byAdmin, o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasNotBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			s.until(o.ID, purchase.Purchased) // what CoCalc shows counts
			<-time.After(time.Hour)
			s.check(1, 6375, 0)
		})
	})
	t.Run("who may not", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			o := s.held()
			settle := func(who purchase.Action, reason string) error {
				_, err := s.desk.Decide(ctx, who, o.ID, orders.Decision{
					Kind: orders.Resolve, Verdict: purchase.WasNotBought,
					Reason: reason,
				})
				return err
			}
			s.refusedAs(settle(purchase.Action{Actor: alice, Channel: math, Typed: true}, "mine"), purchase.NotAnAdmin)
			s.refusedAs(settle(byAdmin, " "), purchase.NoReason)
			guest := byAdmin
			guest.Actor.Membership = purchase.Guest
			s.refusedAs(settle(guest, "all is well"), purchase.Outsider)
			if got := s.order(o.ID).State; got != purchase.Unknown {
				t.Fatalf("the order is %s", got)
			}
			s.until(o.ID, purchase.Failed)
			s.refusedAs(settle(byAdmin, "too late"), purchase.TooLate)
		})
	})
}

// The evidence says what CoCalc shows, and whether that is worth something.
func TestEvidence(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		see := func(id purchase.OrderID, complete bool, words ...string) {
			t.Helper()
			e := s.desk.Evidence(context.Background(), s.order(id))
			if said := fmt.Sprint(e.For(false)); strings.Contains(said, "key") {
				t.Errorf("a buyer reads of a key:\n%s", said)
			}
			all := fmt.Sprint(e.For(true))
			for _, w := range words {
				if !strings.Contains(all, w) {
					t.Errorf("it does not say %q:\n%s", w, all)
				}
			}
			if e.Complete != complete {
				t.Errorf("complete: %v\n%s", e.Complete, all)
			}
		}
		card := s.propose(spec())
		see(card.ID, true, "never-sent")
		o := s.held()
		see(o.ID, true, `state="in-cart"`, "no-purchases", "not-tagged", "key-account account=")
		s.account.Delete(o.ItemID)
		see(o.ID, true, `state="deleted"`)
		s.fault("outage")
		see(o.ID, false, `unread what="cart"`, "incomplete")
		s.server.ClearFaults()
		s.until(o.ID, purchase.Failed)
		bought := s.buy()
		s.until(bought, purchase.Purchased)
		see(bought, true, `state="bought"`, `purchase-shown amount="6375"`, "tagged license=")
	})
}

// Admins stop all buying and let it go on. What was paid is finished all the same.
func TestTheSwitch(t *testing.T) {
	ctx := context.Background()
	inShop(t, 40000, func(s *shop) {
		s.refusedAs(s.desk.SetPaused(ctx, purchase.Action{Actor: alice, Channel: math, Typed: true}, true, "for fun"),
			purchase.NotAnAdmin)
		s.refusedAs(s.desk.SetPaused(ctx, byAdmin, true, ""), purchase.NoReason)
		s.server.Inject(cocalctest.Fault{
			Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
			Times: 1,
		})
		s.server.SetCheckoutTakes(5*time.Minute, time.Second)
		paid := s.buy()
		s.until(paid, purchase.Unknown)
		card := s.propose(spec())
		if err := s.desk.SetPaused(ctx, byAdmin, true, "the budget is being checked"); err != nil {
			t.Fatal(err)
		}
		s.refusedAs(s.desk.SetPaused(ctx, byAdmin, true, "again"), purchase.AlreadyDone)
		err := s.confirm(card.ID)
		s.refusedAs(err, purchase.Paused)
		for _, w := range []string{"dana", "the budget is being checked", `since="2000-01-01T`} {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("it does not say %q: %s", w, err)
			}
		}
		s.restart()
		s.refusedAs(s.confirm(card.ID), purchase.Paused)
		s.until(paid, purchase.Purchased)
		if err := s.desk.SetPaused(ctx, byAdmin, false, " "); err != nil { // a reason is welcome, and not needed
			t.Fatal(err)
		}
		s.refusedAs(s.desk.SetPaused(ctx, byAdmin, false, "twice"), purchase.AlreadyDone)
		if err := s.confirm(card.ID); err != nil {
			t.Fatal(err)
		}
		s.until(card.ID, purchase.Purchased)
		s.check(2, 2*6375, 0)
		if texts := s.told("CBUYING", purchase.NotificationPaused); len(texts) != 1 || !strings.Contains(texts[0], "dana") {
			t.Errorf("the channel was told %q", texts)
		}
	}, withChannel)
}

// An item that breaks the cart is named to the admins once. It is taken out by their word alone.
func TestABrokenItemIsNamedAndTakenOut(t *testing.T) {
	ctx := context.Background()
	inShop(t, 20000, func(s *shop) {
		good := s.account.AddToCart("site-license", string(s.description()))
		s.fault("cart-broken")
		id := s.buy()
		<-time.After(time.Minute)
		notices, err := s.desk.Outbox.PendingNotifications(ctx)
		if err != nil || len(notices) != 1 || notices[0].Kind != purchase.NotificationBrokenItem || notices[0].Item == 0 {
			t.Fatalf("notices %+v (%v)", notices, err)
		}
		n := notices[0]
		if n.Args["item"] != fmt.Sprint(n.Item) || strings.Join(n.Pending, " ") != dana.ID {
			t.Errorf("notice %+v", n)
		}
		_, err = s.desk.Account.RemoveItem(ctx, purchase.Action{Actor: alice, Channel: math}, n.Item)
		s.refusedAs(err, purchase.NotAnAdmin)
		_, err = s.desk.Account.RemoveItem(ctx, byAdmin, good)
		s.refusedAs(err, purchase.NotBroken)
		said, err := s.desk.Account.RemoveItem(ctx, byAdmin, n.Item)
		if err != nil || said.Code != purchase.ItemTakenOut {
			t.Fatalf("%s (%v)", said, err)
		}
		if said, err := s.desk.Account.RemoveItem(ctx, byAdmin, n.Item); err != nil || said.Code != purchase.ItemGone {
			t.Errorf("again: %s (%v)", said, err)
		}
		if e := s.events("item-taken-out"); len(e) != 1 || e[0].By != dana.ID || e[0].Args["item"] != fmt.Sprint(n.Item) {
			t.Errorf("recorded %+v", e)
		}
		if o := s.until(id, purchase.Purchased, purchase.Failed); o.State != purchase.Purchased {
			t.Fatalf("%+v", o.Failure)
		}
		<-time.After(time.Hour)
		if e := s.events("broken-item"); len(e) != 1 {
			t.Errorf("named %d times", len(e))
		}
		s.check(1, 6375, 0)
	})
}

// description is what a cart item of the standard specification holds, without a tag.
func (s *shop) description() []byte { return spec().CartDescription(time.Now()) }

// An older copy of the ledger is put in the place of the present one. Nothing that it promised is bought from it, what
// was bought meanwhile is found, and orders are taken again only after that.
func TestAfterARestore(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		state purchase.State // of the order in the copy
		paid  bool           // and it was bought after the copy was made
		ends  purchase.State
	}{
		{"the copy does not know the order", "", true, purchase.Purchased},
		{"it was only proposed, and bought since", purchase.Proposed, true, purchase.Purchased},
		{"it was confirmed in the copy, and bought since", purchase.Approved, true, purchase.Purchased},
		{"it was in the cart, and bought since", purchase.Carted, true, purchase.Purchased},
		{"it was confirmed in the copy, and not bought", purchase.Approved, false, purchase.Failed},
		{"it was only proposed", purchase.Proposed, false, purchase.Expired},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				before := s.propose(spec()) // so that the copy is not empty
				if _, err := s.desk.Decide(ctx, byAlice, before.ID, orders.Decision{Kind: orders.Cancel}); err != nil {
					t.Fatal(err)
				}
				id, old := s.copyAt(c.state, c.paid)
				s.close()
				s.path = old
				ledger, err := storage.Open(old)
				if err != nil {
					t.Fatal(err)
				}
				err = ledger.Update(ctx, func(w purchase.Writer) error {
					return register.AfterRestore(w, time.Now(), "UDANA", s.timing.Settle)
				})
				if err := errors.Join(err, ledger.Close()); err != nil {
					t.Fatal(err)
				}
				s.fault("outage")
				s.open()
				_, err = s.desk.Propose(ctx, purchase.Request{Requester: alice, Channel: math, Spec: spec()})
				s.refusedAs(err, purchase.Restoring)
				s.server.ClearFaults()
				<-time.After(3 * time.Hour)
				if len(s.events("restored")) != 1 || len(s.events("reconciled")) != 1 || s.state().Restored != nil {
					t.Errorf("events %+v", s.events("restored", "reconciled"))
				}
				if texts := s.told("CBUYING", purchase.NotificationRestored); len(texts) != 1 {
					t.Errorf("the channel was told %q", texts)
				}
				if n := s.server.Count(checkoutPath); n > 1 {
					t.Errorf("checkout was sent %d times", n)
				}
				if o := s.order(id); o.State != c.ends || o.Open() {
					t.Errorf("the order is %s (%+v)", o.State, o.Failure)
				}
				if c.paid {
					s.check(1, 6375, 0)
					return
				}
				s.check(0, 0, 0)
				s.until(s.buy(), purchase.Purchased)
			}, withChannel)
		})
	}
}

var byAlice = purchase.Action{Actor: alice, Channel: math}

// copyAt buys an order, or stops before, and answers a copy of the ledger from when the order was in the state.
func (s *shop) copyAt(state purchase.State, paid bool) (purchase.OrderID, string) {
	s.t.Helper()
	old := filepath.Join(filepath.Dir(s.path), "old.db")
	keep := func() {
		s.t.Helper()
		s.close()
		if err := copyFile(s.path, old); err != nil {
			s.t.Fatal(err)
		}
		s.open()
	}
	if state == "" {
		keep()
	}
	o := s.propose(spec())
	if state == purchase.Proposed {
		keep()
		if !paid {
			return o.ID, old
		}
	}
	s.fault("outage")
	if state == purchase.Carted {
		s.server.ClearFaults()
		s.server.Inject(cocalctest.Fault{Endpoint: paramsPath, Effect: cocalctest.Fail, Times: 1000})
	}
	if err := s.confirm(o.ID); err != nil {
		s.t.Fatal(err)
	}
	if state != "" && state != purchase.Proposed {
		s.until(o.ID, state)
		keep()
	}
	if paid {
		s.server.ClearFaults()
		s.until(o.ID, purchase.Purchased)
	}
	return o.ID, old
}
