package purchase_test

import (
	"context"
	"testing"

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
		for name, look := range map[string]func(context.Context, purchase.OrderID, purchase.Action) (purchase.Order, error){
			"asked": s.desk.Asked, "editable": s.desk.Editable,
		} {
			if got, err := look(ctx, o.ID, own); err != nil || got.ID != o.ID {
				t.Errorf("%s: the requester gets %v, %v", name, got.ID, err)
			}
			_, err := look(ctx, o.ID, stranger)
			s.refusedAs(err, purchase.NotYours)
			_, err = look(ctx, o.ID, elsewhere)
			s.refusedAs(err, purchase.Elsewhere)
			_, err = look(ctx, "01JD8Z3V5TQ4X6B7N8M9P0RSTW", own)
			s.refusedAs(err, purchase.NoSuchOrder)
		}
		guest := own
		guest.Actor.Membership = purchase.Guest
		_, err := s.desk.Editable(ctx, o.ID, guest)
		s.refusedAs(err, purchase.Outsider)
		_, err = s.desk.Settleable(ctx, o.ID, own)
		s.refusedAs(err, purchase.NotAnAdmin)
		_, err = s.desk.Settleable(ctx, o.ID, byAdmin)
		s.refusedAs(err, purchase.TooLate)
		_, err = s.desk.Settleable(ctx, "01JD8Z3V5TQ4X6B7N8M9P0RSTW", byAdmin)
		s.refusedAs(err, purchase.NoSuchOrder)
		if _, err := s.desk.Cancel(ctx, o.ID, own); err != nil {
			t.Fatal(err)
		}
		_, err = s.desk.Editable(ctx, o.ID, own)
		s.refusedAs(err, purchase.TooLate)
	})
}

// What keeps orders from being bought can be asked for.
func TestWhatStopsBuying(t *testing.T) {
	ctx := context.Background()
	inShop(t, 20000, func(s *shop) {
		if stop, err := s.desk.Stopped(ctx); err != nil || stop.Pause != nil || len(stop.Held) > 0 {
			t.Errorf("on a good day: %+v (%v)", stop, err)
		}
		o := s.held()
		if err := s.desk.Pause(ctx, byAdmin, "to look at it"); err != nil {
			t.Fatal(err)
		}
		stop, err := s.desk.Stopped(ctx)
		if err != nil || stop.Pause == nil || stop.Pause.Incidents[0].Args["reason"] != "to look at it" ||
			len(stop.Held) != 1 || stop.Held[0].ID != o.ID || stop.Held[0].Unresolved == nil {
			t.Errorf("%+v (%v)", stop, err)
		}
		if _, err := s.desk.Settleable(ctx, o.ID, byAdmin); err != nil {
			t.Error(err)
		}
	})
}
