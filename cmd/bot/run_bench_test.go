package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/internal/config"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/slacksim"
	"licensebot/storage"
)

// serve runs the whole bot in this process until the returned function is called.
func (env *testEnv) serve(b *testing.B, more ...string) (s *app.Service, stop func()) {
	b.Helper()
	processtest.Environment(b,
		env.settings(b, append([]string{"ORDER_LIMIT=none", "MONTHLY_BUDGET=none", "LOG_LEVEL=error"}, more...)...))
	settings, err := config.Read()
	if err != nil {
		b.Fatal(err)
	}
	wiring, err := settings.AppConfig(zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	if s, err = app.New(wiring); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if err := env.slack.WaitForSocket(ctx); err != nil {
		b.Fatal(err)
	}
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}

// addPeople adds n people to the workspace.
func (env *testEnv) addPeople(n int) []*slacksim.Person {
	people := make([]*slacksim.Person, n)
	for i := range people {
		id := fmt.Sprintf("U0P%03d", i)
		env.slack.AddUser(slacksim.User{ID: id, Name: strings.ToLower(id[2:])})
		env.slack.Invite(slacksim.General, id)
		people[i] = env.slack.Person(id)
	}
	return people
}

// requestCards makes all people request a card at once, and returns the cards. Those whom a busy bot refuses, or does
// not answer in time, try again together.
func (env *testEnv) requestCards(b *testing.B, people []*slacksim.Person) []slacksim.Message {
	b.Helper()
	cards := make([]slacksim.Message, len(people))
	asking := make([]int, len(people))
	for n := range people {
		asking[n] = n
	}
	var err error
	for round := 0; len(asking) > 0; round++ {
		if round == 10 {
			b.Fatalf("people without a card after %d rounds: got %d, want none: %v", round, len(asking), err)
		}
		concurrently(b, len(asking), func(i int) error {
			_ = people[asking[i]].Command(b.Context(), slacksim.General, "/license", "buy ram=16 cpu=2") // its card counts
			return nil
		})
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		var again []int
		for _, n := range asking {
			var missing error
			if cards[n], missing = people[n].WaitForText(ctx, slacksim.General, "A CoCalc license for $63.75"); missing != nil {
				again, err = append(again, n), missing
			}
		}
		cancel()
		asking = again
	}
	return cards
}

// concurrently calls do n times at once.
func concurrently(b *testing.B, n int, do func(int) error) {
	b.Helper()
	var group sync.WaitGroup
	begin := make(chan struct{})
	failed := make(chan error, n)
	for i := range n {
		group.Go(func() {
			<-begin
			if err := do(i); err != nil {
				failed <- err
			}
		})
	}
	close(begin)
	group.Wait()
	close(failed)
	for err := range failed {
		b.Fatal(err)
	}
}

func currentBudget(b *testing.B, ledger *storage.Ledger) (budget purchase.Budget) {
	b.Helper()
	err := ledger.View(context.Background(), func(r purchase.Reader) error {
		budgets, err := r.Budgets(1)
		if err == nil && len(budgets) == 1 {
			budget = budgets[0]
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return budget
}

// reportPercentiles reports the median, the 99th percentile and the maximum in milliseconds.
func reportPercentiles(b *testing.B, what string, times []time.Duration) {
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	ms := func(t time.Duration) float64 { return float64(t.Microseconds()) / 1000 }
	b.ReportMetric(ms(times[len(times)/2]), "ms-"+what+"-p50")
	b.ReportMetric(ms(times[len(times)*99/100]), "ms-"+what+"-p99")
	b.ReportMetric(ms(times[len(times)-1]), "ms-"+what+"-max")
}

// transactions is how many durable transactions a purchase has; TestConversation_Purchase_Transactions counts them.
const transactions = 4

// BenchmarkRun_Purchase buys one license through the ledger, and beside it sends the same requests bare, one after the
// other, with the same client to the same server: the difference is what the safety costs beyond its requests.
func BenchmarkRun_Purchase(b *testing.B) {
	const checkout = time.Millisecond // of the simulated server, in both
	var whole, bare, one []time.Duration
	var ratios []float64 // of each purchase to its requests and as many transactions as it needs
	var requests int
	for b.Loop() { // the timer runs on: with it stopped, a second of it would never be over
		server := cocalctest.New(cocalctest.Config{Seed: 7, CheckoutTakes: checkout})
		url := server.Start(b)
		took, stored, sent := buyOnce(b, server, url)
		whole, one, requests = append(whole, took), append(one, stored/transactions), len(sent)
		bare = append(bare, sendBare(b, server, url, sent))
		ratios = append(ratios, float64(took)/float64(bare[len(bare)-1]+stored))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-requests+transactions")
	reportPercentiles(b, "purchase", whole)
	reportPercentiles(b, "bare", bare)
	reportPercentiles(b, "transaction", one)
	b.ReportMetric(float64(requests), "requests")
	b.ReportMetric(0, "ns/op")
}

// newClient makes an account with money and a client for it, whose connection is open.
func newClient(b testing.TB, server *cocalctest.Server, url string) *cocalc.Client {
	b.Helper()
	account := server.Add(cocalctest.NewAccount{Credit: 100_000, Partner: true})
	c, err := cocalc.New(cocalc.Options{BaseURL: url, Key: account.Key()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	if _, err := c.Store(context.Background()); err != nil { // the bot's request at its start
		b.Fatal(err)
	}
	server.ForgetRequests()
	return c
}

// buyOnce buys a license with a desk of its own. It returns the time from the confirmation to the receipt, the time of
// as many ledger transactions before it as a purchase has, and the requests to CoCalc.
func buyOnce(b testing.TB, server *cocalctest.Server, url string) (took, stored time.Duration,
	sent []cocalctest.Request,
) {
	b.Helper()
	ledger, err := storage.Open(b.TempDir() + "/ledger.db")
	if err != nil {
		b.Fatal(err)
	}
	defer ledger.Close()
	growLedger(b, ledger)
	changed := make(chan purchase.OrderID, 100)
	desk := desk.New(desk.Options{
		Ledger: ledger, Shop: newClient(b, server, url), Log: zerolog.Nop(),
		Policy: purchase.Policy{
			Everyone: true, OrderLimit: purchase.Limit{None: true},
			MonthlyBudget: purchase.Limit{None: true},
		},
		Changed: func(id purchase.OrderID) { changed <- id },
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	waitForStart(b, ledger)
	server.ForgetRequests()
	took, stored = buyNext(b, desk, changed)
	sent = server.Requests()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return took, stored, sent
}

// growLedger makes a new ledger's file grow, as it does once for dozens of purchases: it waits for the disk once more
// then, which would always be during the first purchase.
func growLedger(b testing.TB, ledger *storage.Ledger) {
	b.Helper()
	err := ledger.Update(b.Context(), func(w purchase.Writer) error {
		return w.AppendEvent(purchase.Event{
			Time: time.Now(), Kind: "setting", By: purchase.BotName, Note: strings.Repeat("x", 100_000),
		})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// buyNext asks for as many licenses as a purchase has transactions, and buys the last. It returns the time from the
// confirmation to the receipt, and how long the ledger needed for the requests.
func buyNext(b testing.TB, d *desk.Desk, changed <-chan purchase.OrderID) (took, stored time.Duration) {
	b.Helper()
	ctx := b.Context()
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	who := purchase.Actor{ID: slacksim.Alice}
	var proposal orders.View
	var err error
	start := time.Now()
	for range transactions {
		if proposal, err = d.Propose(ctx, purchase.Request{Requester: who, Spec: spec}); err != nil {
			b.Fatal(err)
		}
	}
	stored = time.Since(start)
	start = time.Now()
	if _, err := d.Decide(ctx, purchase.Action{Actor: who}, proposal.Order.ID,
		orders.Decision{Kind: orders.Confirm}); err != nil {
		b.Fatal(err)
	}
	for order := proposal.Order; order.State != purchase.Purchased; {
		if <-changed != proposal.Order.ID {
			continue
		}
		if order, err = d.Outbox.Order(ctx, proposal.Order.ID); err != nil || order.State == purchase.Failed ||
			order.State == purchase.Unknown {
			b.Fatalf("got %s (error %v), want %s", order.State, err, purchase.Purchased)
		}
	}
	return time.Since(start), stored
}

// waitForStart returns when the desk has compared the account with its ledger for the first time. The requests for that
// are not part of a purchase.
func waitForStart(b testing.TB, ledger *storage.Ledger) {
	b.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		var account purchase.AccountState
		err := ledger.View(b.Context(), func(r purchase.Reader) (err error) {
			account, err = r.Account()
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		if !account.Reconciled.IsZero() && account.Followed != nil {
			return
		}
		select {
		case <-tick.C:
		case <-b.Context().Done():
			b.Fatalf("got no desk after %v, want it started", b.Context().Err())
		}
	}
}

// A purchase makes seven requests to CoCalc; the benchmark reports the number that this test counts.
func TestRun_Purchase_MakesSevenRequests(t *testing.T) {
	server := cocalctest.New(cocalctest.Config{Seed: 7})
	_, _, sent := buyOnce(t, server, server.Start(t))
	if len(sent) != 7 {
		t.Errorf("requests of a purchase: got %d, want 7:", len(sent))
		for _, r := range sent {
			t.Errorf("got request %s %s", r.Endpoint, r.Body)
		}
	}
}

// sendBare sends requests like those that were sent, for another account.
func sendBare(b *testing.B, server *cocalctest.Server, url string, sent []cocalctest.Request) time.Duration {
	b.Helper()
	c := newClient(b, server, url)
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 16, 2
	description := spec.CartDescription(time.Now())
	ctx := context.Background()
	var item int64
	start := time.Now()
	for _, r := range sent {
		var err error
		switch r.Endpoint {
		case "user-query":
			_, err = c.WhoAmI(ctx)
		case "shopping/cart/add":
			err = c.AddToCart(ctx, description, "")
		case "shopping/cart/get":
			switch {
			case strings.Contains(r.Body, `"id"`):
				_, err = c.CartItem(ctx, item)
			case strings.Contains(r.Body, `"purchased"`):
				_, err = c.Cart(ctx, cocalc.Purchased)
			default:
				var items []cocalc.CartItem
				if items, err = c.Cart(ctx, cocalc.InCart); len(items) > 0 {
					item = items[0].ID
				}
			}
		case "purchases/get-shopping-cart-checkout-params":
			_, err = c.CheckoutParams(ctx)
		case "purchases/shopping-cart-checkout":
			err = c.Checkout(ctx)
		case "purchases/get-purchases":
			_, err = c.Purchases(ctx, cocalc.PurchaseFilter{})
		default:
			err = fmt.Errorf("the benchmark does not know %s", r.Endpoint)
		}
		if err != nil {
			b.Fatalf("%s: got error %v, want none", r.Endpoint, err)
		}
	}
	return time.Since(start)
}

// BenchmarkRun_ClickToReceipt is what a person waits on loopback: from the click on Buy to the receipt on the card,
// through sockets, ledger, CoCalc's requests and the response URL. CoCalc's own checkout takes a millisecond here, and
// seconds in life.
func BenchmarkRun_ClickToReceipt(b *testing.B) {
	var times []time.Duration
	for b.Loop() {
		b.StopTimer()
		env := newEnv(b)
		_, stop := env.serve(b)
		alice := env.slack.Person(slacksim.Alice)
		card := env.requestCards(b, []*slacksim.Person{alice})[0]
		b.StartTimer()
		start := time.Now()
		if err := alice.Click(context.Background(), card, "Buy for $63.75"); err != nil {
			b.Fatal(err)
		}
		_, err := alice.WaitForUpdate(context.Background(), card, func(m slacksim.Message) bool {
			return strings.Contains(m.ContentText(), "Bought for $63.75")
		})
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
		b.StopTimer()
		stop()
		b.StartTimer()
	}
	reportPercentiles(b, "receipt", times)
	b.ReportMetric(0, "ns/op")
}
