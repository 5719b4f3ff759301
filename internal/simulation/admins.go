package simulation

import (
	"slices"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// repairCart removes the items that break the cart, as a person with the account does in CoCalc's own store after some
// hours.
func (w *world) repairCart() {
	for _, i := range w.account.Cart() {
		if open(i) && (cocalc.CartItem{Product: i.Product, Description: i.Description}).BreaksCart(time.Now()) {
			w.account.Remove(i.ID)
			w.mu.Lock()
			delete(w.left, i.ID)
			w.mu.Unlock()
			w.trace.Log("a person removes item %d, which breaks the cart", i.ID)
		}
	}
}

// resume resumes buying, as dave does after he has looked at the reason of a pause.
func (w *world) resume() {
	l := w.current()
	if l == nil || !l.handles() {
		return
	}
	defer l.busy.Done()
	var account purchase.AccountState
	err := l.ledger.View(l.ctx, func(r purchase.Reader) (err error) {
		account, err = r.Account()
		return err
	})
	if err == nil && account.Pause != nil {
		w.types(Step{Who: admin, Text: "resume looked at it", Deliveries: []time.Duration{0}})
	}
}

// settle resolves an order whose outcome is unknown, as dave does: he has it shown, looks at CoCalc's own pages and
// enters what he sees there. A checkout that is still under way shows later that he was wrong.
func (w *world) settle(s Step) {
	l := w.current()
	if l == nil || !l.handles() {
		return
	}
	var open []purchase.Order
	err := l.ledger.View(l.ctx, func(r purchase.Reader) (err error) {
		open, err = r.OpenOrders()
		return err
	})
	l.busy.Done()
	i := slices.IndexFunc(open, func(o purchase.Order) bool { return o.State == purchase.Unknown })
	if err != nil || i < 0 {
		return
	}
	id := open[i].ID
	w.types(Step{Who: admin, Text: "settle " + string(id), Deliveries: s.Deliveries})
	w.behind(15*time.Second, func() {
		button := "order_was_not_bought"
		for _, license := range w.account.Licenses() {
			if orderOf(license.Description) == id {
				button = "order_was_bought"
			}
		}
		w.clicks(Step{Who: admin, Action: Clicks, Button: button, Whose: admin, Deliveries: s.Deliveries})
		if w.sleep(5 * time.Second) {
			w.submits(Step{Who: admin, Deliveries: s.Deliveries})
		}
	})
}
