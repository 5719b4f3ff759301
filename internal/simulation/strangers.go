package simulation

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

const (
	strangersLicense = `{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",` +
		`"boost":false,` +
		`"period":"monthly","run_limit":1,"title":"another program's"}`
	breaksCart = `{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic",` +
		`"boost":false,` +
		`"period":"range","run_limit":1,"title":"broken","range":["1990-01-01T00:00:00Z"]}`
)

// trigger performs what a request to an endpoint triggers.
func (w *world) trigger(endpoint string, n int, after bool) {
	if w.quiet() {
		return
	}
	for _, t := range w.plan.TriggeredFaults {
		if t.Endpoint == endpoint && t.Nth == n && t.After == after {
			w.perform(t.Do)
			time.Sleep(2 * time.Millisecond)
		}
	}
}

// interfere performs a stranger's action on the cart, in CoCalc's own store.
func (w *world) interfere(s Step) {
	var item int64
	if items := w.inCart(s.Ours); len(items) > 0 {
		item = items[s.Nth%len(items)]
	}
	which := "an item of theirs"
	if s.Ours {
		which = "licensebot's item"
	}
	idle := !w.underWay()
	w.mu.Lock()
	defer w.mu.Unlock()
	log := func(format string, args ...any) { w.trace.Log("a stranger "+format, args...) }
	switch s.Action {
	case Adds, AddsOdd, Breaks:
		description := map[Action]string{Adds: strangersLicense, AddsOdd: `{}`, Breaks: breaksCart}[s.Action]
		item = w.account.AddToCart("site-license", description)
		w.touched[item] = append(w.touched[item], time.Now())
		w.left[item] = true
		log("%s to the cart: %d", map[Action]string{
			Adds: "adds an item", AddsOdd: "adds an item that can't be bought",
			Breaks: "adds an item that breaks the cart",
		}[s.Action], item)
		return
	case ChecksOut:
		now := time.Now().UnixMilli()
		var buys []int64
		for _, i := range w.account.Cart() {
			if open(i) && i.Checked {
				buys = append(buys, i.ID)
				w.bought[sale{now, i.ID}]++
			}
		}
		log("checks out the cart: %v", buys)
		w.account.StartCheckout()
		return
	default: // the others change an item
	}
	if item == 0 {
		return
	}
	switch s.Action {
	case Unchecks:
		w.account.SetChecked(item, false)
		w.left[item] = false
	case Checks:
		w.account.SetChecked(item, true)
		w.touched[item] = append(w.touched[item], time.Now())
		w.left[item] = true
	case Removes:
		w.account.Remove(item)
	case Deletes:
		w.account.Delete(item)
	case Edits:
		w.account.Edit(item, w.edited(item))
		w.touched[item] = append(w.touched[item], time.Now())
	default: // perform brings nothing else here
	}
	if !idle || s.Ours || s.Action == Removes || s.Action == Deletes {
		delete(w.left, item)
	}
	log("%s %s: %d", s.Action, which, item)
}

// edited returns an item's description with more memory, and so at a higher price, under the same title and tag.
func (w *world) edited(item int64) string {
	for _, i := range w.account.Cart() {
		if i.ID == item {
			return dearer.ReplaceAllString(string(i.Description), "${1}16")
		}
	}
	return "{}"
}

var dearer = regexp.MustCompile(`("ram": ?)\d+`)

// open reports whether an item is in the cart.
func open(i cocalctest.CartItem) bool { return i.Removed.IsZero() && i.PurchasedAt.IsZero() }

// inCart returns the items in the cart, newest first: the bot's or those of others.
func (w *world) inCart(ours bool) (ids []int64) {
	for _, i := range w.account.Cart() {
		if open(i) && strings.Contains(string(i.Description), "order 0") == ours {
			ids = append(ids, i.ID)
		}
	}
	slices.Reverse(ids)
	return ids
}

// underWay reports whether the bot may be working on the cart. The final state of an item that a stranger unchecks
// meanwhile is not certain.
func (w *world) underWay() bool {
	l := w.current()
	if l == nil {
		return true
	}
	busy := true
	_ = l.ledger.View(context.Background(), func(r purchase.Reader) error {
		orders, err := r.OpenOrders()
		busy = err != nil || slices.ContainsFunc(orders, func(o purchase.Order) bool {
			return o.State.UnderWay() || o.State == purchase.Approved || len(o.HeldItems) > 0
		})
		return nil
	})
	return busy
}
