package records

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/storage/storagetest"
)

// noon is the time of the first record.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// ledger returns a ledger with a log entry and an audit record at each of these minutes after noon.
func ledger(t *testing.T, minutes ...int) *storagetest.Memory {
	t.Helper()
	m := &storagetest.Memory{}
	for _, minute := range minutes {
		add(t, m, minute)
	}
	return m
}

// add appends a log entry and an audit record, by U0 or U1 in turn.
func add(t *testing.T, m *storagetest.Memory, minute int) {
	t.Helper()
	at := noon.Add(time.Duration(minute) * time.Minute)
	err := m.Update(t.Context(), func(w purchase.Writer) error {
		p, err := w.AddPurchase(purchase.Purchase{Time: at, Order: "O", Charged: 100})
		by := fmt.Sprint("U", p.Number%2)
		return errors.Join(err, w.AppendEvent(purchase.Event{Time: at, Kind: "purchased", Order: "O", By: by}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// at returns a moment after noon; the zero time for a negative number.
func at(minute int) time.Time {
	if minute < 0 {
		return time.Time{}
	}
	return noon.Add(time.Duration(minute) * time.Minute)
}

// purchases reads the numbers of the log entries of a period.
func purchases(t *testing.T, s Source, since, before time.Time) (numbers []uint64) {
	t.Helper()
	r, err := s.PurchaseRange(t.Context(), since, before)
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range Purchases(t.Context(), s, r) {
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, p.Number)
	}
	if len(numbers) != r.Len() {
		t.Errorf("from %v: got %d entries of the range %+v, want %d", since, len(numbers), r, r.Len())
	}
	return numbers
}

// events reads the numbers of the audit records that a filter takes.
func events(t *testing.T, s Source, f Filter) (numbers []uint64) {
	t.Helper()
	r, err := s.EventRange(t.Context(), f.Since)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range Events(t.Context(), s, r, f) {
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, e.Number)
	}
	return numbers
}

// The pages together have each record once, whatever their size, and a period begins and ends where it should. Entries
// of the log stay in the period of the entry before them if a clock was set back; audit records are selected by their
// own time.
func TestSource_Periods(t *testing.T) {
	m := ledger(t, 0, 10, 20, 15, 20, 30, 5, 40)
	cases := []struct {
		since, before int
		entries       []uint64
		records       []uint64
	}{
		{-1, -1, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, []uint64{1, 2, 3, 4, 5, 6, 7, 8}},
		{0, 20, []uint64{1, 2}, []uint64{1, 2, 4, 7}},
		{20, 30, []uint64{3, 4, 5}, []uint64{3, 5}},
		{30, -1, []uint64{6, 7, 8}, []uint64{6, 8}},
		{15, 16, nil, []uint64{4}},
		{31, 39, nil, nil},
		{41, -1, nil, nil},
		{-1, 5, []uint64{1}, []uint64{1}},
	}
	for size := 1; size <= 9; size++ {
		s := From(m.View, size)
		for _, c := range cases {
			since, before := at(c.since), at(c.before)
			if got := purchases(t, s, since, before); !reflect.DeepEqual(got, c.entries) {
				t.Errorf("pages of %d, from minute %d to %d: got the entries %v, want %v", size, c.since, c.before, got, c.entries)
			}
			if got := events(t, s, Filter{Since: since, Before: before}); !reflect.DeepEqual(got, c.records) {
				t.Errorf("pages of %d, from minute %d to %d: got the records %v, want %v", size, c.since, c.before, got, c.records)
			}
		}
	}
}

// Two periods in a row have every record once.
func TestSource_Periods_InARow(t *testing.T) {
	s := From(ledger(t, 3, 1, 9, 9, 2, 12, 7, 7, 20).View, 2)
	for cut := range 22 {
		cut := at(cut)
		both := append(purchases(t, s, time.Time{}, cut), purchases(t, s, cut, time.Time{})...)
		if want := purchases(t, s, time.Time{}, time.Time{}); !reflect.DeepEqual(both, want) {
			t.Errorf("cut at %v: got the entries %v, want %v", cut, both, want)
		}
		n := len(events(t, s, Filter{Before: cut})) + len(events(t, s, Filter{Since: cut}))
		if n != 9 {
			t.Errorf("cut at %v: got %d audit records in both parts, want 9", cut, n)
		}
	}
}

func TestFilter_Takes(t *testing.T) {
	e := purchase.Event{Time: noon, Order: "O1", By: "U1"}
	for _, c := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{Since: noon}, true},
		{Filter{Since: noon.Add(1)}, false},
		{Filter{Before: noon}, false},
		{Filter{Before: noon.Add(1)}, true},
		{Filter{Order: "O1", By: "U1"}, true},
		{Filter{Order: "O2", By: "U1"}, false},
		{Filter{Order: "O1", By: "U2"}, false},
	} {
		if got := c.f.Takes(e); got != c.want {
			t.Errorf("%+v: got %t, want %t", c.f, got, c.want)
		}
	}
}

// A page is sought by number, so a filter that takes nothing from it does not end the iteration.
func TestEvents_Filter_SparsePages(t *testing.T) {
	s := From(ledger(t, 0, 1, 2, 3, 4, 5, 6).View, 1)
	if got := events(t, s, Filter{By: "U0"}); !reflect.DeepEqual(got, []uint64{2, 4, 6}) {
		t.Errorf("got the records %v, want those of U0: 2, 4, 6", got)
	}
	if got := events(t, s, Filter{By: "nobody"}); got != nil {
		t.Errorf("got the records %v, want none", got)
	}
}

// What is appended between two pages is left out, also when the range is read a second time.
func TestPurchases_AppendedMeanwhile(t *testing.T) {
	m := ledger(t, 0, 1, 2)
	s := From(m.View, 1)
	r, err := s.PurchaseRange(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	seq := Purchases(t.Context(), s, r)
	for pass := range 2 {
		n := 0
		for p, err := range seq {
			if n++; err != nil || p.Number != uint64(n) {
				t.Errorf("pass %d: got entry %d, error %v; want entry %d", pass, p.Number, err, n)
			}
			add(t, m, 3)
		}
		if n != 3 {
			t.Errorf("pass %d: got %d entries, want the 3 of the range", pass, n)
		}
	}
}

// An entry that is missing is an error: the output of a command must not lack it unnoticed.
func TestPurchases_MissingEntry(t *testing.T) {
	m := ledger(t, 0, 1)
	s := From(m.View, 5)
	n := 0
	var last error
	for _, err := range Purchases(t.Context(), s, Range{First: 2, Last: 4}) {
		n++
		last = err
	}
	if want := "the purchase log has no entry 2"; n != 1 || last == nil || last.Error() != want {
		t.Errorf("got %d entries, error %v; want the error %q alone", n, last, want)
	}
}

func TestPurchases_ContextDone(t *testing.T) {
	s := From(ledger(t, 0, 1).View, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range Purchases(ctx, s, Range{First: 1, Last: 2}) {
		n++
		last = err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("got %d entries, error %v; want one, then %v", n, last, context.Canceled)
	}
}

func TestSource_Summary(t *testing.T) {
	m := ledger(t, 0, 1)
	pause := &purchase.Pause{Since: noon, By: "U1", Incidents: []purchase.Incident{{
		Cause: purchase.Cause{Code: purchase.IncidentSaid, Args: purchase.Args{"reason": "so"}}, Time: noon, By: "U1",
	}}}
	err := m.Update(t.Context(), func(w purchase.Writer) error {
		return errors.Join(w.PutAccount(purchase.AccountState{CoCalc: "id", Address: "https://shop", Pause: pause}),
			w.PutOrder(purchase.Order{ID: "01A", State: purchase.Unknown}),
			w.PutOrder(purchase.Order{ID: "01B", State: purchase.Approved}))
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := From(m.View, 1).Summary(t.Context())
	want := Summary{
		CoCalc: "id", Address: "https://shop", Pause: pause, Records: 2, Entries: 2, Unknown: []purchase.OrderID{"01A"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, error %v; want %+v", got, err, want)
	}
}
