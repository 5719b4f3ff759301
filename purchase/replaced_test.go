package purchase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// A card that was changed belongs to the order that follows, also when a click from before the change comes late.
func TestALateClickDoesNotTakeBackAChangedCard(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		ctx := context.Background()
		ask := purchase.Request{Requester: alice, Channel: math, Spec: spec()}
		old, err := s.desk.Propose(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		ask.Replaces = old.Order.ID
		next, err := s.desk.Propose(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		action := purchase.Action{Actor: alice, Channel: math, Card: purchase.Message{
			ResponseURL: "https://slack.test/1",
			Uses:        4,
		}}
		for _, kind := range []orders.DecisionKind{orders.Cancel, orders.Confirm} {
			var no *purchase.Refusal
			if _, err := s.desk.Decide(ctx, action, old.Order.ID, orders.Decision{Kind: kind}); !errors.As(err, &no) ||
				no.Args["replaced"] != string(next.Order.ID) {
				t.Errorf("%s: %v; want a refusal that says it was changed", kind, err)
			}
			if o := s.order(old.Order.ID); o.ReplacedBy != next.Order.ID || len(o.Messages) > 0 {
				t.Errorf("%s: the order that was changed is followed by %q, and shows itself on %+v", kind, o.ReplacedBy,
					o.Messages)
			}
			if o := s.order(next.Order.ID); o.Message(purchase.MessageCard) == nil ||
				o.Message(purchase.MessageCard).ResponseURL != action.Card.ResponseURL {
				t.Errorf("%s: the order that follows is shown on %+v, and not on the card that was clicked", kind, o.Messages)
			}
			action.Card.ResponseURL += "0"
		}
	})
}

// A click on an order whose price had moved is delivered once more, after its card has gone on to the order at the new
// price: what that card says then is the new order's to say.
func TestALateClickDoesNotTakeBackTheCard(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{Effect: cocalctest.PriceMoved, Percent: 110})
		old := s.buy()
		s.until(old, purchase.Failed)
		card := purchase.Message{ResponseURL: "https://slack.test/1", Uses: 4, Expires: time.Now().Add(30 * time.Minute)}
		action := purchase.Action{Actor: alice, Channel: math, Card: card}
		next, err := s.desk.Decide(context.Background(), action, old, orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil {
			t.Fatal(err)
		}
		s.until(next.ID, purchase.Purchased)
		action.Card.ResponseURL = "https://slack.test/2" // of a click on the same card
		for _, kind := range []orders.DecisionKind{orders.Cancel, orders.Confirm} {
			if _, err := s.desk.Decide(context.Background(), action, old, orders.Decision{Kind: kind}); err == nil {
				t.Errorf("%s: an order that has ended was decided on", kind)
			}
			if o := s.order(old); o.Message(purchase.MessageCard) != nil {
				t.Errorf("%s: the order that was replaced shows itself on %+v", kind, o.Messages)
			}
		}
	})
}
