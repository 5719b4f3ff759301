package purchase_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/purchase/orders"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

var (
	alice = purchase.Actor{ID: "UALICE", Team: "T1", Name: "alice"}
	bob   = purchase.Actor{ID: "UBOB", Team: "T1", Name: "bob"}
	dana  = purchase.Actor{ID: "UDANA", Team: "T1", Name: "dana"} // an admin
	math  = purchase.Channel{ID: "CMATH", Name: "math"}
)

var byAdmin = purchase.Action{Actor: dana, Channel: math, Typed: true}

// shop is a bot without Slack: the desk, on a real ledger, with a CoCalc that behaves as the real one. It runs on the
// fake clock of a synctest bubble.
type shop struct {
	t       *testing.T
	server  *cocalctest.Server
	account *cocalctest.Account
	client  *cocalc.Client
	path    string
	ledger  *storage.Ledger
	desk    *desk.Desk
	stop    func()
	policy  purchase.Policy
	timing  purchase.Timing
	log     zerolog.Logger
	credit  int64 // cents on the account at the beginning
	now     func() time.Time
	channel string // for purchases and notices
	// approvals is the approvers' channel. lookUp changes people since they asked.
	approvals string
	lookUp    func(purchase.Actor) purchase.Actor
	// accessLost reports whether the bot lacks its access to Slack.
	accessLost func() bool
	// doubts are what earlier runs left beside the ledger.
	doubts purchase.Doubts
	// unchecked: the test itself makes the books wrong.
	unchecked bool
	// transport looks at the requests of the client.
	transport func(http.RoundTripper) http.RoundTripper
	// wrap puts something between the desk and its two sides.
	wrap func(purchase.Ledger, purchase.Shop) (purchase.Ledger, purchase.Shop)
}

// inShop runs a test in a shop whose account has credit (in cents), with the desk running.
func inShop(t *testing.T, credit int64, test func(*shop), prepare ...func(*shop)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &shop{
			t: t, path: filepath.Join(dir, "ledger.db"), credit: credit,
			policy: purchase.Policy{
				Everyone: true, Admins: map[string]bool{dana.ID: true},
				OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{Max: 50000},
			},
		}
		for _, p := range prepare {
			p(s)
		}
		if s.server == nil {
			s.server = cocalctest.New(cocalctest.Config{Seed: 1})
		}
		s.account = s.server.Add(cocalctest.NewAccount{Credit: credit, Partner: true})
		s.open()
		defer func() {
			s.close()
			s.server.Close()
		}()
		test(s)
	})
}

func (s *shop) open() {
	s.t.Helper()
	var err error
	if s.ledger, err = storage.Open(s.path); err != nil {
		s.t.Fatal(err)
	}
	transport := s.server.Transport()
	if s.transport != nil {
		transport = s.transport(transport)
	}
	if s.client,
		err = cocalc.New(cocalc.Options{BaseURL: "http://cocalc.test", Key: s.account.Key(), Transport: transport}); err !=
		nil {
		s.t.Fatal(err)
	}
	ledger, over := purchase.Ledger(s.ledger), purchase.Shop(s.client)
	if s.wrap != nil {
		ledger, over = s.wrap(ledger, over)
	}
	s.desk = desk.New(desk.Options{
		Ledger: ledger, Shop: over, Policy: s.policy, Timing: s.timing, KeyName: s.client.KeyName(), Site: s.client.Site(),
		Now: s.now, Log: s.log, AccessLost: s.accessLost,
		PurchasesChannel: s.channel, ApprovalsChannel: s.approvals, Doubts: s.doubts,
		LookUp: func(_ context.Context, p purchase.Actor) purchase.Actor {
			if s.lookUp != nil {
				return s.lookUp(p)
			}
			return p
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.desk.Run(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	s.stop = func() { cancel(); <-done }
}

func (s *shop) close() {
	s.stop()
	s.client.Close()
	if !s.unchecked {
		for _, finding := range s.books() { // whatever happened in a test
			s.t.Error(finding)
		}
	}
	if err := s.ledger.Close(); err != nil {
		s.t.Error(err)
	}
}

// books are what does not agree in the ledger.
func (s *shop) books() (findings []purchase.Finding) {
	s.t.Helper()
	err := s.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		findings, err = reconcile.CheckConsistency(r)
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return findings
}

// reopened opens the ledger of a stopped program.
func (s *shop) reopened() *storage.Ledger {
	s.t.Helper()
	ledger, err := storage.Open(s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	return ledger
}

// restart ends the desk as SIGTERM does, and starts another on the same ledger.
func (s *shop) restart() {
	s.close()
	s.open()
}

func spec() purchase.Spec {
	sp := cocalc.DefaultSpec()
	sp.RAM, sp.CPU, sp.Title = 16, 2, "Statistics"
	return sp
}

func (s *shop) propose(sp purchase.Spec) purchase.Order {
	s.t.Helper()
	p, err := s.desk.Propose(context.Background(),
		purchase.Request{Requester: alice, Channel: math, Spec: sp, Reason: "winter school"})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Order
}

func (s *shop) confirm(id purchase.OrderID) error {
	_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: alice, Channel: math}, id,
		orders.Decision{Kind: orders.Confirm})
	return err
}

// buy proposes and confirms the standard order.
func (s *shop) buy() purchase.OrderID {
	s.t.Helper()
	o := s.propose(spec())
	if err := s.confirm(o.ID); err != nil {
		s.t.Fatal(err)
	}
	return o.ID
}

func (s *shop) order(id purchase.OrderID) purchase.Order {
	s.t.Helper()
	o, err := s.desk.Outbox.Order(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// until lets time pass until the order has one of the states.
func (s *shop) until(id purchase.OrderID, states ...purchase.State) purchase.Order {
	s.t.Helper()
	for range 3600 {
		if o := s.order(id); slices.Contains(states, o.State) {
			return o
		}
		<-time.After(time.Second) // on the bubble's clock: no time passes outside
	}
	s.t.Fatalf("after an hour the order is %s, not %v", s.order(id).State, states)
	return purchase.Order{}
}

// check says what the world must look like: licenses at CoCalc, money spent and reserved in the ledger, and a cart
// with nothing of ours in it.
func (s *shop) check(licenses int, spent, reserved purchase.Cents) {
	s.t.Helper()
	if got := len(s.account.Licenses()); got != licenses {
		s.t.Errorf("CoCalc sold %d licenses, want %d", got, licenses)
	}
	h, err := s.desk.History(context.Background(), 1, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	if b := h.Months[0]; b.Spent != spent || b.Reserved != reserved {
		s.t.Errorf("budget: %s spent, %s reserved; want %s and %s", b.Spent, b.Reserved, spent, reserved)
	}
	var logged purchase.Cents
	for _, p := range h.Purchases {
		logged += p.Charged
	}
	if logged != spent {
		s.t.Errorf("the purchase log adds up to %s, the budget says %s", logged, spent)
	}
	if got := s.account.Balance(); got != s.credit-int64(spent) {
		s.t.Errorf("CoCalc's balance is %d cents", got)
	}
	for _, item := range s.cart() {
		if strings.Contains(item.Text(), "order ") {
			s.t.Errorf("item %d of ours is still in the cart", item.ID)
		}
	}
}

func (s *shop) cart() []cocalc.CartItem {
	s.t.Helper()
	items, err := s.client.Cart(context.Background(), cocalc.InCart)
	if err != nil {
		s.t.Fatal(err)
	}
	return items
}

func (s *shop) fault(name string) {
	s.t.Helper()
	if err := s.server.SwitchOn(name); err != nil {
		s.t.Fatal(err)
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
