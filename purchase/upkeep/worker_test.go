package upkeep_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// The subscription is read, ended with one request, and read back; the license runs until the end of the paid period.
// Later comparisons don't report it as a change from outside. Keeping it is the same way back, and free.
func TestWorker_CarryOut_EndAndKeep(t *testing.T) {
	run(t, func(env *purchasetest.Env, s *shop, license string) {
		balance := env.Account.Balance()
		wantText(t, "end", decide(env, purchasetest.Alice, purchase.WishEnd, license), "subscription-asked")
		<-time.After(time.Minute)
		want(t, "requests", s.all(), "read", "cancel", "read")
		wantText(t, "the subscription", status(env), "canceled")
		l := env.Owned(license)
		if at, _ := l.NextCharge(); !at.IsZero() || l.Decision.IsPending() || l.Decision.By != "UALICE" {
			t.Errorf("got %+v with a charge at %s, want it ended by Alice", l.Decision, at)
		}
		want(t, "told", outcomes(env), "UALICE subscription-ended")
		<-time.After(3 * sweep)
		s.reset()
		wantText(t, "keep", decide(env, purchasetest.Erin, purchase.WishKeep, license), "subscription-asked")
		<-time.After(time.Minute)
		want(t, "requests", s.all(), "read", "resume", "read")
		wantText(t, "the subscription", status(env), "active")
		want(t, "told", outcomes(env), "UALICE subscription-kept", "UERIN subscription-kept")
		<-time.After(3 * sweep)
		want(t, "audit records", kinds(env), "end-requested", "end-sent", "subscription-ended", "keep-requested",
			"keep-sent", "subscription-kept")
		if env.Account.Balance() != balance {
			t.Errorf("got the balance %d, want %d", env.Account.Balance(), balance)
		}
		if got := env.AccountState().Decided; len(got) != 0 {
			t.Errorf("got the open decisions %q, want none", got)
		}
	})
}

// If the subscription already is as wished, nothing is sent. What another person did outside the bot is a record of its
// own.
func TestWorker_CarryOut_ReadsFirst(t *testing.T) {
	run(t, func(env *purchasetest.Env, s *shop, license string) {
		env.Account.CancelSubscription(env.Account.Subscriptions()[0].ID)
		decide(env, purchasetest.Alice, purchase.WishEnd, license)
		<-time.After(time.Minute)
		want(t, "requests", s.all(), "read")
		<-time.After(3 * sweep)
		want(t, "audit records", kinds(env), "end-requested", "subscription-cancelled", "subscription-ended")
		if e := env.Events("subscription-ended"); e[0].Args["already"] != "true" || e[0].Args["by"] != "UALICE" {
			t.Errorf("got %v, want who decided, and that it was so already", e[0].Cause)
		}
	})
}

// Answers that are lost, and requests that never arrived. Whatever happens, at most one request takes effect, and one
// whose answer was lost is not repeated.
func TestWorker_CarryOut_Faults(t *testing.T) {
	for _, test := range []struct {
		name     string
		fault    cocalctest.Fault
		requests []string // within five minutes
		ends     string   // the status of the subscription
		outcome  string   // the kind of the last record
	}{
		{
			"the answer is lost, and it took effect",
			cocalctest.Fault{Endpoint: cancelEndpoint, Effect: cocalctest.LoseAnswer, When: cocalctest.After, Times: 1},
			[]string{"read", "cancel", "read"},
			"canceled", "subscription-ended",
		},
		{
			"it takes effect late",
			cocalctest.Fault{Endpoint: cancelEndpoint, Effect: cocalctest.ActLate, Wait: 5 * time.Second, Times: 1},
			[]string{"read", "cancel", "read", "read", "read"},
			"canceled", "subscription-ended",
		},
		{
			"the answer is lost, and nothing happened",
			cocalctest.Fault{Endpoint: cancelEndpoint, Effect: cocalctest.LoseAnswer, When: cocalctest.Before, Times: 1},
			[]string{"read", "cancel", "read", "read", "read", "read", "read", "read", "read", "read"},
			"active",
			"subscription-unchanged",
		},
		{
			"success without an effect",
			cocalctest.Fault{Endpoint: "none"},
			[]string{"read", "cancel", "read", "read", "read", "read", "read", "read", "read", "read"},
			"active",
			"subscription-unchanged",
		},
		{
			"refused",
			cocalctest.Fault{Endpoint: cancelEndpoint, Effect: cocalctest.Refuse, Text: "no", Times: 1},
			[]string{"read", "cancel", "read"},
			"active", "subscription-unchanged",
		},
		{
			"the database was down for a moment, so it was not even looked at",
			cocalctest.Fault{Endpoint: cancelEndpoint, Effect: cocalctest.Refuse, Text: "must be signed in", Times: 1},
			[]string{"read", "cancel", "read", "cancel", "read"},
			"canceled", "subscription-ended",
		},
		{
			"it can't be read at first",
			cocalctest.Fault{Endpoint: readEndpoint, Effect: cocalctest.Fail, Times: 6},
			[]string{"read", "read", "read", "cancel", "read"},
			"canceled", "subscription-ended",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(env *purchasetest.Env, s *shop, license string) {
				env.Server.Inject(test.fault)
				s.ignores = test.fault.Endpoint == "none"
				decide(env, purchasetest.Alice, purchase.WishEnd, license)
				<-time.After(5 * time.Minute)
				want(t, "requests", s.all(), test.requests...)
				wantText(t, "the subscription", status(env), test.ends)
				records := kinds(env)
				wantText(t, "the last record", records[len(records)-1], test.outcome)
				if test.outcome == "subscription-unchanged" {
					want(t, "told", outcomes(env), "UALICE subscription-unchanged", "UDANA subscription-unchanged")
					wantText(t, "a new click", decide(env, purchasetest.Alice, purchase.WishEnd, license), "subscription-asked")
					<-time.After(time.Minute)
					wantText(t, "after a new click", status(env), "canceled")
				}
			})
		})
	}
}

// A request whose effect comes after the bot gave up on it is the outcome of the decision, not a change from outside.
func TestWorker_CarryOut_VeryLate(t *testing.T) {
	run(t, func(env *purchasetest.Env, _ *shop, license string) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: cancelEndpoint, Effect: cocalctest.ActLate, Wait: 4 * time.Minute, Times: 1,
		})
		decide(env, purchasetest.Alice, purchase.WishEnd, license)
		<-time.After(2 * sweep)
		want(t, "audit records", kinds(env), "end-requested", "end-sent", "subscription-unchanged", "subscription-ended")
	})
}

// A decision that was sent is only read back by the next run, wherever the bot was stopped. The clocks may jump
// meanwhile.
func TestWorker_CarryOut_Restarts(t *testing.T) {
	for _, happened := range []bool{false, true} {
		t.Run(fmt.Sprintf("it took effect %t", happened), func(t *testing.T) {
			var ahead func(time.Duration)
			run(t, func(env *purchasetest.Env, s *shop, license string) {
				r := renewal(env, purchase.WishEnd, license)
				env.Stop() // nothing carries it out
				env.Update(func(w purchase.Writer) error {
					l, _, err := w.Owned(license)
					if err != nil {
						return err
					}
					l, _, _ = l.Decide(purchase.SubscriptionDecision{
						Wish: purchase.WishEnd, By: "UALICE", At: time.Now(), Subscription: r.Subscription, PaidTo: r.PaidTo,
						Sent: time.Now(),
					})
					account, err := w.Account()
					if err != nil {
						return err
					}
					account.Decided = []string{license}
					if err := w.PutAccount(account); err != nil {
						return err
					}
					return w.PutOwned(l)
				})
				if happened {
					env.Account.CancelSubscription(r.Subscription)
				}
				env.Client.Close()
				if err := env.Ledger.Close(); err != nil {
					t.Fatal(err)
				}
				ahead(-48 * time.Hour)
				s.reset()
				env.Open()
				<-time.After(5 * time.Minute)
				if slices.Contains(s.all(), "cancel") {
					t.Errorf("got the requests %q, want it only read back", s.all())
				}
				outcome := "subscription-unchanged"
				if happened {
					outcome = "subscription-ended"
				}
				want(t, "audit records", kinds(env), outcome)
			}, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
		})
	}
}

// Two people click at the same time, and one of them twice: one request is sent, for the first.
func TestWorker_CarryOut_TwoPeople(t *testing.T) {
	run(t, func(env *purchasetest.Env, s *shop, license string) {
		r := renewal(env, purchase.WishEnd, license)
		said := []string{
			click(env, purchasetest.Alice, r), click(env, purchasetest.Erin, r), click(env, purchasetest.Alice, r),
		}
		want(t, "answers", said, "subscription-asked", "subscription-pending", "subscription-pending")
		<-time.After(time.Minute)
		want(t, "requests", s.all(), "read", "cancel", "read")
		want(t, "a click that is delivered again", []string{click(env, purchasetest.Alice, r)}, "subscription-stale")
		<-time.After(time.Minute)
		want(t, "requests", s.all(), "read", "cancel", "read")
	})
}

// A decision that isn't sent yet can be replaced; nothing is sent for the first.
func TestWorker_CarryOut_ChangedMind(t *testing.T) {
	run(t, func(env *purchasetest.Env, s *shop, license string) {
		fault := env.Server.Inject(cocalctest.Fault{Endpoint: readEndpoint, Effect: cocalctest.Fail})
		decide(env, purchasetest.Alice, purchase.WishEnd, license)
		<-time.After(10 * time.Second)
		wantText(t, "keep", decide(env, purchasetest.Alice, purchase.WishKeep, license), "subscription-asked")
		fault.Clear()
		<-time.After(2 * time.Minute)
		if slices.Contains(s.all(), "cancel") || slices.Contains(s.all(), "resume") {
			t.Errorf("got the requests %q, want nothing sent", s.all())
		}
		want(t, "audit records", kinds(env), "end-requested", "keep-requested", "subscription-kept")
	})
}

// After the paid period, resuming costs money: it is never sent, also not within minutes of the end.
func TestWorker_CarryOut_PeriodOver(t *testing.T) {
	for _, before := range []time.Duration{10 * time.Minute, -time.Hour} {
		run(t, func(env *purchasetest.Env, s *shop, license string) {
			decide(env, purchasetest.Alice, purchase.WishEnd, license)
			<-time.After(time.Minute)
			r := renewal(env, purchase.WishKeep, license)
			<-time.After(time.Until(r.PaidTo) - before)
			s.reset()
			wantText(t, "keep", click(env, purchasetest.Alice, r), "subscription-asked")
			<-time.After(time.Minute)
			if slices.Contains(s.all(), "resume") {
				t.Errorf("%s before the end: got the requests %q, want nothing sent", before, s.all())
			}
			if e := env.Events("subscription-unchanged"); len(e) != 1 || e[0].Args["why"] != "period-over" {
				t.Errorf("%s before the end: got %v, want that the period is over", before, e)
			}
		}, func(env *purchasetest.Env) { env.Timing.Sweep, env.Timing.Probe = 12*time.Hour, 12*time.Hour })
	}
}

// Nothing is sent while the server doesn't sell licenses, or with the key of another account. Orders don't wait for
// that.
func TestWorker_CarryOut_Closed(t *testing.T) {
	for name, closes := range map[string]func(*purchasetest.Env) (reopen func()){
		"maintenance": func(env *purchasetest.Env) func() {
			return env.Server.Inject(purchasetest.MaintenancePage()).Clear
		},
		"moved": func(env *purchasetest.Env) func() {
			return env.Server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer}).Clear
		},
		"the key of another account": func(env *purchasetest.Env) func() {
			own := env.Account
			env.RestartWithKeyOf(env.Server.Add(cocalctest.NewAccount{Credit: 40000, Partner: true}))
			return func() { env.RestartWithKeyOf(own) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(env *purchasetest.Env, s *shop, license string) {
				r := renewal(env, purchase.WishEnd, license)
				reopen := closes(env)
				if name != "moved" { // a moved server refuses the click itself once that is known
					<-time.After(10 * time.Minute)
				}
				wantText(t, "end", click(env, purchasetest.Alice, r), "subscription-asked")
				<-time.After(20 * time.Minute)
				if slices.Contains(s.all(), "cancel") {
					t.Errorf("got the requests %q, want nothing sent", s.all())
				}
				reopen()
				<-time.After(15 * time.Minute)
				want(t, "audit records", kinds(env), "end-requested", "end-sent", "subscription-ended")
			})
		})
	}
}

// A CoCalc that can't be asked for an hour ends the decision, and nothing is sent when it is back.
func TestWorker_CarryOut_GivesUp(t *testing.T) {
	run(t, func(env *purchasetest.Env, s *shop, license string) {
		fault := env.Server.Inject(purchasetest.MaintenancePage())
		decide(env, purchasetest.Alice, purchase.WishEnd, license)
		<-time.After(65 * time.Minute)
		want(t, "told", outcomes(env), "UALICE subscription-unchanged", "UDANA subscription-unchanged")
		fault.Clear()
		<-time.After(time.Hour)
		if slices.Contains(s.all(), "cancel") || status(env) != "active" {
			t.Errorf("got the requests %q, want nothing sent", s.all())
		}
	})
}

// The decision waits for no order: while a checkout hangs, the subscription is ended.
func TestWorker_CarryOut_BesideAnOrder(t *testing.T) {
	run(t, func(env *purchasetest.Env, _ *shop, license string) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, Effect: cocalctest.Delay, Wait: 90 * time.Second, Times: 1,
		})
		id := env.Buy()
		<-time.After(10 * time.Second)
		decide(env, purchasetest.Alice, purchase.WishEnd, license)
		<-time.After(20 * time.Second)
		if s := env.Order(id).State; s != purchase.Paying || status(env) != "canceled" {
			t.Errorf("got the order %s and the subscription %s, want it cancelled while the order is paid", s, status(env))
		}
		env.Until(id, purchase.Purchased)
	})
}

// What a restored backup had open ends without a request: people may have decided otherwise since.
func TestWorker_CarryOut_Restored(t *testing.T) {
	run(t, func(env *purchasetest.Env, s *shop, license string) {
		env.Server.Inject(cocalctest.Fault{Endpoint: readEndpoint, Effect: cocalctest.Fail, Times: 100})
		decide(env, purchasetest.Alice, purchase.WishEnd, license)
		env.Close()
		if err := env.MarkRestored(); err != nil {
			t.Fatal(err)
		}
		env.Open()
		<-time.After(2 * time.Hour)
		if slices.Contains(s.all(), "cancel") {
			t.Errorf("got the requests %q, want nothing sent", s.all())
		}
		if e := env.Events("subscription-unchanged"); len(e) != 1 || e[0].Args["why"] != "restored" {
			t.Errorf("got %v, want that the ledger was restored", e)
		}
	})
}

// An admin may end another subscription of the account. The ledger keeps the decision alone, for two months.
func TestWorker_CarryOut_OtherLicense(t *testing.T) {
	run(t, func(env *purchasetest.Env, _ *shop, _ string) {
		env.BuyForeignItem()
		other := env.Account.Subscriptions()[1]
		r := orders.Renewal{
			Wish: purchase.WishEnd, License: other.LicenseID, Subscription: other.ID, PaidTo: other.PeriodEnd,
		}
		wantText(t, "Alice", click(env, purchasetest.Alice, r), "not-your-license")
		wantText(t, "Erin", click(env, purchasetest.Erin, r), "not-your-license")
		wantText(t, "Dana", click(env, purchasetest.Dana, r), "subscription-asked")
		<-time.After(time.Minute)
		wantText(t, "the subscription", env.Account.Subscriptions()[1].Status, "canceled")
		want(t, "told", outcomes(env), "UDANA subscription-ended")
		<-time.After(90 * 24 * time.Hour)
		env.WantNotOwned(other.LicenseID)
		if n := len(env.Entries()); n != 1 {
			t.Errorf("got %d entries, want the license not followed", n)
		}
	}, func(env *purchasetest.Env) { env.Timing.Sweep, env.Timing.Probe = 12*time.Hour, 12*time.Hour })
}
