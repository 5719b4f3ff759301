package socket

import (
	"fmt"
	"testing"
	"time"
)

func TestDedup_Add_DropsOldest(t *testing.T) {
	start := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	s := newDedup(3, time.Minute)
	steps := []struct {
		id    string
		after time.Duration
		first bool
	}{
		{"a", 0, true},
		{"a", time.Second, false},
		{"b", 2 * time.Second, true},
		{"c", 3 * time.Second, true},
		{"d", 4 * time.Second, true}, // pushes a out
		{"a", 5 * time.Second, true}, // and a pushes b out
		{"d", 6 * time.Second, false},
		{"d", 64 * time.Second, false},
		{"d", 65 * time.Second, true}, // a minute is over
		{"", 66 * time.Second, true},  // without an id each is the first
		{"", 66 * time.Second, true},
	}
	for i, step := range steps {
		if _, first := s.add(step.id, nil, start.Add(step.after)); first != step.first {
			t.Errorf("step %d, %q: got first=%t, want %t", i, step.id, first, step.first)
		}
	}
}

func TestDedup_Forget_StaysBounded(t *testing.T) {
	s := newDedup(8, time.Hour)
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	for i := range 1000 {
		id := fmt.Sprint(i % 5)
		s.add(id, nil, now)
		s.forget(id)
	}
	if len(s.order) > 8 || len(s.byID) != 0 {
		t.Errorf("got %d entries and %d acks, want at most 8 and 0", len(s.order), len(s.byID))
	}
	// The place of a forgotten delivery must not take the newer ticket with it.
	first, _ := s.add("0", nil, now)
	for i := range 7 {
		s.add(fmt.Sprint("other", i), nil, now)
	}
	if again, isFirst := s.add("0", nil, now); isFirst || again != first {
		t.Errorf("got another ack (first: %t), want the newer one kept", isFirst)
	}
}
