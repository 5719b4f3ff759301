// Package storagetest tests implementations of purchase.Ledger, whatever stores the records.
//
// Start with [Ledger], the suite that every implementation must pass; package storage runs it on a file. [Memory] is an
// implementation without a file, for tests of other packages.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
)

// Ledger runs the suite. open makes an empty ledger, which ends with the test; reopen closes it and opens it again.
func Ledger(t *testing.T, open func(t *testing.T) (l purchase.Ledger, reopen func() purchase.Ledger)) {
	ctx := context.Background()
	at := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	order := func(n int, state purchase.State) purchase.Order {
		return purchase.Order{
			ID: purchase.OrderID(fmt.Sprintf("01JD8Z3V5TQ4X6B7N8M9P0%04d", n)), Rev: 1, State: state,
			Requester: purchase.Actor{ID: "U1", Team: "T1", Name: "alice"}, Price: 6375, Created: at, Updated: at,
			Expires: at.Add(time.Hour),
		}
	}
	update := func(t *testing.T, l purchase.Ledger, change func(purchase.Writer) error) {
		t.Helper()
		if err := l.Update(ctx, change); err != nil {
			t.Fatal(err)
		}
	}
	view := func(t *testing.T, l purchase.Ledger, read func(purchase.Reader) error) {
		t.Helper()
		if err := l.View(ctx, read); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("an order is kept whole, also over a restart", func(t *testing.T) {
		l, reopen := open(t)
		want := order(1, purchase.Unknown)
		want.Spec = purchase.Spec{RAM: 16, CPU: 2, Disk: 10, Title: "Büro & <x>", Period: "range", End: at.AddDate(0, 1, 0)}
		want.HeldItems, want.Sent = []int64{3, 4}, []byte(`{"ram":16}`)
		want.Unresolved = &purchase.Unresolved{
			Cause: purchase.Cause{Code: purchase.HeldAnswerLost}, Since: at,
			Until: at.Add(time.Minute),
		}
		want.Messages = []purchase.Message{{Kind: purchase.MessageCard, ResponseURL: "https://x", Uses: 4, Expires: at}}
		update(t, l, func(w purchase.Writer) error { return w.PutOrder(want) })
		same := func(r purchase.Reader) error {
			got, err := r.Order(want.ID)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		}
		view(t, l, same)
		view(t, reopen(), same)
	})

	t.Run("an unknown order is ErrNoOrder", func(t *testing.T) {
		l, _ := open(t)
		err := l.View(ctx, func(r purchase.Reader) error { _, err := r.Order("nope"); return err })
		if !errors.Is(err, purchase.ErrNoOrder) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a failed update leaves nothing behind", func(t *testing.T) {
		l, _ := open(t)
		boom := errors.New("boom")
		err := l.Update(ctx, func(w purchase.Writer) error {
			if err := w.PutOrder(order(1, purchase.Proposed)); err != nil {
				return err
			}
			if err := w.PutBudget(purchase.Budget{Month: "2026-11", Spent: 1}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("got %v", err)
		}
		view(t, l, func(r purchase.Reader) error {
			orders, err := r.Orders("", 10)
			budget, _ := r.Budget("2026-11")
			if len(orders) != 0 || budget.Spent != 0 {
				t.Errorf("left behind: %v, %v", orders, budget)
			}
			return err
		})
	})

	t.Run("open and unpublished orders are found, oldest first, until they are done", func(t *testing.T) {
		l, _ := open(t)
		done := order(2, purchase.Purchased)
		done.Receipt = &purchase.Receipt{LicenseID: "l"}
		waiting := order(3, purchase.Approved)
		waiting.Confirmed = time.Date(2026, time.November, 22, 12, 0, 0, 123_456_789, time.UTC)
		waiting.Messages = []purchase.Message{{Kind: purchase.MessageCard}}
		update(t, l, func(w purchase.Writer) error {
			return errors.Join(w.PutOrder(waiting), w.PutOrder(done), w.PutOrder(order(1, purchase.Proposed)))
		})
		ids := func(orders []purchase.Order) (ids []string) {
			for _, o := range orders {
				ids = append(ids, string(o.ID[22:]))
			}
			return ids
		}
		check := func(open, unpublished []string) {
			t.Helper()
			view(t, l, func(r purchase.Reader) error {
				o, err := r.OpenOrders()
				u, err2 := r.Unpublished()
				var shown []string
				for _, id := range u {
					shown = append(shown, string(id[22:]))
				}
				if !slices.Equal(ids(o), open) || !slices.Equal(shown, unpublished) {
					t.Errorf("open %v, unpublished %v; want %v and %v", ids(o), shown, open, unpublished)
				}
				q, err3 := r.Queue()
				if len(q) != len(o) {
					t.Errorf("%d orders are open and %d queued", len(o), len(q))
				}
				for n := range min(len(q), len(o)) {
					if q[n].ID != o[n].ID || q[n].State != o[n].State || !q[n].Confirmed.Equal(o[n].Confirmed) {
						t.Errorf("in the queue %+v, open %+v", q[n], o[n])
					}
				}
				return errors.Join(err, err2, err3)
			})
		}
		check([]string{"0001", "0003"}, []string{"0003"})
		waiting.State, waiting.Messages[0].PublishedRev = purchase.Failed, waiting.Rev
		update(t, l, func(w purchase.Writer) error { return w.PutOrder(waiting) })
		check([]string{"0001"}, nil)
	})

	t.Run("orders and purchases are paged, newest first", func(t *testing.T) {
		l, _ := open(t)
		update(t, l, func(w purchase.Writer) error {
			for n := 1; n <= 5; n++ {
				p, err := w.AddPurchase(purchase.Purchase{LicenseID: fmt.Sprint("license-", n), Month: "2026-11", Charged: 100})
				if err != nil || p.Number != uint64(n) {
					return fmt.Errorf("entry %d got number %d: %w", n, p.Number, err)
				}
				if err := w.PutOrder(order(n, purchase.Proposed)); err != nil {
					return err
				}
			}
			return nil
		})
		view(t, l, func(r purchase.Reader) error {
			first, err := r.Purchases(0, 2)
			rest, err2 := r.Purchases(first[1].Number, 10)
			if first[0].Number != 5 || len(rest) != 3 || rest[0].Number != 3 || rest[2].Number != 1 {
				t.Errorf("pages %v, %v", first, rest)
			}
			orders, err3 := r.Orders("", 2)
			older, err4 := r.Orders(orders[1].ID, 10)
			if len(older) != 3 || older[0].ID != order(3, "").ID {
				t.Errorf("orders %v, %v", orders, older)
			}
			begin, err6 := r.OrdersNamed(string(order(1, "").ID[:8]), 3)
			end, err7 := r.OrdersNamed(string(order(2, "").ID[20:]), 3)
			none, err8 := r.OrdersNamed("NONE", 3)
			if !slices.Equal(begin, []purchase.OrderID{order(5, "").ID, order(4, "").ID, order(3, "").ID}) ||
				!slices.Equal(end, []purchase.OrderID{order(2, "").ID}) || len(none) != 0 {
				t.Errorf("orders by the beginning %v, by the ending %v, by nothing %v", begin, end, none)
			}
			err = errors.Join(err, err6, err7, err8)
			p, ok, err5 := r.PurchaseOf("license-2")
			if !ok || p.Number != 2 {
				t.Errorf("purchase of license-2: %v %v", p, ok)
			}
			if _, ok, _ := r.PurchaseOf("license-unknown"); ok {
				t.Error("found a purchase of an unknown license")
			}
			return errors.Join(err, err2, err3, err4, err5)
		})
	})

	t.Run("budgets start at nothing and are listed newest first", func(t *testing.T) {
		l, _ := open(t)
		update(t, l, func(w purchase.Writer) error {
			zero, err := w.Budget("2026-10")
			if diff := cmp.Diff(purchase.Budget{Month: "2026-10"}, zero); diff != "" {
				t.Errorf("a new month is not empty: %s", diff)
			}
			return errors.Join(err, w.PutBudget(purchase.Budget{Month: "2026-10", Spent: 5, Reserved: 7, Bought: 1}),
				w.PutBudget(purchase.Budget{Month: "2026-11"}))
		})
		view(t, l, func(r purchase.Reader) error {
			months, err := r.Budgets(5)
			if len(months) != 2 || months[0].Month != "2026-11" || months[1].Reserved != 7 {
				t.Errorf("months %v", months)
			}
			return err
		})
	})

	t.Run("audit records are numbered and chained", func(t *testing.T) {
		l, _ := open(t)
		for n := range 3 {
			update(t, l, func(w purchase.Writer) error {
				return w.AppendEvent(purchase.Event{Time: at, Kind: "proposed", By: "U1", Note: fmt.Sprint(n)})
			})
		}
		view(t, l, func(r purchase.Reader) error {
			events, err := r.Events(1, 10)
			prev := ""
			for i, e := range events {
				hash, err := Hash(e)
				if e.Number != uint64(i+1) || e.Prev != prev || e.Hash != hash || err != nil {
					t.Errorf("record %d: %+v, want hash %s (%v)", i, e, hash, err)
				}
				prev = e.Hash
			}
			if head, err := r.Head(); err != nil || head.Hash != prev {
				t.Errorf("the head is %+v (%v)", head, err)
			}
			if last, _ := r.Events(3, 10); len(events) != 3 || len(last) != 1 {
				t.Errorf("%d events, %d from the third on", len(events), len(last))
			}
			return err
		})
	})

	t.Run("an audit record of text that is no text keeps its hash", func(t *testing.T) {
		l, reopen := open(t)
		update(t, l, func(w purchase.Writer) error {
			return w.AppendEvent(purchase.Event{
				Time: at, Kind: "refused", Order: "\xff\xfe", By: "U\xc3", Place: "C\x00",
				Note: "cut in the middl\xe2\x82",
			})
		})
		view(t, reopen(), func(r purchase.Reader) error {
			head, err := r.Head()
			hash, err2 := Hash(head)
			if head.Number != 1 || head.Hash != hash {
				t.Errorf("as it is read, the hash of %+v is %s", head, hash)
			}
			return errors.Join(err, err2)
		})
	})

	t.Run("an empty ledger has no head, and room", func(t *testing.T) {
		l, _ := open(t)
		view(t, l, func(r purchase.Reader) error {
			head, err := r.Head()
			if head.Number != 0 || head.Hash != "" {
				t.Errorf("its head is %+v", head)
			}
			return err
		})
		if err := l.Room(ctx); err != nil {
			t.Errorf("it has no room: %v", err)
		}
	})

	t.Run("a license is found by its first entry, whatever corrects it later", func(t *testing.T) {
		l, _ := open(t)
		update(t, l, func(w purchase.Writer) error {
			_, err := w.AddPurchase(purchase.Purchase{LicenseID: "l", Charged: 100})
			_, err2 := w.AddPurchase(purchase.Purchase{LicenseID: "l", Charged: -5, Correction: true})
			_, err3 := w.AddPurchase(purchase.Purchase{Charged: 7}) // its license is not known
			p, ok, err4 := w.PurchaseOf("l")
			if !ok || p.Charged != 100 || p.Number != 1 {
				t.Errorf("found %v %+v", ok, p)
			}
			if p, ok, _ := w.PurchaseOf(""); ok {
				t.Errorf("no license is found: %+v", p)
			}
			return errors.Join(err, err2, err3, err4)
		})
	})

	t.Run("the account is kept whole, also over a restart", func(t *testing.T) {
		l, reopen := open(t)
		want := purchase.AccountState{
			Pause: &purchase.Pause{Since: at, By: "U1", Incidents: []purchase.Incident{{
				Cause: purchase.Cause{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": "so"}}, Time: at, By: "U1",
			}}},
			Notifications: []purchase.Notification{{
				ID: "n", Kind: purchase.NotificationPaused, Time: at, Pending: []string{"U1", "C1"},
				Cause: purchase.Cause{Code: purchase.NotificationSettled, Args: purchase.Args{"reason": "a & b"}},
			}},
			Broken: []int64{1, 2}, Watching: at, UnrecognizedPurchases: []purchase.UnrecognizedPurchase{{
				PurchaseID: 7, Cost: 5,
				Time: at,
			}},
		}
		update(t, l, func(w purchase.Writer) error { return w.PutAccount(want) })
		view(t, reopen(), func(r purchase.Reader) error {
			got, err := r.Account()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
	})

	t.Run("what was read is the reader's own", func(t *testing.T) {
		l, _ := open(t)
		o := order(1, purchase.Adding)
		o.HeldItems = []int64{3, 4}
		update(t, l, func(w purchase.Writer) error { return w.PutOrder(o) })
		o.HeldItems[0] = 99 // after it was stored
		for range 2 {
			view(t, l, func(r purchase.Reader) error {
				got, err := r.Order(o.ID)
				if err == nil && !slices.Equal(got.HeldItems, []int64{3, 4}) {
					t.Errorf("parked %v", got.HeldItems)
				}
				got.HeldItems[1] = 99
				return err
			})
		}
	})

	t.Run("a panic is its caller's, and undone", func(t *testing.T) {
		l, _ := open(t)
		func() {
			defer func() {
				if r := recover(); r != "a bug" {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = l.Update(ctx, func(w purchase.Writer) error {
				if err := errors.Join(w.PutOrder(order(1, purchase.Proposed)),
					w.AppendEvent(purchase.Event{Kind: "proposed"})); err != nil {
					t.Error(err)
				}
				panic("a bug")
			})
		}()
		update(t, l, func(w purchase.Writer) error {
			orders, err := w.Orders("", 10)
			head, err2 := w.Head()
			if len(orders) != 0 || head.Number != 0 {
				t.Errorf("left behind: %v, %+v", orders, head)
			}
			return errors.Join(err, err2)
		})
	})

	t.Run("nothing runs for a context that is done", func(t *testing.T) {
		l, _ := open(t)
		done, cancel := context.WithCancel(ctx)
		cancel()
		err := l.Update(done, func(purchase.Writer) error { t.Error("changed"); return nil })
		err2 := l.View(done, func(purchase.Reader) error { t.Error("read"); return nil })
		if !errors.Is(err, context.Canceled) || !errors.Is(err2, context.Canceled) {
			t.Errorf("got %v, %v", err, err2)
		}
	})

	t.Run("forty people confirm against a budget for ten", func(t *testing.T) {
		l, _ := open(t)
		confirmAtOnce(t, l, 40, 10)
	})

	t.Run("two hundred updates at once are all counted", func(t *testing.T) {
		l, _ := open(t)
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				err := l.Update(ctx, func(w purchase.Writer) error {
					b, err := w.Budget("2026-11")
					if err != nil {
						return err
					}
					b.Reserved++
					return w.PutBudget(b)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		view(t, l, func(r purchase.Reader) error {
			b, err := r.Budget("2026-11")
			if b.Reserved != 200 {
				t.Errorf("counted %d of 200", b.Reserved)
			}
			return err
		})
	})
}
