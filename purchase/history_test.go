package purchase_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/purchase"
	"licensebot/purchase/desk"
)

// counting counts the entries of the purchase log that are read.
type counting struct {
	purchase.Ledger
	entries int
}

func (c *counting) View(ctx context.Context, read func(purchase.Reader) error) error {
	return c.Ledger.View(ctx, func(r purchase.Reader) error { return read(countingReader{r, c}) })
}

type countingReader struct {
	purchase.Reader
	*counting
}

func (r countingReader) Purchases(before uint64, limit int) ([]purchase.Purchase, error) {
	all, err := r.Reader.Purchases(before, limit)
	r.entries += len(all)
	return all, err
}

// logged is a ledger with so many entries in its purchase log, ten a month.
func logged(t testing.TB, entries int) purchase.Ledger {
	t.Helper()
	l := anyLedger(t)
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

// Each page is there, a page behind the last is the last, and no page reads more than its own entries and the newest.
func TestPagesOfTheHistory(t *testing.T) {
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
		ledger := &counting{Ledger: logged(t, c.entries)}
		desk := desk.New(desk.Options{Ledger: ledger, Log: zerolog.Nop(), Policy: buying})
		h, err := desk.History(t.Context(), c.ask, 10)
		if err != nil {
			t.Fatal(err)
		}
		var first, last uint64
		if n := len(h.Purchases); n > 0 {
			first, last = h.Purchases[0].Number, h.Purchases[n-1].Number
		}
		if h.Page != c.page || h.Pages != c.pages || first != c.first || last != c.last || h.More != (c.page < c.pages) {
			t.Errorf("page %d of %d entries is page %d of %d, with entries %d to %d, more: %t", c.ask, c.entries, h.Page,
				h.Pages, first, last, h.More)
		}
		if ledger.entries > 11 {
			t.Errorf("page %d of %d entries reads %d", c.ask, c.entries, ledger.entries)
		}
		for _, m := range h.Months[1:] {
			if m.Spent == 0 {
				t.Errorf("%s has no total", m.Month)
			}
		}
	}
}

// BenchmarkHistory reads the last page of a log; time and memory do not grow with its length.
func BenchmarkHistory(b *testing.B) {
	for _, entries := range []int{100, 10_000} {
		b.Run(fmt.Sprint(entries, " entries"), func(b *testing.B) {
			desk := desk.New(desk.Options{Ledger: logged(b, entries), Log: zerolog.Nop(), Policy: buying})
			b.ReportAllocs()
			for b.Loop() {
				if h, err := desk.History(b.Context(), 1_000_000, 10); err != nil || h.Page != entries/10 {
					b.Fatal(h.Page, err)
				}
			}
		})
	}
}
