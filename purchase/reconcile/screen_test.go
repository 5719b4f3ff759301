package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/reconcile"
)

// usual are limits that no history of these tests reaches; the others are reached often.
var (
	usual  = reconcile.Limits{Step: 8192, Page: 512, Ahead: 2048, Log: 16, Live: 8192, Round: 16384}
	narrow = []reconcile.Limits{
		usual,
		{Step: 1, Page: 1, Ahead: 1, Log: 1, Live: 1, Round: 1},
		{Step: 7, Page: 3, Ahead: 5, Log: 2, Live: 4, Round: 2},
		{Step: 40, Page: 8, Ahead: 16, Log: 4, Live: 3, Round: 100},
	}
)

// In random histories, also after tampering, the check in steps finds what the check with all records in memory finds,
// word for word and in the same order.
func TestCheckConsistency_RandomHistories_AsInMemory(t *testing.T) {
	codes := map[purchase.FindingCode]int{}
	for seed := range uint64(160) {
		h := newRandomHistory(seed, []int{0, 2, 10, 30}[seed%4])
		h.write(t, int(seed))
		for range seed % 3 {
			h.tamper(t)
		}
		codesOf(codes, wantAsInMemory(t, h))
	}
	if left := missing(codes); len(left) > 0 {
		t.Errorf("got the findings %v, want each kind; %v are missing", codes, left)
	}
}

// FuzzCheckConsistency is TestCheckConsistency_RandomHistories_AsInMemory with other histories.
func FuzzCheckConsistency(f *testing.F) {
	f.Add(uint64(1), uint8(100), uint8(10), uint8(1))
	f.Add(uint64(2), uint8(200), uint8(50), uint8(5))
	f.Fuzz(func(t *testing.T, seed uint64, changes, meddling, tampered uint8) {
		h := newRandomHistory(seed, int(meddling)%100)
		h.write(t, int(changes))
		for range tampered % 8 {
			h.tamper(t)
		}
		wantAsInMemory(t, h)
	})
}

// wantAsInMemory compares both checks, and returns the findings.
func wantAsInMemory(t *testing.T, h *randomHistory) []purchase.Finding {
	t.Helper()
	want := h.findings(t)
	for _, l := range narrow {
		got, err := reconcile.CheckWithin(t.Context(), l, h.ledger, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: got other findings than with all records in memory (-memory +steps):\n%s", l, diff)
		}
	}
	return want
}

// changingLedger changes before each of the first views.
type changingLedger struct {
	reconcile.Viewer
	before func(view int)
	views  int
}

func (c *changingLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	c.before(c.views)
	c.views++
	return c.Viewer.View(ctx, read)
}

// What is written while the check runs is checked too: the findings are those in the last state.
func TestCheckConsistency_LedgerChangesMeanwhile(t *testing.T) {
	codes := map[purchase.FindingCode]int{}
	const changing = 12
	for seed := range uint64(200) {
		h := newRandomHistory(seed, []int{0, 5, 20}[seed%3])
		h.write(t, 60)
		ledger := &changingLedger{Viewer: h.ledger, before: func(view int) {
			if view < changing {
				h.write(t, 5)
			}
		}}
		got, err := reconcile.CheckWithin(t.Context(), reconcile.Limits{
			Step: 8, Page: 3, Ahead: 6, Log: 2, Live: 20, Round: 5,
		}, ledger, nil)
		if err != nil || ledger.views <= changing {
			t.Fatalf("seed %d: got %d views, %v, want more than %d", seed, ledger.views, err, changing)
		}
		want := h.findings(t)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: got other findings than in the last state (-want +got):\n%s", seed, diff)
		}
		if codesOf(codes, got); seed%3 == 0 && len(got) > 0 {
			t.Errorf("seed %d: got %v in a ledger that only a bot wrote, want nothing", seed, got)
		}
	}
	if len(codes) < 15 {
		t.Errorf("got the findings %v, want many kinds", codes)
	}
}

// Beside a bot that buys, the check finds nothing; and it finds what is changed in the meantime.
func TestCheckConsistency_BotBuysMeanwhile(t *testing.T) {
	for _, meddles := range []bool{false, true} {
		purchasetest.Run(t, 1_000_000, func(env *purchasetest.Env) {
			for range 5 {
				env.Until(env.Buy(), purchase.Purchased)
			}
			last := env.Propose(purchasetest.Spec()).ID
			pauses := 0
			pause := func(ctx context.Context) error {
				switch pauses++; {
				case pauses == 2:
					env.SwitchOn("double-checkout")
					env.Until(env.Buy(), purchase.Purchased)
					env.Server.SwitchOff("double-checkout")
					if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, "checked"); err != nil {
						t.Error(err)
					}
				case pauses == 4 && meddles:
					if err := env.Ledger.Update(ctx, func(w purchase.Writer) error {
						o, err := w.Order(last)
						o.State = purchase.Cancelled
						return errors.Join(err, w.PutOrder(o))
					}); err != nil {
						t.Error(err)
					}
				case pauses < 8:
					env.Until(env.Buy(), purchase.Purchased)
				}
				return nil
			}
			got, err := reconcile.CheckWithin(context.Background(), reconcile.Limits{
				Step: 12, Page: 4, Ahead: 8, Log: 2, Live: 10, Round: 5,
			}, env.Ledger, pause)
			if err != nil || pauses < 6 {
				t.Fatalf("got %d pauses, %v, want at least 6", pauses, err)
			}
			if !meddles && len(got) > 0 {
				t.Errorf("got %v beside a bot that buys, want nothing", got)
			}
			if meddles && (len(got) != 1 || got[0].Code != purchase.FoundOrderState || got[0].Args[0] != string(last)) {
				t.Errorf("got %v, want only that order %s has another state than its audit record", got, last)
			}
		}, func(env *purchasetest.Env) {
			env.Policy.MonthlyBudget, env.Inconsistent = purchase.Limit{None: true}, meddles
		})
	}
}

// countingViewer counts views, and the records that they read.
type countingViewer struct {
	reconcile.Viewer
	views, most, records int
}

func (c *countingViewer) View(ctx context.Context, read func(purchase.Reader) error) error {
	before := c.records
	defer func() { c.views, c.most = c.views+1, max(c.most, c.records-before) }()
	return c.Viewer.View(ctx, func(r purchase.Reader) error { return read(countingReader{r, c}) })
}

type countingReader struct {
	purchase.Reader
	*countingViewer
}

func (r countingReader) OrderFacts(after purchase.OrderID, limit int) ([]purchase.OrderFacts, error) {
	page, err := r.Reader.OrderFacts(after, limit)
	r.records += len(page)
	return page, err
}

func (r countingReader) EntryFacts(first uint64, limit int) ([]purchase.EntryFacts, error) {
	page, err := r.Reader.EntryFacts(first, limit)
	r.records += len(page)
	return page, err
}

func (r countingReader) EventFacts(first uint64, limit int) ([]purchase.EventFacts, error) {
	page, err := r.Reader.EventFacts(first, limit)
	r.records += len(page)
	return page, err
}

func (r countingReader) Order(id purchase.OrderID) (purchase.Order, error) {
	r.records++
	return r.Reader.Order(id)
}

// A ledger in order is read once: hardly a record is read again, no view reads many, and there is a pause between two.
func TestCheckConsistency_ReadsOnceInSteps(t *testing.T) {
	h := newRandomHistory(7, 0)
	h.write(t, 3000)
	var all int
	err := h.ledger.View(t.Context(), func(r purchase.Reader) error {
		head, err := r.Head()
		newest, err2 := r.Purchases(0, 1)
		all = len(h.orders) + int(head.Number) + int(newest[0].Number)
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	pauses := 0
	ledger := &countingViewer{Viewer: h.ledger}
	got, err := reconcile.CheckWithin(t.Context(), reconcile.Limits{
		Step: 200, Page: 20, Ahead: 40, Log: 4, Live: 2000, Round: 100,
	}, ledger, func(context.Context) error { pauses++; return nil })
	if err != nil || len(got) > 0 {
		t.Fatalf("got %v, %v, want nothing", got, err)
	}
	var open int
	if err := h.ledger.View(t.Context(), func(r purchase.Reader) error {
		queue, err := r.Queue()
		open = len(queue)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if again := ledger.records - all; again > 2*open || ledger.most > 300 || pauses != ledger.views-1 ||
		ledger.views < all/300 {
		t.Errorf("%d records with %d open orders: got %d records read again, at most %d in one of %d views, and %d pauses; "+
			"want the open orders read again, at most 300 in a view, and a pause between two", all, open, again, ledger.most,
			ledger.views, pauses)
	}
}

// The check ends with its context, also between two steps.
func TestCheckConsistency_ContextDone(t *testing.T) {
	h := newRandomHistory(7, 0)
	h.write(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	pauses := 0
	_, err := reconcile.CheckWithin(ctx, reconcile.Limits{
		Step: 10, Page: 5, Ahead: 10, Log: 2, Live: 100, Round: 100,
	}, h.ledger, func(context.Context) error {
		if pauses++; pauses == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || pauses != 3 {
		t.Errorf("got %v after %d pauses, want the end of the context after 3", err, pauses)
	}
}
