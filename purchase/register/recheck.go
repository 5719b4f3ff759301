package register

import (
	"context"
	"sync"

	"licensebot/purchase"
)

// IsFresh reports whether the order's permissions were checked within RightsTTL. A time in the future comes from a
// clock that was ahead, and is not fresh.
func (reg *Register) IsFresh(o purchase.Order) bool {
	age := reg.now().Sub(o.CheckedAt())
	return age >= 0 && age < purchase.RightsTTL
}

// Refresh returns the order's requester and its approvers so far, by id, with their current memberships and groups in
// Slack. If the order cannot be read, the requester is Unverified.
func (reg *Register) Refresh(ctx context.Context, id purchase.OrderID) (
	requester purchase.Actor, approvers map[string]purchase.Actor,
) {
	o, err := reg.Order(ctx, id)
	if err != nil {
		return purchase.Actor{Membership: purchase.Unverified}, nil
	}
	found := make([]purchase.Actor, len(o.Approvals))
	var asking sync.WaitGroup
	for i, a := range o.Approvals {
		asking.Go(func() { found[i] = reg.lookUp(ctx, a.By) })
	}
	requester = reg.lookUp(ctx, o.Requester)
	asking.Wait()
	approvers = map[string]purchase.Actor{}
	for _, p := range found {
		approvers[p.ID] = p
	}
	return requester, approvers
}

// StillAgree returns the approvals that still count, and the approvers who may no longer approve. now is Refresh's
// result; an approver who is not in it has just approved. The refusal is not nil if Slack does not return whether one
// of them is an approver; that approval still counts.
func (reg *Register) StillAgree(o purchase.Order, now map[string]purchase.Actor) (
	counts []purchase.Approval, gone []purchase.Actor, no *purchase.Refusal,
) {
	for _, a := range o.Approvals {
		who, asked := now[a.By.ID]
		if !asked {
			counts = append(counts, a)
			continue
		}
		switch {
		case who.Membership == purchase.Unverified, who.Membership == purchase.Member &&
			!purchase.IsListed(reg.policy.Approvers,
				who) &&
			purchase.RefuseUnknownGroups(reg.policy.Approvers, who) != nil:
			counts = append(counts, a)
			no = purchase.NewRefusal(purchase.Outsider, "unknown", "approver", "by", a.By.ID, "name", a.By.DisplayName())
		case reg.policy.MayApprove(o, who) != nil:
			gone = append(gone, a.By)
		default:
			counts = append(counts, a)
		}
	}
	return counts, gone, no
}
