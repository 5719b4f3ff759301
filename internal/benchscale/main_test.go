package main

import (
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A run with a small ledger measures everything once and leaves nothing behind.
func TestRun_SmallLedger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var table strings.Builder
	if err := run(t.Context(), []string{"-orders", "30", "-runs", "1", "-dir", dir}, &table, io.Discard); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	cells := strings.Split(lines[len(lines)-1], " | ")
	if len(cells) != 11 || cells[0] != "| this build" || cells[1] != "30" {
		t.Fatalf("got the table\n%s\nwant a row of 11 cells for 30 orders", table.String())
	}
	for i, cell := range cells[2:] {
		if memory := runtime.GOOS == "linux" && strings.Contains(cell, "–"); memory || strings.Contains(cell, " 0.00 ") {
			t.Errorf("cell %d: got %q, want a figure", i+3, cell)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left over: got %v (error %v), want nothing", left, err)
	}
}

func TestRun_WrongArguments(t *testing.T) {
	for _, args := range [][]string{{"-orders", ""}, {"-orders", "10 many"}, {"-orders", "0"}, {"-runs", "0"}, {"more"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q: got no error, want one", args)
		}
	}
}

func TestWriteTable_Medians(t *testing.T) {
	r := row{program: "this build", orders: 10_000, size: 51_000_000, starts: []start{
		{300 * time.Millisecond, 8_200_000, 9_000_000, 8_000_000},
		{12 * time.Second, 31_000_000, 310_000_000, 0},
		{100 * time.Millisecond, 8_100_000, 9_000_000, 0},
	}}
	for i := range r.commands {
		r.commands[i] = []usage{{time.Second, 1_000_000}, {3 * time.Second, 3_000_000}, {2 * time.Second, 2_000_000}}
	}
	var got strings.Builder
	writeTable(&got, []row{r}, 3)
	want := "| this build | 10,000 | 51.0 MB | 5.10 kB | 0.30 s | 8.2 MB | 9.0 MB | – | 2.00 s, 2.0 MB | " +
		"2.00 s, 2.0 MB | 2.00 s, 2.0 MB |\n"
	if !strings.HasSuffix(got.String(), want) {
		t.Errorf("table:\n got %s\nwant the row %s", got.String(), want)
	}
}
