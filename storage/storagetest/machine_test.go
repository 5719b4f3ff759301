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

// The desk under arbitrary commands of several people, with a CoCalc that fails in its ways and other people who use
// its cart, against a model that knows only which commands succeeded. A failure prints the shortest sequence that still
// fails.
func TestLedger_StateMachine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var thrown any
		synctest.Test(t, func(*testing.T) {
			defer func() { thrown = recover() }()
			time.Sleep(10 * 24 * time.Hour) // what is bought on the first days of a month is renewed in it
			m := newMachine(rt)
			defer m.close()
			rt.Repeat(map[string]func(*rapid.T){
				"": m.check, "propose": m.propose, "confirm": m.confirm, "cancel": m.cancel,
				"buy":            func(rt *rapid.T) { m.propose(rt); m.confirm(rt) },
				"buy in trouble": func(rt *rapid.T) { m.fault(rt); m.propose(rt); m.confirm(rt) },
				"buy crowded":    func(rt *rapid.T) { m.otherPerson(rt); m.propose(rt); m.confirm(rt) },
				"time passes":    m.wait, "fault": m.fault, "faults end": func(*rapid.T) { m.server.ClearFaults() },
				"restart": func(*rapid.T) { m.stop(); m.start() }, "admin": m.admin, "other person": m.otherPerson,
			})
			m.end(rt)
		})
		// rapid has to see its panics on its own goroutine, and distinguishes a failure from a skipped step by the place of
		// the panic.
		switch kind := fmt.Sprintf("%T", thrown); {
		case kind == "rapid.invalidData":
			panic(thrown)
		case thrown != nil:
			panic(thrown)
		}
	})
}

// transitions are those of docs/architecture.md, written down again: from a state to others.
var transitions = map[string]string{
	"":         "proposed",
	"proposed": "approved cancelled expired", "approved": "adding purchased failed cancelled",
	"adding": "carted purchased failed",
	"carted": "paying purchased failed", "paying": "purchased failed unknown", "unknown": "purchased failed",
	"failed": "purchased",
}

const limit = 15000 // cents a month: enough for some of the orders of a sequence

var (
	people = []purchase.Actor{{ID: "UALICE"}, {ID: "UBOB"}, {ID: "UCAROL"}}
	boss   = purchase.Actor{ID: "UDANA"}
	here   = purchase.Channel{ID: "CMATH"}
)

// expectation is what the model knows of an order.
type expectation struct {
	id        purchase.OrderID
	requester purchase.Actor
	price     purchase.Cents
	confirmed bool // a confirmation succeeded
	cancelled bool // a cancellation succeeded
}

type machine struct {
	rt       *rapid.T
	memory   *Memory
	server   *cocalctest.Server
	account  *cocalctest.Account
	client   *cocalc.Client
	desk     *desk.Desk
	stop     func()
	orders   []expectation
	items    []int64 // of other people, in the cart
	overlaps bool    // another person has checked out, perhaps at the same time as the desk
}

func newMachine(rt *rapid.T) *machine {
	m := &machine{rt: rt, memory: new(Memory), server: cocalctest.New(cocalctest.Config{Seed: 1})}
	m.account = m.server.Add(cocalctest.NewAccount{Credit: 200000, Partner: true})
	// No two checkouts take the same time: events of the same instant happen in any order, but rapid needs a sequence to
	// run the same way again.
	var takes []time.Duration
	for n := range 200 {
		takes = append(takes, 40*time.Millisecond+time.Duration(n)*137*time.Microsecond)
	}
	m.server.SetCheckoutTakes(takes...)
	var err error
	m.client, err = cocalc.New(cocalc.Options{
		BaseURL: "http://cocalc.test", Key: m.account.Key(), Transport: m.server.Transport(),
	})
	if err != nil {
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

// pick draws an order, counted from the newest. It skips the step if there is none.
func (m *machine) pick(rt *rapid.T) *expectation {
	if len(m.orders) == 0 {
		rt.Skip("there is no order yet")
	}
	return &m.orders[len(m.orders)-1-rapid.IntRange(0, len(m.orders)-1).Draw(rt, "orders ago")]
}

// action draws who acts on an order: in half of the cases, the requester.
func (m *machine) action(rt *rapid.T, e *expectation) purchase.Action {
	actors := append([]purchase.Actor{e.requester, e.requester, e.requester}, people...)
	return purchase.Action{Actor: rapid.SampledFrom(actors).Draw(rt, "who"), Channel: here}
}

func (m *machine) propose(rt *rapid.T) {
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = rapid.SampledFrom([]int{4, 16}).Draw(rt, "ram"), 1
	who := rapid.SampledFrom(people).Draw(rt, "who")
	p, err := m.desk.Propose(context.Background(), purchase.Request{Requester: who, Channel: here, Spec: spec})
	if refusal := new(purchase.Refusal); errors.As(err, &refusal) {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	m.orders = append(m.orders, expectation{id: p.Order.ID, requester: who, price: p.Order.Price})
}

// now reads an order, the month's budget and whether buying is paused.
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
	action := m.action(rt, k)
	o, budget, paused := m.now(k.id)
	may := action.Actor.ID == k.requester.ID && o.State == purchase.Proposed && time.Now().Before(o.Expires) && !paused &&
		budget.Spent+budget.Reserved+k.price <= limit
	_, err := m.desk.Decide(context.Background(), action, k.id, orders.Decision{Kind: orders.Confirm})
	if (err == nil) != may {
		rt.Fatalf("%s confirms %s (%s, %s spent, %s reserved, paused %t): got the error %v, want success %t", action.Actor.ID,
			k.id, o.State, budget.Spent, budget.Reserved, paused, err, may)
	}
	k.confirmed = k.confirmed || err == nil
}

func (m *machine) cancel(rt *rapid.T) {
	k := m.pick(rt)
	action := m.action(rt, k)
	o, _, _ := m.now(k.id)
	may := action.Actor.ID == k.requester.ID && (o.State == purchase.Proposed || o.State == purchase.Approved)
	_, err := m.desk.Decide(context.Background(), action, k.id, orders.Decision{Kind: orders.Cancel})
	if (err == nil) != may {
		rt.Fatalf("%s cancels %s (%s): got the error %v, want success %t", action.Actor.ID, k.id, o.State, err, may)
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

// admin pauses or resumes buying, or resolves an unknown order by what CoCalc shows, once a late checkout would have
// shown.
func (m *machine) admin(rt *rapid.T) {
	action := purchase.Action{Actor: boss, Channel: here, Typed: true}
	var err error
	switch what := rapid.SampledFrom([]string{"resolve", "resume", "resolve", "resume", "pause"}).Draw(rt, "what"); what {
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
			rt.Fatalf("resolve %s (%s): got the error %v, want success only if it is unknown", k.id, o.State, err)
		}
	}
	if refusal := new(purchase.Refusal); err != nil && !errors.As(err, &refusal) {
		rt.Fatal(err)
	}
}

// otherPerson uses the same cart: adds an item, removes one, or checks out.
func (m *machine) otherPerson(rt *rapid.T) {
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
		_ = m.account.Checkout() // returns an error if no item is checked
	}
}

// licenses returns the licenses that were bought for an order.
func (m *machine) licenses(id purchase.OrderID) (bought []cocalctest.License) {
	for _, l := range m.account.Licenses() {
		if strings.HasSuffix(l.Description, id.Tag()) {
			bought = append(bought, l)
		}
	}
	return bought
}

// check checks the invariants, after every step.
func (m *machine) check(rt *rapid.T) {
	synctest.Wait()
	m.view(func(r purchase.Reader) error {
		events, err := r.Events(1, 1<<20)
		if err != nil {
			return err
		}
		at, prev := map[purchase.OrderID]string{}, ""
		late := map[purchase.OrderID]bool{} // bought after they had failed: meanwhile, their money was not reserved
		for i, e := range events {
			if hash, _ := Hash(e); e.Number != uint64(i+1) || e.Prev != prev || e.Hash != hash {
				rt.Fatalf("got the audit record %+v, want number %d, the hash before %q and its hash %s", e, i+1, prev, hash)
			}
			prev = e.Hash
			if _, state := transitions[e.Kind]; !state && !slices.Contains([]string{"purchased", "cancelled", "expired"},
				e.Kind) {
				continue
			}
			if !slices.Contains(strings.Fields(transitions[at[e.Order]]), e.Kind) {
				rt.Fatalf("order %s: got the transition from %q to %s, want one of %q", e.Order, at[e.Order], e.Kind,
					transitions[at[e.Order]])
			}
			late[e.Order] = at[e.Order] == "failed"
			at[e.Order] = e.Kind
		}
		for _, k := range m.orders {
			o, err := r.Order(k.id)
			if err != nil {
				return err
			}
			unconfirmed := o.State == purchase.Proposed || o.State == purchase.Expired
			switch {
			case at[k.id] != string(o.State):
				rt.Fatalf("order %s: got the state %s, want %s as in the audit", k.id, o.State, at[k.id])
			case k.cancelled != (o.State == purchase.Cancelled):
				rt.Fatalf("order %s: got the state %s, want it cancelled: %t", k.id, o.State, k.cancelled)
			case !k.cancelled && k.confirmed == unconfirmed:
				rt.Fatalf("order %s: got the state %s, want it confirmed: %t", k.id, o.State, k.confirmed)
			case o.Price != k.price || o.Receipt != nil && o.Receipt.Charged > k.price:
				rt.Fatalf("order %s: got the price %s and the receipt %+v, want at most %s", k.id, o.Price, o.Receipt, k.price)
			}
			if n := len(m.licenses(k.id)); n > 1 && !m.overlaps || n > 0 && !k.confirmed {
				rt.Fatalf("order %s (%s): got %d licenses, want at most one, and none without a confirmation", k.id, o.State, n)
			}
		}
		return m.checkMoney(rt, r, late)
	})
}

// checkMoney checks that the ledger is consistent and that no month passes the limit, apart from duplicates and from
// late purchases, which were not reserved.
func (m *machine) checkMoney(rt *rapid.T, r purchase.Reader, late map[purchase.OrderID]bool) error {
	findings, err := reconcile.CheckConsistency(context.Background(), reconcile.Snapshot{Reader: r}, nil)
	for _, f := range findings {
		rt.Fatalf("got the finding %v, want a consistent ledger", f)
	}
	entries, err2 := r.Purchases(0, 1000)
	months, err3 := r.Budgets(100)
	beyond := map[string]purchase.Cents{}
	for _, p := range entries {
		if p.Duplicate || late[p.Order] {
			beyond[p.Month] += p.Charged
		}
	}
	for _, b := range months {
		if b.Reserved < 0 || b.Spent-beyond[b.Month]+b.Reserved > limit {
			rt.Fatalf("the budget of %s: got %s spent, of that %s not reserved, and %s reserved, want at most %s", b.Month,
				b.Spent,
				beyond[b.Month], b.Reserved, purchase.Cents(limit))
		}
	}
	return errors.Join(err, err2, err3)
}

// end lets every order end, with a CoCalc that works, and checks that CoCalc sold what the ledger says.
func (m *machine) end(rt *rapid.T) {
	m.server.ClearFaults()
	for range 12 {
		err := m.desk.SetPaused(context.Background(), purchase.Action{Actor: boss, Channel: here, Typed: true}, false,
			"go on")
		if refusal := new(purchase.Refusal); err != nil && !errors.As(err, &refusal) {
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
				rt.Fatalf("order %s at the end: got the state %s, open %t, and %d licenses, want it ended with %d", k.id, o.State,
					o.Open(), n, want)
			}
		}
		return nil
	})
	for _, item := range m.account.Cart() {
		if slices.Contains(m.items, item.ID) && item.PurchasedAt.IsZero() && !item.Checked {
			rt.Fatalf("got item %d of another person unchecked, want it checked again", item.ID)
		}
		if item.PurchasedAt.IsZero() && item.Removed.IsZero() && strings.Contains(string(item.Description), "order 0") {
			rt.Fatalf("got item %d of the desk still in the cart, want none: %s", item.ID, item.Description)
		}
	}
}
