package orders_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// The refusal of a click that pays says, once, whether money moved. The refusal of a command that only requests a card
// does not.
func TestService_Refusal_NothingCharged(t *testing.T) {
	ctx := context.Background()
	const uncharged = `uncharged="true"`
	reads := func(t *testing.T, err error, times int) {
		t.Helper()
		if err == nil {
			t.Fatalf("got error %v, want a refusal", err)
		}
		if n := strings.Count(err.Error(), uncharged); n != times {
			t.Errorf("got %d times that nothing was charged, want %d: %s", n, times, err)
		}
	}
	refusing := map[string]func(*purchasetest.Env){
		"paused": func(env *purchasetest.Env) {
			if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "month-end close"); err != nil {
				env.T.Fatal(err)
			}
		},
		"a limit":     func(env *purchasetest.Env) { env.Policy.OrderLimit = purchase.Limit{Max: 1}; env.Restart() },
		"not a buyer": func(env *purchasetest.Env) { env.Policy.Everyone = false; env.Restart() },
		"another channel": func(env *purchasetest.Env) {
			env.Policy.Channels = map[string]bool{"COTHER": true}
			env.Restart()
		},
	}
	for name, refuse := range refusing {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				card := env.Propose(purchasetest.Spec())
				refuse(env)
				reads(t, env.Confirm(card.ID), 1)
				_, err := env.Desk.Propose(ctx, purchase.Request{
					Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
					Spec: purchasetest.Spec(),
				})
				reads(t, err, 0)
			})
		})
	}
	t.Run("a new price", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			moved := env.Buy()
			env.Close()
			env.Inconsistent = true
			env.EditOrder(moved, func(o *purchase.Order) { o.Price = 6000 })
			env.Open()
			if err := env.Approve(moved, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			env.Policy.OrderLimit = purchase.Limit{Max: 1}
			env.Restart()
			_, err := env.Desk.Decide(ctx, purchasetest.AliceAction, moved, orders.Decision{Kind: orders.ConfirmNewPrice})
			reads(t, err, 1)
		}, purchasetest.WithApprovers)
	})
	t.Run("a second click on what was bought", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			env.Until(id, purchase.Purchased)
			reads(t, env.Confirm(id), 0)
		})
	})
	t.Run("a card that is too old", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			card := env.Propose(purchasetest.Spec())
			<-time.After(31 * time.Minute)
			reads(t, env.Confirm(card.ID), 0) // whose own text says it
		})
	})
}

// A click on an order that an admin or a restore ended doesn't say that nothing was charged: CoCalc has not shown that.
func TestService_Refusal_PerhapsCharged(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		o := env.BuyUnresolved()
		if err := env.Settle(o.ID, orders.Decision{
			Kind: orders.Resolve, Verdict: purchase.WasNotBought,
			Reason: "asked support",
		}); err != nil {
			t.Fatal(err)
		}
		for _, code := range []purchase.FailureCode{purchase.FailByAdmin, purchase.FailRestored, purchase.FailUnreachable} {
			env.Close()
			env.EditOrder(o.ID, func(o *purchase.Order) { o.Failure = &purchase.Failure{Cause: purchase.Cause{Code: code}} })
			env.Open()
			err := env.Confirm(o.ID)
			if err == nil {
				t.Fatalf("%s: confirmed again: got error %v, want one", code, err)
			}
			says, want := !strings.Contains(err.Error(), `charged="maybe"`), code == purchase.FailUnreachable
			if says != want {
				t.Errorf("%s: got refusal %q, want charged=\"maybe\" in it: %t", code, err, !want)
			}
		}
	})
}

// Where no licenses are sold, the refusal of a late click does not suggest a new order.
func TestService_Refusal_NotSold(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		expired, cancelled := env.Propose(purchasetest.Spec()), env.Propose(purchasetest.Spec())
		if _, err := env.Desk.Decide(context.Background(), purchasetest.AliceAction, cancelled.ID,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		moved := env.Propose(purchasetest.Spec())
		env.Close()
		env.Inconsistent = true
		env.EditOrder(moved.ID, func(o *purchase.Order) {
			o.State = purchase.Failed
			o.Failure = &purchase.Failure{
				Cause: purchase.Cause{Code: purchase.FailPriceMoved}, NewPrice: 7013,
				Until: o.Created.Add(time.Minute),
			}
		})
		env.Open()
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.SuccessorServer})
		<-time.After(31 * time.Minute) // the cards have expired, and the server was checked
		_, newPrice := env.Desk.Decide(context.Background(), purchasetest.AliceAction, moved.ID,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		for what, err := range map[string]error{
			"a card that is too old": env.Confirm(expired.ID),
			"a cancelled card":       env.Confirm(cancelled.ID), "an old offer": newPrice,
		} {
			if err == nil {
				t.Errorf("%s: got error %v, want %s", what, err, purchase.NotSold)
			}
			env.WantRefusal(err, purchase.NotSold)
		}
	})
}

// The audit records when access to Slack was lost and when it was back.
func TestService_SlackAccess_Recorded(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		for _, code := range []string{"token_revoked", ""} {
			if err := env.Desk.Process.NoteAccess(context.Background(), code); err != nil {
				t.Fatal(err)
			}
		}
		if e := env.Events("slack-lost", "slack-back"); len(e) != 2 || !strings.Contains(e[0].Note, "token_revoked") ||
			e[1].Kind != "slack-back" {
			t.Errorf("audit records: got %+v, want slack-lost with its code, then slack-back", e)
		}
	})
}

func refusalCode(err error) purchase.RefusalCode {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return no.Code
	}
	return ""
}
