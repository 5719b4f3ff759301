package purchase

import (
	"context"
	"errors"
	"slices"
	"time"

	"licensebot/cocalc"
)

// maxRounds is how often the cart is put in order before the buyer gives others who use it a pause.
const maxRounds = 5

// prepare is the way from Approved to Adding: nothing of the order is at CoCalc yet, or so the ledger believes.
func (b *buyer) prepare(ctx context.Context, o Order) (time.Duration, error) {
	if over := termOver(o.Spec, b.now()); over != nil {
		return 0, b.fail(ctx, o, *over)
	}
	if stop, wait, err := b.notAnyMore(ctx, o); stop || err != nil {
		return wait, err
	}
	items, err := b.shop.Cart(ctx, cocalc.InCart)
	if err != nil {
		return b.troubled(ctx, o, err)
	}
	// The tag of an order that was never added can only be there when an older copy of the ledger was restored.
	// Then the truth is at CoCalc.
	bought, err := b.shop.Cart(ctx, cocalc.Purchased)
	if err != nil {
		return b.troubled(ctx, o, err)
	}
	if i := slices.IndexFunc(bought, func(i cocalc.CartItem) bool { return carries(i, o.ID) }); i >= 0 {
		return b.adopt(ctx, o, bought[i])
	}
	if slices.ContainsFunc(items, func(i cocalc.CartItem) bool { return carries(i, o.ID) }) {
		_, pause, err := b.begin(ctx, o, "already in the cart")
		return pause, err
	}
	if stop, pause, err := b.projectGone(ctx, o); stop || err != nil {
		return pause, err
	}
	o, clean, err := b.park(ctx, o, items)
	if err != nil {
		return b.troubled(ctx, o, err)
	}
	if !clean && b.tries[o.ID] < maxRounds {
		b.tries[o.ID]++
		return 0, nil // look at the cart again: what was parked must not be checked any more
	}
	o, pause, err := b.begin(ctx, o, "")
	if pause > 0 || err != nil {
		return pause, err
	}
	return b.sendAdd(ctx, o)
}

// begin moves an order on to Adding: from then on it may be in the cart. Once a pause is in the ledger no order begins,
// also when it came while the cart was being looked at; then the order waits, and what was parked for it is checked
// again.
func (b *buyer) begin(ctx context.Context, seen Order, note string) (Order, time.Duration, error) {
	o, err := b.advance(ctx, seen, OrderEvent{Kind: BeginAdding, Note: note},
		func(w Writer, live Order, e *OrderEvent) error {
			account, err := w.Account()
			if err != nil {
				return err
			}
			if no := b.stopped(account); no != nil {
				return no
			}
			if b.diagnosed(account) != nil {
				return errUnserved
			}
			e.Sent, e.There = b.description(live), b.there()
			return nil
		})
	var stopped *Refusal
	if errors.Is(err, errUnserved) {
		return seen, b.timing.Poll, nil
	}
	if !errors.As(err, &stopped) {
		return o, 0, err
	}
	if len(seen.Parked) == 0 {
		return seen, b.timing.Poll, nil
	}
	pause, err := b.restore(ctx, seen)
	return seen, max(pause, b.timing.Poll), err
}

// add tries again to add, after an attempt that certainly did nothing.
func (b *buyer) add(ctx context.Context, o Order) (time.Duration, error) {
	if o.Failure != nil {
		return 0, b.fail(ctx, o, *o.Failure)
	}
	if over := termOver(o.Spec, b.now()); over != nil {
		return 0, b.fail(ctx, o, *over)
	}
	o, err := b.edit(ctx, o, false, func(o *Order) {
		o.AddSent, o.AddedAfter = b.now(), b.there()
		o.Sent = b.description(*o)
	})
	if err != nil {
		return 0, err
	}
	return b.sendAdd(ctx, o)
}

// sendAdd adds the item. That it may have been sent is already in the ledger.
func (b *buyer) sendAdd(ctx context.Context, o Order) (time.Duration, error) {
	err := b.shop.AddToCart(ctx, o.Sent, o.Spec.ProjectID)
	var refusal *cocalc.Error
	if !errors.As(err, &refusal) {
		return 0, err // nil, or not an answer at all: the cart will tell
	}
	switch refusal.Outcome {
	case cocalc.Unknown:
		b.log.Warn().Err(err).Str("order", string(o.ID)).
			Msg("look for an item in the cart: CoCalc's answer to adding it was lost")
		return 0, nil
	case cocalc.Transient:
		// Nothing was done: it is safe to send again, and nothing is to be looked for.
		o, editErr := b.edit(ctx, o, false, func(o *Order) { o.AddSent, o.AddedAfter = time.Time{}, time.Time{} })
		if editErr != nil {
			return 0, editErr
		}
		return b.troubled(ctx, o, err)
	default:
		o, editErr := b.edit(ctx, o, false, func(o *Order) { o.AddSent, o.AddedAfter = time.Time{}, time.Time{} })
		if editErr != nil {
			return 0, editErr
		}
		if refusal.Kind == cocalc.NotSignedIn || refusal.Kind == cocalc.Throttled || speaksOfServer(refusal) {
			return b.troubled(ctx, o, err)
		}
		f := explain(refusal, b.policy.told(), b.site)
		b.meets(ctx, o, f.Code, trouble(refusal, b.keyName, b.site))
		return 0, b.fail(ctx, o, f)
	}
}

// look is the way from Adding to Carted: the item is found by its tag, and the cart is put in order around it.
func (b *buyer) look(ctx context.Context, o Order) (time.Duration, error) {
	items, err := b.shop.Cart(ctx, cocalc.InCart)
	if err != nil {
		return b.troubled(ctx, o, err)
	}
	var mine []cocalc.CartItem
	for _, item := range items {
		if carries(item, o.ID) {
			mine = append(mine, item)
		}
	}
	if len(mine) == 0 {
		return b.notInCart(ctx, o)
	}
	slices.SortFunc(mine, func(x, y cocalc.CartItem) int { return int(x.ID - y.ID) })
	item := mine[0]
	for _, twin := range mine[1:] { // an add that was carried out twice, or a person's copy of the item
		if _, err := b.shop.RemoveFromCart(ctx, twin.ID); err != nil {
			return b.troubled(ctx, o, err)
		}
	}
	if len(mine) > 1 {
		return b.another(ctx, o)
	}
	if o.Failure != nil { // given up while the add was unclear: take it out
		_, err := b.advance(ctx, o, OrderEvent{Kind: FindItem, Note: "given up", ItemID: item.ID}, nil)
		return 0, err
	}
	if mismatch := b.differs(o, item); mismatch != nil {
		b.log.Error().Err(mismatch).Str("order", string(o.ID)).Int64("item", item.ID).
			Msg("find a different item in the cart than was sent")
		_, err := b.advance(ctx, o,
			OrderEvent{Kind: FindItem, ItemID: item.ID, Failure: failed(FailCart, "why", "different")}, nil)
		return 0, err
	}
	if !item.Checked {
		if _, err := b.shop.SetChecked(ctx, item.ID, true); err != nil {
			return b.troubled(ctx, o, err)
		}
		return b.another(ctx, o)
	}
	o, clean, err := b.park(ctx, o, items)
	if err != nil {
		return b.troubled(ctx, o, err)
	}
	if !clean {
		return b.another(ctx, o)
	}
	_, err = b.advance(ctx, o, OrderEvent{Kind: FindItem, ItemID: item.ID}, nil)
	return 0, err
}

// notInCart decides about an item that was sent, or may have been, and is not in the cart.
func (b *buyer) notInCart(ctx context.Context, o Order) (time.Duration, error) {
	for _, which := range []cocalc.CartFilter{cocalc.Purchased, cocalc.PurchasedAndRemoved, cocalc.Removed} {
		items, err := b.shop.Cart(ctx, which)
		if err != nil {
			return b.troubled(ctx, o, err)
		}
		i := slices.IndexFunc(items, func(i cocalc.CartItem) bool { return carries(i, o.ID) })
		switch {
		case i < 0:
		case items[i].Purchased != nil:
			return b.adopt(ctx, o, items[i])
		default:
			return 0, b.fail(ctx, o, *failed(FailCart, "why", "removed"))
		}
	}
	// The add itself may still be on its way: a server that was slow to answer may be slow to act.
	if left := b.remains(o.ID, span{
		what: "add", until: o.AddSent.Add(b.timing.AddWindow),
		there: after(o.AddedAfter, b.timing.AddWindow), length: b.timing.AddWindow, careful: true,
	}); left > 0 {
		return min(b.pause(o.ID), left), b.relieved(ctx, o)
	}
	f := failed(FailCart, "why", "not-added")
	if o.Failure != nil {
		f = o.Failure
	}
	return 0, b.fail(ctx, o, *f)
}

// park unchecks what is checked beside our item, since checkout would buy it too. Each is remembered in the order
// before it is unchecked. Items that carry the tag of an order of ours that has failed are left-overs of our own, of
// an add that came late: they are taken out, and so is a copy of the order's item. clean reports that nothing had to be
// done.
func (b *buyer) park(ctx context.Context, o Order, items []cocalc.CartItem) (_ Order, clean bool, err error) {
	clean = true
	for _, item := range items {
		if carries(item, o.ID) {
			if o.ItemID != 0 && item.ID != o.ItemID { // a second one, that came after the cart was put in order
				clean = false
				b.log.Warn().Int64("item", item.ID).Str("order", string(o.ID)).Msg("take a copy of an order's item out of the cart")
				if _, err := b.shop.RemoveFromCart(ctx, item.ID); err != nil {
					return o, false, err
				}
			}
			continue
		}
		if id, ok := tagged(item.Text()); ok {
			over, err := b.endedWithoutPurchase(ctx, id)
			if err != nil {
				return o, false, err
			}
			if over {
				clean = false
				b.log.Warn().Int64("item", item.ID).Str("order", string(id)).Msg("take a failed order's item out of the cart")
				if _, err := b.shop.RemoveFromCart(ctx, item.ID); err != nil {
					return o, false, err
				}
				continue
			}
		}
		if !item.Checked {
			continue
		}
		clean = false
		if !slices.Contains(o.Parked, item.ID) {
			if o, err = b.edit(ctx, o, false, func(o *Order) { o.Parked = append(o.Parked, item.ID) }); err != nil {
				return o, false, err
			}
		}
		if _, err := b.shop.SetChecked(ctx, item.ID, false); err != nil {
			return o, false, err
		}
	}
	return o, clean, nil
}

// endedWithoutPurchase reports whether id is an order of this ledger of which nothing may be in the cart any more.
func (b *buyer) endedWithoutPurchase(ctx context.Context, id OrderID) (bool, error) {
	order, err := b.Order(ctx, id)
	if errors.Is(err, ErrNoOrder) {
		return false, nil // another ledger's item
	}
	return order.State.Final() && order.State != Purchased, err
}

// restore checks parked items again, unless they are gone or a person has checked or removed them meanwhile. It waits
// while the order's own checkout may still run and buy them.
func (b *buyer) restore(ctx context.Context, o Order) (time.Duration, error) {
	if left := b.lingers(o); left > 0 {
		return left, nil
	}
	for _, id := range o.Parked {
		item, err := b.shop.CartItem(ctx, id)
		if kindOf(err) == cocalc.NotFound {
			continue // deleted in the meantime
		}
		if err == nil && !item.Checked && item.Removed.IsZero() && item.Purchased == nil {
			_, err = b.shop.SetChecked(ctx, id, true)
		}
		if err != nil {
			b.log.Warn().Err(err).Str("order", string(o.ID)).Int64("item", id).Msg("put off checking a parked cart item again")
			return b.pause(o.ID), nil
		}
	}
	delete(b.tries, o.ID)
	_, err := b.edit(ctx, o, false, func(o *Order) { o.Parked = nil })
	return 0, err
}

// takeOut removes the order's item from the cart and ends the order with its failure, unless reading the item back
// shows that it was bought all the same.
func (b *buyer) takeOut(ctx context.Context, o Order) (time.Duration, error) {
	if _, err := b.shop.RemoveFromCart(ctx, o.ItemID); err != nil {
		return b.troubled(ctx, o, err)
	}
	item, err := b.item(ctx, o)
	switch {
	case kindOf(err) == cocalc.NotFound: // a person deleted it; only the purchases can tell
		rows, err := b.purchasesOf(ctx, o)
		if err != nil {
			return b.troubled(ctx, o, err)
		}
		if len(rows) > 0 {
			return 0, b.finish(ctx, o, receipt(o, cocalc.CartItem{}, rows))
		}
	case err != nil:
		return b.troubled(ctx, o, err)
	case item.Purchased != nil:
		return b.adopt(ctx, o, item)
	case item.Removed.IsZero():
		return b.pause(o.ID), nil
	}
	return 0, b.fail(ctx, o, *o.Failure)
}

// abandon notes that the order shall not be bought, durably, before its item is taken out of the cart.
func (b *buyer) abandon(ctx context.Context, o Order, f *Failure) (time.Duration, error) {
	_, err := b.edit(ctx, o, false, func(o *Order) { o.Failure = f })
	return 0, err
}

// another looks at the cart again at once, a few times; then it pauses, since another person is using the cart.
func (b *buyer) another(ctx context.Context, o Order) (time.Duration, error) {
	if err := b.relieved(ctx, o); err != nil {
		return 0, err
	}
	if b.tries[o.ID] < maxRounds {
		b.tries[o.ID]++
		return 0, nil
	}
	return b.pause(o.ID), nil
}

// termOver fails a fixed term of which less than an hour is left: CoCalc would stretch it to an hour.
func termOver(spec Spec, now time.Time) *Failure {
	if spec.Period != cocalc.PeriodRange || spec.End.Sub(now) >= time.Hour {
		return nil
	}
	return failed(FailTermOver)
}

// failed returns a failure with arguments, given as names and values. Empty values are left out.
func failed(code FailureCode, pairs ...string) *Failure {
	return &Failure{Cause: because(code, pairs...)}
}

// failure returns a failure that rests on a refusal.
func failure(code FailureCode, no *Refusal) *Failure {
	return &Failure{Cause: Cause{Code: code, Causes: []Cause{no.Cause}}}
}

func kindOf(err error) cocalc.Kind {
	var e *cocalc.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return cocalc.Other
}
