package simulation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/storage"
)

// books is the content of the ledger at a moment.
type books struct {
	orders    []purchase.Order // newest first
	purchases []purchase.Purchase
	budgets   []purchase.Budget
	account   purchase.AccountState
	events    []purchase.Event
}

func readBooks(l *storage.Ledger, events bool) (b books, err error) {
	err = l.View(context.Background(), func(r purchase.Reader) error {
		var errs [5]error
		b.orders, errs[0] = r.Orders("", 1000)
		b.purchases, errs[1] = r.Purchases(0, 1000)
		b.budgets, errs[2] = r.Budgets(100)
		b.account, errs[3] = r.Account()
		if events {
			b.events, errs[4] = r.Events(1, 1<<20)
		}
		return errors.Join(errs[:]...)
	})
	return b, err
}

// orderOf returns the order whose tag a license's description carries; empty if it has none.
func orderOf(description string) purchase.OrderID {
	if i := strings.LastIndex(description, "order "); i >= 0 && len(description) == i+len("order ")+26 {
		return purchase.OrderID(description[i+len("order "):])
	}
	return ""
}

// checkoutSent counts a checkout. It must be for the one order that is being paid, and the first one of that order.
func (w *world) checkoutSent(l *process) {
	b, err := readBooks(l.ledger, false)
	if err != nil {
		w.wrong("the ledger cannot be read: %v", err)
		return
	}
	paying := 0
	for _, o := range b.orders {
		if o.State != purchase.Paying {
			continue
		}
		paying++
		if o.ItemID == 0 || o.CheckoutSent.IsZero() || o.Amount > o.Price {
			w.wrong("a checkout is sent for order %s, and the ledger has the item %d, sent %s, for %s of %s", o.ID, o.ItemID,
				o.CheckoutSent, o.Amount, o.Price)
		}
		w.mu.Lock()
		w.checkouts[o.ID]++
		w.pays = append(w.pays, pay{time.Now(), w.looked})
		n := w.checkouts[o.ID]
		w.mu.Unlock()
		if n > 1 {
			w.wrong("checkout was sent %d times for order %s", n, o.ID)
		}
	}
	if pause := b.account.Pause; pause != nil && time.Since(pause.Since) > time.Second {
		w.wrong("a checkout is sent, and buying is paused since %s", pause.Since)
	}
	if paying != 1 {
		w.wrong("a checkout is sent while %d orders are being paid", paying)
	}
}

// check checks the invariants of the ledger and of CoCalc's account that hold at every moment.
func (w *world) check() {
	l := w.current()
	if l == nil || !l.handles() {
		return
	}
	defer l.busy.Done()
	var head purchase.Event
	err := l.ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		head, err = r.Head()
		return err
	})
	sold := len(w.account.Purchases())
	if err == nil && head.Number == w.checkedHead && sold == w.checkedSold {
		return // what moves money or an order writes an audit record
	}
	w.checkedHead, w.checkedSold = head.Number, sold
	b, err := readBooks(l.ledger, false)
	if err != nil {
		w.wrong("the ledger cannot be read: %v", err)
		return
	}
	w.checkBooks(b)
	w.checkSales(b)
}

// checkBooks compares the budgets with the reservations of orders and with the purchase log.
func (w *world) checkBooks(b books) {
	type sums struct {
		spent, upkeep, reserved purchase.Cents
		bought                  int
	}
	months := map[string]*sums{}
	of := func(month string) *sums {
		if months[month] == nil {
			months[month] = &sums{}
		}
		return months[month]
	}
	for _, o := range b.orders {
		if o.IsReserved() {
			of(o.Month).reserved += o.Reservation()
		}
	}
	seen, rows, people := map[string]bool{}, map[int64]bool{}, map[string]purchase.Share{}
	for _, p := range b.purchases {
		of(p.Month).spent += p.Charged
		share := people[p.Month+p.Requester.ID]
		share.Spent += p.Charged
		if p.Kind.IsUpkeep() {
			of(p.Month).upkeep += p.Charged
			share.Upkeep += p.Charged
			if rows[p.PurchaseID] {
				w.wrong("purchase %d is in the purchase log twice", p.PurchaseID)
			}
			rows[p.PurchaseID] = true
		}
		people[p.Month+p.Requester.ID] = share
		if p.Correction || p.Kind.IsUpkeep() {
			continue
		}
		of(p.Month).bought++
		if seen[p.LicenseID] && p.LicenseID != "" {
			w.wrong("license %s is in the purchase log twice", p.LicenseID)
		}
		seen[p.LicenseID] = true
	}
	for _, budget := range b.budgets {
		if s := of(budget.Month); *s != (sums{budget.Spent, budget.Upkeep, budget.Reserved, budget.Bought}) {
			w.wrong("the budget of %s has %s spent, %s of it later, %s reserved, %d bought; log and orders add up to %+v",
				budget.Month, budget.Spent, budget.Upkeep, budget.Reserved, budget.Bought, *s)
		}
		for id, share := range budget.People {
			if want := people[budget.Month+id]; share.Spent != want.Spent || share.Upkeep != want.Upkeep {
				w.wrong("%s has %s spent in %s, %s of it later; the log adds up to %s and %s", name(id), share.Spent, budget.Month,
					share.Upkeep, want.Spent, want.Upkeep)
			}
		}
		delete(months, budget.Month)
	}
	for month, s := range months {
		if *s != (sums{}) {
			w.wrong("there is no budget of %s, and %+v", month, *s)
		}
	}
}

// checkSales checks what CoCalc has sold: for each order at most one license by the bot's own checkouts, for no more
// than was shown unless the price rose while CoCalc delayed the checkout, and no item of others that was in the cart at
// the last look.
func (w *world) checkSales(b books) {
	w.mu.Lock()
	left := make(map[sale]int, len(w.bought))
	for s, n := range w.bought {
		left[s] = n
	}
	pays := slices.Clone(w.pays)
	w.mu.Unlock()
	orders := map[purchase.OrderID]purchase.Order{}
	for _, o := range b.orders {
		orders[o.ID] = o
	}
	of := w.tags()
	own := map[purchase.OrderID]int{}
	for _, row := range slices.Backward(w.account.Purchases()) {
		if row.Service != "license" || row.Cents <= 0 {
			continue
		}
		s := sale{row.Time.UnixMilli(), row.CartItemID}
		if left[s] > 0 { // a stranger's checkout that began then
			left[s]--
			continue
		}
		id := of[row.LicenseID]
		w.mu.Lock()
		tolerated := tolerance(row, pays, w.touched[row.CartItemID])
		w.mu.Unlock()
		if id == "" {
			if !tolerated {
				w.wrong("the bot's checkout bought another program's item %d for %s", row.CartItemID, dollars(row.Cents))
			}
			continue
		}
		own[id]++
		if own[id] > 1 {
			w.wrong("the bot's own checkouts bought %d licenses for order %s", own[id], id)
		}
		w.mu.Lock()
		dearer := w.dearer[row.Time.UnixMilli()]
		w.mu.Unlock()
		if o, known := orders[id]; known && row.Cents > int64(o.Price) && !dearer && !tolerated {
			w.wrong("order %s was shown for %s and charged %s", id, o.Price, dollars(row.Cents))
		}
	}
}

// tolerance reports whether a stranger added, checked or edited the item after the bot's last look before the checkout.
func tolerance(row cocalctest.Purchase, pays []pay, touched []time.Time) bool {
	var look time.Time
	for _, p := range pays {
		if !p.sent.After(row.Time) {
			look = p.looked
		}
	}
	return slices.ContainsFunc(touched, func(at time.Time) bool { return !at.Before(look.Truncate(time.Millisecond)) })
}

// tags returns the order that each license was bought for, by license id.
func (w *world) tags() map[string]purchase.OrderID {
	of := map[string]purchase.OrderID{}
	for _, license := range w.account.Licenses() {
		if id := orderOf(license.Description); id != "" {
			of[license.ID] = id
		}
	}
	return of
}
