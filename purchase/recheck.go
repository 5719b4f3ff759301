package purchase

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// What was promised is looked at once more before anything is spent for it: an order can wait for hours, in which
// people leave, and lists and limits change.

// promiseKept is for how long a right that was checked when the money was promised counts where Slack does not tell it
// anew.
const promiseKept = time.Hour

// notAnyMore ends an order that waited for its turn and may not be bought any more, or has it wait. stop is false when
// it may be bought.
func (b *buyer) notAnyMore(ctx context.Context, o Order) (stop bool, pause time.Duration, err error) {
	who := b.lookUp(ctx, o.Requester)
	var no *Refusal
	switch {
	case !b.unsure(who):
		no = b.policy.mayBuy(who)
	case b.isFresh(o): // the requester was checked a moment ago
	default:
		since := b.now()
		if o.Wait.cause().Code == WaitsForSlack {
			since = o.Wait.Troubled
		}
		if b.remains(o.ID, b.patience("slack", since)) > 0 {
			pause, err = b.waitFor(ctx, o, Wait{Cause: Cause{Code: WaitsForSlack}, Troubled: since}, b.pause(o.ID))
			return true, pause, err
		}
		no = refuse(Outsider, "unknown", "buyer")
	}
	if no == nil {
		if no, err = b.stillAllowed(ctx, o); err != nil {
			return true, 0, err
		}
	}
	if no == nil {
		return false, 0, nil
	}
	return true, 0, b.fail(ctx, o, *failure(FailPolicy, no))
}

// stillAllowed checks the rules as they are now: one that changed while an order waited applies to it.
func (b *buyer) stillAllowed(ctx context.Context, o Order) (no *Refusal, err error) {
	err = b.ledger.View(ctx, func(r Reader) error {
		month, err := r.Budget(o.Month)
		if err != nil {
			return err
		}
		share, err := shareOf(r, month, o.Requester)
		if err != nil {
			return err
		}
		if no = b.policy.here(o.Place); no == nil {
			no = b.policy.allows(wish{share: share, spec: o.Spec, price: o.Price, now: o.Confirmed, promised: true}, month)
		}
		if no == nil {
			no = b.policy.agreed(o, share)
		}
		return nil
	})
	return no, err
}

// agreed refuses an order that has fewer approvals than it needs by now. share is its requester's part of the month.
func (p Policy) agreed(o Order, share Share) *Refusal {
	auto := share.Auto[o.Day]
	if o.Auto {
		auto -= o.Price
	}
	n := 0
	for _, a := range o.Approvals {
		if !a.Denied {
			n++
		}
	}
	if !p.asks(o, auto) || n >= p.Approvals {
		return nil
	}
	return refuse(NotAgreed, "needs", strconv.Itoa(p.Approvals), "has", strconv.Itoa(n))
}

// promisedAt is when the last right was checked on which the order rests.
func (o *Order) promisedAt() time.Time {
	at := o.Confirmed
	for _, a := range o.Approvals {
		if a.At.After(at) {
			at = a.At
		}
	}
	return at
}

// isFresh reports whether the rights behind the order were checked a moment ago. A time in the future comes from a
// clock that was ahead, and proves nothing.
func (d *Desk) isFresh(o Order) bool {
	age := d.now().Sub(o.promisedAt())
	return age >= 0 && age < promiseKept
}

// asNow looks up who asked for an order, and who agreed to it so far, as Slack knows them now: they may have left a
// group, or the workspace, since.
func (d *Desk) asNow(ctx context.Context, id OrderID) (requester Person, approvers map[string]Person) {
	o, err := d.Order(ctx, id)
	if err != nil {
		return Person{Standing: Unverified}, nil
	}
	found := make([]Person, len(o.Approvals))
	var asking sync.WaitGroup
	for i, a := range o.Approvals {
		asking.Go(func() { found[i] = d.lookUp(ctx, a.By) })
	}
	requester = d.lookUp(ctx, o.Requester)
	asking.Wait()
	approvers = map[string]Person{}
	for _, p := range found {
		approvers[p.ID] = p
	}
	return requester, approvers
}

// stillAgree sorts what approvers said of an order so far: what counts still, and of whom it does not, since they are
// no approvers any more. now is who they are by now; who is not in it has agreed only now. A *Refusal says that Slack
// does not tell of one of them.
func (d *Desk) stillAgree(o Order, now map[string]Person) (counts []Approval, gone []Person, no *Refusal) {
	for _, a := range o.Approvals {
		who, asked := now[a.By.ID]
		if !asked {
			counts = append(counts, a)
			continue
		}
		switch {
		case who.Standing == Unverified, who.Standing == Member && !listedIn(d.policy.Approvers, who) &&
			untold(d.policy.Approvers, who) != nil:
			counts = append(counts, a)
			no = refuse(Outsider, "unknown", "approver", "by", a.By.ID, "name", a.By.called())
		case d.policy.mayApprove(o, who) != nil:
			gone = append(gone, a.By)
		default:
			counts = append(counts, a)
		}
	}
	return counts, gone, no
}
