package purchase

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// asks is Asks in a transaction. It counts what the requester got without approval today.
func (d *Desk) asks(r Reader, o Order) (bool, error) {
	now := d.now()
	month, err := r.Budget(d.policy.Month(now))
	if err != nil {
		return false, err
	}
	share, err := shareOf(r, month, o.Requester)
	return d.policy.asks(o, share.Auto[d.policy.day(now)]), err
}

// IsBuyer reports whether a person may buy, wherever and whenever that is allowed.
func (d *Desk) IsBuyer(who Person) bool { return d.policy.mayBuy(who) == nil }

// IsApprover reports whether a person may decide on other people's orders.
func (d *Desk) IsApprover(who Person) bool {
	return outsider(who) == nil && listedIn(d.policy.Approvers, who)
}

// mayAsk refuses an order about which somebody else has to be asked, and cannot be. They are told why it is wanted, so a
// reason is needed.
func (d *Desk) mayAsk(o Order, asks bool) *Refusal {
	switch {
	case !asks:
		return nil
	case strings.TrimSpace(o.Reason) == "":
		return &Refusal{Code: NoReason, Sentence: "Somebody else has to agree to this order, and they want to know what it is for. Nothing was bought yet; please say why you need it."}
	case d.approvalsChannel == "":
		return nobodyAsked("no channel is set for them")
	case !d.policy.enough(o.Requester):
		return &Refusal{Code: NobodyToAsk, Sentence: fmt.Sprintf("%s to this order, and beside you there are too few approvers. Nothing was bought. "+
			"Your admins can add some.", upper(haveToAgree(d.policy.Approvals)))}
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

// ask puts an order before the approvers, with its money reserved.
func (d *Desk) ask(w Writer, o *Order, who Person) (*Refusal, error) {
	now := d.now()
	o.Approvals = nil
	o.ApproveBy, o.RemindAt = now.Add(d.timing.Approval), now.Add(d.timing.Approval/2)
	o.Messages = append(o.Messages, Message{Kind: MessageAsk, Channel: d.approvalsChannel})
	return nil, d.move(w, o, AwaitingApproval, who.ID, o.Reason)
}

// channelShut says why the bot could not post in the approvers' channel. problem is Slack's word for it.
func channelShut(problem string) string {
	switch problem {
	case "not_in_channel", "channel_not_found":
		return "I am not in their channel, and somebody there has to type `/invite @licensebot` (Slack says " + problem + ")"
	}
	return "Slack does not let me post in their channel (it says " + problem + ")"
}

func nobodyAsked(why string) *Refusal {
	return &Refusal{Code: NobodyToAsk, Sentence: fmt.Sprintf("This needs an approval, and the approvers could not be asked: %s. Nothing was bought. "+
		"Please tell your admins, then ask again.", why)}
}

// Approve is an approver's yes to an order at the price on its card. Once enough people agreed, the order is bought.
// A *Refusal says why not; a late one says who decided, and when.
func (d *Desk) Approve(ctx context.Context, id OrderID, click Click) (Order, error) {
	if d.stopping.Load() {
		return Order{}, errStopping()
	}
	requester, approvers := d.asNow(ctx, id)
	order, err := d.decide(ctx, id, click, "approve", true, func(w Writer, o *Order) (*Refusal, error) {
		if no := d.mayDecide(*o, click); no != nil {
			return no, nil
		}
		counts, gone, silent := d.stillAgree(*o, approvers)
		twice := slices.ContainsFunc(counts, func(a Approval) bool { return a.By.Is(click.Who) })
		need := d.policy.Approvals
		if twice && len(counts) < need { // otherwise fewer are needed than when they agreed: their second yes is the last one
			return &Refusal{Code: AlreadyDone, Sentence: fmt.Sprintf("You have already agreed to this order. %s Nothing was bought by your click.", d.stillNeeded(len(counts)))}, nil
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
			return &Refusal{Code: Outsider, Sentence: "Slack did not tell me whether the requester may still buy, so your yes does not count yet, and nothing was bought. Please click again in a minute."}, nil
		}
		for _, p := range gone {
			if err := w.AppendEvent(Event{Time: now, Kind: "agreement-void", Order: o.ID, By: botName, Place: click.At.Channel, Amount: o.Price,
				Note: fmt.Sprintf("the yes of %s does not count any more: they are no approver now", p.ID)}); err != nil {
				return nil, err
			}
		}
		o.Approvals = counts
		if err := w.AppendEvent(Event{Time: now, Kind: "agreed", Order: o.ID, By: click.Who.ID, Place: click.At.Channel, Amount: o.Price}); err != nil {
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
		o.Failure = failure(FailPriceMoved, fmt.Sprintf("CoCalc's price went up to %s while the order waited; %s was agreed to. Nothing was bought.", quote.Total, o.Price))
		o.Failure.NewPrice = quote.Total
		return d.move(w, o, Failed, botName, string(FailPriceMoved))
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
		no = d.policy.allows(wish{share, o.Spec, o.Price, o.Confirmed, true}, budget)
	}
	if no != nil {
		o.Failure = failure(FailPolicy, no.Sentence)
		return d.move(w, o, Failed, botName, string(no.Code))
	}
	return d.moveFrom(w, o, Approved, last.Who.ID, last.At.Channel, "")
}

// Deny is an approver's no, with its reason. One is enough.
func (d *Desk) Deny(ctx context.Context, id OrderID, click Click, reason string) (Order, error) {
	reason = strings.TrimSpace(reason)
	return d.decide(ctx, id, click, "deny", false, func(w Writer, o *Order) (*Refusal, error) {
		if no := d.mayDecide(*o, click); no != nil {
			return no, nil
		}
		if reason == "" {
			return &Refusal{Code: NoReason, Sentence: "Please say why, so that the requester knows. Nothing was changed, and nothing was bought."}, nil
		}
		o.Approvals = append(o.Approvals, Approval{By: click.Who, At: d.now(), Denied: true, Reason: reason})
		return nil, d.moveFrom(w, o, Denied, click.Who.ID, click.At.Channel, reason)
	})
}

// unsure reports whether a requester cannot be checked now, since Slack does not answer. That is no reason to end their order.
func (d *Desk) unsure(requester Person) bool {
	return requester.Standing == Unverified || requester.Standing == Member && !d.policy.Everyone && !listedIn(d.policy.Buyers, requester) && untold(d.policy.Buyers, requester) != nil
}

// Decidable reads an order that the person may decide on now, before they are asked for a reason. A *Refusal says why not.
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

// mayDecide refuses whoever may not decide on the order, and decisions that come too late.
func (d *Desk) mayDecide(o Order, click Click) *Refusal {
	if no := d.policy.mayApprove(o, click.Who); no != nil {
		return no
	}
	if o.State != AwaitingApproval || !d.now().Before(o.ApproveBy) {
		return d.policy.decidedBefore(o)
	}
	return staleCard(o, click)
}

// decidedBefore tells a late approver who decided, and when; or, where nobody did, what became of the order.
func (p Policy) decidedBefore(o Order) *Refusal {
	lead, became := "This order was decided already", standing(o.State)
	switch o.State {
	case Cancelled:
		lead, became = "This order can no longer be decided on", fmt.Sprintf("%s withdrew it on %s", o.Requester.called(), p.moment(o.Updated))
	case Expired, AwaitingApproval: // nobody has looked at the clock yet
		lead, became = "This order can no longer be decided on", "it expired on "+p.moment(o.ApproveBy)
	}
	if n := len(o.Approvals); n > 0 {
		last, did := o.Approvals[n-1], "agreed"
		if last.Denied {
			did = "denied it"
		}
		became = fmt.Sprintf("%s %s on %s, and %s", last.By.called(), did, p.moment(last.At), became)
	} else if o.State == Failed {
		lead = "This order can no longer be decided on"
	}
	return &Refusal{Code: TooLate, Sentence: fmt.Sprintf("%s: %s. Nothing was bought by your click.", lead, became)}
}

// standing says in words where an order is: "it is being bought".
func standing(s State) string {
	switch s {
	case Proposed:
		return "its requester has not said yes yet"
	case AwaitingApproval:
		return "it waits for an approval"
	case Approved:
		return "it waits for its turn to be bought"
	case Adding, Carted, Paying:
		return "it is being bought"
	case Unknown:
		return "it is not clear yet whether CoCalc sold it"
	case Purchased:
		return "it was bought"
	case Cancelled:
		return "it was cancelled"
	case Expired:
		return "it has expired"
	}
	return "it was not bought"
}

// stillNeeded says how many more people have to agree than did so far.
func (d *Desk) stillNeeded(agreed int) string {
	switch n := d.policy.Approvals - agreed; {
	case n <= 0:
		return "It needs nobody else."
	case n == 1:
		return "One more person has to."
	default:
		return fmt.Sprintf("%d more people have to.", n)
	}
}

// Unaskable ends an order whose approvers cannot be asked: their channel does not let the bot in. problem is Slack's word
// for it. Nothing is spent.
func (d *Desk) Unaskable(ctx context.Context, id OrderID, problem string) error {
	_, err := d.change(ctx, id, func(w Writer, o *Order) error {
		if o.State != AwaitingApproval {
			return nil
		}
		o.Failure = failure(FailNobodyAsked, nobodyAsked(channelShut(problem)).Sentence)
		return d.move(w, o, Failed, botName, problem)
	})
	return err
}
