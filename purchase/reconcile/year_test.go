package reconcile_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// year is a team that has licenses for a year.
type year struct {
	*purchasetest.Env
	*rand.Rand
	bought []purchase.OrderID
}

// buy lets a person of the team buy a license that renews monthly or yearly, or one for a fixed term.
func (y *year) buy(n int) {
	y.T.Helper()
	sp := purchasetest.Spec()
	sp.RAM, sp.CPU, sp.User, sp.RunLimit = 1+y.IntN(4), 1, "academic", 1+y.IntN(3)
	switch n % 6 {
	case 3:
		sp.Period = cocalc.PeriodYearly
	case 4, 5:
		sp.Period = cocalc.PeriodRange
		sp.Start = time.Now()
		sp.End = sp.Start.AddDate(0, 0, 20+y.IntN(200))
	}
	who := purchase.Actor{ID: fmt.Sprintf("U%02d", n%40), Team: "T1", Name: fmt.Sprintf("person %d", n%40)}
	p, err := y.Desk.Propose(context.Background(), purchase.Request{
		Requester: who, Channel: purchasetest.MathChannel, Spec: sp, Reason: "a course",
	})
	if err != nil {
		y.T.Fatal(err)
	}
	act := purchase.Action{Actor: who, Channel: purchasetest.MathChannel}
	_, err = y.Desk.Decide(context.Background(), act, p.Order.ID, orders.Decision{Kind: orders.Confirm})
	if err != nil {
		y.T.Fatal(err)
	}
	y.Until(p.Order.ID, purchase.Purchased)
	y.bought = append(y.bought, p.Order.ID)
}

// change lets a person change, cancel, resume or renew a license in CoCalc's settings. CoCalc may refuse it.
func (y *year) change() {
	o := y.Order(y.bought[y.IntN(len(y.bought))])
	s := slices.IndexFunc(y.Account.Subscriptions(), func(s cocalctest.Subscription) bool {
		return s.LicenseID == o.Receipt.LicenseID
	})
	subscription := ""
	if s >= 0 {
		subscription = fmt.Sprintf(`{"subscription_id":%d}`, y.Account.Subscriptions()[s].ID)
	}
	switch n := y.IntN(6); {
	case n < 2:
		_, _ = y.Account.EditLicense(o.Receipt.LicenseID, fmt.Sprintf(`{"quantity":%d}`, 1+y.IntN(4)))
	case s < 0:
		end := o.Receipt.Expires.AddDate(0, 0, y.IntN(30))
		_, _ = y.Account.EditLicense(o.Receipt.LicenseID, fmt.Sprintf(`{"end":%q}`, end.UTC().Format(time.RFC3339)))
	case n == 2:
		y.Post(y.Account, "purchases/cancel-subscription", subscription)
	case n == 3:
		y.Post(y.Account, "purchases/renew-subscription", subscription)
	default:
		y.Post(y.Account, "purchases/resume-subscription", subscription)
	}
}

// double lets two processes of CoCalc's renewal job charge the next renewal twice, and returns once they have.
func (y *year) double() {
	y.T.Helper()
	armed := y.Server.Inject(cocalctest.Fault{Effect: cocalctest.DoubleRenewals, Times: 1})
	for range 60 {
		if <-time.After(day); armed.Hits() > 0 {
			return
		}
	}
	y.T.Fatal("got no renewal within 60 days, want one")
}

// check compares the ledger with the account: each charge and refund of the team's licenses is in the log once, in the
// month in which CoCalc charged it.
func (y *year) check() {
	y.T.Helper()
	ours, logged := map[string]bool{}, map[int64][]purchase.Purchase{}
	for _, e := range y.Entries() {
		ours[e.LicenseID] = true
		logged[e.PurchaseID] = append(logged[e.PurchaseID], e)
	}
	var paid purchase.Cents
	kinds, months := map[purchase.EntryKind]int{}, map[string]purchase.Cents{}
	for _, row := range y.Account.Purchases() {
		if row.LicenseID == "" {
			continue
		}
		of := logged[row.ID]
		if len(of) != 1 || int64(of[0].Charged) != row.Cents || of[0].Month != row.Time.UTC().Format("2006-01") ||
			of[0].LicenseID != row.LicenseID {
			y.T.Errorf("purchase %+v: got the entries %+v, want one in its month", row, of)
			continue
		}
		delete(logged, row.ID)
		paid += of[0].Charged
		kinds[of[0].Kind]++
		months[of[0].Month] += of[0].Charged
	}
	if len(logged) > 0 {
		y.T.Errorf("got the entries %+v, which CoCalc doesn't have", logged)
	}
	var spent purchase.Cents
	for month, want := range months {
		got := y.Budget(month).Spent
		if spent += got; got != want {
			y.T.Errorf("%s: got %s spent, want %s", month, got, want)
		}
	}
	if spent != paid {
		y.T.Errorf("got %s spent in all months, and the account paid %s", spent, paid)
	}
	y.T.Logf("the account paid %s: %v", paid, kinds)
	if kinds[purchase.EntryRenewal] < 300 || kinds[purchase.EntryEdit] < 40 || kinds[purchase.EntryRefund] != 1 {
		y.T.Errorf("got entries of the kinds %v, want hundreds of renewals, some edits and a refund", kinds)
	}
	y.checkEnds()
	for _, note := range y.CheckAgreement(kinds[purchase.EntryPurchase]).Notes {
		if note.Code != purchase.NotedChargedTwice || note.Args["state"] != "open" {
			y.T.Errorf("got the note %s, want none but the double charge that wasn't refunded", note)
		}
	}
}

// checkEnds compares until when the licenses run, and when the next period is charged, with CoCalc.
func (y *year) checkEnds() {
	y.T.Helper()
	next := map[string]time.Time{}
	for _, s := range y.Account.Subscriptions() {
		if s.Status == cocalc.StatusActive {
			next[s.LicenseID] = s.PeriodEnd.AddDate(0, 0, -5)
		}
	}
	err := y.Ledger.View(context.Background(), func(r purchase.Reader) error {
		for _, license := range y.Account.Licenses() {
			l, ok, err := r.Owned(license.ID)
			if err != nil {
				return err
			}
			now := time.Now()
			ended := l.Ends.Before(now) && license.Expires.Before(now) // a change of one that has ended moves its end
			if at, _ := l.NextCharge(); ok && (!l.Ends.Equal(license.Expires) && !ended || !at.Equal(next[license.ID])) {
				y.T.Errorf("license %s: got the end %s and the next charge %s, want %s and %s", license.ID, l.Ends, at,
					license.Expires, next[license.ID])
			}
		}
		return nil
	})
	if err != nil {
		y.T.Fatal(err)
	}
}

// A team of 40 has 120 licenses for a year, monthly and yearly ones and fixed terms, while CoCalc's job renews them,
// people change and cancel some, the credit is short for a while, and CoCalc charges twice for two renewals. At the end
// the ledger and the account agree to the cent.
func TestReconciler_Follow_Year(t *testing.T) {
	prepare := func(env *purchasetest.Env) {
		env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Renewals: true})
		env.Policy.MonthlyBudget = purchase.Limit{None: true}
	}
	purchasetest.Run(t, 9_000_000, func(env *purchasetest.Env) {
		y := &year{Env: env, Rand: rand.New(rand.NewPCG(1, 2))}
		<-time.After(time.Minute)
		days := func(n int) {
			for range n {
				<-time.After(day)
				if y.IntN(3) > 0 {
					y.change()
				}
			}
		}
		for n := range 120 {
			if y.buy(n); n%2 == 0 {
				<-time.After(day)
			}
		}
		days(40)
		y.double()
		days(20)
		doubles := env.Events("charged-twice")
		if len(doubles) != 1 {
			t.Fatalf("got the double charges %+v, want one", doubles)
		}
		var row int64
		_, _ = fmt.Sscan(doubles[0].Cause.Args["purchase"], &row)
		if err := env.Server.Refund(row); err != nil {
			t.Fatal(err)
		}
		short := env.Account.Balance() - 10
		env.Account.AddCredit(-short, "short for a while")
		days(15)
		env.Account.AddCredit(short, "back again")
		days(45)
		y.double()
		env.Restart()
		days(120)
		<-time.After(2 * day)
		y.check()
		if got := env.Events("charged-twice"); len(got) != 2 {
			t.Errorf("got %d records of double charges, want 2", len(got))
		}
		if got := env.Notifications(purchasetest.Dana.ID, purchase.NotificationChargedTwice); len(got) != 2 {
			t.Errorf("got the notices %q of double charges, want 2", got)
		}
	}, prepare, twiceADay)
}
