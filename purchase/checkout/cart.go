package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// maxRounds is how often the worker corrects the cart at once before it pauses for other users of the cart.
const maxRounds = 5

// prepare checks an approved order again, prepares the cart and adds the item. It leads from Approved to Adding.
func (wk *Worker) prepare(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if over := termOver(o.Spec, wk.now()); over != nil {
		return 0, wk.fail(ctx, o, *over)
	}
	if stop, wait, err := wk.recheck(ctx, o); stop || err != nil {
		return wait, err
	}
	items, err := wk.shop.Cart(ctx, cocalc.InCart)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	// An order that was never added can only have a tagged item at CoCalc if the ledger is an older copy. Then CoCalc's
	// record counts. An order of this run is in no copy; so it doesn't read all that the account has ever bought.
	if wk.inherited[o.ID] {
		item, found, err := wk.rec.FindItem(ctx, o, cocalc.Purchased)
		if err != nil {
			return wk.handleRemoteError(ctx, o, err)
		}
		if found {
			return wk.adoptPurchase(ctx, o, item)
		}
	}
	if i := slices.IndexFunc(items, func(i cocalc.CartItem) bool { return reconcile.HasTag(i, o.ID) }); i >= 0 {
		_, pause, err := wk.begin(ctx, o, "already in the cart", items[i].Added)
		return pause, err
	}
	if stop, pause, err := wk.recheckProject(ctx, o); stop || err != nil {
		return pause, err
	}
	o, clean, err := wk.holdItems(ctx, o, items)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	if !clean && wk.tries[o.ID] < maxRounds {
		wk.tries[o.ID]++
		return 0, nil // read the cart again: held items must be unchecked
	}
	o, pause, err := wk.begin(ctx, o, "", wk.reg.ServerTime())
	if pause > 0 || err != nil {
		return pause, err
	}
	return wk.sendAdd(ctx, o)
}

// begin moves an order to Adding, from where its item may be in the cart: since added, by CoCalc's clock (zero if that
// is unknown). If buying was paused meanwhile, the order stays Approved, and its held items are checked again.
func (wk *Worker) begin(ctx context.Context, seen purchase.Order, note string,
	added time.Time,
) (purchase.Order, time.Duration, error) {
	o, err := wk.transition(ctx, seen, purchase.OrderEvent{Kind: purchase.BeginAdding, Note: note},
		func(w purchase.Writer, live purchase.Order, e *purchase.OrderEvent) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			if no := wk.reg.RefuseStopped(account); no != nil {
				return no
			}
			if wk.reg.DiagnosisOf(account) != nil {
				return errUnserved
			}
			e.Sent, e.There = wk.description(live), wk.reg.ServerTime()
			if added.Before(e.There) { // a checkout of the time before may have bought it, or be at work
				e.There = added
			}
			return nil
		})
	var stopped *purchase.Refusal
	if errors.Is(err, errUnserved) {
		return seen, wk.timing.Poll, nil
	}
	if !errors.As(err, &stopped) {
		return o, 0, err
	}
	if len(seen.HeldItems) == 0 {
		return seen, wk.timing.Poll, nil
	}
	pause, err := wk.releaseItems(ctx, seen)
	return seen, max(pause, wk.timing.Poll), err
}

// add sends the add again, after an attempt that certainly had no effect.
func (wk *Worker) add(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if o.Failure != nil {
		return 0, wk.fail(ctx, o, *o.Failure)
	}
	if over := termOver(o.Spec, wk.now()); over != nil {
		return 0, wk.fail(ctx, o, *over)
	}
	o, err := wk.edit(ctx, o, false, func(o *purchase.Order) {
		o.AddSent, o.AddedAfter = wk.now(), wk.reg.ServerTime()
		o.Sent = wk.description(*o)
	})
	if err != nil {
		return 0, err
	}
	return wk.sendAdd(ctx, o)
}

// sendAdd adds the item to the cart. The intent is already stored in the ledger.
func (wk *Worker) sendAdd(ctx context.Context, o purchase.Order) (time.Duration, error) {
	err := wk.shop.AddToCart(ctx, o.Sent, o.Spec.ProjectID)
	var refusal *cocalc.Error
	if !errors.As(err, &refusal) {
		return 0, err // nil, or an error without an answer: findItem reads the cart
	}
	switch refusal.Outcome {
	case cocalc.Unknown:
		wk.log.Warn().Err(err).Str("order", string(o.ID)).
			Msg("look for an item in the cart: CoCalc's answer to adding it was lost")
		return 0, nil
	case cocalc.Transient:
		// The request had no effect, so it can be sent again.
		o, editErr := wk.edit(ctx, o, false, func(o *purchase.Order) { o.AddSent, o.AddedAfter = time.Time{}, time.Time{} })
		if editErr != nil {
			return 0, editErr
		}
		return wk.handleRemoteError(ctx, o, err)
	default:
		o, editErr := wk.edit(ctx, o, false, func(o *purchase.Order) { o.AddSent, o.AddedAfter = time.Time{}, time.Time{} })
		if editErr != nil {
			return 0, editErr
		}
		if refusal.Kind == cocalc.NotSignedIn || refusal.Kind == cocalc.Throttled || register.ConcernsServer(refusal) {
			return wk.handleRemoteError(ctx, o, err)
		}
		f := purchase.FailureFor(refusal, wk.policy.AdminsNotified(), wk.site)
		wk.reportTrouble(ctx, o, f.Code, purchase.TroubleFor(refusal, wk.keyName, wk.site))
		return 0, wk.fail(ctx, o, f)
	}
}

// findItem looks for the order's item by its tag and prepares the cart around it. It leads from Adding to Carted.
func (wk *Worker) findItem(ctx context.Context, o purchase.Order) (time.Duration, error) {
	items, err := wk.shop.Cart(ctx, cocalc.InCart)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	var mine []cocalc.CartItem
	for _, item := range items {
		if reconcile.HasTag(item, o.ID) {
			mine = append(mine, item)
		}
	}
	if len(mine) == 0 {
		return wk.notInCart(ctx, o)
	}
	slices.SortFunc(mine, func(x, y cocalc.CartItem) int { return int(x.ID - y.ID) })
	item := mine[0]
	for _, twin := range mine[1:] { // an add that took effect twice, or a person's copy
		if _, err := wk.shop.RemoveFromCart(ctx, twin.ID); err != nil {
			return wk.handleRemoteError(ctx, o, err)
		}
	}
	if len(mine) > 1 {
		return wk.retryCart(ctx, o)
	}
	if o.Failure != nil { // given up before the item was found: remove it
		_, err := wk.transition(ctx, o, purchase.OrderEvent{Kind: purchase.FindItem, Note: "given up", ItemID: item.ID}, nil)
		return 0, err
	}
	if mismatch := wk.rec.Differs(o, item); mismatch != nil {
		wk.log.Error().Err(mismatch).Str("order", string(o.ID)).Int64("item", item.ID).
			Msg("find a different item in the cart than was sent")
		_, err := wk.transition(ctx, o,
			purchase.OrderEvent{Kind: purchase.FindItem, ItemID: item.ID, Failure: purchase.NewFailure(purchase.FailCart, "why",
				"different")}, nil)
		return 0, err
	}
	if !item.Checked {
		if _, err := wk.shop.SetChecked(ctx, item.ID, true); err != nil {
			return wk.handleRemoteError(ctx, o, err)
		}
		return wk.retryCart(ctx, o)
	}
	o, clean, err := wk.holdItems(ctx, o, items)
	if err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	if !clean {
		return wk.retryCart(ctx, o)
	}
	delete(wk.tries, o.ID)
	wk.learned[o.ID] = learned{item: item.ID} // stored with the intent to check out
	return 0, nil
}

// notInCart decides what happens to an order whose item is not in the cart, although it was or may have been added.
func (wk *Worker) notInCart(ctx context.Context, o purchase.Order) (time.Duration, error) {
	for _, which := range []cocalc.CartFilter{cocalc.Purchased, cocalc.PurchasedAndRemoved, cocalc.Removed} {
		items, err := wk.shop.Cart(ctx, which)
		if err != nil {
			return wk.handleRemoteError(ctx, o, err)
		}
		i := slices.IndexFunc(items, func(i cocalc.CartItem) bool { return reconcile.HasTag(i, o.ID) })
		switch {
		case i < 0:
		case items[i].Purchased != nil:
			return wk.adoptPurchase(ctx, o, items[i])
		default:
			return 0, wk.fail(ctx, o, *purchase.NewFailure(purchase.FailCart, "why", "removed"))
		}
	}
	// The add may still take effect: a server that is slow to answer may be slow to act.
	if left := wk.spans.Remains(o.ID, register.Span{
		What: "add", Until: o.AddSent.Add(wk.timing.AddWindow),
		There: register.After(o.AddedAfter, wk.timing.AddWindow), Length: wk.timing.AddWindow, Careful: true,
	}); left > 0 {
		return min(wk.retryDelay(o.ID), left), wk.clearBlocked(ctx, o)
	}
	f := purchase.NewFailure(purchase.FailCart, "why", "not-added")
	if o.Failure != nil {
		f = o.Failure
	}
	return 0, wk.fail(ctx, o, *f)
}

// holdItems unchecks all items beside the order's own, since a checkout would buy them too. Each id is stored in the
// order before the item is unchecked. Copies of the order's item, and items of this ledger's orders that ended without
// a purchase, are removed instead. clean reports whether the cart needed no change.
func (wk *Worker) holdItems(ctx context.Context, o purchase.Order,
	items []cocalc.CartItem,
) (_ purchase.Order, clean bool, err error) {
	clean = true
	for _, item := range items {
		if reconcile.HasTag(item, o.ID) {
			if o.ItemID != 0 && item.ID != o.ItemID { // a copy that appeared later
				clean = false
				wk.log.Warn().Int64("item", item.ID).Str("order", string(o.ID)).
					Msg("remove a copy of an order's item from the cart")
				if _, err := wk.shop.RemoveFromCart(ctx, item.ID); err != nil {
					return o, false, err
				}
			}
			continue
		}
		if id, ok := purchase.ParseTag(item.Text()); ok {
			over, err := wk.endedWithoutPurchase(ctx, id)
			if err != nil {
				return o, false, err
			}
			if over {
				clean = false
				wk.log.Warn().Int64("item", item.ID).Str("order", string(id)).Msg("remove a failed order's item from the cart")
				if _, err := wk.shop.RemoveFromCart(ctx, item.ID); err != nil {
					return o, false, err
				}
				continue
			}
		}
		if !item.Checked {
			continue
		}
		clean = false
		if !slices.Contains(o.HeldItems, item.ID) {
			if o, err = wk.edit(ctx, o, false, func(o *purchase.Order) {
				o.HeldItems = append(o.HeldItems,
					item.ID)
			}); err != nil {
				return o, false, err
			}
		}
		if _, err := wk.shop.SetChecked(ctx, item.ID, false); err != nil {
			return o, false, err
		}
	}
	return o, clean, nil
}

// endedWithoutPurchase reports whether id is an order of this ledger that ended without a purchase, so its items can be
// removed from the cart.
func (wk *Worker) endedWithoutPurchase(ctx context.Context, id purchase.OrderID) (bool, error) {
	order, err := wk.reg.Order(ctx, id)
	if errors.Is(err, purchase.ErrNoOrder) {
		return false, nil // another ledger's item
	}
	return order.State.Final() && order.State != purchase.Purchased, err
}

// releaseItems checks the held items again, unless they were purchased, removed or checked in the meantime. It waits
// while the order's own checkout may still be in progress, which would buy them.
func (wk *Worker) releaseItems(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if left := wk.checkoutInFlight(o); left > 0 {
		return left, nil
	}
	for _, id := range o.HeldItems {
		item, err := wk.shop.CartItem(ctx, id)
		if purchase.KindOf(err) == cocalc.NotFound {
			continue // a person deleted it
		}
		if err == nil && !item.Checked && item.Removed.IsZero() && item.Purchased == nil {
			_, err = wk.shop.SetChecked(ctx, id, true)
		}
		if err != nil {
			wk.log.Warn().Err(err).Str("order", string(o.ID)).Int64("item", id).Msg("retry checking a held cart item again")
			return wk.retryDelay(o.ID), nil
		}
	}
	delete(wk.tries, o.ID)
	_, err := wk.edit(ctx, o, false, func(o *purchase.Order) { o.HeldItems = nil })
	return 0, err
}

// removeItem removes the order's item from the cart and fails the order, unless reading the item afterwards shows a
// purchase.
func (wk *Worker) removeItem(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if _, err := wk.shop.RemoveFromCart(ctx, o.ItemID); err != nil {
		return wk.handleRemoteError(ctx, o, err)
	}
	item, err := wk.rec.Item(ctx, o)
	switch {
	case purchase.KindOf(err) == cocalc.NotFound: // a person deleted it; only the list of purchases can show a purchase
		rows, err := wk.rec.PurchasesOf(ctx, o)
		if err != nil {
			return wk.handleRemoteError(ctx, o, err)
		}
		if len(rows) > 0 {
			return 0, wk.CompleteOrder(ctx, o, purchase.NewReceipt(o, cocalc.CartItem{}, rows))
		}
	case err != nil:
		return wk.handleRemoteError(ctx, o, err)
	case item.Purchased != nil:
		return wk.adoptPurchase(ctx, o, item)
	case item.Removed.IsZero():
		return wk.retryDelay(o.ID), nil
	}
	return 0, wk.fail(ctx, o, *o.Failure)
}

// giveUp stores the failure with which the order will end, before its item is removed from the cart.
func (wk *Worker) giveUp(ctx context.Context, o purchase.Order, f *purchase.Failure) (time.Duration, error) {
	_, err := wk.edit(ctx, o, false, func(o *purchase.Order) { o.Failure = f })
	return 0, err
}

// retryCart lets the worker read the cart again: at once for the first maxRounds times, and then after a pause, since
// another person is changing the cart.
func (wk *Worker) retryCart(ctx context.Context, o purchase.Order) (time.Duration, error) {
	if err := wk.clearBlocked(ctx, o); err != nil {
		return 0, err
	}
	if wk.tries[o.ID] < maxRounds {
		wk.tries[o.ID]++
		return 0, nil
	}
	return wk.retryDelay(o.ID), nil
}

// termOver returns the failure of a fixed term with less than an hour left; nil otherwise. CoCalc would extend it to an
// hour.
func termOver(spec purchase.Spec, now time.Time) *purchase.Failure {
	if spec.Period != cocalc.PeriodRange || spec.End.Sub(now) >= time.Hour {
		return nil
	}
	return purchase.NewFailure(purchase.FailTermOver)
}

// description returns the cart item's description: the specification, with the order's tag at the end of its text.
func (wk *Worker) description(o purchase.Order) json.RawMessage {
	spec := o.Spec
	spec.Description = strings.TrimSpace(spec.Description + "\n" + o.ID.Tag())
	return spec.CartDescription(wk.now())
}

// recheckProject checks the license's project again before the item is added, since an order can wait for days. stop is
// false if the project can be used, or the order names none.
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
