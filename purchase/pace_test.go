package purchase_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// Cheap commands do not fill the ledger: a person gets so many cards at once, and then one a minute.
func TestCardsInAShortTime(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		ask := purchase.Request{Requester: ursula, Channel: math, Spec: spec()}
		got := 0
		var err error
		for range 100 {
			if _, err = s.desk.Propose(context.Background(), ask); err == nil {
				got++
			}
		}
		s.refusedAs(err, purchase.TooFast)
		if got != 40 {
			t.Errorf("%d cards at once", got)
		}
		ask.Requester = wilma
		_, err = s.desk.Propose(context.Background(), ask) // the same person
		s.refusedAs(err, purchase.TooFast)
		ask.Requester = bob
		if _, err := s.desk.Propose(context.Background(), ask); err != nil {
			t.Errorf("another person: %v", err)
		}
		<-time.After(2 * time.Minute)
		ask.Requester = ursula
		for i := range 3 {
			if _, err := s.desk.Propose(context.Background(), ask); (err == nil) != (i < 2) {
				t.Errorf("card %d after two minutes: %v", i+1, err)
			}
		}
	})
}

// Refusals beyond the first ones are recorded together: one record for each reason, with how many there were. None is
// lost, also at the end of the program.
func TestRefusalsAreRecordedTogether(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		refuse := func(n int) {
			for range n {
				if _, err := s.desk.Allowed(t.Context(), purchase.Action{Actor: bob, Channel: math}, "", orders.See); err == nil {
					t.Fatal("bob sees something")
				}
			}
		}
		sum := func() (records, refusals int) {
			for _, e := range s.events("refused") {
				if e.By != bob.ID || e.Note != string(purchase.NotAViewer) {
					t.Errorf("a record is %+v", e)
				}
				records++
				refusals += max(e.Count, 1)
			}
			return records, refusals
		}
		refuse(1000)
		if records, _ := sum(); records != 20 {
			t.Errorf("%d records of 1000 refusals in an instant", records)
		}
		<-time.After(11 * time.Minute)
		if records, refusals := sum(); records != 21 || refusals != 1000 {
			t.Errorf("%d records of %d refusals after their time, want 21 of 1000", records, refusals)
		}
		refuse(30)
		s.restart()
		if records, refusals := sum(); records != 42 || refusals != 1030 {
			t.Errorf("%d records of %d refusals after a restart, want 42 of 1030", records, refusals)
		}
	}, func(s *shop) { s.policy.Everyone = false })
}

// Clicks are refused and recorded in one transaction with their decision; they too are recorded together.
func TestRefusedClicksAreRecordedTogether(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		id := s.propose(spec()).ID
		for range 500 {
			_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: bob, Channel: math}, id,
				orders.Decision{Kind: orders.Confirm})
			s.refusedAs(err, purchase.NotYours)
		}
		if n := len(s.events("refused")); n != 20 {
			t.Errorf("%d records of 500 refused clicks", n)
		}
	})
}

// An admin does not settle their own order: another one has to.
func TestAnAdminsOwnOrderIsSettledByAnother(t *testing.T) {
	inShop(t, 100000, func(s *shop) {
		o := s.held()
		how := orders.Decision{Kind: orders.Resolve, Verdict: purchase.WasNotBought, Reason: "I looked"}
		action := purchase.Action{Actor: alice, Channel: math, Typed: true}
		_, err := s.desk.Allowed(context.Background(), action, o.ID, orders.Resolve)
		s.refusedAs(err, purchase.OwnOrder)
		_, err = s.desk.Decide(context.Background(), action, o.ID, how)
		s.refusedAs(err, purchase.OwnOrder)
		if o := s.order(o.ID); o.State != purchase.Unknown {
			t.Errorf("the order is %s", o.State)
		}
		if err := s.settle(o.ID, how); err != nil {
			t.Error(err)
		}
	}, func(s *shop) { s.policy.Admins[alice.ID] = true })
}

// A pause and its end are announced where people buy and where approvers decide, each channel once.
func TestPausesAreAnnouncedInBothChannels(t *testing.T) {
	for _, c := range []struct{ purchases, approvals string }{
		{"CPURCHASES", approvals.ID},
		{approvals.ID, approvals.ID},
		{"", approvals.ID},
	} {
		inShop(t, 100000, func(s *shop) {
			ctx, action := context.Background(), purchase.Action{Actor: dana, Channel: math, Typed: true}
			if err := s.desk.SetPaused(ctx, action, true, "month-end close"); err != nil {
				t.Fatal(err)
			}
			if err := s.desk.SetPaused(ctx, action, false, "closed"); err != nil {
				t.Fatal(err)
			}
			for _, kind := range []purchase.NotificationKind{purchase.NotificationPaused, purchase.NotificationResumed} {
				for _, channel := range slices.Compact([]string{c.purchases, c.approvals}) {
					if n := len(s.told(channel, kind)); channel != "" && n != 1 {
						t.Errorf("%+v: %s is told %d times of %s", c, channel, n, kind)
					}
				}
			}
		}, withApprovers, func(s *shop) { s.channel, s.approvals = c.purchases, c.approvals })
	}
}
