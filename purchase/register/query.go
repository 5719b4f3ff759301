package register

import (
	"context"

	"licensebot/purchase"
)

// Order reads one order. The error wraps ErrNoOrder when there is none with that id.
func (reg *Register) Order(ctx context.Context, id purchase.OrderID) (o purchase.Order, err error) {
	err = reg.ledger.View(ctx, func(r purchase.Reader) error {
		o, err = r.Order(id)
		return err
	})
	return o, err
}
