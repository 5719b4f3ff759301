package purchase_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// pages are the lines of a log.
type pages struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (p *pages) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Write(text)
}

func (p *pages) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all.Reset()
}

func (p *pages) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.String()
}

// line is what the tests read of one.
type line struct {
	Level, Message, Order, State, Person, By, Price, Code, License, Words, Note, Event string
	Ms                                                                                 *int64
}

// lines are those that mention text, oldest first.
func (p *pages) lines(t *testing.T, text string) (all []line) {
	t.Helper()
	for raw := range strings.Lines(p.String()) {
		var l line
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if strings.Contains(raw, text) {
			all = append(all, l)
		}
	}
	return all
}

func writing(p *pages) func(*shop) {
	return func(s *shop) { s.log = zerolog.New(p).Level(zerolog.InfoLevel) }
}

// One search for the id of an order follows it from its card to its license, of which the log has the end alone.
func TestTheLogFollowsAnOrder(t *testing.T) {
	var log pages
	inShop(t, 40000, func(s *shop) {
		id := s.buy()
		s.until(id, purchase.Purchased)
		var states []string
		for _, l := range log.lines(t, string(id)) {
			if l.Level != "info" || l.Order != string(id) {
				t.Errorf("%+v", l)
			}
			if l.State == "" {
				continue
			}
			states = append(states, l.State)
			if l.Message != "move order" || l.Person != alice.ID || l.By == "" || l.Price != "$63.75" || l.Ms == nil ||
				*l.Ms < 0 {
				t.Errorf("%+v", l)
			}
		}
		if want := []string{"proposed", "approved", "adding", "carted", "paying", "purchased"}; !slices.Equal(states, want) {
			t.Errorf("the log says %v, want %v\n%s", states, want, log.String())
		}
		whole := s.order(id).Receipt.LicenseID
		if strings.Contains(log.String(), whole) || !strings.Contains(log.String(), `"license":"`+purchase.ShortID(whole)+
			`"`) {
			t.Errorf("the log has the whole id of the license, or not its end:\n%s", log.String())
		}
	}, writing(&log))
}

// A pause, what it refuses and its end are a line each.
func TestTheLogHasPausesAndRefusals(t *testing.T) {
	var log pages
	inShop(t, 40000, func(s *shop) {
		if err := s.desk.SetPaused(context.Background(), byAdmin, true, "month-end close"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Propose(context.Background(), purchase.Request{
			Requester: alice, Channel: math,
			Spec: spec(),
		}); err ==
			nil {
			t.Fatal("it was proposed")
		}
		if err := s.desk.SetPaused(context.Background(), byAdmin, false, "closed"); err != nil {
			t.Fatal(err)
		}
		for message, want := range map[string]line{
			"pause buying":   {By: dana.ID, Note: "month-end close"},
			"refuse request": {Person: alice.ID, Code: "paused"},
			"resume buying":  {By: dana.ID, Note: "closed"},
		} {
			got := log.lines(t, message)
			if len(got) != 1 || got[0].Level != "info" || got[0].By != want.By || got[0].Note != want.Note ||
				got[0].Person != want.Person || got[0].Code != want.Code {
				t.Errorf("%s: %+v\n%s", message, got, log.String())
			}
		}
	}, writing(&log))
}

// The card sends people to the log for CoCalc's words, so they are there, with the order.
func TestTheLogHasCoCalcsWords(t *testing.T) {
	for endpoint, words := range map[string]string{
		"shopping/cart/add":                "Not for sale this week.",
		"purchases/shopping-cart-checkout": "The store is closed.",
	} {
		t.Run(endpoint, func(t *testing.T) {
			var log pages
			inShop(t, 40000, func(s *shop) {
				s.server.Inject(cocalctest.Fault{Endpoint: endpoint, Effect: cocalctest.Refuse, Text: words, Times: 1})
				id := s.buy()
				s.until(id, purchase.Failed)
				got := log.lines(t, words)
				if len(got) != 1 || got[0].Level != "warn" || got[0].Words != words || got[0].Order != string(id) {
					t.Errorf("%+v\n%s", got, log.String())
				}
			}, writing(&log))
		})
	}
}

// A CoCalc that is down is a line at the start, one a minute and one at the end, however often it is asked.
func TestTheLogTellsOfAnOutageOnceAMinute(t *testing.T) {
	var log pages
	inShop(t, 40000, func(s *shop) {
		id := s.buy()
		s.until(id, purchase.Purchased)
		log.Reset()
		s.server.Inject(cocalctest.Fault{Effect: cocalctest.Fail, Status: 503})
		for began := time.Now(); time.Since(began) < 10*time.Minute; {
			_, _ = s.desk.Account.Licenses(context.Background()) // every second or two, as busy people do
			time.Sleep(time.Second)
		}
		s.server.ClearFaults()
		time.Sleep(15 * time.Minute) // until it is asked again
		misses, again := append(log.lines(t, "lose CoCalc"), log.lines(t, "wait for CoCalc")...),
			log.lines(t, "reach CoCalc again")
		if len(misses) < 10 || len(misses) > 11 || len(again) != 1 {
			t.Errorf("%d lines say that CoCalc is down for ten minutes, and %d that it is back:\n%s", len(misses), len(again),
				log.String())
		}
		for _, l := range log.lines(t, `"level":"warn"`) {
			if !strings.HasPrefix(l.Message, "lose CoCalc") && !strings.HasPrefix(l.Message, "wait for CoCalc") {
				t.Errorf("it is told besides: %+v", l)
			}
		}
	}, writing(&log))
}

// forgetful is a ledger whose disk takes nothing.
type forgetful struct{ purchase.Ledger }

func (f forgetful) Update(ctx context.Context, change func(purchase.Writer) error) error {
	return f.Ledger.Update(ctx, func(w purchase.Writer) error {
		return errors.Join(change(w), errors.New("the disk takes nothing"))
	})
}

// What was undone did not happen, and the log does not say that it did.
func TestTheLogTellsOfNothingThatWasNotKept(t *testing.T) {
	var log pages
	inShop(t, 40000, func(s *shop) {
		if _, err := s.desk.Propose(context.Background(), purchase.Request{
			Requester: alice, Channel: math,
			Spec: spec(),
		}); err ==
			nil {
			t.Fatal("it was proposed")
		}
		if got := log.lines(t, "move order"); len(got) > 0 {
			t.Errorf("%+v", got)
		}
	}, writing(&log), func(s *shop) {
		s.wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return forgetful{l}, over
		}
	})
}
