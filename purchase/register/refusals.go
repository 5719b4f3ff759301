package register

import (
	"context"

	"licensebot/purchase"
)

// While the bot has no access to Slack, it can't verify, ask or notify people, so nothing new is bought. This state is
// kept in memory only: it ends when Slack lets the bot in again, and a new run finds out for itself.

// RefuseLostAccess returns a refusal while the bot has no access to Slack.
func (reg *Register) RefuseLostAccess() *purchase.Refusal {
	if !reg.accessLost() {
		return nil
	}
	return purchase.RefuseNoAccess()
}

// RefuseClosed returns a refusal while buying is stopped.
func (reg *Register) RefuseClosed(account purchase.AccountState) *purchase.Refusal {
	if no := reg.RefuseLostAccess(); no != nil {
		return no
	}
	if no := reg.policy.RefusePaused(account); no != nil {
		return no
	}
	return reg.RefuseNotSold(reg.DiagnosisOf(account))
}

// RefuseStopped is closed without the server, which holds orders in its own way (hold).
func (reg *Register) RefuseStopped(account purchase.AccountState) *purchase.Refusal {
	if no := reg.RefuseLostAccess(); no != nil {
		return no
	}
	return reg.policy.RefusePaused(account)
}

// AccessChanged wakes the worker after the bot has lost or regained its access to Slack: waiting orders then show why
// they wait, or are bought. It never blocks.
func (reg *Register) AccessChanged() { Nudge(reg.Wake) }

// PausedNow reads whether buying is stopped, other than by the server.
func (reg *Register) PausedNow(ctx context.Context) (no *purchase.Refusal, err error) {
	err = reg.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		no = reg.RefuseStopped(account)
		return err
	})
	return no, err
}

// HasUnknownGroups reports whether a requester cannot be checked now, since Slack does not answer. That is no reason to
// end their order.
func (reg *Register) HasUnknownGroups(requester purchase.Actor) bool {
	return requester.Membership == purchase.Unverified || requester.Membership == purchase.Member &&
		!reg.policy.Everyone &&
		!purchase.IsListed(reg.policy.Buyers, requester) && purchase.RefuseUnknownGroups(reg.policy.Buyers, requester) != nil
}

// IsAdmin reports whether the person may settle orders, pause and resume buying, and take broken items out of the cart.
func (reg *Register) IsAdmin(who purchase.Actor) bool { return reg.policy.MayAdminister(who) == nil }
