package orders

import (
	"licensebot/cocalc"
	"licensebot/purchase"
)

// RenewalsTrouble returns why the renewals on the CoCalc account are not shown.
func (svc *Service) RenewalsTrouble(err error) *purchase.Refusal {
	switch purchase.KindOf(err) {
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return purchase.NewRefusal(purchase.NoRenewals, "why", "not-for-keys")
	case cocalc.NotSoldHere: // a server of the older kind sells licenses, and has none either
		return purchase.NewRefusal(purchase.NoRenewals, "why", "no-list")
	default:
		return &purchase.Refusal{Cause: purchase.Cause{
			Code:   purchase.NoRenewals,
			Causes: []purchase.Cause{svc.Trouble(err).Cause},
		}}
	}
}
