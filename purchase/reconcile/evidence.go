package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Differs compares the item as the cart shows it with what was sent.
func (rc *Reconciler) Differs(o purchase.Order, item cocalc.CartItem) error {
	return differs(o, item, rc.now())
}

func differs(o purchase.Order, item cocalc.CartItem, now time.Time) error {
	if item.Product != "site-license" {
		return fmt.Errorf("product is %q", item.Product)
	}
	if item.ProjectID != o.Spec.ProjectID {
		return fmt.Errorf("project is %q", item.ProjectID)
	}
	return cocalc.DescriptionMatches(clampStart(o.Sent, item.Description, now), item.Description)
}

// clampStart returns the description that was sent, as the server may show it by now. Every look at the cart moves a start
// in the past to the server's current time, so the longer an item waits, the later it begins and the less it costs,
// without any edit. A start in the future must stay. DescriptionMatches tolerates the rest of the difference, which
// comes from adding.
func clampStart(sent, got json.RawMessage, now time.Time) json.RawMessage {
	var have struct {
		Range []time.Time `json:"range"`
	}
	var fields map[string]json.RawMessage
	var want []time.Time
	if json.Unmarshal(got, &have) != nil || json.Unmarshal(sent, &fields) != nil ||
		json.Unmarshal(fields["range"], &want) != nil || len(have.Range) != 2 || len(want) != 2 {
		return sent
	}
	start := have.Range[0].Add(-cocalc.RangeTolerance)
	if !start.After(want[0]) || have.Range[0].After(now.Add(cocalc.RangeTolerance)) {
		return sent
	}
	moved, err := json.Marshal([]time.Time{start, want[1]})
	if err != nil {
		return sent
	}
	fields["range"] = moved
	out, err := json.Marshal(fields)
	if err != nil {
		return sent
	}
	return out
}

// HasTag reports whether the item has the order's tag.
func HasTag(item cocalc.CartItem, id purchase.OrderID) bool {
	found, ok := purchase.ParseTag(item.Text())
	return ok && found == id
}

// soldFrom returns the time, by CoCalc's clock, from which purchases of the order are searched. It is zero, for all
// purchases, if the machine's clock was ahead when the order was created and no other clock is known.
func (rc *Reconciler) soldFrom(o purchase.Order) time.Time {
	switch {
	case !o.AddedAfter.IsZero():
		return o.AddedAfter.Add(-overlap)
	case o.Created.After(rc.reg.ServerTimeOrNow().Add(time.Hour)):
		return time.Time{}
	}
	return o.Created.Add(-overlap)
}

// Item reads the order's item back. One that is not the order's is NotFound.
func (rc *Reconciler) Item(ctx context.Context, o purchase.Order) (cocalc.CartItem, error) {
	item, err := rc.shop.CartItem(ctx, o.ItemID)
	if err == nil && !o.Owns(item.Text(), item.Added) {
		return cocalc.CartItem{}, &cocalc.Error{
			Op: "shopping/cart/get", Outcome: cocalc.Rejected, Kind: cocalc.NotFound,
			Text: fmt.Sprintf("item %d is not the order's", o.ItemID),
		}
	}
	return item, err
}

// FindItem looks for the order's tag among the items of the account.
func (rc *Reconciler) FindItem(ctx context.Context, o purchase.Order,
	among ...cocalc.CartFilter,
) (cocalc.CartItem, bool, error) {
	for _, which := range among {
		items, err := rc.shop.Cart(ctx, which)
		if err != nil {
			return cocalc.CartItem{}, false, err
		}
		if i := slices.IndexFunc(items, func(i cocalc.CartItem) bool { return HasTag(i, o.ID) }); i >= 0 {
			return items[i], true, nil
		}
	}
	return cocalc.CartItem{}, false, nil
}

// PurchasesOf reads the account's purchases of the order's cart item. One is right; two are a double buy. A server of
// the older kind has no such list.
func (rc *Reconciler) PurchasesOf(ctx context.Context, o purchase.Order) ([]cocalc.PurchaseRow, error) {
	store, err := rc.StoreOf(ctx)
	if err != nil {
		return nil, err
	}
	at := rc.reg.Elapsed()
	rows, err := store.purchases(ctx, rc.soldFrom(o))
	if err != nil {
		return nil, err
	}
	rc.Count = Counted{At: at, Rows: rows}
	return o.PurchasesIn(rows), nil
}

// Counted is a list of purchases, and when it was asked for.
type Counted struct {
	At   time.Duration // elapsed
	Rows []cocalc.PurchaseRow
}

// provenBy reports whether a license proves the purchase of an order: it has the order's tag, was created after the add
// was sent, and gives what was ordered. Any manager of a license can write a tag into its description. An older server
// has no list of purchases that would show an item that was edited while it was sold: there the license is the only
// evidence, and one that costs something else than was approved pauses buying.
func (rc *Reconciler) provenBy(ctx context.Context, o purchase.Order, l purchase.License) bool {
	id, ok := purchase.ParseTag(l.Description)
	return ok && id == o.ID && isNewEnough(o, l.Created, rc.reg.ServerTimeOrNow()) && (matches(o.Sent, l) || !rc.Counts(ctx))
}

// FindPurchase reads everything that could show a purchase of the order's item. Nothing found is only worth something
// beside err == nil, which includes a proof of the key.
func (rc *Reconciler) FindPurchase(ctx context.Context,
	o purchase.Order,
) (cocalc.CartItem, []cocalc.PurchaseRow, error) {
	var item cocalc.CartItem
	var err error
	if o.ItemID != 0 {
		item, err = rc.Item(ctx, o)
	} else {
		item, _, err = rc.FindItem(ctx, o, cocalc.InCart, cocalc.Purchased, cocalc.PurchasedAndRemoved)
	}
	if err != nil && purchase.KindOf(err) != cocalc.NotFound {
		return item, nil, err
	}
	if item.Purchased != nil {
		return item, nil, nil
	}
	rows, err := rc.PurchasesOf(ctx, o)
	if err != nil || len(rows) > 0 {
		return item, rows, err
	}
	licenses, err := rc.shop.Licenses(ctx)
	if err != nil {
		return item, nil, err
	}
	for _, l := range licenses {
		if rc.provenBy(ctx, o, l) {
			return item,
				[]cocalc.PurchaseRow{{
					LicenseID: l.ID, Time: l.Created, Cost: priceOf(o, l), CartItemID: o.ItemID,
					PeriodEnd: l.Expires,
				}}, nil
		}
	}
	_, err = rc.shop.WhoAmI(ctx)
	return item, nil, err
}
