package orders

import "licensebot/purchase"

// unlessNotSold returns a refusal, or, if it would tell people to order again where no licenses are sold, that one.
func (svc *Service) unlessNotSold(order purchase.Order, no *purchase.Refusal) *purchase.Refusal {
	switch order.State {
	case purchase.Proposed, purchase.Failed, purchase.Cancelled, purchase.Expired:
		if unsold := svc.reg.RefuseNotSold(svc.reg.Diagnosed.Load()); unsold != nil {
			return unsold
		}
	default: // no refusal tells to order it again
	}
	return no
}
