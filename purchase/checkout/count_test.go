package checkout_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// How much an order reads to be bought, to prove its purchase, and to count it once more when its watch ends, doesn't
// depend on how much was bought before.
func TestWorker_Count_BusyDay(t *testing.T) {
	list := &purchaseList{}
	purchasetest.Run(t, 9_000_000, func(env *purchasetest.Env) {
		<-time.After(time.Second) // after the comparison at start
		for range 1000 {
			env.Account.AddToCart("site-license", string(env.CartDescription()))
		}
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Hour)
		list.forget()
		id := env.Buy()
		env.Until(id, purchase.Purchased)
		if list.items > 1 {
			t.Errorf("items in a read of the cart: got %d at most, want 1", list.items)
		}
		list.checkRead(t, "the proof", 1, 1)
		checkCounted(t, env.Order(id), 0)
		<-time.After(20 * time.Minute)
		list.checkRead(t, "the count at the end of the watch", 1, 1)
		checkClosed(t, env, id)
	}, list.install, withoutSweeps)
}

// If the clocks of CoCalc's machines differ so much that a purchase seems to be older than its order, it is found all
// the same: with one more request if they differ by more than a minute.
func TestWorker_Count_ClocksApart(t *testing.T) {
	for behind, requests := range map[time.Duration]int{50 * time.Second: 1, 5 * time.Hour: 2} {
		t.Run(behind.String(), func(t *testing.T) {
			list := &purchaseList{behind: behind}
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				<-time.After(time.Second)
				list.forget()
				id := env.Buy()
				env.Until(id, purchase.Purchased)
				list.checkRead(t, "the proof", requests, 1)
				checkCounted(t, env.Order(id), 0)
				<-time.After(20 * time.Minute)
				list.checkRead(t, "the count at the end of the watch", requests, 1)
				checkClosed(t, env, id)
				env.Check(1, 6375, 0)
			}, list.install, withoutSweeps)
		})
	}
}

// A purchase that the list doesn't show yet when it is proven is counted later, also if it seems to be older than its
// order then.
func TestWorker_Count_VisibleLate(t *testing.T) {
	list := &purchaseList{behind: 5 * time.Hour}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		list.hide(true)
		<-time.After(time.Second)
		id := env.Buy()
		if o := env.Until(id, purchase.Purchased); !o.Receipt.Unchecked {
			t.Errorf("receipt: got %+v, want unchecked", o.Receipt)
		}
		<-time.After(time.Minute)
		list.hide(false)
		<-time.After(20 * time.Minute)
		checkCounted(t, env.Order(id), 0)
		checkClosed(t, env, id)
		env.Check(1, 6375, 0)
	}, list.install, withoutSweeps)
}

// Watches of the same minute end together, and one list counts for all of them, whichever order was bought first.
func TestWorker_Count_SharedList(t *testing.T) {
	list := &purchaseList{}
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Second)
		var ids []purchase.OrderID
		for range 3 {
			ids = append(ids, env.Propose(purchasetest.Spec()).ID)
		}
		for _, id := range slices.Backward(ids) {
			if err := env.Confirm(id); err != nil {
				t.Fatal(err)
			}
			env.Until(id, purchase.Purchased)
			<-time.After(5 * time.Second)
		}
		list.forget()
		<-time.After(20 * time.Minute)
		list.checkRead(t, "the counts at the end of the watches", 1, 3)
		for _, id := range ids {
			checkCounted(t, env.Order(id), 0)
			checkClosed(t, env, id)
		}
	}, list.install, withoutSweeps)
}

// The list that proves an order counts for those whose watch has ended meanwhile, if it goes back to their adds: here
// another checkout of the first order's item had begun before the bot's own, and the second order's list, which is read
// when the watch of the first has ended, shows only the bot's own.
func TestWorker_Count_ListOfLaterOrder(t *testing.T) {
	for name, slow := range map[string]string{"the watch ends before": "checkout", "while it is read": "store"} {
		t.Run(name, func(t *testing.T) {
			list := &purchaseList{}
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				<-time.After(time.Second)
				list.onCheckout(func() {
					env.Server.SetCheckoutTakes(8*time.Minute, time.Second)
					env.Account.StartCheckout()
					<-time.After(2 * time.Minute)
				})
				first := env.Buy()
				env.Until(first, purchase.Purchased)
				checkCounted(t, env.Order(first), 0)
				wait := func() { <-time.After(12 * time.Minute) }
				list.onCheckout(func() {
					if slow == "store" {
						list.onStore(wait)
						return
					}
					wait()
				})
				second := env.Buy()
				env.Until(second, purchase.Purchased)
				<-time.After(20 * time.Minute)
				checkCounted(t, env.Order(first), 1)
				checkClosed(t, env, first)
			}, list.install, withoutSweeps)
		})
	}
}

// An item that was in the cart when its order began may be bought by a checkout that had begun before, which the count
// at the end of the watch finds.
func TestWorker_Count_ItemAlreadyThere(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("outage")
		id := env.Buy()
		<-time.After(10 * time.Second)
		env.Close()
		env.Server.ClearFaults()
		sp := purchasetest.Spec()
		sp.Description = id.Tag()
		env.Account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		env.Server.SetCheckoutTakes(10*time.Minute, time.Second)
		env.Account.StartCheckout()
		<-time.After(5 * time.Minute)
		env.Open()
		env.Until(id, purchase.Purchased)
		checkCounted(t, env.Order(id), 0)
		<-time.After(20 * time.Minute)
		checkCounted(t, env.Order(id), 1)
	}, withoutSweeps)
}

// withoutSweeps makes the comparisons with the account so rare that a test sees none but the first.
func withoutSweeps(env *purchasetest.Env) { env.Timing.Sweep = 24 * time.Hour }

func checkCounted(t *testing.T, o purchase.Order, duplicates int) {
	t.Helper()
	r := o.Receipt
	if r == nil || r.PurchaseID == 0 || r.Unchecked || len(r.Duplicates) != duplicates {
		t.Errorf("receipt: got %+v, want its purchase, checked, with %d duplicates", r, duplicates)
	}
}

func checkClosed(t *testing.T, env *purchasetest.Env, id purchase.OrderID) {
	t.Helper()
	if o, e := env.Order(id), env.Events("uncounted"); o.Open() || len(e) > 0 {
		t.Errorf("after the watch: got open %t, watched until %v, uncounted records %+v; want closed, none", o.Open(),
			o.WatchUntil, e)
	}
}

// purchaseList is a shop that counts what is read of its list of purchases, and can change it.
type purchaseList struct {
	purchase.Shop
	behind time.Duration // how far the clock that dates the purchases is behind the one that dates the answers

	mu              sync.Mutex
	isHidden        bool
	checkout, store func() // the next request of its kind begins with it
	requests, rows  int    // that were read since forget
	items           int    // in the largest read of the cart since forget
}

func (l *purchaseList) install(env *purchasetest.Env) {
	env.Wrap = func(ledger purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
		l.Shop = shop
		return ledger, l
	}
}

func (l *purchaseList) Purchases(ctx context.Context, f cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	if !f.Since.IsZero() {
		f.Since = f.Since.Add(l.behind)
	}
	rows, err := l.Shop.Purchases(ctx, f)
	for i := range rows {
		rows[i].Time = rows[i].Time.Add(-l.behind)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isHidden {
		rows = nil
	}
	l.requests++
	l.rows += len(rows)
	return rows, err
}

func (l *purchaseList) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	items, err := l.Shop.Cart(ctx, which)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = max(l.items, len(items))
	return items, err
}

func (l *purchaseList) Checkout(ctx context.Context) error {
	l.run(&l.checkout)
	return l.Shop.Checkout(ctx)
}

func (l *purchaseList) Store(ctx context.Context) (cocalc.Store, error) {
	l.run(&l.store)
	return l.Shop.Store(ctx)
}

func (l *purchaseList) onCheckout(do func()) { l.set(&l.checkout, do) }

func (l *purchaseList) onStore(do func()) { l.set(&l.store, do) }

func (l *purchaseList) set(hook *func(), do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*hook = do
}

func (l *purchaseList) run(hook *func()) {
	l.mu.Lock()
	do := *hook
	*hook = nil
	l.mu.Unlock()
	if do != nil {
		do()
	}
}

func (l *purchaseList) hide(hidden bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isHidden = hidden
}

func (l *purchaseList) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests, l.rows, l.items = 0, 0, 0
}

// checkRead checks what was read since the last call, and forgets it.
func (l *purchaseList) checkRead(t *testing.T, what string, requests, rows int) {
	t.Helper()
	defer l.forget()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests != requests || l.rows != rows {
		t.Errorf("%s: got %d rows in %d requests, want %d in %d", what, l.rows, l.requests, rows, requests)
	}
}
