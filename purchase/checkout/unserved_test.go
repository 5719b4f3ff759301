package checkout_test

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

// An order waits for a server that sells no licenses for half an hour, shows the reason, and is bought afterwards.
func TestWorker_Unserved_BackAfterHalfAnHour(t *testing.T) {
	for name, c := range unservedServers {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.ConfirmWithFault(c.fault)
				<-time.After(30 * time.Minute)
				o := env.Order(id)
				if o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForServer ||
					!strings.Contains(o.Blocked.Cause.String(), c.wait) {
					t.Fatalf("after half an hour: got %s, blocked %+v; want %s, %s with %s", o.State, o.Blocked, purchase.Approved,
						purchase.WaitsForServer, c.wait)
				}
				if n := env.SpendingRequests(); n > 0 {
					t.Errorf("spending requests: got %d (%v), want 0", n, env.Server.Counts())
				}
				env.Server.ClearFaults()
				<-time.After(5 * time.Minute)
				if o = env.Order(id); o.State != purchase.Purchased {
					t.Errorf("5 minutes later: got %s (blocked %+v), want %s", o.State, o.Blocked, purchase.Purchased)
				}
				<-time.After(time.Hour)
				env.Check(1, 6375, 0)
			})
		})
	}
}

// An order that waited an hour for the same condition of the server fails with that reason, and its reservation is
// released.
func TestWorker_Unserved_EndsAfterAnHour(t *testing.T) {
	for name, c := range unservedServers {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.ConfirmWithFault(c.fault)
				if took := env.TimeToEnd(id); took < time.Hour || took > 72*time.Minute {
					t.Errorf("time to the end: got %v, want 1h to 1h12m", took)
				}
				o := env.Order(id)
				if o.State != purchase.Failed || o.Failure.Code != c.ends {
					t.Errorf("got %s (failure %+v), want %s (%s)", o.State, o.Failure, purchase.Failed, c.ends)
				}
				if got := env.Desk.Server(); got.Probes < 6 {
					t.Errorf("probes: got %d, want at least 6", got.Probes)
				}
				if n := env.SpendingRequests(); n > 0 {
					t.Errorf("spending requests: got %d (%v), want 0", n, env.Server.Counts())
				}
				env.Server.ClearFaults()
				<-time.After(time.Hour)
				env.Check(0, 0, 0)
			})
		})
	}
}

// An order fails after an hour of the same condition. Another condition starts the hour again, the time between two
// probes counts for one interval at most, and setting the clock does not shorten the hour.
func TestWorker_Unserved_HourOfSameCondition(t *testing.T) {
	var ahead func(time.Duration)
	for name, c := range map[string]struct {
		change func(*purchasetest.Env)
		least  time.Duration // from the change on
		most   time.Duration
	}{
		"another diagnosis": {func(env *purchasetest.Env) {
			env.Server.ClearFaults()
			env.Server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer})
		}, time.Hour, 75 * time.Minute},
		"it moves to another host": {func(env *purchasetest.Env) {
			env.Server.ClearFaults()
			env.Server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer, Text: "https://other.example"})
		}, time.Hour, 75 * time.Minute},
		"a restart": {func(env *purchasetest.Env) { env.Restart() }, 28 * time.Minute, 45 * time.Minute},
		"a stop of an hour": {
			func(env *purchasetest.Env) { env.Close(); <-time.After(time.Hour); env.Open() }, 80 * time.Minute,
			100 * time.Minute,
		},
		"a clock that goes ahead": {func(*purchasetest.Env) { ahead(30 * time.Hour) }, 28 * time.Minute, 45 * time.Minute},
		"a restart with a clock ahead": {
			func(env *purchasetest.Env) { ahead(30 * time.Hour); env.Restart() }, 20 * time.Minute,
			45 * time.Minute,
		},
		"a restart with a clock behind": {
			func(env *purchasetest.Env) { ahead(-30 * time.Hour); env.Restart() }, 28 * time.Minute,
			45 * time.Minute,
		},
		"nothing": {func(*purchasetest.Env) {}, 28 * time.Minute, 45 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.ConfirmWithFault(purchasetest.MaintenancePage())
				<-time.After(30 * time.Minute)
				began := time.Now()
				c.change(env)
				env.TimeToEnd(id)
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("time from the change to the end: got %v, want %v to %v", took, c.least, c.most)
				}
			}, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
		})
	}
}

// An order that is confirmed during a long outage waits an hour of its own.
func TestWorker_Unserved_OrderedDuringOutage(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(purchasetest.MaintenancePage())
		<-time.After(5 * time.Hour)
		id := env.Buy()
		if took := env.TimeToEnd(id); took < time.Hour || took > 85*time.Minute {
			t.Errorf("time to the end: got %v, want 1h to 1h25m", took)
		}
	})
}

// An approval is refused while the server sells no licenses, and the order that needs it fails after an hour.
func TestWorker_Unserved_AwaitingApproval(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.ConfirmWithFault(cocalctest.Fault{Effect: cocalctest.SuccessorServer})
		<-time.After(11 * time.Minute)
		_, err := env.Desk.Decide(context.Background(), purchase.Action{
			Actor:   purchasetest.Bob,
			Channel: purchasetest.MathChannel, Typed: true,
		}, id,
			orders.Decision{Kind: orders.Approve})
		env.WantRefusal(err, purchase.NotSold)
		<-time.After(65 * time.Minute)
		if o := env.Order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailNotSold {
			t.Errorf("got %s (failure %+v), want %s (%s)", o.State, o.Failure, purchase.Failed, purchase.FailNotSold)
		}
		env.Server.ClearFaults()
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Policy.Approvers, env.ApprovalsChannel = map[string]bool{purchasetest.Bob.ID: true}, "CAPPROVALS"
	})
}

// An order whose item is in the cart is bought after an outage of a minute and fails after a longer one. Its item is
// removed when CoCalc is back.
func TestWorker_Unserved_ItemInCart(t *testing.T) {
	for name, c := range unservedServers {
		for _, gone := range []time.Duration{time.Minute, 30 * time.Minute, 3 * time.Hour} {
			t.Run(fmt.Sprintf("%s for %v", name, gone), func(t *testing.T) {
				purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
					env.Server.Inject(cocalctest.Fault{
						Endpoint: "shopping/cart/add", When: cocalctest.After, Effect: cocalctest.Call, Times: 1,
						Do: func(*cocalctest.Account) { env.Server.Inject(c.fault) },
					})
					id := env.Buy()
					<-time.After(gone)
					o := env.Order(id)
					if ended := gone > 2*time.Hour; o.State.Final() != ended || ended && o.IsReserved() {
						t.Errorf("after %v: got %s, reserved %v; want final %v", gone, o.State, o.IsReserved(), ended)
					}
					env.Server.ClearFaults()
					o = env.Until(id, purchase.Failed, purchase.Purchased)
					if bought := gone < 2*time.Minute; bought != (o.State == purchase.Purchased) {
						t.Errorf("after the outage: got %s (failure %+v), want purchased: %v", o.State, o.Failure, bought)
					}
					<-time.After(time.Hour)
					bought := len(env.Account.Licenses())
					env.Check(bought, purchase.Cents(bought)*6375, 0)
				})
			})
		}
	}
}

// An order of unknown outcome on a server that no longer shows purchases keeps its reservation for a week. It stays
// unknown until an admin settles it or CoCalc shows the purchases again.
func TestWorker_Release_OutcomeUnknown(t *testing.T) {
	for name, c := range unservedServers {
		for _, bought := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, bought %v", name, bought), func(t *testing.T) {
				id, later := releaseAfterWeek(t, c, bought)
				if t.Failed() {
					return
				}
				for _, by := range []string{"bought", "not-bought", "CoCalc"} {
					t.Run("settled by "+by, func(t *testing.T) {
						purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
							settleReleased(env, id, bought, by)
						}, later.Continue, func(env *purchasetest.Env) { env.Server.Inject(c.fault) })
					})
				}
			})
		}
	}
}

// releaseAfterWeek checks an order of unknown outcome for a week on a server that shows no purchases, and returns what
// the bot leaves when it stops then.
func releaseAfterWeek(t *testing.T, c unservedServer, bought bool) (id purchase.OrderID, later purchasetest.Saved) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		when := cocalctest.Before
		if bought {
			when = cocalctest.After
		}
		id = env.BuyUnknownWithFault(c.fault, when)
		<-time.After(2 * time.Hour)
		o := env.Order(id)
		recovers := c.ends == purchase.FailUnreachable // the server may show purchases again, so nothing is released
		if o.State != purchase.Unknown || o.Unresolvable() == recovers || !o.IsReserved() {
			t.Fatalf("after 2 hours: got %s (blocked %+v, unresolved %+v), unresolvable %v, kept %v; want %s, %v, true",
				o.State, o.Blocked, o.Unresolved, o.Unresolvable(), o.IsReserved(), purchase.Unknown, !recovers)
		}
		if !recovers && o.Blocked.Args["has"] != "checkout" {
			t.Errorf("blocked: got %s, want has=checkout", o.Blocked)
		}
		<-time.After(7*24*time.Hour - 3*time.Hour)
		if o = env.Order(id); !o.IsReserved() {
			t.Errorf("reserved within the week: got %v, want true", o.IsReserved())
		}
		<-time.After(3 * time.Hour)
		if o = env.Order(id); o.IsReserved() != recovers || o.State != purchase.Unknown || !o.Open() {
			t.Errorf("after the week: got %s, reserved %v, open %v; want %s, %v, true", o.State, o.IsReserved(), o.Open(),
				purchase.Unknown, recovers)
		}
		released := env.Events("released")
		if n := len(released); n != 1 && !recovers || n != 0 && recovers {
			t.Errorf("records of a release: got %d, want one: %v", n, !recovers)
		}
		if len(released) == 1 && len(released[0].Causes) != 1 {
			t.Errorf("causes of the release: got %v, want the condition of the server", released[0].Causes)
		}
		if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 1 {
			t.Errorf("checkout requests: got %d, want 1", n)
		}
		later = env.Save()
	})
	return id, later
}

// settleReleased settles an order after the week, by an admin's decision or by CoCalc, which then shows purchases
// again. It checks what is spent, counted and reserved two hours later.
func settleReleased(env *purchasetest.Env, id purchase.OrderID, bought bool, by string) {
	ctx, t := context.Background(), env.T
	if by == "CoCalc" {
		env.Server.ClearFaults()
		o := env.Until(id, purchase.Purchased, purchase.Failed)
		if bought != (o.State == purchase.Purchased) {
			t.Errorf("state once CoCalc shows purchases: got %s, want purchased: %v", o.State, bought)
		}
	} else {
		_, err := env.Desk.Decide(ctx, purchasetest.AdminAction, id, orders.Decision{
			Kind: orders.Resolve, Verdict: purchase.Verdict(by),
			Reason: "the statement says so",
		})
		if err != nil {
			t.Fatal(err)
		}
		if findings := env.Findings(); len(findings) > 0 {
			t.Errorf("findings in the ledger: got %+v, want none", findings)
		}
		env.Server.ClearFaults()
	}
	<-time.After(2 * time.Hour)
	// What CoCalc shows replaces the decision of the admin, except that an order settled as bought stays bought.
	spent := purchase.Cents(0)
	if bought || by == "bought" {
		spent = 6375
	}
	months, err := env.Desk.Budgets(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, reserved := purchase.Cents(0), purchase.Cents(0)
	for _, m := range months.Months {
		got, reserved = got+m.Spent, reserved+m.Reserved
		n := 0
		for _, share := range m.People {
			for _, k := range share.Days {
				n += k
			}
		}
		if m.Spent > 0 && n != 1 || m.Spent == 0 && n != 0 {
			t.Errorf("orders of %s: got %d, want 1 if it spent anything and 0 otherwise: %+v", m.Month, n, m)
		}
	}
	if got != spent || reserved != 0 {
		t.Errorf("budgets: got %s spent and %s reserved, want %s and $0.00", got, reserved, spent)
	}
	if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 0 {
		t.Errorf("checkout requests after the week: got %d, want 0", n)
	}
}

// An order whose reservation was released delays no other order.
func TestWorker_Release_BlocksNoOther(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.BuyUnknownWithFault(cocalctest.Fault{Effect: cocalctest.SuccessorServer}, cocalctest.Before)
		<-time.After(8 * 24 * time.Hour)
		env.Server.ClearFaults()
		// the released order is not resolved at once
		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 2})
		<-time.After(11 * time.Minute)
		other := env.Buy()
		env.Until(other, purchase.Purchased)
		env.Until(id, purchase.Failed)
		env.Check(1, 6375, 0)
	})
}

// A reservation is released after a week, even if the machine's clock is set ahead while the bot is stopped and
// CoCalc's time is unknown.
func TestWorker_Release_ClockAhead(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.BuyUnknownWithFault(redirectTo("one.example"), cocalctest.Before)
		<-time.After(2 * time.Hour)
		env.Close()
		ahead(30 * 24 * time.Hour)
		env.Open()
		<-time.After(6 * 24 * time.Hour)
		if o := env.Order(id); !o.IsReserved() {
			t.Errorf("reserved within the week: got %v, want true", o.IsReserved())
		}
		<-time.After(2 * 24 * time.Hour)
		if o := env.Order(id); o.IsReserved() {
			t.Errorf("reserved after the week: got %v, want false", o.IsReserved())
		}
		env.Server.ClearFaults()
		env.Until(id, purchase.Failed)
	}, func(env *purchasetest.Env) {
		ahead = purchasetest.ClockOf(env)
		purchasetest.WithoutDate(env)
	})
}

// unservedServers are the conditions in which a server sells no licenses, with the reason for which an order waits and
// the failure after an hour.
var unservedServers = map[string]unservedServer{
	"successor": {
		cocalctest.Fault{Effect: cocalctest.SuccessorServer},
		`condition="sells-memberships"`,
		purchase.FailNotSold,
	},
	"no store": {
		cocalctest.Fault{Effect: cocalctest.NoLicensesSold},
		`condition="sells-memberships"`,
		purchase.FailNotSold,
	},
	"moved":       {cocalctest.Fault{Effect: cocalctest.MovedServer}, `condition="moved"`, purchase.FailNotSold},
	"foreign":     {cocalctest.Fault{Effect: cocalctest.Fail, Status: 403}, `condition="foreign"`, purchase.FailNotSold},
	"https":       {purchasetest.RedirectToHTTPS(), `condition="misaddressed"`, purchase.FailUnreachable},
	"maintenance": {purchasetest.MaintenancePage(), `condition="down"`, purchase.FailUnreachable},
}

type unservedServer struct {
	fault cocalctest.Fault
	wait  string
	ends  purchase.FailureCode
}
