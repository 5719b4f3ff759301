package purchase_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// troubles are the servers that sell no licenses, and what an order that waited for them an hour then says.
var troubles = map[string]struct {
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
	"https":       {httpsInstead(), `condition="misaddressed"`, purchase.FailUnreachable},
	"maintenance": {maintenance(), `condition="down"`, purchase.FailUnreachable},
}

// waits confirms an order in the moment in which the server changes.
func (s *shop) waits(fault cocalctest.Fault) purchase.OrderID {
	s.t.Helper()
	<-time.After(time.Minute)
	card := s.propose(spec())
	s.server.Inject(fault)
	if err := s.confirm(card.ID); err != nil {
		s.t.Fatal(err)
	}
	return card.ID
}

// spends reports the requests of the last while that could spend money, or prepare that.
func (s *shop) spends() (n int) {
	for endpoint, times := range s.server.Counts() {
		if strings.HasPrefix(endpoint, "shopping/cart/") && endpoint != "shopping/cart/get" ||
			strings.HasSuffix(endpoint, "checkout") {
			n += times
		}
	}
	return n
}

// An order waits for a server that sells no licenses for half an hour, says so, and is bought when that is over.
func TestAWaitingOrderGoesOnAfterHalfAnHour(t *testing.T) {
	for name, c := range troubles {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.waits(c.fault)
				<-time.After(30 * time.Minute)
				o := s.order(id)
				if o.State != purchase.Approved || o.Blocked == nil || o.Blocked.Code != purchase.WaitsForServer ||
					!strings.Contains(o.Blocked.Cause.String(), c.wait) {
					t.Fatalf("after half an hour it is %s and says %+v", o.State, o.Blocked)
				}
				if n := s.spends(); n > 0 {
					t.Errorf("%d requests could spend money: %v", n, s.server.Counts())
				}
				s.server.ClearFaults()
				<-time.After(5 * time.Minute)
				if o = s.order(id); o.State != purchase.Purchased {
					t.Errorf("5 minutes later it is %s: %+v", o.State, o.Blocked)
				}
				<-time.After(time.Hour)
				s.check(1, 6375, 0)
			})
		})
	}
}

// waited lets time pass until the order ends, and returns how long that took.
func (s *shop) waited(id purchase.OrderID) time.Duration {
	s.t.Helper()
	for began := time.Now(); ; <-time.After(time.Second) {
		if s.order(id).State.Final() || time.Since(began) > 10*time.Hour {
			return time.Since(began)
		}
	}
}

// An order that waited an hour for the same server ends, releases its money, and says why.
func TestAWaitingOrderEndsAfterAnHour(t *testing.T) {
	for name, c := range troubles {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.waits(c.fault)
				if took := s.waited(id); took < time.Hour || took > 72*time.Minute {
					t.Errorf("it waited %v", took)
				}
				o := s.order(id)
				if o.State != purchase.Failed || o.Failure.Code != c.ends {
					t.Errorf("it is %s: %+v", o.State, o.Failure)
				}
				if got := s.desk.Server(); got.Probes < 6 {
					t.Errorf("after %d probes", got.Probes)
				}
				if n := s.spends(); n > 0 {
					t.Errorf("%d requests could spend money: %v", n, s.server.Counts())
				}
				s.server.ClearFaults()
				<-time.After(time.Hour)
				s.check(0, 0, 0)
			})
		})
	}
}

// Only an hour of the same counts: another diagnosis begins anew, time without a probe counts for one pause at most,
// and no clock that is set makes it shorter.
func TestOnlyAnHourOfTheSameEndsAnOrder(t *testing.T) {
	var ahead func(time.Duration)
	for name, c := range map[string]struct {
		meanwhile func(*shop)
		least     time.Duration // from the change on
		most      time.Duration
	}{
		"another diagnosis": {func(s *shop) {
			s.server.ClearFaults()
			s.server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer})
		}, time.Hour, 75 * time.Minute},
		"it moves to another host": {func(s *shop) {
			s.server.ClearFaults()
			s.server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer, Text: "https://other.example"})
		}, time.Hour, 75 * time.Minute},
		"a restart": {func(s *shop) { s.restart() }, 28 * time.Minute, 45 * time.Minute},
		"a stop of an hour": {
			func(s *shop) { s.close(); <-time.After(time.Hour); s.open() }, 80 * time.Minute,
			100 * time.Minute,
		},
		"a clock that goes ahead": {func(*shop) { ahead(30 * time.Hour) }, 28 * time.Minute, 45 * time.Minute},
		"a restart with a clock ahead": {
			func(s *shop) { ahead(30 * time.Hour); s.restart() }, 20 * time.Minute,
			45 * time.Minute,
		},
		"a restart with a clock behind": {
			func(s *shop) { ahead(-30 * time.Hour); s.restart() }, 28 * time.Minute,
			45 * time.Minute,
		},
		"nothing": {func(*shop) {}, 28 * time.Minute, 45 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, 20000, func(s *shop) {
				id := s.waits(maintenance())
				<-time.After(30 * time.Minute)
				began := time.Now()
				c.meanwhile(s)
				s.waited(id)
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("it waited for another %v, want %v to %v", took, c.least, c.most)
				}
			}, func(s *shop) { ahead = clockOf(s) })
		})
	}
}

// What was asked for while the server was down long since waits an hour itself.
func TestAnOrderOfALongOutageWaitsAnHour(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		s.server.Inject(maintenance())
		<-time.After(5 * time.Hour)
		id := s.buy()
		if took := s.waited(id); took < time.Hour || took > 85*time.Minute {
			t.Errorf("it waited %v", took)
		}
	})
}

// Approvals are refused while the server sells no licenses, and the order that waits for them ends after the hour.
func TestAnOrderThatWaitsForApproval(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		id := s.waits(cocalctest.Fault{Effect: cocalctest.SuccessorServer})
		<-time.After(11 * time.Minute)
		_, err := s.desk.Decide(context.Background(), purchase.Action{Actor: bob, Channel: math, Typed: true}, id,
			orders.Decision{Kind: orders.Approve})
		s.refusedAs(err, purchase.NotSold)
		<-time.After(65 * time.Minute)
		if o := s.order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailNotSold {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		s.server.ClearFaults()
		s.check(0, 0, 0)
	}, func(s *shop) {
		s.policy.Approvers, s.approvals = map[string]bool{bob.ID: true}, "CAPPROVALS"
	})
}

// An order whose item is in the cart gets the patience that it always had; its item is taken out when CoCalc is back.
func TestAnItemInTheCartOfAServerThatIsGone(t *testing.T) {
	for name, c := range troubles {
		for _, gone := range []time.Duration{time.Minute, 30 * time.Minute, 3 * time.Hour} {
			t.Run(fmt.Sprintf("%s for %v", name, gone), func(t *testing.T) {
				inShop(t, 20000, func(s *shop) {
					s.server.Inject(cocalctest.Fault{
						Endpoint: "shopping/cart/add", When: cocalctest.After, Effect: cocalctest.Call, Times: 1,
						Do: func(*cocalctest.Account) { s.server.Inject(c.fault) },
					})
					id := s.buy()
					<-time.After(gone)
					o := s.order(id)
					if ended := gone > 2*time.Hour; o.State.Final() != ended || ended && o.Promised() {
						t.Errorf("it is %s", o.State)
					}
					s.server.ClearFaults()
					o = s.until(id, purchase.Failed, purchase.Purchased)
					if bought := gone < 2*time.Minute; bought != (o.State == purchase.Purchased) {
						t.Errorf("it is %s: %+v", o.State, o.Failure)
					}
					<-time.After(time.Hour)
					bought := len(s.account.Licenses())
					s.check(bought, purchase.Cents(bought)*6375, 0)
				})
			})
		}
	}
}

// unknown makes an order whose checkout got no answer, on a server that is then another one.
func (s *shop) unknown(fault cocalctest.Fault, when cocalctest.Moment) purchase.OrderID {
	s.t.Helper()
	<-time.After(time.Minute)
	s.server.Inject(cocalctest.Fault{
		Endpoint: checkoutPath, When: when, Effect: cocalctest.Call, Times: 1,
		Do: func(*cocalctest.Account) { s.server.Inject(fault) },
	})
	s.server.Inject(cocalctest.Fault{Endpoint: checkoutPath, When: when, Effect: cocalctest.LoseAnswer, Times: 1})
	id := s.buy()
	s.until(id, purchase.Unknown)
	return id
}

// The outcome of an order is unknown on a server that can't tell any more: it says so, holds the budget for a week, and
// stays until an admin settles it, or until CoCalc tells after all.
func TestAnUnknownOutcomeThatCoCalcCannotTell(t *testing.T) {
	ctx := context.Background()
	for name, c := range troubles {
		for _, bought := range []bool{false, true} {
			for _, by := range []string{"bought", "not-bought", "CoCalc"} {
				t.Run(fmt.Sprintf("%s, bought %v, settled by %s", name, bought, by), func(t *testing.T) {
					inShop(t, 40000, func(s *shop) {
						when := cocalctest.Before
						if bought {
							when = cocalctest.After
						}
						id := s.unknown(c.fault, when)
						<-time.After(2 * time.Hour)
						o := s.order(id)
						tells := c.ends == purchase.FailUnreachable
						if o.State != purchase.Unknown || o.Untold() == tells || !o.Promised() {
							t.Fatalf("after two hours it is %s, %+v, %+v", o.State, o.Blocked, o.Unresolved)
						}
						if !tells && o.Blocked.Args["has"] != "checkout" {
							t.Errorf("it says %s", o.Blocked)
						}
						<-time.After(7*24*time.Hour - 3*time.Hour)
						if o = s.order(id); !o.Promised() {
							t.Error("it was released within the week")
						}
						<-time.After(3 * time.Hour)
						if o = s.order(id); o.Promised() != tells || o.State != purchase.Unknown || !o.Open() {
							t.Errorf("after the week it is %s, and reserved: %v", o.State, o.Promised())
						}
						released := s.events("released")
						if n := len(released); n != 1 && !tells || n != 0 && tells {
							t.Errorf("%d records of a release", n)
						}
						if len(released) == 1 && len(released[0].Causes) != 1 {
							t.Errorf("got the reasons %v of the release, want what is wrong with the server", released[0].Causes)
						}
						s.restart()
						if by == "CoCalc" {
							s.server.ClearFaults()
							o = s.until(id, purchase.Purchased, purchase.Failed)
							if bought != (o.State == purchase.Purchased) {
								t.Errorf("CoCalc tells, and it is %s", o.State)
							}
						} else {
							_, err := s.desk.Decide(ctx, byAdmin, id, orders.Decision{
								Kind: orders.Resolve, Verdict: purchase.Verdict(by),
								Reason: "the statement says so",
							})
							if err != nil {
								t.Fatal(err)
							}
							if findings := s.books(); len(findings) > 0 {
								t.Error(findings)
							}
							s.server.ClearFaults()
						}
						<-time.After(2 * time.Hour)
						// CoCalc has the last word, except that what an admin said was bought stays so.
						spent := purchase.Cents(0)
						if bought || by == "bought" {
							spent = 6375
						}
						months, err := s.desk.Budgets(ctx, 3)
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
						if n := s.server.Count(checkoutPath); n != 1 {
							t.Errorf("%d checkouts", n)
						}
					})
				})
			}
		}
	}
}

// A released order holds no other one up.
func TestAReleasedOrderHoldsNoOther(t *testing.T) {
	inShop(t, 40000, func(s *shop) {
		id := s.unknown(cocalctest.Fault{Effect: cocalctest.SuccessorServer}, cocalctest.Before)
		<-time.After(8 * 24 * time.Hour)
		s.server.ClearFaults()
		// the old one is not settled at once
		s.server.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.Fail, Times: 2})
		<-time.After(11 * time.Minute)
		other := s.buy()
		s.until(other, purchase.Purchased)
		s.until(id, purchase.Failed)
		s.check(1, 6375, 0)
	})
}

// The admins are told once of each condition, when another takes its place, and when it is over.
func TestAdminsAreToldOfTheServer(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		var told []string
		for _, spell := range []struct {
			fault cocalctest.Fault
			hours int
		}{
			{cocalctest.Fault{Effect: cocalctest.SuccessorServer}, 50},
			{cocalctest.Fault{Effect: cocalctest.MovedServer}, 50},
			{httpsInstead(), 3},
			{cocalctest.Fault{Effect: cocalctest.Fail, Status: 403}, 3},
			{maintenance(), 3},
			{cocalctest.Fault{Endpoint: "nothing"}, 3},
		} {
			s.server.ClearFaults()
			s.server.Inject(spell.fault)
			<-time.After(time.Duration(spell.hours) * time.Hour)
			news := s.toldOfServer()
			if len(news) != 1 {
				t.Fatalf("%+v: the admins read %q", spell.fault, news)
			}
			told = append(told, news...)
		}
		for i, says := range [][]string{
			{`condition="sells-memberships"`, `older-key="true"`, `key="sk-…`},
			{`condition="moved"`, `host="cocalc.ai"`},
			{`condition="misaddressed"`, `address="https://cocalc.test"`},
			{`condition="foreign"`, `site="http://cocalc.test"`},
			{`condition="down"`, `reason="server-error"`, `seconds="`},
			{"server-back"},
		} {
			for _, part := range says {
				if !strings.Contains(told[i], part) {
					t.Errorf("it lacks %q: %s", part, told[i])
				}
			}
		}
		if e := s.events("diagnosis"); len(e) != 6 {
			t.Errorf("%d records: %+v", len(e), e)
		}
		s.server.Inject(maintenance())
		<-time.After(5 * time.Minute)
		s.server.ClearFaults()
		<-time.After(time.Hour)
		if again := s.toldOfServer(); len(again) > 0 {
			t.Errorf("five minutes are told: %q", again)
		}
	})
}

// A person's read shows that the server has changed, long before the next comparison; and that it is back.
func TestAReadThatShowsAnotherServer(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		ctx := context.Background()
		<-time.After(time.Minute)
		s.server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer})
		_, _ = s.desk.Account.Licenses(ctx)
		<-time.After(31 * time.Second)
		if got := s.desk.Server(); got.Condition != purchase.HasMoved {
			t.Errorf("half a minute after a read it is %+v", got)
		}
		<-time.After(2 * time.Hour)
		s.server.ClearFaults()
		if _, err := s.desk.Account.Renewals(ctx); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if got := s.desk.Server(); !got.SellsLicenses() {
			t.Errorf("a second after a read it is %+v", got)
		}
	})
}

// One request that fails is no diagnosis: the order has the patience that it had, and ends.
func TestOneRequestThatFailsIsNoDiagnosis(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		<-time.After(time.Minute)
		s.server.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail})
		id := s.buy()
		if took := s.waited(id); took < 2*time.Minute || took > 4*time.Minute {
			t.Errorf("it waited %v", took)
		}
		if o := s.order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailUnreachable {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		if e := s.events("diagnosis"); slices.ContainsFunc(e, func(e purchase.Event) bool { return true }) {
			t.Errorf("records: %+v", e)
		}
	})
}
