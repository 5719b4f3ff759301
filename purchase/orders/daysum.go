package orders

import (
	"context"

	"licensebot/purchase"
)

// DaySum returns the sum that makes an order need approval; the zero DaySum if it needs none, or needs it by itself.
func (svc *Service) DaySum(ctx context.Context, o purchase.Order) (s purchase.DaySum, err error) {
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		auto, err := svc.autoToday(r, o.Requester)
		s = svc.policy.SumOfDay(o, auto)
		return err
	})
	return s, err
}
