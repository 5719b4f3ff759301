package history

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// until is the last moment of the histories in these tests.
var until = time.Date(2026, 11, 29, 15, 30, 0, 0, time.UTC)

// writeTo writes a history into a new ledger.
func writeTo(t *testing.T, h *history) *storage.Ledger {
	t.Helper()
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := h.write(ledger); err != nil {
		t.Fatal(err)
	}
	return ledger
}

// A history in which everything happens often is a ledger without a fault.
func TestWrite_Ledger_IsConsistent(t *testing.T) {
	h := newHistory(t.Context(), Options{Orders: 600, Months: 14, Until: until, Seed: 3})
	h.rare = rarity{ignored: 10, withdrawn: 10, edited: 10, meddled: 20, lost: 15, unlisted: 10}
	ledger := writeTo(t, h)
	report, err := ledger.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Orders != 600 {
		t.Errorf("orders: got %d, want 600", report.Orders)
	}
	kinds := map[string]int{}
	states := map[purchase.State]int{}
	err = ledger.View(t.Context(), func(r purchase.Reader) error {
		findings, err := reconcile.CheckConsistency(t.Context(), reconcile.Snapshot{Reader: r}, nil)
		if err != nil || len(findings) > 0 {
			t.Errorf("findings: got %v (error %v), want none", findings, err)
		}
		for e, err := range purchase.AllEvents(r) {
			if err != nil {
				return err
			}
			kinds[e.Kind]++
		}
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			states[o.State]++
			if o.Stale() {
				t.Errorf("order %s: got a message of an older revision, want all published", o.ID)
			}
			if waits := o.State == purchase.AwaitingApproval; o.Open() != waits {
				t.Errorf("order %s, %s: got open %v at the end, want only those that wait for approval", o.ID, o.State, o.Open())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{
		"account", "proposed", "awaiting_approval", "agreed", "approved", "adding", "carted", "paying", "unknown",
		"purchased",
		"failed", "denied", "cancelled", "expired", "corrected", "refused", "settled", "paused", "resumed",
	} {
		if kinds[kind] == 0 {
			t.Errorf("audit records of kind %q: got none, want some", kind)
		}
	}
	if states[purchase.AwaitingApproval] != h.undecided() || states[purchase.Purchased] < 200 {
		t.Errorf("states: got %v, want %d that wait for approval and most bought", states, h.undecided())
	}
}

// The seed decides everything: the same seed gives the same chain of audit records.
func TestWrite_Seed_DecidesEverything(t *testing.T) {
	heads := map[uint64]string{}
	for _, seed := range []uint64{1, 1, 2} {
		ledger := writeTo(t, newHistory(t.Context(), Options{Orders: 50, Months: 2, Until: until, Seed: seed}))
		var head purchase.Event
		err := ledger.View(t.Context(), func(r purchase.Reader) (err error) { head, err = r.Head(); return err })
		if err != nil {
			t.Fatal(err)
		}
		if before, again := heads[seed]; again && before != head.Hash {
			t.Errorf("seed %d: got the head %s, then %s, want the same", seed, before, head.Hash)
		}
		heads[seed] = head.Hash
	}
	if heads[1] == heads[2] {
		t.Errorf("seeds 1 and 2: got the head %s for both, want two", heads[1])
	}
}

// A desk over the ledger shows a team's past: history, budgets, one order, and what waits for approval.
func TestWrite_Ledger_ShowsAPast(t *testing.T) {
	h := newHistory(t.Context(), Options{Orders: 300, Months: 6, Until: until, Seed: 1})
	ledger := writeTo(t, h)
	desk := orders.New(register.New(register.Options{
		Ledger: ledger, Shop: h.reg.Options.Shop, Policy: h.Policy, Now: func() time.Time { return until },
		ApprovalsChannel: h.ApprovalsChannel,
	}))
	ctx := context.Background()
	page, err := desk.History(ctx, 1, 10)
	if err != nil || len(page.Purchases) != 10 {
		t.Fatalf("history: got %d entries (error %v), want 10", len(page.Purchases), err)
	}
	if first := page.Purchases[0]; first.LicenseID == "" || first.Charged == 0 || until.Sub(first.Time) > 7*24*time.Hour {
		t.Errorf("newest entry: got %+v, want a purchase of the last days with its license", first)
	}
	if _, err := desk.View(ctx, page.Purchases[0].Order); err != nil {
		t.Errorf("order of the newest entry: got error %v, want none", err)
	}
	err = ledger.View(ctx, func(r purchase.Reader) error {
		budgets, err := r.Budgets(100)
		if err != nil {
			return err
		}
		if len(budgets) < 6 || !slices.ContainsFunc(budgets, func(b purchase.Budget) bool { return b.Reserved > 0 }) {
			t.Errorf("budgets: got %d months, want at least 6, and the orders that wait reserved in the last", len(budgets))
		}
		for _, b := range budgets {
			if b.Bought > 10 && len(b.People) < 5 {
				t.Errorf("budget of %s: got the shares %v, want those of several people", b.Month, b.People)
			}
		}
		queue, err := r.Queue()
		if len(queue) != h.undecided() {
			t.Errorf("open orders: got %d (error %v), want %d", len(queue), err, h.undecided())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A ledger has about as much unused space as a bot's: it is compacted as often.
func TestCreate_Size(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := Create(t.Context(), path, Options{Orders: 1000, Months: 24, Until: until, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(4 << 20); info.Size() > most { // 5.8 MB if all is compacted at the end
		t.Errorf("got %d bytes, want at most %d", info.Size(), most)
	}
}

// A history needs a new ledger and a size.
func TestWrite_Refusals(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := Create(ctx, path, Options{Orders: 5, Months: 1, Until: until}); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"a ledger with orders": {Orders: 5, Months: 1, Until: until},
		"no orders":            {Months: 1, Until: until},
		"no end":               {Orders: 5, Months: 1},
	} {
		if err := Create(ctx, path, o); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}
