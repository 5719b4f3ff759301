package cocalctest

import "fmt"

// Refund refunds a purchase of a license, as an admin of the site does: a row of service refund with the negative cost.
// The license expires now, and its subscription is canceled. The cart item stays a purchased one. It returns an error
// for an unknown purchase, one that is not of a license, and one that was refunded.
func (s *Server) Refund(purchaseID int64) error {
	defer s.KeepNow()
	s.mu.Lock()
	defer s.mu.Unlock()
	var refunded *purchase
	for _, p := range s.purchases {
		switch {
		case p.id == purchaseID:
			refunded = p
		case p.refundOf == purchaseID:
			return fmt.Errorf("purchase %d was refunded", purchaseID)
		}
	}
	switch {
	case refunded == nil:
		return fmt.Errorf("there is no purchase %d", purchaseID)
	case refunded.licenseID == "" || refunded.service == refundService:
		return fmt.Errorf("purchase %d is of the service %s, not of a license", purchaseID, refunded.service)
	}
	now := s.now()
	s.purchases = append(s.purchases, &purchase{
		id: next(&s.ids.purchase), accountID: refunded.accountID, time: now, cost: -refunded.cost, service: refundService,
		licenseID: refunded.licenseID, refundOf: purchaseID,
		description: jsonb(object{
			{"type", refundService},
			{"purchase_id", float64(purchaseID)},
			{"reason", "requested_by_customer"},
			{"notes", ""},
		}),
	})
	if l, err := s.licenseByID(refunded.licenseID); err == nil {
		l.expires = now
		if u := l.subscription; u != nil {
			u.cancel(now)
		}
	}
	return nil
}

const refundService = "refund"
