package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// Any difference from what was sent makes an item another one.
func TestReconciler_Differs_EveryField(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b := reconcile.New(register.New(register.Options{Now: func() time.Time { return at }}), nil, nil)
	for name, c := range map[string]struct {
		change func(*cocalc.CartItem)
		says   string
	}{
		"as it was sent":      {func(*cocalc.CartItem) {}, ""},
		"another product":     {func(i *cocalc.CartItem) { i.Product = "cash-voucher" }, "product"},
		"no product":          {func(i *cocalc.CartItem) { i.Product = "" }, "product"},
		"another project":     {func(i *cocalc.CartItem) { i.ProjectID = "99999999-2222-4333-8444-555555555555" }, "project"},
		"no project any more": {func(i *cocalc.CartItem) { i.ProjectID = "" }, "project"},
		"another license": {func(i *cocalc.CartItem) {
			i.Description = json.RawMessage(strings.Replace(string(i.Description), `"ram":16`, `"ram":15`, 1))
		}, "ram"},
		"without what is asked for": {func(i *cocalc.CartItem) { i.Description = json.RawMessage(`{}`) }, "has no"},
	} {
		o, item := purchasetest.SentOrder(at)
		c.change(&item)
		err := b.Differs(o, item)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got difference %v, want %q in it", name, err, c.says)
		}
	}
	o, item := purchasetest.SentOrder(at)
	o.Spec.ProjectID = ""
	if b.Differs(o, item) == nil {
		t.Error("item on another project: got no difference, want one")
	}
}

// The evidence shows what CoCalc answers, and whether that proves anything.
func TestReconciler_Evidence_EveryStage(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		see := func(id purchase.OrderID, complete bool, words ...string) {
			t.Helper()
			e := env.Desk.Evidence(context.Background(), env.Order(id))
			if said := fmt.Sprint(e.For(false)); strings.Contains(said, "key") {
				t.Errorf("evidence for a buyer: got %s, want no word of the key", said)
			}
			all := fmt.Sprint(e.For(true))
			for _, w := range words {
				if !strings.Contains(all, w) {
					t.Errorf("evidence: got %s, want %q in it", all, w)
				}
			}
			if e.Complete != complete {
				t.Errorf("evidence complete: got %t, want %t: %s", e.Complete, complete, all)
			}
		}
		card := env.Propose(purchasetest.Spec())
		see(card.ID, true, "never-sent")
		o := env.BuyUnresolved()
		see(o.ID, true, `state="in-cart"`, "no-purchases", "not-tagged", "key-account account=")
		env.Account.Delete(o.ItemID)
		see(o.ID, true, `state="deleted"`)
		env.SwitchOn("outage")
		see(o.ID, false, `unread what="cart"`, "incomplete")
		env.Server.ClearFaults()
		env.Until(o.ID, purchase.Failed)
		bought := env.Buy()
		env.Until(bought, purchase.Purchased)
		see(bought, true, `state="bought"`, `purchase-shown amount="6375"`, "tagged license=")
	})
}

// Another customer writes the tag of an order whose outcome is unknown into the description of a license that they
// manage: one that is older, or has another configuration, proves nothing.
func TestReconciler_FindPurchase_TagInOtherLicense(t *testing.T) {
	asOrdered := cocalc.Quota{
		RAM: 16, CPU: 2, Disk: 10, Member: true, User: string(cocalc.DefaultSpec().User),
		Uptime: string(cocalc.DefaultSpec().Uptime),
	}
	for _, c := range []struct {
		name  string
		made  time.Duration // since the order's add was sent
		quota cocalc.Quota
		runs  int
		ends  purchase.State
		shows string
	}{
		{"a year older", -365 * 24 * time.Hour, asOrdered, 1, purchase.Failed, `but="older"`},
		{"an hour older", -time.Hour, asOrdered, 1, purchase.Failed, `but="older"`},
		{"smaller", time.Second, cocalc.Quota{
			RAM: 2, CPU: 2, Disk: 10, Member: true, User: string(cocalc.DefaultSpec().User),
			Uptime: string(cocalc.DefaultSpec().Uptime),
		}, 1, purchase.Failed, `but="different"`},
		{"for more projects", time.Second, asOrdered, 5, purchase.Failed, `but="different"`},
		{"as ordered, and new", time.Second, asOrdered, 1, purchase.Purchased, `tagged license="`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &extraSales{}
			purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
				o := env.BuyUnresolved()
				m.licenses = []cocalc.License{{
					ID: "00000000-0000-4000-8000-00000000beef", Title: "mine", Description: "anything\n" + o.ID.Tag(), IsManager: true,
					Created: o.AddSent.Add(c.made), Expires: time.Now().AddDate(1, 0, 0), RunLimit: c.runs, Quota: c.quota,
				}}
				if shown := fmt.Sprint(env.Desk.Evidence(context.Background(), o).Lines); !strings.Contains(shown, c.shows) {
					t.Errorf("evidence: got %s, want %q in it", shown, c.shows)
				}
				<-time.After(2 * time.Hour)
				if o = env.Order(o.ID); o.State != c.ends {
					t.Errorf("order: got %s, receipt %+v; want %s", o.State, o.Receipt, c.ends)
				}
				env.Inconsistent = true
			}, m.install)
		})
	}
}

// The answer of the bot's checkout was lost, it bought, and the item cannot be read any more: the purchases show it,
// and on an older server the licenses.
func TestReconciler_FindPurchase_ItemDeleted(t *testing.T) {
	for _, older := range []bool{false, true} {
		m := &purchasetest.Interceptor{}
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			m.ReplaceCheckout = func() error {
				if err := env.Account.Checkout(); err != nil {
					t.Error(err)
				}
				m.HideCart.Store(true)
				return &cocalc.Error{Op: "checkout", Outcome: cocalc.Unknown}
			}
			id := env.Buy()
			o := env.Until(id, purchase.Purchased, purchase.Failed)
			if o.State != purchase.Purchased || o.Receipt.LicenseID != env.Account.Licenses()[0].ID {
				t.Errorf("older %v: got %s, receipt %+v, failure %+v; want %s, license %s", older, o.State, o.Receipt, o.Failure,
					purchase.Purchased, env.Account.Licenses()[0].ID)
			}
			m.HideCart.Store(false)
			env.Check(1, 6375, 0)
		}, m.Install, func(env *purchasetest.Env) {
			if older {
				env.Server = cocalctest.New(cocalctest.Config{Seed: 1, Generation: cocalctest.Older})
			}
		})
	}
}

// extraSales is a CoCalc that lists more licenses and purchases than it sold.
type extraSales struct {
	mu sync.Mutex
	purchase.Shop
	licenses []cocalc.License
	rows     []cocalc.PurchaseRow
}

// add makes CoCalc list one more purchase.
func (m *extraSales) add(row cocalc.PurchaseRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row.Service = cocalc.ServiceLicense
	m.rows = []cocalc.PurchaseRow{row}
}

func (m *extraSales) install(env *purchasetest.Env) {
	env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
		m.Shop = over
		return l, m
	}
}

func (m *extraSales) Licenses(ctx context.Context) ([]cocalc.License, error) {
	list, err := m.Shop.Licenses(ctx)
	return append(list, m.licenses...), err
}

func (m *extraSales) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	rows, err := m.Shop.Purchases(ctx, f)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range m.rows {
		if f.Offset == 0 && !row.Time.Before(f.Since) {
			rows = append(rows, row)
		}
	}
	return rows, err
}
