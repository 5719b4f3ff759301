package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// compare classifies the purchases, and does in one transaction what each verdict asks for. It returns those of orders
// that had failed. deep: purchases are read again that were reported long ago.
func (rc *Reconciler) compare(ctx context.Context, sold Account, at time.Time,
	deep bool,
) (late map[purchase.OrderID][]cocalc.PurchaseRow, err error) {
	slices.SortFunc(sold.Rows, func(x, y cocalc.PurchaseRow) int {
		return cmp.Or(cmp.Compare(x.ID, y.ID), cmp.Compare(x.LicenseID, y.LicenseID))
	})
	var view *LedgerView
	if len(sold.Rows) > 0 {
		if view, err = rc.readView(ctx, sold.Rows, deep); err != nil {
			return nil, err
		}
	}
	told := false
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		told, late = false, map[purchase.OrderID][]cocalc.PurchaseRow{}
		account, err := w.Account()
		if err != nil {
			return err
		}
		found := results{reported: reportSet{}}
		for _, u := range account.UnrecognizedPurchases {
			found.reported.add(u.PurchaseID, u.LicenseID)
		}
		for _, row := range sold.Rows {
			if err := view.load(w, row); err != nil {
				return err
			}
			id, err := rc.apply(w, &found, view, &row, sold.Licenses)
			if err != nil {
				return err
			}
			if id != "" {
				late[id] = append(late[id], row)
			}
		}
		if account.Restored != nil && account.Before != nil {
			if err := rc.enterAdminPurchases(w, &found, account, late); err != nil {
				return err
			}
		}
		told, err = rc.finish(w, account, found, at)
		return err
	})
	if told {
		rc.changed("")
	}
	return late, err
}

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
// back into the cart after weeks. Purchases that were reported, and those of the replaced ledger's items, are left out,
// so that the orders are read once for each purchase outside the bot.
func (v *LedgerView) readItems(r purchase.Reader, rows []cocalc.PurchaseRow) error {
	wanted := map[int64]bool{}
	for _, row := range rows {
		_, tagged := purchase.ParseTag(row.Text)
		if !tagged && row.CartItemID != 0 && v.items[row.CartItemID] == "" && !v.reported.has(row) {
			wanted[row.CartItemID] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	for o, err := range purchase.AllOrders(r) {
		if err != nil {
			return err
		}
		if wanted[o.ItemID] {
			v.items[o.ItemID] = o.ID
			if delete(wanted, o.ItemID); len(wanted) == 0 {
				break
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

// apply classifies a purchase, and enters or results what the ledger does not have. It returns the order if that had
// failed, and counts as bought now. A row without an amount, of a server without a list of purchases, gets what the
// license cost by the formula.
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
		return "", rc.recordDuplicate(w, o, *row)
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

// finish stores that the account was compared with the ledger, with the reports and notices of this comparison. told is
// set if there is a notice to deliver. A restored ledger is in use again from then on.
func (rc *Reconciler) finish(w purchase.Writer, before purchase.AccountState, r results,
	at time.Time,
) (told bool, err error) {
	account, err := w.Account()
	if err != nil {
		return false, err
	}
	account.UnrecognizedPurchases = slices.Concat(account.UnrecognizedPurchases, r.again, r.unrecognized)
	account.Notifications = append(slices.Clone(account.Notifications), r.notices...)
	found, restored := len(r.unrecognized), account.Restored
	told = len(account.Notifications) > len(before.Notifications)
	if !told && found+r.entered == 0 && restored == nil && at.Sub(account.Reconciled).Abs() < time.Hour {
		return false, nil // nothing new; the time of the comparison is stored once an hour
	}
	account.Reconciled, account.Restored = at, nil
	if account.Before != nil && rc.now().Sub(account.Before.At) > overlap {
		account.Before = nil
	}
	account.UnrecognizedPurchases = slices.DeleteFunc(account.UnrecognizedPurchases,
		func(s purchase.UnrecognizedPurchase) bool {
			return s.Time.Before(at.Add(-2 * overlap))
		})
	if err := w.PutAccount(account); err != nil || restored == nil && r.entered == 0 {
		return told, err
	}
	if restored == nil {
		what := purchase.NewCause(purchase.NotificationRestored, r.entries()...)
		return true, register.AddNotification(w, rc.reg.NewNotification(purchase.NotificationRestored,
			register.NotificationID("entered", at), what, purchase.Order{}, ""))
	}
	what := purchase.NewCause(purchase.NotificationRestored, append(r.entries(),
		"record", strconv.FormatUint(restored.Head, 10), "last", purchase.ArgTime(restored.Last),
		"outside", ArgSomeCount(found))...)
	if err := w.AppendEvent(purchase.Event{Time: at, Kind: "reconciled", By: purchase.BotName, Cause: what}); err != nil {
		return true, err
	}
	return true, register.AddNotification(w, rc.reg.NewNotification(purchase.NotificationRestored,
		register.NotificationID("restored", restored.At), what, purchase.Order{}, ""))
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
