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

// checkCart is the last look before paying: the server itself says that a checkout would buy exactly our item, as it
// was sent, for no more than was shown, out of credit that is there.
func (wk *Worker) checkCart(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if over := termOver(o.Spec, wk.now()); over != nil {
		return wk.giveUp(ctx, o, over)
	}
	store, err := wk.rec.StoreOf(ctx)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	look, err := store.Preview(ctx, o)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	if len(look.Checked) != 1 || look.Checked[0].ID != o.ItemID {
		return wk.cartChanged(ctx, o, look.Checked)
	}
	// Before its price: a higher price of an item that a person edited is not CoCalc's price, and can't be confirmed.
	if mismatch := wk.rec.Differs(o, look.Checked[0]); mismatch != nil {
		wk.log.Error().Err(mismatch).Str("order", string(o.ID)).Msg("find an edited item in the cart")
		return wk.giveUp(ctx, o, purchase.NewFailure(purchase.FailCart, "why", "edited"))
	}
	if look.Amount > o.Price {
		f := purchase.NewFailure(purchase.FailPriceMoved, "was", purchase.ArgCents(o.Price), "now",
			purchase.ArgCents(look.Amount))
		f.NewPrice = look.Amount
		return wk.giveUp(ctx, o, f)
	}
	// The server lets a checkout pass that is up to 3 dollars short; this team's account shall not go into the red
	// because of it.
	if look.Credit != nil && *look.Credit < look.Amount {
		return wk.giveUp(ctx, o,
			wk.noCredit(ctx, o, look.Amount-max(*look.Credit, 0), purchase.NewCause(purchase.NotificationTrouble, "why",
				"too-little-credit",
				"credit", purchase.ArgCents(max(*look.Credit, 0)), "price", purchase.ArgCents(look.Amount), "payments",
				wk.site.Payments())))
	}
	least := wk.policy.LeastCredit
	if least > 0 && look.Credit == nil { // a limit that cannot be looked at is not one that is kept
		wk.reportTrouble(ctx, o, purchase.FailNoCredit, purchase.NewCause(purchase.NotificationTrouble, "why",
			"credit-unknown", "least",
			purchase.ArgCents(least)))
		return wk.giveUp(ctx, o, purchase.NewFailure(purchase.FailNoCredit, "unknown", purchase.ArgFlag(true), "told",
			wk.policy.AdminsTold()))
	}
	if least > 0 && *look.Credit-look.Amount < least {
		return wk.giveUp(ctx, o,
			wk.noCredit(ctx, o, look.Amount+least-*look.Credit, purchase.NewCause(purchase.NotificationTrouble, "why",
				"least-credit",
				"credit", purchase.ArgCents(*look.Credit), "price", purchase.ArgCents(look.Amount), "least",
				purchase.ArgCents(least), "payments", wk.site.Payments())))
	}
	return wk.pay(ctx, o, look.Amount)
}

// noCredit returns the failure of an order that the account has too little credit for. The admins get the amounts.
func (wk *Worker) noCredit(ctx context.Context, o purchase.Order, missing purchase.Cents,
	detail purchase.Cause,
) *purchase.Failure {
	wk.reportTrouble(ctx, o, purchase.FailNoCredit, detail)
	return purchase.NewFailure(purchase.FailNoCredit, "missing", purchase.ArgSomeCents(missing), "told",
		wk.policy.AdminsTold())
}

// cartChanged handles a cart in which, at the last look, not exactly our item is checked.
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

// pay sends the checkout: once per order, ever. That it is about to be sent is durable before.
func (wk *Worker) pay(ctx context.Context, seen purchase.Order, amount purchase.Cents) (time.Duration, error) {
	if wk.reg.Away(ctx) {
		return wk.timing.Poll, nil
	}
	o, err := wk.transition(ctx, seen, purchase.OrderEvent{Kind: purchase.BeginCheckout, Amount: amount},
		func(w purchase.Writer, _ purchase.Order, e *purchase.OrderEvent) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			if no := wk.policy.RefusePaused(account); no != nil { // once a pause is in the ledger no checkout is sent
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
	wk.checkoutInFlight(o) // measures the window from here, whatever happens to the clocks meanwhile
	err = wk.shop.Checkout(ctx)
	var refusal *cocalc.Error
	definite := errors.As(err, &refusal) && refusal.Outcome != cocalc.Unknown
	_, editErr := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
		if live.State != o.State {
			return register.ErrMoved
		}
		live.Updated = wk.now()
		switch {
		case err == nil:
			live.Answer = purchase.AnswerSuccess
		case definite:
			f := purchase.FailureFor(refusal, wk.policy.AdminsTold(), wk.site)
			live.Answer, live.AnswerText, live.Failure = purchase.AnswerRefused, refusal.Text, &f
			// The failure says whether the admins have been told, so their notice is added in the same transaction.
			if err := wk.reg.AddTrouble(w, *live, f.Code, purchase.TroubleFor(refusal, wk.keyName, wk.site)); err != nil {
				return err
			}
		default:
			live.Answer, live.AnswerText = purchase.AnswerUnclear, err.Error()
		}
		return w.PutOrder(*live)
	})
	if err != nil && !definite { // a definite answer is logged as such
		wk.log.Warn().Err(err).Str("order", string(o.ID)).Msg("lose CoCalc's answer to a checkout; look for the purchase")
	}
	return 0, editErr
}

// looksAfterCheckout is how often the item is read back before a paying order becomes unknown.
const looksAfterCheckout = 3

// prove is the way from Paying to Purchased, or to Unknown when reading the item back does not show a purchase.
func (wk *Worker) prove(ctx context.Context, o purchase.Order) (time.Duration, error) {
	item, err := wk.rec.Item(ctx, o)
	if err == nil && item.Purchased != nil {
		return wk.recordPurchase(ctx, o, item, false)
	}
	// Success was answered, so reading should show it: give it a few looks. After anything else the order is held.
	if o.Answer == purchase.AnswerSuccess && wk.tries[o.ID] < looksAfterCheckout {
		return wk.retryDelay(o.ID), nil
	}
	return 0, wk.recordUnclear(ctx, o, err)
}

// recordUnclear makes the outcome of a checkout unknown. err is why the item could not be read, if it couldn't.
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

// adoptPurchase ends an order whose item was bought by a checkout that is not the order's own.
func (wk *Worker) adoptPurchase(ctx context.Context, o purchase.Order, item cocalc.CartItem) (time.Duration, error) {
	return wk.recordPurchase(ctx, o, item, o.CheckoutSent.IsZero())
}

// recordPurchase ends an order whose item is proven to be bought: it counts the purchases of the item, then writes the
// receipt. When they cannot be counted now, the receipt says so and they are counted later. A server of the older kind
// has nothing to count with: there what tells the cost is waited for a while.
func (wk *Worker) recordPurchase(ctx context.Context, o purchase.Order, item cocalc.CartItem,
	adopted bool,
) (time.Duration, error) {
	o.ItemID = item.ID
	rows, err := wk.rec.PurchasesOf(ctx, o)
	if err != nil {
		wk.log.Warn().Err(err).Str("order", string(o.ID)).Msg("put off counting the purchases of a bought order")
	}
	r := purchase.NewReceipt(o, item, rows)
	r.Unchecked = len(rows) == 0
	r.Adopted = adopted
	if store, err := wk.rec.StoreOf(ctx); err == nil {
		if err := store.Charge(ctx, o, item, r); err != nil && wk.tries[o.ID] < reconcile.MaxCostAttempts {
			wk.log.Warn().Err(err).Str("order", string(o.ID)).Msg("fail to read a license to tell what an edited item cost")
			return wk.retryDelay(o.ID), nil
		}
	}
	return 0, wk.CompleteOrder(ctx, o, r)
}

// CompleteOrder writes a purchase: the order's end, the log entry, what was spent, and the audit record, in one
// transaction.
func (wk *Worker) CompleteOrder(ctx context.Context, o purchase.Order, r *purchase.Receipt) error {
	counts := wk.rec.Counts(ctx)
	delete(wk.tries, o.ID)
	_, err := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
		if live.State != o.State {
			return register.ErrMoved
		}
		live.ItemID = o.ItemID
		return wk.reg.Complete(w, live, r, counts || wk.checkoutInFlight(*live) > 0, purchase.BotName)
	})
	return err
}

// recheck ends an order that waited for its turn and may not be bought any more, or has it wait. stop is false when
// it may be bought.
func (wk *Worker) recheck(ctx context.Context, o purchase.Order) (stop bool, pause time.Duration, err error) {
	who := wk.lookUp(ctx, o.Requester)
	var no *purchase.Refusal
	switch {
	case !wk.reg.HasUnknownGroups(who):
		no = wk.policy.MayBuy(who)
	case wk.reg.IsFresh(o): // the requester was checked a moment ago
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

// stillAllowed checks the rules as they are now: one that changed while an order waited applies to it.
func (wk *Worker) stillAllowed(ctx context.Context, o purchase.Order) (no *purchase.Refusal, err error) {
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		month, err := r.Budget(o.Month)
		if err != nil {
			return err
		}
		share, err := purchase.ShareOf(r, month, o.Requester)
		if err != nil {
			return err
		}
		if no = wk.policy.AllowsPlace(o.Channel); no == nil {
			no = wk.policy.Allows(purchase.Commitment{
				Share: share, Spec: o.Spec, Price: o.Price, Now: o.Confirmed,
				Promised: true,
			}, month)
		}
		if no == nil {
			no = wk.policy.AgreedBy(o, share)
		}
		return nil
	})
	return no, err
}

// recheckProject checks the project again before anything is put into the cart, since an order can wait for days. stop
// is false if the license can be put on it, or if it names none.
func (wk *Worker) recheckProject(ctx context.Context, o purchase.Order) (stop bool, pause time.Duration, err error) {
	if o.Spec.ProjectID == "" {
		return false, 0, nil
	}
	p, err := wk.shop.Project(ctx, o.Spec.ProjectID)
	if no := purchase.ProjectUnusable(o.Spec, p, err); no != nil {
		return true, 0, wk.fail(ctx, o, *purchase.FailureOf(purchase.FailProject, no))
	}
	if err != nil {
		pause, err = wk.handleRemoteError(ctx, o, err)
		return true, pause, err
	}
	return false, 0, nil
}

// recount counts the purchases of a bought item: those that could not be counted when it was bought, and all of them
// once more when the watch is over, since another checkout of the same cart may have taken longer than ours.
func (wk *Worker) recount(ctx context.Context, o purchase.Order) (time.Duration, error) {
	late := !o.Receipt.Unchecked
	if left := wk.watchRemaining(o); late && left > 0 {
		return left, nil
	}
	if o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0 && !wk.isOutOfCart(ctx, o) {
		return wk.retryDelay(o.ID), nil
	}
	rows := o.PurchasesIn(wk.rec.Count.Rows)
	if !late || wk.rec.Count.At < wk.spans.Ends(o.ID, wk.watchSpan(o)) || len(rows) == 0 {
		var err error
		if rows, err = wk.rec.PurchasesOf(ctx, o); err != nil || len(rows) == 0 {
			if late && !wk.rec.Counts(ctx) {
				_, err := wk.edit(ctx, o, false, func(o *purchase.Order) { o.WatchUntil = time.Time{} })
				return 0, err
			}
			// what may still come holds others up as long as this is open
			if wk.tries[o.ID] < mostCounts || wk.checkoutInFlight(o) > 0 {
				return wk.retryDelay(o.ID), nil
			}
			// The purchase itself is proven; what is left is told in the ledger.
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
	}
	delete(wk.tries, o.ID)
	_, err := wk.reg.Change(ctx, o.ID, func(w purchase.Writer, live *purchase.Order) error {
		return wk.rec.Correct(w, live,
			rows, late)
	})
	return 0, err
}

// watchRemaining returns the rest of an order's watch.
func (wk *Worker) watchRemaining(o purchase.Order) time.Duration {
	return wk.spans.Remains(o.ID, wk.watchSpan(o))
}

// watchSpan returns the span for which an ended order is watched.
func (wk *Worker) watchSpan(o purchase.Order) register.Span {
	return register.Span{What: "watch", Until: o.WatchUntil, Length: wk.timing.Settle + wk.reg.WatchStep(), Careful: true}
}

// checkoutInFlight returns how long the order's checkout may still run: its answer was lost, and that the item is
// bought does not prove that this checkout bought it. It would buy whatever is checked meanwhile.
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

// maxInFlight is the longest of lingers among the orders.
func (wk *Worker) maxInFlight(open []purchase.Order) (left time.Duration) {
	for _, o := range open {
		left = max(left, wk.checkoutInFlight(o))
	}
	return left
}
