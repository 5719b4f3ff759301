package register_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/register"
)

// A purchase without a time at CoCalc is entered at the time of the comparison, because a reservation needs a time.
func TestRegister_DatePromise_WithoutTime(t *testing.T) {
	at := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	d := register.New(register.Options{Now: func() time.Time { return at }})
	var o purchase.Order
	d.DatePromise(&o, cocalc.PurchaseRow{CartItemID: 7})
	if !o.Confirmed.Equal(at) || o.Month != "2026-11" || o.Day != "2026-11-29" || o.ItemID != 7 {
		t.Errorf("got %v, month %q, day %q, item %d; want %v, 2026-11, 2026-11-29, 7", o.Confirmed, o.Month, o.Day, o.ItemID,
			at)
	}
}

// A charge that differs from the confirmed price pauses buying. A fixed term that has begun may cost less, because its
// price falls with each minute.
func TestRegister_CheckCharge_DiffersFromPrice(t *testing.T) {
	term := func() purchase.Spec {
		sp := purchasetest.Spec()
		sp.Period, sp.End = cocalc.PeriodRange, time.Now().AddDate(0, 0, 30)
		return sp
	}
	for _, c := range []struct {
		name    string
		spec    func() purchase.Spec
		percent int
		kind    string // of the audit record; "" if buying is not paused
	}{
		{"the confirmed price", purchasetest.Spec, 100, ""},
		{"more", purchasetest.Spec, 101, "overcharged"},
		{"less", purchasetest.Spec, 99, "undercharged"},
		{"less for a fixed term that has begun", term, 99, ""},
		{"more for a fixed term that has begun", term, 101, "overcharged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				env.Server.Inject(cocalctest.Fault{
					Endpoint: purchasetest.CheckoutEndpoint, Effect: cocalctest.PriceMoved,
					Percent: c.percent,
				})
				o := env.Propose(c.spec())
				if err := env.Confirm(o.ID); err != nil {
					t.Fatal(err)
				}
				o = env.Until(o.ID, purchase.Purchased)
				pause, records := env.AccountState().Pause, env.Events("overcharged", "undercharged")
				switch {
				case c.kind == "" && (pause != nil || len(records) > 0):
					t.Errorf("%s charged for %s: got pause %+v and records %+v, want none", o.Receipt.Charged, o.Price, pause, records)
				case c.kind != "" && (pause == nil || len(records) != 1 || records[0].Kind != c.kind ||
					!strings.Contains(pause.Cause().String(), fmt.Sprintf("charged=\"%d\"", o.Receipt.Charged))):
					t.Errorf("%s charged for %s: got pause %+v and records %+v, want both, one record %s", o.Receipt.Charged,
						o.Price, pause, records, c.kind)
				}
				<-time.After(time.Hour)
				if n := len(env.Events("overcharged", "undercharged")); n > 1 {
					t.Errorf("records after an hour: got %d, want at most 1", n)
				}
			})
		})
	}
}

// A charge below the price on the card does not pause buying if CoCalc previewed that amount at the last check.
func TestRegister_CheckCharge_PriceFell(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.ParamsEndpoint, Effect: cocalctest.PriceMoved, Percent: 90,
			Times: 1000,
		})
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, Effect: cocalctest.PriceMoved,
			Percent: 90, Times: 1000,
		})
		o := env.Until(env.Buy(), purchase.Purchased)
		<-time.After(time.Hour)
		if p := env.AccountState().Pause; p != nil || o.Receipt.Charged >= o.Price {
			t.Errorf("got %s charged, pause %+v; want less than %s and no pause", o.Receipt.Charged, p, o.Price)
		}
	})
}

// An overcharge is recorded and pauses buying once, and not again after an admin resumed buying.
func TestRegister_CheckCharge_ReportedOnce(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, Effect: cocalctest.PriceMoved,
			Percent: 110, Times: 1,
		})
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false,
			"support refunds it"); err != nil {
			t.Fatal(err)
		}
		<-time.After(24 * time.Hour)
		if p := env.AccountState().Pause; p != nil {
			t.Errorf("pause a day after the resume: got %s, want none", p.Cause())
		}
		if n := len(env.Events("overcharged")); n != 1 {
			t.Errorf("records of the overcharge: got %d, want 1", n)
		}
		env.Check(1, env.Order(id).Receipt.Charged, 0)
	})
}

// An order that is bought after it had failed counts for the day of its requester again.
func TestRegister_Complete_CountsInItsDay(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		o := env.BuyCommittedLate(5 * time.Minute)
		if err := env.Settle(o.ID, orders.Decision{
			Kind: orders.Resolve, Verdict: purchase.WasNotBought,
			Reason: "a guess",
		}); err != nil {
			t.Fatal(err)
		}
		env.Until(o.ID, purchase.Purchased)
		err := env.Ledger.View(context.Background(), func(r purchase.Reader) error {
			b, err := r.Budget(o.Month)
			if days := b.People[purchasetest.Alice.ID].Days; len(days) != 1 || days["2000-01-01"] != 1 {
				t.Errorf("days of the requester: got %v, want map[2000-01-01:1]", days)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
