package purchase_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"testing"
	"time"

	"licensebot/purchase"
)

// Where a buyer reads that the admins have been told they have been, once for each incident, with the names that a
// buyer does not read.
func TestAdminsAreToldWhatBuyersAreNot(t *testing.T) {
	for _, c := range []struct{ fault, detail string }{
		{"key-revoked", `why="key-refused"`},
		{"no-credit", `credit`},
		{"refused", `said="`},
	} {
		t.Run(c.fault, func(t *testing.T) {
			inShop(t, 10000, func(s *shop) {
				s.fault(c.fault)
				var read []string
				for range 2 {
					id := s.buy()
					o := s.until(id, purchase.Failed)
					read = append(read, o.Failure.Args["told"])
					<-time.After(time.Hour)
					s.fault(c.fault)
				}
				if !slices.Equal(read, []string{"yes", "yes"}) {
					t.Errorf("the buyer reads whether the admins know: %q", read)
				}
				told := s.told(dana.ID, purchase.NotificationTrouble)
				if len(told) != 1 || !regexp.MustCompile(c.detail).MatchString(told[0]) {
					t.Errorf("the admin reads %q", told)
				}
				s.server.SwitchOff(c.fault)
				if n := len(s.events("trouble")); n != 1 {
					t.Errorf("%d records", n)
				}
			})
		})
	}
}

// What fails after CoCalc sold something is another incident, which is told again.
func TestATroubleThatCameBackIsToldAgain(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		for range 2 {
			s.fault("refused")
			s.until(s.buy(), purchase.Failed)
			s.server.SwitchOff("refused")
			<-time.After(time.Hour)
			s.until(s.buy(), purchase.Purchased)
		}
		if told := s.told(dana.ID, purchase.NotificationTrouble); len(told) != 2 {
			t.Errorf("the admin reads %q", told)
		}
	})
}

// Where there are no admins the buyer is asked to tell them, and reads no names either.
func TestATroubleWithoutAdmins(t *testing.T) {
	inShop(t, 10000, func(s *shop) {
		s.fault("key-revoked")
		o := s.until(s.buy(), purchase.Failed)
		if told := o.Failure.Args["told"]; told != "no" {
			t.Errorf("the buyer reads whether the admins know: %q", told)
		}
		if told := s.told(alice.ID, purchase.NotificationTrouble); len(told) > 0 {
			t.Errorf("the buyer is told %q", told)
		}
	}, func(s *shop) { s.policy.Admins = nil })
}

// Why the bot itself paused buying reads the same to every buyer, without the money of others, keys and entries; an
// admin reads all of it.
func TestWhyBuyingIsPausedForBuyersAndAdmins(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		s.fault("double-checkout")
		s.until(s.buy(), purchase.Purchased)
		ask := purchase.Request{Requester: bob, Channel: math, Spec: spec()}
		_, err := s.desk.Propose(context.Background(), ask)
		s.refusedAs(err, purchase.Paused)
		no := new(purchase.Refusal)
		if !errors.As(err, &no) || no.ToAdmin || no.Causes[0].Code != purchase.IncidentDoubleBuy {
			t.Errorf("the buyer reads %v", err)
		}
		ask.Requester = dana
		_, err = s.desk.Propose(context.Background(), ask)
		s.refusedAs(err, purchase.Paused)
		if no := new(purchase.Refusal); !errors.As(err, &no) || !no.ToAdmin || no.Causes[0].Args["amount"] != "6375" {
			t.Errorf("the admin reads %v", err)
		}
	})
}

// The keys and entries that a pause is about stay with the admins: the channel reads the rest.
func TestAPauseAboutTheLedgerInTheChannel(t *testing.T) {
	inShop(t, 10000, func(s *shop) {
		finding := purchase.NewFinding("entry 1", purchase.FoundEntriesOfOnePurchase, 1, 2, 2)
		if _, err := s.desk.PauseInconsistent(context.Background(), []purchase.Finding{finding}); err != nil {
			t.Fatal(err)
		}
		notices, err := s.desk.Outbox.PendingNotifications(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notices {
			if n.Kind == purchase.NotificationInconsistent &&
				(n.Code != purchase.IncidentBooks || !n.Causes[0].Is(finding.Cause()) || n.Args["told"] != "yes") {
				t.Errorf("got %s, want the finding %s and that the admins are told", n.Cause, finding)
			}
		}
	}, func(s *shop) { s.channel = "CPURCHASES" })
}
