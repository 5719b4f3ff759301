package history

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// account is the CoCalc account as the comparison with the ledger sees it: it sells licenses, and everything that it
// sold is the ledger's. The history itself buys from a Store, so the other methods of Shop are not used.
type account struct {
	purchase.Shop
	id  string
	now func() time.Time
}

// WhoAmI implements purchase.Shop.
func (a account) WhoAmI(context.Context) (cocalc.Account, error) {
	return cocalc.Account{ID: a.id}, nil
}

// Store implements purchase.Shop.
func (a account) Store(context.Context) (cocalc.Store, error) { return cocalc.StoreCurrent, nil }

// Purchases implements purchase.Shop.
func (a account) Purchases(context.Context, cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	return nil, nil
}

// Subscriptions implements purchase.Shop.
func (a account) Subscriptions(context.Context) ([]cocalc.Subscription, error) { return nil, nil }

// Time implements purchase.Shop.
func (a account) Time() (time.Time, bool) { return a.now(), true }

// forgetful is a Store that remembers nothing. It charges the announced price, and sometimes less for a fixed term, as
// if that had begun in the meantime.
type forgetful struct {
	random          *rand.Rand
	items, receipts int64
}

// Add implements Store.
func (s *forgetful) Add(time.Time, purchase.Order) (int64, error) {
	s.items += 1 + s.random.Int64N(3) // other people's items have numbers, too
	return s.items, nil
}

// Remove implements Store.
func (s *forgetful) Remove(time.Time, int64) error { return nil }

// Sell implements Store.
func (s *forgetful) Sell(at time.Time, o purchase.Order) (cocalc.PurchaseRow, error) {
	s.receipts += 1 + s.random.Int64N(5)
	row := cocalc.PurchaseRow{
		ID: s.receipts, Time: at, Cost: o.AnnouncedPrice(), Service: "license", LicenseID: newUUID(s.random),
		CartItemID: o.ItemID,
	}
	switch o.Spec.Period {
	case cocalc.PeriodMonthly:
		row.PeriodEnd = at.AddDate(0, 1, 0)
	case cocalc.PeriodYearly:
		row.PeriodEnd = at.AddDate(1, 0, 0)
	case cocalc.PeriodRange:
		row.PeriodEnd = o.Spec.End
		if s.random.IntN(20) == 0 {
			row.Cost -= min(row.Cost/2, 1+purchase.Cents(s.random.IntN(90)))
		}
	}
	var sent struct {
		Description string `json:"description"`
	}
	if err := json.Unmarshal(o.Sent, &sent); err != nil {
		return row, fmt.Errorf("read what was sent to the cart: %w", err)
	}
	row.Text = sent.Description
	return row, nil
}

// newUUID returns a random UUID (version 4).
func newUUID(random *rand.Rand) string {
	hi, lo := random.Uint64(), random.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1))
}
