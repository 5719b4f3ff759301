package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// readView reads what classifies the purchases, except for the orders that they name, which change while purchases are
// entered (LedgerView.load).
func (rc *Reconciler) readView(ctx context.Context, rows []cocalc.PurchaseRow, deep bool) (*LedgerView, error) {
	v := newLedgerView(rc.reg.ServerTimeOrNow())
	return v, rc.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil {
			return err
		}
		v.setAccount(account)
		if deep {
			if err := v.readReports(r); err != nil {
				return err
			}
		}
		return v.readItems(r, rows)
	})
}

// readItems looks for the cart items of purchases without a tag among all orders, however old: a person can put an item
// back into the cart after weeks. Purchases that were reported, and those of the replaced ledger's items, are left out.
func (v *LedgerView) readItems(r purchase.Reader, rows []cocalc.PurchaseRow) error {
	for _, row := range rows {
		_, tagged := purchase.ParseTag(row.Text)
		if !tagged && row.CartItemID != 0 && v.items[row.CartItemID] == "" && !v.reported.has(row) {
			ids, err := r.OrdersOfItem(row.CartItemID)
			if err != nil {
				return err
			}
			if len(ids) > 0 {
				v.items[row.CartItemID] = ids[0]
			}
		}
	}
	return nil
}

// load reads the ledger's record of the order that a purchase names, as it is now.
func (v *LedgerView) load(r purchase.Reader, row cocalc.PurchaseRow) error {
	ids := []purchase.OrderID{v.items[row.CartItemID]}
	if id, tagged := purchase.ParseTag(row.Text); tagged {
		ids[0] = id
	} else if p, ok, err := r.PurchaseOf(row.LicenseID); err != nil {
		return err
	} else if ok {
		v.licenses[row.LicenseID] = p.Order
		ids = append(ids, p.Order)
	}
	for _, id := range ids {
		if id == "" {
			continue
		}
		o, err := r.Order(id)
		switch {
		case errors.Is(err, purchase.ErrNoOrder):
			delete(v.orders, id)
		case err != nil:
			return err
		default:
			v.orders[id] = o
		}
	}
	return nil
}

// apply classifies a purchase, and enters or reports it if the ledger doesn't have it. It returns the id of its order
// if that had failed and now counts as bought. A row without an amount, of a server that lists no purchases, gets the
// license's price by the formula.
func (rc *Reconciler) apply(w purchase.Writer, found *results, v *LedgerView, row *cocalc.PurchaseRow,
	licenses []cocalc.License,
) (purchase.OrderID, error) {
	verdict := Classify(v, *row)
	o, _ := v.find(verdict.Order)
	var license cocalc.License
	if i := slices.IndexFunc(licenses, func(l cocalc.License) bool { return l.ID == row.LicenseID }); i >= 0 {
		license = licenses[i]
	}
	if row.ID == 0 && o.ID != "" {
		row.Cost = priceOf(o, license)
	}
	if verdict.Reported { // once is enough
		if !found.reported.has(*row) {
			found.again = append(found.again, unrecognized(*row))
		}
		return "", nil
	}
	switch verdict.Kind {
	case KindAccounted, KindUnderWay, KindEarlier, KindUnread:
	case KindMissingLedger: // announced with the ledger that is missing
	case KindAwaited:
		return "", rc.Correct(w, &o, []cocalc.PurchaseRow{*row}, true)
	case KindBoughtLate:
		return o.ID, nil
	case KindDuplicate:
		return "", rc.enterLateDuplicate(w, o, *row)
	case KindEndedByRestore:
		return "", rc.enterEndedOrder(w, found, o, *row)
	case KindLost:
		return "", rc.enterLostOrder(w, found, o, *row)
	case KindUnattributed:
		return "", rc.enterUnattributed(w, found, verdict.Order, *row, license)
	case KindForeign:
		return "", rc.reportForeign(w, found, *row, verdict, o)
	case KindUnknownTag:
		return "", rc.reportUnexplained(w, found, *row, verdict.Order, "unknown-order")
	case KindNeverSent:
		return "", rc.reportUnexplained(w, found, *row, verdict.Order, "never-sent")
	}
	return "", nil
}

// results are what one comparison found. They are stored together at its end: there can be hundreds of reports, and
// storing them one by one would block other writers.
type results struct {
	unrecognized []purchase.UnrecognizedPurchase
	again        []purchase.UnrecognizedPurchase // reported long ago, and read again
	notices      []purchase.Notification
	reported     reportSet // what the account's record names, before this comparison

	entered, unattributed, byWord   int // purchases that a restored backup lacked
	sum, unattributedSum, byWordSum purchase.Cents
}

// reportForeign reports another person's purchase on the account, once. It is never counted as the bot's. o is the
// order whose tag the purchase has, and of which the verdict says why it isn't the order's.
func (rc *Reconciler) reportForeign(w purchase.Writer, r *results, row cocalc.PurchaseRow, verdict Verdict,
	o purchase.Order,
) error {
	switch verdict.Mismatch {
	case MismatchOlder:
		return rc.report(w, r, row, purchase.NotificationForeign, "", "why", "older", "order", string(o.ID))
	case MismatchCopied:
		return rc.report(w, r, row, purchase.NotificationForeign, "", "why", "copied", "order", string(o.ID),
			"item", purchase.ArgSomeID(o.ItemID))
	default:
		return rc.report(w, r, row, purchase.NotificationForeign, "")
	}
}

// reportUnexplained reports a purchase with an order's tag that the ledger can't explain, and pauses buying: either
// another ledger uses the account, or this one has lost records. why is "never-sent" or "unknown-order".
func (rc *Reconciler) reportUnexplained(w purchase.Writer, r *results, row cocalc.PurchaseRow, id purchase.OrderID,
	why string,
) error {
	if err := rc.report(w, r, row, purchase.NotificationUnexplained, id, "why", why, "order", string(id)); err != nil {
		return err
	}
	_, err := register.PauseBuying(w, register.BotPause(rc.now(), purchase.Cause{
		Code: purchase.IncidentUnexplained,
		Args: reportArgs(row),
	}), "")
	return err
}

// report records a purchase that is not the ledger's in the audit, and adds a notice about it to the results. pairs are
// arguments besides those of the purchase.
func (rc *Reconciler) report(w purchase.Writer, r *results, row cocalc.PurchaseRow, kind purchase.NotificationKind,
	order purchase.OrderID,
	pairs ...string,
) error {
	r.unrecognized = append(r.unrecognized, unrecognized(row))
	what := purchase.Cause{Code: kind, Args: reportArgs(row)}
	maps.Copy(what.Args, purchase.NewCause(kind, append(pairs, "at", purchase.ArgTime(row.Time))...).Args)
	if n := rc.reg.NewNotification(kind, fmt.Sprintf("%s-%d-%s", kind, row.ID, row.LicenseID), what, purchase.Order{},
		""); len(n.Pending) > 0 {
		r.notices = append(r.notices, n)
	}
	return w.AppendEvent(purchase.Event{
		Time: rc.now(), Kind: string(kind), Order: order, By: purchase.BotName, Amount: row.Cost,
		Cause: what,
	})
}

// reportArgs identify a purchase in an audit record.
func reportArgs(row cocalc.PurchaseRow) purchase.Args {
	return purchase.Args{
		"license": row.LicenseID, "purchase": strconv.FormatInt(row.ID, 10),
		"amount": purchase.ArgCents(row.Cost),
	}
}

// unrecognized returns the report of a purchase that is not the ledger's.
func unrecognized(row cocalc.PurchaseRow) purchase.UnrecognizedPurchase {
	return purchase.UnrecognizedPurchase{PurchaseID: row.ID, LicenseID: row.LicenseID, Time: row.Time, Cost: row.Cost}
}
