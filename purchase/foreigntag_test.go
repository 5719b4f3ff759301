package purchase_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// moreSold is a CoCalc that lists more licenses and purchases than it sold.
type moreSold struct {
	mu sync.Mutex
	purchase.Shop
	licenses []cocalc.License
	rows     []cocalc.PurchaseRow
}

// sold has CoCalc list one more purchase.
func (m *moreSold) sold(row cocalc.PurchaseRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = []cocalc.PurchaseRow{row}
}

func (m *moreSold) with(s *shop) {
	s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
		m.Shop = over
		return l, m
	}
}

func (m *moreSold) Licenses(ctx context.Context) ([]cocalc.License, error) {
	list, err := m.Shop.Licenses(ctx)
	return append(list, m.licenses...), err
}

func (m *moreSold) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
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

// Somebody writes the tag of an order whose outcome is unknown into the description of a license that they manage: one
// that is older, or that gives something else, proves nothing.
func TestATagInAnotherLicense(t *testing.T) {
	asOrdered := cocalc.Quota{
		RAM: 16, CPU: 2, Disk: 10, Member: true, User: string(cocalc.DefaultSpec().User),
		Uptime: string(cocalc.DefaultSpec().Uptime),
	}
	for _, c := range []struct {
		name  string
		made  time.Duration // after the order's add was sent
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
			m := &moreSold{}
			inShop(t, 100000, func(s *shop) {
				o := s.held()
				m.licenses = []cocalc.License{{
					ID: "00000000-0000-4000-8000-00000000beef", Title: "mine", Description: "anything\n" + o.ID.Tag(), IsManager: true,
					Created: o.AddSent.Add(c.made), Expires: time.Now().AddDate(1, 0, 0), RunLimit: c.runs, Quota: c.quota,
				}}
				if shown := fmt.Sprint(s.desk.Evidence(context.Background(), o).Lines); !strings.Contains(shown, c.shows) {
					t.Errorf("shown is: %s", shown)
				}
				<-time.After(2 * time.Hour)
				if o = s.order(o.ID); o.State != c.ends {
					t.Errorf("the order is %s, want %s: %+v", o.State, c.ends, o.Receipt)
				}
				s.unchecked = true
			}, m.with)
		})
	}
}

// A purchase with the order's tag that is older than the order, of another cart item, is somebody else's, although the
// order has failed.
func TestATagInAnOlderPurchase(t *testing.T) {
	m := &moreSold{}
	inShop(t, 100000, func(s *shop) {
		<-time.After(time.Hour)
		o := s.until(s.held().ID, purchase.Failed)
		m.sold(cocalc.PurchaseRow{
			ID: 900, LicenseID: "00000000-0000-4000-8000-00000000beef", Time: o.AddSent.Add(-2 * time.Minute), Cost: 100,
			Text: "anything\n" + o.ID.Tag(),
		})
		<-time.After(2 * time.Hour)
		if o = s.order(o.ID); o.State != purchase.Failed {
			t.Errorf("the order is %s: %+v", o.State, o.Receipt)
		}
		if e := s.events("foreign-purchase"); len(e) != 1 || e[0].Args["purchase"] != "900" {
			t.Errorf("reported %+v", e)
		}
	}, m.with, withChannel)
}
