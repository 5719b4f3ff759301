package history

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/purchasetest"
)

// A purchase in a history leaves the same audit records as one through the desk and the worker, with the same fields,
// and the same fields in the order and in the purchase log: whether it needed an approval or not.
func TestWrite_Purchase_LeavesWhatTheDeskLeaves(t *testing.T) {
	want := map[string][]string{}
	for _, autoApprove := range []purchase.Cents{1_000_000, 100} {
		purchasetest.Run(t, 1_000_000, func(env *purchasetest.Env) {
			id := buyThroughDesk(env)
			err := env.Ledger.View(t.Context(), func(r purchase.Reader) error {
				course, fields := courseOf(t, r, id, eventsByOrder(t, r)[id])
				want[course] = fields
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}, purchasetest.WithApprovers, func(env *purchasetest.Env) {
			env.Policy.AutoApprove, env.Policy.MonthlyBudget = autoApprove, purchase.Limit{None: true}
		})
	}
	if len(want) != 2 {
		t.Fatalf("courses of a purchase through the desk: got %q, want two", slices.Sorted(maps.Keys(want)))
	}

	h := newHistory(t.Context(), Options{Orders: 400, Months: 3, Until: until, Seed: 7})
	h.rare.unlisted = 1 << 40 // those are corrected later
	ledger := writeTo(t, h)
	seen := map[string]int{}
	err := ledger.View(t.Context(), func(r purchase.Reader) error {
		events := eventsByOrder(t, r)
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			if o.State != purchase.Purchased || o.Answer != purchase.AnswerSuccess || o.Spec.Period != cocalc.PeriodRange ||
				o.Message(purchase.MessageNote) != nil {
				continue // monthly and yearly licenses have no start, and a card of half an hour ago continues elsewhere
			}
			course, got := courseOf(t, r, o.ID, events[o.ID])
			if strings.Contains(course, "corrected") || strings.Contains(course, "refused") {
				continue
			}
			seen[course]++
			if fields, known := want[course]; !known {
				t.Errorf("order %s: got the records %q, want one of %q", o.ID, course, slices.Sorted(maps.Keys(want)))
			} else if !slices.Equal(got, fields) {
				t.Errorf("order %s: fields\n got %q\nwant %q", o.ID, got, fields)
			}
			if t.Failed() {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for course := range want {
		if seen[course] < 20 {
			t.Errorf("purchases with the records %q: got %d, want many", course, seen[course])
		}
	}
}

// buyThroughDesk buys a license for a course, with an approval if the policy wants one.
func buyThroughDesk(env *purchasetest.Env) purchase.OrderID {
	env.T.Helper()
	ctx := context.Background()
	<-time.After(time.Minute) // the account has been compared with the ledger
	spec := purchasetest.Spec()
	spec.Period, spec.User = cocalc.PeriodRange, cocalc.UserAcademic
	spec.Start = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 2)
	spec.End = spec.Start.AddDate(0, 1, 0)
	v, err := env.Desk.Propose(ctx, purchase.Request{
		Requester: purchasetest.Alice, Channel: purchasetest.MathChannel, Spec: spec, Reason: "a course", Trigger: "1.2.abc",
	})
	if err != nil {
		env.T.Fatal(err)
	}
	<-time.After(10 * time.Second)
	click := purchasetest.AliceAction
	click.Card = purchase.Message{ResponseURL: "https://hooks.slack.com/1", Uses: 5, Expires: time.Now().Add(cardLife)}
	o, err := env.Desk.Decide(ctx, click, v.Order.ID, orders.Decision{Kind: orders.Confirm})
	if err == nil && o.State == purchase.AwaitingApproval {
		<-time.After(5 * time.Minute)
		err = env.Approve(o.ID, purchasetest.Erin)
	}
	if err != nil {
		env.T.Fatal(err)
	}
	env.Until(v.Order.ID, purchase.Purchased)
	<-time.After(30 * time.Minute)                                                     // its watch is over
	_, err = env.Desk.Outbox.UpdateMessages(ctx, v.Order.ID, func(o *purchase.Order) { // as the publisher does
		for i := range o.Messages {
			m := &o.Messages[i]
			if m.PublishedRev = o.Rev; m.Kind != purchase.MessageCard {
				m.TS = "946684800.000100"
			}
		}
	})
	if err != nil {
		env.T.Fatal(err)
	}
	return v.Order.ID
}

// eventsByOrder returns the audit records of each order, in their order.
func eventsByOrder(t *testing.T, r purchase.Reader) map[purchase.OrderID][]purchase.Event {
	t.Helper()
	events := map[purchase.OrderID][]purchase.Event{}
	for e, err := range purchase.AllEvents(r) {
		if err != nil {
			t.Fatal(err)
		}
		events[e.Order] = append(events[e.Order], e)
	}
	return events
}

// courseOf returns the kinds of an order's audit records in their order, and the names of all fields that the order,
// its log entry and its audit records have.
func courseOf(
	t *testing.T, r purchase.Reader, id purchase.OrderID, events []purchase.Event,
) (course string, fields []string) {
	t.Helper()
	names := map[string]bool{}
	o, err := r.Order(id)
	if err != nil {
		t.Fatal(err)
	}
	addFields(t, names, "order", o)
	entry, ok, err := r.PurchaseOf(o.Receipt.LicenseID)
	if err != nil || !ok {
		t.Fatalf("log entry of order %s: got %v (error %v), want one", id, ok, err)
	}
	addFields(t, names, "entry", entry)
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind)
		addFields(t, names, e.Kind, e)
	}
	return strings.Join(kinds, " "), slices.Sorted(maps.Keys(names))
}

// addFields adds the names of a value's JSON fields, also of the objects in it.
func addFields(t *testing.T, names map[string]bool, path string, value any) {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var parsed any
	if err := json.Unmarshal(data, &parsed); err != nil {
		t.Fatal(err)
	}
	var walk func(string, any)
	walk = func(path string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for name, inner := range value {
				walk(path+"."+name, inner)
			}
		case []any:
			for _, inner := range value {
				if m, ok := inner.(map[string]any); ok && m["kind"] != nil {
					walk(fmt.Sprintf("%s[%v]", path, m["kind"]), inner)
					continue
				}
				walk(path+"[]", inner)
			}
		default:
			names[path] = true
		}
	}
	walk(path, parsed)
}
