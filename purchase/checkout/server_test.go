package checkout_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// One probe that finds a redirect or a page is no proof: the server counts as down until a second one finds the same,
// so that orders wait and aren't refused, and the admins hear nothing.
func TestWorker_Probe_OneProvesNothing(t *testing.T) {
	for name, fault := range map[string]cocalctest.Fault{
		"a redirect": redirectTo("status.example"),
		"a page":     {Effect: cocalctest.Fail, Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				id := env.ConfirmWithFault(fault)
				<-time.After(5 * time.Second)
				got := env.Desk.Server()
				if got.SellsLicenses() || got.RefusesOrders() || env.Desk.Rules().Policy.RefuseNotSold(env.Desk.Server()) != nil {
					t.Errorf("after one probe it is %+v", got)
				}
				if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil ||
					o.Blocked.Code != purchase.WaitsForServer {
					t.Errorf("the order is %s and says %+v", o.State, o.Blocked)
				}
				env.Propose(purchasetest.Spec())
				env.Server.ClearFaults()
				env.Until(id, purchase.Purchased)
				told, records := env.ServerNotifications(), env.Events("diagnosis")
				if len(told) > 0 || len(records) > 0 {
					t.Errorf("the admins read %q, and the records are %+v", told, records)
				}
				env.Server.Inject(fault)
				<-time.After(11 * time.Minute)
				if got := env.Desk.Server(); !got.RefusesOrders() || got.Probes < 2 {
					t.Errorf("after more probes it is %+v", got)
				}
				if told, records := env.ServerNotifications(), env.Events("diagnosis"); len(told) != 1 || len(records) != 1 {
					t.Errorf("the admins read %q, and the records are %+v", told, records)
				}
			})
		})
	}
}

// A server of which every other answer is a page never counts as moved, and is no noise.
func TestWorker_Probe_EveryOtherAnswerIsPage(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		for range 60 {
			env.Server.Inject(redirectTo("status.example"))
			_, _ = env.Desk.Account.Licenses(context.Background())
			<-time.After(time.Second)
			env.Server.ClearFaults()
			<-time.After(59 * time.Second)
			if env.Desk.Server().RefusesOrders() {
				t.Fatal("it refuses orders")
			}
		}
		if told, records := env.ServerNotifications(), env.Events("diagnosis"); len(told) > 0 || len(records) > 0 {
			t.Errorf("the admins read %q, and there are %d records", told, len(records))
		}
	})
}

// One request that fails is no diagnosis: the order has the patience that it had, and ends.
func TestWorker_Probe_OneEndpointFails(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.Server.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail})
		id := env.Buy()
		if took := env.TimeToEnd(id); took < 2*time.Minute || took > 4*time.Minute {
			t.Errorf("it waited %v", took)
		}
		if o := env.Order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailUnreachable {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		if e := env.Events("diagnosis"); slices.ContainsFunc(e, func(e purchase.Event) bool { return true }) {
			t.Errorf("records: %+v", e)
		}
	})
}

// A person's read shows that the server has changed, long before the next comparison; and that it is back.
func TestWorker_Probe_AfterRead(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		ctx := context.Background()
		<-time.After(time.Minute)
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer})
		_, _ = env.Desk.Account.Licenses(ctx)
		<-time.After(31 * time.Second)
		if got := env.Desk.Server(); got.Condition != purchase.HasMoved {
			t.Errorf("half a minute after a read it is %+v", got)
		}
		<-time.After(2 * time.Hour)
		env.Server.ClearFaults()
		if _, err := env.Desk.Account.Renewals(ctx); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if got := env.Desk.Server(); !got.SellsLicenses() {
			t.Errorf("a second after a read it is %+v", got)
		}
	})
}

// A server that leads to one host and then to another is one trouble: an order that waits for it ends after the hour,
// and the ledger and the admins have it once.
func TestWorker_Probe_ManyHostsOneTrouble(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		id := env.ConfirmWithFault(redirectTo("one.example"))
		for began := time.Now(); time.Since(began) < 80*time.Minute; {
			for _, host := range []string{"two.example", "one.example"} {
				<-time.After(30 * time.Second)
				env.Server.ClearFaults()
				env.Server.Inject(redirectTo(host))
			}
		}
		if o := env.Order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailNotSold {
			t.Errorf("it is %s: %+v", o.State, o.Failure)
		}
		if n := len(env.Events("diagnosis")); n != 1 {
			t.Errorf("%d records", n)
		}
		if told := env.ServerNotifications(); len(told) != 1 {
			t.Errorf("the admins read %q", told)
		}
	})
}

// The same trouble that comes and goes is told once a day, and so is its end.
func TestWorker_Probe_ReportedOncePerDay(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		for range 10 {
			env.Server.Inject(redirectTo("one.example"))
			<-time.After(30 * time.Minute)
			env.Server.ClearFaults()
			<-time.After(30 * time.Minute)
		}
		if told := env.ServerNotifications(); len(told) != 2 {
			t.Errorf("the admins read %q", told)
		}
		<-time.After(24 * time.Hour)
		env.Server.Inject(redirectTo("one.example"))
		<-time.After(30 * time.Minute)
		if told := env.ServerNotifications(); len(told) != 1 {
			t.Errorf("a day later the admins read %q", told)
		}
	})
}

// A trouble that comes back within the day and stays is told when the day is over.
func TestWorker_Probe_CameBackAndStayed(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(redirectTo("one.example"))
		<-time.After(30 * time.Minute)
		env.Server.ClearFaults()
		<-time.After(30 * time.Minute)
		env.Server.Inject(redirectTo("one.example"))
		<-time.After(30 * time.Hour)
		if told := env.ServerNotifications(); len(told) != 3 {
			t.Errorf("the admins read %q", told)
		}
	})
}

// The admins are told once of each condition, when another takes its place, and when it is over.
func TestWorker_Probe_NotifiesAdmins(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		var told []string
		for _, spell := range []struct {
			fault cocalctest.Fault
			hours int
		}{
			{cocalctest.Fault{Effect: cocalctest.SuccessorServer}, 50},
			{cocalctest.Fault{Effect: cocalctest.MovedServer}, 50},
			{purchasetest.RedirectToHTTPS(), 3},
			{cocalctest.Fault{Effect: cocalctest.Fail, Status: 403}, 3},
			{purchasetest.MaintenancePage(), 3},
			{cocalctest.Fault{Endpoint: "nothing"}, 3},
		} {
			env.Server.ClearFaults()
			env.Server.Inject(spell.fault)
			<-time.After(time.Duration(spell.hours) * time.Hour)
			news := env.ServerNotifications()
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
		if e := env.Events("diagnosis"); len(e) != 6 {
			t.Errorf("%d records: %+v", len(e), e)
		}
		env.Server.Inject(purchasetest.MaintenancePage())
		<-time.After(5 * time.Minute)
		env.Server.ClearFaults()
		<-time.After(time.Hour)
		if again := env.ServerNotifications(); len(again) > 0 {
			t.Errorf("five minutes are told: %q", again)
		}
	})
}

// A bot that couldn't read at its start what the server was, and finds that it sells, keeps that.
func TestWorker_Probe_UnreadAtStart(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.SuccessorServer})
		<-time.After(time.Hour)
		env.Close()
		env.Server.ClearFaults()
		read := false
		env.Wrap = func(l purchase.Ledger, over purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return unreadableLedger{l, &read}, over
		}
		env.Open()
		<-time.After(time.Minute)
		if d := env.AccountState().Diagnosis; d != nil {
			t.Errorf("the ledger says %+v", d)
		}
		if n := len(env.Events("diagnosis")); n != 2 {
			t.Errorf("%d records", n)
		}
		env.Wrap = nil
		env.Restart()
		env.Until(env.Buy(), purchase.Purchased)
	})
}

// leadsTo is a server that leads to another host, as a proxy with a page of each kind does.
func redirectTo(host string) cocalctest.Fault {
	return cocalctest.Fault{Effect: cocalctest.MovedServer, Text: "https://" + host}
}

// unreadable is a ledger whose first read fails.
type unreadableLedger struct {
	purchase.Ledger
	read *bool
}

func (l unreadableLedger) View(ctx context.Context, fn func(purchase.Reader) error) error {
	if !*l.read {
		*l.read = true
		return errors.New("no room for a read")
	}
	return l.Ledger.View(ctx, fn)
}
