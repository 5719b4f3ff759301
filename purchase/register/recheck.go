package register

import (
	"context"
	"sync"

	"licensebot/purchase"
)

// IsFresh reports whether the rights behind the order were checked a moment ago. A time in the future comes from a
// clock that was ahead, and proves nothing.
func (reg *Register) IsFresh(o purchase.Order) bool {
	age := reg.now().Sub(o.PromisedAt())
	return age >= 0 && age < purchase.PromiseKept
}

// Refresh looks up who asked for an order, and who agreed to it so far, as Slack knows them now: they may have left a
// group, or the workspace, since.
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

// StillAgree sorts what approvers said of an order so far: what counts still, and of whom it does not, since they are
// no approvers any more. now is who they are by now; who is not in it has agreed only now. A *Refusal says that Slack
// does not tell of one of them.
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
