package reconcile

import (
	"context"
	"strconv"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// provenBy reports whether a license proves the purchase of an order: it has the order's tag, was created after the add
// was sent, and gives what was ordered. The tag alone proves nothing, since any manager of a license can write one into
// its description. On an older server, which lists no purchases, a license need not give what was ordered: it is the
// only evidence of an item that was edited while it was sold, and a charge other than the approved price pauses buying.
func (rc *Reconciler) provenBy(ctx context.Context, o purchase.Order, l purchase.License) bool {
	id, ok := purchase.ParseTag(l.Description)
	return ok && id == o.ID && isNewEnough(o, l.Created, rc.reg.ServerTimeOrNow()) &&
		(matches(o.Sent, l) || !rc.Counts(ctx))
}

// FindPurchase reads everything that could show a purchase of the order's item. An empty result proves that there is
// none only if err is nil: CoCalc has accepted the key then.
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

// Evidence reads from CoCalc everything that could show a purchase of the order: its cart item, the purchases of that
// item, the licenses with its tag, and the account of the API key. It changes nothing; what can't be read is part of
// the evidence.
func (rc *Reconciler) Evidence(ctx context.Context, o purchase.Order) purchase.Evidence {
	e := purchase.Evidence{At: rc.now(), Complete: true}
	if o.NeverAdded() {
		e.Add(purchase.ShowsNeverSent)
		return e
	}
	rc.showItem(ctx, o, &e)
	rc.showPurchases(ctx, o, &e)
	licenses, err := rc.shop.Licenses(ctx)
	if e.Readable(err, "licenses") {
		n := 0
		for _, l := range licenses {
			if id, ok := purchase.ParseTag(l.Description); !ok || id != o.ID {
				continue
			}
			n++
			switch {
			case !isNewEnough(o, l.Created, rc.reg.ServerTimeOrNow()):
				e.Add(purchase.ShowsTagged, "license", l.ID, "but", "older")
			case !matches(o.Sent, l):
				e.Add(purchase.ShowsTagged, "license", l.ID, "but", "different")
			default:
				e.Add(purchase.ShowsTagged, "license", l.ID)
			}
		}
		switch {
		case len(licenses) == 0:
			e.Add(purchase.ShowsNoTagged)
		case n == 0:
			e.Add(purchase.ShowsNoTagged, "licenses", strconv.Itoa(len(licenses)))
		}
	}
	account, err := rc.shop.WhoAmI(ctx)
	if e.Readable(err, "account") {
		e.Account = account.ID
	}
	if !e.Complete {
		e.Add(purchase.ShowsIncompletely)
	}
	return e
}

func (rc *Reconciler) showItem(ctx context.Context, o purchase.Order, e *purchase.Evidence) {
	var item cocalc.CartItem
	var err error
	found := true
	if o.ItemID != 0 {
		item, err = rc.Item(ctx, o)
	} else {
		item, found, err = rc.FindItem(ctx, o, cocalc.InCart, cocalc.Purchased, cocalc.Removed, cocalc.PurchasedAndRemoved)
	}
	switch {
	case purchase.KindOf(err) == cocalc.NotFound:
		e.Add(purchase.ShowsItem, "item", purchase.ArgSomeID(o.ItemID), "state", "deleted")
	case !e.Readable(err, "cart"):
	case !found:
		e.Add(purchase.ShowsItem)
	case item.Purchased != nil:
		e.Add(purchase.ShowsItem, "item", purchase.ArgSomeID(item.ID), "state", "bought", "at",
			purchase.ArgTime(item.Purchased.Time), "license",
			item.Purchased.LicenseID)
	case !item.Removed.IsZero():
		e.Add(purchase.ShowsItem, "item", purchase.ArgSomeID(item.ID), "state", "removed", "at",
			purchase.ArgTime(item.Removed))
	default:
		e.Add(purchase.ShowsItem, "item", purchase.ArgSomeID(item.ID), "state", "in-cart")
	}
}

func (rc *Reconciler) showPurchases(ctx context.Context, o purchase.Order, e *purchase.Evidence) {
	store, err := rc.StoreOf(ctx)
	if err == nil && !store.counts() {
		e.Add(purchase.ShowsNoPurchases, "older", purchase.ArgFlag(true))
		return
	}
	var rows []cocalc.PurchaseRow
	if err == nil {
		rows, err = store.purchases(ctx, rc.soldFrom(o))
	}
	if !e.Readable(err, "purchases") {
		return
	}
	view := newLedgerView(rc.reg.ServerTimeOrNow())
	view.add(o)
	n := 0
	for _, row := range rows {
		verdict := Classify(view, row)
		if verdict.Order != o.ID {
			continue
		}
		n++
		// A purchase with the order's tag that isn't the order's is shown as such. Otherwise, an admin could enter other
		// people's purchase as the order's.
		e.Add(purchase.ShowsPurchase, "purchase", purchase.ArgSomeID(row.ID), "at", purchase.ArgTime(row.Time), "license",
			row.LicenseID, "amount", purchase.ArgCents(row.Cost), "but", string(verdict.Mismatch))
	}
	switch {
	case len(rows) == 0:
		e.Add(purchase.ShowsNoPurchases)
	case n == 0:
		e.Add(purchase.ShowsNoPurchases, "rows", strconv.Itoa(len(rows)))
	}
}
