package app_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"licensebot/internal/app"
	"licensebot/internal/largeledger/history"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/storage"
)

// writeHistory writes a ledger in which most records are in bundles.
func writeHistory(t *testing.T, path string) {
	t.Helper()
	o := history.Options{Orders: 1500, Months: 3, Until: time.Now(), Seed: 1}
	if err := history.Create(t.Context(), path, o); err != nil {
		t.Fatal(err)
	}
}

// configWithHistory returns the configuration of a bot that has such a ledger, and verifies it right after the start.
func configWithHistory(t *testing.T) (app.Config, *slacksim.Workspace, *logs) {
	t.Helper()
	c, workspace := newConfig(t)
	writeHistory(t, c.Database)
	log := new(logs)
	c.VerifyAfter, c.Log = time.Millisecond, zerolog.New(log)
	return c, workspace, log
}

// damageBundle flips a byte in one of the bundles in a bucket. Bundles contain the number of Zstandard's frames.
func damageBundle(t *testing.T, path, bucket string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frame := []byte{0x28, 0xB5, 0x2F, 0xFD}
	for at := bytes.Index(data, frame); at >= 0; {
		data[at+100] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := storage.Verify(t.Context(), path)
		if fault, ok := errors.AsType[*storage.RecordError](err); ok && fault.Bucket == bucket {
			return
		}
		data[at+100] ^= 1
		next := bytes.Index(data[at+1:], frame)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	t.Fatalf("got no bundle in %s, want one", bucket)
}

// logs is a log that is read while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// awaitAccount waits until the account is as wanted.
func awaitAccount(t *testing.T, s *app.Service, what string, isWanted func(purchase.AccountState) bool) {
	t.Helper()
	for {
		var account purchase.AccountState
		err := s.Ledger.View(t.Context(), func(r purchase.Reader) (err error) { account, err = r.Account(); return err })
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if isWanted(account) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// start runs a service until the returned function is called, which reports an error of Run.
func start(t *testing.T, s *app.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Socket.Ready():
	case err := <-ended:
		t.Fatalf("Run: got %v, want a bot that works", err)
	}
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	}
}

// A bundle that no start reads is damaged: people get answers at once, and when the bot has found the damage, buying
// is paused, and the commands say so.
func TestService_Run_DamagedBundle(t *testing.T) {
	for _, bucket := range []string{"order-bundles", "purchase-bundles", "event-bundles"} {
		t.Run(bucket, func(t *testing.T) { testDamagedBundle(t, bucket) })
	}
}

func testDamagedBundle(t *testing.T, bucket string) {
	c, workspace, log := configWithHistory(t)
	damageBundle(t, c.Database, bucket)
	s := newService(t, c)
	defer start(t, s)()
	alice := workspace.Person(slacksim.Alice)
	if err := alice.Command(t.Context(), slacksim.General, "/license", "help"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForText(t.Context(), slacksim.General, "/license buy"); err != nil {
		t.Fatal(err)
	}
	awaitAccount(t, s, "a pause", func(a purchase.AccountState) bool {
		return slices.ContainsFunc(a.Pause.AllIncidents(), func(in purchase.Incident) bool {
			found := purchase.FindingCode(in.Args["finding"])
			return in.Code == purchase.IncidentBooks &&
				(found == purchase.FoundDamaged) == (bucket != "event-bundles") &&
				(found == purchase.FoundChainBroken) == (bucket == "event-bundles")
		})
	})
	if text := log.String(); !strings.Contains(text, "does not fit its checksum") ||
		!strings.Contains(text, "bot restore FILE") {
		t.Errorf("got the log\n%s\nwant the damaged bundle and what to do", text)
	}
	if err := alice.Command(t.Context(), slacksim.General, "/license", "buy ram=16 cpu=2"); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.WaitForText(t.Context(), slacksim.General, "Buying is paused"); err != nil {
		t.Error(err)
	}
}

// The bundles of a damaged ledger stay as they are.
func TestService_Run_DamagedBundle_NotCompacted(t *testing.T) {
	c, _, log := configWithHistory(t)
	addRefusals(t, c.Database, 1000)
	damageBundle(t, c.Database, "order-bundles")
	s, err := app.New(c)
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, s)
	for text := ""; !strings.Contains(text, "leave the ledger as it is, without compacting it"); text = log.String() {
		if strings.Contains(text, "compact the ledger") {
			t.Fatal("got a damaged ledger compacted")
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := storage.Open(c.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if n, err := l.Compact(t.Context()); n < 1000-512 {
		t.Errorf("got %d records to compact and the error %v, want those that the bot left", n, err)
	}
}

// addRefusals appends audit records to a ledger.
func addRefusals(t *testing.T, path string, n int) {
	t.Helper()
	l, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = l.Update(t.Context(), func(w purchase.Writer) error {
		for range n {
			if err := w.AppendEvent(purchase.Event{Time: time.Now(), Kind: "refused", By: slacksim.Bob}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
}

// After the whole ledger was verified, the next start verifies the audit chain from there on.
func TestService_Run_Checkpoint(t *testing.T) {
	c, _, log := configWithHistory(t)
	s, err := app.New(c)
	if err != nil {
		t.Fatal(err)
	}
	stop := start(t, s)
	var checkpoint purchase.Checkpoint
	awaitAccount(t, s, "a checkpoint", func(a purchase.AccountState) bool {
		if a.Checkpoint != nil {
			checkpoint = *a.Checkpoint
		}
		return a.Checkpoint != nil
	})
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if checkpoint.Number < 4000 || checkpoint.Record <= checkpoint.Number {
		t.Errorf("got %+v, want one after the records of 700 orders, and its own record after that", checkpoint)
	}
	before := len(log.String())
	start(t, newService(t, c))()
	if text := log.String()[before:]; !strings.Contains(text, `"since":`) ||
		!strings.Contains(text, "verify the end of the audit chain") {
		t.Errorf("got the log\n%s\nwant the verification of the chain since the checkpoint", text)
	}
}

// A bot that may prune its ledger does so once it has verified it.
func TestService_Run_Prunes(t *testing.T) {
	c, _ := newConfig(t)
	o := history.Options{Orders: 1500, Months: 24, Until: time.Now(), Seed: 1}
	if err := history.Create(t.Context(), c.Database, o); err != nil {
		t.Fatal(err)
	}
	c.VerifyAfter, c.PruneAfter = time.Millisecond, purchase.LeastPruneAge
	s := newService(t, c)
	defer start(t, s)()
	for report := (storage.Report{}); report.Pruned == 0; time.Sleep(5 * time.Millisecond) {
		var err error
		if report, err = s.Ledger.Verify(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
}
