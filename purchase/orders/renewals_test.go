package orders_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

const day = 24 * time.Hour

// rarely compares the account with the ledger four times a day, for tests of weeks.
func rarely(env *purchasetest.Env) { env.Timing.Sweep, env.Timing.Probe = 6*time.Hour, 6*time.Hour }

// refusedWith returns the code of a refusal.
func refusedWith(err error) purchase.RefusalCode {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return no.Code
	}
	return ""
}

// What CoCalc will charge for renewals in a month is committed in it, from the purchase on: a license that is bought on
// the first of a month costs twice in that month.
func TestService_Budget_ContainsRenewals(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Minute) // the account was compared
		third := env.Propose(purchasetest.Spec())
		first := env.Buy()
		if b := env.Budget("2000-01"); b.Reserved != 2*6375 {
			t.Errorf("got %s reserved, want the price and its renewal on 27 January", b.Reserved)
		}
		env.Until(first, purchase.Purchased)
		b := env.AccountState().WithDue(env.Budget("2000-01"))
		if left, _ := env.Policy.Left(b); b.Spent != 6375 || b.Reserved != 0 || b.Due.Amount != 6375 || left != 3*6375 {
			t.Errorf("got %+v and %s left at once, want the price spent and its renewal due", b, left)
		}
		second := env.Buy()
		env.Until(second, purchase.Purchased)
		if code := refusedWith(env.Confirm(third.ID)); code != purchase.OverBudget {
			t.Errorf("a third license, for a third of its price: got %q, want %q", code, purchase.OverBudget)
		}
		// A fixed term costs nothing later.
		term := purchasetest.Spec()
		term.Period, term.Start, term.End = cocalc.PeriodRange, time.Now(), time.Now().Add(7*day)
		if err := env.Confirm(env.Propose(term).ID); err != nil {
			t.Errorf("a fixed term within what is left: got %v, want it confirmed", err)
		}
		<-time.After(27 * day) // CoCalc charged
		for _, s := range env.Account.Subscriptions() {
			if err := env.Account.RenewSubscription(s.ID); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(day)
		b = env.AccountState().WithDue(env.Budget("2000-01"))
		if b.Upkeep != 2*6375 || b.Due.Amount != 0 {
			t.Errorf("after the renewals: got %+v, want them spent, and nothing due any more", b)
		}
		if next := env.AccountState().WithDue(env.Budget("2000-02")); next.Due.Amount != 2*6375 {
			t.Errorf("February: got %+v due, want both renewals", next.Due)
		}
	}, rarely, func(env *purchasetest.Env) { env.Policy.MonthlyBudget = purchase.Limit{Max: 5 * 6375} })
}

// Money that was cancelled is free again: a subscription that ends is no longer committed.
func TestService_Budget_CancelledSubscription(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.Until(env.Buy(), purchase.Purchased)
		<-time.After(11 * time.Minute)
		env.Account.CancelSubscription(env.Account.Subscriptions()[0].ID)
		<-time.After(11 * time.Minute)
		if b := env.AccountState().WithDue(env.Budget("2000-01")); b.Due.Amount != 0 || b.Spent != 6375 {
			t.Errorf("got %+v, want nothing due", b)
		}
		if c := env.AccountState().Committed; c.Licenses != 0 || c.PerMonth() != 0 {
			t.Errorf("got %+v, want no license that renews", c)
		}
	})
}

// RENEWALS_LIMIT caps what all licenses that renew cost per month, also those that are reserved and not bought yet.
func TestService_RenewalsLimit(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		third := env.Propose(purchasetest.Spec())
		env.Until(env.Buy(), purchase.Purchased)
		env.SwitchOn("outage")
		waiting := env.Buy()
		if code := refusedWith(env.Confirm(third.ID)); code != purchase.OverRenewals {
			t.Errorf("got %q, want %q: one is bought, and one reserved", code, purchase.OverRenewals)
		}
		env.Server.SwitchOff("outage")
		env.Until(waiting, purchase.Purchased)
		if code := refusedWith(env.Confirm(third.ID)); code != purchase.OverRenewals {
			t.Errorf("got %q, want %q: two are bought", code, purchase.OverRenewals)
		}
		<-time.After(11 * time.Minute)
		env.Account.CancelSubscription(env.Account.Subscriptions()[0].ID)
		<-time.After(11 * time.Minute)
		if err := env.Confirm(third.ID); err != nil {
			t.Errorf("got %v, want it confirmed: one subscription was cancelled", err)
		}
	}, purchasetest.MidMonth, func(env *purchasetest.Env) { env.Policy.RenewalsLimit = 2*6375 + 6374 })
}

// Renewals that pass the budget by themselves when an upgrade finds them are shown and not deducted, and the admins are
// told once, with the numbers. A limit that an admin sets, or a budget that contains them, deducts them.
func TestReconciler_Follow_RenewalsAboveBudget(t *testing.T) {
	for _, set := range []struct {
		name   string
		change func(*purchase.Policy)
	}{
		{"RENEWALS_LIMIT", func(p *purchase.Policy) { p.RenewalsLimit = 100000 }},
		{"MONTHLY_BUDGET", func(p *purchase.Policy) { p.MonthlyBudget = purchase.Limit{Max: 20000} }},
		{"no MONTHLY_BUDGET", func(p *purchase.Policy) { p.MonthlyBudget = purchase.Limit{None: true} }},
	} {
		t.Run(set.name, func(t *testing.T) {
			purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
				<-time.After(time.Minute)
				env.Until(env.Buy(), purchase.Purchased)
				env.Until(env.Buy(), purchase.Purchased)
				env.Policy.MonthlyBudget = purchase.Limit{Max: 10000}
				env.Restart()
				env.Update(func(w purchase.Writer) error { // as an earlier version left it
					account, err := w.Account()
					if err != nil {
						return err
					}
					account.Followed, account.Committed = nil, nil
					return w.PutAccount(account)
				})
				<-time.After(time.Hour)
				env.Restart()
				<-time.After(30 * day)
				if c := env.AccountState().Committed; c == nil || !c.Shown || c.Most() != 2*6375 {
					t.Fatalf("got %+v, want renewals of %d that don't count", c, 2*6375)
				}
				told := env.Notifications(purchasetest.Dana.ID, purchase.NotificationRenewals)
				if len(told) != 1 || !strings.Contains(told[0], `monthly="12750"`) || len(env.Events("renewals")) != 1 {
					t.Errorf("got the notices %q and %d records, want one with the sum", told, len(env.Events("renewals")))
				}
				if err := env.Confirm(env.Propose(purchasetest.Spec()).ID); err != nil {
					t.Errorf("got %v, want an order within the budget without renewals", err)
				}
				set.change(&env.Policy)
				env.Restart()
				<-time.After(time.Hour)
				if c := env.AccountState().Committed; c.Shown || len(env.Events("renewals")) != 2 {
					t.Errorf("got %+v and %d records, want renewals that count, and a record", c, len(env.Events("renewals")))
				}
				if told := env.Notifications(purchasetest.Dana.ID, purchase.NotificationRenewals); len(told) != 0 {
					t.Errorf("got the notices %q, want none about what an admin did", told)
				}
			}, purchasetest.MidMonth, rarely)
		})
	}
}

// Renewals that pass the budget later, because CoCalc charges more or people subscribe outside the bot, leave nothing
// for orders: they were deducted from the beginning.
func TestService_Renewals_PassBudgetLater(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		o := env.Until(env.Buy(), purchase.Purchased)
		<-time.After(11 * time.Minute)
		next := env.Propose(purchasetest.Spec())
		if _, err := env.Account.EditLicense(o.Receipt.LicenseID, `{"quantity":4}`); err != nil {
			t.Fatal(err)
		}
		<-time.After(11 * time.Minute)
		c := env.AccountState().Committed
		if c.Shown || c.Monthly <= 20000 || len(env.Events("renewals")) != 0 {
			t.Errorf("got %+v, want renewals above the budget that count", c)
		}
		if code := refusedWith(env.Confirm(next.ID)); code != purchase.OverBudget {
			t.Errorf("got %q, want %q", code, purchase.OverBudget)
		}
	}, purchasetest.MidMonth, func(env *purchasetest.Env) { env.Policy.MonthlyBudget = purchase.Limit{Max: 20000} })
}
