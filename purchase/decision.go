package purchase

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"licensebot/cocalc"
)

// Click is a person's press of a button on an order.
type Click struct {
	Who Person
	At  Place
	// Card reaches the message that holds the button. Kept with the order when the requester clicked: it is where
	// they see what happens next.
	Card Message
	// On is the timestamp of the message that holds the button, if others can see the message.
	On string
	// Typed: the decision came as a command, which may be typed anywhere. A button belongs to the place of its card.
	Typed bool
	// Reason is why the person wants it, where the order has no reason yet and one is needed.
	Reason string
}

// attach keeps the card with the order, if the click was the requester's, and has it shown anew.
func (o *Order) attach(c Click) bool {
	if c.Card.ResponseURL == "" || o.ReplacedBy != "" || mayWithdraw(*o, c.Who) != nil {
		return false // the card of an order that was replaced is its successor's by now
	}
	c.Card.Kind, c.Card.Shown = MessageCard, 0
	if m := o.Message(MessageCard); m != nil {
		*m = c.Card
	} else {
		o.Messages = append(o.Messages, c.Card)
	}
	return true
}

// successor shows the order that has taken over o's card, if there is one, where that card was clicked.
func successor(w Writer, o Order, c Click) error {
	if o.ReplacedBy == "" {
		return nil
	}
	for o.ReplacedBy != "" {
		next, err := w.Order(o.ReplacedBy)
		if err != nil {
			return err
		}
		o = next
	}
	if !o.attach(c) {
		return nil
	}
	return w.PutOrder(o)
}

// Confirm is the requester's yes to the price on the card. When it returns nil the promise is durable: the order
// will be bought at most once and at most at that price, also if the program dies now. A *Refusal says why not.
// A second yes is refused as AlreadyDone, with the order as it stands.
func (d *Desk) Confirm(ctx context.Context, id OrderID, click Click) (Order, error) {
	if d.stopping.Load() {
		return Order{}, errStopping()
	}
	if no := d.full(ctx); no != nil {
		return Order{}, no
	}
	order, err := d.decide(ctx, id, click, toConfirm, func(w Writer, o *Order) (*Refusal, error) {
		shown := o.attach(click)
		if o.Reason == "" && onlyRequester(*o, click.Who) == nil {
			o.Reason = strings.TrimSpace(click.Reason)
		}
		no, err := d.confirm(w, o, click.Who)
		if err != nil || no == nil {
			return no, err
		}
		if shown {
			return no, w.PutOrder(*o)
		}
		return no, successor(w, *o, click)
	})
	if err == nil {
		nudge(d.wake)
		nudge(d.proposed) // one that waits for an approval has another deadline than its card had
	}
	return order, uncharged(order, err)
}

// decision is a kind of decision on an order.
type decision struct {
	doing string // for errors: "cancel"
	buys  bool   // it can lead to a purchase
	// mayDecide refuses people who may not decide at all, whatever the order.
	mayDecide func(Person) *Refusal
}

// The decisions on orders.
var (
	toConfirm         = decision{"confirm", true, outsider}
	toConfirmNewPrice = decision{"confirm the new price of", true, outsider}
	toApprove         = decision{"approve", true, outsider}
	toDeny            = decision{"deny", false, outsider}
	toCancel          = decision{"cancel", false, foreigner}
	toSettle          = decision{"settle", false, outsider}
)

// decide runs a person's decision on an order in one transaction, and records a refusal. carryOut may put another order
// in the place of the one it gets: the one that shows what became of the click.
func (d *Desk) decide(
	ctx context.Context, id OrderID, click Click, kind decision, carryOut func(Writer, *Order) (*Refusal, error),
) (Order, error) {
	if kind.buys && d.away(ctx) {
		return Order{}, d.policy.errAway()
	}
	var order Order
	var no *Refusal
	var recorded recording
	doubt := Doubt{Began: d.now(), Run: d.bornAt, Who: click.Who.ID, Order: id, Typed: click.Typed, Buys: kind.buys}
	defer d.underWay.begin(doubt)()
	err := d.ledger.Update(ctx, func(w Writer) (err error) {
		no = nil
		if order, err = w.Order(id); errors.Is(err, ErrNoOrder) {
			no, err = noSuchOrder(), nil
		} else if err == nil {
			if no = kind.mayDecide(click.Who); no == nil {
				no = elsewhere(order, click)
			}
			if no == nil {
				no, err = carryOut(w, &order)
			}
		}
		if no == nil || err != nil {
			return err
		}
		return d.recordRefusal(w, &recorded, no, id, click.Who, click.At)
	})
	if err != nil {
		doubt.Became = order.ID
		return Order{}, d.doubted(fmt.Errorf("%s order %s: %w", kind.doing, id, err), doubt)
	}
	d.changed(order.ID) // after a refusal too: the click has brought a newer card
	if no != nil {
		return order, d.forReader(no, click.Who)
	}
	return order, nil
}

// confirm promises the money of a proposal, inside the transaction.
func (d *Desk) confirm(w Writer, order *Order, who Person) (*Refusal, error) {
	if no, err := d.mayConfirm(w, order, who); no != nil || err != nil {
		return no, err
	}
	asks, err := d.asks(w, *order)
	if err != nil {
		return nil, err
	}
	if no := d.mayAsk(*order, asks); no != nil {
		return no, nil
	}
	now := d.now()
	promise := Promise{At: now, Month: d.policy.Month(now), Day: d.policy.day(now)}
	if asks {
		return nil, d.apply(w, order, OrderEvent{
			Kind: RequestApproval, By: who.ID, Note: order.Reason, Promise: &promise,
			ApproveBy: now.Add(d.timing.Approval), RemindAt: now.Add(d.timing.Approval / 2), Channel: d.approvalsChannel,
		})
	}
	promise.Auto = len(d.policy.Approvers) > 0
	return nil, d.apply(w, order, OrderEvent{Kind: Confirm, By: who.ID, Promise: &promise})
}

// mayConfirm checks everything that can stand against promising the money of a proposal.
func (d *Desk) mayConfirm(w Writer, order *Order, who Person) (*Refusal, error) {
	now := d.now()
	if no := onlyRequester(*order, who); no != nil {
		return no, nil
	}
	if order.State != Proposed {
		return d.unlessNotSold(*order, alreadyDecided(*order)), nil
	}
	if !now.Before(order.Expires) {
		return d.unlessNotSold(*order, cardExpired(*order)), nil
	}
	if no := d.policy.mayBuy(who); no != nil {
		return no, nil
	}
	if no := d.policy.here(order.Place); no != nil {
		return no, nil
	}
	account, err := w.Account()
	if err != nil {
		return nil, err
	}
	if no := d.closed(account); no != nil {
		return no, nil
	}
	budget, err := w.Budget(d.policy.Month(now))
	if err != nil {
		return nil, err
	}
	share, err := shareOf(w, budget, who)
	if err != nil {
		return nil, err
	}
	return d.policy.allows(wish{share: share, spec: order.Spec, price: order.Price, now: now}, budget), nil
}

// ConfirmNewPrice is the requester's yes to the new price of an order that failed because the price had moved. It
// makes a new order and promises it, once per failed order.
func (d *Desk) ConfirmNewPrice(ctx context.Context, failed OrderID, click Click) (Order, error) {
	if d.stopping.Load() {
		return Order{}, errStopping()
	}
	if no := d.full(ctx); no != nil {
		return Order{}, no
	}
	id := d.newID()
	order, err := d.decide(ctx, failed, click, toConfirmNewPrice, func(w Writer, o *Order) (*Refusal, error) {
		old := *o
		if no := onlyRequester(old, click.Who); no != nil {
			return no, nil
		}
		if old.ReplacedBy != "" {
			var err error
			if *o, err = w.Order(old.ReplacedBy); err != nil {
				return nil, err
			}
			return alreadyDecided(*o), nil
		}
		if old.State != Failed || old.Failure == nil || old.Failure.Code != FailPriceMoved {
			return d.unlessNotSold(old, alreadyDecided(old)), nil
		}
		if !old.Offers(d.now()) {
			if o.attach(click) { // with a card that no longer offers it
				return d.unlessNotSold(old, offerExpired(old)), w.PutOrder(*o)
			}
			return d.unlessNotSold(old, offerExpired(old)), nil
		}
		*o = d.atNewPrice(old, id)
		if o.Reason == "" {
			o.Reason = strings.TrimSpace(click.Reason)
		}
		o.attach(click)
		no, err := d.mayConfirm(w, o, click.Who)
		if no == nil && err == nil {
			var asks bool
			if asks, err = d.asks(w, *o); err == nil {
				no = d.mayAsk(*o, asks)
			}
		}
		if no != nil {
			*o = old
		}
		if no != nil || err != nil {
			return no, err
		}
		if err := w.AppendEvent(proposed(*o, "at the new price, replacing "+string(old.ID))); err != nil {
			return nil, err
		}
		if no, err := d.confirm(w, o, click.Who); no != nil || err != nil {
			return no, err
		}
		old.ReplacedBy, old.Updated = id, o.Updated
		// the rest goes on with the new order
		old.Messages = slices.DeleteFunc(old.Messages, func(m Message) bool { return m.Kind != MessageAsk })
		return nil, w.PutOrder(old)
	})
	if err == nil {
		nudge(d.wake)
		nudge(d.proposed) // one that waits for an approval has another deadline than its card had
	}
	return order, uncharged(order, err)
}

// proposed is the audit record of a new order.
func proposed(o Order, note string) Event {
	return Event{
		Time: o.Created, Kind: string(Proposed), Order: o.ID, By: o.Requester.ID, Place: o.Place.Channel,
		Amount: o.Price, Note: note,
	}
}

// atNewPrice is the order that follows one that failed because its price had moved.
func (d *Desk) atNewPrice(old Order, id OrderID) Order {
	now := d.now()
	o := Order{
		ID: id, Rev: 1, State: Proposed, Requester: old.Requester, Place: old.Place, Spec: old.Spec,
		Project: old.Project, Reason: old.Reason, Price: old.Failure.NewPrice, Created: now, Updated: now,
		Expires: now.Add(d.timing.Proposal),
	}
	if old.Spec.Period != cocalc.PeriodRange {
		o.Renews = o.Price
	}
	if quote, err := d.Quote(o.Spec); err == nil {
		o.Saves = quote.Saves
	}
	return o
}

// Cancel takes an order back, as long as nothing of it was sent to CoCalc. It works while Slack doesn't say who the
// requester is: it spends nothing, and an order that can't be cancelled would be bought.
func (d *Desk) Cancel(ctx context.Context, id OrderID, click Click) (Order, error) {
	return d.decide(ctx, id, click, toCancel, func(w Writer, o *Order) (*Refusal, error) {
		if no := mayWithdraw(*o, click.Who); no != nil {
			return no, nil
		}
		shown := o.attach(click)
		if o.State.CanBecome(Cancelled) {
			return nil, d.apply(w, o, OrderEvent{Kind: Withdraw, By: click.Who.ID, Place: click.At.Channel})
		}
		no := d.tooLateTo("cancel", *o)
		if shown {
			return no, w.PutOrder(*o)
		}
		return no, successor(w, *o, click)
	})
}

// Asked reads an order for a click of its requester that decides nothing by itself: to see its card anew, to ask for
// the same again. A *Refusal says why not.
func (d *Desk) Asked(ctx context.Context, id OrderID, click Click) (Order, error) {
	order, err := d.Order(ctx, id)
	if errors.Is(err, ErrNoOrder) {
		return order, d.refused(ctx, noSuchOrder(), id, click.Who, click.At)
	}
	if err != nil {
		return order, err
	}
	return order, d.unless(ctx, id, click, elsewhere(order, click), onlyRequester(order, click.Who))
}

// Editable reads a proposal that the person may still change. A *Refusal says why not.
func (d *Desk) Editable(ctx context.Context, id OrderID, click Click) (Order, error) {
	order, err := d.Asked(ctx, id, click)
	if err != nil {
		return order, err
	}
	var late *Refusal
	if order.State != Proposed {
		late = d.tooLateTo("change", order)
	}
	return order, d.unless(ctx, id, click, outsider(click.Who), late)
}

// unless records the first refusal that there is and returns it; nil when there is none.
func (d *Desk) unless(ctx context.Context, id OrderID, click Click, refusals ...*Refusal) error {
	for _, no := range refusals {
		if no != nil {
			return d.refused(ctx, no, id, click.Who, click.At)
		}
	}
	return nil
}
