package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// sweep is longer than the pause between two comparisons with CoCalc.
const sweep = 11 * time.Minute

// twiceADay compares the account with the ledger every 12 hours, for tests of months.
func twiceADay(env *purchasetest.Env) {
	env.Timing.Sweep, env.Timing.Probe = 12*time.Hour, 12*time.Hour
}

const day = 24 * time.Hour

// upkeepLines returns the entries about licenses that were bought before: kind, amount, and until when they paid.
func upkeepLines(env *purchasetest.Env) (lines []string) {
	for _, e := range env.Entries() {
		if e.Kind.IsUpkeep() {
			lines = append(lines, fmt.Sprintf("%s %s until %s", e.Kind, e.Charged, e.Expires.UTC().Format(time.DateOnly)))
		}
	}
	return lines
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// bought buys a monthly license, and waits until its later life is followed.
func bought(env *purchasetest.Env) purchase.Order {
	env.T.Helper()
	<-time.After(time.Minute)
	o := env.Until(env.Buy(), purchase.Purchased)
	<-time.After(sweep)
	return o
}

func subscriptionBody(env *purchasetest.Env) string {
	return fmt.Sprintf(`{"subscription_id":%d}`, env.Account.Subscriptions()[0].ID)
}

// A license that was bought is followed: its subscription, and when the next period is charged, five days before the
// end of the present one.
func TestReconciler_Follow_Subscription(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := bought(env)
		l := env.Owned(o.Receipt.LicenseID)
		at, amount := l.NextCharge()
		if l.Order != o.ID || l.Entry != 1 || l.Row != o.Receipt.PurchaseID || !l.Ends.Equal(o.Receipt.Expires) ||
			amount != 6375 || !at.Equal(l.Ends.AddDate(0, 0, -5)) {
			t.Errorf("got %+v with a charge of %s at %s, want 6375 cents five days before %s", l, amount, at, o.Receipt.Expires)
		}
		env.Post(env.Account, "purchases/cancel-subscription", subscriptionBody(env))
		<-time.After(sweep)
		l = env.Owned(o.Receipt.LicenseID)
		if at, amount := l.NextCharge(); !at.IsZero() || amount != 0 || l.Subscription.Status != "canceled" {
			t.Errorf("cancelled: got %+v with a charge of %s at %s, want none", l.Subscription, amount, at)
		}
		env.Post(env.Account, "purchases/resume-subscription", subscriptionBody(env))
		<-time.After(3 * sweep)
		var kinds []string
		for _, e := range env.Events(string(purchase.SubscriptionCancelled), string(purchase.SubscriptionResumed)) {
			kinds = append(kinds, e.Kind)
		}
		wantLines(t, "audit records", kinds, "subscription-cancelled", "subscription-resumed")
		wantLines(t, "upkeep", upkeepLines(env))
	})
}

// A renewal is entered once, in the month and the budget of its charge, beside the purchase.
func TestReconciler_Follow_Renewal(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := bought(env)
		month := o.Month
		env.Post(env.Account, "purchases/renew-subscription", subscriptionBody(env))
		<-time.After(5 * sweep)
		wantLines(t, "upkeep", upkeepLines(env), "renewal $63.75 until 2000-03-01")
		e := env.Entries()[1]
		if e.Order != o.ID || e.Requester.ID != purchasetest.Alice.ID || e.LicenseID != o.Receipt.LicenseID ||
			!e.Begins.Equal(o.Receipt.Expires) || e.PurchaseID == 0 || e.Month != month {
			t.Errorf("got the entry %+v, want that of the order, from %s", e, o.Receipt.Expires)
		}
		l := env.Owned(o.Receipt.LicenseID)
		want := []purchase.UpkeepCharge{{Row: e.PurchaseID, Entry: 2}}
		if !l.Ends.Equal(e.Expires) || !slices.Equal(l.Upkeep, want) {
			t.Errorf("got %+v, want the renewal %d as entry 2", l, e.PurchaseID)
		}
		env.Check(1, 2*6375, 0)
		if b := env.Budget(month); b.Upkeep != 6375 || b.Bought != 1 || b.People[purchasetest.Alice.ID].Upkeep != 6375 {
			t.Errorf("got the budget %+v, want 6375 cents for renewals, of Alice", b)
		}
		if left, _ := env.Policy.Left(env.Budget(month)); left != 50000-6375 {
			t.Errorf("got %s left for orders, want the renewal not deducted", left)
		}
		if records := env.Events("renewed"); len(records) != 1 || records[0].Order != o.ID || records[0].Amount != 6375 {
			t.Errorf("got the audit records %+v, want one of the renewal", records)
		}
		env.Restart()
		<-time.After(2 * sweep)
		wantLines(t, "after a restart", upkeepLines(env), "renewal $63.75 until 2000-03-01")
	})
}

// Changes are entered with what they cost or gave back, and with what the license gives from then on.
func TestReconciler_Follow_Edits(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		edit := func(changes string) {
			env.Post(env.Account, "purchases/edit-license", fmt.Sprintf(`{"license_id":%q,"changes":{%s}}`, o.Receipt.LicenseID,
				changes))
			<-time.After(sweep)
		}
		edit(`"quantity":3`)
		edit(`"quantity":2`)
		edit(`"quantity":2`) // changes nothing, and costs nothing
		log := env.Entries()
		if len(log) != 3 || log[1].Kind != purchase.EntryEdit || log[1].Charged <= 0 || log[1].Spec.RunLimit != 3 ||
			log[2].Kind != purchase.EntryEdit || log[2].Charged >= 0 || log[2].Spec.RunLimit != 2 {
			t.Errorf("got %+v, want a charge for 3 projects and money back for 2", log)
		}
		spent := log[0].Charged + log[1].Charged + log[2].Charged
		if got := purchase.Cents(90000 - env.Account.Balance()); got != spent {
			t.Errorf("got %s taken from the account, want the %s of the log", got, spent)
		}
		env.Check(1, spent, 0)
		if got := len(env.Events("edited")); got != 2 {
			t.Errorf("got %d audit records of edits, want 2", got)
		}
	})
}

// terms are those of the license of purchasetest.Spec until a day.
func terms(until time.Time) cocalc.LicenseTerms {
	s := purchasetest.Spec()
	return cocalc.LicenseTerms{
		End: until, RunLimit: s.RunLimit, RAM: float64(s.RAM), CPU: float64(s.CPU), Disk: float64(s.Disk), Member: s.Member,
		Uptime: s.Uptime,
	}
}

// renewal is a row of a renewal by a month.
func renewal(o purchase.Order, id int64, at time.Time) cocalc.PurchaseRow {
	end := o.Receipt.Expires
	return cocalc.PurchaseRow{
		ID: id, Time: at, Cost: 6375, Service: cocalc.ServiceEdit, LicenseID: o.Receipt.LicenseID,
		Change: &cocalc.LicenseChange{Before: terms(end), After: terms(end.AddDate(0, 1, 0))},
	}
}

// Two renewals that changed the same state had one effect: both are entered, since both were paid, and the admins are
// told once, with what to send to CoCalc. A refund of either closes it.
func TestReconciler_Follow_ChargedTwice(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := bought(env)
		m.add(renewal(o, 901, time.Now()), renewal(o, 902, time.Now().Add(time.Second)))
		<-time.After(sweep)
		wantLines(t, "upkeep", upkeepLines(env), "renewal $63.75 until 2000-03-01", "renewal $63.75 until 2000-03-01")
		want := purchase.DoubleCharge{Row: 902, With: 901, Amount: 6375, WithAmount: 6375}
		l := env.Owned(o.Receipt.LicenseID)
		if len(l.Doubles) != 1 {
			t.Fatalf("got the double charges %+v, want one", l.Doubles)
		}
		got := l.Doubles[0]
		got.Time, got.WithTime = time.Time{}, time.Time{}
		if got != want || !got.IsOpen() {
			t.Errorf("got %+v, want %+v, without a refund", got, want)
		}
		env.Restart()
		<-time.After(2 * sweep)
		notices := env.Notifications(purchasetest.Dana.ID, purchase.NotificationChargedTwice)
		if len(notices) != 1 || !strings.Contains(notices[0], `purchase="902"`) || len(env.Events("charged-twice")) != 1 {
			t.Errorf("got the notices %q and %d records, want one of purchase 902", notices, len(env.Events("charged-twice")))
		}
		m.add(cocalc.PurchaseRow{
			ID: 903, Time: time.Now(), Cost: -6375, Service: cocalc.ServiceRefund, RefundOf: 902,
		})
		<-time.After(2 * sweep)
		wantLines(t, "after the refund", upkeepLines(env)[2:], "refund -$63.75 until 2000-03-01")
		if l := env.Owned(o.Receipt.LicenseID); l.Doubles[0].IsOpen() || l.Doubles[0].Refund != 903 {
			t.Errorf("got %+v, want it closed by the refund 903", l.Doubles)
		}
		if b := env.Budget(o.Month); b.Spent != 2*6375 || b.Upkeep != 6375 {
			t.Errorf("got the budget %+v, want the purchase, two renewals and a refund", b)
		}
	}, m.install)
}

// Two different changes of one moment were both charged, and CoCalc tells which of them won.
func TestReconciler_Follow_ChangesAtOnce(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := bought(env)
		first, second := renewal(o, 901, time.Now()), renewal(o, 902, time.Now())
		second.Change.After = terms(o.Receipt.Expires)
		second.Change.After.RunLimit = 5
		m.add(second, first)
		<-time.After(2 * sweep)
		l := env.Owned(o.Receipt.LicenseID)
		if len(l.Doubles) != 1 || !l.Doubles[0].Differs || !l.Ends.Equal(o.Receipt.Expires) {
			t.Errorf("got %+v, want two different changes, and the end that CoCalc shows: %s", l, o.Receipt.Expires)
		}
		if notices := env.Notifications(purchasetest.Dana.ID, purchase.NotificationChargedTwice); len(notices) != 1 {
			t.Errorf("got the notices %q, want one", notices)
		}
	}, m.install)
}

// A refund of the purchase itself is entered for its license, also if the ledger has no record of its life any more.
// Refunds of other purchases of the account are not the ledger's.
func TestReconciler_Follow_Refund(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := bought(env)
		env.Update(func(w purchase.Writer) error { return w.DropOwned(o.Receipt.LicenseID) })
		m.add(
			cocalc.PurchaseRow{ID: 901, Time: time.Now(), Cost: -100, Service: cocalc.ServiceRefund, RefundOf: 77},
			cocalc.PurchaseRow{
				ID: 902, Time: time.Now(), Cost: -6375, Service: cocalc.ServiceRefund, RefundOf: o.Receipt.PurchaseID,
			})
		<-time.After(3 * sweep)
		log := env.Entries()
		if len(log) != 2 || log[1].Kind != purchase.EntryRefund || log[1].Refunds != o.Receipt.PurchaseID ||
			log[1].LicenseID != o.Receipt.LicenseID {
			t.Errorf("got %+v, want the refund of purchase %d alone", log, o.Receipt.PurchaseID)
		}
		if b := env.Budget(o.Month); b.Spent != 0 || b.Upkeep != -6375 {
			t.Errorf("got the budget %+v, want a purchase and its refund", b)
		}
	}, m.install)
}

// What other people own on the account is neither followed nor entered.
func TestReconciler_Follow_OtherPeoples(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.BuyForeignItem()
		env.Post(env.Account, "purchases/renew-subscription", subscriptionBody(env))
		<-time.After(3 * sweep)
		if log := env.Entries(); len(log) != 0 {
			t.Errorf("got the log %+v, want none", log)
		}
		err := env.Ledger.View(context.Background(), func(r purchase.Reader) error {
			owned, err := r.OwnedAfter("", 10)
			if len(owned) != 0 {
				t.Errorf("got records of %+v, want none", owned)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// The first comparison after an upgrade enters what happened while the bot didn't look: months ago, in the months of
// the charges, and each once.
func TestReconciler_Follow_AfterUpgrade(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		for range 3 {
			env.Post(env.Account, "purchases/renew-subscription", subscriptionBody(env))
			<-time.After(30 * day)
		}
		want := []string{
			"renewal $63.75 until 2000-03-01", "renewal $63.75 until 2000-04-01", "renewal $63.75 until 2000-05-01",
		}
		wantLines(t, "upkeep", upkeepLines(env), want...)
		env.Update(func(w purchase.Writer) error { // as an earlier version left it
			account, err := w.Account()
			if err != nil {
				return err
			}
			account.Followed = nil
			return w.PutAccount(account)
		})
		<-time.After(day)
		wantLines(t, "read again from the beginning", upkeepLines(env), want...)
		if got := env.Owned(o.Receipt.LicenseID).Ends.UTC().Format(time.DateOnly); got != "2000-05-01" {
			t.Errorf("got a license that ends on %s, want 2000-05-01", got)
		}
	}, twiceADay)
}

// A license that was charged once is followed until two months after its end; one that lives again is followed again.
func TestReconciler_Follow_Ended(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		env.Post(env.Account, "purchases/cancel-subscription", subscriptionBody(env))
		<-time.After(80 * day) // the end is on the 32nd day
		env.Owned(o.Receipt.LicenseID)
		<-time.After(15 * day)
		env.WantNotOwned(o.Receipt.LicenseID)
		row := renewal(o, 901, time.Now())
		row.Change.After = terms(time.Now().AddDate(0, 1, 0))
		m.add(row)
		<-time.After(day)
		if l := env.Owned(o.Receipt.LicenseID); !l.Ends.Equal(row.Change.After.End) || len(l.Upkeep) != 1 {
			t.Errorf("got %+v, want the license that lives until %s", l, row.Change.After.End)
		}
	}, m.install, twiceADay)
}

// moreRows is a CoCalc whose list of purchases has more rows than it made.
type moreRows struct {
	purchase.Shop
	mu   sync.Mutex
	rows []cocalc.PurchaseRow
}

func (m *moreRows) add(rows ...cocalc.PurchaseRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = append(m.rows, rows...)
}

func (m *moreRows) install(env *purchasetest.Env) {
	env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
		m.Shop = shop
		return l, m
	}
}

func (m *moreRows) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	rows, err := m.Shop.Purchases(ctx, f)
	if f.Offset > 0 {
		return rows, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range m.rows {
		if !row.Time.Before(f.Since) && (f.Service == "" || f.Service == row.Service) {
			rows = append([]cocalc.PurchaseRow{row}, rows...)
		}
	}
	return rows, err
}
