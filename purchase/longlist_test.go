package purchase_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// busy is a CoCalc whose account bought many other licenses after everything else. A stuck one gives the same page for
// ever.
type busy struct {
	purchase.Shop
	others *int
	stuck  bool
}

func (s busy) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	if s.stuck {
		f.Offset = 0
	}
	var page []cocalc.PurchaseRow
	for i := f.Offset; i < *s.others && len(page) < f.Limit; i++ {
		page = append(page, cocalc.PurchaseRow{
			ID: int64(1_000_000 - i), Time: time.Now(), Cost: 100, LicenseID: "other",
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

// The list of purchases is longer than a page: an order's own are on a later one, and are found all the same.
func TestPurchasesOnALaterPage(t *testing.T) {
	others := 0
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Second) // the account was compared with the ledger
		others = 600
		o := s.until(s.buy(), purchase.Purchased)
		if o.Receipt.PurchaseID == 0 || o.Receipt.Unchecked || len(o.Receipt.Duplicates) > 0 {
			t.Errorf("its purchase was not found: %+v", o.Receipt)
		}
		if e := s.desk.Evidence(context.Background(), o); !e.Complete ||
			!slices.ContainsFunc(e.Lines, func(c purchase.Cause) bool { return c.Code == purchase.ShowsPurchase }) {
			t.Errorf("people read %q", e.Lines)
		}
	}, func(s *shop) {
		s.wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, busy{Shop: shop, others: &others}
		}
	})
}

// A list that gives the same page for ever is not taken for a whole one: the account does not count as compared.
func TestAListOfPurchasesWithoutAnEnd(t *testing.T) {
	others := 600
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Hour)
		if at := s.state().Reconciled; !at.IsZero() || len(s.events("foreign-purchase")) > 0 {
			t.Errorf("the account counts as compared, at %s", at)
		}
	}, func(s *shop) {
		s.wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return l, busy{shop, &others, true}
		}
	})
}
