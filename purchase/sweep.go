package purchase

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
)

// lookBack is how far before the last comparison purchases are read again: a checkout that hung for hours writes its
// row with the time at which it began.
const lookBack = 24 * time.Hour

// sweep compares the purchases of the account with the ledger. Each is ours, of an order that is still being looked
// after, or reported: nothing that was paid from the account stays unseen.
func (b *buyer) sweep(ctx context.Context) error {
	pause, err := b.proven(ctx)
	if pause > 0 {
		b.sweepAt = b.elapsed() + pause
		return nil
	}
	if err != nil {
		return b.sweepAgain(err)
	}
	at := b.nowThere()
	account, err := b.beginWatch(ctx, at)
	if err != nil {
		return err
	}
	// A checkout that was sent before the ledger was restored may still be at work, and this copy does not know of it: as
	// long as that buys whatever is checked, no order is taken, and nothing is known for certain.
	if r := account.Restored; r != nil {
		if left := b.remains("", span{
			what: "restored", until: r.At.Add(b.timing.Settle), length: b.timing.Settle,
			careful: true,
		}); left > 0 {
			b.sweepAt = b.elapsed() + left
			return nil
		}
	}
	// A comparison in the future was stored by a clock that was ahead. What came since is unknown, so everything is
	// read.
	from, deep := account.Watching, account.Reconciled.After(at.Add(time.Hour))
	if back := account.Reconciled.Add(-lookBack); back.After(from) && !deep {
		from = back
	}
	sold, err := b.soldSince(ctx, from)
	if err != nil {
		return b.sweepAgain(err)
	}
	if account.Before != nil && sold.licenses == nil { // licenses show what was bought if no ledger does
		licenses, err := b.shop.Licenses(ctx)
		if err != nil {
			return b.sweepAgain(err)
		}
		sold.licenses = map[string]cocalc.License{}
		for _, l := range licenses {
			sold.licenses[l.ID] = l
		}
	}
	b.sweepFails = 0
	late, err := b.compare(ctx, sold, from, at, deep)
	if err != nil {
		return err
	}
	for id, rows := range late {
		o, err := b.Order(ctx, id)
		if err != nil {
			return err
		}
		if item := rows[0].CartItemID; item != 0 {
			o.ItemID = item
		}
		r := receipt(o, cocalc.CartItem{}, rows)
		r.Adopted = o.CheckoutSent.IsZero()
		b.log.Error().Str("order", string(id)).Str("license", ShortID(r.LicenseID)).
			Msg("record a purchase of an order that had ended without one")
		if err := b.finish(ctx, o, r); err != nil && !errors.Is(err, errMoved) {
			return err
		}
	}
	b.sweepAt = b.elapsed() + b.timing.Sweep
	return nil
}

// sweepAgain plans the next comparison after one that CoCalc did not allow; an error of the ledger is answered.
func (b *buyer) sweepAgain(err error) error {
	if asCoCalc(err) == nil {
		return err
	}
	pause := min(b.timing.PollMax<<min(b.sweepFails, 10), b.timing.Sweep)
	b.sweepFails++
	b.sweepAt = b.elapsed() + pause
	b.log.Debug().Err(err).Int64("pause_ms", pause.Milliseconds()).
		Msg("put off comparing the account's purchases with the ledger")
	return nil
}

// beginWatch returns the account's state, and sets the time, by CoCalc's clock if known, from which its purchases have
// to be explained. A stored time in the future comes from a clock that was ahead, and becomes now at the latest.
func (b *buyer) beginWatch(ctx context.Context, now time.Time) (account AccountState, err error) {
	var first []Event
	err = b.ledger.View(ctx, func(r Reader) error {
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
		if !since.Before(b.born.Round(0)) { // set by this run: how long ago that was doesn't depend on the clock
			since = now.Add(-b.elapsed())
		}
		if since.After(now) {
			since = now
		}
	}
	err = b.ledger.Update(ctx, func(w Writer) error {
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
func (b *buyer) soldSince(ctx context.Context, from time.Time) (sales, error) {
	store, err := b.storeOf(ctx)
	if err != nil {
		return sales{}, err
	}
	return store.sales(ctx, from)
}

// compare goes through the purchases in one transaction. It answers those of orders that had ended without a purchase.
func (b *buyer) compare(ctx context.Context, sold sales, from, at time.Time,
	deep bool,
) (late map[OrderID][]cocalc.PurchaseRow, err error) {
	slices.SortFunc(sold.rows, func(x, y cocalc.PurchaseRow) int {
		return cmp.Or(cmp.Compare(x.ID, y.ID), cmp.Compare(x.LicenseID, y.LicenseID))
	})
	byItem, err := b.itemsSince(ctx, from)
	if err != nil {
		return nil, err
	}
	var before Claims // all earlier reports
	if deep {
		if err := b.ledger.View(ctx, func(r Reader) error { before = newClaims(at); return before.readReports(r) }); err !=
			nil {
			return nil, err
		}
	}
	told := false
	err = b.ledger.Update(ctx, func(w Writer) error {
		told, late = false, map[OrderID][]cocalc.PurchaseRow{}
		var found reports
		account, err := w.Account()
		if err != nil {
			return err
		}
		found.earlier = account.Earlier
		for _, row := range sold.rows {
			if account.reported(row) {
				continue
			}
			if before.isReported(row) {
				found.again = append(found.again, strangerOf(row))
				continue
			}
			o, err := b.explainRow(w, &found, &row, sold.licenses, byItem)
			if err != nil {
				return err
			}
			if o != "" {
				late[o] = append(late[o], row)
			}
		}
		if err := b.enterSettled(w, &found, account, late); err != nil {
			return err
		}
		told, err = b.compared(w, account, found, at)
		return err
	})
	if told {
		b.changed("")
	}
	return late, err
}

// explainRow finds out whose a purchase is, and enters or reports what the ledger does not have. It answers the order
// that had ended without a purchase, if the purchase is such an order's. Where the server has no list of purchases, the
// row gets what the license cost by the formula.
func (b *buyer) explainRow(w Writer, r *reports, found *cocalc.PurchaseRow, licenses map[string]cocalc.License,
	byItem map[int64]OrderID,
) (OrderID, error) {
	row := *found
	id, isTagged := tagged(row.Text)
	if !isTagged {
		id = byItem[row.CartItemID] // a person edited the tag away
	}
	if id == "" {
		return "", b.foreign(w, r, row)
	}
	o, err := w.Order(id)
	switch {
	case errors.Is(err, ErrNoOrder) && !r.earlier.IsZero() && !row.Time.After(r.earlier):
		return "", nil // the missing ledger's, announced with it
	case errors.Is(err, ErrNoOrder):
		return "", b.strayed(w, r, row, id, licenses)
	case err != nil:
		return "", err
	}
	if row.ID == 0 {
		row.Cost = computedOf(o, licenses[row.LicenseID])
		*found = row
	}
	switch {
	case !o.own(row.Text, row.Time):
		return "", b.foreign(w, r, row)
	case o.lookedAfter():
		return "", nil
	case isTagged && row.CartItemID != o.ItemID && !o.NeverAdded() && !b.couldBe(o, row.Time):
		return "", b.foreign(w, r, row, "why", "older", "order", string(o.ID))
	case o.awaits(row):
		return "", b.correct(w, &o, []cocalc.PurchaseRow{row}, true)
	case o.accountsFor(row):
		return "", nil
	case o.ItemID != 0 && row.CartItemID != 0 && o.ItemID != row.CartItemID:
		return "", b.foreign(w, r, row, "why", "copied", "order", string(o.ID), "item", someID(o.ItemID))
	case o.State == Failed && !o.NeverAdded():
		return o.ID, nil
	case o.State == Purchased:
		return "", b.tooMuch(w, o, row)
	case o.Restored && o.State.CanBecome(Purchased):
		return "", b.enterEnded(w, r, o, row)
	}
	return "", b.unexplained(w, r, row, id, "never-sent")
}

// compared keeps that the account was compared with the ledger, and reports whether there is something to tell. A
// restored ledger has caught up with that.
func (b *buyer) compared(w Writer, before AccountState, r reports, at time.Time) (told bool, err error) {
	account, err := w.Account()
	if err != nil {
		return false, err
	}
	account.Strangers = append(slices.Clone(account.Strangers), append(r.again, r.strangers...)...)
	account.Notices = append(slices.Clone(account.Notices), r.notices...)
	found, restored := len(r.strangers), account.Restored
	told = len(account.Notices) > len(before.Notices)
	if !told && found+r.entered == 0 && restored == nil && at.Sub(account.Reconciled).Abs() < time.Hour {
		return false, nil // nothing new that is worth a write
	}
	account.Reconciled, account.Restored = at, nil
	if account.Before != nil && b.now().Sub(account.Before.At) > lookBack {
		account.Before = nil
	}
	account.Strangers = slices.DeleteFunc(account.Strangers, func(s Stranger) bool {
		return s.Time.Before(at.Add(-2 * lookBack))
	})
	if err := w.PutAccount(account); err != nil || restored == nil && r.entered == 0 {
		return told, err
	}
	if restored == nil {
		return true,
			addNotice(w, b.notice(NoticeRestored, noticeID("entered", at), because(NoticeRestored, r.entries()...), Order{}, ""))
	}
	what := because(NoticeRestored, append(r.entries(), "record", strconv.FormatUint(restored.Head, 10), "last",
		stamp(restored.Last),
		"outside", someCount(found))...)
	if err := w.AppendEvent(Event{Time: at, Kind: "reconciled", By: BotName, Cause: what}); err != nil {
		return true, err
	}
	return true, addNotice(w, b.notice(NoticeRestored, noticeID("restored", restored.At), what, Order{}, ""))
}

// itemsSince are the cart items of the orders since then.
func (b *buyer) itemsSince(ctx context.Context, from time.Time) (map[int64]OrderID, error) {
	items := map[int64]OrderID{}
	err := b.ledger.View(ctx, func(r Reader) error {
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
		for o, err := range AllOrders(r) {
			if err != nil || o.Created.Before(from.Add(-lookBack)) {
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

// accountsFor reports whether the order's receipt names the purchase.
func (o *Order) accountsFor(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if r == nil {
		return false
	}
	return (r.PurchaseID != 0 && r.PurchaseID == row.ID) || (r.LicenseID != "" && r.LicenseID == row.LicenseID) ||
		slices.ContainsFunc(r.Extra, func(x Extra) bool { return x.LicenseID == row.LicenseID })
}

// awaits reports whether the purchase is the one that was not found when the order was bought. If CoCalc numbers its
// purchases, an admin may have named the wrong license.
func (o *Order) awaits(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if o.State != Purchased || r.PurchaseID != 0 || o.ItemID != 0 && row.CartItemID != 0 && o.ItemID != row.CartItemID {
		return false
	}
	return r.LicenseID == "" || row.ID != 0 && (r.LicenseID == row.LicenseID || r.Settled != nil)
}

// lookedAfter reports whether the buyer still works on the order, and finds its purchases by itself.
func (o *Order) lookedAfter() bool {
	return o.State == Approved || o.State.UnderWay() || !o.WatchUntil.IsZero() || (o.Receipt != nil && o.Receipt.Unchecked)
}

// tooMuch enters one more purchase of an order that has its own: a double buy that showed up late.
func (b *buyer) tooMuch(w Writer, o Order, row cocalc.PurchaseRow) error {
	extra := Extra{PurchaseID: row.ID, LicenseID: row.LicenseID, Charged: row.Cost}
	r := *o.Receipt
	r.Extra = append(slices.Clone(r.Extra), extra)
	o.Receipt = &r
	o.Rev++
	o.Updated = b.now()
	if err := w.PutOrder(o); err != nil {
		return err
	}
	return b.enterExtra(w, o, []Extra{extra})
}

// reports are purchases that are not the ledger's, as one comparison found them. They are stored together at its end:
// there can be hundreds, and storing them one by one would block other writers.
type reports struct {
	strangers []Stranger
	again     []Stranger // reported long ago, and read again
	notices   []Notice

	earlier time.Time // tagged purchases until then are a missing ledger's

	entered, unattributed, byWord   int // purchases that a restored backup lacked
	sum, unattributedSum, byWordSum Cents
}

// foreign reports another person's purchase on the account, once. It is never counted as the bot's. pairs are further
// arguments: why, order and item.
func (b *buyer) foreign(w Writer, r *reports, row cocalc.PurchaseRow, pairs ...string) error {
	return b.report(w, r, row, NoticeForeign, "", pairs...)
}

// unexplained reports a purchase with a tag of ours that cannot be ours as far as the ledger knows, once, and pauses
// buying: either this ledger is not the only one, or it has lost something. why is "never-sent" or "unknown-order".
func (b *buyer) unexplained(w Writer, r *reports, row cocalc.PurchaseRow, id OrderID, why string) error {
	if err := b.report(w, r, row, NoticeUnexplained, id, "why", why, "order", string(id)); err != nil {
		return err
	}
	_, err := pauseBuying(w, ownPause(b.now(), Cause{Code: IncidentUnexplained, Args: reportArgs(row)}), "")
	return err
}

// report keeps a purchase that is not the ledger's, and has people told. pairs are arguments besides those of the
// purchase.
func (b *buyer) report(w Writer, r *reports, row cocalc.PurchaseRow, kind NoticeKind, order OrderID,
	pairs ...string,
) error {
	r.strangers = append(r.strangers, strangerOf(row))
	what := because(kind, append(pairs, "at", stamp(row.Time))...)
	maps.Copy(what.Args, reportArgs(row))
	if n := b.notice(kind, fmt.Sprintf("%s-%d-%s", kind, row.ID, row.LicenseID), what, Order{}, ""); len(n.Left) > 0 {
		r.notices = append(r.notices, n)
	}
	return w.AppendEvent(Event{
		Time: b.now(), Kind: string(kind), Order: order, By: BotName, Amount: row.Cost,
		Cause: what,
	})
}

// reportArgs identify a purchase in an audit record.
func reportArgs(row cocalc.PurchaseRow) Args {
	return Args{"license": row.LicenseID, "purchase": strconv.FormatInt(row.ID, 10), "amount": cents(row.Cost)}
}

// reported tells whether the purchase was reported before.
func (a AccountState) reported(row cocalc.PurchaseRow) bool {
	return slices.ContainsFunc(a.Strangers, func(s Stranger) bool {
		return s.PurchaseID == row.ID && s.LicenseID == row.LicenseID
	})
}

// strangerOf returns the report of a purchase that is not the ledger's.
func strangerOf(row cocalc.PurchaseRow) Stranger {
	return Stranger{PurchaseID: row.ID, LicenseID: row.LicenseID, Time: row.Time, Cost: row.Cost}
}
