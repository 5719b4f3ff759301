package register_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// Buying is paused when a second order of unknown outcome follows a first, and when CoCalc charges more than the
// confirmed price.
func TestRegister_RaiseAlarm_UnknownAndOvercharge(t *testing.T) {
	t.Run("when the outcome of a second order is unknown", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			env.BuyUnresolved()
			first := env.AccountState().Pause
			env.Server.ClearFaults()
			<-time.After(time.Hour)
			o := env.BuyUnresolved()
			if first != nil || env.AccountState().Pause == nil || !strings.Contains(env.AccountState().Pause.Cause().String(),
				string(o.ID)) {
				t.Errorf("pauses after the first and second order: got %+v and %+v, want none and one that names %s", first,
					env.AccountState().Pause, o.ID)
			}
			if got := env.Notifications(purchasetest.Dana.ID, purchase.NotificationPaused); len(got) != 1 {
				t.Errorf("notifications of the admin: got %q, want 1", got)
			}
		})
	})
	t.Run("when CoCalc charges more than the confirmed price", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.CheckoutEndpoint, Effect: cocalctest.PriceMoved,
				Percent: 110,
			})
			id := env.Buy()
			env.Until(id, purchase.Purchased)
			if p := env.AccountState().Pause; p == nil || !strings.Contains(p.Cause().String(), `charged="7013"`) {
				t.Errorf("pause: got %+v after a charge of %s, want one with charged=7013", p, env.Order(id).Receipt.Charged)
			}
			// The count at the end of the watch must not pause buying again, because an admin may have resumed it.
			if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false,
				"the difference was refunded"); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			if n := len(env.Events("overcharged")); n != 1 || env.AccountState().Pause != nil {
				t.Errorf("after the resume: got %d records and pause %+v, want 1 and none", n, env.AccountState().Pause)
			}
		})
	})
}

// An incident during a pause by an admin is added to the pause, and the audit records both.
func TestRegister_PauseBuying_AddsIncident(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		<-time.After(time.Second)
		sp := purchasetest.Spec()
		sp.Description = "order 01JD8Z3V5TQ4X6B7N8M9P0RSTW"
		if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, true,
			"the books are closed"); err != nil {
			t.Fatal(err)
		}
		env.Account.AddToCart("site-license", string(sp.CartDescription(time.Now())))
		if err := env.Account.Checkout(); err != nil {
			t.Fatal(err)
		}
		<-time.After(11 * time.Minute)
		p := env.AccountState().Pause
		if p == nil || p.By != purchasetest.Dana.ID || len(p.Incidents) != 2 ||
			p.Incidents[0].Args["reason"] != "the books are closed" ||
			p.Incidents[1].Code != purchase.IncidentUnexplained {
			t.Errorf("pause: got %+v, want one by %s with the reason of the admin and %s", p, purchasetest.Dana.ID,
				purchase.IncidentUnexplained)
		}
		if e := env.Events("paused"); len(e) != 2 || e[1].By != "licensebot" {
			t.Errorf("records of pauses: got %+v, want two, the second by licensebot", e)
		}
		<-time.After(time.Hour) // the incident is not added again
		if e := env.Events("paused"); len(e) != 2 {
			t.Errorf("records of pauses an hour later: got %+v, want two", e)
		}
	})
}

// An incident during a pause with a very long reason is recorded once and announced once.
func TestRegister_PauseBuying_LongReason(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		other := env.Server.Add(cocalctest.NewAccount{Credit: 40000, Partner: true})
		<-time.After(time.Minute)
		if err := env.Desk.SetPaused(t.Context(), purchasetest.AdminAction, true, strings.Repeat("預", 400)); err != nil {
			t.Fatal(err)
		}
		env.RestartWithKeyOf(other)
		var announced []string
		for range 2 {
			<-time.After(time.Hour)
			announced = append(announced, env.Notifications("CBUYING", purchase.NotificationPaused)...)
			records, p := env.Events("paused"), env.AccountState().Pause
			if len(announced) != 2 || len(records) != 2 || records[1].Code != purchase.IncidentForeignKey ||
				records[1].Args["account"] != other.ID() || len(p.Incidents) != 2 {
				t.Fatalf("got notifications %q, records %+v, pause %+v; want two of each, the second of %s with account %s",
					announced, records, p, purchase.IncidentForeignKey, other.ID())
			}
			env.Restart()
		}
	}, purchasetest.WithChannel)
}
