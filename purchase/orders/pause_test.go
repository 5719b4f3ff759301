package orders_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
	"licensebot/storage"
)

// Admins pause and resume buying. Paid orders are completed all the same.
func TestService_Pause_AndResume(t *testing.T) {
	ctx := context.Background()
	purchasetest.Run(t, 40000, func(env *purchasetest.Env) {
		env.WantRefusal(env.Desk.SetPaused(ctx, purchase.Action{
			Actor: purchasetest.Alice, Channel: purchasetest.MathChannel,
			Typed: true,
		}, true, "for fun"),
			purchase.NotAnAdmin)
		env.WantRefusal(env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, ""), purchase.NoReason)
		env.Server.Inject(cocalctest.Fault{
			Endpoint: purchasetest.CheckoutEndpoint, When: cocalctest.After, Effect: cocalctest.LoseAnswer,
			Times: 1,
		})
		env.Server.SetCheckoutTakes(5*time.Minute, time.Second)
		paid := env.Buy()
		env.Until(paid, purchase.Unknown)
		card := env.Propose(purchasetest.Spec())
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "the budget is being checked"); err != nil {
			t.Fatal(err)
		}
		env.WantRefusal(env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "again"), purchase.AlreadyDone)
		err := env.Confirm(card.ID)
		env.WantRefusal(err, purchase.Paused)
		for _, w := range []string{"dana", "the budget is being checked", `since="2000-01-01T`} {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("refusal: got %q, want %q in it", err, w)
			}
		}
		env.Restart()
		env.WantRefusal(env.Confirm(card.ID), purchase.Paused)
		env.Until(paid, purchase.Purchased)
		// the reason is optional
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, " "); err != nil {
			t.Fatal(err)
		}
		env.WantRefusal(env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, "twice"), purchase.AlreadyDone)
		if err := env.Confirm(card.ID); err != nil {
			t.Fatal(err)
		}
		env.Until(card.ID, purchase.Purchased)
		env.Check(2, 2*6375, 0)
		if texts := env.Notifications("CBUYING", purchase.NotificationPaused); len(texts) != 1 || !strings.Contains(texts[0],
			"dana") {
			t.Errorf("messages to the channel: got %q, want one that names dana", texts)
		}
	}, purchasetest.WithChannel)
}

// A pause and its end are announced in the purchases channel and in the approvals channel, once in each.
func TestService_Pause_AnnouncedInBothChannels(t *testing.T) {
	for _, c := range []struct{ purchases, approvals string }{
		{"CPURCHASES", purchasetest.ApprovalsChannel.ID},
		{purchasetest.ApprovalsChannel.ID, purchasetest.ApprovalsChannel.ID},
		{"", purchasetest.ApprovalsChannel.ID},
	} {
		purchasetest.Run(t, 100000, func(env *purchasetest.Env) {
			ctx, action := context.Background(), purchase.Action{
				Actor: purchasetest.Dana, Channel: purchasetest.MathChannel,
				Typed: true,
			}
			if err := env.Desk.SetPaused(ctx, action, true, "month-end close"); err != nil {
				t.Fatal(err)
			}
			if err := env.Desk.SetPaused(ctx, action, false, "closed"); err != nil {
				t.Fatal(err)
			}
			for _, kind := range []purchase.NotificationKind{purchase.NotificationPaused, purchase.NotificationResumed} {
				for _, channel := range slices.Compact([]string{c.purchases, c.approvals}) {
					if n := len(env.Notifications(channel, kind)); channel != "" && n != 1 {
						t.Errorf("%+v: %s: got %d messages %q, want 1", c, channel, n, kind)
					}
				}
			}
		}, purchasetest.WithApprovers, func(env *purchasetest.Env) {
			env.PurchasesChannel, env.ApprovalsChannel = c.purchases,
				c.approvals
		})
	}
}

// A `bot resume` while no bot runs is announced at the next start, once, to the admins and in the channels.
func TestService_Resume_OfflineAnnounced(t *testing.T) {
	purchasetest.Run(t, 20000, func(env *purchasetest.Env) {
		ctx := context.Background()
		if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, true, "the invoice is disputed"); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		env.Notifications("CBUYING", purchase.NotificationPaused)
		env.Close()
		ledger, err := storage.Open(env.Path)
		if err != nil {
			t.Fatal(err)
		}
		err = ledger.Update(ctx, func(w purchase.Writer) error {
			was, err := orders.ResumeBuying(w, "operator root", "it was paid", time.Now())
			if was == nil || was.Incidents[0].Args["reason"] != "the invoice is disputed" {
				t.Errorf("resumed pause: got %+v, want the one with the reason %q", was, "the invoice is disputed")
			}
			return err
		})
		if err := errors.Join(err, ledger.Close()); err != nil {
			t.Fatal(err)
		}
		env.Open()
		<-time.After(time.Minute)
		for _, to := range []string{"CBUYING", purchasetest.ApprovalsChannel.ID, purchasetest.Dana.ID} {
			if texts := env.Notifications(to, purchase.NotificationResumed); len(texts) != 1 ||
				!strings.Contains(texts[0], `name="operator root" reason="it was paid"`) {
				t.Errorf("messages to %s: got %q, want one with the name and the reason", to, texts)
			}
		}
		env.Restart()
		<-time.After(time.Minute)
		if texts := env.Notifications("CBUYING", purchase.NotificationResumed); len(texts) > 0 {
			t.Errorf("messages after a restart: got %q, want none", texts)
		}
		env.Until(env.Buy(), purchase.AwaitingApproval)
	}, purchasetest.WithChannel, purchasetest.WithApprovers)
}

// The limiting settings are recorded when they change, and only then.
func TestService_Settings_ChangesRecorded(t *testing.T) {
	purchasetest.Run(t, 0, func(env *purchasetest.Env) {
		note := func(values map[string]string, want int) {
			t.Helper()
			if err := env.Desk.Process.NoteSettings(context.Background(), values); err != nil {
				t.Fatal(err)
			}
			if e := env.Events("setting"); len(e) != want {
				t.Errorf("audit records: got %d, want %d: %+v", len(e), want, e)
			}
		}
		note(map[string]string{"ORDER_LIMIT": "$200.00", "BUYERS": "U1"}, 2)
		note(map[string]string{"ORDER_LIMIT": "$200.00", "BUYERS": "U1"}, 2)
		note(map[string]string{"ORDER_LIMIT": "$500.00", "BUYERS": "U1"}, 3)
		if e := env.Events("setting"); e[2].Note != "ORDER_LIMIT changed from $200.00 to $500.00" {
			t.Errorf("audit record: got %q, want %q", e[2].Note, "ORDER_LIMIT changed from $200.00 to $500.00")
		}
	})
}
