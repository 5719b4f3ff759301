package purchase_test

import (
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// Somebody copies an order's item, tag and all, just before it is paid: one of the two is bought, and nothing hangs.
func TestACopyOfTheItemJustBeforeItIsPaid(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		<-time.After(time.Second)
		s.server.Inject(cocalctest.Fault{
			Endpoint: paramsPath, When: cocalctest.Before, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) {
				a.AddToCart("site-license", string(a.Cart()[0].Description))
			},
		})
		id := s.buy()
		o := s.until(id, purchase.Purchased, purchase.Failed)
		if o.State != purchase.Purchased {
			t.Errorf("the order is %s: %+v", o.State, o.Failure)
		}
		<-time.After(2 * time.Hour)
		s.check(1, 6375, 0)
		s.until(s.buy(), purchase.Purchased)
	})
}
