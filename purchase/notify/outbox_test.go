package notify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// The head of the audit chain goes to the channel once a day, if anything happened.
func TestOutbox_Run_AuditHeadOncePerDay(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(25 * time.Hour)
		env.Notifications("CBUYING", purchase.NotificationHead) // that the ledger has begun
		env.Propose(purchasetest.Spec())
		for day := range 3 {
			<-time.After(24 * time.Hour)
			env.Restart()
			texts := env.Notifications("CBUYING", purchase.NotificationHead)
			if day == 0 && (len(texts) != 1 || !strings.Contains(texts[0], env.Events("expired")[0].Hash)) {
				t.Errorf("day %d: told %q", day, texts)
			} else if day > 0 && len(texts) > 0 {
				t.Errorf("day %d: nothing happened, and it was told %q", day, texts)
			}
		}
	}, purchasetest.WithChannel)
}

// A clock that is set ahead begins a new day, whose head is announced within the hour.
func TestOutbox_Run_ClockSetAhead(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(25 * time.Hour)
		env.Notifications("CBUYING", purchase.NotificationHead) // that the ledger has begun
		env.Propose(purchasetest.Spec())
		ahead(24 * time.Hour)
		<-time.After(61 * time.Minute)
		if got := env.Notifications("CBUYING", purchase.NotificationHead); len(got) != 1 {
			t.Errorf("got %q, want one head", got)
		}
	}, purchasetest.WithChannel, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
}

// What changes around an order while one of its cards is on its way to Slack is shown all the same.
func TestOutbox_MarkStale_CardOnItsWay(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		sent := env.Order(id) // as the card that is on its way shows it
		if err := env.Desk.Outbox.MarkStale(ctx, id); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Desk.Outbox.UpdateMessages(ctx, id, func(o *purchase.Order) {
			for i := range o.Messages {
				o.Messages[i].PublishedRev = sent.Rev
			}
		}); err != nil {
			t.Fatal(err)
		}
		if o := env.Order(id); len(o.Messages) == 0 || !o.Stale() {
			t.Errorf("the old card counts as the newest: %+v", o.Messages)
		}
	}, purchasetest.WithApprovers)
}
