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

// The log lines with the id of an order follow it from its card to its license. The log has only the end of the id of
// the license.
func TestRegister_Log_FollowsOrder(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		var states []string
		for _, l := range log.entries(t, string(id)) {
			if l.Level != "info" || l.Order != string(id) {
				t.Errorf("log line: got %+v, want level info and order %s", l, id)
			}
			if l.State == "" {
				continue
			}
			states = append(states, l.State)
			if l.Message != "move order" || l.Person != purchasetest.Alice.ID || l.By == "" || l.Price != "$63.75" ||
				l.Ms == nil || *l.Ms < 0 {
				t.Errorf("log line of a transition: got %+v, want move order, person %s, by, $63.75 and ms", l,
					purchasetest.Alice.ID)
			}
		}
		if want := []string{"proposed", "approved", "adding", "carted", "paying", "purchased"}; !slices.Equal(states, want) {
			t.Errorf("states in the log: got %v, want %v\n%s", states, want, log.String())
		}
		whole := env.Order(id).Receipt.LicenseID
		if strings.Contains(log.String(), whole) || !strings.Contains(log.String(), `"license":"`+purchase.ShortID(whole)+
			`"`) {
			t.Errorf("license in the log: got\n%s\nwant only the short id %s", log.String(), purchase.ShortID(whole))
		}
	}, withLog(&log))
}

// A pause, a refusal during it and its end are logged in one line each.
func TestRegister_Log_PausesAndRefusals(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true, "month-end close"); err != nil {
			t.Fatal(err)
		}
		_, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(),
		})
		if err == nil {
			t.Fatalf("proposal: got error %v, want one", err)
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
				t.Errorf("log lines of %s: got %+v, want one at info with %+v\n%s", message, got, want, log.String())
			}
		}
	}, withLog(&log))
}

// A refusal of CoCalc is logged once, in its own words and with the id of the order.
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
					t.Errorf("log lines: got %+v, want one warning %q of order %s\n%s", got, words, id, log.String())
				}
			}, withLog(&log))
		})
	}
}

// An outage of CoCalc is logged once at its start, once a minute and once at its end, even with a request each second.
func TestRegister_Log_OutageOncePerMinute(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		log.Reset()
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.Fail, Status: 503})
		for began := time.Now(); time.Since(began) < 10*time.Minute; {
			_, _ = env.Desk.Account.Licenses(context.Background()) // each second or two, like active users
			time.Sleep(time.Second)
		}
		env.Server.ClearFaults()
		time.Sleep(15 * time.Minute) // until the next request
		outages, returns := append(log.entries(t, "lose CoCalc"), log.entries(t, "wait for CoCalc")...),
			log.entries(t, "reach CoCalc again")
		if len(outages) < 10 || len(outages) > 11 || len(returns) != 1 {
			t.Errorf("log lines: got %d of the outage and %d of its end, want 10 to 11 and 1:\n%s", len(outages), len(returns),
				log.String())
		}
		for _, l := range log.entries(t, `"level":"warn"`) {
			if !strings.HasPrefix(l.Message, "lose CoCalc") && !strings.HasPrefix(l.Message, "wait for CoCalc") {
				t.Errorf("warning: got %+v, want only those of the outage", l)
			}
		}
	}, withLog(&log))
}

// A transaction that is rolled back logs no transition.
func TestRegister_Log_UndoneChange(t *testing.T) {
	var log logBuffer
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		_, err := env.Desk.Propose(context.Background(), purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(),
		})
		if err == nil {
			t.Fatalf("proposal: got error %v, want one", err)
		}
		if got := log.entries(t, "move order"); len(got) > 0 {
			t.Errorf("log lines of transitions: got %+v, want none", got)
		}
	}, withLog(&log), func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return undoingLedger{l}, shop
		}
	})
}

// logBuffer collects the lines of a log.
type logBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *logBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(text)
}

func (b *logBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all.Reset()
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// entries returns the log entries that contain text, oldest first.
func (b *logBuffer) entries(t *testing.T, text string) (all []logEntry) {
	t.Helper()
	for raw := range strings.Lines(b.String()) {
		var l logEntry
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			t.Fatalf("log line %q: got %v, want JSON", raw, err)
		}
		if strings.Contains(raw, text) {
			all = append(all, l)
		}
	}
	return all
}

// logEntry has the fields of a log line that the tests compare.
type logEntry struct {
	Level, Message, Order, State, Person, By, Price, Code, License, Words, Note, Event string
	Ms                                                                                 *int64
}

// withLog makes the bot log to b at info.
func withLog(b *logBuffer) func(*purchasetest.Env) {
	return func(env *purchasetest.Env) { env.Log = zerolog.New(b).Level(zerolog.InfoLevel) }
}

// undoingLedger is a ledger that rolls back each change.
type undoingLedger struct{ purchase.Ledger }

func (l undoingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	return l.Ledger.Update(ctx, func(w purchase.Writer) error {
		return errors.Join(change(w), errors.New("rolled back"))
	})
}
