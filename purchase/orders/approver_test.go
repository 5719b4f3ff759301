package orders_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/storage"
)

// Guests, apps and deactivated accounts decide nothing, even if the list names them.
func TestService_IsApprover_Membership(t *testing.T) {
	policy := purchase.Policy{Approvers: map[string]bool{"UERIN": true, "SBOSSES": true}}
	for standing, want := range map[purchase.Membership]bool{
		purchase.Member: true, purchase.Guest: false, purchase.Robot: false, purchase.Deactivated: false,
		purchase.Foreign: false,
	} {
		if got := (purchase.Actor{ID: "UERIN", Membership: standing}).Rights(policy).Approve; got != want {
			t.Errorf("erin, membership %q: got approve %t, want %t", standing, got, want)
		}
		if got := (purchase.Actor{
			ID: "UFRANK", Groups: []string{"SBOSSES"}, Membership: standing,
		}).Rights(policy).Approve; got != want {
			t.Errorf("frank of the group, membership %q: got approve %t, want %t", standing, got, want)
		}
	}
	if (purchase.Actor{ID: "UALICE"}).Rights(policy).Approve {
		t.Error("alice, who is on no list: got approve true, want false")
	}
}

// An approver cannot decide on their own order. If there is no other approver, the order is not sent for approval.
func TestService_Approve_TooFewApprovers(t *testing.T) {
	for name, c := range map[string]struct {
		approvers []string
		need      int
		asked     bool
	}{
		"the requester alone":                      {[]string{purchasetest.Alice.ID}, 1, false},
		"the requester and one, where two have to": {[]string{purchasetest.Alice.ID, purchasetest.Erin.ID}, 2, false},
		"one other":                 {[]string{purchasetest.Alice.ID, purchasetest.Erin.ID}, 1, true},
		"a group, whoever is in it": {[]string{purchasetest.Alice.ID, "SBOSSES"}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				o := env.Propose(purchasetest.Spec())
				err := env.Confirm(o.ID)
				if c.asked {
					if err != nil || env.Order(o.ID).State != purchase.AwaitingApproval {
						t.Errorf("got %s (error %v), want %s", env.Order(o.ID).State, err, purchase.AwaitingApproval)
					}
					return
				}
				env.WantRefusal(err, purchase.NobodyToAsk)
				env.Check(0, 0, 0)
			}, purchasetest.WithApprovers, func(env *purchasetest.Env) {
				env.Policy.Approvals, env.Policy.Approvers = c.need, map[string]bool{}
				for _, id := range c.approvers {
					env.Policy.Approvers[id] = true
				}
			})
		})
	}
}

// Two approvals are needed. The first one counts at the second only if its approver still is one.
func TestService_Approve_ApproverLeft(t *testing.T) {
	two := func(env *purchasetest.Env) { purchasetest.WithApprovers(env); env.Policy.Approvals = 2 }
	george := purchase.Actor{ID: "UGEORGE", Team: "T1", Name: "george", Groups: []string{"SBOSSES"}}
	leave := func(env *purchasetest.Env, how func(*purchase.Actor)) {
		env.LookUp = func(p purchase.Actor) purchase.Actor {
			switch p.ID {
			case purchasetest.Erin.ID:
				how(&p)
			case purchasetest.Frank.ID, george.ID:
				p.Groups = []string{"SBOSSES"}
			}
			return p
		}
	}
	for name, how := range map[string]func(*purchasetest.Env){
		"they were deactivated": func(env *purchasetest.Env) {
			leave(env,
				func(p *purchase.Actor) { p.Membership = purchase.Deactivated })
		},
		"they are a guest by now": func(env *purchasetest.Env) {
			leave(env,
				func(p *purchase.Actor) { p.Membership = purchase.Guest })
		},
		"they were taken off the list": func(env *purchasetest.Env) {
			leave(env, func(*purchase.Actor) {})
			delete(env.Policy.Approvers, purchasetest.Erin.ID)
			env.Restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.Buy()
				if err := env.Approve(id, purchasetest.Erin); err != nil {
					t.Fatal(err)
				}
				how(env)
				if err := env.Approve(id, purchasetest.Frank); err != nil {
					t.Fatal(err)
				}
				o := env.Order(id)
				if o.State != purchase.AwaitingApproval || len(o.Approvals) != 1 || o.Approvals[0].By.ID != purchasetest.Frank.ID {
					t.Fatalf("got %s, approvals %+v; want %s, approved by frank alone", o.State, o.Approvals,
						purchase.AwaitingApproval)
				}
				if e := env.Events("agreement-void"); len(e) != 1 || !strings.Contains(e[0].Note, purchasetest.Erin.ID) {
					t.Errorf("audit records: got %+v, want one about erin's approval", e)
				}
				if err := env.Approve(id, george); err != nil {
					t.Fatal(err)
				}
				env.Until(id, purchase.Purchased)
			}, two)
		})
	}
	t.Run("Slack does not say", func(t *testing.T) {
		purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
			id := env.Buy()
			if err := env.Approve(id, purchasetest.Erin); err != nil {
				t.Fatal(err)
			}
			leave(env, func(p *purchase.Actor) { p.Membership = purchase.Unverified })
			err := env.Approve(id, purchasetest.Frank)
			env.WantRefusal(err, purchase.Outsider)
			if o := env.Order(id); len(o.Approvals) != 1 ||
				!strings.Contains(err.Error(), `outsider by="UERIN" name="erin" unknown="approver"`) {
				t.Errorf("got approvals %+v, refusal %q; want one approval, and erin as the approver who can't be looked up",
					o.Approvals, err)
			}
			leave(env, func(*purchase.Actor) {})
			if err := env.Approve(id, purchasetest.Frank); err != nil {
				t.Fatal(err)
			}
			env.Until(id, purchase.Purchased)
		}, two)
	})
}

// After the order was requested, fewer approvals became enough: an approver who already approved can finish it.
func TestService_Approve_FewerNeeded(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		if err := env.Approve(id, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		env.Policy.Approvals = 1
		env.Restart()
		if err := env.Approve(id, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		if o := env.Until(id, purchase.Purchased); len(o.Approvals) != 1 {
			t.Errorf("approvals: got %+v, want 1", o.Approvals)
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Policy.Approvals = 2 })
}

// A late approver reads who decided and when, also if it was the requester or the deadline.
func TestService_Approve_DecidedBefore(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		withdrawn, forgotten := env.Buy(), env.Buy()
		if err := env.Approve(withdrawn, purchasetest.Frank); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Desk.Decide(context.Background(), purchasetest.AliceAction, withdrawn,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		<-time.After(80 * time.Hour)
		for id, says := range map[purchase.OrderID]string{
			withdrawn: `at="2000-01-01T00:00:00Z"`,
			forgotten: `at="2000-01-04T00:00:00Z"`,
		} {
			err := env.Approve(id, purchasetest.Erin)
			env.WantRefusal(err, purchase.TooLate)
			if !strings.Contains(err.Error(), says) {
				t.Errorf("refusal: got %q, want %q in it", err, says)
			}
		}
	}, purchasetest.WithApprovers, func(env *purchasetest.Env) { env.Policy.Approvals = 2 })
}

// The last approval checks where licenses may be requested: an order from a channel that is no longer allowed ends at
// once, not when its turn comes.
func TestService_Approve_ChannelClosed(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Close()
		env.Policy.Channels = map[string]bool{"CLICENSES": true}
		env.Open()
		o, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Erin,
			Channel: purchasetest.ApprovalsChannel,
		}, id,
			orders.Decision{Kind: orders.Approve})
		if err != nil || o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy {
			t.Errorf("got %s, failure %+v (error %v); want %s, %s", o.State, o.Failure, err, purchase.Failed,
				purchase.FailPolicy)
		}
		env.Check(0, 0, 0)
	}, purchasetest.WithApprovers)
}

// While buying is paused, or the bot is stopping, an approval does not count; the order stays open for one.
func TestService_Approve_PausedOrStopping(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(*purchasetest.Env)
		code purchase.RefusalCode
	}{
		"paused": {func(env *purchasetest.Env) {
			if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true, "to look at it"); err != nil {
				env.T.Fatal(err)
			}
		}, purchase.Paused},
		"stopping": {func(env *purchasetest.Env) { env.Stop() }, purchase.ShuttingDown},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.Buy()
				c.stop(env)
				err := env.Approve(id, purchasetest.Erin)
				if refusalCode(err) != c.code {
					t.Errorf("approval: got error %v, want refusal %q", err, c.code)
				}
				if o := env.Order(id); o.State != purchase.AwaitingApproval || len(o.Approvals) != 0 {
					t.Errorf("got %s with %d approvals, want %s with none", o.State, len(o.Approvals), purchase.AwaitingApproval)
				}
				env.Check(0, 0, 6375)
			}, purchasetest.WithApprovers)
		})
	}
}

// Approvers approved the price on their card. When it has risen since, the requester has to confirm the new one, and
// then they have to approve it.
func TestService_Approve_PriceRoseSinceCard(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.Buy()
		env.Close()
		env.Inconsistent = true
		env.EditOrder(id, func(o *purchase.Order) { o.Price = 6000 })
		env.Open()
		if err := env.Approve(id, purchasetest.Erin); err != nil {
			t.Fatal(err)
		}
		o := env.Order(id)
		if o.State != purchase.Failed || o.Failure.NewPrice != 6375 || o.Failure.Args["was"] != "6000" ||
			o.Failure.Args["now"] != "6375" {
			t.Fatalf("got %s, failure %+v; want %s, from 6000 to 6375 cents", o.State, o.Failure, purchase.Failed)
		}
		again, err := env.Desk.Decide(context.Background(), purchasetest.AliceAction, id,
			orders.Decision{Kind: orders.ConfirmNewPrice})
		if err != nil || again.State != purchase.AwaitingApproval || again.Price != 6375 {
			t.Errorf("got %s at %s (error %v), want %s at 6375 cents", again.State, again.Price, err, purchase.AwaitingApproval)
		}
	}, purchasetest.WithApprovers)
}

// CoCalc's price rose between the card and the approval (a newer version of the bot knows a newer price list): the
// approved price is not the price, so nothing is bought.
func TestService_Approve_PriceRoseByUpgrade(t *testing.T) {
	ctx := context.Background()
	ledger, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	d := desk.New(desk.Options{Ledger: ledger, ApprovalsChannel: purchasetest.ApprovalsChannel.ID, Policy: purchase.Policy{
		Everyone: true, Approvals: 1,
		Approvers: map[string]bool{purchasetest.Erin.ID: true}, OrderLimit: purchase.Limit{None: true},
		MonthlyBudget: purchase.Limit{None: true},
	}})
	p, err := d.Propose(ctx, purchase.Request{
		Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
		Spec: purchasetest.Spec(), Reason: "winter school",
	})
	if err != nil {
		t.Fatal(err)
	}
	o, err := d.Outbox.UpdateMessages(ctx, p.Order.ID, func(o *purchase.Order) { o.Price -= 100 })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decide(ctx, purchase.Action{Actor: purchasetest.Alice, Channel: purchasetest.MathChannel}, o.ID,
		orders.Decision{Kind: orders.Confirm}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decide(ctx, purchase.Action{Actor: purchasetest.Erin, Channel: purchasetest.ApprovalsChannel}, o.ID,
		orders.Decision{Kind: orders.Approve}); err != nil {
		t.Fatal(err)
	}
	o, err = d.Outbox.Order(ctx, o.ID)
	if err != nil || o.State != purchase.Failed || o.Failure.Code != purchase.FailPriceMoved ||
		o.Failure.NewPrice != 6375 {
		t.Errorf("got %s, failure %+v (error %v); want %s, %s, 6375 cents", o.State, o.Failure, err, purchase.Failed,
			purchase.FailPriceMoved)
	}
}
