package purchase_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// The ledger's file is moved, deleted or replaced while the bot runs: nothing is confirmed and nothing is paid until it
// has its name again, and then buying goes on by itself.
func TestALedgerThatIsNotInItsPlace(t *testing.T) {
	for name, takeAway := range map[string]func(path, aside string) error{
		"moved":   os.Rename,
		"deleted": func(path, aside string) error { return errors.Join(os.Link(path, aside), os.Remove(path)) },
		"replaced": func(path, aside string) error {
			return errors.Join(os.Rename(path, aside), os.WriteFile(path, []byte("another file"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 40000, func(s *shop) {
				<-time.After(time.Second)
				waiting, later := s.propose(spec()), s.propose(spec())
				// The first order is confirmed, and not begun yet.
				s.server.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail, Times: 3})
				if err := s.confirm(waiting.ID); err != nil {
					t.Fatal(err)
				}
				aside := s.path + ".aside"
				if err := takeAway(s.path, aside); err != nil {
					t.Fatal(err)
				}
				var no *purchase.Refusal
				if err := s.confirm(later.ID); !errors.As(err, &no) || no.Code != purchase.LedgerAway {
					t.Errorf("a click is answered with %v", err)
				}
				if _, err := s.desk.Propose(t.Context(), purchase.Request{
					Requester: alice, Channel: math,
					Spec: spec(),
				}); !errors.As(err,
					&no) || no.Code != purchase.LedgerAway {
					t.Errorf("a command is answered with %v", err)
				}
				<-time.After(time.Hour)
				if o := s.order(waiting.ID); o.State != purchase.Approved || s.server.Count(checkoutPath) != 0 {
					t.Errorf("the order is %s after %d checkouts", o.State, s.server.Count(checkoutPath))
				}
				if s.state().Pause != nil {
					t.Error("the pause is in the ledger")
				}
				if err := os.Rename(aside, s.path); err != nil {
					t.Fatal(err)
				}
				s.until(waiting.ID, purchase.Purchased)
				later = s.propose(spec())
				if err := s.confirm(later.ID); err != nil {
					t.Errorf("when it is back a click is answered with %v", err)
				}
				s.until(later.ID, purchase.Purchased)
				if away, back := s.told("CBUYING", purchase.NotificationLedgerAway),
					s.told("CBUYING", purchase.NotificationLedgerBack); len(away) != 1 ||
					len(back) != 1 {
					t.Errorf("told %q and %q", away, back)
				}
			}, withChannel)
		})
	}
}

// The file is taken away between the last look at an order and its checkout: no checkout is sent.
func TestNoCheckoutIsSentFromALedgerThatIsAway(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		o := s.propose(spec())
		if err := s.confirm(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if o := s.order(o.ID); o.State != purchase.Carted || s.server.Count(checkoutPath) != 0 {
			t.Errorf("the order is %s after %d checkouts", o.State, s.server.Count(checkoutPath))
		}
		if err := os.Rename(s.path+".aside", s.path); err != nil {
			t.Fatal(err)
		}
		s.until(o.ID, purchase.Purchased)
	}, withChannel, func(s *shop) {
		s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, taking{over, s.path, new(bool)}
		}
	})
}

// A new, empty ledger beside an account with purchases of this bot means that its ledger is missing. A person who
// resumes buying accepts the new one, and is not asked again.
func TestANewLedgerBesidePurchasesOfAnOldOne(t *testing.T) {
	inShop(t, 60000, func(s *shop) {
		s.until(s.buy(), purchase.Purchased)
		s.stop()
		if err := errors.Join(s.ledger.Close(), os.Rename(s.path, s.path+".lost")); err != nil {
			t.Fatal(err)
		}
		s.client.Close()
		s.open()
		<-time.After(time.Minute)
		p := s.state().Pause
		if p == nil || !strings.Contains(p.Cause().String(), `(new-ledger purchases="1")`) {
			t.Fatalf("paused %+v", p)
		}
		if len(s.told("CBUYING", purchase.NotificationPaused)) != 1 {
			t.Error("the missing ledger is not reported")
		}
		s.resume()
		if resumed := s.events("resumed"); len(resumed) != 1 || resumed[0].Cause.Code != purchase.AcceptsNewLedger {
			t.Errorf("the audit says %+v", resumed)
		}
		s.until(s.buy(), purchase.Purchased)
		if said := s.claims().Compare(s.sales()); len(said.Wrong) > 0 || said.Earlier != 1 {
			t.Errorf("bot verify says %+v", said)
		}
		s.restart()
		<-time.After(24 * time.Hour)
		if p := s.state().Pause; p != nil {
			t.Errorf("paused again: %+v", p)
		}
	}, withChannel)
}

// CoCalc's answers tell its time in whole seconds, so that a purchase of the missing ledger can seem to be made after
// the new one has begun. It is one of those that the new ledger found at its beginning all the same: no second
// incident, and nothing that `bot verify` cannot explain.
func TestAPurchaseAMomentOlderThanANewLedger(t *testing.T) {
	inShop(t, 60000, func(s *shop) {
		s.stop()
		if err := errors.Join(s.ledger.Close(), os.Rename(s.path, s.path+".lost")); err != nil {
			t.Fatal(err)
		}
		s.client.Close()
		<-time.After(time.Until(time.Now().Truncate(time.Second).Add(1300 * time.Millisecond)))
		s.account.AddToCart("site-license",
			`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
				`"boost":false,"period":"monthly","run_limit":1,"title":"Statistics","description":"order `+
				`00VHNCZB00VQ2WM9FQNK7G1PB2"}`)
		if err := s.account.Checkout(); err != nil {
			t.Fatal(err)
		}
		s.open()
		<-time.After(time.Minute)
		sold := s.sales().Rows
		if began := s.state().Watching; len(sold) != 1 || began.IsZero() || began.After(sold[0].Time) {
			t.Fatalf("the new ledger began at %v, and CoCalc sold %+v: that is another test", began, sold)
		}
		s.resume()
		if said := s.claims().Compare(s.sales()); len(said.Wrong) > 0 || said.Earlier != 1 {
			t.Errorf("bot verify says %+v", said)
		}
		<-time.After(24 * time.Hour)
		if p, found := s.state().Pause, s.events("unexplained-purchase"); p != nil || len(found) > 0 {
			t.Errorf("paused again: %+v, since %+v", p, found)
		}
	}, withChannel)
}

// taking is a shop that takes the ledger's file away at the last look before paying, once.
type taking struct {
	purchase.Shop
	path string
	done *bool
}

func (t taking) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	if !*t.done {
		*t.done = true
		if err := os.Rename(t.path, t.path+".aside"); err != nil {
			return cocalc.CheckoutParams{}, err
		}
	}
	return t.Shop.CheckoutParams(ctx)
}
