package purchase

import (
	"context"
	"time"

	"licensebot/cocalc"
)

// licenseStore is the license store of a CoCalc, of one of two generations that answer differently.
type licenseStore interface {
	// Preview returns what a checkout would buy now.
	Preview(ctx context.Context, o Order) (lastLook, error)
	// purchases lists the license purchases of the account since a time; nil if the store has no such list.
	purchases(ctx context.Context, from time.Time) ([]cocalc.PurchaseRow, error)
	// counts reports whether the store lists purchases. If not, a license is the only evidence of a purchase, and
	// nothing can be counted again later.
	counts() bool
	// sales returns the license purchases of the account since a time, with the key proven.
	sales(ctx context.Context, from time.Time) (sales, error)
	// Charge completes the receipt of a bought order. An error says that the charge may change if it is tried again.
	Charge(ctx context.Context, o Order, item cocalc.CartItem, r *Receipt) error
}

// storeOf returns the store of the server.
func (d *Desk) storeOf(ctx context.Context) (licenseStore, error) {
	kind, err := d.shop.Store(ctx)
	switch {
	case err != nil:
		return nil, err
	case kind == cocalc.StoreOlder:
		return olderStore{d}, nil
	default:
		return currentStore{d}, nil
	}
}

// counts reports whether the store lists purchases; true while the server does not say which store it has.
func (d *Desk) counts(ctx context.Context) bool {
	store, err := d.storeOf(ctx)
	return err != nil || store.counts()
}

// currentStore lists purchases and previews a checkout.
type currentStore struct{ desk *Desk }

func (s currentStore) Preview(ctx context.Context, o Order) (lastLook, error) {
	look := lastLook{amount: o.Price}
	params, err := s.desk.shop.CheckoutParams(ctx)
	for _, item := range params.Items {
		look.checked = append(look.checked, item.CartItem)
		if item.ID == o.ItemID {
			look.amount = item.LineItemAmount
		}
	}
	credit := params.Balance - params.MinBalance
	look.credit = &credit
	return look, err
}

func (s currentStore) purchases(ctx context.Context, from time.Time) ([]cocalc.PurchaseRow, error) {
	return Sold(ctx, s.desk.shop, from)
}

func (currentStore) counts() bool { return true }

func (s currentStore) sales(ctx context.Context, from time.Time) (found sales, err error) {
	if found.rows, err = s.purchases(ctx, from); err != nil {
		return found, err
	}
	_, err = s.desk.shop.WhoAmI(ctx)
	return found, err
}

// charge keeps what the purchases say.
func (currentStore) Charge(context.Context, Order, cocalc.CartItem, *Receipt) error { return nil }

// olderStore reports neither prices nor charges. It sells by the formula of the quote.
type olderStore struct{ desk *Desk }

func (s olderStore) Preview(ctx context.Context, o Order) (lastLook, error) {
	look := lastLook{amount: o.Price}
	all, err := s.desk.shop.Cart(ctx, cocalc.InCart)
	for _, item := range all {
		if !item.Checked {
			continue
		}
		look.checked = append(look.checked, item)
		if cost, err := cocalc.PriceDescription(item.Description, s.desk.now()); err == nil && item.ID == o.ItemID {
			look.amount = min(cost.LineItemAmount, look.amount) // a fixed term that has begun costs less by now
		}
	}
	return look, err
}

func (olderStore) purchases(context.Context, time.Time) ([]cocalc.PurchaseRow, error) {
	return nil, nil
}

func (olderStore) counts() bool { return false }

// sales returns the purchases that tagged licenses prove: the licenses do not show who bought the others. A list of
// licenses comes with a proof of the key.
func (s olderStore) sales(ctx context.Context, from time.Time) (sales, error) {
	licenses, err := s.desk.shop.Licenses(ctx)
	if err != nil {
		return sales{}, err
	}
	found := sales{licenses: map[string]cocalc.License{}}
	for _, l := range licenses {
		if !l.Created.Before(from) {
			found.licenses[l.ID] = l
		}
	}
	for _, row := range rowsOf(licenses) {
		if !row.Time.Before(from) {
			found.rows = append(found.rows, row)
		}
	}
	return found, nil
}

// charge computes the charge.
func (s olderStore) Charge(ctx context.Context, o Order, item cocalc.CartItem, r *Receipt) (err error) {
	r.Unchecked = false
	r.Charged, err = s.computedFor(ctx, o, item)
	return err
}
