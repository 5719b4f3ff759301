package checkout

import (
	"context"
	"errors"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// checkCart makes the last check before paying: according to the server, a checkout would buy exactly the order's item,
// as it was sent, for no more than the confirmed price, and the account has the credit.
func (wk *Worker) checkCart(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if over := termOver(o.Spec, wk.now()); over != nil {
		return wk.giveUp(ctx, o, over)
	}
	store, err := wk.rec.StoreOf(ctx)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	preview, err := store.Preview(ctx, o)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	if len(preview.Checked) != 1 || preview.Checked[0].ID != o.ItemID {
		return wk.cartChanged(ctx, o, preview.Checked)
	}
	// This comes before the check of the price: if a person edited the item, its higher price is not a price change of
	// CoCalc's, and must not be offered for confirmation.
	if mismatch := wk.rec.Differs(o, preview.Checked[0]); mismatch != nil {
		wk.log.Error().Err(mismatch).Str("order", string(o.ID)).Msg("find an edited item in the cart")
		return wk.giveUp(ctx, o, purchase.NewFailure(purchase.FailCart, "why", "edited"))
	}
	if preview.Amount > o.Price {
		f := purchase.NewFailure(purchase.FailPriceMoved, "was", purchase.ArgCents(o.Price), "now",
			purchase.ArgCents(preview.Amount))
		f.NewPrice = preview.Amount
		return wk.giveUp(ctx, o, f)
	}
	// The server accepts a checkout that lacks up to 3 dollars of credit. The bot does not, so the account never goes
	// below zero.
	if preview.Credit != nil && *preview.Credit < preview.Amount {
		return wk.giveUp(ctx, o,
			wk.noCredit(ctx, o, preview.Amount-max(*preview.Credit, 0), purchase.NewCause(purchase.NotificationTrouble, "why",
				"too-little-credit",
				"credit", purchase.ArgCents(max(*preview.Credit, 0)), "price", purchase.ArgCents(preview.Amount), "payments",
				wk.site.Payments())))
	}
	least := wk.policy.LeastCredit
	if least > 0 && preview.Credit == nil { // a limit that cannot be checked counts as exceeded
		wk.reportTrouble(ctx, o, purchase.FailNoCredit, purchase.NewCause(purchase.NotificationTrouble, "why",
			"credit-unknown", "least",
			purchase.ArgCents(least)))
		return wk.giveUp(ctx, o, purchase.NewFailure(purchase.FailNoCredit, "unknown", purchase.ArgFlag(true), "told",
			wk.policy.AdminsNotified()))
	}
	if least > 0 && *preview.Credit-preview.Amount < least {
		return wk.giveUp(ctx, o,
			wk.noCredit(ctx, o, preview.Amount+least-*preview.Credit, purchase.NewCause(purchase.NotificationTrouble, "why",
				"least-credit",
				"credit", purchase.ArgCents(*preview.Credit), "price", purchase.ArgCents(preview.Amount), "least",
				purchase.ArgCents(least), "payments", wk.site.Payments())))
	}
	return wk.sendCheckout(ctx, o, preview.Amount)
}

// noCredit returns the failure of an order that lacks credit, and notifies the admins of the amounts.
func (wk *Worker) noCredit(ctx context.Context, o purchase.Order, missing purchase.Cents,
	detail purchase.Cause,
) *purchase.Failure {
	wk.reportTrouble(ctx, o, purchase.FailNoCredit, detail)
	return purchase.NewFailure(purchase.FailNoCredit, "missing", purchase.ArgSomeCents(missing), "told",
		wk.policy.AdminsNotified())
}

// cartChanged handles a cart in which the checked items are not exactly the order's item, at the last check before
// paying.
func (wk *Worker) cartChanged(ctx context.Context, o purchase.Order, checked []cocalc.CartItem) (time.Duration, error) {
	ours := false
	for _, item := range checked {
		ours = ours || item.ID == o.ItemID
	}
	if !ours {
		item, err := wk.rec.Item(ctx, o)
		switch {
		case purchase.KindOf(err) == cocalc.NotFound || (err == nil && item.Purchased == nil && !item.Removed.IsZero()):
			return wk.giveUp(ctx, o, purchase.NewFailure(purchase.FailCart, "why", "removed"))
		case err != nil:
			return wk.handleRemoteError(ctx, o, err)
		case item.Purchased != nil:
			return wk.adoptPurchase(ctx, o, item)
		}
		if _, err := wk.shop.SetChecked(ctx, o.ItemID, true); err != nil {
			return wk.handleRemoteError(ctx, o, err)
		}
		return wk.retryCart(ctx, o)
	}
	if _, _, err := wk.holdItems(ctx, o, checked); err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	return wk.retryCart(ctx, o)
}

// sendCheckout sends the checkout, once per order. The intent is durable before the request.
func (wk *Worker) sendCheckout(ctx context.Context, seen purchase.Order, amount purchase.Cents) (time.Duration, error) {
	if wk.reg.Away(ctx) {
		return wk.timing.Poll, nil
	}
	o, err := wk.transition(ctx, seen, purchase.OrderEvent{Kind: purchase.BeginCheckout, Amount: amount},
		func(w purchase.Writer, _ purchase.Order, e *purchase.OrderEvent) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			if no := wk.policy.RefusePaused(account); no != nil { // no checkout is sent after a pause was stored
				return no
			}
			if wk.reg.DiagnosisOf(account) != nil {
				return errUnserved
			}
			e.There = wk.reg.ServerTime()
			return nil
		})
	var stopped *purchase.Refusal
	if errors.As(err, &stopped) {
		return wk.giveUp(ctx, seen, purchase.FailureOf(purchase.FailRefused, stopped))
	}
	if errors.Is(err, errUnserved) {
		return wk.timing.Poll, nil
	}
	if err != nil {
		return 0, err
	}
	wk.checkoutInFlight(o) // starts measuring the span now, before a clock can be set
	err = wk.shop.Checkout(ctx)
	if err == nil {
		// It proves nothing: the answer is stored with the proof, or when that has to wait.
		wk.learned[o.ID] = learned{answer: purchase.AnswerSuccess}
		return 0, nil
	}
	return 0, wk.recordAnswer(ctx, o, err)
}

// recordAnswer stores an answer to a checkout other than success. After a refusal, the order has failed.
func (wk *Worker) recordAnswer(ctx context.Context, o purchase.Order, answer error) error {
	refusal, known := errors.AsType[*cocalc.Error](answer)
	if !known || refusal.Outcome == cocalc.Unknown { // a definite answer is logged by the shop
		wk.log.Warn().Err(answer).Str("order", string(o.ID)).
			Msg("lose CoCalc's answer to a checkout; look for the purchase")
		_, err := wk.edit(ctx, o, false, func(live *purchase.Order) {
			live.Answer, live.AnswerText = purchase.AnswerUnclear, answer.Error()
		})
		return err
	}
	_, err := wk.change(ctx, o, func(w purchase.Writer, live *purchase.Order) error {
		f := purchase.FailureFor(refusal, wk.policy.AdminsNotified(), wk.site)
		live.Answer, live.AnswerText, live.Failure = purchase.AnswerRefused, refusal.Text, &f
		live.Updated = wk.now()
		// The failure says whether the admins were notified, so the notification is added in the same transaction.
		if err := wk.reg.AddTrouble(w, *live, f.Code, purchase.TroubleFor(refusal, wk.keyName, wk.site)); err != nil {
			return err
		}
		return w.PutOrder(*live)
	})
	return err
}

// readsAfterCheckout is how often the item is read after a successful checkout before the outcome counts as unknown.
const readsAfterCheckout = 3

// verifyPurchase reads the item after a checkout. It leads from Paying to Purchased, or to Unknown if the item is not
// purchased.
func (wk *Worker) verifyPurchase(ctx context.Context, o purchase.Order) (time.Duration, error) {
	item, err := wk.rec.Item(ctx, o)
	if err == nil && item.Purchased != nil {
		return wk.recordPurchase(ctx, o, item, false)
	}
	// After a success, reading should show the purchase soon, so try a few times. After any other answer the outcome is
	// unknown.
	if o.Answer == purchase.AnswerSuccess && wk.tries[o.ID] < readsAfterCheckout {
		return wk.retryDelay(o.ID), nil
	}
	return 0, wk.recordUnclear(ctx, o, err)
}

// recordUnclear makes the outcome of a checkout unknown. err is the reason why the item could not be read; nil if it
// was read.
func (wk *Worker) recordUnclear(ctx context.Context, o purchase.Order, err error) error {
	code := purchase.HeldNotShown
	switch {
	case o.Answer == purchase.AnswerNone:
		code = purchase.HeldStopped
	case o.Answer == purchase.AnswerUnclear:
		code = purchase.HeldAnswerLost
	case err != nil:
		code = purchase.HeldUnreadable
	}
	hold := purchase.Unresolved{
		Cause: purchase.Cause{Code: code}, Since: wk.now(),
		Until: o.CheckoutSent.Add(wk.timing.Settle),
	}
	_, err = wk.transition(ctx, o, purchase.OrderEvent{Kind: purchase.LoseOutcome, Note: string(code), Hold: &hold},
		func(w purchase.Writer, live purchase.Order, _ *purchase.OrderEvent) error {
			return wk.reg.CheckSecondUnknown(w, live)
		})
	return err
}

// adoptPurchase completes an order whose item was found purchased. If the order's own checkout was never sent, the
// receipt is marked as adopted.
func (wk *Worker) adoptPurchase(ctx context.Context, o purchase.Order, item cocalc.CartItem) (time.Duration, error) {
	return wk.recordPurchase(ctx, o, item, o.CheckoutSent.IsZero())
}

// recordPurchase completes an order whose item is purchased, with a receipt from the list of purchases. If the list
// cannot be read now, the receipt is Unchecked and the purchases are counted later. An older server has no such list;
// there, recordPurchase waits for a while until the charge can be read from other data.
func (wk *Worker) recordPurchase(ctx context.Context, o purchase.Order, item cocalc.CartItem,
	adopted bool,
) (time.Duration, error) {
	o.ItemID = item.ID
	rows, err := wk.rec.PurchasesSince(ctx, o, wk.countsSince(o))
	if err != nil {
		wk.log.Warn().Err(err).Str("order", string(o.ID)).Msg("retry counting the purchases of a bought order later")
	}
	r := purchase.NewReceipt(o, item, rows)
	r.Unchecked = len(rows) == 0
	r.Adopted = adopted
	if store, err := wk.rec.StoreOf(ctx); err == nil {
		if err := store.Charge(ctx, o, item, r); err != nil && wk.tries[o.ID] < reconcile.MaxCostAttempts {
			wk.log.Warn().Err(err).Str("order", string(o.ID)).Msg("fail to read the charge of an edited item")
			return wk.retryDelay(o.ID), nil
		}
	}
	return 0, wk.CompleteOrder(ctx, o, r)
}

// CompleteOrder stores a purchase in one transaction: the order's end, the log entry, the amount spent, and the audit
// record. It returns ErrMoved if the order is no longer in o's state.
func (wk *Worker) CompleteOrder(ctx context.Context, o purchase.Order, r *purchase.Receipt) error {
	counts := wk.rec.Counts(ctx)
	delete(wk.tries, o.ID)
	_, err := wk.change(ctx, o, func(w purchase.Writer, live *purchase.Order) error {
		live.ItemID = o.ItemID
		return wk.reg.Complete(w, live, r, counts || wk.checkoutInFlight(*live) > 0, purchase.BotName)
	})
	return err
}

// recheck checks again whether an approved order may still be bought. If not, it ends the order or makes it wait, and
// returns stop and the pause.
func (wk *Worker) recheck(ctx context.Context, o purchase.Order) (stop bool, pause time.Duration, err error) {
	who := wk.lookUp(ctx, o.Requester)
	var no *purchase.Refusal
	switch {
	case !wk.reg.HasUnknownGroups(who):
		no = wk.policy.MayBuy(who)
	case wk.reg.IsFresh(o): // the requester was checked within RightsTTL
	default:
		since := wk.now()
		if o.Blocked.Why().Code == purchase.WaitsForSlack {
			since = o.Blocked.Troubled
		}
		if wk.spans.Remains(o.ID, wk.patience("slack", since)) > 0 {
			pause, err = wk.block(ctx, o, purchase.Blocked{Cause: purchase.Cause{Code: purchase.WaitsForSlack}, Troubled: since},
				wk.retryDelay(o.ID))
			return true, pause, err
		}
		no = purchase.NewRefusal(purchase.Outsider, "unknown", "buyer")
	}
	if no == nil {
		if no, err = wk.stillAllowed(ctx, o); err != nil {
			return true, 0, err
		}
	}
	if no == nil {
		return false, 0, nil
	}
	return true, 0, wk.fail(ctx, o, *purchase.FailureOf(purchase.FailPolicy, no))
}

// stillAllowed returns the refusal of an order under the current rules, which may have changed while it waited; nil if
// they allow it.
func (wk *Worker) stillAllowed(ctx context.Context, o purchase.Order) (no *purchase.Refusal, err error) {
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		month, err := r.Budget(o.Month)
		if err != nil {
			return err
		}
		account, err := r.Account()
		if err != nil {
			return err
		}
		month = account.WithDue(month)
		share := account.ShareOf(month, o.Requester)
		asked := purchase.Commitment{
			Share: share, Spec: o.Spec, Price: o.Price, Now: o.Confirmed, Reserved: true, Renews: o.Renews,
		}
		if wk.policy.RenewalsLimit > 0 && o.Renews > 0 {
			if asked.Recurring, err = purchase.ReadRecurring(r, account, o.ID); err != nil {
				return err
			}
		}
		if no = wk.policy.CheckChannel(o.Channel); no == nil {
			no = wk.policy.CheckLimits(asked, month)
		}
		if no == nil {
			no = wk.policy.RefuseUnapproved(o, share)
		}
		return nil
	})
	return no, err
}

// findLateDuplicates counts the purchases of a bought item if they could not be counted when it was bought, and once
// more at the end of the watch, since another checkout of the same cart may have taken longer than the order's own.
func (wk *Worker) findLateDuplicates(ctx context.Context, o purchase.Order) (time.Duration, error) {
	late := !o.Receipt.Unchecked
	if left := wk.watchRemaining(o); late && left > 0 {
		return left, nil
	}
	if o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0 && !wk.isOutOfCart(ctx, o) {
		return wk.retryDelay(o.ID), nil
	}
	rows, err := wk.countPurchases(ctx, o, late)
	if err != nil || len(rows) == 0 {
		if late && !wk.rec.Counts(ctx) {
			_, err := wk.edit(ctx, o, false, func(o *purchase.Order) { o.WatchUntil = time.Time{} })
			return 0, err
		}
		// A purchase that may still come blocks other orders while this is open.
		if wk.tries[o.ID] < maxRecounts || wk.checkoutInFlight(o) > 0 {
			return wk.retryDelay(o.ID), nil
		}
		// The purchase is proven; the audit record says that it was not counted.
		_, err := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
			live.Receipt.Unchecked, live.WatchUntil = false, time.Time{}
			live.Updated = wk.now()
			if err := w.PutOrder(*live); err != nil {
				return err
			}
			return w.AppendEvent(purchase.Event{
				Time: wk.now(), Kind: "uncounted", Order: o.ID, By: purchase.BotName,
				Note: "the list of purchases did not show this purchase",
			})
		})
		return 0, err
	}
	delete(wk.tries, o.ID)
	_, err = wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
		return wk.rec.Correct(w, live,
			rows, late)
	})
	return 0, err
}

// countPurchases returns the purchases of a bought order's item: at the end of its watch (late) from the last list, if
// that was read since and goes back to the order's add; before that wherever they could be, since the list that was to
// prove them didn't show them.
func (wk *Worker) countPurchases(ctx context.Context, o purchase.Order, late bool) ([]cocalc.PurchaseRow, error) {
	if !late {
		return wk.rec.PurchasesOf(ctx, o)
	}
	if rows := wk.rec.Counted(o, wk.spans.Ends(o.ID, wk.watchSpan(o.WatchUntil))); len(rows) > 0 {
		return rows, nil
	}
	return wk.rec.PurchasesSince(ctx, o, wk.countsSince(o))
}

// countsSince returns the time since which the purchases of a bought order are read: since its add, and since the adds
// of the orders that are to be counted once more by now. So one list, which CoCalc throttles, counts for all of them.
func (wk *Worker) countsSince(o purchase.Order) time.Time {
	since := wk.rec.AddedFrom(o)
	for _, w := range wk.watched {
		if wk.spans.Remains(w.id, wk.watchSpan(w.until)) == 0 && w.since.Before(since) {
			since = w.since
		}
	}
	return since
}

// watched is a bought order that is watched: until when, and since when a list has its purchases.
type watched struct {
	id           purchase.OrderID
	until, since time.Time
}

// noteWatched remembers which bought orders are watched.
func (wk *Worker) noteWatched(open []purchase.Order) {
	wk.watched = wk.watched[:0]
	for _, o := range open {
		if o.State == purchase.Purchased && !o.WatchUntil.IsZero() {
			wk.watched = append(wk.watched, watched{o.ID, o.WatchUntil, wk.rec.AddedFrom(o)})
		}
	}
}

// watchRemaining returns the remaining time of an order's watch; 0 if it is over.
func (wk *Worker) watchRemaining(o purchase.Order) time.Duration {
	return wk.spans.Remains(o.ID, wk.watchSpan(o.WatchUntil))
}

// watchSpan returns the span during which an ended order is watched.
func (wk *Worker) watchSpan(until time.Time) register.Span {
	return register.Span{What: "watch", Until: until, Length: wk.timing.Settle + wk.reg.WatchStep(), Careful: true}
}

// checkoutInFlight returns how long the order's checkout may still be in progress; 0 if it is certainly over. A
// checkout whose answer was lost may be in progress even if the item is purchased, since another checkout may have
// bought it. It would buy whatever is checked in the cart.
func (wk *Worker) checkoutInFlight(o purchase.Order) time.Duration {
	if o.CheckoutSent.IsZero() || !o.Released.IsZero() || o.Answer == purchase.AnswerSuccess ||
		o.Answer == purchase.AnswerRefused {
		return 0
	}
	return wk.spans.Remains(o.ID, register.Span{
		What: "checkout", Until: o.CheckoutSent.Add(wk.timing.Settle),
		There: register.After(o.PaidAfter, wk.timing.Settle), Length: wk.timing.Settle, Careful: true,
	})
}

// maxInFlight returns the longest checkoutInFlight among the orders.
func (wk *Worker) maxInFlight(open []purchase.Order) (left time.Duration) {
	for _, o := range open {
		left = max(left, wk.checkoutInFlight(o))
	}
	return left
}
