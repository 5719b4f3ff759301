package notify_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// The head of the audit chain is announced in the channel once a day, if it changed.
func TestOutbox_Run_AuditHeadOncePerDay(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(25 * time.Hour)
		env.Notifications("CBUYING", purchase.NotificationHead) // skip the head of the new ledger
		env.Propose(purchasetest.Spec())
		for day := range 3 {
			<-time.After(24 * time.Hour)
			env.Restart()
			got := env.Notifications("CBUYING", purchase.NotificationHead)
			if day == 0 && (len(got) != 1 || !strings.Contains(got[0], env.Events("expired")[0].Hash)) {
				t.Errorf("day %d: got %q, want one head, the hash of %+v", day, got, env.Events("expired"))
			} else if day > 0 && len(got) > 0 {
				t.Errorf("day %d: got %q, want none", day, got)
			}
		}
	}, purchasetest.WithChannel)
}

// When the clock is set ahead to a new day, the head of that day is announced within the hour.
func TestOutbox_Run_ClockSetAhead(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(25 * time.Hour)
		env.Notifications("CBUYING", purchase.NotificationHead) // skip the head of the new ledger
		env.Propose(purchasetest.Spec())
		ahead(24 * time.Hour)
		<-time.After(61 * time.Minute)
		if got := env.Notifications("CBUYING", purchase.NotificationHead); len(got) != 1 {
			t.Errorf("got %q, want one head", got)
		}
	}, purchasetest.WithChannel, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
}

// A card that was being sent to Slack during MarkStale does not count as the newest.
func TestOutbox_MarkStale_CardOnItsWay(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		sent := env.Order(id) // the revision of the card that is being sent
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
			t.Errorf("got messages %+v, stale %v; want at least one and true", o.Messages, o.Stale())
		}
	}, purchasetest.WithApprovers)
}
