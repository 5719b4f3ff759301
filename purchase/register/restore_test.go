package register_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// An older copy of the ledger is put in the place of the present one. Nothing that it promised is bought from it, what
// was bought meanwhile is found, and orders are taken again only after that.
func TestAfterRestore_EveryState(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		state purchase.State // of the order in the copy
		paid  bool           // and it was bought after the copy was made
		ends  purchase.State
	}{
		{"the copy does not know the order", "", true, purchase.Purchased},
		{"it was only proposed, and bought since", purchase.Proposed, true, purchase.Purchased},
		{"it was confirmed in the copy, and bought since", purchase.Approved, true, purchase.Purchased},
		{"it was in the cart, and bought since", purchase.Carted, true, purchase.Purchased},
		{"it was confirmed in the copy, and not bought", purchase.Approved, false, purchase.Failed},
		{"it was only proposed", purchase.Proposed, false, purchase.Expired},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				before := env.Propose(purchasetest.Spec()) // so that the copy is not empty
				if _, err := env.Desk.Decide(ctx, purchasetest.AliceAction, before.ID,
					orders.Decision{Kind: orders.Cancel}); err != nil {
					t.Fatal(err)
				}
				id, old := env.CopyInState(c.state, c.paid)
				env.Close()
				env.Path = old
				ledger, err := storage.Open(old)
				if err != nil {
					t.Fatal(err)
				}
				err = ledger.Update(ctx, func(w purchase.Writer) error {
					return register.AfterRestore(w, time.Now(), "UDANA", env.Timing.Settle)
				})
				if err := errors.Join(err, ledger.Close()); err != nil {
					t.Fatal(err)
				}
				env.SwitchOn("outage")
				env.Open()
				_, err = env.Desk.Propose(ctx, purchase.Request{
					Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
					Spec: purchasetest.Spec(),
				})
				env.WantRefusal(err, purchase.Restoring)
				env.Server.ClearFaults()
				<-time.After(3 * time.Hour)
				if len(env.Events("restored")) != 1 || len(env.Events("reconciled")) != 1 || env.AccountState().Restored != nil {
					t.Errorf("events %+v", env.Events("restored", "reconciled"))
				}
				if texts := env.Notifications("CBUYING", purchase.NotificationRestored); len(texts) != 1 {
					t.Errorf("the channel was told %q", texts)
				}
				if n := env.Server.Count(purchasetest.CheckoutEndpoint); n > 1 {
					t.Errorf("checkout was sent %d times", n)
				}
				if o := env.Order(id); o.State != c.ends || o.Open() {
					t.Errorf("the order is %s (%+v)", o.State, o.Failure)
				}
				if c.paid {
					env.Check(1, 6375, 0)
					return
				}
				env.Check(0, 0, 0)
				env.Until(env.Buy(), purchase.Purchased)
			}, purchasetest.WithChannel)
		})
	}
}

// A checkout that was sent before an older copy of the ledger was restored may still be at work, and the copy does not
// know of it. It buys whatever is checked, so no order is taken until it is certainly over, although CoCalc could be
// compared at once.
func TestAfterRestore_WaitsForUnknownCheckouts(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Propose(purchasetest.Spec()) // so that the ledger is not empty
		env.Close()
		if err := env.MarkRestored(); err != nil {
			t.Fatal(err)
		}
		env.Open()
		<-time.After(9 * time.Minute)
		_, err := env.Desk.Propose(ctx, purchase.Request{
			Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Spec: purchasetest.Spec(),
		})
		env.WantRefusal(err, purchase.Restoring)
		<-time.After(2 * time.Minute)
		env.Until(env.Buy(), purchase.Purchased)
	})
}

// What was under way in a restored copy is watched for as long as the bot was told to give CoCalc, so that an item that
// is added late is taken out, however long that is.
func TestAfterRestore_WatchesForSettleTime(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id, old := env.CopyInState(purchase.Approved, false)
		env.Close()
		env.Path = old
		if err := env.MarkRestored(); err != nil {
			t.Fatal(err)
		}
		env.Open()
		env.Server.ClearFaults()
		<-time.After(50 * time.Minute)
		sp := purchasetest.Spec()
		sp.Description = id.Tag()
		// the add of the bot from before was slow
		env.Account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		<-time.After(3 * time.Hour)
		if items := env.Cart(); len(items) > 0 {
			t.Errorf("the cart holds %+v", items)
		}
	}, func(env *purchasetest.Env) { env.Timing.Settle = time.Hour })
}
