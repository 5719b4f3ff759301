package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/purchase/orders"

	"pgregory.net/rapid"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/reconcile"
)

// The order machine under arbitrary commands of several people, with a CoCalc that fails in its ways and strangers at
// its cart, against a model that knows only what people were told. A failure prints the shortest story that still
// fails.
func TestLedger_StateMachine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var thrown any
		synctest.Test(t, func(*testing.T) {
			defer func() { thrown = recover() }()
			m := newMachine(rt)
			defer m.close()
			rt.Repeat(map[string]func(*rapid.T){
				"": m.check, "propose": m.propose, "confirm": m.confirm, "cancel": m.cancel,
				"buy":            func(rt *rapid.T) { m.propose(rt); m.confirm(rt) },
				"buy in trouble": func(rt *rapid.T) { m.fault(rt); m.propose(rt); m.confirm(rt) },
				"buy crowded":    func(rt *rapid.T) { m.stranger(rt); m.propose(rt); m.confirm(rt) },
				"time passes":    m.wait, "fault": m.fault, "faults end": func(*rapid.T) { m.server.ClearFaults() },
				"restart": func(*rapid.T) { m.stop(); m.start() }, "admin": m.admin, "stranger": m.stranger,
			})
			m.end(rt)
		})
		// What rapid throws it wants to see on its own goroutine. It tells a failure from a story that cannot be told by
		// where they come from.
		switch kind := fmt.Sprintf("%T", thrown); {
		case kind == "rapid.invalidData":
			panic(thrown)
		case thrown != nil:
			panic(thrown)
		}
	})
}

// The graph of docs/architecture.md in words of its own.
var ways = map[string]string{
	"":         "proposed",
	"proposed": "approved cancelled expired", "approved": "adding purchased failed cancelled",
	"adding": "carted purchased failed",
	"carted": "paying purchased failed", "paying": "purchased failed unknown", "unknown": "purchased failed",
	"failed": "purchased",
}

const limit = 15000 // cents a month: enough for some of the orders of a story

var (
	people = []purchase.Actor{{ID: "UALICE"}, {ID: "UBOB"}, {ID: "UCAROL"}}
	boss   = purchase.Actor{ID: "UDANA"}
	here   = purchase.Channel{ID: "CMATH"}
)

// told is what the model knows of an order.
type told struct {
	id        purchase.OrderID
	who       purchase.Actor
	price     purchase.Cents
	promised  bool // someone was told that it will be bought
	cancelled bool // someone was told that it will not
}

type machine struct {
	rt       *rapid.T
	memory   *Memory
	server   *cocalctest.Server
	account  *cocalctest.Account
	client   *cocalc.Client
	desk     *desk.Desk
	stop     func()
	orders   []told
	items    []int64 // of strangers, in the cart
	overlaps bool    // a stranger has checked out, perhaps in the same moment as we
}

func newMachine(rt *rapid.T) *machine {
	m := &machine{rt: rt, memory: new(Memory), server: cocalctest.New(cocalctest.Config{Seed: 1})}
	m.account = m.server.Add(cocalctest.NewAccount{Credit: 200000, Partner: true})
	// No two checkouts take the same time: what happens in the same instant happens in any order, and rapid wants a story
	// to go the same way again.
	var takes []time.Duration
	for n := range 200 {
		takes = append(takes, 40*time.Millisecond+time.Duration(n)*137*time.Microsecond)
	}
	m.server.SetCheckoutTakes(takes...)
	var err error
	if m.client,
		err = cocalc.New(cocalc.Options{
		BaseURL: "http://cocalc.test", Key: m.account.Key(),
		Transport: m.server.Transport(),
	}); err != nil {
		rt.Fatal(err)
	}
	m.start()
	return m
}

func (m *machine) start() {
	m.desk = desk.New(desk.Options{
		Ledger: m.memory, Shop: m.client, PurchasesChannel: "CBUYS",
		Policy: purchase.Policy{
			Everyone: true, Admins: map[string]bool{boss.ID: true}, OrderLimit: purchase.Limit{None: true},
			MonthlyBudget: purchase.Limit{Max: limit},
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.desk.Run(ctx) }()
	m.stop = func() {
		cancel()
		<-done //nolint:errcheck // it is the error of a canceled context
	}
}

func (m *machine) close() {
	m.stop()
	m.client.Close()
	m.server.Close()
}

func (m *machine) view(read func(purchase.Reader) error) {
	if err := m.memory.View(context.Background(), read); err != nil {
		m.rt.Fatal(err)
	}
}

func (m *machine) pick(rt *rapid.T) *told {
	if len(m.orders) == 0 {
		rt.Skip("there is no order yet")
	}
	return &m.orders[len(m.orders)-1-rapid.IntRange(0, len(m.orders)-1).Draw(rt, "orders ago")]
}

// click is mostly the requester's own.
func (m *machine) click(rt *rapid.T, k *told) purchase.Action {
	return purchase.Action{Actor: rapid.SampledFrom(append([]purchase.Actor{k.who, k.who, k.who}, people...)).Draw(rt,
		"who"), Channel: here}
}

func (m *machine) propose(rt *rapid.T) {
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = rapid.SampledFrom([]int{4, 16}).Draw(rt, "ram"), 1
	who := rapid.SampledFrom(people).Draw(rt, "who")
	p, err := m.desk.Propose(context.Background(), purchase.Request{Requester: who, Channel: here, Spec: spec})
	if no := new(purchase.Refusal); errors.As(err, &no) {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	m.orders = append(m.orders, told{id: p.Order.ID, who: who, price: p.Order.Price})
}

// now reads an order with what decides about it.
func (m *machine) now(id purchase.OrderID) (o purchase.Order, budget purchase.Budget, paused bool) {
	synctest.Wait() // nothing else happens at this moment
	m.view(func(r purchase.Reader) (err error) {
		o, err = r.Order(id)
		account, err2 := r.Account()
		budget, _ = r.Budget(time.Now().UTC().Format("2006-01"))
		paused = account.Pause != nil
		return errors.Join(err, err2)
	})
	return o, budget, paused
}

func (m *machine) confirm(rt *rapid.T) {
	k := m.pick(rt)
	action := m.click(rt, k)
	o, budget, paused := m.now(k.id)
	may := action.Actor.ID == k.who.ID && o.State == purchase.Proposed && time.Now().Before(o.Expires) && !paused &&
		budget.Spent+budget.Reserved+k.price <= limit
	_, err := m.desk.Decide(context.Background(), action, k.id, orders.Decision{Kind: orders.Confirm})
	if (err == nil) != may {
		rt.Fatalf("%s confirms %s (%s, %s spent, %s reserved, paused %v): %v", action.Actor.ID, k.id, o.State, budget.Spent,
			budget.Reserved, paused, err)
	}
	k.promised = k.promised || err == nil
}

func (m *machine) cancel(rt *rapid.T) {
	k := m.pick(rt)
	action := m.click(rt, k)
	o, _, _ := m.now(k.id)
	may := action.Actor.ID == k.who.ID && (o.State == purchase.Proposed || o.State == purchase.Approved)
	_, err := m.desk.Decide(context.Background(), action, k.id, orders.Decision{Kind: orders.Cancel})
	if (err == nil) != may {
		rt.Fatalf("%s cancels %s (%s): %v", action.Actor.ID, k.id, o.State, err)
	}
	k.cancelled = k.cancelled || err == nil
}

func (m *machine) wait(rt *rapid.T) {
	<-time.After(rapid.SampledFrom([]time.Duration{
		10 * time.Millisecond, time.Second, time.Minute, 12 * time.Minute,
		45 * time.Minute,
	}).Draw(rt, "time"))
}

func (m *machine) fault(rt *rapid.T) {
	name := rapid.SampledFrom([]string{
		"lost-answer", "late-checkout", "server-error", "error-after-buying", "refused", "throttled",
		"lost-add", "cart-stranger", "price-moved", "no-credit", "outage",
	}).Draw(rt, "fault")
	if err := m.server.SwitchOn(name); err != nil {
		rt.Fatal(err)
	}
}

// admin pauses, resumes, or settles what is unknown by what CoCalc shows, when a late checkout would have shown.
func (m *machine) admin(rt *rapid.T) {
	action := purchase.Action{Actor: boss, Channel: here, Typed: true}
	var err error
	switch what := rapid.SampledFrom([]string{"settle", "resume", "settle", "resume", "pause"}).Draw(rt, "what"); what {
	case "pause":
		err = m.desk.SetPaused(context.Background(), action, true, "so")
	case "resume":
		err = m.desk.SetPaused(context.Background(), action, false, "so")
	default:
		k := m.pick(rt)
		<-time.After(time.Minute)
		o, _, _ := m.now(k.id)
		s := orders.Decision{Kind: orders.Resolve, Verdict: purchase.WasNotBought, Reason: "I looked"}
		if licenses := m.licenses(k.id); len(licenses) > 0 {
			s.Verdict, s.LicenseID = purchase.WasBought, licenses[0].ID
		}
		_, err = m.desk.Decide(context.Background(), action, k.id, s)
		if (err == nil) != (o.State == purchase.Unknown) {
			rt.Fatalf("settle %s, which is %s: %v", k.id, o.State, err)
		}
	}
	if no := new(purchase.Refusal); err != nil && !errors.As(err, &no) {
		rt.Fatal(err)
	}
}

// stranger uses the same cart: adds something, takes it out again, or buys what is checked.
func (m *machine) stranger(rt *rapid.T) {
	switch what := rapid.SampledFrom([]string{"add", "remove", "check out"}).Draw(rt, "what"); {
	case what == "add":
		spec := cocalc.DefaultSpec()
		spec.RAM, spec.CPU = 2, 1
		m.items = append(m.items, m.account.AddToCart("site-license", string(spec.CartDescription(time.Now()))))
	case what == "remove" && len(m.items) > 0:
		m.account.Remove(m.items[0])
		m.items = m.items[1:]
	case what == "check out":
		m.overlaps = true
		_ = m.account.Checkout() // which may find nothing that is checked
	}
}

func (m *machine) licenses(id purchase.OrderID) (ours []cocalctest.License) {
	for _, l := range m.account.Licenses() {
		if strings.HasSuffix(l.Description, id.Tag()) {
			ours = append(ours, l)
		}
	}
	return ours
}

// check holds after every step.
func (m *machine) check(rt *rapid.T) {
	synctest.Wait()
	m.view(func(r purchase.Reader) error {
		events, err := r.Events(1, 1<<20)
		if err != nil {
			return err
		}
		at, prev := map[purchase.OrderID]string{}, ""
		after := map[purchase.OrderID]bool{} // bought after all: their money was free to be promised again in between
		for i, e := range events {
			if hash, _ := Hash(e); e.Number != uint64(i+1) || e.Prev != prev || e.Hash != hash {
				rt.Fatalf("audit record %d does not hang on the one before", i+1)
			}
			prev = e.Hash
			if _, state := ways[e.Kind]; !state && !slices.Contains([]string{"purchased", "cancelled", "expired"}, e.Kind) {
				continue
			}
			if !slices.Contains(strings.Fields(ways[at[e.Order]]), e.Kind) {
				rt.Fatalf("order %s went from %q to %s", e.Order, at[e.Order], e.Kind)
			}
			after[e.Order] = at[e.Order] == "failed"
			at[e.Order] = e.Kind
		}
		for _, k := range m.orders {
			o, err := r.Order(k.id)
			if err != nil {
				return err
			}
			unpromised := o.State == purchase.Proposed || o.State == purchase.Expired
			switch {
			case at[k.id] != string(o.State):
				rt.Fatalf("order %s is %s, and the audit says %s", k.id, o.State, at[k.id])
			case k.cancelled != (o.State == purchase.Cancelled):
				rt.Fatalf("order %s is %s; that it was cancelled was said: %v", k.id, o.State, k.cancelled)
			case !k.cancelled && k.promised == unpromised:
				rt.Fatalf("order %s is %s; that it is bought was said: %v", k.id, o.State, k.promised)
			case o.Price != k.price || o.Receipt != nil && o.Receipt.Charged > k.price:
				rt.Fatalf("order %s was shown with %s: %+v", k.id, k.price, o.Receipt)
			}
			if n := len(m.licenses(k.id)); n > 1 && !m.overlaps || n > 0 && !k.promised {
				rt.Fatalf("order %s, %s, was bought %d times", k.id, o.State, n)
			}
		}
		return m.checkMoney(rt, r, after)
	})
}

// checkMoney looks at the books and the limit, which only purchases that no one promised can pass.
func (m *machine) checkMoney(rt *rapid.T, r purchase.Reader, after map[purchase.OrderID]bool) error {
	findings, err := reconcile.CheckConsistency(r)
	for _, f := range findings {
		rt.Fatal(f)
	}
	entries, err2 := r.Purchases(0, 1000)
	months, err3 := r.Budgets(100)
	beyond := map[string]purchase.Cents{}
	for _, p := range entries {
		if p.Duplicate || after[p.Order] {
			beyond[p.Month] += p.Charged
		}
	}
	for _, b := range months {
		if b.Reserved < 0 || b.Spent-beyond[b.Month]+b.Reserved > limit {
			rt.Fatalf("the budget of %s: %s spent, of that %s without a promise, %s reserved", b.Month, b.Spent, beyond[b.Month],
				b.Reserved)
		}
	}
	return errors.Join(err, err2, err3)
}

// end lets everything come to its end: with a CoCalc that works, every order ends, and both sides say the same.
func (m *machine) end(rt *rapid.T) {
	m.server.ClearFaults()
	for range 12 {
		err := m.desk.SetPaused(context.Background(), purchase.Action{Actor: boss, Channel: here, Typed: true}, false,
			"go on")
		if no := new(purchase.Refusal); err != nil && !errors.As(err, &no) {
			rt.Fatal(err)
		}
		<-time.After(15 * time.Minute)
	}
	m.check(rt)
	m.view(func(r purchase.Reader) error {
		for _, k := range m.orders {
			o, err := r.Order(k.id)
			if err != nil {
				return err
			}
			want := 0
			if o.Receipt != nil {
				want = 1 + len(o.Receipt.Duplicates)
			}
			if n := len(m.licenses(k.id)); o.Open() || n != want {
				rt.Fatalf("in the end order %s is %s (open: %v), and CoCalc sold %d, not %d", k.id, o.State, o.Open(), n, want)
			}
		}
		return nil
	})
	for _, item := range m.account.Cart() {
		if slices.Contains(m.items, item.ID) && item.PurchasedAt.IsZero() && !item.Checked {
			rt.Fatalf("item %d of a stranger was not checked again", item.ID)
		}
		if item.PurchasedAt.IsZero() && item.Removed.IsZero() && strings.Contains(string(item.Description), "order 0") {
			rt.Fatalf("item %d of ours is still in the cart: %s", item.ID, item.Description)
		}
	}
}
