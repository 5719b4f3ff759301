package purchase

import (
	"encoding/json"
	"errors"
	goflag "flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var eventTime = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)

// eventOf returns a complete event of a kind.
func eventOf(kind EventKind) OrderEvent {
	return OrderEvent{
		Kind: kind, Time: eventTime, By: "UALICE",
		Promise:   &Promise{At: eventTime, Month: "2026-11", Day: "2026-11-29", Auto: kind == Confirm},
		ApproveBy: eventTime.Add(72 * time.Hour), RemindAt: eventTime.Add(36 * time.Hour), Channel: "CMATH",
		Denial:    &Approval{By: Actor{ID: "UBOB"}, At: eventTime, Denied: true, Reason: "there is one already"},
		Successor: "01JD8Z3V5TQ4X6B7N8M9P0RSTX", Failure: &Failure{Cause: Cause{Code: FailPriceMoved}, NewPrice: 7000},
		Sent: json.RawMessage(`{"ram":16}`), There: eventTime.Add(-time.Second), ItemID: 7, Amount: 6375,
		Hold:       &Unresolved{Cause: Cause{Code: HeldAnswerLost}, Since: eventTime},
		Receipt:    &Receipt{LicenseID: "2f5a3c1e-7b64-4d0a-9c8e-1b2d3f4a5c6e", Charged: 6375, Time: eventTime},
		WatchUntil: eventTime.Add(time.Hour), OfferUntil: eventTime.Add(30 * time.Minute),
	}
}

// orderAfter returns a new order to which events of these kinds have happened.
func orderAfter(t *testing.T, kinds ...EventKind) Order {
	t.Helper()
	o := Order{
		ID: "01JD8Z3V5TQ4X6B7N8M9P0RSTW", Rev: 1, State: Proposed, Requester: Actor{ID: "UALICE"}, Price: 6375,
		Reason: "winter school",
	}
	for _, kind := range kinds {
		var err error
		if o, _, err = Apply(o, eventOf(kind)); err != nil {
			t.Fatalf("Apply(%s): got error %v, want none", kind, err)
		}
	}
	return o
}

func TestApply_Purchase_MovesTheReservation(t *testing.T) {
	for _, c := range []struct {
		name   string
		kinds  []EventKind
		state  State
		change BudgetChange
	}{
		{"a yes reserves the money", []EventKind{Confirm}, Approved, BudgetChange{1, 1, 1}},
		{"so does one that needs approval", []EventKind{RequestApproval}, AwaitingApproval, BudgetChange{1, 1, 1}},
		{"an approval leaves it reserved", []EventKind{RequestApproval, Approve}, Approved, BudgetChange{}},
		{"an add", []EventKind{Confirm, BeginAdding}, Adding, BudgetChange{}},
		{"an item", []EventKind{Confirm, BeginAdding, FindItem}, Carted, BudgetChange{}},
		{"a checkout", []EventKind{Confirm, BeginAdding, FindItem, BeginCheckout}, Paying, BudgetChange{}},
		{
			"a purchase frees it, since it is spent",
			[]EventKind{Confirm, BeginAdding, FindItem, BeginCheckout, ProvePurchase},
			Purchased,
			BudgetChange{Reserved: -1},
		},
		{
			"an unknown outcome keeps it",
			[]EventKind{Confirm, BeginAdding, FindItem, BeginCheckout, LoseOutcome},
			Unknown,
			BudgetChange{},
		},
		{"a failure frees it and doesn't count", []EventKind{Confirm, BeginAdding, Fail}, Failed, BudgetChange{-1, -1, -1}},
		{
			"a purchase after a failure counts",
			[]EventKind{Confirm, BeginAdding, Fail, ProvePurchase},
			Purchased,
			BudgetChange{0, 1, 1},
		},
		{"a denial frees it", []EventKind{RequestApproval, Deny}, Denied, BudgetChange{-1, -1, -1}},
		{"an order that is withdrawn before its turn", []EventKind{Confirm, Withdraw}, Cancelled, BudgetChange{-1, -1, -1}},
		{
			"a request that is withdrawn counts in its day",
			[]EventKind{RequestApproval, Withdraw},
			Cancelled,
			BudgetChange{Reserved: -1, Auto: -1},
		},
		{"a card that is withdrawn had reserved nothing", []EventKind{Withdraw}, Cancelled, BudgetChange{}},
		{"nor had one that expired", []EventKind{Expire}, Expired, BudgetChange{}},
		{
			"a restore frees what it stops",
			[]EventKind{Confirm, BeginAdding, StopForRestore},
			Failed,
			BudgetChange{-1, -1, -1},
		},
		{
			"a request that a restore ended counts in its day once",
			[]EventKind{RequestApproval, StopForRestore, ProvePurchase},
			Purchased,
			BudgetChange{Auto: 1},
		},
		{
			"a card that a restore ended can turn out to be bought",
			[]EventKind{StopForRestore, ProvePurchase},
			Purchased,
			BudgetChange{0, 1, 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			last := len(c.kinds) - 1
			before := orderAfter(t, c.kinds[:last]...)
			after, change, err := Apply(before, eventOf(c.kinds[last]))
			if err != nil || after.State != c.state || change != c.change {
				t.Errorf("Apply: got %s, %+v, %v; want %s, %+v", after.State, change, err, c.state, c.change)
			}
			if after.Rev != before.Rev+1 || !after.Updated.Equal(eventTime) {
				t.Errorf("got Rev %d, Updated %v; want Rev %d, Updated %v", after.Rev, after.Updated, before.Rev+1, eventTime)
			}
		})
	}
}

func TestApply_Released_FreesNothingTwice(t *testing.T) {
	o := orderAfter(t, Confirm, BeginAdding, FindItem, BeginCheckout, LoseOutcome)
	o.Released = eventTime
	for kind, want := range map[EventKind]BudgetChange{Fail: {Orders: -1, Auto: -1}, ProvePurchase: {}} {
		if _, got, err := Apply(o, eventOf(kind)); err != nil || got != want {
			t.Errorf("Apply(%s): got %+v, %v; want %+v", kind, got, err, want)
		}
	}
}

func TestApply_WrongEvents_AreRefused(t *testing.T) {
	carted := orderAfter(t, Confirm, BeginAdding, FindItem)
	sent := carted
	sent.CheckoutSent = eventTime
	dearer := eventOf(BeginCheckout)
	dearer.Amount = 6376
	withdrawn := orderAfter(t, Withdraw)
	for _, c := range []struct {
		name string
		o    Order
		e    OrderEvent
		want error
	}{
		{"a second checkout", sent, eventOf(BeginCheckout), errCheckoutSentBefore},
		{"a checkout above the price", carted, dearer, errAbovePrice},
		{"a checkout of what is not in the cart", orderAfter(t, Confirm), eventOf(BeginCheckout), errTransition},
		{"an approval of what was denied", orderAfter(t, RequestApproval, Deny), eventOf(Approve), errTransition},
		{"a purchase of what was withdrawn, without a restore", withdrawn, eventOf(ProvePurchase), errTransition},
		{"a purchase without a receipt", carted, OrderEvent{Kind: ProvePurchase, Time: eventTime}, errIncomplete},
		{
			"a yes without a month", orderAfter(t),
			OrderEvent{Kind: Confirm, Time: eventTime, Promise: &Promise{At: eventTime}},
			errIncomplete,
		},
		{"a failure without a reason", carted, OrderEvent{Kind: Fail, Time: eventTime}, errIncomplete},
		{"an unknown kind", carted, OrderEvent{Kind: "vanish", Time: eventTime}, errTransition},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, change, err := Apply(c.o, c.e)
			if !errors.Is(err, c.want) || change != (BudgetChange{}) {
				t.Errorf("Apply: got %+v, %v; want the error %q", change, err, c.want)
			}
			if diff := cmp.Diff(c.o, after); diff != "" {
				t.Errorf("order after the error (-want +got):\n%s", diff)
			}
		})
	}
}

// Every state is reached from Proposed, every state that isn't final has a way to its end, money is reserved exactly
// between the confirmation and the end, and no way leads back to a checkout.
func TestTransitions_Graph_IsSound(t *testing.T) {
	reached := map[State]bool{Proposed: true}
	for range transitions {
		for _, a := range transitions {
			reached[a.To] = reached[a.To] || reached[a.From]
		}
	}
	seen := map[transition]bool{}
	for _, a := range transitions {
		if twin := (transition{From: a.From, Kind: a.Kind}); seen[twin] {
			t.Errorf("%s from %s: got two rows, want one", a.Kind, a.From)
		} else {
			seen[twin] = true
		}
		switch {
		case a.To == Unknown && a.From != Paying:
			t.Errorf("transition to unknown: got from %s, want from %s alone, which sent a checkout", a.From, Paying)
		case a.To == Paying && a.From != Carted:
			t.Errorf("transition to paying: got from %s, want from %s alone", a.From, Carted)
		case a.To.promised() && !a.From.promised() && a.From != Proposed:
			t.Errorf("transition that reserves money: got from %s, want from %s alone, by a confirmation", a.From, Proposed)
		case a.From.Final() && a.To != Purchased:
			t.Errorf("transition from the final state %s: got to %s, want to %s alone", a.From, a.To, Purchased)
		}
	}
	for _, s := range States() {
		if !reached[s] {
			t.Errorf("transitions to %s: got none, want one", s)
		}
		if s.Final() && (s.promised() || s.UnderWay()) {
			t.Errorf("final state %s: got promised %t, under way %t; want false, false", s, s.promised(), s.UnderWay())
		}
		if s.UnderWay() && !s.promised() {
			t.Errorf("state %s, under way: got promised %t, want true", s, s.promised())
		}
		if !s.Final() && !s.CanBecome(Failed) && !s.CanBecome(Expired) {
			t.Errorf("transitions from %s to an end: got none, want one", s)
		}
	}
}

var update = goflag.Bool("update", false, "write the diagram of the states into docs/architecture.md")

// The documentation has the diagram of the table of transitions.
func TestTransitions_Diagram_IsInTheDocs(t *testing.T) {
	const path, begin, end = "../docs/architecture.md", "```mermaid\nstateDiagram-v2\n", "```\n"
	kinds := map[string][]string{}
	var arrows []string
	for _, a := range transitions {
		arrow := fmt.Sprintf("%s --> %s", a.From, a.To)
		if !slices.Contains(arrows, arrow) {
			arrows = append(arrows, arrow)
		}
		kinds[arrow] = append(kinds[arrow], string(a.Kind))
	}
	want := begin + "    [*] --> proposed\n"
	for _, arrow := range arrows {
		want += fmt.Sprintf("    %s: %s\n", arrow, strings.Join(kinds[arrow], ", "))
	}
	want += end
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(doc), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("diagram of states in %s: got begin %t, end %t; want true, true", path, found, closed)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+want+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, begin+got+end); diff != "" {
		t.Errorf("run go generate ./purchase; the diagram differs (-want +got):\n%s", diff)
	}
}

// For every sequence of events: an order's reservation counts once while it is promised and never otherwise, checkout
// begins at most once, and Apply changes neither of its arguments.
func FuzzApply(f *testing.F) {
	kinds := []EventKind{
		Confirm, RequestApproval, Approve, Deny, Withdraw, Replace, Expire, Fail, BeginAdding, FindItem,
		BeginCheckout, LoseOutcome, ProvePurchase, StopForRestore,
	}
	f.Add([]byte{0, 8, 9, 10, 12})
	f.Add([]byte{1, 2, 8, 9, 10, 11, 7, 12})
	f.Add([]byte{13, 12})
	f.Add([]byte{1, 13, 12})
	f.Fuzz(func(t *testing.T, story []byte) {
		o := orderAfter(t)
		reserved, counted, checkouts := 0, 0, 0
		for _, b := range story {
			e := eventOf(kinds[int(b)%len(kinds)])
			before, event := copyOf(t, o), copyOf(t, e)
			after, change, err := Apply(o, e)
			if diff := cmp.Diff(before, o) + cmp.Diff(event, e); diff != "" {
				t.Fatalf("arguments after Apply(%s) (-want +got):\n%s", e.Kind, diff)
			}
			if err != nil {
				continue
			}
			reserved, counted = reserved+change.Reserved, counted+change.Orders
			if e.Kind == BeginCheckout {
				checkouts++
			}
			o = after
			if want := o.IsReserved(); (reserved == 1) != want || reserved < 0 || reserved > 1 {
				t.Fatalf("after %s: got state %s, reserved %d times; want reserved once: %t", e.Kind, o.State, reserved, want)
			}
			if counted < 0 || counted > 1 {
				t.Fatalf("after %s: got the order counted %d times in its day, want at most once", e.Kind, counted)
			}
			if checkouts > 1 {
				t.Fatalf("checkouts: got %d, want at most 1", checkouts)
			}
			if (o.State == Purchased) != (o.Receipt != nil) {
				t.Fatalf("got state %s, receipt %+v; want a receipt exactly when %s", o.State, o.Receipt, Purchased)
			}
		}
	})
}

// copyOf returns a copy that shares no memory with the original.
func copyOf[T any](t *testing.T, v T) (c T) {
	t.Helper()
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}
