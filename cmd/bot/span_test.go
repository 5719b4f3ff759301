package main

import (
	"strings"
	"testing"
	"time"
)

// A day and a month begin in the team's time zone, also where its clocks change.
func TestSpan_Read(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, time.UTC)
	}
	for _, c := range []struct {
		name string
		o    spanOptions
		want span
	}{
		{"everything", spanOptions{}, span{}},
		{"from a day on", spanOptions{since: "2026-11-01"}, span{from: at(10, 31, 23)}},
		{"from a moment on", spanOptions{since: "2026-11-01T15:00:00Z"}, span{from: at(11, 1, 15)}},
		{"the last hours", spanOptions{since: "36h"}, span{from: at(11, 22, 0)}},
		{"the last days", spanOptions{since: "30d"}, span{from: at(10, 24, 12)}},
		{"to the end of a day", spanOptions{until: "2026-11-01"}, span{before: at(11, 1, 23)}},
		{"a day of 25 hours", spanOptions{since: "2026-10-25", until: "2026-10-25"}, span{at(10, 24, 22), at(10, 25, 23)}},
		{"to a moment", spanOptions{since: "30d", until: "2026-11-01T15:00:00Z"}, span{at(10, 24, 12), at(11, 1, 15)}},
		{"a month", spanOptions{month: "2026-10"}, span{at(9, 30, 22), at(10, 31, 23)}},
		{"the month before the new year", spanOptions{month: "2026-12"}, span{at(11, 30, 23), at(12, 31, 23)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.o.read(now, vienna)
			if err != nil || !got.from.Equal(c.want.from) || !got.before.Equal(c.want.before) {
				t.Errorf("got %v to %v, want %v to %v (%v)", got.from, got.before, c.want.from, c.want.before, err)
			}
		})
	}
	for _, c := range []struct {
		o    spanOptions
		says string
	}{
		{spanOptions{since: "yesterday"}, `--since "yesterday": use a day such as 2026-11-01`},
		{spanOptions{until: "-1h"}, `--until "-1h": use a day`},
		{spanOptions{month: "11/2026"}, `--month "11/2026": use a month such as 2026-11`},
		{spanOptions{month: "2026-11", since: "1h"}, "--month can't be combined with --since or --until"},
		{spanOptions{since: "2026-11-02", until: "2026-11-01"}, "--since 2026-11-02 is not before --until 2026-11-01"},
	} {
		if _, err := c.o.read(now, vienna); err == nil || !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%+v: got error %v, want %q", c.o, err, c.says)
		}
	}
}
