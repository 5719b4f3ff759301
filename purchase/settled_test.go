package purchase_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// lostAndLate makes an order whose checkout commits after so long, and whose answer is lost at once.
func (s *shop) lostAndLate(takes time.Duration) purchase.Order {
	s.t.Helper()
	s.server.Inject(cocalctest.Fault{
		Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
		Times: 1,
	})
	s.server.SetCheckoutTakes(takes, time.Second)
	return s.until(s.buy(), purchase.Unknown)
}

func (s *shop) settle(id purchase.OrderID, how orders.Decision) error {
	s.t.Helper()
	_, err := s.desk.Decide(context.Background(), byAdmin, id, how)
	return err
}

// What an admin says about an order is not always right. The ledger ends with what CoCalc shows, counted once.
func TestAnAdminsWordAndWhatCoCalcShows(t *testing.T) {
	const mistyped = "00000000-0000-4000-8000-000000000000"
	t.Run("a mistyped license is no double buy", func(t *testing.T) {
		inShop(t, 40000, func(s *shop) {
			o := s.lostAndLate(3 * time.Hour) // long after its purchases were counted in vain
			if err := s.settle(o.ID, orders.Decision{
				Kind:    orders.Resolve,
				Verdict: purchase.WasBought, LicenseID: mistyped,
				Reason: "support wrote",
			}); err != nil {
				t.Fatal(err)
			}
			<-time.After(5 * time.Hour)
			s.check(1, 6375, 0)
			if o = s.order(o.ID); o.Receipt.LicenseID != s.account.Licenses()[0].ID || len(o.Receipt.Duplicates) > 0 ||
				s.state().Pause != nil {
				t.Errorf("receipt %+v, pause %+v", o.Receipt, s.state().Pause)
			}
		}, withChannel)
	})
	t.Run("a license of another order settles nothing", func(t *testing.T) {
		inShop(t, 40000, func(s *shop) {
			first := s.until(s.buy(), purchase.Purchased)
			o := s.held()
			err := s.settle(o.ID, orders.Decision{
				Kind:    orders.Resolve,
				Verdict: purchase.WasBought, LicenseID: first.Receipt.LicenseID,
				Reason: "seen in the list",
			})
			s.refusedAs(err, purchase.Unreadable)
			if err == nil || !strings.Contains(err.Error(), string(first.ID)) || s.order(o.ID).State != purchase.Unknown {
				t.Errorf("%v, and the order is %s", err, s.order(o.ID).State)
			}
			s.until(o.ID, purchase.Failed)
			s.check(1, 6375, 0)
		})
	})
	t.Run("settled as bought, its item does not stay to be bought by others", func(t *testing.T) {
		inShop(t, 40000, func(s *shop) {
			o := s.held() // and nothing was done by its checkout
			if err := s.settle(o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			for _, item := range s.cart() {
				t.Errorf("item %d is still in the cart: %s", item.ID, item.Text())
			}
			if err := s.account.Checkout(); err != nil || len(s.account.Licenses()) != 0 {
				t.Errorf("somebody's checkout bought %d licenses (%v)", len(s.account.Licenses()), err)
			}
		})
	})
	t.Run("settled as bought, its checkout may still come: no other order begins before", func(t *testing.T) {
		inShop(t, 40000, func(s *shop) {
			s.server.Inject(cocalctest.Fault{Endpoint: checkoutPath, Effect: cocalctest.ActLate, Wait: 9*time.Minute +
				30*time.Second, Times: 1})
			o := s.until(s.buy(), purchase.Unknown)
			sent := time.Now()
			if err := s.settle(o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			next := s.buy()
			for time.Since(sent) < 9*time.Minute+55*time.Second {
				if state := s.order(next).State; state != purchase.Approved {
					t.Fatalf("after %s the next order is %s", time.Since(sent), state)
				}
				<-time.After(time.Second)
			}
			s.until(next, purchase.Purchased)
		})
	})
	t.Run("our own checkout that comes late is nobody else's", func(t *testing.T) {
		inShop(t, 40000, func(s *shop) {
			o := s.lostAndLate(5 * time.Minute)
			if err := s.settle(o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasNotBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			if o = s.until(o.ID, purchase.Purchased); o.Receipt.Adopted {
				t.Error("it says that somebody else's checkout bought it, before mine was sent")
			}
		})
	})
}

// What CoCalc charged too much is recorded and told once. Whoever resumed buying since has seen it.
func TestAnOverchargeIsToldOnce(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{Endpoint: checkoutPath, Effect: cocalctest.PriceMoved, Percent: 110, Times: 1})
		id := s.buy()
		s.until(id, purchase.Purchased)
		if err := s.desk.SetPaused(context.Background(), byAdmin, false, "support refunds it"); err != nil {
			t.Fatal(err)
		}
		<-time.After(24 * time.Hour)
		if p := s.state().Pause; p != nil {
			t.Errorf("paused again: %s", p.Cause())
		}
		if n := len(s.events("overcharged")); n != 1 {
			t.Errorf("recorded %d times", n)
		}
		s.check(1, s.order(id).Receipt.Charged, 0)
	})
}

// A click on an order that ended by an admin's word, or with a restore, doesn't say that nothing was charged: CoCalc
// has not shown that.
func TestAClickSaysOnlyWhatCoCalcHasShown(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		o := s.held()
		if err := s.settle(o.ID, orders.Decision{
			Kind: orders.Resolve, Verdict: purchase.WasNotBought,
			Reason: "asked support",
		}); err != nil {
			t.Fatal(err)
		}
		for _, code := range []purchase.FailureCode{purchase.FailByAdmin, purchase.FailRestored, purchase.FailUnreachable} {
			s.close()
			s.amend(o.ID, func(o *purchase.Order) { o.Failure = &purchase.Failure{Cause: purchase.Cause{Code: code}} })
			s.open()
			err := s.confirm(o.ID)
			if err == nil {
				t.Fatalf("%s: it is confirmed again", code)
			}
			says, want := !strings.Contains(err.Error(), `charged="maybe"`), code == purchase.FailUnreachable
			if says != want {
				t.Errorf("%s: it says %q", code, err)
			}
		}
	})
}
