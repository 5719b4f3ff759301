package purchase_test

import (
	"context"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// A click on an order whose price had moved is delivered once more, after its card has gone on to the order at the new
// price: what that card says then is the new order's to say.
func TestALateClickDoesNotTakeBackTheCard(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{Effect: cocalctest.PriceMoved, Percent: 110})
		old := s.buy()
		s.until(old, purchase.Failed)
		card := purchase.Message{ResponseURL: "https://slack.test/1", Uses: 4, Expires: time.Now().Add(30 * time.Minute)}
		click := purchase.Click{Who: alice, At: math, Card: card}
		next, err := s.desk.ConfirmNewPrice(context.Background(), old, click)
		if err != nil {
			t.Fatal(err)
		}
		s.until(next.ID, purchase.Purchased)
		click.Card.ResponseURL = "https://slack.test/2" // of a click on the same card
		for name, decide := range map[string]func(context.Context, purchase.OrderID, purchase.Click) (purchase.Order, error){
			"cancel": s.desk.Cancel, "confirm": s.desk.Confirm,
		} {
			if _, err := decide(context.Background(), old, click); err == nil {
				t.Errorf("%s: an order that has ended was decided on", name)
			}
			if o := s.order(old); o.Message(purchase.MessageCard) != nil {
				t.Errorf("%s: the order that was replaced shows itself on %+v", name, o.Messages)
			}
		}
	})
}
