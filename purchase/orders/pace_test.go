package orders_test

import (
	"context"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// Commands cannot fill the ledger: a person gets a burst of cards, and then one a minute.
func TestService_Pace_Cards(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		ask := purchase.Request{Requester: ursula, Channel: purchasetest.MathChannel, Spec: purchasetest.Spec()}
		got := 0
		var err error
		for range 100 {
			if _, err = env.Desk.Propose(context.Background(), ask); err == nil {
				got++
			}
		}
		env.WantRefusal(err, purchase.TooFast)
		if got != 40 {
			t.Errorf("cards at once: got %d, want 40", got)
		}
		ask.Requester = wilma
		_, err = env.Desk.Propose(context.Background(), ask) // the same person
		env.WantRefusal(err, purchase.TooFast)
		ask.Requester = purchasetest.Bob
		if _, err := env.Desk.Propose(context.Background(), ask); err != nil {
			t.Errorf("another person's card: got error %v, want none", err)
		}
		<-time.After(2 * time.Minute)
		ask.Requester = ursula
		for i := range 3 {
			if _, err := env.Desk.Propose(context.Background(), ask); (err == nil) != (i < 2) {
				t.Errorf("card %d after two minutes: got error %v, want one from card 3 on", i+1, err)
			}
		}
	})
}

// Refusals beyond the first ones are recorded together: one record for each reason, with their number. None is lost,
// also at shutdown.
func TestService_Pace_Refusals(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		refuse := func(n int) {
			for range n {
				if _, err := env.Desk.Allowed(t.Context(), purchase.Action{
					Actor:   purchasetest.Bob,
					Channel: purchasetest.MathChannel,
				}, "", orders.See); err == nil {
					t.Fatalf("bob's view: got error %v, want a refusal", err)
				}
			}
		}
		sum := func() (records, refusals int) {
			for _, e := range env.Events("refused") {
				if e.By != purchasetest.Bob.ID || e.Note != string(purchase.NotAViewer) {
					t.Errorf("audit record: got %+v, want one by bob with the note %q", e, purchase.NotAViewer)
				}
				records++
				refusals += max(e.Count, 1)
			}
			return records, refusals
		}
		refuse(1000)
		if records, _ := sum(); records != 20 {
			t.Errorf("audit records of 1000 refusals in an instant: got %d, want 20", records)
		}
		<-time.After(11 * time.Minute)
		if records, refusals := sum(); records != 21 || refusals != 1000 {
			t.Errorf("after their time: got %d records of %d refusals, want 21 of 1000", records, refusals)
		}
		refuse(30)
		env.Restart()
		if records, refusals := sum(); records != 42 || refusals != 1030 {
			t.Errorf("after a restart: got %d records of %d refusals, want 42 of 1030", records, refusals)
		}
	}, func(env *purchasetest.Env) { env.Policy.Everyone = false })
}

// Clicks are refused and recorded in one transaction with their decision; repeated ones share a record too.
func TestService_Pace_RefusedClicks(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		id := env.Propose(purchasetest.Spec()).ID
		for range 500 {
			_, err := env.Desk.Decide(context.Background(), purchase.Action{
				Actor:   purchasetest.Bob,
				Channel: purchasetest.MathChannel,
			}, id,
				orders.Decision{Kind: orders.Confirm})
			env.WantRefusal(err, purchase.NotYours)
		}
		if n := len(env.Events("refused")); n != 20 {
			t.Errorf("audit records of 500 refused clicks: got %d, want 20", n)
		}
	})
}
