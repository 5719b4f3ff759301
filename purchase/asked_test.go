package purchase_test

import (
	"context"
	"testing"

	"licensebot/purchase/orders"

	"licensebot/purchase"
)

// A button names its order by an id, which proves nothing: who clicked where is what counts, and every no is recorded.
func TestClicksThatOnlyLook(t *testing.T) {
	ctx := context.Background()
	inShop(t, 20000, func(s *shop) {
		o := s.propose(spec())
		own := purchase.Action{Actor: alice, Channel: math}
		stranger := purchase.Action{Actor: purchase.Actor{ID: "UEVE"}, Channel: math}
		elsewhere := purchase.Action{Actor: alice, Channel: purchase.Channel{ID: "COTHER"}}
		for _, kind := range []orders.DecisionKind{orders.Repeat, orders.Edit} {
			if got, err := s.desk.Allowed(ctx, own, o.ID, kind); err != nil || got.ID != o.ID {
				t.Errorf("%s: the requester gets %v, %v", kind, got.ID, err)
			}
			_, err := s.desk.Allowed(ctx, stranger, o.ID, kind)
			s.refusedAs(err, purchase.NotYours)
			_, err = s.desk.Allowed(ctx, elsewhere, o.ID, kind)
			s.refusedAs(err, purchase.Elsewhere)
			_, err = s.desk.Allowed(ctx, own, "01JD8Z3V5TQ4X6B7N8M9P0RSTW", kind)
			s.refusedAs(err, purchase.NoSuchOrder)
		}
		guest := own
		guest.Actor.Membership = purchase.Guest
		_, err := s.desk.Allowed(ctx, guest, o.ID, orders.Edit)
		s.refusedAs(err, purchase.Outsider)
		_, err = s.desk.Allowed(ctx, own, o.ID, orders.Resolve)
		s.refusedAs(err, purchase.NotAnAdmin)
		_, err = s.desk.Allowed(ctx, byAdmin, o.ID, orders.Resolve)
		s.refusedAs(err, purchase.TooLate)
		_, err = s.desk.Allowed(ctx, byAdmin, "01JD8Z3V5TQ4X6B7N8M9P0RSTW", orders.Resolve)
		s.refusedAs(err, purchase.NoSuchOrder)
		if _, err := s.desk.Decide(ctx, own, o.ID, orders.Decision{Kind: orders.Cancel}); err != nil {
			t.Fatal(err)
		}
		_, err = s.desk.Allowed(ctx, own, o.ID, orders.Edit)
		s.refusedAs(err, purchase.TooLate)
	})
}

// What keeps orders from being bought can be asked for.
func TestWhatStopsBuying(t *testing.T) {
	ctx := context.Background()
	inShop(t, 20000, func(s *shop) {
		if q, err := s.desk.Queue(ctx); err != nil || q.Stoppage.Pause != nil || len(q.Stoppage.Held) > 0 {
			t.Errorf("on a good day: %+v (%v)", q, err)
		}
		o := s.held()
		if err := s.desk.SetPaused(ctx, byAdmin, true, "to look at it"); err != nil {
			t.Fatal(err)
		}
		queue, err := s.desk.Queue(ctx)
		stop := queue.Stoppage
		if err != nil || stop.Pause == nil || stop.Pause.Incidents[0].Args["reason"] != "to look at it" ||
			len(stop.Held) != 1 || stop.Held[0].ID != o.ID || stop.Held[0].Unresolved == nil {
			t.Errorf("%+v (%v)", stop, err)
		}
		if _, err := s.desk.Allowed(ctx, byAdmin, o.ID, orders.Resolve); err != nil {
			t.Error(err)
		}
	})
}
