package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/largeledger/history"
	"licensebot/purchase"
	"licensebot/slacksim"
)

const (
	// ordersPerMonth is how many orders people made in each month before a demo with a history.
	ordersPerMonth = 12
	// maxHistory is the longest history, in months.
	maxHistory = 120
)

// past is the CoCalc account before the demo: it sells what people bought then.
type past struct {
	server  *cocalctest.Server
	account *cocalctest.Account
	now     time.Time
	until   time.Time // when the demo begins
}

// newPast creates the account in an earlier time. It never waits.
func newPast(until time.Time) *past {
	p := &past{until: until}
	p.server = cocalctest.New(cocalctest.Config{
		Now: func() time.Time { return p.now }, Seed: uint64(until.UnixNano()), CheckoutTakes: 1,
	})
	return p
}

// makePast fills the ledger of a new demo with the orders of some months, and CoCalc with what they bought.
func (s *simulators) makePast(ctx context.Context, o options, until time.Time) error {
	p := newPast(until)
	defer p.server.Close()
	p.now = until.AddDate(0, -o.history, 0)
	p.account = p.server.Add(newAccount(0))
	var team []history.Person
	for _, one := range cast() {
		if !one.Restricted {
			team = append(team, history.Person{
				Actor: purchase.Actor{ID: one.ID, Name: one.Name},
				Buys:  one.buyer, Approves: one.approver, Administers: one.admin,
			})
		}
	}
	ledger := filepath.Join(o.data, ledgerFile)
	unfinished := ledger + ".new" // of a demo that was killed while it wrote it
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := history.Create(ctx, unfinished, history.Options{
		Orders: ordersPerMonth * o.history, Months: o.history, Until: until, Seed: uint64(until.UnixNano()),
		Team: team, Channels: []purchase.Channel{{ID: slacksim.General, Name: "general"}}, ApprovalsChannel: approvalsChannel,
		Policy:    purchase.Policy{AutoApprove: 200_000, OrderLimit: purchase.Limit{Max: 1_000_000}},
		AccountID: accountID, Site: purchase.Site(s.shopURL), Store: p, Unposted: true,
	})
	if err != nil {
		return err
	}
	p.now = until
	p.account.AddCredit(int64(o.credit.Max)-p.account.Balance(), "credit card")
	if err := s.cocalc.Restore(p.server.Snapshot()); err != nil {
		return err
	}
	// The ledger comes first: without it, CoCalc's licenses would be those of a missing ledger.
	if err := os.Rename(unfinished, ledger); err != nil {
		return fmt.Errorf("give the ledger its name: %w", err)
	}
	return nil
}

// Add implements history.Store.
func (p *past) Add(at time.Time, o purchase.Order) (int64, error) {
	p.now = at
	return p.account.AddToCart("site-license", string(o.Sent)), nil
}

// Remove implements history.Store.
func (p *past) Remove(at time.Time, item int64) error {
	p.now = at
	if !p.account.Remove(item) {
		return fmt.Errorf("cart item %d is not in the cart", item)
	}
	return nil
}

// Sell implements history.Store.
func (p *past) Sell(at time.Time, o purchase.Order) (row cocalc.PurchaseRow, err error) {
	p.now = at
	if p.account.Balance() < int64(o.Price) {
		p.account.AddCredit(2*int64(o.Price), "credit card")
	}
	if err := p.account.Checkout(); err != nil {
		return row, err
	}
	for _, sold := range p.account.Purchases() {
		if sold.CartItemID == o.ItemID {
			row = cocalc.PurchaseRow{
				ID: sold.ID, Time: sold.Time, Cost: purchase.Cents(sold.Cents), Service: sold.Service, LicenseID: sold.LicenseID,
				CartItemID: sold.CartItemID,
			}
		}
	}
	for _, l := range p.account.Licenses() {
		if l.ID != row.LicenseID {
			continue
		}
		row.PeriodEnd, row.Text = l.Expires, l.Description
		if l.SubscriptionID != 0 && l.Expires.Before(p.until) { // it was not renewed
			p.account.CancelSubscription(l.SubscriptionID)
		}
		return row, nil
	}
	return row, fmt.Errorf("no license was sold for cart item %d", o.ItemID)
}
