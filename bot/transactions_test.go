package bot_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/app"
	"licensebot/purchase"
	"licensebot/slacksim"
)

// A clean purchase costs seven requests to CoCalc and four durable transactions, from the click to the receipt in the
// ledger. Beside them, the publisher notes twice which state the card shows: the answer to the click, and "Paying …".
func TestConversation_Purchase_Transactions(t *testing.T) {
	writes := &writeLog{}
	env := newEnv(t, func(env *testEnv) { env.decorate = app.Decorators{Ledger: writes.wrap} })
	env.until(env.isReconciled) // what the start does is over: an order open before that counts as inherited
	card := env.card()
	env.until(env.isQuiet)
	writes.reset()
	env.cocalc.ForgetRequests()
	// Each request takes as long as in production, so that the publisher comes to every step.
	env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.Delay, Wait: 50 * time.Millisecond})
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	env.becomes(card, "Bought for $63.75")

	buying, notes := writes.untilPurchased()
	want := []string{
		"approved: budget, order", "adding: order", "carted, paying: order",
		"purchased: purchase, account, budget, order", // the account has the renewals to come
	}
	if !slices.Equal(buying, want) {
		t.Errorf("transactions of the purchase: got %d\n%s\nwant %d\n%s", len(buying), strings.Join(buying, "\n"), len(want),
			strings.Join(want, "\n"))
	}
	if len(notes) > 2 {
		t.Errorf("notes of the publisher until the receipt: got %d, want at most 2:\n%s", len(notes),
			strings.Join(notes, "\n"))
	}
	var requests []string
	for _, r := range env.cocalc.Requests() {
		requests = append(requests, r.Endpoint)
	}
	wantRequests := []string{
		"shopping/cart/get", "shopping/cart/add", "shopping/cart/get",
		"purchases/get-shopping-cart-checkout-params", checkoutPath,
		"shopping/cart/get", "purchases/get-purchases", // the item, and the purchases that name it
	}
	if !slices.Equal(requests, wantRequests) {
		t.Errorf("requests: got %q\nwant %q", requests, wantRequests)
	}
	env.checkSpent(1, 6375)
}

// isReconciled reports whether the account was compared with the ledger.
func (env *testEnv) isReconciled() (done bool) {
	env.t.Helper()
	env.must(env.ledger.View(env.ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		done = !account.Reconciled.IsZero() && account.Followed != nil
		return err
	}))
	return done
}

// isQuiet reports whether every message shows its order as it is.
func (env *testEnv) isQuiet() (quiet bool) {
	env.t.Helper()
	env.must(env.ledger.View(env.ctx, func(r purchase.Reader) error {
		stale, err := r.Unpublished()
		quiet = len(stale) == 0
		return err
	}))
	return quiet
}

// writeLog notes what each durable transaction of a ledger writes.
type writeLog struct {
	mu     sync.Mutex
	writes []ledgerWrite
}

// ledgerWrite is what one transaction wrote.
type ledgerWrite struct {
	records []string // kinds of audit records
	parts   []string // "order", "budget", …; "messages" for an order of which only the messages changed
}

func (w ledgerWrite) String() string {
	return strings.Join(w.records, ", ") + ": " + strings.Join(w.parts, ", ")
}

func (l *writeLog) wrap(ledger purchase.Ledger) purchase.Ledger { return writeLoggingLedger{ledger, l} }

func (l *writeLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = nil
}

// untilPurchased returns the transactions up to the one with the receipt: those that buy, and the notes of the
// publisher, which change nothing but an order's messages.
func (l *writeLog) untilPurchased() (buying, notes []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.writes {
		if slices.Equal(w.parts, []string{"messages"}) && len(w.records) == 0 {
			notes = append(notes, w.String())
			continue
		}
		buying = append(buying, w.String())
		if slices.Contains(w.records, string(purchase.Purchased)) {
			break
		}
	}
	return buying, notes
}

type writeLoggingLedger struct {
	purchase.Ledger
	log *writeLog
}

// Update notes a transaction before a test that has seen what it wrote can call reset.
func (l writeLoggingLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	var seen *noticingWriter
	err := l.Ledger.Update(ctx, func(w purchase.Writer) error {
		seen = &noticingWriter{Writer: w}
		return change(seen)
	})
	if err == nil {
		l.log.writes = append(l.log.writes, seen.ledgerWrite)
	}
	return err
}

// noticingWriter notes what a transaction writes.
type noticingWriter struct {
	purchase.Writer
	ledgerWrite
}

func (w *noticingWriter) note(part string) {
	if !slices.Contains(w.parts, part) {
		w.parts = append(w.parts, part)
	}
}

func (w *noticingWriter) PutOrder(o purchase.Order) error {
	before, err := w.Order(o.ID)
	if err == nil && before.Rev == o.Rev && before.Updated.Equal(o.Updated) {
		w.note("messages")
	} else {
		w.note("order")
	}
	return w.Writer.PutOrder(o)
}

func (w *noticingWriter) BudgetForChange(month string) (purchase.Budget, error) {
	w.note("budget")
	return w.Writer.BudgetForChange(month)
}

func (w *noticingWriter) AddPurchase(p purchase.Purchase) (purchase.Purchase, error) {
	w.note("purchase")
	return w.Writer.AddPurchase(p)
}

func (w *noticingWriter) PutAccount(a purchase.AccountState) error {
	w.note("account")
	return w.Writer.PutAccount(a)
}

func (w *noticingWriter) AppendEvent(e purchase.Event) error {
	w.records = append(w.records, e.Kind)
	return w.Writer.AppendEvent(e)
}
