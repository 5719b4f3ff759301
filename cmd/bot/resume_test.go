package main

import (
	"strings"
	"testing"
	"time"
)

// A command that upgrades a large ledger prints how far it is, every five seconds.
func TestUpgradeProgress(t *testing.T) {
	var out strings.Builder
	at := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	report := upgradeProgress(&out, func() time.Time { return at })
	for n := range 12 { // a report each second
		report(100*n, 6000)
		at = at.Add(time.Second)
	}
	want := "Upgrading the ledger: 500 of 6000 records.\nUpgrading the ledger: 1000 of 6000 records.\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
