package register

import "licensebot/purchase"

// IsAdmin reports whether the person may settle orders, pause and resume buying, and take broken items out of the cart.
func (reg *Register) IsAdmin(who purchase.Person) bool { return reg.policy.MayAdminister(who) == nil }
