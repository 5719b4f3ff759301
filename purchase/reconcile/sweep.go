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
	"licensebot/internal/backoff"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// lookBack is how far before the last comparison purchases are read again: a checkout that hung for hours writes its
// row with the time at which it began.
const overlap = 24 * time.Hour

// Reconcile compares the purchases of the account with the ledger. Each is ours, of an order that is still being looked
// after, or reported: nothing that was paid from the account stays unseen.
func (rc *Reconciler) Reconcile(ctx context.Context) error {
	pause, err := rc.VerifyAccount(ctx)
	if pause > 0 {
		rc.ReconcileAt = rc.reg.Elapsed() + pause
		return nil
	}
	if err != nil {
		return rc.retryReconcile(err)
	}
	at := rc.reg.ServerTimeOrNow()
	account, err := rc.beginWatch(ctx, at)
	if err != nil {
		return err
	}
	// A checkout that was sent before the ledger was restored may still be at work, and this copy does not know of it: as
	// long as that buys whatever is checked, no order is taken, and nothing is known for certain.
	if r := account.Restored; r != nil {
		if left := rc.spans.Remains("", register.Span{
			What: "restored", Until: r.At.Add(rc.timing.Settle), Length: rc.timing.Settle,
			Careful: true,
		}); left > 0 {
			rc.ReconcileAt = rc.reg.Elapsed() + left
			return nil
		}
	}
	// A comparison in the future was stored by a clock that was ahead. What came since is unknown, so everything is
	// read.
	from, deep := account.Watching, account.Reconciled.After(at.Add(time.Hour))
	if back := account.Reconciled.Add(-overlap); back.After(from) && !deep {
		from = back
	}
	sold, err := rc.soldSince(ctx, from)
	if err != nil {
		return rc.retryReconcile(err)
	}
	if account.Before != nil && sold.licenses == nil { // licenses show what was bought if no ledger does
		licenses, err := rc.shop.Licenses(ctx)
		if err != nil {
			return rc.retryReconcile(err)
		}
		sold.licenses = map[string]cocalc.License{}
		for _, l := range licenses {
			sold.licenses[l.ID] = l
		}
	}
	rc.failures = 0
	late, err := rc.compare(ctx, sold, from, at, deep)
	if err != nil {
		return err
	}
	for id, rows := range late {
		o, err := rc.reg.Order(ctx, id)
		if err != nil {
			return err
		}
		if item := rows[0].CartItemID; item != 0 {
			o.ItemID = item
		}
		r := purchase.NewReceipt(o, cocalc.CartItem{}, rows)
		r.Adopted = o.CheckoutSent.IsZero()
		rc.log.Error().Str("order", string(id)).Str("license", purchase.ShortID(r.LicenseID)).
			Msg("record a purchase of an order that had ended without one")
		if err := rc.worker.CompleteOrder(ctx, o, r); err != nil && !errors.Is(err, register.ErrMoved) {
			return err
		}
	}
	rc.ReconcileAt = rc.reg.Elapsed() + rc.timing.Sweep
	return nil
}

// retryReconcile plans the next comparison after one that CoCalc did not allow; an error of the ledger is answered.
func (rc *Reconciler) retryReconcile(err error) error {
	if purchase.AsCoCalc(err) == nil {
		return err
	}
	pause := backoff.Policy{First: rc.timing.PollMax, Max: rc.timing.Sweep}.Delay(rc.failures)
	rc.failures++
	rc.ReconcileAt = rc.reg.Elapsed() + pause
	rc.log.Debug().Err(err).Int64("pause_ms", pause.Milliseconds()).
		Msg("put off comparing the account's purchases with the ledger")
	return nil
}

// beginWatch returns the account's state, and sets the time, by CoCalc's clock if known, from which its purchases have
// to be explained. A stored time in the future comes from a clock that was ahead, and becomes now at the latest.
func (rc *Reconciler) beginWatch(ctx context.Context, now time.Time) (account purchase.AccountState, err error) {
	var first []purchase.Event
	err = rc.ledger.View(ctx, func(r purchase.Reader) error {
		if account, err = r.Account(); err == nil {
			first, err = r.Events(1, 1)
		}
		return err
	})
	if err != nil || !account.Watching.IsZero() && !account.Watching.After(now) {
		return account, err
	}
	since := now
	if len(first) > 0 && account.Watching.IsZero() {
		since = first[0].Time
		if !since.Before(rc.reg.Born.Round(0)) { // set by this run: how long ago that was doesn't depend on the clock
			since = now.Add(-rc.reg.Elapsed())
		}
		if since.After(now) {
			since = now
		}
	}
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		if account, err = w.Account(); err != nil {
			return err
		}
		account.Watching = since
		return w.PutAccount(account)
	})
	return account, err
}

// sales are license purchases of the account. A server of the older kind tells only of licenses, which are told by id.
type sales struct {
	rows     []cocalc.PurchaseRow
	licenses map[string]cocalc.License
}

// soldSince reads the license purchases of the account, with the key proven: a list that is empty is empty.
func (rc *Reconciler) soldSince(ctx context.Context, from time.Time) (sales, error) {
	store, err := rc.StoreOf(ctx)
	if err != nil {
		return sales{}, err
	}
	return store.sales(ctx, from)
}

// compare goes through the purchases in one transaction. It answers those of orders that had ended without a purchase.
func (rc *Reconciler) compare(ctx context.Context, sold sales, from, at time.Time,
	deep bool,
) (late map[purchase.OrderID][]cocalc.PurchaseRow, err error) {
	slices.SortFunc(sold.rows, func(x, y cocalc.PurchaseRow) int {
		return cmp.Or(cmp.Compare(x.ID, y.ID), cmp.Compare(x.LicenseID, y.LicenseID))
	})
	byItem, err := rc.itemsSince(ctx, from)
	if err != nil {
		return nil, err
	}
	var before LedgerView // all earlier reports
	if deep {
		if err := rc.ledger.View(ctx, func(r purchase.Reader) error {
			before = newLedgerView(at)
			return before.readReports(
				r)
		}); err !=
			nil {
			return nil, err
		}
	}
	told := false
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		told, late = false, map[purchase.OrderID][]cocalc.PurchaseRow{}
		var found reports
		account, err := w.Account()
		if err != nil {
			return err
		}
		found.earlier = account.Earlier
		for _, row := range sold.rows {
			if account.HasReported(row) {
				continue
			}
			if before.isReported(row) {
				found.again = append(found.again, unrecognized(row))
				continue
			}
			o, err := rc.explainRow(w, &found, &row, sold.licenses, byItem)
			if err != nil {
				return err
			}
			if o != "" {
				late[o] = append(late[o], row)
			}
		}
		if err := rc.enterAdminPurchases(w, &found, account, late); err != nil {
			return err
		}
		told, err = rc.finish(w, account, found, at)
		return err
	})
	if told {
		rc.changed("")
	}
	return late, err
}

// explainRow finds out whose a purchase is, and enters or reports what the ledger does not have. It answers the order
// that had ended without a purchase, if the purchase is such an order's. Where the server has no list of purchases, the
// row gets what the license cost by the formula.
func (rc *Reconciler) explainRow(w purchase.Writer, r *reports, found *cocalc.PurchaseRow,
	licenses map[string]cocalc.License,
	byItem map[int64]purchase.OrderID,
) (purchase.OrderID, error) {
	row := *found
	id, isTagged := purchase.ParseTag(row.Text)
	if !isTagged {
		id = byItem[row.CartItemID] // a person edited the tag away
	}
	if id == "" {
		return "", rc.reportForeign(w, r, row)
	}
	o, err := w.Order(id)
	switch {
	case errors.Is(err, purchase.ErrNoOrder) && !r.earlier.IsZero() && !row.Time.After(r.earlier):
		return "", nil // the missing ledger's, announced with it
	case errors.Is(err, purchase.ErrNoOrder):
		return "", rc.strayed(w, r, row, id, licenses)
	case err != nil:
		return "", err
	}
	if row.ID == 0 {
		row.Cost = priceOf(o, licenses[row.LicenseID])
		*found = row
	}
	switch {
	case !o.Owns(row.Text, row.Time):
		return "", rc.reportForeign(w, r, row)
	case o.IsActive():
		return "", nil
	case isTagged && row.CartItemID != o.ItemID && !o.NeverAdded() && !rc.newEnough(o, row.Time):
		return "", rc.reportForeign(w, r, row, "why", "older", "order", string(o.ID))
	case o.AwaitsPurchase(row):
		return "", rc.Correct(w, &o, []cocalc.PurchaseRow{row}, true)
	case o.AccountsFor(row):
		return "", nil
	case o.ItemID != 0 && row.CartItemID != 0 && o.ItemID != row.CartItemID:
		return "", rc.reportForeign(w, r, row, "why", "copied", "order", string(o.ID), "item", purchase.ArgSomeID(o.ItemID))
	case o.State == purchase.Failed && !o.NeverAdded():
		return o.ID, nil
	case o.State == purchase.Purchased:
		return "", rc.recordDuplicate(w, o, row)
	case o.Restored && o.State.CanBecome(purchase.Purchased):
		return "", rc.enterEndedOrder(w, r, o, row)
	}
	return "", rc.reportUnexplained(w, r, row, id, "never-sent")
}

// finish keeps that the account was compared with the ledger, and reports whether there is something to tell. A
// restored ledger has caught up with that.
func (rc *Reconciler) finish(w purchase.Writer, before purchase.AccountState, r reports,
	at time.Time,
) (told bool, err error) {
	account, err := w.Account()
	if err != nil {
		return false, err
	}
	account.UnrecognizedPurchases = append(slices.Clone(account.UnrecognizedPurchases), append(r.again, r.unrecognized...)...)
	account.Notifications = append(slices.Clone(account.Notifications), r.notices...)
	found, restored := len(r.unrecognized), account.Restored
	told = len(account.Notifications) > len(before.Notifications)
	if !told && found+r.entered == 0 && restored == nil && at.Sub(account.Reconciled).Abs() < time.Hour {
		return false, nil // nothing new that is worth a write
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
		return true,
			register.AddNotification(w, rc.reg.NewNotification(purchase.NotificationRestored, register.NotificationID("entered",
				at),
				purchase.NewCause(purchase.NotificationRestored, r.entries()...), purchase.Order{}, ""))
	}
	what := purchase.NewCause(purchase.NotificationRestored, append(r.entries(), "record",
		strconv.FormatUint(restored.Head, 10),
		"last",
		purchase.ArgTime(restored.Last),
		"outside", ArgSomeCount(found))...)
	if err := w.AppendEvent(purchase.Event{Time: at, Kind: "reconciled", By: purchase.BotName, Cause: what}); err != nil {
		return true, err
	}
	return true, register.AddNotification(w, rc.reg.NewNotification(purchase.NotificationRestored,
		register.NotificationID("restored",
			restored.At), what, purchase.Order{}, ""))
}

// itemsSince are the cart items of the orders since then.
func (rc *Reconciler) itemsSince(ctx context.Context, from time.Time) (map[int64]purchase.OrderID, error) {
	items := map[int64]purchase.OrderID{}
	err := rc.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil {
			return err
		}
		if account.Before != nil {
			for _, o := range account.Before.Orders {
				if o.ItemID != 0 {
					items[o.ItemID] = o.ID
				}
			}
		}
		for o, err := range purchase.AllOrders(r) {
			if err != nil || o.Created.Before(from.Add(-overlap)) {
				return err
			}
			if o.ItemID != 0 {
				items[o.ItemID] = o.ID
			}
		}
		return nil
	})
	return items, err
}

// recordDuplicate enters one more purchase of an order that has its own: a double buy that showed up late.
func (rc *Reconciler) recordDuplicate(w purchase.Writer, o purchase.Order, row cocalc.PurchaseRow) error {
	extra := purchase.DuplicatePurchase{PurchaseID: row.ID, LicenseID: row.LicenseID, Charged: row.Cost}
	r := *o.Receipt
	r.Duplicates = append(slices.Clone(r.Duplicates), extra)
	o.Receipt = &r
	o.Rev++
	o.Updated = rc.now()
	if err := w.PutOrder(o); err != nil {
		return err
	}
	return rc.reg.RecordDuplicates(w, o, []purchase.DuplicatePurchase{extra})
}

// reports are purchases that are not the ledger's, as one comparison found them. They are stored together at its end:
// there can be hundreds, and storing them one by one would block other writers.
type reports struct {
	unrecognized []purchase.UnrecognizedPurchase
	again        []purchase.UnrecognizedPurchase // reported long ago, and read again
	notices      []purchase.Notification

	earlier time.Time // tagged purchases until then are a missing ledger's

	entered, unattributed, byWord   int // purchases that a restored backup lacked
	sum, unattributedSum, byWordSum purchase.Cents
}

// reportForeign reports another person's purchase on the account, once. It is never counted as the bot's. pairs are further
// arguments: why, order and item.
func (rc *Reconciler) reportForeign(w purchase.Writer, r *reports, row cocalc.PurchaseRow, pairs ...string) error {
	return rc.report(w, r, row, purchase.NotificationForeign, "", pairs...)
}

// reportUnexplained reports a purchase with a tag of ours that cannot be ours as far as the ledger knows, once, and pauses
// buying: either this ledger is not the only one, or it has lost something. why is "never-sent" or "unknown-order".
func (rc *Reconciler) reportUnexplained(w purchase.Writer, r *reports, row cocalc.PurchaseRow, id purchase.OrderID,
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

// report keeps a purchase that is not the ledger's, and has people told. pairs are arguments besides those of the
// purchase.
func (rc *Reconciler) report(w purchase.Writer, r *reports, row cocalc.PurchaseRow, kind purchase.NotificationKind,
	order purchase.OrderID,
	pairs ...string,
) error {
	r.unrecognized = append(r.unrecognized, unrecognized(row))
	what := purchase.NewCause(kind, append(pairs, "at", purchase.ArgTime(row.Time))...)
	maps.Copy(what.Args, reportArgs(row))
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
