package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/internal/backoff"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Reconciler compares the ledger with CoCalc, for one run of the bot. What it remembers may be lost. Its methods must
// not be called at the same time, except for Evidence and PauseInconsistent.
type Reconciler struct {
	reg     *register.Register
	ledger  purchase.Ledger
	shop    purchase.Shop
	policy  purchase.Policy
	timing  purchase.Timing
	keyName string
	site    purchase.Site
	now     func() time.Time
	log     zerolog.Logger
	changed func(purchase.OrderID)

	spans  *register.Spans
	worker Completer

	last        purchaseList     // the list of purchases that was read last
	isProven    bool             // the key is of the ledger's account
	ReconcileAt time.Duration    // elapsed: when the account's purchases are compared with the ledger again
	failures    int              // comparisons that failed since the last one
	strangers   map[int64]uint64 // see followPlan
}

// Completer ends orders as bought.
type Completer interface {
	// CompleteOrder stores that the order was bought, as the receipt says.
	CompleteOrder(ctx context.Context, o purchase.Order, r *purchase.Receipt) error
}

// New makes a Reconciler. Without a worker, it must not sweep.
func New(reg *register.Register, spans *register.Spans, worker Completer) *Reconciler {
	o := reg.Options
	return &Reconciler{
		reg: reg, ledger: o.Ledger, shop: o.Shop, policy: o.Policy, timing: o.Timing, keyName: o.KeyName, site: o.Site,
		now: o.Now, log: o.Log, changed: o.Changed, spans: spans, worker: worker,
	}
}

// overlap is how far before the last comparison purchases are read again: a checkout that hung for hours writes its
// row with the time at which it began.
const overlap = 24 * time.Hour

// Reconcile compares the purchases of the account with the ledger, and plans the next comparison, which is soon if
// CoCalc can't be read. Each purchase is entered, left to the worker while it works on the order, or reported, so that
// nothing that was paid from the account stays unseen. Errors are the ledger's.
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
	// A checkout that was sent before the ledger was restored may still be running, and this copy doesn't know of it.
	// Until it must have ended, it can buy any checked item, so no order is taken, and the result is not final.
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
	followed := followedFrom(account, from, at)
	sold, err := rc.readAccount(ctx, followed)
	sold.Rows = slices.DeleteFunc(sold.Rows, func(row cocalc.PurchaseRow) bool {
		return row.Time.Before(from.Truncate(time.Millisecond))
	})
	if err == nil && account.Before != nil && sold.Licenses == nil { // a license shows an order that no ledger has
		sold.Licenses, err = rc.shop.Licenses(ctx)
	}
	if err != nil {
		return rc.retryReconcile(err)
	}
	late, err := rc.compare(ctx, sold, at, deep)
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
	if sold.Store.counts() { // an older server shows no later life of a license
		done, err := rc.follow(ctx, sold.Upkeep, followed, at)
		if err != nil {
			return rc.retryReconcile(err)
		}
		if !done {
			rc.ReconcileAt = rc.reg.Elapsed() + rc.timing.Poll
		}
	}
	rc.failures = 0
	return nil
}

// followedFrom returns since when purchases are read: from, or earlier as long as the later life of the licenses was
// not read up to then. A time in the future was stored by a clock that was ahead.
func followedFrom(account purchase.AccountState, from, at time.Time) time.Time {
	since := account.Watching
	if f := account.Followed; f != nil && !f.Rows.IsZero() && !f.Rows.After(at.Add(time.Hour)) {
		since = f.Rows.Add(-overlap)
	}
	if since.Before(from) {
		return since
	}
	return from
}

// retryReconcile plans the next comparison after an error of CoCalc. It returns an error of the ledger.
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

// VerifyAccount checks, once in a run, that the key belongs to the CoCalc account of the ledger. With the key of
// another account nothing is bought, and what that account shows proves nothing about an order: it returns how long to
// wait. The wait is 0 if the key was verified, or beside an error of CoCalc or the ledger.
func (rc *Reconciler) VerifyAccount(ctx context.Context) (time.Duration, error) {
	if rc.isProven {
		return 0, nil
	}
	who, err := rc.shop.WhoAmI(ctx)
	if err != nil {
		return 0, err
	}
	before, newest, err := rc.beforeTheLedger(ctx)
	if err != nil {
		return 0, err
	}
	var alarmed, foreign bool
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		alarmed, foreign = false, false
		account, err := w.Account()
		if err != nil {
			return err
		}
		if account.CoCalc == who.ID {
			return rc.noteAddress(w, account)
		}
		if account.CoCalc == "" { // the ledger has just begun, or is from before this was kept
			account.CoCalc, account.Address = who.ID, string(rc.site)
			if account.Restored == nil { // purchases that a restored backup lacks are entered or reported
				account.Earlier = newest
			}
			first, err := w.Orders("", 1)
			if err != nil {
				return err
			}
			account.IDsMerged = account.IDsMerged || len(first) == 0
			if err := w.PutAccount(account); err != nil {
				return err
			}
			err = w.AppendEvent(purchase.Event{
				Time: rc.now(), Kind: "account", By: purchase.BotName,
				Note: fmt.Sprintf("the ledger belongs to CoCalc account %s on %s", who.ID, rc.site),
			})
			if err != nil || before == 0 {
				return err
			}
			alarmed, err = rc.reg.RaiseAlarm(w, purchase.Order{}, purchase.Cause{
				Code: purchase.IncidentNewLedger,
				Args: purchase.Args{"purchases": strconv.Itoa(before)},
			})
			return err
		}
		foreign = true
		alarmed, err = rc.reg.RaiseAlarm(w, purchase.Order{},
			purchase.Cause{Code: purchase.IncidentForeignKey, Args: purchase.Args{
				"key": rc.keyName, "account": who.ID,
				"ledger": account.CoCalc,
			}})
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case alarmed && !foreign:
		rc.log.Error().Int("purchases", before).Msg("pause buying: the ledger is new and empty, and the account has " +
			"purchases with tags of this bot; a ledger is missing")
		rc.changed("")
	case alarmed:
		rc.log.Error().Str("account", who.ID).Msg("pause buying: the key is of another CoCalc account than the ledger")
		rc.changed("")
	}
	if foreign {
		return rc.timing.PollMax, nil
	}
	rc.isProven = true
	if alarmed {
		return rc.timing.Poll, nil // buying is paused now: look at the orders again
	}
	return 0, nil
}

// noteAddress notes the address of the server on which the key was proven, if the ledger has another one or none.
func (rc *Reconciler) noteAddress(w purchase.Writer, account purchase.AccountState) error {
	before := account.Address
	if before == string(rc.site) || rc.site == "" {
		return nil
	}
	account.Address = string(rc.site)
	if err := w.PutAccount(account); err != nil {
		return err
	}
	note := fmt.Sprintf("the CoCalc server is %s", rc.site)
	if before != "" {
		note = fmt.Sprintf("the CoCalc server changed from %s to %s", before, rc.site)
	}
	return w.AppendEvent(purchase.Event{Time: rc.now(), Kind: "address", By: purchase.BotName, Note: note})
}

// beforeTheLedger returns, for a new and empty ledger, how many purchases with the bot's tags the account has, and when
// CoCalc sold the newest; 0 for any other ledger.
func (rc *Reconciler) beforeTheLedger(ctx context.Context) (n int, newest time.Time, err error) {
	begins := false
	err = rc.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil || account.CoCalc != "" || !account.Watching.IsZero() {
			return err
		}
		orders, err := r.Orders("", 1)
		begins = len(orders) == 0
		return err
	})
	if err != nil || !begins {
		return 0, time.Time{}, err
	}
	rows, err := rc.licensesSold(ctx)
	for _, row := range rows {
		if _, ours := purchase.ParseTag(row.Text); ours {
			n++
			if row.Time.After(newest) {
				newest = row.Time
			}
		}
	}
	return n, newest, err
}

// licensesSold reads all license purchases of the account.
func (rc *Reconciler) licensesSold(ctx context.Context) ([]cocalc.PurchaseRow, error) {
	store, err := rc.StoreOf(ctx)
	if err != nil {
		return nil, err
	}
	if !store.counts() {
		sold, err := store.account(ctx, time.Time{})
		return sold.Rows, err
	}
	rows, err := store.purchases(ctx, time.Time{})
	if err == nil {
		_, err = rc.shop.WhoAmI(ctx) // an empty list is evidence only if CoCalc accepts the key
	}
	return rows, err
}

// readAccount reads the license purchases of the account since from. CoCalc has accepted the key, so an empty list
// means that there are none.
func (rc *Reconciler) readAccount(ctx context.Context, from time.Time) (Account, error) {
	store, err := rc.StoreOf(ctx)
	if err != nil {
		return Account{}, err
	}
	return store.account(ctx, from)
}

// compare classifies the purchases, and in one transaction enters or reports each as its verdict requires. It returns
// the purchases of orders that had failed. deep is set if purchases are read again that were reported long ago.
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
	notify := false
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		notify, late = false, map[purchase.OrderID][]cocalc.PurchaseRow{}
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
		notify, err = rc.finish(w, account, found, at)
		return err
	})
	if notify {
		rc.changed("")
	}
	return late, err
}

// finish stores that the account was compared with the ledger, with the reports and notices of this comparison. notify
// is set if there is a notice to deliver. A restored ledger is in use again from then on.
func (rc *Reconciler) finish(w purchase.Writer, before purchase.AccountState, r results,
	at time.Time,
) (notify bool, err error) {
	account, err := w.Account()
	if err != nil {
		return false, err
	}
	account.UnrecognizedPurchases = slices.Concat(account.UnrecognizedPurchases, r.again, r.unrecognized)
	account.Notifications = append(slices.Clone(account.Notifications), r.notices...)
	found, restored := len(r.unrecognized), account.Restored
	notify = len(account.Notifications) > len(before.Notifications)
	if !notify && found+r.entered == 0 && restored == nil && at.Sub(account.Reconciled).Abs() < time.Hour {
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
		return notify, err
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
