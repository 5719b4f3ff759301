package purchase

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
)

// description is the cart item's description: the specification with the order's tag at the end of its text.
func (b *buyer) description(o Order) json.RawMessage {
	spec := o.Spec
	spec.Description = strings.TrimSpace(spec.Description + "\n" + o.ID.Tag())
	return spec.CartDescription(b.now())
}

// differs compares the item as the cart shows it with what was sent.
func (d *Desk) differs(o Order, item cocalc.CartItem) error {
	if item.Product != "site-license" {
		return fmt.Errorf("product is %q", item.Product)
	}
	if item.ProjectID != o.Spec.ProjectID {
		return fmt.Errorf("project is %q", item.ProjectID)
	}
	return cocalc.DescriptionMatches(begun(o.Sent, item.Description, d.now()), item.Description)
}

// begun returns the description that was sent, as the server may show it by now. Every look at the cart moves a start
// in the past to the server's current time, so the longer an item waits, the later it begins and the less it costs,
// without any edit. A start in the future must stay. DescriptionMatches tolerates the rest of the difference, which
// comes from adding.
func begun(sent, got json.RawMessage, now time.Time) json.RawMessage {
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

// carries reports whether the item has the order's tag.
func carries(item cocalc.CartItem, id OrderID) bool {
	found, ok := tagged(item.Text())
	return ok && found == id
}

// own reports whether something at CoCalc with the number of the order's cart item is the order's: it has its tag, or a
// person removed the tag. Something with another order's tag, or older than the order, comes from another server that
// this ledger has met.
func (o *Order) own(text string, at time.Time) bool {
	if id, ok := tagged(text); ok {
		return id == o.ID
	}
	return o.madeAfterAdd(at, cocalc.RangeTolerance)
}

// clocksApart is how much the clocks of CoCalc's machines may differ.
const clocksApart = time.Minute

// madeAfterAdd reports whether something at CoCalc was created after the order's add was sent: by CoCalc's clock if the
// order stores it, or else by the machine's, which may differ by slack.
func (o *Order) madeAfterAdd(at time.Time, slack time.Duration) bool {
	if !o.AddedAfter.IsZero() {
		return at.After(o.AddedAfter.Add(-clocksApart))
	}
	return !o.AddSent.IsZero() && at.After(o.AddSent.Add(-slack))
}

// soldFrom returns the time, by CoCalc's clock, from which purchases of the order are searched. It is zero, for all
// purchases, if the machine's clock was ahead when the order was created and no other clock is known.
func (d *Desk) soldFrom(o Order) time.Time {
	switch {
	case !o.AddedAfter.IsZero():
		return o.AddedAfter.Add(-lookBack)
	case o.Created.After(d.nowThere().Add(time.Hour)):
		return time.Time{}
	}
	return o.Created.Add(-lookBack)
}

// item reads the order's item back. One that is not the order's is NotFound.
func (d *Desk) item(ctx context.Context, o Order) (cocalc.CartItem, error) {
	item, err := d.shop.CartItem(ctx, o.ItemID)
	if err == nil && !o.own(item.Text(), item.Added) {
		return cocalc.CartItem{}, &cocalc.Error{
			Op: "shopping/cart/get", Outcome: cocalc.Rejected, Kind: cocalc.NotFound,
			Text: fmt.Sprintf("item %d is not the order's", o.ItemID),
		}
	}
	return item, err
}

// find looks for the order's tag among the items of the account.
func (d *Desk) find(ctx context.Context, o Order, among ...cocalc.CartFilter) (cocalc.CartItem, bool, error) {
	for _, which := range among {
		items, err := d.shop.Cart(ctx, which)
		if err != nil {
			return cocalc.CartItem{}, false, err
		}
		if i := slices.IndexFunc(items, func(i cocalc.CartItem) bool { return carries(i, o.ID) }); i >= 0 {
			return items[i], true, nil
		}
	}
	return cocalc.CartItem{}, false, nil
}

// purchasesOf reads the account's purchases of the order's cart item. One is right; two are a double buy. A server of
// the older kind has no such list.
func (b *buyer) purchasesOf(ctx context.Context, o Order) ([]cocalc.PurchaseRow, error) {
	store, err := b.storeOf(ctx)
	if err != nil {
		return nil, err
	}
	at := b.elapsed()
	rows, err := store.purchases(ctx, b.soldFrom(o))
	if err != nil {
		return nil, err
	}
	b.count = count{at: at, rows: rows}
	return o.among(rows), nil
}

// count is a list of purchases, and when it was asked for.
type count struct {
	at   time.Duration // elapsed
	rows []cocalc.PurchaseRow
}

// among picks the purchases of the order's cart item.
func (o *Order) among(rows []cocalc.PurchaseRow) (ours []cocalc.PurchaseRow) {
	for _, row := range rows {
		if o.ItemID != 0 && row.CartItemID == o.ItemID && row.Cost > 0 && o.own(row.Text, row.Time) {
			ours = append(ours, row)
		}
	}
	return ours
}

// receipt puts together what proves the purchase. The item names one of the licenses; with a double buy the other
// rows are extra.
func receipt(o Order, item cocalc.CartItem, rows []cocalc.PurchaseRow) *Receipt {
	r := &Receipt{Charged: o.announced(), Expires: o.Spec.End}
	if item.Purchased != nil {
		r.LicenseID, r.Time = item.Purchased.LicenseID, item.Purchased.Time
	}
	own := 0
	for i, row := range rows {
		if row.LicenseID == r.LicenseID {
			own = i
		}
	}
	for i, row := range rows {
		if i != own {
			r.Extra = append(r.Extra, Extra{PurchaseID: row.ID, LicenseID: row.LicenseID, Charged: row.Cost})
			continue
		}
		r.LicenseID, r.PurchaseID, r.Charged = row.LicenseID, row.ID, row.Cost
		if r.Time.IsZero() {
			r.Time = row.Time
		}
		if !row.PeriodEnd.IsZero() {
			r.Expires = row.PeriodEnd
		}
	}
	r.Time = cmp.Or(r.Time, o.CheckoutSent, o.Updated) // CoCalc's own time may be unreadable
	return r
}

// provenBy reports whether a license proves the purchase of an order: it has the order's tag, was created after the add
// was sent, and gives what was ordered. Any manager of a license can write a tag into its description. An older server
// has no list of purchases that would show an item that was edited while it was sold: there the license is the only
// evidence, and one that costs something else than was approved pauses buying.
func (b *buyer) provenBy(ctx context.Context, o Order, l License) bool {
	id, ok := tagged(l.Description)
	return ok && id == o.ID && b.couldBe(o, l.Created) && (gives(o.Sent, l) || !b.counts(ctx))
}

// couldBe reports whether something with the order's tag is new enough to be the order's. If only the machine's clock
// dates the add, and that clock was ahead, nothing is too old.
func (d *Desk) couldBe(o Order, made time.Time) bool {
	return o.madeAfterAdd(made, lookBack) || o.AddedAfter.IsZero() && o.AddSent.After(d.nowThere().Add(time.Hour))
}

// evidence reads everything that could show a purchase of the order's item. Nothing found is only worth something
// beside err == nil, which includes a proof of the key.
func (b *buyer) evidence(ctx context.Context, o Order) (cocalc.CartItem, []cocalc.PurchaseRow, error) {
	var item cocalc.CartItem
	var err error
	if o.ItemID != 0 {
		item, err = b.item(ctx, o)
	} else {
		item, _, err = b.find(ctx, o, cocalc.InCart, cocalc.Purchased, cocalc.PurchasedAndRemoved)
	}
	if err != nil && kindOf(err) != cocalc.NotFound {
		return item, nil, err
	}
	if item.Purchased != nil {
		return item, nil, nil
	}
	rows, err := b.purchasesOf(ctx, o)
	if err != nil || len(rows) > 0 {
		return item, rows, err
	}
	licenses, err := b.shop.Licenses(ctx)
	if err != nil {
		return item, nil, err
	}
	for _, l := range licenses {
		if b.provenBy(ctx, o, l) {
			return item,
				[]cocalc.PurchaseRow{{
					LicenseID: l.ID, Time: l.Created, Cost: computedOf(o, l), CartItemID: o.ItemID,
					PeriodEnd: l.Expires,
				}}, nil
		}
	}
	_, err = b.shop.WhoAmI(ctx)
	return item, nil, err
}
