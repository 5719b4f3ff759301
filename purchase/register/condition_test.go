package register_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// While the file of the ledger is moved, deleted or replaced, no order is proposed, confirmed or paid. Buying continues
// by itself once the file is back.
func TestRegister_Away_LedgerNotInPlace(t *testing.T) {
	for name, remove := range map[string]func(path, aside string) error{
		"moved":   os.Rename,
		"deleted": func(path, aside string) error { return errors.Join(os.Link(path, aside), os.Remove(path)) },
		"replaced": func(path, aside string) error {
			return errors.Join(os.Rename(path, aside), os.WriteFile(path, []byte("another file"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
				<-time.After(time.Second)
				waiting, later := env.Propose(purchasetest.Spec()), env.Propose(purchasetest.Spec())
				// The first order is confirmed, and not begun yet.
				env.Server.Inject(cocalctest.Fault{Endpoint: "shopping/cart/get", Effect: cocalctest.Fail, Times: 3})
				if err := env.Confirm(waiting.ID); err != nil {
					t.Fatal(err)
				}
				aside := env.Path + ".aside"
				if err := remove(env.Path, aside); err != nil {
					t.Fatal(err)
				}
				var refusal *purchase.Refusal
				if err := env.Confirm(later.ID); !errors.As(err, &refusal) || refusal.Code != purchase.LedgerAway {
					t.Errorf("confirmation: got %v, want a refusal %s", err, purchase.LedgerAway)
				}
				_, err := env.Desk.Propose(t.Context(), purchase.Request{
					Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
					Spec: purchasetest.Spec(),
				})
				if !errors.As(err, &refusal) || refusal.Code != purchase.LedgerAway {
					t.Errorf("proposal: got %v, want a refusal %s", err, purchase.LedgerAway)
				}
				<-time.After(time.Hour)
				if o := env.Order(waiting.ID); o.State != purchase.Approved ||
					env.Server.Count(purchasetest.CheckoutEndpoint) != 0 {
					t.Errorf("got %s and %d checkouts, want %s and 0", o.State, env.Server.Count(purchasetest.CheckoutEndpoint),
						purchase.Approved)
				}
				if p := env.AccountState().Pause; p != nil {
					t.Errorf("pause in the ledger: got %+v, want none", p)
				}
				if err := os.Rename(aside, env.Path); err != nil {
					t.Fatal(err)
				}
				env.Until(waiting.ID, purchase.Purchased)
				later = env.Propose(purchasetest.Spec())
				if err := env.Confirm(later.ID); err != nil {
					t.Errorf("confirmation with the file back: got %v, want none", err)
				}
				env.Until(later.ID, purchase.Purchased)
				away := env.Notifications("CBUYING", purchase.NotificationLedgerAway)
				back := env.Notifications("CBUYING", purchase.NotificationLedgerBack)
				if len(away) != 1 || len(back) != 1 {
					t.Errorf("notifications: got %q and %q, want one each", away, back)
				}
			}, purchasetest.WithChannel)
		})
	}
}

// The desk knows the condition of the server soon after it changed and after a restart, and refuses orders if no
// licenses are sold.
func TestRegister_Server_EveryCondition(t *testing.T) {
	for name, c := range map[string]struct {
		fault   cocalctest.Fault
		want    purchase.Server
		refuses bool
	}{
		"successor": {
			cocalctest.Fault{Effect: cocalctest.SuccessorServer},
			purchase.Server{Condition: purchase.SellsMemberships, Key: "refused", OlderKey: true},
			true,
		},
		"no store": {
			cocalctest.Fault{Effect: cocalctest.NoLicensesSold},
			purchase.Server{Condition: purchase.SellsMemberships, Key: "valid"},
			true,
		},
		"moved": {
			cocalctest.Fault{Effect: cocalctest.MovedServer},
			purchase.Server{Condition: purchase.HasMoved, Reason: "redirects-away", Host: "cocalc.ai"},
			true,
		},
		"https": {purchasetest.RedirectToHTTPS(), purchase.Server{
			Condition: purchase.Misaddressed, Reason: "redirects-here", Host: "cocalc.test",
			Address: "https://cocalc.test",
		}, false},
		"maintenance": {
			purchasetest.MaintenancePage(),
			purchase.Server{Condition: purchase.IsDown, Reason: "server-error"},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
				ctx := context.Background()
				<-time.After(time.Minute)
				if got := env.Desk.Server(); got != (purchase.Server{}) {
					t.Errorf("server that sells licenses: got %+v, want the zero Server", got)
				}
				card := env.Propose(purchasetest.Spec())
				env.Server.Inject(c.fault)
				<-time.After(11 * time.Minute) // the next comparison
				check := func(when string) {
					t.Helper()
					got := env.Desk.Server()
					if got.Since.IsZero() || got.Last.Before(got.Since) || got.Probes == 0 || got.Site == "" {
						t.Errorf("%s: got %+v, want one with times, probes and a site", when, got)
					}
					if got = (purchase.Server{
						Condition: got.Condition, Reason: got.Reason, Host: got.Host, Address: got.Address,
						Key: got.Key, OlderKey: got.OlderKey,
					}); got != c.want {
						t.Errorf("server %s (-want +got):\n%s", when, cmp.Diff(c.want, got))
					}
				}
				check("after the change")
				_, err := env.Desk.Propose(ctx, purchase.Request{
					Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
					Spec: purchasetest.Spec(),
				})
				_, proposable := env.Desk.Allowed(ctx, purchase.Action{
					Actor:   purchasetest.Alice,
					Channel: purchasetest.MathChannel,
				}, "", orders.Buy)
				confirmed := env.Confirm(card.ID)
				preview, previewErr := env.Desk.Preview(ctx, purchase.Request{
					Requester: purchasetest.Alice,
					Channel:   purchasetest.MathChannel, Spec: purchasetest.Spec(),
				})
				if previewErr != nil {
					t.Fatal(previewErr)
				}
				if c.refuses {
					env.WantRefusal(err, purchase.NotSold)
					env.WantRefusal(proposable, purchase.NotSold)
					env.WantRefusal(confirmed, purchase.NotSold)
					if preview.Refusal == nil || preview.Refusal.Code != purchase.NotSold ||
						env.Desk.Rules().Policy.RefuseNotSold(env.Desk.Server()) == nil {
						t.Errorf("refusal in the preview: got %+v, want %s", preview.Refusal, purchase.NotSold)
					}
				} else if err != nil || proposable != nil || confirmed != nil || preview.Refusal != nil ||
					env.Desk.Rules().Policy.RefuseNotSold(env.Desk.Server()) != nil {
					t.Errorf("got proposal %v, permission %v, confirmation %v, preview %v; want no refusal", err,
						proposable, confirmed, preview.Refusal)
				}
				env.Close()
				env.Open()
				<-time.After(time.Nanosecond)
				check("after a restart")
				env.Server.ClearFaults()
				<-time.After(10 * time.Minute)
				if got := env.Desk.Server(); got != (purchase.Server{}) {
					t.Errorf("server after its return: got %+v, want the zero Server", got)
				}
				if _, err := env.Desk.Propose(ctx, purchase.Request{
					Requester: purchasetest.Alice,
					Channel:   purchasetest.MathChannel, Spec: purchasetest.Spec(),
				}); err != nil {
					t.Errorf("proposal after the return: got %v, want none", err)
				}
			})
		})
	}
}

// If a failure states that the admins were notified, they were, once for each incident, with details that the buyer
// does not see.
func TestRegister_ReportTrouble_AdminsNotBuyers(t *testing.T) {
	for _, c := range []struct{ fault, detail string }{
		{"key-revoked", `why="key-refused"`},
		{"no-credit", `credit`},
		{"refused", `said="`},
	} {
		t.Run(c.fault, func(t *testing.T) {
			purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
				env.SwitchOn(c.fault)
				var read []string
				for range 2 {
					id := env.Buy()
					o := env.Until(id, purchase.Failed)
					read = append(read, o.Failure.Args["told"])
					<-time.After(time.Hour)
					env.SwitchOn(c.fault)
				}
				if !slices.Equal(read, []string{"yes", "yes"}) {
					t.Errorf("told in the failures: got %q, want yes twice", read)
				}
				got := env.Notifications(purchasetest.Dana.ID, purchase.NotificationTrouble)
				if len(got) != 1 || !regexp.MustCompile(c.detail).MatchString(got[0]) {
					t.Errorf("notifications of the admin: got %q, want one with %s", got, c.detail)
				}
				env.Server.SwitchOff(c.fault)
				if n := len(env.Events("trouble")); n != 1 {
					t.Errorf("trouble records: got %d, want 1", n)
				}
			})
		})
	}
}

// A failure after a successful purchase is a new incident, of which the admins are notified again.
func TestRegister_ReportTrouble_CameBack(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		for range 2 {
			env.SwitchOn("refused")
			env.Until(env.Buy(), purchase.Failed)
			env.Server.SwitchOff("refused")
			<-time.After(time.Hour)
			env.Until(env.Buy(), purchase.Purchased)
		}
		if got := env.Notifications(purchasetest.Dana.ID, purchase.NotificationTrouble); len(got) != 2 {
			t.Errorf("notifications of the admin: got %q, want 2", got)
		}
	})
}

// Without admins the failure states that no admin was notified, and the buyer is not notified in their place.
func TestRegister_ReportTrouble_WithoutAdmins(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		env.SwitchOn("key-revoked")
		o := env.Until(env.Buy(), purchase.Failed)
		if got := o.Failure.Args["told"]; got != "no" {
			t.Errorf("told in the failure: got %q, want no", got)
		}
		if got := env.Notifications(purchasetest.Alice.ID, purchase.NotificationTrouble); len(got) > 0 {
			t.Errorf("notifications of the buyer: got %q, want none", got)
		}
	}, func(env *purchasetest.Env) { env.Policy.Admins = nil })
}

// The cause for which the bot paused buying is shown to buyers without amounts, keys and ledger entries, and to admins
// with all details.
func TestRegister_ForReader_BuyerAndAdmin(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.SwitchOn("double-checkout")
		env.Until(env.Buy(), purchase.Purchased)
		request := purchase.Request{Requester: purchasetest.Bob, Channel: purchasetest.MathChannel, Spec: purchasetest.Spec()}
		_, err := env.Desk.Propose(context.Background(), request)
		env.WantRefusal(err, purchase.Paused)
		refusal := new(purchase.Refusal)
		if !errors.As(err, &refusal) || refusal.ToAdmin || refusal.Causes[0].Code != purchase.IncidentDoubleBuy {
			t.Errorf("refusal of the buyer: got %+v, want the cause %s, not to an admin", err, purchase.IncidentDoubleBuy)
		}
		request.Requester = purchasetest.Dana
		_, err = env.Desk.Propose(context.Background(), request)
		env.WantRefusal(err, purchase.Paused)
		refusal = new(purchase.Refusal)
		if !errors.As(err, &refusal) || !refusal.ToAdmin || refusal.Causes[0].Args["amount"] != "6375" {
			t.Errorf("refusal of the admin: got %+v, want one to an admin with amount=6375", err)
		}
	})
}
