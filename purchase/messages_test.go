package purchase_test

import (
	"context"
	"testing"

	"licensebot/purchase"
)

// What changes around an order while one of its cards is on its way to Slack is shown all the same.
func TestShowAgainWhileACardIsOnItsWay(t *testing.T) {
	ctx := context.Background()
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		sent := s.order(id) // as the card that is on its way shows it
		if err := s.desk.Outbox.MarkStale(ctx, id); err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Outbox.UpdateMessages(ctx, id, func(o *purchase.Order) {
			for i := range o.Messages {
				o.Messages[i].PublishedRev = sent.Rev
			}
		}); err != nil {
			t.Fatal(err)
		}
		if o := s.order(id); len(o.Messages) == 0 || !o.Stale() {
			t.Errorf("the old card counts as the newest: %+v", o.Messages)
		}
	}, withApprovers)
}
