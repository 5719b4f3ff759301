package purchase

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Approval is what one approver said about an order.
type Approval struct {
	By     Person    `json:"by"`
	At     time.Time `json:"at"`
	Denied bool      `json:"denied,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// ApprovalsNeeded is how many people have to agree to an order that needs an approval: at least 1.
func (d *Desk) ApprovalsNeeded() int { return d.policy.Approvals }

// Asks reports whether an order that is reserved now needs approval.
func (d *Desk) Asks(ctx context.Context, o Order) (asks bool, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		asks, err = d.asks(r, o)
		return err
	})
	return asks, err
}

// asks is Asks in a transaction.
func (d *Desk) asks(r Reader, o Order) (bool, error) {
	auto, err := d.autoToday(r, o.Requester)
	return d.policy.asks(o, auto), err
}

// autoToday returns what a person got without approval today.
func (d *Desk) autoToday(r Reader, who Person) (Cents, error) {
	now := d.now()
	month, err := r.Budget(d.policy.Month(now))
	if err != nil {
		return 0, err
	}
	share, err := shareOf(r, month, who)
	return share.Auto[d.policy.day(now)], err
}

// IsBuyer reports whether a person may buy, wherever and whenever that is allowed.
func (d *Desk) IsBuyer(who Person) bool { return d.policy.mayBuy(who) == nil }

// IsApprover reports whether a person may decide on other people's orders.
func (d *Desk) IsApprover(who Person) bool {
	return outsider(who) == nil && listedIn(d.policy.Approvers, who)
}

// mayAsk refuses an order that needs approval and can't get one. Approvers read why it is wanted, so it needs a reason.
func (d *Desk) mayAsk(o Order, asks bool) *Refusal {
	switch {
	case !asks:
		return nil
	case strings.TrimSpace(o.Reason) == "":
		return refuse(NoReason, "doing", "approval")
	case d.approvalsChannel == "":
		return refuse(NobodyToAsk, "lacks", "channel")
	case !d.policy.enough(o.Requester):
		return refuse(NobodyToAsk, "lacks", "approvers", "approvals", strconv.Itoa(d.policy.Approvals))
	}
	return nil
}

// enough reports whether there may be enough approvers beside the requester. Who is in a user group is not looked at.
func (p Policy) enough(requester Person) bool {
	n := 0
	for id, listed := range p.Approvers {
		if listed && strings.HasPrefix(id, "S") {
			return true
		}
		if listed && id != requester.ID && id != requester.Org {
			n++
		}
	}
	return n >= p.Approvals
}

// Approve is an approver's yes to an order at the price on its card. Once enough people agreed, the order is bought.
// A *Refusal says why not; a late one says who decided, and when.
func (d *Desk) Approve(ctx context.Context, id OrderID, click Click) (Order, error) {
	if d.stopping.Load() {
		return Order{}, errStopping()
	}
	requester, approvers := d.asNow(ctx, id)
	order, err := d.decide(ctx, id, click, toApprove, func(w Writer, o *Order) (*Refusal, error) {
		if no := d.mayDecide(*o, click); no != nil {
			return no, nil
		}
		counts, gone, silent := d.stillAgree(*o, approvers)
		twice := slices.ContainsFunc(counts, func(a Approval) bool { return a.By.Is(click.Who) })
		need := d.policy.Approvals
		if twice && len(counts) < need { // otherwise fewer are needed than when they agreed: their second yes is the last one
			return refuse(AlreadyDone, "doing", "approve", "needs", strconv.Itoa(need-len(counts))), nil
		}
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if no := d.closed(account); no != nil {
			return no, nil
		}
		now := d.now()
		if !twice {
			counts = append(counts, Approval{By: click.Who, At: now})
		}
		last := len(counts) >= need
		if last && silent != nil {
			return silent, nil
		}
		if last && d.unsure(requester) {
			return refuse(Outsider, "unknown", "requester"), nil
		}
		for _, p := range gone {
			if err := w.AppendEvent(Event{
				Time: now, Kind: "agreement-void", Order: o.ID, By: BotName, Place: click.At.Channel, Amount: o.Price,
				Note: fmt.Sprintf("the approval of %s no longer counts: they are no longer an approver", p.ID),
			}); err != nil {
				return nil, err
			}
		}
		o.Approvals = counts
		if err := w.AppendEvent(Event{
			Time: now, Kind: "agreed", Order: o.ID, By: click.Who.ID, Place: click.At.Channel,
			Amount: o.Price,
		}); err != nil {
			return nil, err
		}
		if !last {
			o.Rev++
			o.Updated = now
			return nil, w.PutOrder(*o)
		}
		return nil, d.approved(w, o, requester, click)
	})
	if err == nil {
		nudge(d.wake)
		if order.offers() { // its offer has a deadline
			nudge(d.proposed)
		}
	}
	return order, err
}

// approved promises an order for good, or ends it when it may not be bought any more: rights, limits and prices count
// as they are at this moment.
func (d *Desk) approved(w Writer, o *Order, requester Person, last Click) error {
	if quote, err := d.Quote(o.Spec); err == nil && quote.Total > o.Price {
		f := failed(FailPriceMoved, "was", cents(o.Price), "now", cents(quote.Total), "waited", flag(true))
		f.NewPrice = quote.Total
		return d.apply(w, o, OrderEvent{Kind: Fail, By: BotName, Note: string(FailPriceMoved), Failure: f})
	}
	budget, err := w.Budget(o.Month)
	if err != nil {
		return err
	}
	no := d.policy.mayBuy(requester)
	if no == nil {
		no = d.policy.here(o.Place)
	}
	share, err := shareOf(w, budget, o.Requester)
	if err != nil {
		return err
	}
	if no == nil {
		no = d.policy.allows(wish{share: share, spec: o.Spec, price: o.Price, now: o.Confirmed, promised: true}, budget)
	}
	if no != nil {
		return d.apply(w, o, OrderEvent{Kind: Fail, By: BotName, Note: string(no.Code), Failure: failure(FailPolicy, no)})
	}
	return d.apply(w, o, OrderEvent{Kind: Approve, By: last.Who.ID, Place: last.At.Channel})
}

// Deny is an approver's no, with its reason. One is enough.
func (d *Desk) Deny(ctx context.Context, id OrderID, click Click, reason string) (Order, error) {
	reason = strings.TrimSpace(reason)
	return d.decide(ctx, id, click, toDeny, func(w Writer, o *Order) (*Refusal, error) {
		if no := d.mayDecide(*o, click); no != nil {
			return no, nil
		}
		if reason == "" {
			return refuse(NoReason, "doing", "deny"), nil
		}
		return nil, d.apply(w, o, OrderEvent{
			Kind: Deny, By: click.Who.ID, Place: click.At.Channel, Note: reason,
			Denial: &Approval{By: click.Who, At: d.now(), Denied: true, Reason: reason},
		})
	})
}

// unsure reports whether a requester cannot be checked now, since Slack does not answer. That is no reason to end their
// order.
func (d *Desk) unsure(requester Person) bool {
	return requester.Standing == Unverified || requester.Standing == Member && !d.policy.Everyone &&
		!listedIn(d.policy.Buyers, requester) && untold(d.policy.Buyers, requester) != nil
}

// Decidable reads an order that the person may decide on now, before they are asked for a reason. A *Refusal says why
// not.
func (d *Desk) Decidable(ctx context.Context, id OrderID, click Click) (Order, error) {
	order, err := d.Order(ctx, id)
	if errors.Is(err, ErrNoOrder) {
		return order, d.refused(ctx, noSuchOrder(), id, click.Who, click.At)
	}
	if err != nil {
		return order, err
	}
	return order, d.unless(ctx, id, click, outsider(click.Who), elsewhere(order, click), d.mayDecide(order, click))
}

// mayDecide refuses people who may not decide on the order, and decisions that come too late.
func (d *Desk) mayDecide(o Order, click Click) *Refusal {
	if no := d.policy.mayApprove(o, click.Who); no != nil {
		return no
	}
	if o.State != AwaitingApproval || !d.now().Before(o.ApproveBy) {
		return decidedBefore(o)
	}
	return staleCard(o, click)
}

// decidedBefore tells a late approver who decided, and when; or, without a decision, the order's outcome.
func decidedBefore(o Order) *Refusal {
	c := because(TooLate, "doing", "decide", "state", string(o.State))
	switch o.State {
	case Cancelled:
		c = c.With("requester", o.Requester.ID).With("requester-name", o.Requester.called()).With("at", stamp(o.Updated))
	case Expired, AwaitingApproval: // the deadline has passed and was not handled yet
		c = c.With("at", stamp(o.ApproveBy))
	default: // the decision, if any, says it
	}
	if n := len(o.Approvals); n > 0 {
		last := o.Approvals[n-1]
		decision := "approved"
		if last.Denied {
			decision = "denied"
		}
		c = c.With("decision", decision).With("by", last.By.ID).With("name", last.By.called()).With("decided", stamp(last.At))
	}
	return &Refusal{Cause: c}
}

// Unaskable ends an order whose approvers cannot be asked: their channel does not let the bot in. problem is Slack's
// word for it. Nothing is spent.
func (d *Desk) Unaskable(ctx context.Context, id OrderID, problem string) error {
	_, err := d.change(ctx, id, func(w Writer, o *Order) error {
		if o.State != AwaitingApproval {
			return nil
		}
		return d.apply(w, o, OrderEvent{
			Kind: Fail, By: BotName, Note: problem,
			Failure: failure(FailNobodyAsked, refuse(NobodyToAsk, "lacks", "access", "problem", problem)),
		})
	})
	return err
}
