package reconcile_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
	"licensebot/storage"
)

// The bot is started with the key of another CoCalc account, which says nothing about the orders of this ledger: no
// order is settled as not bought, no purchase there is reported as foreign, and nothing more is bought.
func TestReconciler_VerifyAccount_OtherAccount(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		mine, other := env.Account, env.Server.Add(cocalctest.NewAccount{Credit: 40000, Partner: true})
		other.AddToCart("site-license", string(env.CartDescription()))
		if err := other.Checkout(); err != nil {
			t.Fatal(err)
		}
		held := env.BuyUnresolved()
		second := env.Propose(purchasetest.Spec())
		if err := env.Confirm(second.ID); err != nil {
			t.Fatal(err)
		}

		env.RestartWithKeyOf(other)
		<-time.After(3 * time.Hour)
		for range 2 {
			if o := env.Order(held.ID); o.State != purchase.Unknown {
				t.Fatalf("held order: got %s, failure %+v; want %s", o.State, o.Failure, purchase.Unknown)
			}
			if o := env.Order(second.ID); o.State != purchase.Approved || env.Server.Count(purchasetest.CheckoutEndpoint) != 1 {
				t.Fatalf("second order: got %s, %d checkouts, failure %+v; want %s, 1 checkout", o.State,
					env.Server.Count(purchasetest.CheckoutEndpoint), o.Failure, purchase.Approved)
			}
			if p := env.AccountState().Pause; p == nil || !strings.Contains(p.Cause().String(), mine.ID()) ||
				!strings.Contains(p.Cause().String(), other.ID()) {
				t.Fatalf("pause: got %+v, want one with the accounts %s and %s", p, mine.ID(), other.ID())
			}
			env.Resume() // which does not resolve the incident
			<-time.After(time.Hour)
		}
		if texts := env.Notifications("CBUYING", purchase.NotificationForeign); len(texts) > 0 ||
			len(env.Events("paused")) != 3 {
			t.Errorf("got messages %q, %d pauses; want none, 3", texts, len(env.Events("paused")))
		}

		env.RestartWithKeyOf(mine)
		<-time.After(time.Hour)
		if o := env.Order(held.ID); o.State != purchase.Failed {
			t.Errorf("held order: got %s, want %s", o.State, purchase.Failed)
		}
		env.Resume()
		env.Until(second.ID, purchase.Purchased)
		if n := len(other.Licenses()); n != 1 {
			t.Errorf("licenses of the other account: got %d, want 1", n)
		}
	}, purchasetest.WithChannel)
}

// The ledger stores the id of its CoCalc account at the first contact with CoCalc. A ledger without orders has none of
// a version that counted each of a person's ids by itself.
func TestReconciler_VerifyAccount_KeptOnce(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		if !env.AccountState().IDsMerged {
			t.Error("got a new ledger whose ids are not merged, want no start to read all orders for that")
		}
		env.Restart()
		<-time.After(time.Minute)
		who, err := env.Client.WhoAmI(context.Background())
		if e := env.Events("account"); err != nil || len(e) != 1 || !strings.Contains(e[0].Note, who.ID) ||
			env.AccountState().CoCalc != who.ID {
			t.Errorf("got audit records %+v, account %q (error %v); want one record with %q, account %q", e,
				env.AccountState().CoCalc, err, who.ID, who.ID)
		}
	})
}

// The ledger stores the address of the server on which the key was proven. A ledger of an earlier version gets it at
// the next start; a changed address replaces it and is in the audit.
func TestReconciler_VerifyAccount_Address(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		notes := func() (all []string) {
			for _, e := range env.Events("address") {
				all = append(all, e.Note)
			}
			return all
		}
		begin := func(before string) {
			env.Close()
			ledger, err := storage.Open(env.Path)
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
			env.Open()
			<-time.After(time.Minute)
		}
		<-time.After(time.Minute)
		here := string(env.Client.Site())
		if e := env.Events("account"); env.AccountState().Address != here || len(e) != 1 || !strings.HasSuffix(e[0].Note,
			" on "+here) ||
			notes() != nil {
			t.Fatalf("new ledger: got server %q, audit records %+v, later notes %q; want %q, one record that names it, none",
				env.AccountState().Address, e, notes(), here)
		}
		env.Restart()
		<-time.After(time.Minute)
		if notes() != nil {
			t.Errorf("notes after a restart: got %q, want none", notes())
		}
		begin("")
		begin("https://cocalc.example")
		want := []string{"the CoCalc server is " + here, "the CoCalc server changed from https://cocalc.example to " + here}
		if diff := cmp.Diff(want, notes()); diff != "" || env.AccountState().Address != here {
			t.Errorf("the server is %q (-want +got):\n%s", env.AccountState().Address, diff)
		}

		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 1000})
		begin("https://cocalc.example")
		if got := env.AccountState().Address; got != "https://cocalc.example" || len(notes()) != 2 {
			t.Errorf("without a proof of the key: got server %q, notes %q; want https://cocalc.example, 2 notes", got, notes())
		}
		env.Server.ClearFaults()
		env.RestartWithKeyOf(env.Server.Add(cocalctest.NewAccount{Partner: true}))
		<-time.After(time.Hour)
		if got := env.AccountState().Address; got != "https://cocalc.example" || len(notes()) != 2 {
			t.Errorf("with the key of another account: got server %q, notes %q; want https://cocalc.example, 2 notes", got,
				notes())
		}
	})
}

// A new, empty ledger beside an account with purchases of this bot means that its ledger is missing. A person who
// resumes buying accepts the new one, and is not asked again.
func TestReconciler_VerifyAccount_NewLedger(t *testing.T) {
	purchasetest.Run(t, 60000, func(env *purchasetest.Env) {
		env.Until(env.Buy(), purchase.Purchased)
		env.Stop()
		if err := errors.Join(env.Ledger.Close(), os.Rename(env.Path, env.Path+".lost")); err != nil {
			t.Fatal(err)
		}
		env.Client.Close()
		env.Open()
		<-time.After(time.Minute)
		p := env.AccountState().Pause
		if p == nil || !strings.Contains(p.Cause().String(), `(new-ledger purchases="1")`) {
			t.Fatalf("pause: got %+v, want one by a new ledger with 1 purchase before it", p)
		}
		if texts := env.Notifications("CBUYING", purchase.NotificationPaused); len(texts) != 1 {
			t.Errorf("messages about the missing ledger: got %q, want 1", texts)
		}
		env.Resume()
		if resumed := env.Events("resumed"); len(resumed) != 1 || resumed[0].Cause.Code != purchase.AcceptsNewLedger {
			t.Errorf("audit records: got %+v, want one, %s", resumed, purchase.AcceptsNewLedger)
		}
		env.Until(env.Buy(), purchase.Purchased)
		if said := env.Claims().Compare(env.Sales()); len(said.Wrong) > 0 || said.Earlier != 1 {
			t.Errorf("comparison: got %+v, want nothing wrong, 1 earlier purchase", said)
		}
		env.Restart()
		<-time.After(24 * time.Hour)
		if p := env.AccountState().Pause; p != nil {
			t.Errorf("pause: got %+v, want none", p)
		}
	}, purchasetest.WithChannel)
}

// CoCalc's times are whole seconds, so a purchase of the missing ledger can seem later than the beginning of the new
// one. It still belongs to the purchases that the new ledger found at its beginning: no second incident, and `bot
// verify` explains it.
func TestReconciler_VerifyAccount_PurchaseJustBefore(t *testing.T) {
	purchasetest.Run(t, 60000, func(env *purchasetest.Env) {
		env.Stop()
		if err := errors.Join(env.Ledger.Close(), os.Rename(env.Path, env.Path+".lost")); err != nil {
			t.Fatal(err)
		}
		env.Client.Close()
		<-time.After(time.Until(time.Now().Truncate(time.Second).Add(1300 * time.Millisecond)))
		env.Account.AddToCart("site-license",
			`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
				`"boost":false,"period":"monthly","run_limit":1,"title":"Statistics","description":"order `+
				`00VHNCZB00VQ2WM9FQNK7G1PB2"}`)
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		env.Open()
		<-time.After(time.Minute)
		sold := env.Sales().Rows
		if began := env.AccountState().Watching; len(sold) != 1 || began.IsZero() || began.After(sold[0].Time) {
			t.Fatalf("got a ledger that began at %v and purchases %+v, want one purchase after the ledger began", began, sold)
		}
		env.Resume()
		if said := env.Claims().Compare(env.Sales()); len(said.Wrong) > 0 || said.Earlier != 1 {
			t.Errorf("comparison: got %+v, want nothing wrong, 1 earlier purchase", said)
		}
		<-time.After(24 * time.Hour)
		if p, found := env.AccountState().Pause, env.Events("unexplained-purchase"); p != nil || len(found) > 0 {
			t.Errorf("got pause %+v, unexplained purchases %+v; want none", p, found)
		}
	}, purchasetest.WithChannel)
}
