package history

import (
	"encoding/json"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The outcomes of a checkout that CoCalc did not answer, in a history.
const (
	foundBought  = iota // CoCalc shows the purchase
	namedByAdmin        // an admin names the license
	notBought           // nothing was bought
	outcomes
)

// enqueue lets an approved order wait for its turn on the account.
func (h *history) enqueue(id purchase.OrderID) {
	h.queue = append(h.queue, id)
	h.buyNext()
}

// buyNext begins with the next order, unless one is being bought.
func (h *history) buyNext() {
	if h.busy || len(h.queue) == 0 {
		return
	}
	h.busy = true
	h.after(h.step, h.addItem)
}

// release lets the next order be bought.
func (h *history) release() {
	h.busy = false
	h.buyNext()
}

// move applies an event of the worker to an order.
func (h *history) move(id purchase.OrderID, e purchase.OrderEvent) (purchase.Order, error) {
	e.By = purchase.BotName
	o, err := h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error { return h.reg.Apply(w, o, e) })
	if err != nil {
		return o, err
	}
	return o, h.publish(id)
}

// change changes an order without an event.
func (h *history) change(id purchase.OrderID, set func(*purchase.Order)) error {
	_, err := h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		set(o)
		o.Updated = h.now
		return w.PutOrder(*o)
	})
	if err != nil {
		return err
	}
	return h.publish(id)
}

// addItem adds the item of the first order in the queue to the cart.
func (h *history) addItem() error {
	no, err := h.reg.PausedNow(h.ctx)
	if err != nil || no != nil { // the resume continues
		h.busy = false
		return err
	}
	id := h.queue[0]
	h.queue = h.queue[1:]
	o, err := h.ledger.Order(id)
	if err != nil {
		return err
	}
	o, err = h.move(id, purchase.OrderEvent{Kind: purchase.BeginAdding, Sent: description(o, h.now), There: h.now})
	if err != nil {
		return err
	}
	item, err := h.Store.Add(h.now, o)
	if err != nil {
		return err
	}
	h.after(h.step, func() error { return h.findItem(id, item) })
	return nil
}

// description returns what is sent to the cart: the specification with the order's tag.
func description(o purchase.Order, now time.Time) json.RawMessage {
	spec := o.Spec
	spec.Description = strings.TrimSpace(spec.Description + "\n" + o.ID.Tag())
	return spec.CartDescription(now)
}

// findItem finds the item in the cart. Sometimes another person has edited it; otherwise the ledger has it with the
// intent to check out.
func (h *history) findItem(id purchase.OrderID, item int64) error {
	found := purchase.OrderEvent{Kind: purchase.FindItem, By: purchase.BotName, ItemID: item}
	if !h.odds(h.rare.meddled) {
		h.after(h.step, func() error { return h.sendCheckout(id, found) })
		return nil
	}
	failure := purchase.NewFailure(purchase.FailCart, "why", "edited")
	o, err := h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		if err := h.reg.Apply(w, o, found); err != nil {
			return err
		}
		o.Failure = failure
		return w.PutOrder(*o)
	})
	if err != nil {
		return err
	}
	h.after(h.step, func() error { return h.fail(o, failure) })
	return h.publish(id)
}

// fail ends an order without a purchase.
func (h *history) fail(o purchase.Order, f *purchase.Failure) error {
	if err := h.Store.Remove(h.now, o.ItemID); err != nil {
		return err
	}
	o, err := h.move(o.ID, purchase.OrderEvent{
		Kind: purchase.Fail, Note: string(f.Code), Failure: f, WatchUntil: h.reg.WatchUntil(),
	})
	if err != nil {
		return err
	}
	h.agenda.add(o.WatchUntil, func() error {
		return h.change(o.ID, func(o *purchase.Order) { o.WatchUntil = time.Time{} })
	})
	h.release()
	return nil
}

// sendCheckout pays for the item that was found. Now and then, CoCalc's answer is lost.
func (h *history) sendCheckout(id purchase.OrderID, found purchase.OrderEvent) error {
	o, err := h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		if err := h.reg.Apply(w, o, found); err != nil {
			return err
		}
		return h.reg.Apply(w, o, purchase.OrderEvent{
			Kind: purchase.BeginCheckout, By: purchase.BotName, Amount: o.Price, There: h.now,
		})
	})
	if err != nil {
		return err
	}
	if err := h.publish(id); err != nil {
		return err
	}
	lost := !h.isCalm() && h.odds(h.rare.lost)
	outcome := h.random.IntN(outcomes)
	var row cocalc.PurchaseRow
	if !lost || outcome != notBought {
		if row, err = h.Store.Sell(h.now, o); err != nil {
			return err
		}
	}
	if !lost { // the answer is stored with the proof
		h.after(2*h.step, func() error { return h.complete(o.ID, row) })
		return nil
	}
	h.after(30*time.Second, func() error {
		err := h.change(o.ID, func(o *purchase.Order) {
			o.Answer, o.AnswerText = purchase.AnswerUnclear, "cocalc purchases/shopping-cart-checkout: timeout (unknown)"
		})
		if err != nil {
			return err
		}
		return h.loseOutcome(o, outcome, row)
	})
	return nil
}

// complete records that an order was bought. CoCalc's list of purchases sometimes shows the purchase later.
func (h *history) complete(id purchase.OrderID, row cocalc.PurchaseRow) error {
	o, err := h.ledger.Order(id)
	if err != nil {
		return err
	}
	rows := []cocalc.PurchaseRow{row}
	if h.odds(h.rare.unlisted) || row.Cost != o.AnnouncedPrice() && h.odds(2) {
		rows = nil
	}
	r := purchase.NewReceipt(o, cocalc.CartItem{
		ID: o.ItemID, Purchased: &cocalc.CartPurchase{LicenseID: row.LicenseID, Time: row.Time},
	}, rows)
	r.Unchecked = len(rows) == 0
	o, err = h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		if o.Answer == purchase.AnswerNone {
			o.Answer = purchase.AnswerSuccess
		}
		return h.reg.Complete(w, o, r, true, purchase.BotName)
	})
	if err != nil {
		return err
	}
	if r.Unchecked {
		h.after(30*time.Second, func() error { return h.count(id, row, false) })
	}
	h.agenda.add(o.WatchUntil, func() error { return h.count(id, row, true) })
	h.release()
	return h.publish(id)
}

// count counts the purchases of an order that was bought; late ends its watch.
func (h *history) count(id purchase.OrderID, row cocalc.PurchaseRow, late bool) error {
	_, err := h.reg.Change(h.ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		return h.rec.Correct(w, o, []cocalc.PurchaseRow{row}, late)
	})
	if err != nil {
		return err
	}
	return h.publish(id)
}

// loseOutcome makes the outcome of an order unknown for a while. A second one within a day pauses buying, until an
// admin has looked.
func (h *history) loseOutcome(o purchase.Order, outcome int, row cocalc.PurchaseRow) error {
	hold := &purchase.Unresolved{
		Cause: purchase.Cause{Code: purchase.HeldAnswerLost}, Since: h.now, Until: o.CheckoutSent.Add(h.Timing.Settle),
	}
	o, err := h.reg.Change(h.ctx, o.ID, func(w purchase.Writer, o *purchase.Order) error {
		if err := h.reg.CheckSecondUnknown(w, *o); err != nil {
			return err
		}
		return h.reg.Apply(w, o, purchase.OrderEvent{
			Kind: purchase.LoseOutcome, By: purchase.BotName, Note: string(hold.Code), Hold: hold,
		})
	})
	if err != nil {
		return err
	}
	account, err := h.ledger.Account()
	if err != nil {
		return err
	}
	if account.Pause != nil {
		h.planResume(h.soon(20*time.Minute, 2*time.Hour), "checked with CoCalc's list of purchases")
	}
	switch outcome {
	case foundBought:
		h.after(h.soon(20*time.Second, 3*time.Minute), func() error { return h.complete(o.ID, row) })
	case namedByAdmin:
		h.after(h.soon(2*time.Minute, 8*time.Minute), func() error { return h.resolve(o, row) })
	default:
		h.agenda.add(hold.Until, func() error { return h.removeItem(o) })
	}
	return h.publish(o.ID)
}

// resolve is an admin's verdict that an order was bought. The list of purchases shows it later.
func (h *history) resolve(o purchase.Order, row cocalc.PurchaseRow) error {
	action := h.adminCommand()
	action.Actor = h.person(func(p Person) bool { return p.Administers && p.ID != o.Requester.ID })
	if err := h.decide(o, action, orders.Decision{
		Kind: orders.Resolve, Verdict: purchase.WasBought, LicenseID: row.LicenseID, Reason: "seen in the store",
	}); err != nil {
		return err
	}
	o, err := h.ledger.Order(o.ID)
	if err != nil {
		return err
	}
	h.after(time.Minute, func() error { return h.count(o.ID, row, false) })
	h.agenda.add(o.WatchUntil, func() error { return h.count(o.ID, row, true) })
	h.release()
	return nil
}

// removeItem takes the item of an order of unknown outcome out of the cart. If CoCalc shows no purchase for as long
// again, nothing was bought.
func (h *history) removeItem(o purchase.Order) error {
	until := h.now.Add(h.Timing.Settle)
	err := h.change(o.ID, func(o *purchase.Order) {
		o.Unresolved.Removed, o.Unresolved.RemovedThere, o.Unresolved.Until = h.now, h.now, until
		o.Rev++
	})
	if err != nil {
		return err
	}
	h.agenda.add(until, func() error {
		f := purchase.NewFailure(purchase.FailSettled, "seconds", purchase.ArgSeconds(h.now.Sub(o.CheckoutSent)))
		f.Causes = []purchase.Cause{o.Unresolved.Cause}
		return h.fail(o, f)
	})
	return nil
}
