package orders_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// A card is read in one transaction, so that its parts agree.
func TestService_View_OneTransaction(t *testing.T) {
	ctx := t.Context()
	ledger := &countingLedger{Ledger: purchasetest.NewLedger(t)}
	d := desk.New(desk.Options{Ledger: ledger, ApprovalsChannel: purchasetest.ApprovalsChannel.ID, Policy: purchase.Policy{
		Everyone: true, OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{Max: 20000},
		Approvers: map[string]bool{"UERIN": true, "UFRANK": true}, AutoApprove: 10000, Approvals: 2,
	}})
	var ids []purchase.OrderID
	for range 2 {
		p, err := d.Propose(ctx, purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(), Reason: "course",
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.Order.ID)
	}
	sum := purchase.DaySum{Used: 6375, Limit: 10000}
	for _, c := range []struct {
		name    string
		id      purchase.OrderID
		confirm bool
		want    orders.Allowance
	}{
		{"the first card", ids[0], false, orders.Allowance{Left: 20000, Limited: true}},
		{"once confirmed, with nothing to confirm", ids[0], true, orders.Allowance{}},
		{"the next card", ids[1], false, orders.Allowance{Left: 20000 - 6375, Limited: true, NeedsApproval: true, Sum: sum}},
	} {
		if c.confirm {
			if _, err := d.Decide(ctx, purchasetest.AliceAction, c.id, orders.Decision{Kind: orders.Confirm}); err != nil {
				t.Fatal(err)
			}
		}
		before := ledger.views
		got, err := d.View(ctx, c.id)
		if err != nil {
			t.Fatal(err)
		}
		if n := ledger.views - before; n != 1 {
			t.Errorf("%s: got %d transactions, want 1", c.name, n)
		}
		if got.Order.ID != c.id || got.Order.Price != 6375 || got.Ahead != 0 || got.Allowance != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Each page exists, a page beyond the last is the last, and no page reads more than its own entries and the newest.
func TestService_History_Pages(t *testing.T) {
	cases := []struct {
		entries, ask int
		page, pages  int
		first, last  uint64 // entries on the page; 0: none
	}{
		{0, 1, 1, 1, 0, 0},
		{0, 999, 1, 1, 0, 0},
		{1, 1, 1, 1, 1, 1},
		{10, 1, 1, 1, 10, 1},
		{10, 2, 1, 1, 10, 1},
		{11, 1, 1, 2, 11, 2},
		{11, 2, 2, 2, 1, 1},
		{11, 3, 2, 2, 1, 1},
		{25, 0, 1, 3, 25, 16},
		{25, -7, 1, 3, 25, 16},
		{25, 2, 2, 3, 15, 6},
		{25, 3, 3, 3, 5, 1},
		{25, 999, 3, 3, 5, 1},
		{25, 1_000_000, 3, 3, 5, 1},
		{25, 1 << 62, 3, 3, 5, 1},
		{25, -1 << 62, 1, 3, 25, 16},
	}
	for _, c := range cases {
		ledger := &countingLedger{Ledger: ledgerWithPurchases(t, c.entries)}
		desk := desk.New(desk.Options{Ledger: ledger, Log: zerolog.Nop(), Policy: openPolicy})
		h, err := desk.History(t.Context(), c.ask, 10)
		if err != nil {
			t.Fatal(err)
		}
		var first, last uint64
		if n := len(h.Purchases); n > 0 {
			first, last = h.Purchases[0].Number, h.Purchases[n-1].Number
		}
		if h.Page != c.page || h.Pages != c.pages || first != c.first || last != c.last || h.More != (c.page < c.pages) {
			t.Errorf("page %d of %d entries: got page %d of %d, %d to %d, more %t; want %d of %d, %d to %d, more %t",
				c.ask, c.entries, h.Page, h.Pages, first, last, h.More, c.page, c.pages, c.first, c.last,
				c.page < c.pages)
		}
		if ledger.entries > 11 {
			t.Errorf("page %d of %d entries: got %d entries read, want at most 11", c.ask, c.entries, ledger.entries)
		}
		for _, m := range h.Months[1:] {
			if m.Spent == 0 {
				t.Errorf("total of %s: got %s, want more than 0", m.Month, m.Spent)
			}
		}
	}
}

// BenchmarkService_History_LastPage reads the last page of a log; time and memory do not grow with its length.
func BenchmarkService_History_LastPage(b *testing.B) {
	for _, entries := range []int{100, 10_000} {
		b.Run(fmt.Sprint(entries, " entries"), func(b *testing.B) {
			desk := desk.New(desk.Options{Ledger: ledgerWithPurchases(b, entries), Log: zerolog.Nop(), Policy: openPolicy})
			b.ReportAllocs()
			for b.Loop() {
				if h, err := desk.History(b.Context(), 1_000_000, 10); err != nil || h.Page != entries/10 {
					b.Fatalf("got page %d (error %v), want %d", h.Page, err, entries/10)
				}
			}
		})
	}
}

// Queue returns what keeps orders from being bought.
func TestService_Stoppage_PauseAndUnresolved(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		if q, err := env.Desk.Queue(ctx); err != nil || q.Stoppage.Pause != nil || len(q.Stoppage.Held) > 0 {
			t.Errorf("without a stoppage: got %+v (error %v), want no pause and no held order", q, err)
		}
		o := env.BuyUnresolved()
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "to look at it"); err != nil {
			t.Fatal(err)
		}
		queue, err := env.Desk.Queue(ctx)
		stop := queue.Stoppage
		if err != nil || stop.Pause == nil || stop.Pause.Incidents[0].Args["reason"] != "to look at it" ||
			len(stop.Held) != 1 || stop.Held[0].ID != o.ID || stop.Held[0].Unresolved == nil {
			t.Errorf("stoppage: got %+v (error %v), want the pause with its reason, and the unresolved order %s", stop, err,
				o.ID)
		}
		if _, err := env.Desk.Allowed(ctx, purchasetest.AdminAction, o.ID, orders.Resolve); err != nil {
			t.Error(err)
		}
	})
}

// countingLedger counts the transactions that read, and the entries of the purchase log that they read.
type countingLedger struct {
	purchase.Ledger
	views, entries int
}

func (c *countingLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	c.views++
	return c.Ledger.View(ctx, func(r purchase.Reader) error { return read(countingReader{r, c}) })
}

type countingReader struct {
	purchase.Reader
	*countingLedger
}

func (r countingReader) Purchases(before uint64, limit int) ([]purchase.Purchase, error) {
	all, err := r.Reader.Purchases(before, limit)
	r.entries += len(all)
	return all, err
}

// ledgerWithPurchases returns a ledger with so many entries in its purchase log, ten a month.
func ledgerWithPurchases(t testing.TB, entries int) purchase.Ledger {
	t.Helper()
	l := purchasetest.NewLedger(t)
	if entries == 0 {
		return l
	}
	err := l.Update(context.Background(), func(w purchase.Writer) error {
		var all error
		for n := range entries {
			p := purchase.Purchase{
				Month:     time.Date(2020, time.Month(1+n/10), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"),
				LicenseID: fmt.Sprint("license-", n+1), Charged: 100,
			}
			_, err := w.AddPurchase(p)
			budget, err2 := w.Budget(p.Month)
			budget.Spent += p.Charged
			budget.Bought++
			all = errors.Join(all, err, err2, w.PutBudget(budget))
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}
