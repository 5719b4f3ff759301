package purchase_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// waiting makes an order that was promised and cannot be begun, since buying is paused.
func (s *shop) waiting(agreed ...purchase.Actor) purchase.OrderID {
	s.t.Helper()
	id := s.propose(spec()).ID
	s.fault("outage") // the buyer does not get to it before the pause
	if err := s.confirm(id); err != nil {
		s.t.Fatal(err)
	}
	for _, who := range agreed {
		if err := s.approve(id, who); err != nil {
			s.t.Fatal(err)
		}
	}
	if o := s.order(id); o.State != purchase.Approved {
		s.t.Fatalf("the order is %s", o.State)
	}
	if err := s.desk.SetPaused(context.Background(), byAdmin, true, "the books are closed"); err != nil {
		s.t.Fatal(err)
	}
	s.server.SwitchOff("outage")
	return id
}

func (s *shop) resume() {
	s.t.Helper()
	if err := s.desk.SetPaused(context.Background(), byAdmin, false, "go on"); err != nil {
		s.t.Fatal(err)
	}
}

// An order can wait for its turn for days. What has changed by then applies to it: it is not bought by somebody who has
// left, nor by rules that do not hold any more, and its money is free again.
func TestWhatChangedWhileAPromisedOrderWaited(t *testing.T) {
	asNow := func(change func(*purchase.Actor)) func(*shop) {
		return func(s *shop) {
			s.lookUp = func(p purchase.Actor) purchase.Actor { change(&p); return p }
		}
	}
	cases := []struct {
		name   string
		agreed []purchase.Actor
		before func(*shop) // how it was promised; nil: without approvers
		then   func(*shop)
		says   string
	}{
		{"nothing", nil, nil, func(*shop) {}, ""},
		{
			"the requester was deactivated", nil, nil, asNow(func(p *purchase.Actor) { p.Membership = purchase.Deactivated }),
			`standing="deactivated"`,
		},
		{
			"the requester is a guest by now", nil, nil, asNow(func(p *purchase.Actor) { p.Membership = purchase.Guest }),
			`standing="guest"`,
		},
		{"the requester was taken off the list", nil, nil, func(s *shop) {
			s.policy.Everyone, s.policy.Buyers = false, map[string]bool{bob.ID: true}
		}, `not-a-buyer`},
		{"the requester left the buyers' group", nil, nil, func(s *shop) {
			s.policy.Everyone, s.policy.Buyers = false, map[string]bool{"SBUYERS": true}
		}, `not-a-buyer`},
		{"licenses are asked for elsewhere", nil, nil, func(s *shop) {
			s.policy.Channels = map[string]bool{"CLICENSES": true}
		}, `not-here`},
		{
			"a limit was lowered", nil, nil, func(s *shop) { s.policy.MonthlyBudget = purchase.Limit{Max: 6000} },
			`limit="6000"`,
		},
		{
			"somebody has to agree by now", nil, nil, func(s *shop) { s.policy.Approvers = map[string]bool{erin.ID: true} },
			`not-agreed has="0" needs="1"`,
		},
		{
			"its price needs an approval by now", nil, func(s *shop) { withApprovers(s); s.policy.AutoApprove = 6375 },
			func(s *shop) { s.policy.AutoApprove = 6374 }, `not-agreed has="0" needs="1"`,
		},
		{
			"renewing ones need an approval by now", nil, func(s *shop) { withApprovers(s); s.policy.AutoApprove = 6375 },
			func(s *shop) { s.policy.AskRenewing = true }, `not-agreed has="0" needs="1"`,
		},
		{"more people have to agree", []purchase.Actor{erin}, withApprovers, func(s *shop) {
			s.policy.Approvals = 2
		}, `not-agreed has="1" needs="2"`},
		{"fewer people have to agree", []purchase.Actor{erin, frank}, func(s *shop) {
			withApprovers(s)
			s.policy.Approvals = 2
		}, func(s *shop) { s.policy.Approvals = 1 }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			prepare := []func(*shop){}
			if c.before != nil {
				prepare = append(prepare, c.before)
			}
			inShop(t, 20000, func(s *shop) {
				id := s.waiting(c.agreed...)
				s.close() // two days of looking whether buying is still paused would show nothing
				<-time.After(48 * time.Hour)
				c.then(s)
				s.open()
				s.resume()
				o := s.until(id, purchase.Purchased, purchase.Failed)
				switch {
				case c.says == "" && o.State != purchase.Purchased:
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				case c.says != "" && (o.State != purchase.Failed || o.Failure.Code != purchase.FailPolicy):
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				case c.says != "" && !strings.Contains(o.Failure.String(), c.says):
					t.Errorf("got %s, want %s in it", o.Failure, c.says)
				}
				if c.says != "" {
					s.check(0, 0, 0)
				}
			}, prepare...)
		})
	}
}

// Slack does not say who the requester is when an old promise comes to its turn: the order waits for a while, and is
// bought when Slack answers, or not at all. A promise of this hour counts.
func TestSlackIsSilentWhenAnOldPromiseComesToItsTurn(t *testing.T) {
	silent := func(p purchase.Actor) purchase.Actor { p.Membership = purchase.Unverified; return p }
	for _, c := range []struct {
		name         string
		old          bool
		answersAgain bool
		want         purchase.State
	}{
		{"a promise of this hour", false, false, purchase.Purchased},
		{"an old one, and Slack answers again", true, true, purchase.Purchased},
		{"an old one, and Slack stays silent", true, false, purchase.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.waiting()
				if c.old {
					<-time.After(2 * time.Hour)
				}
				s.stop()
				s.stop = func() {}
				s.lookUp = silent
				s.restart()
				s.resume()
				<-time.After(time.Minute)
				if o := s.order(id); c.old &&
					(o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForSlack) {
					t.Errorf("after a minute it is %s and waits %+v", o.State, o.Blocked)
				}
				if c.answersAgain {
					s.stop()
					s.stop = func() {}
					s.lookUp = nil
					s.restart()
				}
				if o := s.until(id, purchase.Purchased, purchase.Failed); o.State != c.want {
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				}
			})
		})
	}
}

// Two have to agree. Who agreed first counts at the second yes only if they are an approver then.
func TestAnApproverWhoLeftDoesNotCount(t *testing.T) {
	two := func(s *shop) { withApprovers(s); s.policy.Approvals = 2 }
	george := purchase.Actor{ID: "UGEORGE", Team: "T1", Name: "george", Groups: []string{"SBOSSES"}}
	leave := func(s *shop, how func(*purchase.Actor)) {
		s.lookUp = func(p purchase.Actor) purchase.Actor {
			switch p.ID {
			case erin.ID:
				how(&p)
			case frank.ID, george.ID:
				p.Groups = []string{"SBOSSES"}
			}
			return p
		}
	}
	for name, how := range map[string]func(*shop){
		"they were deactivated": func(s *shop) {
			leave(s,
				func(p *purchase.Actor) { p.Membership = purchase.Deactivated })
		},
		"they are a guest by now": func(s *shop) { leave(s, func(p *purchase.Actor) { p.Membership = purchase.Guest }) },
		"they were taken off the list": func(s *shop) {
			leave(s, func(*purchase.Actor) {})
			delete(s.policy.Approvers, erin.ID)
			s.restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.buy()
				if err := s.approve(id, erin); err != nil {
					t.Fatal(err)
				}
				how(s)
				if err := s.approve(id, frank); err != nil {
					t.Fatal(err)
				}
				o := s.order(id)
				if o.State != purchase.AwaitingApproval || len(o.Approvals) != 1 || o.Approvals[0].By.ID != frank.ID {
					t.Fatalf("it is %s, agreed to by %+v", o.State, o.Approvals)
				}
				if e := s.events("agreement-void"); len(e) != 1 || !strings.Contains(e[0].Note, erin.ID) {
					t.Errorf("recorded %+v", e)
				}
				if err := s.approve(id, george); err != nil {
					t.Fatal(err)
				}
				s.until(id, purchase.Purchased)
			}, two)
		})
	}
	t.Run("Slack does not say", func(t *testing.T) {
		inShop(t, 20000, func(s *shop) {
			id := s.buy()
			if err := s.approve(id, erin); err != nil {
				t.Fatal(err)
			}
			leave(s, func(p *purchase.Actor) { p.Membership = purchase.Unverified })
			err := s.approve(id, frank)
			s.refusedAs(err, purchase.Outsider)
			if o := s.order(id); len(o.Approvals) != 1 ||
				!strings.Contains(err.Error(), `outsider by="UERIN" name="erin" unknown="approver"`) {
				t.Errorf("agreed to by %+v; frank reads %q", o.Approvals, err)
			}
			leave(s, func(*purchase.Actor) {})
			if err := s.approve(id, frank); err != nil {
				t.Fatal(err)
			}
			s.until(id, purchase.Purchased)
		}, two)
	})
}

// Fewer have to agree than when the order was asked for: whoever did can finish it, and is not told to wait for nobody.
func TestFewerHaveToAgreeThanDid(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.buy()
		if err := s.approve(id, erin); err != nil {
			t.Fatal(err)
		}
		s.policy.Approvals = 1
		s.restart()
		if err := s.approve(id, erin); err != nil {
			t.Fatal(err)
		}
		if o := s.until(id, purchase.Purchased); len(o.Approvals) != 1 {
			t.Errorf("agreed to by %+v", o.Approvals)
		}
	}, withApprovers, func(s *shop) { s.policy.Approvals = 2 })
}

// In an organization of several workspaces one person can have two ids: with neither of them they agree to their own
// order, or to another one twice.
func TestTwoIDsAreOnePerson(t *testing.T) {
	aliceToo := purchase.Actor{ID: "WALICE", Team: "T1"} // whose id in the organization it is
	erinToo := purchase.Actor{ID: "WERIN", Team: "T1", Org: "WERIN"}
	inShop(t, 20000, func(s *shop) {
		here := alice
		here.Org = "WALICE"
		p, err := s.desk.Propose(context.Background(), purchase.Request{
			Requester: here, Channel: math, Spec: spec(),
			Reason: "winter school",
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Decide(context.Background(), purchase.Action{
			Actor:   here,
			Channel: math,
		}, p.Order.ID, orders.Decision{Kind: orders.Confirm}); err != nil {
			t.Fatal(err)
		}
		id := p.Order.ID
		s.refusedAs(s.approve(id, aliceToo), purchase.OwnOrder)
		s.refusedAs(s.deny(id, aliceToo, "no"), purchase.OwnOrder)
		erinHere := erin
		erinHere.Org = "WERIN"
		if err := s.approve(id, erinHere); err != nil {
			t.Fatal(err)
		}
		s.refusedAs(s.approve(id, erinToo), purchase.AlreadyDone)
		if o := s.order(id); o.State != purchase.AwaitingApproval || len(o.Approvals) != 1 {
			t.Errorf("it is %s, agreed to by %+v", o.State, o.Approvals)
		}
	}, withApprovers, func(s *shop) {
		s.policy.Approvals = 2
		s.policy.Approvers["WALICE"], s.policy.Approvers["WERIN"] = true, true
	})
}

// Who comes too late reads who decided, and when, also when it was the requester, or nobody.
func TestWhoDecidedBefore(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		withdrawn, forgotten := s.buy(), s.buy()
		if err := s.approve(withdrawn, frank); err != nil {
			t.Fatal(err)
		}
		if _, err := s.desk.Decide(context.Background(), byAlice, withdrawn,
			orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		<-time.After(80 * time.Hour)
		for id, says := range map[purchase.OrderID]string{
			withdrawn: `at="2000-01-01T00:00:00Z"`,
			forgotten: `at="2000-01-04T00:00:00Z"`,
		} {
			err := s.approve(id, erin)
			s.refusedAs(err, purchase.TooLate)
			if !strings.Contains(err.Error(), says) {
				t.Errorf("erin reads %q, want %q", err, says)
			}
		}
	}, withApprovers, func(s *shop) { s.policy.Approvals = 2 })
}

// An order has taken somebody's item out of the way, and then CoCalc falls silent and an admin pauses buying: their
// item is checked again as soon as CoCalc answers, not only when buying goes on; also after a restart.
func TestAPauseFindsAnItemOutOfTheWay(t *testing.T) {
	m := &meddler{}
	inShop(t, 40000, func(s *shop) {
		theirs := s.account.AddToCart("site-license", string(s.description()))
		looks, proofs := 0, 0
		m.meddle(func(request string) {
			if request == "who am I" {
				if proofs++; proofs == 200 {
					t.Error("a silent CoCalc is asked without a rest")
					s.server.SwitchOff("outage")
				}
			}
			if request != "cart" {
				return
			}
			if looks++; looks == 3 { // in the cart and bought; then in the cart again, with what was found there parked
				s.fault("outage")
				if err := s.desk.SetPaused(context.Background(), byAdmin, true, "the books are closed"); err != nil {
					t.Error(err)
				}
			}
		})
		id := s.buy()
		<-time.After(time.Minute)
		checked := func() (is bool) {
			for _, item := range s.account.Cart() {
				is = is || item.ID == theirs && item.Checked
			}
			return is
		}
		if o := s.order(id); o.State != purchase.Approved || len(o.HeldItems) != 1 || checked() {
			t.Fatalf("the order is %s, and has %v out of the way", o.State, o.HeldItems)
		}
		s.restart() // and has to find out again whose the key is
		<-time.After(10 * time.Minute)
		s.server.SwitchOff("outage")
		<-time.After(5 * time.Minute)
		if o := s.order(id); o.State != purchase.Approved || len(o.HeldItems) != 0 || !checked() {
			t.Errorf("the order is %s, has %v out of the way, and their item is checked: %v", o.State, o.HeldItems, checked())
		}
		s.resume()
		s.until(id, purchase.Purchased)
		<-time.After(time.Minute)
		if !checked() {
			t.Error("their item is not checked at the end")
		}
	}, m.with)
}
