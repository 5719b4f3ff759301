package main

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A short load runs the built bot, and each quarter of the table has a figure for everything.
func TestBench_MeasureLoad_Quarters(t *testing.T) {
	b := bench{dir: t.TempDir(), progress: io.Discard}
	r := rates{help: 50 * time.Millisecond, order: 200 * time.Millisecond, read: 250 * time.Millisecond}
	var table strings.Builder
	if err := b.measureLoad(t.Context(), r, 4*time.Second, 500*time.Millisecond, &table); err != nil {
		t.Fatalf("%v\n%s", err, table.String())
	}
	rows := strings.Split(strings.TrimSpace(table.String()), "\n| ")
	if len(rows) != 11 {
		t.Fatalf("got the table\n%s\nwant a line of text, two of the head, and 9 rows", table.String())
	}
	for _, row := range rows[2:] {
		cells := strings.Split(strings.TrimSuffix(row, " |"), " | ")
		for _, cell := range cells[1:] {
			if len(cells) != 5 || runtime.GOOS == "linux" && cell == "–" || strings.HasPrefix(cell, "0.0 ") {
				t.Errorf("got the row %q, want four figures", row)
			}
		}
	}
	if last := rows[len(rows)-1]; last != "without an answer in time | 0 | 0 | 0 | 0 |" {
		t.Errorf("got the last row %q, want no failures", last)
	}
}

func TestWithin_Quarters(t *testing.T) {
	at := []time.Duration{0, 14 * time.Minute, 15 * time.Minute, 59 * time.Minute, time.Hour, 61 * time.Minute}
	for quarter, want := range []int{2, 1, 0, 3} {
		got := within(at, quarter, time.Hour, func(d time.Duration) time.Duration { return d })
		if len(got) != want {
			t.Errorf("quarter %d: got %v, want %d of %v", quarter+1, got, want, at)
		}
	}
}
