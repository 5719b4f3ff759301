package purchase

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A ledger hashes what it reads again later, so an event holds only text, also in nested causes.
func TestEvent_Legible_NestedCauses(t *testing.T) {
	inner := Cause{Code: WaitsForCoCalc, Args: Args{"host": "a\xffb"}}
	event := Event{Kind: "released", Cause: Cause{Code: NotificationReleased, Causes: []Cause{inner}}}
	want := Event{Kind: "released", Cause: Cause{
		Code: NotificationReleased, Causes: []Cause{{Code: WaitsForCoCalc, Args: Args{"host": "a\ufffdb"}}},
	}}
	if diff := cmp.Diff(want, event.Legible()); diff != "" {
		t.Errorf("got another event (-want +got):\n%s", diff)
	}
	if got := inner.Args["host"]; got != "a\xffb" {
		t.Errorf("got %q in the caller's cause, want it unchanged", got)
	}
}
