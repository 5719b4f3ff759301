package reconcile_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// Each inconsistency in the ledger is found, and its sentence names the record.
func TestCheckConsistency_EveryFinding(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	ids := writeLedger(t, path)
	const month = "2000-01"
	budget := func(change func(*purchase.Budget)) func(purchase.Writer) error {
		return func(w purchase.Writer) error {
			b, err := w.Budget(month)
			change(&b)
			return errors.Join(err, w.PutBudget(b))
		}
	}
	order := func(id purchase.OrderID, change func(*purchase.Order)) func(purchase.Writer) error {
		return func(w purchase.Writer) error {
			o, err := w.Order(id)
			change(&o)
			return errors.Join(err, w.PutOrder(o))
		}
	}
	event := func(e purchase.Event) func(purchase.Writer) error {
		return func(w purchase.Writer) error { return w.AppendEvent(e) }
	}
	entry := func(id purchase.OrderID, change func(*purchase.Purchase)) func(purchase.Writer) error {
		return func(w purchase.Writer) error {
			all, err := w.Purchases(0, 100)
			for _, p := range all {
				if p.Order == id {
					change(&p)
					_, err2 := w.AddPurchase(p)
					return errors.Join(err, err2)
				}
			}
			return errors.Join(err, errors.New("no such entry"))
		}
	}
	cases := []struct {
		name   string
		change func(purchase.Writer) error
		says   []string // one finding has all of these; none: no finding
	}{
		{"nothing", func(purchase.Writer) error { return nil }, nil},
		{"a refusal for an order that never was", event(purchase.Event{Kind: "refused", Order: "01JNEVER"}), nil},
		{"too little spent", budget(func(b *purchase.Budget) { b.Spent-- }), []string{"budget-spent", month}},
		{"too much reserved", budget(func(b *purchase.Budget) { b.Reserved++ }), []string{"budget-reserved", month}},
		{
			"a license not counted", budget(func(b *purchase.Budget) { b.Bought-- }),
			[]string{"budget-count", month, `2="2" 3="3"`},
		},
		{
			"a month of its own", func(w purchase.Writer) error {
				return w.PutBudget(purchase.Budget{Month: "1999-12", Spent: 5})
			},
			[]string{"budget-spent", "1999-12", "$0.05"},
		},
		{"bought without an entry", order(ids.failed, func(o *purchase.Order) {
			o.State, o.Receipt = purchase.Purchased, &purchase.Receipt{LicenseID: "l"}
		}), []string{"order-not-logged", string(ids.failed)}},
		{
			"bought without a receipt", order(ids.bought, func(o *purchase.Order) { o.Receipt = nil }),
			[]string{"no-receipt", string(ids.bought)},
		},
		{
			"another license on the receipt", order(ids.bought, func(o *purchase.Order) { o.Receipt.LicenseID = "other" }),
			[]string{"receipt-license", string(ids.bought), `"other"`},
		},
		{
			"another amount on the receipt", order(ids.bought, func(o *purchase.Order) { o.Receipt.Charged++ }),
			[]string{"receipt-amount", string(ids.bought), `2="$63.76" 3="$63.75"`},
		},
		{
			"a double buy that is not on the receipt", order(ids.twice, func(o *purchase.Order) { o.Receipt.Duplicates = nil }),
			[]string{"receipt-extra", string(ids.twice), `2="0" 3="$0.00" 4="1" 5="$63.75"`},
		},
		{
			"a bought order that is said to have failed", order(ids.bought, func(o *purchase.Order) {
				o.State = purchase.Failed
			}),
			[]string{"entry-of-unbought", string(ids.bought), `2="failed" 3="1"`},
		},
		{
			"a receipt of an order that failed", order(ids.failed, func(o *purchase.Order) { o.Receipt = &purchase.Receipt{} }),
			[]string{"receipt-of-unbought", string(ids.failed)},
		},
		{
			"a state without its audit record", order(ids.proposed, func(o *purchase.Order) { o.State = purchase.Cancelled }),
			[]string{"order-state", string(ids.proposed), `2="cancelled"`, `4="proposed"`},
		},
		{
			"an audit record without its state", event(purchase.Event{Kind: "cancelled", Order: ids.proposed, Amount: 6375}),
			[]string{"order-state", string(ids.proposed), `2="proposed"`, `4="cancelled"`},
		},
		{
			"a way that does not exist", event(purchase.Event{Kind: "approved", Order: ids.bought, Amount: 6375}),
			[]string{"record-impossible", string(ids.bought), `4="purchased"`},
		},
		{
			"an audit record of no order", event(purchase.Event{Kind: "approved", Order: "01JNEVER"}),
			[]string{"record-without-order"},
		},
		{
			"another price", order(ids.waiting, func(o *purchase.Order) { o.Price++ }),
			[]string{"record-price", string(ids.waiting), `3="$63.75" 4="$63.76"`},
		},
		{
			"a checkout that nobody recorded", order(ids.waiting, func(o *purchase.Order) { o.CheckoutSent = o.Created }),
			[]string{"order-sent-unrecorded", string(ids.waiting)},
		},
		{
			"a checkout that was forgotten", order(ids.bought, func(o *purchase.Order) { o.CheckoutSent = time.Time{} }),
			[]string{"order-not-sent", string(ids.bought)},
		},
		{
			"the same license twice", entry(ids.bought, func(*purchase.Purchase) {}),
			[]string{"entries-of-one-license"},
		},
		{
			"the same order twice", entry(ids.bought, func(p *purchase.Purchase) { p.LicenseID, p.PurchaseID = "other", 0 }),
			[]string{"order-logged-twice", string(ids.bought), `2="2"`},
		},
		{
			"the same purchase twice", entry(ids.bought, func(p *purchase.Purchase) { p.LicenseID = "other" }),
			[]string{"entries-of-one-purchase"},
		},
		{
			"an entry of no order", entry(ids.bought, func(p *purchase.Purchase) {
				p.Order, p.LicenseID, p.PurchaseID = "01JNEVER", "other", 0
			}),
			[]string{"entry-without-order", `1="4" 2="01JNEVER"`},
		},
		{
			"an entry in another month", entry(ids.bought, func(p *purchase.Purchase) {
				p.Month, p.Correction = "2000-02", true
			}),
			[]string{"entry-month", string(ids.bought), `"2000-02"`},
		},
		{"a pause that nobody recorded", func(w purchase.Writer) error {
			account, err := w.Account()
			account.Pause = &purchase.Pause{By: "U1"}
			return errors.Join(err, w.PutAccount(account))
		}, []string{"pause-unrecorded"}},
		{"a pause that was forgotten", event(purchase.Event{Kind: "paused"}), []string{"resume-unrecorded"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			copied := filepath.Join(t.TempDir(), "ledger.db")
			if err := purchasetest.CopyFile(path, copied); err != nil {
				t.Fatal(err)
			}
			ledger, err := storage.Open(copied)
			if err != nil {
				t.Fatal(err)
			}
			defer ledger.Close()
			err = ledger.Update(context.Background(), c.change)
			findings, err2 := reconcile.CheckConsistency(context.Background(), ledger, nil)
			if err = errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			found := len(c.says) == 0 && len(findings) == 0
			for _, f := range findings {
				all := len(c.says) > 0
				for _, part := range c.says {
					all = all && strings.Contains(f.String(), part)
				}
				found = found || all
			}
			if !found {
				t.Errorf("findings: got %v, want %q among them", findings, c.says)
			}
		})
	}
}

// ledgerOrders are the orders of a consistent ledger.
type ledgerOrders struct{ bought, twice, failed, waiting, proposed purchase.OrderID }

// writeLedger writes a ledger to path with an order that was bought, one that CoCalc bought twice, a failed one, one
// that is reserved and one that is only proposed.
func writeLedger(t *testing.T, path string) (ids ledgerOrders) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		ids.bought = env.Buy()
		env.Until(ids.bought, purchase.Purchased)
		env.SwitchOn("refused")
		ids.failed = env.Buy()
		env.Until(ids.failed, purchase.Failed)
		env.Server.SwitchOff("refused")
		env.SwitchOn("double-checkout")
		ids.twice = env.Buy()
		env.Until(ids.twice, purchase.Purchased)
		env.Server.SwitchOff("double-checkout")
		time.Sleep(time.Hour) // after the last count of every purchase
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false, "checked"); err != nil {
			t.Fatal(err)
		}
		env.SwitchOn("outage")
		ids.proposed, ids.waiting = env.Propose(purchasetest.Spec()).ID, env.Buy()
		env.Stop()
		if err := purchasetest.CopyFile(env.Path, path); err != nil {
			t.Fatal(err)
		}
	}, purchasetest.MidMonth)
	return ids
}
