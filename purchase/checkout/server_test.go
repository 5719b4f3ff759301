package checkout_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// A server counts as down until a second probe finds the same redirect or page. Until then orders wait, none is
// refused, and the admins are not notified.
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
					t.Errorf("server after one probe: got %+v, want one that is down and refuses no orders", got)
				}
				if o := env.Order(id); o.State != purchase.Approved || o.Blocked == nil ||
					o.Blocked.Code != purchase.WaitsForServer {
					t.Errorf("got %s, blocked %+v; want %s, %s", o.State, o.Blocked, purchase.Approved, purchase.WaitsForServer)
				}
				env.Propose(purchasetest.Spec())
				env.Server.ClearFaults()
				env.Until(id, purchase.Purchased)
				news, records := env.ServerNotifications(), env.Events("diagnosis")
				if len(news) > 0 || len(records) > 0 {
					t.Errorf("after one probe: got notifications %q and records %+v, want none", news, records)
				}
				env.Server.Inject(fault)
				<-time.After(11 * time.Minute)
				if got := env.Desk.Server(); !got.RefusesOrders() || got.Probes < 2 {
					t.Errorf("server after more probes: got %+v, want one that refuses orders after at least 2", got)
				}
				if news, records := env.ServerNotifications(), env.Events("diagnosis"); len(news) != 1 || len(records) != 1 {
					t.Errorf("after more probes: got notifications %q and records %+v, want one each", news, records)
				}
			})
		})
	}
}

// A server that redirects for one second of each minute never counts as moved, and the admins are not notified.
func TestWorker_Probe_EveryOtherAnswerIsPage(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		for range 60 {
			env.Server.Inject(redirectTo("status.example"))
			_, _ = env.Desk.Account.Licenses(context.Background())
			<-time.After(time.Second)
			env.Server.ClearFaults()
			<-time.After(59 * time.Second)
			if got := env.Desk.Server(); got.RefusesOrders() {
				t.Fatalf("server: got %+v, want one that refuses no orders", got)
			}
		}
		if news, records := env.ServerNotifications(), env.Events("diagnosis"); len(news) > 0 || len(records) > 0 {
			t.Errorf("got notifications %q and records %+v, want none", news, records)
		}
	})
}

// An order fails within minutes if one endpoint fails, and no diagnosis of the server is recorded.
func TestWorker_Probe_OneEndpointFails(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		<-time.After(time.Minute)
		env.Server.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail})
		id := env.Buy()
		if took := env.TimeToEnd(id); took < 2*time.Minute || took > 4*time.Minute {
			t.Errorf("time to the end: got %v, want 2m to 4m", took)
		}
		if o := env.Order(id); o.State != purchase.Failed || o.Failure.Code != purchase.FailUnreachable {
			t.Errorf("got %s (failure %+v), want %s (%s)", o.State, o.Failure, purchase.Failed, purchase.FailUnreachable)
		}
		if e := env.Events("diagnosis"); len(e) > 0 {
			t.Errorf("diagnosis records: got %+v, want none", e)
		}
	})
}

// A failed read by a person triggers a probe before the next comparison is due, and a successful one after an outage
// too.
func TestWorker_Probe_AfterRead(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		ctx := context.Background()
		<-time.After(time.Minute)
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.MovedServer})
		_, _ = env.Desk.Account.Licenses(ctx)
		<-time.After(31 * time.Second)
		if got := env.Desk.Server(); got.Condition != purchase.HasMoved {
			t.Errorf("server half a minute after a read: got %+v, want condition %s", got, purchase.HasMoved)
		}
		<-time.After(2 * time.Hour)
		env.Server.ClearFaults()
		if _, err := env.Desk.Account.Renewals(ctx); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if got := env.Desk.Server(); !got.SellsLicenses() {
			t.Errorf("server a second after a read: got %+v, want one that sells licenses", got)
		}
	})
}

// A server that redirects to alternating hosts has one condition: a waiting order ends after an hour, with one record
// and one notification.
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
			t.Errorf("got %s (failure %+v), want %s (%s)", o.State, o.Failure, purchase.Failed, purchase.FailNotSold)
		}
		if n := len(env.Events("diagnosis")); n != 1 {
			t.Errorf("diagnosis records: got %d, want 1", n)
		}
		if got := env.ServerNotifications(); len(got) != 1 {
			t.Errorf("notifications of the admins: got %q, want 1", got)
		}
	})
}

// The admins are notified of a condition that comes and goes, and of its end, once a day.
func TestWorker_Probe_ReportedOncePerDay(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		for range 10 {
			env.Server.Inject(redirectTo("one.example"))
			<-time.After(30 * time.Minute)
			env.Server.ClearFaults()
			<-time.After(30 * time.Minute)
		}
		if got := env.ServerNotifications(); len(got) != 2 {
			t.Errorf("notifications of the first day: got %q, want 2", got)
		}
		<-time.After(24 * time.Hour)
		env.Server.Inject(redirectTo("one.example"))
		<-time.After(30 * time.Minute)
		if got := env.ServerNotifications(); len(got) != 1 {
			t.Errorf("notifications a day later: got %q, want 1", got)
		}
	})
}

// The admins are notified again of a condition that returns within a day and lasts, once the day is over.
func TestWorker_Probe_CameBackAndStayed(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(redirectTo("one.example"))
		<-time.After(30 * time.Minute)
		env.Server.ClearFaults()
		<-time.After(30 * time.Minute)
		env.Server.Inject(redirectTo("one.example"))
		<-time.After(30 * time.Hour)
		if got := env.ServerNotifications(); len(got) != 3 {
			t.Errorf("notifications of the admins: got %q, want 3", got)
		}
	})
}

// The admins are notified once of each condition, and once of the end of the last. A short outage does not notify them.
func TestWorker_Probe_NotifiesAdmins(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		var notified []string
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
				t.Fatalf("notifications of %+v: got %q, want 1", spell.fault, news)
			}
			notified = append(notified, news...)
		}
		for i, parts := range [][]string{
			{`condition="sells-memberships"`, `older-key="true"`, `key="sk-…`},
			{`condition="moved"`, `host="cocalc.ai"`},
			{`condition="misaddressed"`, `address="https://cocalc.test"`},
			{`condition="foreign"`, `site="http://cocalc.test"`},
			{`condition="down"`, `reason="server-error"`, `seconds="`},
			{"server-back"},
		} {
			for _, part := range parts {
				if !strings.Contains(notified[i], part) {
					t.Errorf("notification %d: got %s, want %q in it", i, notified[i], part)
				}
			}
		}
		if e := env.Events("diagnosis"); len(e) != 6 {
			t.Errorf("diagnosis records: got %d (%+v), want 6", len(e), e)
		}
		env.Server.Inject(purchasetest.MaintenancePage())
		<-time.After(5 * time.Minute)
		env.Server.ClearFaults()
		<-time.After(time.Hour)
		if got := env.ServerNotifications(); len(got) > 0 {
			t.Errorf("notifications of an outage of five minutes: got %q, want none", got)
		}
	})
}

// A bot that cannot read the stored diagnosis at its start removes it once it finds that the server sells licenses.
func TestWorker_Probe_UnreadAtStart(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		env.Server.Inject(cocalctest.Fault{Effect: cocalctest.SuccessorServer})
		<-time.After(time.Hour)
		env.Close()
		env.Server.ClearFaults()
		read := false
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			return unreadableLedger{l, &read}, shop
		}
		env.Open()
		<-time.After(time.Minute)
		if d := env.AccountState().Diagnosis; d != nil {
			t.Errorf("diagnosis in the ledger: got %+v, want none", d)
		}
		if n := len(env.Events("diagnosis")); n != 2 {
			t.Errorf("diagnosis records: got %d, want 2", n)
		}
		env.Wrap = nil
		env.Restart()
		env.Until(env.Buy(), purchase.Purchased)
	})
}

// redirectTo is the fault of a server that redirects each request to another host.
func redirectTo(host string) cocalctest.Fault {
	return cocalctest.Fault{Effect: cocalctest.MovedServer, Text: "https://" + host}
}

// unreadableLedger is a ledger whose first read fails.
type unreadableLedger struct {
	purchase.Ledger
	read *bool
}

func (l unreadableLedger) View(ctx context.Context, fn func(purchase.Reader) error) error {
	if !*l.read {
		*l.read = true
		return errors.New("read failed")
	}
	return l.Ledger.View(ctx, fn)
}
