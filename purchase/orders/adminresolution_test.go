package orders_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// An admin can settle an order whose outcome is unknown, with a reason. The audit records it, and the other admins get
// a message.
func TestService_Settle_EveryVerdict(t *testing.T) {
	ctx := context.Background()
	otherAdmin := func(env *purchasetest.Env) { env.Policy.Admins["UEVE"] = true }
	t.Run("as not bought", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			o := env.BuyUnresolved()
			o, err := env.Desk.Decide(ctx, purchasetest.AdminAction, o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasNotBought,
				Reason: "asked support",
			})
			if err != nil || o.State != purchase.Failed || o.Failure.Args["name"] != "dana" ||
				o.Failure.Args["reason"] != "asked support" {
				t.Fatalf("order: got %s, failure %+v (error %v), want failed, with dana's name and the reason", o.State, o.Failure,
					err)
			}
			next := env.Buy() // the account is free again
			env.Until(next, purchase.Purchased)
			<-time.After(time.Hour)
			env.Check(1, 6375, 0)
			if e := env.Events("settled"); len(e) != 1 || e[0].By != purchasetest.Dana.ID ||
				e[0].Note != "not-bought: asked support" {
				t.Errorf("audit records: got %+v, want one, by dana, with the verdict and the reason", e)
			}
			if texts := env.Notifications("UEVE", purchase.NotificationSettled); len(texts) != 1 ||
				!strings.Contains(texts[0], `verdict="not-bought"`) {
				t.Errorf("messages to the other admin: got %q, want one with the verdict not-bought", texts)
			}
			if texts := env.Notifications(purchasetest.Dana.ID, purchase.NotificationSettled); len(texts) > 0 {
				t.Errorf("messages to the admin who settled the order: got %q, want none", texts)
			}
		}, otherAdmin)
	})
	t.Run("as bought, which shows later", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
				Times: 1,
			})
			env.Server.SetCheckoutTakes(5*time.Minute, time.Second)
			o := env.Until(env.Buy(), purchase.Unknown)
			o, err := env.Desk.Decide(ctx, purchasetest.AdminAction, o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasBought,
				Reason: "seen in the store",
			})
			if err != nil || o.State != purchase.Purchased || o.Receipt.Settled.Args["reason"] != "seen in the store" {
				t.Fatalf("order: got %s, receipt %+v (error %v), want purchased, with the reason", o.State, o.Receipt, err)
			}
			<-time.After(time.Hour)
			env.Check(1, 6375, 0)
			if o := env.Order(o.ID); o.Receipt.LicenseID != env.Account.Licenses()[0].ID || o.Receipt.PurchaseID == 0 ||
				o.Open() {
				t.Errorf("receipt: got %+v, order open: %t; want license %s, a purchase id and a closed order", o.Receipt, o.Open(),
					env.Account.Licenses()[0].ID)
			}
		})
	})
	t.Run("wrongly as not bought", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
				Times: 1,
			})
			env.Server.SetCheckoutTakes(5*time.Minute, time.Second)
			o := env.Until(env.Buy(), purchase.Unknown)
			if _, err := env.Desk.Decide(ctx, purchasetest.AdminAction, o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasNotBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			env.Until(o.ID, purchase.Purchased) // what CoCalc shows counts
			<-time.After(time.Hour)
			env.Check(1, 6375, 0)
		})
	})
	t.Run("who may not", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			o := env.BuyUnresolved()
			settle := func(who purchase.Action, reason string) error {
				_, err := env.Desk.Decide(ctx, who, o.ID, orders.Decision{
					Kind: orders.Resolve, Verdict: purchase.WasNotBought,
					Reason: reason,
				})
				return err
			}
			env.WantRefusal(settle(purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel, Typed: true},
				"mine"), purchase.NotAnAdmin)
			env.WantRefusal(settle(purchasetest.AdminAction, " "), purchase.NoReason)
			guest := purchasetest.AdminAction
			guest.Actor.Membership = purchase.Guest
			env.WantRefusal(settle(guest, "all is well"), purchase.Outsider)
			if got := env.Order(o.ID).State; got != purchase.Unknown {
				t.Fatalf("state: got %s, want %s", got, purchase.Unknown)
			}
			env.Until(o.ID, purchase.Failed)
			env.WantRefusal(settle(purchasetest.AdminAction, "too late"), purchase.TooLate)
		})
	})
}

// An admin cannot settle their own order; another admin has to.
func TestService_Settle_OwnOrder(t *testing.T) {
	purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
		o := env.BuyUnresolved()
		how := orders.Decision{Kind: orders.Resolve, Verdict: purchase.WasNotBought, Reason: "I looked"}
		action := purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel, Typed: true}
		_, err := env.Desk.Allowed(context.Background(), action, o.ID, orders.Resolve)
		env.WantRefusal(err, purchase.OwnOrder)
		_, err = env.Desk.Decide(context.Background(), action, o.ID, how)
		env.WantRefusal(err, purchase.OwnOrder)
		if o := env.Order(o.ID); o.State != purchase.Unknown {
			t.Errorf("state: got %s, want %s", o.State, purchase.Unknown)
		}
		if err := env.Settle(o.ID, how); err != nil {
			t.Error(err)
		}
	}, func(env *purchasetest.Env) { env.Policy.Admins[purchasetest.Alice.ID] = true })
}

// An admin can be wrong about an order. The ledger ends with what CoCalc shows, counted once.
func TestService_Settle_CoCalcShowsOtherwise(t *testing.T) {
	const mistyped = "00000000-0000-4000-8000-000000000000"
	t.Run("a mistyped license is no double buy", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			o := env.BuyCommittedLate(3 * time.Hour) // long after the last count of its purchases, which found none
			if err := env.Settle(o.ID, orders.Decision{
				Kind:    orders.Resolve,
				Verdict: purchase.WasBought, LicenseID: mistyped,
				Reason: "support wrote",
			}); err != nil {
				t.Fatal(err)
			}
			<-time.After(5 * time.Hour)
			env.Check(1, 6375, 0)
			if o = env.Order(o.ID); o.Receipt.LicenseID != env.Account.Licenses()[0].ID || len(o.Receipt.Duplicates) > 0 ||
				env.AccountState().Pause != nil {
				t.Errorf("got receipt %+v, pause %+v; want license %s, no duplicates and no pause", o.Receipt,
					env.AccountState().Pause, env.Account.Licenses()[0].ID)
			}
		}, purchasetest.WithChannel)
	})
	t.Run("a license of another order settles nothing", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			first := env.Until(env.Buy(), purchase.Purchased)
			o := env.BuyUnresolved()
			err := env.Settle(o.ID, orders.Decision{
				Kind:    orders.Resolve,
				Verdict: purchase.WasBought, LicenseID: first.Receipt.LicenseID,
				Reason: "seen in the list",
			})
			env.WantRefusal(err, purchase.Unreadable)
			if err == nil || !strings.Contains(err.Error(), string(first.ID)) || env.Order(o.ID).State != purchase.Unknown {
				t.Errorf("got error %v, state %s; want an error that names order %s, and state %s", err, env.Order(o.ID).State,
					first.ID, purchase.Unknown)
			}
			env.Until(o.ID, purchase.Failed)
			env.Check(1, 6375, 0)
		})
	})
	t.Run("settled as bought, its item does not stay to be bought by others", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			o := env.BuyUnresolved() // its checkout did nothing
			if err := env.Settle(o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			for _, item := range env.Cart() {
				t.Errorf("cart: got item %d (%s), want an empty cart", item.ID, item.Text())
			}
			if err := env.Account.Checkout(); err != nil || len(env.Account.Licenses()) != 0 {
				t.Errorf("checkout of another customer: got %d licenses (error %v), want none", len(env.Account.Licenses()), err)
			}
		})
	})
	t.Run("settled as bought, its checkout may still come: no other order begins before", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.CheckoutEndpoint, Effect: cocalctest.ActLate,
				Wait: 9*time.Minute +
					30*time.Second, Times: 1,
			})
			o := env.Until(env.Buy(), purchase.Unknown)
			sent := time.Now()
			if err := env.Settle(o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			next := env.Buy()
			for time.Since(sent) < 9*time.Minute+55*time.Second {
				if state := env.Order(next).State; state != purchase.Approved {
					t.Fatalf("next order after %s: got %s, want %s", time.Since(sent), state, purchase.Approved)
				}
				<-time.After(time.Second)
			}
			env.Until(next, purchase.Purchased)
		})
	})
	t.Run("our own checkout that comes late is nobody else's", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			o := env.BuyCommittedLate(5 * time.Minute)
			if err := env.Settle(o.ID, orders.Decision{
				Kind: orders.Resolve, Verdict: purchase.WasNotBought,
				Reason: "a guess",
			}); err != nil {
				t.Fatal(err)
			}
			if o = env.Until(o.ID, purchase.Purchased); o.Receipt.Adopted {
				t.Errorf("receipt: got %+v, want Adopted false", o.Receipt)
			}
		})
	})
}

// Where CoCalc can't show the outcome any more, settling an order announces no further look.
func TestService_Settle_CoCalcCannotTell(t *testing.T) {
	for name, c := range map[string]struct {
		fault cocalctest.Fault
		looks bool
	}{
		"successor":   {cocalctest.Fault{Effect: cocalctest.SuccessorServer}, false},
		"maintenance": {purchasetest.MaintenancePage(), true},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				id := env.BuyUnknownWithFault(c.fault, cocalctest.Before)
				<-time.After(30 * time.Minute)
				o, err := env.Desk.Decide(context.Background(), purchasetest.AdminAction, id, orders.Decision{
					Kind:    orders.Resolve,
					Verdict: purchase.WasNotBought, Reason: "the statement says so",
				})
				if err != nil {
					t.Fatal(err)
				}
				if looks := o.Failure.Args["watched"] != ""; looks != c.looks {
					t.Errorf("failure announces another look: got %t, want %t: %s", looks, c.looks, o.Failure)
				}
				env.Server.ClearFaults()
			})
		})
	}
}

// The admins get one message about an item that breaks the cart. The bot removes it only at an admin's request.
func TestService_TakeOut_BrokenItem(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		good := env.Account.AddToCart("site-license", string(env.CartDescription()))
		env.SwitchOn("cart-broken")
		id := env.Buy()
		<-time.After(time.Minute)
		notices, err := env.Desk.Outbox.PendingNotifications(ctx)
		if err != nil || len(notices) != 1 || notices[0].Kind != purchase.NotificationBrokenItem || notices[0].Item == 0 {
			t.Fatalf("notifications: got %+v (error %v), want one about a broken item, with its id", notices, err)
		}
		n := notices[0]
		if n.Args["item"] != fmt.Sprint(n.Item) || strings.Join(n.Pending, " ") != purchasetest.Dana.ID {
			t.Errorf("notification: got %+v, want item %d in its arguments and dana as its only recipient", n, n.Item)
		}
		_, err = env.Desk.Account.RemoveItem(ctx, purchase.Action{
			Actor:   purchasetest.Alice,
			Channel: purchasetest.MathChannel,
		}, n.Item)
		env.WantRefusal(err, purchase.NotAnAdmin)
		_, err = env.Desk.Account.RemoveItem(ctx, purchasetest.AdminAction, good)
		env.WantRefusal(err, purchase.NotBroken)
		said, err := env.Desk.Account.RemoveItem(ctx, purchasetest.AdminAction, n.Item)
		if err != nil || said.Code != purchase.ItemTakenOut {
			t.Fatalf("removing the item: got %s (error %v), want %s", said, err, purchase.ItemTakenOut)
		}
		if said, err := env.Desk.Account.RemoveItem(ctx, purchasetest.AdminAction, n.Item); err != nil ||
			said.Code != purchase.ItemGone {
			t.Errorf("removing the item again: got %s (error %v), want %s", said, err, purchase.ItemGone)
		}
		if e := env.Events("item-taken-out"); len(e) != 1 || e[0].By != purchasetest.Dana.ID ||
			e[0].Args["item"] != fmt.Sprint(n.Item) {
			t.Errorf("audit records: got %+v, want one by dana about item %d", e, n.Item)
		}
		if o := env.Until(id, purchase.Purchased, purchase.Failed); o.State != purchase.Purchased {
			t.Fatalf("order: got %s, failure %+v; want %s", o.State, o.Failure, purchase.Purchased)
		}
		<-time.After(time.Hour)
		if e := env.Events("broken-item"); len(e) != 1 {
			t.Errorf("audit records of the broken item: got %d, want 1", len(e))
		}
		env.Check(1, 6375, 0)
	})
}
