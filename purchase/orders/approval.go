package orders

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// approve adds an approval to an order. The last required one approves the order, which is then bought.
func (svc *Service) approve(ctx context.Context, action purchase.Action, id purchase.OrderID) (purchase.Order, error) {
	if svc.reg.Stopping.Load() {
		return purchase.Order{}, svc.refuseAtEnd(id, action, toApprove)
	}
	requester, approvers := svc.reg.Refresh(ctx, id)
	order, err := svc.transact(ctx, id, action, toApprove, func(w purchase.Writer, o *purchase.Order) (
		*purchase.Refusal, error,
	) {
		if no := svc.checkApprover(*o, action); no != nil {
			return no, nil
		}
		counts, gone, silent := svc.reg.StillAgree(*o, approvers)
		twice := slices.ContainsFunc(counts, func(a purchase.Approval) bool { return a.By.Is(action.Actor) })
		need := svc.policy.Approvals
		// otherwise fewer are needed than when they approved, and their second click is the last approval
		if twice && len(counts) < need {
			return purchase.NewRefusal(purchase.AlreadyDone, "doing", "approve", "needs", strconv.Itoa(need-len(counts))), nil
		}
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if no := svc.reg.RefuseClosed(account); no != nil {
			return no, nil
		}
		now := svc.now()
		if !twice {
			counts = append(counts, purchase.Approval{By: action.Actor, At: now})
		}
		last := len(counts) >= need
		if last && silent != nil {
			return silent, nil
		}
		if last && svc.reg.HasUnknownGroups(requester) {
			return purchase.NewRefusal(purchase.Outsider, "unknown", "requester"), nil
		}
		for _, p := range gone {
			if err := w.AppendEvent(purchase.Event{
				Time: now, Kind: "agreement-void", Order: o.ID, By: purchase.BotName, Place: action.Channel.ID, Amount: o.Price,
				Note: fmt.Sprintf("the approval of %s no longer counts: they are no longer an approver", p.ID),
			}); err != nil {
				return nil, err
			}
		}
		o.Approvals = counts
		if err := w.AppendEvent(purchase.Event{
			Time: now, Kind: "agreed", Order: o.ID, By: action.Actor.ID, Place: action.Channel.ID,
			Amount: o.Price,
		}); err != nil {
			return nil, err
		}
		if !last {
			o.Rev++
			o.Updated = now
			return nil, w.PutOrder(*o)
		}
		return nil, svc.reserveApproved(w, o, requester, action)
	})
	if err == nil {
		register.Nudge(svc.reg.Wake)
		if order.HasOffer() { // its offer has a deadline
			register.Nudge(svc.reg.Proposed)
		}
	}
	return order, err
}

// reserveApproved moves an order to Approved, or ends it if current rights, limits or prices no longer allow it.
func (svc *Service) reserveApproved(w purchase.Writer, o *purchase.Order, requester purchase.Actor,
	last purchase.Action,
) error {
	if quote, err := purchase.PriceOf(o.Spec, svc.now()); err == nil && quote.Total > o.Price {
		f := purchase.NewFailure(purchase.FailPriceMoved, "was", purchase.ArgCents(o.Price), "now",
			purchase.ArgCents(quote.Total), "waited", purchase.ArgFlag(true))
		f.NewPrice = quote.Total
		return svc.reg.Apply(w, o, purchase.OrderEvent{
			Kind: purchase.Fail, By: purchase.BotName,
			Note: string(purchase.FailPriceMoved), Failure: f,
		})
	}
	budget, err := w.Budget(o.Month)
	if err != nil {
		return err
	}
	no := svc.policy.MayBuy(requester)
	if no == nil {
		no = svc.policy.CheckChannel(o.Channel)
	}
	account, err := w.Account()
	if err != nil {
		return err
	}
	if no == nil {
		budget = account.WithDue(budget)
		asked, err := svc.commitment(w, account, budget, *o, o.Confirmed)
		if err != nil {
			return err
		}
		asked.Reserved = true
		no = svc.policy.CheckLimits(asked, budget)
	}
	if no != nil {
		return svc.reg.Apply(w, o, purchase.OrderEvent{
			Kind: purchase.Fail, By: purchase.BotName, Note: string(no.Code),
			Failure: purchase.FailureOf(purchase.FailPolicy, no),
		})
	}
	return svc.reg.Apply(w, o, purchase.OrderEvent{Kind: purchase.Approve, By: last.Actor.ID, Place: last.Channel.ID})
}

// deny ends an order that waits for approval.
func (svc *Service) deny(ctx context.Context, action purchase.Action, id purchase.OrderID,
	reason string,
) (purchase.Order, error) {
	reason = strings.TrimSpace(reason)
	return svc.transact(ctx, id, action, toDeny, func(w purchase.Writer, o *purchase.Order) (*purchase.Refusal, error) {
		if no := svc.checkApprover(*o, action); no != nil {
			return no, nil
		}
		if reason == "" {
			return purchase.NewRefusal(purchase.NoReason, "doing", "deny"), nil
		}
		return nil, svc.reg.Apply(w, o, purchase.OrderEvent{
			Kind: purchase.Deny, By: action.Actor.ID, Place: action.Channel.ID, Note: reason,
			Denial: &purchase.Approval{By: action.Actor, At: svc.now(), Denied: true, Reason: reason},
		})
	})
}

// checkApprover refuses people who may not decide on the order, and decisions that come too late.
func (svc *Service) checkApprover(o purchase.Order, action purchase.Action) *purchase.Refusal {
	if no := svc.policy.MayApprove(o, action.Actor); no != nil {
		return no
	}
	if o.State != purchase.AwaitingApproval || !svc.now().Before(o.ApproveBy) {
		return refuseLateDecision(o)
	}
	return checkNewestCard(o, action)
}

// refuseLateDecision refuses a late approver: with who decided, and when; or, without a decision, with the outcome.
func refuseLateDecision(o purchase.Order) *purchase.Refusal {
	c := purchase.NewCause(purchase.TooLate, "doing", "decide", "state", string(o.State))
	switch o.State {
	case purchase.Cancelled:
		c = c.With("requester", o.Requester.ID).With("requester-name", o.Requester.DisplayName()).With("at",
			purchase.ArgTime(o.Updated))
	case purchase.Expired, purchase.AwaitingApproval: // the deadline has passed and was not handled yet
		c = c.With("at", purchase.ArgTime(o.ApproveBy))
	default: // the decision, if any, says it
	}
	if n := len(o.Approvals); n > 0 {
		last := o.Approvals[n-1]
		decision := "approved"
		if last.Denied {
			decision = "denied"
		}
		c = c.With("decision", decision).With("by", last.By.ID).With("name", last.By.DisplayName()).With("decided",
			purchase.ArgTime(last.At))
	}
	return &purchase.Refusal{Cause: c}
}

// failUnreachable ends an order whose approvers can't be asked. problem is Slack's error code. Nothing is spent.
func (svc *Service) failUnreachable(ctx context.Context, id purchase.OrderID,
	problem string,
) (purchase.Order, error) {
	return svc.reg.Change(ctx, id, func(w purchase.Writer, o *purchase.Order) error {
		if o.State != purchase.AwaitingApproval {
			return nil
		}
		return svc.reg.Apply(w, o, purchase.OrderEvent{
			Kind: purchase.Fail, By: purchase.BotName, Note: problem,
			Failure: purchase.FailureOf(purchase.FailNobodyAsked, purchase.NewRefusal(purchase.NobodyToAsk, "lacks", "access",
				"problem", problem)),
		})
	})
}
