package orders_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// A confirmation of a new price holds for that price alone, and counts once.
func TestService_ConfirmNewPrice_Once(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.SwitchOn("price-moved")
		o := env.Until(env.Buy(), purchase.Failed)
		next, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Alice,
			Channel: purchasetest.MathChannel,
		}, o.ID,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil || next.Price != o.Failure.NewPrice {
			t.Fatalf("new order: got price %v (error %v), want %v", next.Price, err, o.Failure.NewPrice)
		}
		var no *purchase.Refusal
		if _, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Alice,
			Channel: purchasetest.MathChannel,
		}, o.ID, orders.Decision{Kind: orders.ConfirmNewPrice}); !errors.As(err,
			&no) || no.Code != purchase.AlreadyDone {
			t.Errorf("second confirmation: got error %v, want %s", err, purchase.AlreadyDone)
		}
		env.Until(next.ID, purchase.Purchased)
		env.Check(1, o.Failure.NewPrice, 0)
	})
}

// A new price that is confirmed in time is bought once, and its offer ends.
func TestService_ConfirmNewPrice_InTime(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		env.SwitchOn("price-moved")
		id := env.Buy()
		env.Until(id, purchase.Failed)
		<-time.After(29 * time.Minute)
		n, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Alice,
			Channel: purchasetest.MathChannel,
		}, id,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil {
			t.Fatal(err)
		}
		env.Until(n.ID, purchase.Purchased, purchase.Failed)
		if o := env.Order(id); o.Open() {
			t.Errorf("replaced order: got open true, want false: %s, failure %+v", o.State, o.Failure)
		}
	})
}

// The card of a new price expires like every card: a click on it buys nothing, and offers a new request instead.
func TestService_ConfirmNewPrice_Expired(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		env.SwitchOn("price-moved")
		id := env.Buy()
		o := env.Until(id, purchase.Failed)
		now := time.Now()
		if !o.Offers(now) || !o.Offers(now.Add(29*time.Minute)) || o.Offers(now.Add(30*time.Minute)) {
			t.Errorf("got an offer until %s, want it for the 30 minutes after %s", o.Failure.Until, now)
		}
		rev := o.Rev
		<-time.After(31 * time.Minute)
		if o = env.Order(id); o.Rev == rev || !o.Failure.Until.IsZero() {
			t.Errorf("order after its offer: got revision %d, offer until %s; want a revision other than %d, no offer", o.Rev,
				o.Failure.Until, rev)
		}
		_, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Alice,
			Channel: purchasetest.MathChannel,
		}, id,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		env.WantRefusal(err, purchase.TooLate)
		env.Close() // months pass faster without the periodic work of the desk
		<-time.After(60 * 24 * time.Hour)
		env.Open()
		_, err = env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Alice,
			Channel: purchasetest.MathChannel,
		}, id,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		env.WantRefusal(err, purchase.TooLate)
		env.Check(0, 0, 0)
	})
}

// A new price needs a new order, so it is refused while the disk has no room for one.
func TestService_ConfirmNewPrice_DiskFull(t *testing.T) {
	disk := &crowdedLedger{}
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Close()
		env.Inconsistent = true
		env.EditOrder(id, func(o *purchase.Order) { o.Price = 6000 })
		env.Open()
		if err := env.Approve(id, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		if o := env.Order(id); o.State != purchase.Failed || o.Failure.NewPrice != 6375 {
			t.Fatalf("got %s, failure %+v; want %s, 6375 cents", o.State, o.Failure, purchase.Failed)
		}
		disk.full.Store(true)
		if o, err := env.Desk.Decide(context.Background(), purchasetest.AliceAction, id,
			orders.Decision{Kind: orders.ConfirmNewPrice}); refusalCode(err) != purchase.DiskFull {
			t.Errorf("on a full disk: got %s, error %v; want %s", o.State, err, purchase.DiskFull)
		}
		if o := env.Order(id); o.ReplacedBy != "" {
			t.Errorf("replaced by: got %q, want none", o.ReplacedBy)
		}
		disk.full.Store(false)
		var no *purchase.Refusal
		if o, err := env.Desk.Decide(context.Background(), purchasetest.AliceAction, id,
			orders.Decision{Kind: orders.ConfirmNewPrice}); errors.As(err, &no) ||
			o.State != purchase.AwaitingApproval {
			t.Errorf("with room again: got %s, error %v; want %s", o.State, err, purchase.AwaitingApproval)
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			disk.Ledger = l
			return disk, over
		}
	})
}

// Slack delivers a click once more after the order's card was replaced by the card at the new price: that card now
// belongs to the new order.
func TestService_ConfirmNewPrice_LateClick(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.PriceMoved, Percent: 110})
		old := env.Buy()
		env.Until(old, purchase.Failed)
		card := purchase.Message{ResponseURL: "https://slack.test/1", Uses: 4, Expires: time.Now().Add(30 * time.Minute)}
		action := purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel, Card: card}
		next, err := env.Desk.Decide(context.Background(), action, old, orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil {
			t.Fatal(err)
		}
		env.Until(next.ID, purchase.Purchased)
		action.Card.ResponseURL = "https://slack.test/2" // a click on the same card
		for _, kind := range []orders.DecisionKind{orders.Cancel, orders.Confirm} {
			if _, err := env.Desk.Decide(context.Background(), action, old, orders.Decision{Kind: kind}); err == nil {
				t.Errorf("%s of an order that has ended: got error %v, want one", kind, err)
			}
			if o := env.Order(old); o.Message(purchase.MessageCard) != nil {
				t.Errorf("%s: got messages %+v of the replaced order, want no card", kind, o.Messages)
			}
		}
	})
}

// crowdedLedger has no room for another order while it is full.
type crowdedLedger struct {
	purchase.Ledger
	full atomic.Bool
}

func (d *crowdedLedger) Room(ctx context.Context) error {
	if d.full.Load() {
		return fmt.Errorf("1 MB left: %w", purchase.ErrFull)
	}
	return d.Ledger.Room(ctx)
}
