package register

import "licensebot/purchase"

// UnsureGroups reports whether a requester cannot be checked now, since Slack does not answer. That is no reason to end
// their order.
func (reg *Register) UnsureGroups(requester purchase.Person) bool {
	return requester.Standing == purchase.Unverified || requester.Standing == purchase.Member && !reg.policy.Everyone &&
		!purchase.IsListed(reg.policy.Buyers, requester) && purchase.RefuseUnknownGroups(reg.policy.Buyers, requester) != nil
}
