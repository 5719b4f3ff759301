package register_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// After an older copy of the ledger is restored, its confirmed orders are not bought, later purchases are found at
// CoCalc, and new orders are refused until then.
func TestAfterRestore_EveryState(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		state purchase.State // of the order in the copy
		paid  bool           // the order was bought after the copy was made
		ends  purchase.State
	}{
		{"made after the copy, and bought", "", true, purchase.Purchased},
		{"proposed in the copy, and bought later", purchase.Proposed, true, purchase.Purchased},
		{"confirmed in the copy, and bought later", purchase.Approved, true, purchase.Purchased},
		{"in the cart in the copy, and bought later", purchase.Carted, true, purchase.Purchased},
		{"confirmed in the copy, and not bought", purchase.Approved, false, purchase.Failed},
		{"proposed in the copy, and not bought", purchase.Proposed, false, purchase.Expired},
	} {
		t.Run(c.name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				before := env.Propose(purchasetest.Spec()) // makes the copy non-empty
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
					t.Errorf("got records %+v and restore %+v, want one of each kind and none", env.Events("restored", "reconciled"),
						env.AccountState().Restored)
				}
				if got := env.Notifications("CBUYING", purchase.NotificationRestored); len(got) != 1 {
					t.Errorf("notifications of the channel: got %q, want 1", got)
				}
				if n := env.Server.Count(purchasetest.CheckoutEndpoint); n > 1 {
					t.Errorf("checkout requests: got %d, want at most 1", n)
				}
				if o := env.Order(id); o.State != c.ends || o.Open() {
					t.Errorf("got %s (failure %+v), open %v; want %s, closed", o.State, o.Failure, o.Open(), c.ends)
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

// A checkout that was sent before an older copy of the ledger was restored may still be in progress, and the copy has
// no record of it. It would buy each checked item, so orders are refused until it is certainly over.
func TestAfterRestore_WaitsForUnknownCheckouts(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.Propose(purchasetest.Spec()) // makes the ledger non-empty
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

// The orders of a restored copy that were in progress are watched for the configured settle time, so that an item that
// CoCalc adds late is removed.
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
		// a slow add from before the restore
		env.Account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		<-time.After(3 * time.Hour)
		if items := env.Cart(); len(items) > 0 {
			t.Errorf("cart: got %s, want none", purchasetest.FormatCart(items...))
		}
	}, func(env *purchasetest.Env) { env.Timing.Settle = time.Hour })
}

// Of the replaced ledger's orders, those are kept that may have been bought and of which the backup knows less: not
// each order that ever failed.
func TestKeepOrders_WhatTheBackupLacks(t *testing.T) {
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	at := time.Now()
	order := func(id purchase.OrderID, state purchase.State, item int64) purchase.Order {
		return purchase.Order{ID: id, State: state, ItemID: item, AddSent: at, Created: at, Updated: at}
	}
	var kept []purchase.OrderID
	err = ledger.Update(t.Context(), func(w purchase.Writer) error {
		account, err := w.Account()
		account.Before = &purchase.Before{At: at}
		err = errors.Join(err, w.PutAccount(account))
		for _, o := range []purchase.Order{
			order("01FAILED", purchase.Failed, 7), order("02BOUGHT", purchase.Purchased, 8),
			order("03EARLIER", purchase.Approved, 0), order("04ADDING", purchase.Adding, 0),
		} {
			err = errors.Join(err, w.PutOrder(o))
		}
		ended := order("07OPEN", purchase.Failed, 0) // by AfterRestore
		ended.Restored = true
		err = errors.Join(err, w.PutOrder(ended))
		err = errors.Join(err, register.KeepOrders(w, []purchase.Order{
			order("01FAILED", purchase.Failed, 7), order("02BOUGHT", purchase.Purchased, 8),
			order("03EARLIER", purchase.Failed, 9), order("04ADDING", purchase.Adding, 10),
			order("05MISSING", purchase.Failed, 11), order("07OPEN", purchase.Failed, 0),
			{ID: "06NEVERADDED", State: purchase.Expired},
		}))
		account, err2 := w.Account()
		for _, o := range account.Before.Orders {
			kept = append(kept, o.ID)
		}
		return errors.Join(err, err2)
	})
	want := []purchase.OrderID{"03EARLIER", "04ADDING", "05MISSING", "07OPEN"}
	if err != nil || !slices.Equal(kept, want) {
		t.Errorf("got %v and the error %v, want %v", kept, err, want)
	}
}
