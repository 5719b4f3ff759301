package simulation

import (
	"context"
	"errors"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// dave is whoever runs the bot.
var dave = purchase.Click{Who: purchase.Person{ID: user(admin), Team: team, Name: admin}, At: purchase.Place{Channel: "DDAVE", Direct: true}, Typed: true}

// byAdmin does something with the program, if it is there.
func (w *world) byAdmin(do func(ctx context.Context, l *life) error) {
	l := w.current()
	if l == nil || !l.handles() {
		return
	}
	w.behind(0, func() {
		defer l.busy.Done()
		err := do(l.ctx, l)
		var no *purchase.Refusal
		var busy *cocalc.Error
		switch {
		case err == nil, l.ctx.Err() != nil, errors.As(err, &busy):
		case errors.As(err, &no):
			w.story.Tell("dave is told: %s", headline(no.Sentence))
		default:
			w.wrong("an admin is answered: %v", err)
		}
	})
}

// mend is what somebody with the account does in CoCalc's own store, when hours have passed: what still breaks the cart
// for everybody is taken out.
func (w *world) mend() {
	for _, i := range w.account.Cart() {
		if open(i) && (cocalc.CartItem{Product: i.Product, Description: i.Description}).BreaksCart(time.Now()) {
			w.account.Remove(i.ID)
			w.mu.Lock()
			delete(w.left, i.ID)
			w.mu.Unlock()
			w.story.Tell("somebody takes item %d, which breaks the cart, out of it", i.ID)
		}
	}
}

// resume is what dave does when buying is paused and he has looked at it.
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

// settle is what dave does with an order whose outcome is unknown: he looks at CoCalc's pages and says what he sees
// there. A checkout that is still under way shows later that he was wrong.
func (w *world) settle() {
	w.byAdmin(func(ctx context.Context, l *life) error {
		var orders []purchase.Order
		err := l.ledger.View(ctx, func(r purchase.Reader) (err error) {
			orders, err = r.OpenOrders()
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range orders {
			if o.State != purchase.Unknown {
				continue
			}
			s := purchase.Settlement{Verdict: purchase.WasNotBought, Reason: "saw it in the store"}
			for _, license := range w.account.Licenses() {
				if orderOf(license.Description) == o.ID {
					s.Verdict, s.LicenseID = purchase.WasBought, license.ID
				}
			}
			w.story.Tell("dave settles order %s as %s", short(o.ID), s.Verdict)
			if _, err := l.desk.Settle(ctx, o.ID, dave, s); err != nil {
				return err
			}
		}
		return nil
	})
}
