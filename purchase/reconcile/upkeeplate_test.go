package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// refundOf is a row of a refund, which names no license.
func refundOf(id, row int64, cost purchase.Cents) cocalc.PurchaseRow {
	return cocalc.PurchaseRow{ID: id, Time: time.Now(), Cost: -cost, Service: cocalc.ServiceRefund, RefundOf: row}
}

// A refund that CoCalc shows before the ledger has the purchase is entered when it has.
func TestReconciler_Follow_RefundBeforePurchase(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		next := bought(env).Receipt.PurchaseID + 1
		m.add(refundOf(901, next, 6375))
		<-time.After(2 * sweep)
		wantLines(t, "before the purchase", upkeepLines(env))
		if o := bought(env); o.Receipt.PurchaseID != next {
			t.Fatalf("got purchase %d, want %d", o.Receipt.PurchaseID, next)
		}
		<-time.After(sweep)
		wantLines(t, "after it", upkeepLines(env), "refund -$63.75 until 2000-02-01")
	}, m.install)
}

// The refund of a purchase is entered also if the log has the purchase without CoCalc's number, which the order learns
// after CoCalc showed the refund.
func TestReconciler_Follow_RefundOfUncheckedPurchase(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		env.Inconsistent = true // there are no audit records about the other order
		o := bought(env)
		r := *o.Receipt
		o.ID, o.Receipt = purchasetest.OtherOrderID, &r
		e := env.Entries()[0]
		e.Order, e.LicenseID, e.PurchaseID = o.ID, "another", 0
		r.LicenseID, r.PurchaseID, r.Settled = e.LicenseID, 0, &purchase.Cause{Code: "said"}
		env.Update(func(w purchase.Writer) error {
			_, err := w.AddPurchase(e)
			return errors.Join(err, w.PutOrder(o))
		})
		m.add(refundOf(901, 800, 6375))
		<-time.After(3 * sweep)
		wantLines(t, "before the number is known", upkeepLines(env))
		r.PurchaseID = 800
		env.Update(func(w purchase.Writer) error { return w.PutOrder(o) })
		<-time.After(2 * sweep)
		wantLines(t, "upkeep", upkeepLines(env), "refund -$63.75 until 2000-02-01")
	}, m.install)
}

// A license that CoCalc's admins refunded has ended, also after its subscription was read again.
func TestReconciler_Follow_EndOfRefunded(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		if err := env.Server.Refund(o.Receipt.PurchaseID); err != nil {
			t.Fatal(err)
		}
		ended := time.Now()
		<-time.After(4 * sweep)
		if l := env.Owned(o.Receipt.LicenseID); l.Ends.Sub(ended).Abs() > time.Second {
			t.Errorf("got a license until %s, want it ended on %s", l.Ends, ended)
		}
		env.Check(1, 0, 0)
	})
}

// What was read last by a clock that was ahead doesn't hide what happened since.
func TestReconciler_Follow_ClockWasAhead(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		row := renewal(o, 901, time.Now())
		<-time.After(2 * day)
		env.Update(func(w purchase.Writer) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			account.Followed = &purchase.Followed{Entries: account.Followed.Entries, Rows: time.Now().Add(3 * day)}
			return w.PutAccount(account)
		})
		m.add(row)
		<-time.After(2 * sweep)
		wantLines(t, "upkeep", upkeepLines(env), "renewal $63.75 until 2000-03-01")
	}, m.install)
}

// A row that becomes visible hours late is entered once, and so is one that an older row follows.
func TestReconciler_Follow_LateRow(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		first, second := renewal(o, 901, time.Now()), renewal(o, 902, time.Now())
		m.add(second)
		<-time.After(5 * time.Hour)
		m.add(first)
		<-time.After(3 * sweep)
		env.Restart()
		<-time.After(2 * sweep)
		wantLines(t, "upkeep", upkeepLines(env), "renewal $63.75 until 2000-03-01", "renewal $63.75 until 2000-03-01")
		if got := env.Events("charged-twice"); len(got) != 1 {
			t.Errorf("got %d records of a double charge, want one", len(got))
		}
	}, m.install)
}

// A charge counts in the month that it is in the policy's time zone.
func TestReconciler_Follow_MonthOfCharge(t *testing.T) {
	m := &moreRows{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		<-time.After(31 * day)
		m.add(renewal(o, 901, time.Date(2000, 1, 31, 22, 59, 0, 0, time.UTC)),
			renewal(o, 902, time.Date(2000, 1, 31, 23, 1, 0, 0, time.UTC)))
		<-time.After(2 * day)
		if one, two := env.Budget("2000-01").Upkeep, env.Budget("2000-02").Upkeep; one != 6375 || two != 6375 {
			t.Errorf("got %s of upkeep in January and %s in February, want one renewal in each", one, two)
		}
	}, m.install, twiceADay, func(env *purchasetest.Env) { env.Policy.Location = time.FixedZone("CET", 3600) })
}

// A ledger that was restored from a backup enters once what the backup lacks.
func TestReconciler_Follow_AfterRestore(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		env.Post(env.Account, "purchases/renew-subscription", subscriptionBody(env))
		<-time.After(2 * sweep)
		env.Close()
		old := filepath.Join(filepath.Dir(env.Path), "old.db")
		if err := purchasetest.CopyFile(env.Path, old); err != nil {
			t.Fatal(err)
		}
		env.Open()
		for range 2 {
			<-time.After(3 * day)
			env.Post(env.Account, "purchases/renew-subscription", subscriptionBody(env))
		}
		<-time.After(day)
		want := []string{
			"renewal $63.75 until 2000-03-01", "renewal $63.75 until 2000-04-01", "renewal $63.75 until 2000-05-01",
		}
		wantLines(t, "before the restore", upkeepLines(env), want...)
		env.RestoreFrom(old, true)
		<-time.After(2 * day)
		wantLines(t, "after it", upkeepLines(env), want...)
		env.Check(1, 4*6375, 0)
		if got := env.Owned(o.Receipt.LicenseID).Upkeep; len(got) != 3 {
			t.Errorf("got the upkeep %+v, want three charges", got)
		}
	}, twiceADay)
}

// Subscriptions are read to the last page, on which the oldest are.
func TestReconciler_Follow_ManySubscriptions(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		mine := subscriptionBody(env)
		env.Account.AddCredit(10_000_000, "for many")
		for range 1000 {
			purchasetest.AddForeignItem(env)
		}
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		if n := len(env.Account.Subscriptions()); n != 1001 {
			t.Fatalf("got %d subscriptions, want 1001", n)
		}
		env.Post(env.Account, "purchases/cancel-subscription", mine)
		<-time.After(2 * sweep)
		if s := env.Owned(o.Receipt.LicenseID).Subscription; s.Status != "canceled" {
			t.Errorf("got the subscription %+v, want it cancelled", s)
		}
	})
}

// A log that is longer than what one comparison looks at is followed in several, and each row is entered once.
func TestReconciler_Follow_LongLog(t *testing.T) {
	const long = 21_000
	m := &moreRows{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		env.Inconsistent = true // the log has entries without orders
		o := bought(env)
		first := env.Entries()[0]
		env.Update(func(w purchase.Writer) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			for n := 2; n <= long; n++ {
				e := first
				e.LicenseID, e.PurchaseID = fmt.Sprintf("license-%d", n), int64(100_000+n)
				if _, err := w.AddPurchase(e); err != nil {
					return err
				}
			}
			account.Followed = nil
			return w.PutAccount(account)
		})
		late := renewal(o, 901, time.Now())
		late.LicenseID = fmt.Sprintf("license-%d", long-10)
		m.add(renewal(o, 900, time.Now()), late, refundOf(902, 100_000+long-5, 6375))
		<-time.After(3 * sweep)
		wantLines(t, "upkeep", upkeepLines(env), "renewal $63.75 until 2000-03-01", "renewal $63.75 until 2000-03-01",
			"refund -$63.75 until 2000-02-01")
		f := env.AccountState().Followed
		if f == nil || f.Entries < long || f.Rows.IsZero() {
			t.Errorf("got followed %+v, want the whole log", f)
		}
		env.Owned(fmt.Sprintf("license-%d", long))
	}, m.install)
}

// The bot that begins to follow its licenses years later isn't stopped by what the account bought of other services: it
// reads the rows about licenses alone.
func TestReconciler_Follow_OtherServices(t *testing.T) {
	m := &moreRows{}
	chat := &chattyShop{}
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		o := bought(env)
		<-time.After(5 * day)
		chat.isOn.Store(true)
		m.add(renewal(o, 901, time.Now()))
		env.Update(func(w purchase.Writer) error { // as an earlier version left it
			account, err := w.Account()
			if err != nil {
				return err
			}
			account.Followed = nil
			return w.PutAccount(account)
		})
		<-time.After(2 * sweep)
		wantLines(t, "upkeep", upkeepLines(env), "renewal $63.75 until 2000-03-01")
	}, m.install, func(env *purchasetest.Env) {
		wrap := env.Wrap
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			chat.Shop = shop
			return wrap(l, chat)
		}
	})
}

// chattyShop is a CoCalc whose account pays for each of many questions to a language model: more than can be listed
// since any day but the last.
type chattyShop struct {
	purchase.Shop
	isOn atomic.Bool
}

func (c *chattyShop) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	if !c.isOn.Load() || f.Service != "" || time.Since(f.Since) < 2*day {
		return c.Shop.Purchases(ctx, f)
	}
	rows := make([]cocalc.PurchaseRow, f.Limit)
	for i := range rows {
		id := int64(10_000_000 - f.Offset - i)
		rows[i] = cocalc.PurchaseRow{ID: id, Time: time.Now(), Cost: 1, Service: "openai-gpt-4"}
	}
	return rows, nil
}

// The rows of a license that the log gets late are entered, also if they were read long before: CoCalc went on while
// the bot didn't know yet that it had bought the license.
func TestReconciler_Follow_PurchaseEnteredLate(t *testing.T) {
	purchasetest.Run(t, 90000, func(env *purchasetest.Env) {
		env.Inconsistent = true // the order has two purchases in the log, and one in its receipt
		bought(env)
		env.BuyForeignItem()
		s := env.Account.Subscriptions()[1]
		if err := env.Account.RenewSubscription(s.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * day)
		wantLines(t, "before the purchase", upkeepLines(env))
		env.Update(func(w purchase.Writer) error {
			e := env.Entries()[0]
			e.LicenseID, e.PurchaseID = s.LicenseID, 0
			_, err := w.AddPurchase(e)
			return err
		})
		<-time.After(3 * sweep)
		wantLines(t, "after it", upkeepLines(env), fmt.Sprintf("renewal %s until 2000-03-01", purchase.Cents(s.Cents)))
		<-time.After(day)
		if f := env.AccountState().Followed; time.Since(f.Rows) > 2*time.Hour {
			t.Errorf("got rows read up to %s, want up to now", f.Rows)
		}
	})
}
