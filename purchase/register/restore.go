package register

import (
	"errors"
	"fmt"
	"time"

	"licensebot/purchase"
)

// AfterRestore prepares a restored backup for use, before a bot opens it. Only CoCalc knows what happened after the
// backup was made, which may include a checkout. So no order that was proposed or reserved in the backup is bought from
// it. The desk takes no orders until it has compared the ledger with CoCalc's purchases; orders that were under way are
// watched, and recorded if they were bought. by is the person who restored it. settle is Timing.Settle of the bot that
// will use the ledger; 0 means the default.
func AfterRestore(w purchase.Writer, now time.Time, by string, settle time.Duration) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	head, err := w.Head()
	if err != nil {
		return err
	}
	restore := purchase.Restore{At: now, By: by, Head: head.Number, Last: head.Time}
	account.Restored, account.Before = &restore, &purchase.Before{At: now, Last: restore.Last}
	// Checkouts that began before the backup was made, and ended after it, are read again too.
	if account.Reconciled.After(restore.Last) {
		account.Reconciled = restore.Last
	}
	if err := w.PutAccount(account); err != nil {
		return err
	}
	open, err := w.OpenOrders()
	if err != nil {
		return err
	}
	d := New(Options{Now: func() time.Time { return now }, Timing: purchase.Timing{Settle: settle}})
	for _, o := range open {
		e := purchase.OrderEvent{Kind: purchase.StopForRestore, By: purchase.BotName, Note: "the ledger was restored"}
		switch o.State {
		case purchase.Proposed, purchase.AwaitingApproval:
		case purchase.Approved, purchase.Adding, purchase.Carted:
			e.Note, e.WatchUntil, e.Failure = string(purchase.FailRestored), d.WatchUntil(),
				purchase.NewFailure(purchase.FailRestored)
		default:
			continue
		}
		err := d.Apply(w, &o, e)
		if err != nil {
			return fmt.Errorf("order %s: %w", o.ID, err)
		}
	}
	if err := d.endDecisionsAfterRestore(w); err != nil {
		return err
	}
	return w.AppendEvent(purchase.Event{
		Time: now, Kind: "restored", By: by,
		Note: fmt.Sprintf("from a backup that ends with record %d of %s", restore.Head,
			restore.Last.UTC().Format(time.RFC3339)),
	})
}

// KeepOrders stores, after AfterRestore, the orders of the replaced ledger that may have been bought after the backup
// was made: CoCalc shows their purchases, and only the replaced ledger names their requesters. orders are all of its
// orders.
func KeepOrders(w purchase.Writer, orders []purchase.Order) error {
	account, err := w.Account()
	if err != nil || account.Before == nil {
		return err
	}
	before := *account.Before
	before.IsKnown, before.Orders = true, nil
	for _, o := range orders {
		mayBeBought, err := MayBeBoughtSince(w, o)
		if err != nil {
			return err
		}
		if !mayBeBought {
			continue
		}
		o.Messages, o.Blocked, o.Unresolved = nil, nil, nil
		before.Orders = append(before.Orders, o)
	}
	account.Before = &before
	return w.PutAccount(account)
}

// MayBeBoughtSince reports whether an order of the replaced ledger may have been bought since the backup was made, and
// the backup can't tell: it may have been added to the cart, and the backup lacks it, has it in another state or
// without its cart item, or had it open (AfterRestore has ended such an order). What the backup has as it was then, the
// restored bot finds out by itself.
func MayBeBoughtSince(backup purchase.Reader, o purchase.Order) (bool, error) {
	if o.NeverAdded() {
		return false, nil
	}
	has, err := backup.Order(o.ID)
	if err != nil && !errors.Is(err, purchase.ErrNoOrder) {
		return false, fmt.Errorf("order %s: %w", o.ID, err)
	}
	return err != nil || has.State != purchase.Purchased &&
		(has.Restored || has.State != o.State || has.ItemID != o.ItemID), nil
}

// KeepPause copies the pause of the replaced ledger into the restored one. It does nothing if pause is nil.
func KeepPause(w purchase.Writer, pause *purchase.Pause) error {
	if pause == nil {
		return nil
	}
	_, err := PauseBuying(w, *pause, "")
	return err
}
