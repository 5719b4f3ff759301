package main

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/internal/largeledger/history"
	"licensebot/purchase"
	"licensebot/storage"
)

// A bot returns the memory of a compaction, some megabytes, to the system: without that, it had 17 MB after this one.
func TestSite_Compaction_ReturnsMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("memory is measured on Linux")
	}
	const most, soon = 12_500_000, 10 * time.Second
	dir := t.TempDir()
	ledger, bot := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "bot")
	if err := errors.Join(writeSingle(t, ledger), build(t.Context(), bot, "-s -w")); err != nil {
		t.Fatal(err)
	}
	s, err := openSite(cocalctest.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	p, err := launch(t.Context(), bot, ledger, s.settings(), "run")
	if err != nil {
		t.Fatal(err)
	}
	peak := int64(0)
	wait := func(within time.Duration, ready func() bool) bool {
		for began := time.Now(); !ready() && time.Since(began) < within; time.Sleep(5 * time.Millisecond) {
			peak = max(peak, p.anonymous())
		}
		return ready()
	}
	if !wait(time.Minute, func() bool { return p.errs.contains(`"message":"compact the ledger"`) }) {
		t.Errorf("got no compaction within a minute")
	} else if !wait(soon, func() bool { return p.anonymous() <= most }) {
		t.Errorf("got %s after %s, want at most %s", megabytes(p.anonymous()), soon, megabytes(most))
	}
	if peak <= most {
		t.Errorf("got at most %s during the compaction, want more than %s", megabytes(peak), megabytes(most))
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// writeSingle writes a ledger that was never compacted.
func writeSingle(t *testing.T, path string) error {
	t.Helper()
	l, err := storage.Open(path)
	if err != nil {
		return err
	}
	single := struct{ purchase.Ledger }{l} // which a history doesn't compact
	o := history.Options{Orders: 1000, Months: months, Until: time.Now(), Seed: 1}
	return errors.Join(history.Write(t.Context(), single, o), l.Close())
}
