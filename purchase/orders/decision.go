package orders

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// decisionRule is a kind of decision on an order.
type decisionRule struct {
	doing DecisionKind // for errors
	buys  bool         // it can lead to a purchase
	// checkActor refuses people who may not decide at all, whatever the order.
	checkActor func(purchase.Actor) *purchase.Refusal
}

// DecisionKind says what is decided.
type DecisionKind string

// What people decide about an order. Each kind names the fields of [Decision] that it reads, and what [Service.Decide]
// refuses besides people without the right.
const (
	// Confirm accepts the price on the card, as its requester: Reason, if the order has none. When Decide returns nil, the
	// reservation is durable: the order will be bought at most once and at most at that price, also if the program dies
	// now. A second click is refused as AlreadyDone, with the order as it is.
	Confirm DecisionKind = "confirm"
	// ConfirmNewPrice accepts, as its requester, the new price of an order that failed because the price had risen:
	// Reason, as of Confirm. It makes a new order and reserves its price, once per failed order. Decide returns the new
	// order.
	ConfirmNewPrice DecisionKind = "confirm the new price of"
	// Cancel withdraws an order, unless its purchase has begun at CoCalc. It works even while Slack can't confirm the
	// requester: it spends nothing, and an order that can't be cancelled would be bought.
	Cancel DecisionKind = "cancel"
	// Approve is an approval of an order at the price on its card. Once enough people approved, the order is bought.
	// A late one is refused with who decided, and when.
	Approve DecisionKind = "approve"
	// Deny is an approver's denial: Reason, which is required. One is enough.
	Deny DecisionKind = "deny"
	// Resolve ends an order whose outcome is unknown with an admin's verdict: Verdict, LicenseID, and Reason, which is
	// required. It is refused if CoCalc shows the outcome. Checkout is not sent again. If CoCalc later shows another
	// outcome, the ledger is corrected.
	Resolve DecisionKind = "settle"
	// FailUnreachableApprovers ends an order whose approvers can't be asked, since their channel doesn't let the bot in:
	// Reason, Slack's error code. The bot decides this by itself, so the action is empty.
	FailUnreachableApprovers DecisionKind = "fail"
)

// What people do with an order before they decide, or without deciding: only [Service.Allowed] takes these.
const (
	// Buy asks for a license: before a form is opened. There is no order yet, so its id is empty.
	Buy DecisionKind = "buy"
	// Edit opens a proposal's form. [purchase.Request.Replaces] then replaces the proposal.
	Edit DecisionKind = "edit"
	// Repeat is a requester's click that decides nothing: to see the card anew, or to order the same again.
	Repeat DecisionKind = "repeat"
	// See shows an order; without an id, the account's licenses and their cost.
	See DecisionKind = "see"
)

// Decision is what a person decides about an order.
type Decision struct {
	Kind   DecisionKind
	Reason string
	// Verdict and LicenseID are an admin's answer: whether it was bought, and as which license, if the admin knows it.
	Verdict   purchase.Verdict
	LicenseID string
}

// Decide carries out a decision about an order, and returns the order as it is afterwards. A [*purchase.Refusal] says
// why not; it is recorded. The decision is durable when Decide returns.
func (svc *Service) Decide(ctx context.Context, action purchase.Action, id purchase.OrderID,
	d Decision,
) (purchase.Order, error) {
	switch d.Kind {
	case Confirm:
		return svc.confirm(ctx, action, id, d.Reason)
	case ConfirmNewPrice:
		return svc.confirmNewPrice(ctx, action, id, d.Reason)
	case Cancel:
		return svc.cancel(ctx, action, id)
	case Approve:
		return svc.approve(ctx, action, id)
	case Deny:
		return svc.deny(ctx, action, id, d.Reason)
	case Resolve:
		return svc.resolve(ctx, action, id, d)
	case FailUnreachableApprovers:
		return svc.failUnreachable(ctx, id, d.Reason)
	default:
		return purchase.Order{}, fmt.Errorf("%q is no decision about an order", d.Kind)
	}
}

// Allowed reads an order for a person who may decide this about it now, or see it: before a form is opened, and before
// the order is shown. A [*purchase.Refusal] says why not; it is recorded, unless the program is stopping. See without
// an id asks about the account's licenses; with an unknown id, the error wraps purchase.ErrNoOrder. Of Confirm,
// ConfirmNewPrice and Cancel only Decide says whether they are allowed.
func (svc *Service) Allowed(ctx context.Context, action purchase.Action, id purchase.OrderID,
	kind DecisionKind,
) (purchase.Order, error) {
	switch {
	case kind == Buy:
		return purchase.Order{}, svc.checkBuy(ctx, action)
	case kind == See && id == "":
		_, no := svc.policy.SightOf(action.Actor)
		return purchase.Order{}, svc.firstRefusal(ctx, id, action, no)
	}
	order, err := svc.reg.Order(ctx, id)
	if errors.Is(err, purchase.ErrNoOrder) && kind != See {
		return order, svc.refuse(ctx, refuseUnknownOrder(), id, action.Actor, action.Channel)
	}
	if err != nil {
		return order, err
	}
	var refusals []*purchase.Refusal
	switch kind {
	case Repeat:
		refusals = checkRepeat(order, action)
	case Edit:
		refusals = svc.checkEdit(order, action)
	case Approve, Deny:
		refusals = []*purchase.Refusal{
			purchase.RefuseOutsider(action.Actor), checkChannel(order, action), svc.checkApprover(order, action),
		}
	case Resolve:
		refusals = []*purchase.Refusal{svc.checkResolve(order, action.Actor)}
	case See:
		refusals = []*purchase.Refusal{svc.checkSight(order, action.Actor)}
	default:
		return order, fmt.Errorf("whether people may %q is known once they decide", kind)
	}
	return order, svc.firstRefusal(ctx, id, action, refusals...)
}

// checkRepeat refuses everyone but the requester, where the order is shown.
func checkRepeat(order purchase.Order, action purchase.Action) []*purchase.Refusal {
	return []*purchase.Refusal{checkChannel(order, action), purchase.OnlyRequester(order, action.Actor)}
}

// checkEdit refuses everyone but the requester, and edits that come too late.
func (svc *Service) checkEdit(order purchase.Order, action purchase.Action) []*purchase.Refusal {
	var late *purchase.Refusal
	if order.State != purchase.Proposed {
		late = svc.refuseLate("change", order)
	}
	return append(checkRepeat(order, action), purchase.RefuseOutsider(action.Actor), late)
}

// confirm reserves the money of a proposal in a transaction of its own.
func (svc *Service) confirm(ctx context.Context, action purchase.Action, id purchase.OrderID,
	reason string,
) (purchase.Order, error) {
	return svc.transactConfirm(ctx, id, action, toConfirm, func(w purchase.Writer, o *purchase.Order) (
		*purchase.Refusal, error,
	) {
		shown := o.AttachCard(action)
		if o.Reason == "" && purchase.OnlyRequester(*o, action.Actor) == nil {
			o.Reason = strings.TrimSpace(reason)
		}
		asks, no, err := svc.checkConfirm(w, o, action.Actor)
		switch {
		case err != nil:
			return nil, err
		case no == nil:
			return nil, svc.reserve(w, o, action.Actor, asks)
		case shown:
			return no, w.PutOrder(*o)
		}
		return no, purchase.Successor(w, *o, action)
	})
}

// transactConfirm runs a confirmation, unless the program ends or the disk is full, and wakes what continues with the
// order.
func (svc *Service) transactConfirm(ctx context.Context, id purchase.OrderID, action purchase.Action, kind decisionRule,
	carryOut carryOut,
) (purchase.Order, error) {
	if svc.reg.Stopping.Load() {
		return purchase.Order{}, svc.refuseAtEnd(id, action, kind)
	}
	if err := svc.checkSpace(ctx); errors.Is(err, purchase.ErrStopped) {
		return purchase.Order{}, svc.refuseAtEnd(id, action, kind)
	} else if err != nil {
		return purchase.Order{}, err
	}
	order, err := svc.transact(ctx, id, action, kind, carryOut)
	if err == nil {
		register.Nudge(svc.reg.Wake)
		if order.State == purchase.AwaitingApproval { // with another deadline than its card had
			register.Nudge(svc.reg.Proposed)
		}
	}
	return order, markUncharged(order, err)
}

// The decisions on orders.
var (
	toConfirm         = decisionRule{Confirm, true, purchase.RefuseOutsider}
	toConfirmNewPrice = decisionRule{ConfirmNewPrice, true, purchase.RefuseOutsider}
	toApprove         = decisionRule{Approve, true, purchase.RefuseOutsider}
	toDeny            = decisionRule{Deny, false, purchase.RefuseOutsider}
	toCancel          = decisionRule{Cancel, false, purchase.RefuseNonMember}
	toResolve         = decisionRule{Resolve, false, purchase.RefuseOutsider}
)

// carryOut carries out a decision on an order, or refuses it. It may put another order in the place of the one it gets:
// the one that shows what became of the click.
type carryOut func(purchase.Writer, *purchase.Order) (*purchase.Refusal, error)

// transact runs a person's decision on an order in one transaction, and records a refusal.
func (svc *Service) transact(ctx context.Context, id purchase.OrderID, action purchase.Action, kind decisionRule,
	carryOut carryOut,
) (purchase.Order, error) {
	if kind.buys && svc.reg.Away(ctx) {
		return purchase.Order{}, svc.policy.AwayRefusal()
	}
	var order purchase.Order
	var no *purchase.Refusal
	var recorded recording
	doubt := svc.newDoubt(id, action, kind)
	defer svc.inFlight.begin(doubt)()
	err := svc.ledger.Update(ctx, func(w purchase.Writer) (err error) {
		no = nil
		if order, err = w.Order(id); errors.Is(err, purchase.ErrNoOrder) {
			no, err = refuseUnknownOrder(), nil
		} else if err == nil {
			if no = kind.checkActor(action.Actor); no == nil {
				no = checkChannel(order, action)
			}
			if no == nil {
				no, err = carryOut(w, &order)
			}
		}
		if no == nil || err != nil {
			return err
		}
		return svc.recordRefusal(w, &recorded, no, id, action.Actor, action.Channel)
	})
	if err != nil {
		doubt.Became = order.ID
		return purchase.Order{}, svc.keepDoubt(fmt.Errorf("%s order %s: %w", kind.doing, id, err), doubt)
	}
	svc.changed(order.ID) // after a refusal too: the click has brought a newer card
	if no != nil {
		return order, svc.reg.ForReader(no, action.Actor)
	}
	return order, nil
}

// reserve reserves a proposal's price in the caller's transaction, or requests the approval that it needs.
func (svc *Service) reserve(w purchase.Writer, order *purchase.Order, who purchase.Actor, asks bool) error {
	now := svc.now()
	account, err := w.Account()
	if err != nil {
		return err
	}
	promise := purchase.Promise{
		At: now, Month: svc.policy.Month(now), Day: svc.policy.Day(now), Again: svc.againInMonth(account, *order, now),
	}
	if asks {
		return svc.reg.Apply(w, order, purchase.OrderEvent{
			Kind: purchase.RequestApproval, By: who.ID, Note: order.Reason, Promise: &promise,
			ApproveBy: now.Add(svc.timing.Approval), RemindAt: now.Add(svc.timing.Approval / 2), Channel: svc.approvalsChannel,
		})
	}
	promise.Auto = len(svc.policy.Approvers) > 0
	return svc.reg.Apply(w, order, purchase.OrderEvent{Kind: purchase.Confirm, By: who.ID, Promise: &promise})
}

// checkConfirm refuses a confirmation for anything that can stand against reserving a proposal's price. asks is set if
// the order needs approval first.
func (svc *Service) checkConfirm(w purchase.Writer, order *purchase.Order,
	who purchase.Actor,
) (asks bool, no *purchase.Refusal, err error) {
	now := svc.now()
	if no := purchase.OnlyRequester(*order, who); no != nil {
		return false, no, nil
	}
	if order.State != purchase.Proposed {
		return false, svc.orNotSold(*order, refuseDecided(*order)), nil
	}
	if !now.Before(order.Expires) {
		return false, svc.orNotSold(*order, refuseExpiredCard(*order)), nil
	}
	if no := svc.policy.MayBuy(who); no != nil {
		return false, no, nil
	}
	if no := svc.policy.CheckChannel(order.Channel); no != nil {
		return false, no, nil
	}
	account, err := w.Account()
	if err != nil {
		return false, nil, err
	}
	if no := svc.reg.RefuseClosed(account); no != nil {
		return false, no, nil
	}
	budget, err := w.Budget(svc.policy.Month(now))
	if err != nil {
		return false, nil, err
	}
	budget = account.WithDue(budget)
	asked, err := svc.commitment(w, account, budget, *order, now)
	if err != nil {
		return false, nil, err
	}
	asked.Share = account.ShareOf(budget, who)
	if no := svc.policy.CheckLimits(asked, budget); no != nil {
		return false, no, nil
	}
	auto := account.ShareOf(budget, order.Requester).Auto[svc.policy.Day(now)]
	asks = svc.policy.NeedsApproval(*order, auto)
	return asks, svc.checkApprovable(*order, asks), nil
}

// checkApprovable refuses an order that needs approval and can't get one. Approvers read why it is wanted, so it needs
// a reason.
func (svc *Service) checkApprovable(o purchase.Order, asks bool) *purchase.Refusal {
	switch {
	case !asks:
		return nil
	case strings.TrimSpace(o.Reason) == "":
		return purchase.NewRefusal(purchase.NoReason, "doing", "approval")
	case svc.approvalsChannel == "":
		return purchase.NewRefusal(purchase.NobodyToAsk, "lacks", "channel")
	case !svc.policy.HasEnoughApprovers(o.Requester):
		return purchase.NewRefusal(purchase.NobodyToAsk, "lacks", "approvers", "approvals",
			strconv.Itoa(svc.policy.Approvals))
	}
	return nil
}

// cancel withdraws an order.
func (svc *Service) cancel(ctx context.Context, action purchase.Action, id purchase.OrderID) (purchase.Order, error) {
	return svc.transact(ctx, id, action, toCancel, func(w purchase.Writer, o *purchase.Order) (*purchase.Refusal, error) {
		if no := purchase.MayWithdraw(*o, action.Actor); no != nil {
			return no, nil
		}
		shown := o.AttachCard(action)
		if o.State.CanBecome(purchase.Cancelled) {
			return nil, svc.reg.Apply(w, o, purchase.OrderEvent{
				Kind: purchase.Withdraw, By: action.Actor.ID,
				Place: action.Channel.ID,
			})
		}
		no := svc.refuseLate("cancel", *o)
		if shown {
			return no, w.PutOrder(*o)
		}
		return no, purchase.Successor(w, *o, action)
	})
}

// checkChannel refuses a button that was clicked where the order is not shown: the click was forged, or its card was
// copied to another place. In a direct message with the bot, people see only their own orders; commands may be typed
// anywhere.
func checkChannel(order purchase.Order, action purchase.Action) *purchase.Refusal {
	if action.Typed || action.Channel.Direct || action.Channel.ID == order.Channel.ID {
		return nil
	}
	for _, m := range order.Messages {
		if m.Channel != "" && m.Channel == action.Channel.ID {
			return nil
		}
	}
	return purchase.NewRefusal(purchase.Elsewhere)
}

// markUncharged adds to the refusal of a confirmation that nothing was charged, where that is certain: the order is a
// proposal still, or has failed. AlreadyDone and TooLate say themselves what became of the money, and after NoReason
// the person confirms again.
func markUncharged(order purchase.Order, err error) error {
	var no *purchase.Refusal
	if !errors.As(err, &no) || no.Code == purchase.AlreadyDone || no.Code == purchase.TooLate ||
		no.Code == purchase.NoReason ||
		order.State != purchase.Proposed && order.State != purchase.Failed || order.MayBeCharged() {
		return err
	}
	said := *no
	said.Cause = said.With("uncharged", purchase.ArgFlag(true))
	return &said
}

// newDoubt returns the doubt about a decision that begins to be written now.
func (svc *Service) newDoubt(id purchase.OrderID, action purchase.Action, kind decisionRule) purchase.Doubt {
	return purchase.Doubt{
		Began: svc.now(), Run: svc.reg.BornAt, Who: action.Actor.ID, Order: id, Typed: action.Typed,
		Doing: string(kind.doing), Buys: kind.buys,
	}
}
