package purchase_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/storage"
)

// What `bot resume` does while no bot runs is announced at the next start, once, to the admins and in the channels.
func TestAnOfflineResumeIsAnnouncedAtTheNextStart(t *testing.T) {
	inShop(t, 20000, func(s *shop) {
		ctx := context.Background()
		if err := s.desk.SetPaused(ctx, byAdmin, true, "the invoice is disputed"); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		s.told("CBUYING", purchase.NotificationPaused)
		s.close()
		ledger, err := storage.Open(s.path)
		if err != nil {
			t.Fatal(err)
		}
		err = ledger.Update(ctx, func(w purchase.Writer) error {
			was, err := orders.ResumeBuying(w, "operator root", "it was paid", time.Now())
			if was == nil || was.Incidents[0].Args["reason"] != "the invoice is disputed" {
				t.Errorf("it resumed %+v", was)
			}
			return err
		})
		if err := errors.Join(err, ledger.Close()); err != nil {
			t.Fatal(err)
		}
		s.open()
		<-time.After(time.Minute)
		for _, to := range []string{"CBUYING", approvals.ID, dana.ID} {
			if texts := s.told(to, purchase.NotificationResumed); len(texts) != 1 ||
				!strings.Contains(texts[0], `name="operator root" reason="it was paid"`) {
				t.Errorf("%s was told %q", to, texts)
			}
		}
		s.restart()
		<-time.After(time.Minute)
		if texts := s.told("CBUYING", purchase.NotificationResumed); len(texts) > 0 {
			t.Errorf("it is announced again: %q", texts)
		}
		s.until(s.buy(), purchase.AwaitingApproval)
	}, withChannel, withApprovers)
}
