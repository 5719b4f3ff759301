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

// An order waits for a server that sells no licenses for half an hour, says so, and is bought when that is over.
func TestWorker_Unserved_BackAfterHalfAnHour(t *testing.T) {
	for name, c := range unservedServers {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.ConfirmWithFault(c.fault)
				<-time.After(30 * time.Minute)
				o := env.Order(id)
				if o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForServer ||
					!strings.Contains(o.Blocked.Cause.String(), c.wait) {
					t.Fatalf("after half an hour it is %s and says %+v", o.State, o.Blocked)
				}
				if n := env.SpendingRequests(); n > 0 {
					t.Errorf("%d requests could spend money: %v", n, env.Server.Counts())
				}
				env.Server.ClearFaults()
				<-time.After(5 * time.Minute)
				if o = env.Order(id); o.State != purchase.Purchased {
					t.Errorf("5 minutes later it is %s: %+v", o.State, o.Blocked)
				}
				<-time.After(time.Hour)
				env.Check(1, 6375, 0)
			})
		})
	}
}

// An order that waited an hour for the same server ends, releases its money, and says why.
func TestWorker_Unserved_EndsAfterAnHour(t *testing.T) {
	for name, c := range unservedServers {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.ConfirmWithFault(c.fault)
				if took := env.TimeToEnd(id); took < time.Hour || took > 72*time.Minute {
					t.Errorf("it waited %v", took)
				}
				o := env.Order(id)
				if o.State != purchase.Failed || o.Failure.Code != c.ends {
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				}
				if got := env.Desk.Server(); got.Probes < 6 {
					t.Errorf("after %d probes", got.Probes)
				}
				if n := env.SpendingRequests(); n > 0 {
					t.Errorf("%d requests could spend money: %v", n, env.Server.Counts())
				}
				env.Server.ClearFaults()
				<-time.After(time.Hour)
				env.Check(0, 0, 0)
			})
		})
	}
}

// Only an hour of the same counts: another diagnosis begins anew, time without a probe counts for one pause at most,
// and no clock that is set makes it shorter.
func TestWorker_Unserved_HourOfSameCondition(t *testing.T) {
	var ahead func(time.Duration)
	for name, c := range map[string]struct {
		meanwhile func(*purchasetest.Env)
		least     time.Duration // from the change on
		most      time.Duration
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
				c.meanwhile(env)
				env.TimeToEnd(id)
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("it waited for another %v, want %v to %v", took, c.least, c.most)
				}
			}, func(env *purchasetest.Env) { ahead = purchasetest.ClockOf(env) })
		})
	}
}

// What was asked for while the server was down long since waits an hour itself.
func TestWorker_Unserved_OrderedDuringOutage(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(purchasetest.MaintenancePage())
		<-time.After(5 * time.Hour)
		id := env.Buy()
		if took := env.TimeToEnd(id); took < time.Hour || took > 85*time.Minute {
			t.Errorf("it waited %v", took)
		}
	})
}

// Approvals are refused while the server sells no licenses, and the order that waits for them ends after the hour.
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
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		env.Server.ClearFaults()
		env.Check(0, 0, 0)
	}, func(env *purchasetest.Env) {
		env.Policy.Approvers, env.ApprovalsChannel = map[string]bool{purchasetest.Bob.ID: true}, "CAPPROVALS"
	})
}

// An order whose item is in the cart gets the patience that it always had; its item is taken out when CoCalc is back.
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
					if ended := gone > 2*time.Hour; o.State.Final() != ended || ended && o.Promised() {
						t.Errorf("it is %s", o.State)
					}
					env.Server.ClearFaults()
					o = env.Until(id, purchase.Failed, purchase.Purchased)
					if bought := gone < 2*time.Minute; bought != (o.State == purchase.Purchased) {
						t.Errorf("it is %s: %+v", o.State, o.Failure)
					}
					<-time.After(time.Hour)
					bought := len(env.Account.Licenses())
					env.Check(bought, purchase.Cents(bought)*6375, 0)
				})
			})
		}
	}
}

// The outcome of an order is unknown on a server that can't tell any more: it says so, holds the budget for a week, and
// stays until an admin settles it, or until CoCalc tells after all.
func TestWorker_Release_OutcomeUnknown(t *testing.T) {
	ctx := context.Background()
	for name, c := range unservedServers {
		for _, bought := range []bool{false, true} {
			for _, by := range []string{"bought", "not-bought", "CoCalc"} {
				t.Run(fmt.Sprintf("%s, bought %v, settled by %s", name, bought, by), func(t *testing.T) {
					purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
						when := cocalctest.Before
						if bought {
							when = cocalctest.After
						}
						id := env.BuyUnknownWithFault(c.fault, when)
						<-time.After(2 * time.Hour)
						o := env.Order(id)
						tells := c.ends == purchase.FailUnreachable
						if o.State != purchase.Unknown || o.Untold() == tells || !o.Promised() {
							t.Fatalf("after two hours it is %s, %+v, %+v", o.State, o.Blocked, o.Unresolved)
						}
						if !tells && o.Blocked.Args["has"] != "checkout" {
							t.Errorf("it says %s", o.Blocked)
						}
						<-time.After(7*24*time.Hour - 3*time.Hour)
						if o = env.Order(id); !o.Promised() {
							t.Error("it was released within the week")
						}
						<-time.After(3 * time.Hour)
						if o = env.Order(id); o.Promised() != tells || o.State != purchase.Unknown || !o.Open() {
							t.Errorf("after the week it is %s, and reserved: %v", o.State, o.Promised())
						}
						released := env.Events("released")
						if n := len(released); n != 1 && !tells || n != 0 && tells {
							t.Errorf("%d records of a release", n)
						}
						if len(released) == 1 && len(released[0].Causes) != 1 {
							t.Errorf("got the reasons %v of the release, want what is wrong with the server", released[0].Causes)
						}
						env.Restart()
						if by == "CoCalc" {
							env.Server.ClearFaults()
							o = env.Until(id, purchase.Purchased, purchase.Failed)
							if bought != (o.State == purchase.Purchased) {
								t.Errorf("CoCalc tells, and it is %s", o.State)
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
								t.Error(findings)
							}
							env.Server.ClearFaults()
						}
						<-time.After(2 * time.Hour)
						// CoCalc has the last word, except that what an admin said was bought stays so.
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
								t.Errorf("%s counts %d orders: %+v", m.Month, n, m)
							}
						}
						if got != spent || reserved != 0 {
							t.Errorf("%s spent and %s reserved, want %s", got, reserved, spent)
						}
						if n := env.Server.Count(purchasetest.CheckoutEndpoint); n != 1 {
							t.Errorf("%d checkouts", n)
						}
					})
				})
			}
		}
	}
}

// A released order holds no other one up.
func TestWorker_Release_BlocksNoOther(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.BuyUnknownWithFault(cocalctest.Fault{Effect: cocalctest.SuccessorServer}, cocalctest.Before)
		<-time.After(8 * 24 * time.Hour)
		env.Server.ClearFaults()
		// the old one is not settled at once
		env.Server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 2})
		<-time.After(11 * time.Minute)
		other := env.Buy()
		env.Until(other, purchase.Purchased)
		env.Until(id, purchase.Failed)
		env.Check(1, 6375, 0)
	})
}

// A week is a week also when the machine's clock is set ahead while the bot is stopped, and nothing tells CoCalc's
// time.
func TestWorker_Release_ClockAhead(t *testing.T) {
	var ahead func(time.Duration)
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		id := env.BuyUnknownWithFault(redirectTo("one.example"), cocalctest.Before)
		<-time.After(2 * time.Hour)
		env.Close()
		ahead(30 * 24 * time.Hour)
		env.Open()
		<-time.After(6 * 24 * time.Hour)
		if o := env.Order(id); !o.Promised() {
			t.Error("it was released within the week")
		}
		<-time.After(2 * 24 * time.Hour)
		if o := env.Order(id); o.Promised() {
			t.Error("it was never released")
		}
		env.Server.ClearFaults()
		env.Until(id, purchase.Failed)
	}, func(env *purchasetest.Env) {
		ahead = purchasetest.ClockOf(env)
		purchasetest.WithoutDate(env)
	})
}

// troubles are the servers that sell no licenses, and what an order that waited for them an hour then says.
var unservedServers = map[string]struct {
	fault cocalctest.Fault
	wait  string
	ends  purchase.FailureCode
}{
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
