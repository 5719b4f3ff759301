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
				t.Errorf("paused %+v, then %+v", first, env.AccountState().Pause)
			}
			if texts := env.Notifications(purchasetest.Dana.ID, purchase.NotificationPaused); len(texts) != 1 {
				t.Errorf("the admin was told %q", texts)
			}
		})
	})
	t.Run("when CoCalc charges more than was agreed to", func(t *testing.T) {
		purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
			env.Server.Inject(cocalctest.Fault{
				Endpoint: purchasetest.CheckoutEndpoint, Effect: cocalctest.PriceMoved,
				Percent: 110,
			})
			id := env.Buy()
			env.Until(id, purchase.Purchased)
			if p := env.AccountState().Pause; p == nil || !strings.Contains(p.Cause().String(), `charged="7013"`) {
				t.Errorf("paused %+v, charged %s", p, env.Order(id).Receipt.Charged)
			}
			// Once: the count at the end of the watch says nothing new, and an admin may have resumed buying by then.
			if err := env.Desk.SetPaused(context.Background(), purchasetest.AdminAction, false,
				"the difference was refunded"); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			if n := len(env.Events("overcharged")); n != 1 || env.AccountState().Pause != nil {
				t.Errorf("it is recorded %d times, and buying is paused again: %+v", n, env.AccountState().Pause)
			}
		})
	})
}

// While an admin has paused buying the bot finds something worse: who resumes buying reads of both, and the audit has
// both.
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
			t.Errorf("paused: %+v", p)
		}
		if e := env.Events("paused"); len(e) != 2 || e[1].By != "licensebot" {
			t.Errorf("recorded %+v", e)
		}
		<-time.After(time.Hour) // it is found once
		if e := env.Events("paused"); len(e) != 2 {
			t.Errorf("recorded %+v", e)
		}
	})
}

// However long the reason of a pause is, what is found while it lasts is recorded once and announced once.
func TestRegister_PauseBuying_LongReason(t *testing.T) {
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		other := env.Server.Add(cocalctest.NewAccount{Credit: 40000, Partner: true})
		<-time.After(time.Minute)
		if err := env.Desk.SetPaused(t.Context(), purchasetest.AdminAction, true, strings.Repeat("預", 400)); err != nil {
			t.Fatal(err)
		}
		env.RestartWithKeyOf(other)
		var notices []string
		for range 2 {
			<-time.After(time.Hour)
			notices = append(notices, env.Notifications("CBUYING", purchase.NotificationPaused)...)
			records, p := env.Events("paused"), env.AccountState().Pause
			if len(notices) != 2 || len(records) != 2 || records[1].Code != purchase.IncidentForeignKey ||
				records[1].Args["account"] != other.ID() || len(p.Incidents) != 2 {
				t.Fatalf("told %d times, recorded %d times: %+v", len(notices), len(records), p)
			}
			env.Restart()
		}
	}, purchasetest.WithChannel)
}
