package register_test

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
	"licensebot/purchase/purchasetest"
)

// One search for the id of an order follows it from its card to its license, of which the log has the end alone.
func TestRegister_Log_FollowsOrder(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		var states []string
		for _, l := range log.entries(t, string(id)) {
			if l.Level != "info" || l.Order != string(id) {
				t.Errorf("%+v", l)
			}
			if l.State == "" {
				continue
			}
			states = append(states, l.State)
			if l.Message != "move order" || l.Person != purchasetest.Alice.ID || l.By == "" || l.Price != "$63.75" ||
				l.Ms == nil ||
				*l.Ms < 0 {
				t.Errorf("%+v", l)
			}
		}
		if want := []string{"proposed", "approved", "adding", "carted", "paying", "purchased"}; !slices.Equal(states, want) {
			t.Errorf("the log says %v, want %v\n%s", states, want, log.String())
		}
		whole := env.Order(id).Receipt.LicenseID
		if strings.Contains(log.String(), whole) || !strings.Contains(log.String(), `"license":"`+purchase.ShortID(whole)+
			`"`) {
			t.Errorf("the log has the whole id of the license, or not its end:\n%s", log.String())
		}
	}, withLog(&log))
}

// A pause, what it refuses and its end are a line each.
func TestRegister_Log_PausesAndRefusals(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true, "month-end close"); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(),
		}); err ==
			nil {
			t.Fatal("it was proposed")
		}
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false, "closed"); err != nil {
			t.Fatal(err)
		}
		for message, want := range map[string]logEntry{
			"pause buying":   {By: purchasetest.Dana.ID, Note: "month-end close"},
			"refuse request": {Person: purchasetest.Alice.ID, Code: "paused"},
			"resume buying":  {By: purchasetest.Dana.ID, Note: "closed"},
		} {
			got := log.entries(t, message)
			if len(got) != 1 || got[0].Level != "info" || got[0].By != want.By || got[0].Note != want.Note ||
				got[0].Person != want.Person || got[0].Code != want.Code {
				t.Errorf("%s: %+v\n%s", message, got, log.String())
			}
		}
	}, withLog(&log))
}

// The card sends people to the log for CoCalc's words, so they are there, with the order.
func TestRegister_Log_CoCalcSentence(t *testing.T) {
	for endpoint, words := range map[string]string{
		"shopping/cart/add":                "Not for sale this week.",
		"purchases/shopping-cart-checkout": "The store is closed.",
	} {
		t.Run(endpoint, func(t *testing.T) {
			var log logBuffer
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				env.Server.Inject(cocalctest.Fault{Endpoint: endpoint, Effect: cocalctest.Refuse, Text: words, Times: 1})
				id := env.Buy()
				env.Until(id, purchase.Failed)
				got := log.entries(t, words)
				if len(got) != 1 || got[0].Level != "warn" || got[0].Words != words || got[0].Order != string(id) {
					t.Errorf("%+v\n%s", got, log.String())
				}
			}, withLog(&log))
		})
	}
}

// A CoCalc that is down is a line at the start, one a minute and one at the end, however often it is asked.
func TestRegister_Log_OutageOncePerMinute(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		log.Reset()
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.Fail, Status: 503})
		for began := time.Now(); time.Since(began) < 10*time.Minute; {
			_, _ = env.Desk.Account.Licenses(context.Background()) // every second or two, as busy people do
			time.Sleep(time.Second)
		}
		env.Server.ClearFaults()
		time.Sleep(15 * time.Minute) // until it is asked again
		misses, again := append(log.entries(t, "lose CoCalc"), log.entries(t, "wait for CoCalc")...),
			log.entries(t, "reach CoCalc again")
		if len(misses) < 10 || len(misses) > 11 || len(again) != 1 {
			t.Errorf("%d lines say that CoCalc is down for ten minutes, and %d that it is back:\n%s", len(misses), len(again),
				log.String())
		}
		for _, l := range log.entries(t, `"level":"warn"`) {
			if !strings.HasPrefix(l.Message, "lose CoCalc") && !strings.HasPrefix(l.Message, "wait for CoCalc") {
				t.Errorf("it is told besides: %+v", l)
			}
		}
	}, withLog(&log))
}

// What was undone did not happen, and the log does not say that it did.
func TestRegister_Log_UndoneChange(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		if _, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(),
		}); err ==
			nil {
			t.Fatal("it was proposed")
		}
		if got := log.entries(t, "move order"); len(got) > 0 {
			t.Errorf("%+v", got)
		}
	}, withLog(&log), func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return undoingLedger{l}, over
		}
	})
}

// pages are the lines of a log.
type logBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (p *logBuffer) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Write(text)
}

func (p *logBuffer) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all.Reset()
}

func (p *logBuffer) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.String()
}

// lines are those that mention text, oldest first.
func (p *logBuffer) entries(t *testing.T, text string) (all []logEntry) {
	t.Helper()
	for raw := range strings.Lines(p.String()) {
		var l logEntry
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if strings.Contains(raw, text) {
			all = append(all, l)
		}
	}
	return all
}

// line is what the tests read of one.
type logEntry struct {
	Level, Message, Order, State, Person, By, Price, Code, License, Words, Note, Event string
	Ms                                                                                 *int64
}

func withLog(p *logBuffer) func(*purchasetest.Env) {
	return func(env *purchasetest.Env) { env.Log = zerolog.New(p).Level(zerolog.InfoLevel) }
}

// forgetful is a ledger whose disk takes nothing.
type undoingLedger struct{ purchase.Ledger }

func (f undoingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	return f.Ledger.Update(ctx, func(w purchase.Writer) error {
		return errors.Join(change(w), errors.New("the disk takes nothing"))
	})
}
