package purchase

import (
	"context"
	"fmt"
	"time"

	"licensebot/cocalc"
)

// watchUntil is the end of a watch that begins now. Ends are rounded up, so that the watches of a busy hour end
// together, and share their looks at the list of purchases, which CoCalc throttles.
func (d *Desk) watchUntil() time.Time {
	step := d.watchStep()
	return d.now().Add(d.timing.Settle + step - 1).Truncate(step)
}

// watchStep is the unit that the ends of watches are rounded to.
func (d *Desk) watchStep() time.Duration { return max(d.timing.Settle/10, 1) }

// left returns the rest of an order's watch.
func (b *buyer) left(o Order) time.Duration { return b.remains(o.ID, b.watchSpan(o)) }

// watch looks after an order that has failed: an add whose answer was lost may be carried out late, and another
// checkout that had begun before the item was taken out buys it anyway. A late item is taken out; a purchase is
// entered, since the money is spent.
func (b *buyer) watch(ctx context.Context, o Order) (time.Duration, error) {
	over := b.left(o) <= 0
	item, rows, err := b.glance(ctx, o, over)
	switch {
	case err != nil:
		b.log.Debug().Err(err).Str("order", string(o.ID)).Msg("put off watching a failed order: CoCalc cannot be read")
		return b.pause(o.ID), nil
	case item.Purchased != nil:
		return b.adopt(ctx, o, item)
	case len(rows) > 0:
		r := receipt(o, item, rows)
		r.Adopted = o.CheckoutSent.IsZero()
		return 0, b.finish(ctx, o, r)
	case item.ID != 0 && item.Removed.IsZero():
		b.log.Warn().Int64("item", item.ID).Str("order", string(o.ID)).Msg("take a failed order's item out of the cart")
		if _, err := b.shop.RemoveFromCart(ctx, item.ID); err != nil {
			return b.pause(o.ID), nil
		}
		_, err := b.edit(ctx, o, false, func(o *Order) {
			o.ItemID = item.ID
			o.WatchUntil = b.watchUntil() // a checkout may have begun while it was there
		})
		return b.pause(o.ID), err
	case !over:
		return min(b.pause(o.ID), max(b.left(o), time.Millisecond)), nil
	}
	_, err = b.edit(ctx, o, false, func(o *Order) { o.WatchUntil = time.Time{} })
	return 0, err
}

// glance is one look of a watch: at the item alone, and at its end at everything that could show a purchase.
func (b *buyer) glance(ctx context.Context, o Order, last bool) (item cocalc.CartItem, rows []cocalc.PurchaseRow,
	err error,
) {
	switch {
	case last:
		return b.evidence(ctx, o)
	case o.ItemID == 0:
		item, _, err = b.find(ctx, o, cocalc.InCart, cocalc.Purchased)
		return item, nil, err
	}
	item, err = b.item(ctx, o)
	if kindOf(err) == cocalc.NotFound {
		err = nil // deleted: only the last look can tell
	}
	return item, nil, err
}

// mostCounts is how many looks at the list of purchases may miss a purchase before the ledger records that.
const mostCounts = 20

// recount counts the purchases of a bought item: those that could not be counted when it was bought, and all of them
// once more when the watch is over, since another checkout of the same cart may have taken longer than ours.
func (b *buyer) recount(ctx context.Context, o Order) (time.Duration, error) {
	late := !o.Receipt.Unchecked
	if left := b.left(o); late && left > 0 {
		return left, nil
	}
	if o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0 && !b.outOfCart(ctx, o) {
		return b.pause(o.ID), nil
	}
	rows := o.among(b.count.rows)
	if !late || b.count.at < b.ends(o.ID, b.watchSpan(o)) || len(rows) == 0 {
		var err error
		if rows, err = b.purchasesOf(ctx, o); err != nil || len(rows) == 0 {
			if late && !b.counts(ctx) {
				_, err := b.edit(ctx, o, false, func(o *Order) { o.WatchUntil = time.Time{} })
				return 0, err
			}
			if b.tries[o.ID] < mostCounts || b.lingers(o) > 0 { // what may still come holds others up as long as this is open
				return b.pause(o.ID), nil
			}
			// The purchase itself is proven; what is left is told in the ledger.
			_, err := b.change(ctx, o.ID, func(w Writer, live *Order) error {
				live.Receipt.Unchecked, live.WatchUntil = false, time.Time{}
				live.Updated = b.now()
				if err := w.PutOrder(*live); err != nil {
					return err
				}
				return w.AppendEvent(Event{
					Time: b.now(), Kind: "uncounted", Order: o.ID, By: BotName,
					Note: "the list of purchases did not show this purchase",
				})
			})
			return 0, err
		}
	}
	delete(b.tries, o.ID)
	_, err := b.change(ctx, o.ID, func(w Writer, live *Order) error { return b.correct(w, live, rows, late) })
	return 0, err
}

// outOfCart takes the item of an order that an admin settled as bought out of the cart, where another checkout would
// buy it after all. It reports whether the item is certainly no longer for sale there.
func (b *buyer) outOfCart(ctx context.Context, o Order) bool {
	item, err := b.item(ctx, o)
	if err == nil && item.Purchased == nil && item.Removed.IsZero() {
		_, err = b.shop.RemoveFromCart(ctx, o.ItemID)
	}
	return err == nil || kindOf(err) == cocalc.NotFound
}

// correct brings receipt and ledger of a purchase in line with the list of purchases.
func (b *buyer) correct(w Writer, o *Order, rows []cocalc.PurchaseRow, late bool) error {
	had := *o.Receipt
	full := receipt(*o, cocalc.CartItem{Purchased: &cocalc.CartPurchase{LicenseID: had.LicenseID, Time: had.Time}}, rows)
	known := map[int64]bool{}
	for _, x := range had.Extra {
		known[x.PurchaseID] = true
	}
	var extra []Extra
	for _, x := range full.Extra {
		if !known[x.PurchaseID] {
			extra = append(extra, x)
		}
	}
	r := o.Receipt
	r.Unchecked, r.Extra = false, append(r.Extra, extra...)
	r.PurchaseID, r.LicenseID, r.Charged, r.Expires = full.PurchaseID, full.LicenseID, full.Charged, full.Expires
	if late {
		o.WatchUntil = time.Time{}
	}
	if had.Unchecked || len(extra) > 0 || r.LicenseID != had.LicenseID || r.Charged != had.Charged {
		o.Rev++
	}
	o.Updated = b.now()
	if err := w.PutOrder(*o); err != nil {
		return err
	}
	if diff := full.Charged - had.Charged; diff != 0 || full.LicenseID != had.LicenseID {
		// What is in the log is never changed: the difference is an entry of its own, which also names a license that was
		// not known before.
		e := entry(*o, *r)
		e.Charged, e.Correction = diff, true
		if _, err := w.AddPurchase(e); err != nil {
			return err
		}
		if err := spend(w, *o, diff, 0); err != nil {
			return err
		}
		if err := w.AppendEvent(Event{
			Time: b.now(), Kind: "corrected", Order: o.ID, By: BotName, Amount: diff,
			Note: fmt.Sprintf("charged %s instead of %s for license %s", full.Charged, had.Charged, full.LicenseID),
		}); err != nil {
			return err
		}
	}
	if full.Charged != had.Charged { // otherwise it was told before
		if err := b.charged(w, *o, *r); err != nil {
			return err
		}
	}
	return b.enterExtra(w, *o, extra)
}
