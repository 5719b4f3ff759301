package purchase_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/storage"
)

// withKeyOf starts the bot again with the key of another account.
func (s *shop) withKeyOf(a *cocalctest.Account) {
	s.t.Helper()
	s.close()
	s.account = a
	s.open()
}

// Somebody starts the bot with the key of another CoCalc account. That account says nothing about the orders of this
// ledger: what is not bought there is not settled as not bought, what was bought there is nobody's news, and nothing
// more is bought.
func TestAKeyOfAnotherAccount(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		mine, other := s.account, s.server.Add(cocalctest.NewAccount{Credit: 40000, Partner: true})
		other.AddToCart("site-license", string(s.description()))
		if err := other.Checkout(); err != nil {
			t.Fatal(err)
		}
		held := s.held()
		second := s.propose(spec())
		if err := s.confirm(second.ID); err != nil {
			t.Fatal(err)
		}

		s.withKeyOf(other)
		<-time.After(3 * time.Hour)
		for range 2 {
			if o := s.order(held.ID); o.State != purchase.Unknown {
				t.Fatalf("the held order is %s: %+v", o.State, o.Failure)
			}
			if o := s.order(second.ID); o.State != purchase.Approved || s.server.Count(checkoutPath) != 1 {
				t.Fatalf("the second order is %s: %+v", o.State, o.Failure)
			}
			if p := s.state().Pause; p == nil || !strings.Contains(p.Cause().String(), mine.ID()) ||
				!strings.Contains(p.Cause().String(), other.ID()) {
				t.Fatalf("paused %+v", p)
			}
			s.resume() // which is no answer to it
			<-time.After(time.Hour)
		}
		if texts := s.told("CBUYING", purchase.NotificationForeign); len(texts) > 0 || len(s.events("paused")) != 3 {
			t.Errorf("told %q, paused %d times", texts, len(s.events("paused")))
		}

		s.withKeyOf(mine)
		<-time.After(time.Hour)
		if o := s.order(held.ID); o.State != purchase.Failed {
			t.Errorf("the held order is %s", o.State)
		}
		s.resume()
		s.until(second.ID, purchase.Purchased)
		if n := len(other.Licenses()); n != 1 {
			t.Errorf("the other account has %d licenses", n)
		}
	}, withChannel)
}

// A bot that starts while CoCalc does not say whose the key is takes orders, and begins none of them.
func TestAnOrderWaitsUntilTheKeyIsProven(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		s.close()
		s.server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 1000})
		s.open()
		id := s.buy()
		<-time.After(20 * time.Second)
		if o := s.order(id); o.State != purchase.Approved || o.Blocked == nil || s.server.Count("shopping/cart/add") > 0 {
			t.Errorf("the order is %s, and waits for %+v", o.State, o.Blocked)
		}
		s.server.ClearFaults()
		s.until(id, purchase.Purchased)
	})
}

// The ledger keeps whose purchases it tells of from its first contact with CoCalc.
func TestTheLedgerKeepsWhoseItIs(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Minute)
		s.restart()
		<-time.After(time.Minute)
		who, err := s.client.WhoAmI(context.Background())
		if e := s.events("account"); err != nil || len(e) != 1 || !strings.Contains(e[0].Note, who.ID) ||
			s.state().CoCalc != who.ID {
			t.Errorf("%+v, and the account is %q (%v)", e, s.state().CoCalc, err)
		}
	})
}

// The ledger notes the address of the server on which the key was proven. A ledger of an earlier version gets it at the
// next start, and a changed address takes its place and is in the audit.
func TestTheLedgerNotesTheServer(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		notes := func() (all []string) {
			for _, e := range s.events("address") {
				all = append(all, e.Note)
			}
			return all
		}
		begin := func(before string) {
			s.close()
			ledger, err := storage.Open(s.path)
			if err != nil {
				t.Fatal(err)
			}
			err = ledger.Update(context.Background(), func(w purchase.Writer) error {
				account, err := w.Account()
				account.Address = before
				return errors.Join(err, w.PutAccount(account))
			})
			if err := errors.Join(err, ledger.Close()); err != nil {
				t.Fatal(err)
			}
			s.open()
			<-time.After(time.Minute)
		}
		<-time.After(time.Minute)
		here := string(s.client.Site())
		if e := s.events("account"); s.state().Address != here || len(e) != 1 || !strings.HasSuffix(e[0].Note, " on "+here) ||
			notes() != nil {
			t.Fatalf("the server of a new ledger is %q: %+v, %q", s.state().Address, e, notes())
		}
		s.restart()
		<-time.After(time.Minute)
		if notes() != nil {
			t.Errorf("the same server is noted again: %q", notes())
		}
		begin("")
		begin("https://cocalc.example")
		want := []string{"the CoCalc server is " + here, "the CoCalc server changed from https://cocalc.example to " + here}
		if diff := cmp.Diff(want, notes()); diff != "" || s.state().Address != here {
			t.Errorf("the server is %q (-want +got):\n%s", s.state().Address, diff)
		}

		s.server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 1000})
		begin("https://cocalc.example")
		if got := s.state().Address; got != "https://cocalc.example" || len(notes()) != 2 {
			t.Errorf("without a proof of the key, the server is %q: %q", got, notes())
		}
		s.server.ClearFaults()
		s.withKeyOf(s.server.Add(cocalctest.NewAccount{Partner: true}))
		<-time.After(time.Hour)
		if got := s.state().Address; got != "https://cocalc.example" || len(notes()) != 2 {
			t.Errorf("with the key of another account, the server is %q: %q", got, notes())
		}
	})
}

// However long the reason of a pause is, what is found while it lasts is recorded once and announced once.
func TestAnIncidentDuringALongPause(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		other := s.server.Add(cocalctest.NewAccount{Credit: 40000, Partner: true})
		<-time.After(time.Minute)
		if err := s.desk.SetPaused(t.Context(), byAdmin, true, strings.Repeat("預", 400)); err != nil {
			t.Fatal(err)
		}
		s.withKeyOf(other)
		var notices []string
		for range 2 {
			<-time.After(time.Hour)
			notices = append(notices, s.told("CBUYING", purchase.NotificationPaused)...)
			records, p := s.events("paused"), s.state().Pause
			if len(notices) != 2 || len(records) != 2 || records[1].Code != purchase.IncidentForeignKey ||
				records[1].Args["account"] != other.ID() || len(p.Incidents) != 2 {
				t.Fatalf("told %d times, recorded %d times: %+v", len(notices), len(records), p)
			}
			s.restart()
		}
	}, withChannel)
}
