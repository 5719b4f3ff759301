package purchase

import (
	"testing"
	"time"
)

// Only a proposal that its requester alone decided about may be pruned.
func TestOrder_MayBePruned(t *testing.T) {
	at := time.Date(2025, 1, 2, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		change func(*Order)
		want   bool
	}{
		{"expired", func(*Order) {}, true},
		{"cancelled", func(o *Order) { o.State = Cancelled }, true},
		{"replaced", func(o *Order) { o.State, o.ReplacedBy = Cancelled, "01JD8Z3V5TQ4X6B7N8M9P00001" }, true},
		{"shown", func(o *Order) { o.Messages = []Message{{Kind: MessageCard, PublishedRev: 2}} }, true},
		{"not shown yet", func(o *Order) { o.Messages = []Message{{Kind: MessageCard, PublishedRev: 1}} }, false},
		{"confirmed", func(o *Order) { o.Confirmed = at }, false},
		{"reserved", func(o *Order) { o.Month = "2025-01" }, false},
		{"approved", func(o *Order) { o.Approvals = []Approval{{}} }, false},
		{"added", func(o *Order) { o.AddSent = at }, false},
		{"in the cart", func(o *Order) { o.ItemID = 7 }, false},
		{"paid", func(o *Order) { o.CheckoutSent = at }, false},
		{"with a receipt", func(o *Order) { o.Receipt = &Receipt{} }, false},
		{"watched", func(o *Order) { o.WatchUntil = at }, false},
		{"with parked items", func(o *Order) { o.HeldItems = []int64{8} }, false},
		{"ended by a restore", func(o *Order) { o.Restored = true }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Order{State: Expired, Rev: 2, Created: at, Updated: at}
			c.change(&o)
			if got := o.MayBePruned(); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
	for _, state := range States() {
		o := Order{State: state}
		if want := state == Expired || state == Cancelled; o.MayBePruned() != want {
			t.Errorf("%s: got %t, want %t", state, !want, want)
		}
	}
}

func TestEvent_StandsFor(t *testing.T) {
	for _, c := range []struct {
		event Event
		from  uint64
		to    uint64
	}{
		{Event{Number: 9, Kind: "refused"}, 9, 9},
		{Event{Number: 9, Kind: "refused", Count: 5}, 9, 9},
		{Event{Number: 9, Kind: KindPruned, Count: 1}, 9, 9},
		{Event{Number: 9, Kind: KindPruned, Count: 5}, 5, 9},
		{Event{Number: 9, Kind: KindPruned, Count: 9}, 1, 9},
	} {
		for n := range uint64(12) {
			if got, want := c.event.StandsFor(n), n >= c.from && n <= c.to; got != want {
				t.Errorf("%+v for record %d: got %t, want %t", c.event, n, got, want)
			}
		}
	}
}
