package purchase_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

const checkoutPath = "purchases/shopping-cart-checkout"

// events are the audit records of the kinds.
func (s *shop) events(kinds ...string) (found []purchase.Event) {
	s.t.Helper()
	err := s.ledger.View(context.Background(), func(r purchase.Reader) error {
		events, err := r.Events(1, 10000)
		found = slices.DeleteFunc(events, func(e purchase.Event) bool { return !slices.Contains(kinds, e.Kind) })
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func (s *shop) state() (account purchase.AccountState) {
	s.t.Helper()
	err := s.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		account, err = r.Account()
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return account
}

// told takes the notices of a kind that wait for the recipient, as whoever posts them does.
func (s *shop) told(recipient string, kind purchase.NotificationKind) (causes []string) {
	s.t.Helper()
	ctx := context.Background()
	notices, err := s.desk.Outbox.PendingNotifications(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, n := range notices {
		if n.Kind != kind || !slices.Contains(n.Pending, recipient) {
			continue
		}
		causes = append(causes, n.Cause.String())
		if err := s.desk.Outbox.MarkDelivered(ctx, n.ID, recipient, ""); err != nil {
			s.t.Fatal(err)
		}
	}
	return causes
}

// toldOfServer returns, and marks as delivered, what the admins have not yet read about the CoCalc server.
func (s *shop) toldOfServer() []string {
	s.t.Helper()
	return append(s.told(dana.ID, purchase.NotificationServer), s.told(dana.ID, purchase.NotificationServerBack)...)
}

func withChannel(s *shop) { s.channel = "CBUYING" }

// What somebody else buys on the account is reported once, in the ledger and in the channel, and never counted as ours.
func TestAForeignPurchase(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Minute)
		strangersItem(s)
		if err := s.account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(15 * time.Minute)
		license := s.account.Licenses()[0].ID
		texts := s.told("CBUYING", purchase.NotificationForeign)
		if len(texts) != 1 || !strings.Contains(texts[0], license) {
			t.Errorf("the channel was told %q", texts)
		}
		id := s.buy()
		s.until(id, purchase.Purchased)
		s.restart()
		<-time.After(72 * time.Hour)
		if again := s.told("CBUYING", purchase.NotificationForeign); len(again) > 0 {
			t.Errorf("told again: %q", again)
		}
		if e := s.events("foreign-purchase"); len(e) != 1 || e[0].Args["license"] != license {
			t.Errorf("recorded %+v", e)
		}
		h, err := s.desk.History(context.Background(), 1, 10)
		if err != nil || len(h.Purchases) != 1 || h.Months[0].Spent != 6375 {
			t.Errorf("history %+v (%v)", h, err)
		}
	}, withChannel)
}

// What was bought before the ledger began is nobody's news.
func TestPurchasesFromBeforeTheLedger(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		s.close()
		if err := os.Remove(s.path); err != nil { // the desk may have written in it, which would be its beginning
			t.Fatal(err)
		}
		strangersItem(s)
		if err := s.account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		s.open()
		<-time.After(time.Hour)
		if e := s.events("foreign-purchase"); len(e) > 0 {
			t.Errorf("reported %+v", e)
		}
	}, withChannel)
}

// A checkout that commits long after both settle windows is found all the same, and entered: the order that had failed
// is bought. Whoever was told otherwise is told.
func TestACheckoutThatCommitsAnHourLate(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(cocalctest.Fault{
			Endpoint: checkoutPath, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
			Times: 1,
		})
		s.server.SetCheckoutTakes(90*time.Minute, time.Second)
		id := s.buy()
		o := s.until(id, purchase.Failed)
		for o.Open() { // until nobody looks after it any more
			<-time.After(time.Minute)
			o = s.order(id)
		}
		s.check(0, 0, 0)
		o = s.until(id, purchase.Purchased)
		<-time.After(time.Hour)
		s.check(1, 6375, 0)
		if o.Receipt.Adopted || len(s.told("CBUYING", purchase.NotificationForeign)) > 0 {
			t.Errorf("our own checkout is called somebody else's: %+v", o.Receipt)
		}
	}, withChannel)
}

// A second purchase of a bought item that commits after its purchases were counted for the last time is a double buy
// too.
func TestADoubleBuyThatCommitsHoursLate(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.SetCheckoutTakes(0, time.Second)
		s.server.Inject(cocalctest.Fault{
			Endpoint: checkoutPath, When: cocalctest.Before, Effect: cocalctest.Call, Times: 1,
			Do: func(a *cocalctest.Account) {
				s.server.SetCheckoutTakes(3*time.Hour, time.Second)
				a.StartCheckout()
				s.server.SetCheckoutTakes(0, time.Second)
			},
		})
		id := s.buy()
		o := s.until(id, purchase.Purchased)
		for o.Open() {
			<-time.After(time.Minute)
			o = s.order(id)
		}
		if s.state().Pause != nil {
			t.Fatal("paused before there is a second license")
		}
		<-time.After(4 * time.Hour)
		o = s.order(id)
		if len(o.Receipt.Duplicates) != 1 || s.state().Pause == nil {
			t.Fatalf("receipt %+v, pause %+v", o.Receipt, s.state().Pause)
		}
		s.check(2, 2*6375, 0)
		for _, whom := range []string{dana.ID, "CBUYING"} {
			texts := s.told(whom, purchase.NotificationDoubleBuy)
			if len(texts) != 1 || !strings.Contains(texts[0], o.Receipt.LicenseID) ||
				!strings.Contains(texts[0], o.Receipt.Duplicates[0].LicenseID) ||
				!strings.Contains(texts[0], `amount="6375"`) {
				t.Errorf("%s was told %q", whom, texts)
			}
		}
		<-time.After(48 * time.Hour)
		s.check(2, 2*6375, 0) // and no third
	}, withChannel)
}

// A tag of ours on a purchase that the ledger cannot explain stops all buying: something is wrong with the ledger.
func TestAPurchaseThatCannotBeExplained(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(time.Minute)
		s.account.AddToCart("site-license",
			`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",`+
				`"boost":false,"period":"monthly","run_limit":1,"title":"x","description":"order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"}`)
		if err := s.account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(15 * time.Minute)
		texts := s.told(dana.ID, purchase.NotificationUnexplained)
		if len(texts) != 1 || !strings.Contains(texts[0], "01JD8Z3V5TQ4X6B7N8M9P0RSTW") {
			t.Errorf("the admin was told %q", texts)
		}
		if p := s.state().Pause; p == nil || p.Incidents[0].Code != purchase.IncidentUnexplained {
			t.Errorf("pause %+v", p)
		}
	})
}

// Who buys an item of ours again in CoCalc's own store copies our tag with it. That is no double buy.
func TestACopyOfOurItem(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		id := s.buy()
		s.until(id, purchase.Purchased)
		<-time.After(time.Hour)
		var ours string
		for _, item := range s.account.Cart() {
			ours = string(item.Description)
		}
		s.account.AddToCart("site-license", ours)
		if err := s.account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if texts := s.told("CBUYING", purchase.NotificationForeign); len(texts) != 1 ||
			!strings.Contains(texts[0], `why="copied"`) {
			t.Errorf("the channel was told %q", texts)
		}
		if p := s.state().Pause; p != nil {
			t.Errorf("paused: %s", p.Cause())
		}
	}, withChannel)
}

// The head of the audit chain goes to the channel once a day, if anything happened.
func TestTheHeadOfTheChainIsToldOnceADay(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		<-time.After(25 * time.Hour)
		s.told("CBUYING", purchase.NotificationHead) // that the ledger has begun
		s.propose(spec())
		for day := range 3 {
			<-time.After(24 * time.Hour)
			s.restart()
			texts := s.told("CBUYING", purchase.NotificationHead)
			if day == 0 && (len(texts) != 1 || !strings.Contains(texts[0], s.events("expired")[0].Hash)) {
				t.Errorf("day %d: told %q", day, texts)
			} else if day > 0 && len(texts) > 0 {
				t.Errorf("day %d: nothing happened, and it was told %q", day, texts)
			}
		}
	}, withChannel)
}

// A clock that is set ahead begins a new day, whose head is announced within the hour.
func TestOutbox_Run_ClockSetAhead(t *testing.T) {
	var ahead func(time.Duration)
	inShop(t, 40000, func(s *shop) {
		<-time.After(25 * time.Hour)
		s.told("CBUYING", purchase.NotificationHead) // that the ledger has begun
		s.propose(spec())
		ahead(24 * time.Hour)
		<-time.After(61 * time.Minute)
		if got := s.told("CBUYING", purchase.NotificationHead); len(got) != 1 {
			t.Errorf("got %q, want one head", got)
		}
	}, withChannel, func(s *shop) { ahead = clockOf(s) })
}
