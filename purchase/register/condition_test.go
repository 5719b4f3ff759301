package register_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// The ledger's file is moved, deleted or replaced while the bot runs: nothing is confirmed and nothing is paid until it
// has its name again, and then buying goes on by itself.
func TestRegister_Away_LedgerNotInPlace(t *testing.T) {
	for name, takeAway := range map[string]func(path, aside string) error{
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
				if err := takeAway(env.Path, aside); err != nil {
					t.Fatal(err)
				}
				var no *purchase.Refusal
				if err := env.Confirm(later.ID); !errors.As(err, &no) || no.Code != purchase.LedgerAway {
					t.Errorf("a click is answered with %v", err)
				}
				if _, err := env.Desk.Propose(t.Context(), purchase.Request{
					Requester: purchasetest.Alice, Channel: purchasetest.MathChannel,
					Spec: purchasetest.Spec(),
				}); !errors.As(err,
					&no) || no.Code != purchase.LedgerAway {
					t.Errorf("a command is answered with %v", err)
				}
				<-time.After(time.Hour)
				if o := env.Order(waiting.ID); o.State != purchase.Approved ||
					env.Server.Count(purchasetest.CheckoutEndpoint) != 0 {
					t.Errorf("the order is %s after %d checkouts", o.State, env.Server.Count(purchasetest.CheckoutEndpoint))
				}
				if env.AccountState().Pause != nil {
					t.Error("the pause is in the ledger")
				}
				if err := os.Rename(aside, env.Path); err != nil {
					t.Fatal(err)
				}
				env.Until(waiting.ID, purchase.Purchased)
				later = env.Propose(purchasetest.Spec())
				if err := env.Confirm(later.ID); err != nil {
					t.Errorf("when it is back a click is answered with %v", err)
				}
				env.Until(later.ID, purchase.Purchased)
				if away, back := env.Notifications("CBUYING", purchase.NotificationLedgerAway),
					env.Notifications("CBUYING", purchase.NotificationLedgerBack); len(away) != 1 ||
					len(back) != 1 {
					t.Errorf("told %q and %q", away, back)
				}
			}, purchasetest.WithChannel)
		})
	}
}

// What the desk knows of the server, soon after it changed and after a restart, and what it then refuses.
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
					t.Errorf("a server that sells licenses is %+v", got)
				}
				card := env.Propose(purchasetest.Spec())
				env.Server.Inject(c.fault)
				<-time.After(11 * time.Minute) // the next comparison
				same := func(when string) {
					t.Helper()
					got := env.Desk.Server()
					if got.Since.IsZero() || got.Last.Before(got.Since) || got.Probes == 0 || got.Site == "" {
						t.Errorf("%s it is %+v", when, got)
					}
					if got = (purchase.Server{
						Condition: got.Condition, Reason: got.Reason, Host: got.Host, Address: got.Address,
						Key: got.Key, OlderKey: got.OlderKey,
					}); got != c.want {
						t.Errorf("%s it is  %+v\nwant %+v", when, got, c.want)
					}
				}
				same("after the change")
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
						t.Errorf("the preview says %+v", preview.Refusal)
					}
				} else if err != nil || proposable != nil || confirmed != nil || preview.Refusal != nil ||
					env.Desk.Rules().Policy.RefuseNotSold(env.Desk.Server()) != nil {
					t.Errorf("refused: %v, %v, %v, %v", err, proposable, confirmed, preview.Refusal)
				}
				env.Close()
				env.Open()
				<-time.After(time.Nanosecond)
				same("after a restart")
				env.Server.ClearFaults()
				<-time.After(10 * time.Minute)
				if got := env.Desk.Server(); got != (purchase.Server{}) {
					t.Errorf("after it came back it is %+v", got)
				}
				if _, err := env.Desk.Propose(ctx, purchase.Request{
					Requester: purchasetest.Alice,
					Channel:   purchasetest.MathChannel, Spec: purchasetest.Spec(),
				}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Where a buyer reads that the admins have been told they have been, once for each incident, with the names that a
// buyer does not read.
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
					t.Errorf("the buyer reads whether the admins know: %q", read)
				}
				told := env.Notifications(purchasetest.Dana.ID, purchase.NotificationTrouble)
				if len(told) != 1 || !regexp.MustCompile(c.detail).MatchString(told[0]) {
					t.Errorf("the admin reads %q", told)
				}
				env.Server.SwitchOff(c.fault)
				if n := len(env.Events("trouble")); n != 1 {
					t.Errorf("%d records", n)
				}
			})
		})
	}
}

// What fails after CoCalc sold something is another incident, which is told again.
func TestRegister_ReportTrouble_CameBack(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		for range 2 {
			env.SwitchOn("refused")
			env.Until(env.Buy(), purchase.Failed)
			env.Server.SwitchOff("refused")
			<-time.After(time.Hour)
			env.Until(env.Buy(), purchase.Purchased)
		}
		if told := env.Notifications(purchasetest.Dana.ID, purchase.NotificationTrouble); len(told) != 2 {
			t.Errorf("the admin reads %q", told)
		}
	})
}

// Where there are no admins the buyer is asked to tell them, and reads no names either.
func TestRegister_ReportTrouble_WithoutAdmins(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		env.SwitchOn("key-revoked")
		o := env.Until(env.Buy(), purchase.Failed)
		if told := o.Failure.Args["told"]; told != "no" {
			t.Errorf("the buyer reads whether the admins know: %q", told)
		}
		if told := env.Notifications(purchasetest.Alice.ID, purchase.NotificationTrouble); len(told) > 0 {
			t.Errorf("the buyer is told %q", told)
		}
	}, func(env *purchasetest.Env) { env.Policy.Admins = nil })
}

// Why the bot itself paused buying reads the same to every buyer, without the money of others, keys and entries; an
// admin reads all of it.
func TestRegister_ForReader_BuyerAndAdmin(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.SwitchOn("double-checkout")
		env.Until(env.Buy(), purchase.Purchased)
		ask := purchase.Request{Requester: purchasetest.Bob, Channel: purchasetest.MathChannel, Spec: purchasetest.Spec()}
		_, err := env.Desk.Propose(context.Background(), ask)
		env.WantRefusal(err, purchase.Paused)
		no := new(purchase.Refusal)
		if !errors.As(err, &no) || no.ToAdmin || no.Causes[0].Code != purchase.IncidentDoubleBuy {
			t.Errorf("the buyer reads %v", err)
		}
		ask.Requester = purchasetest.Dana
		_, err = env.Desk.Propose(context.Background(), ask)
		env.WantRefusal(err, purchase.Paused)
		if no := new(purchase.Refusal); !errors.As(err, &no) || !no.ToAdmin || no.Causes[0].Args["amount"] != "6375" {
			t.Errorf("the admin reads %v", err)
		}
	})
}
