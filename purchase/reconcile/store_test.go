package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/reconcile"
)

// A list of purchases is read as far back as requested, and ends.
func TestSold_ReadsAsFarAsAsked(t *testing.T) {
	hourly := &endlessList{age: func(n int) time.Duration { return time.Duration(n) * time.Hour }}
	rows, err := reconcile.ListPurchases(t.Context(), hourly, purchasetest.SampleTime.Add(-600*time.Hour))
	if err != nil || len(rows) != 601 || hourly.asked != 2 {
		t.Errorf("got %d rows in %d pages (error %v), want 601 in 2", len(rows), hourly.asked, err)
	}
	fresh := &endlessList{age: func(int) time.Duration { return 0 }}
	var refusal *cocalc.Error
	if rows, err := reconcile.ListPurchases(t.Context(), fresh, purchasetest.SampleTime.Add(-time.Hour)); !errors.As(err,
		&refusal) ||
		len(rows) > 0 ||
		fresh.asked != 400 {
		t.Errorf("got %d rows in %d pages (error %v), want a refusal after 400", len(rows), fresh.asked, err)
	}
}

// The list of purchases is longer than a page: an order's own purchases are on a later one, and are found.
func TestReconciler_PurchasesOf_LaterPage(t *testing.T) {
	others := 0
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Second) // after the reconciliation at start
		others = 600
		o := env.Until(env.Buy(), purchase.Purchased)
		if o.Receipt.PurchaseID == 0 || o.Receipt.Unchecked || len(o.Receipt.Duplicates) > 0 {
			t.Errorf("receipt: got %+v, want its purchase, checked, without duplicates", o.Receipt)
		}
		if e := env.Desk.Evidence(context.Background(), o); !e.Complete ||
			!slices.ContainsFunc(e.Lines, func(c purchase.Cause) bool { return c.Code == purchase.ShowsPurchase }) {
			t.Errorf("evidence: got %q, complete %t; want %s in it, complete true", e.Lines, e.Complete, purchase.ShowsPurchase)
		}
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, busyShop{Shop: shop, others: &others}
		}
	})
}

// A list that returns the same page again and again is not complete: the account does not count as compared.
func TestReconciler_Sweep_EndlessList(t *testing.T) {
	others := 600
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Hour)
		if at := env.AccountState().Reconciled; !at.IsZero() || len(env.Events("foreign-purchase")) > 0 {
			t.Errorf("got account compared at %s, %d foreign purchases; want never, none", at,
				len(env.Events("foreign-purchase")))
		}
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, busyShop{shop, &others, true}
		}
	})
}

// A purchase that is on two pages of the list, because it grew meanwhile, is one purchase.
func TestReconciler_Sweep_PurchaseOnTwoPages(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		seen := map[int64]int{}
		for _, stranger := range env.AccountState().UnrecognizedPurchases {
			seen[stranger.PurchaseID]++
		}
		if len(seen) != 600 || len(env.Events("foreign-purchase")) != 600 {
			t.Errorf("got %d purchases in %d reports, want 600 in 600", len(seen), len(env.Events("foreign-purchase")))
		}
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, growingList{shop, time.Now().Add(time.Second)}
		}
	})
}

// An older server reports no charge. When another person makes the item more expensive while the bot's checkout is on
// its way, the price comes from what was sold: the item, or the license if the item cannot be read or the order counted
// as failed. When the checkout had read the item before, the change does not count.
func TestOlderStore_Charge_ItemMadeDearer(t *testing.T) {
	for name, c := range map[string]struct {
		hide bool
		late bool // it is sold after an admin settled it as not bought, and after the last count
		read bool // the checkout had read the item before the change
		slow bool // the checkout reads the item minutes before it is sold
		spec func() purchase.Spec
	}{
		"the item tells":                            {spec: purchasetest.Spec},
		"the license tells":                         {spec: purchasetest.Spec, hide: true},
		"the license tells that it was read before": {spec: purchasetest.Spec, read: true},
		"the license of a failed order tells":       {spec: purchasetest.Spec, hide: true, late: true},
		"the license tells when a term was sold that had begun": {slow: true, spec: func() purchase.Spec {
			sp := purchasetest.Spec()
			sp.Period, sp.Start, sp.End = cocalc.PeriodRange, time.Now(), time.Now().AddDate(0, 0, 1)
			return sp
		}},
		"the license of a fixed term tells": {hide: true, spec: func() purchase.Spec {
			sp := purchasetest.Spec()
			sp.Period, sp.Start, sp.End = cocalc.PeriodRange, time.Now().Add(24*time.Hour), time.Now().AddDate(0, 0, 31)
			return sp
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &purchasetest.Interceptor{}
			purchasetest.Run(t, 0, func(env *purchasetest.Env) {
				if c.read {
					env.Server.SetCheckoutTakes(3*time.Minute, time.Second)
				} else {
					env.Server.Inject(cocalctest.Fault{
						Endpoint: "shopping/cart/checkout", Effect: cocalctest.ActLate,
						Wait: 3 * time.Minute, Times: 1,
					})
				}
				if c.late {
					env.Server.SetCheckoutTakes(time.Hour, time.Second)
				}
				if c.slow {
					env.Server.SetCheckoutTakes(5*time.Minute, time.Second)
				}
				o := env.Propose(c.spec())
				if err := env.Confirm(o.ID); err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Minute)
				if c.read { // the license comes later
					env.Server.Inject(cocalctest.Fault{Endpoint: "licenses/get-managed", Effect: cocalctest.Fail, Times: 10000})
					time.AfterFunc(3*time.Minute, env.Server.ClearFaults)
				}
				item := env.OrderItem()
				env.Account.Edit(item.ID, regexp.MustCompile(`("ram": ?)\d+`).ReplaceAllString(string(item.Description), "${1}32"))
				if c.late {
					<-time.After(5 * time.Minute)
					if err := env.Settle(o.ID, orders.Decision{
						Kind: orders.Resolve, Verdict: purchase.WasNotBought,
						Reason: "a guess",
					}); err != nil {
						t.Fatal(err)
					}
				}
				m.HideCart.Store(c.hide)
				<-time.After(2 * time.Hour)
				o = env.Until(o.ID, purchase.Purchased)
				sold := env.Account.Purchases()
				if len(sold) != 1 || int64(o.Receipt.Charged) != sold[0].Cents || (o.Receipt.Charged > o.Price) == c.read {
					t.Errorf("got charge %s, price %s, purchases %+v; want one purchase of the charge, above the price: %t",
						o.Receipt.Charged, o.Price, sold, !c.read)
				}
				if c.read {
					if p := env.AccountState().Pause; p != nil {
						t.Errorf("pause: got %s, want none", p.Cause())
					}
					return
				}
				if p := env.AccountState().Pause; p == nil || len(env.Events("overcharged")) != 1 ||
					!strings.Contains(p.Cause().String(), fmt.Sprintf("charged=\"%d\"", o.Receipt.Charged)) {
					t.Errorf("got pause %+v, %d overcharges; want a pause with the charge %d, 1", p, len(env.Events("overcharged")),
						o.Receipt.Charged)
				}
			}, m.Install, func(env *purchasetest.Env) {
				env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
			})
		})
	}
}

// endlessList is a shop with a list of purchases that has no end.
type endlessList struct {
	age   func(n int) time.Duration
	asked int
}

func (e *endlessList) Purchases(_ context.Context, f cocalc.PurchaseFilter) (rows []cocalc.PurchaseRow, err error) {
	e.asked++
	for n := range f.Limit {
		n += f.Offset
		rows = append(rows, cocalc.PurchaseRow{
			ID: int64(n + 1), Time: purchasetest.SampleTime.Add(-e.age(n)), Cost: 100,
			LicenseID: fmt.Sprint(n),
		})
	}
	return rows, nil
}

// busyShop is a CoCalc whose account bought many other licenses after everything else. If it is stuck, it returns the
// same page again and again.
type busyShop struct {
	purchase.Shop
	others *int
	stuck  bool
}

func (s busyShop) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	if s.stuck {
		f.Offset = 0
	}
	var page []cocalc.PurchaseRow
	for i := f.Offset; i < *s.others && len(page) < f.Limit; i++ {
		page = append(page, cocalc.PurchaseRow{
			ID: int64(1_000_000 - i), Time: time.Now(), Cost: 100, Service: cocalc.ServiceLicense, LicenseID: "other",
			CartItemID: -1,
		})
	}
	if len(page) == f.Limit {
		return page, nil
	}
	f.Offset, f.Limit = max(f.Offset-*s.others, 0), f.Limit-len(page)
	rest, err := s.Shop.Purchases(ctx, f)
	return append(page, rest...), err
}

// growingList is a CoCalc whose list of purchases grows between two pages: the last of the first page is the first of
// the second.
type growingList struct {
	purchase.Shop
	bought time.Time
}

func (s growingList) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	var rows []cocalc.PurchaseRow
	for id := int64(600); id > 0; id-- {
		rows = append(rows, cocalc.PurchaseRow{
			ID: id, Time: s.bought, Cost: 100, Service: cocalc.ServiceLicense, LicenseID: "license", CartItemID: 5,
		})
	}
	if f.Offset > 0 {
		return rows[f.Offset-1:], nil
	}
	return rows[:f.Limit], nil
}
