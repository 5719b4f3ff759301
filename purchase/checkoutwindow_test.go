package purchase_test

import (
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// Our checkout is carried out minutes after its answer was lost; meanwhile somebody else's has bought our item.
// Whatever is checked when ours comes at last, it buys: so nothing of others' is checked again before, and no other
// order begins.
func TestACheckoutThatComesAfterTheItemWasSold(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		strangersItem(s)
		checkout := "purchases/shopping-cart-checkout"
		s.server.Inject(cocalctest.Fault{
			Endpoint: checkout, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) { a.StartCheckout() },
		})
		s.server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.ActLate, Wait: 3 * time.Minute, Times: 1})
		first := s.buy()
		s.until(first, purchase.Purchased)
		second := s.buy()
		<-time.After(time.Minute)
		if o := s.order(second); o.State != purchase.Approved || o.Blocked == nil {
			t.Errorf("the second order is %s and says %+v", o.State, o.Blocked)
		}
		if o := s.order(first); len(o.HeldItems) != 1 {
			t.Errorf("parked: %v", o.HeldItems)
		}
		s.until(second, purchase.Purchased)
		<-time.After(time.Hour)
		s.check(2, 2*6375, 0)
		if items := s.cart(); len(items) != 1 || !items[0].Checked {
			t.Errorf("the cart is not as it was: %+v", items)
		}
	})
}
