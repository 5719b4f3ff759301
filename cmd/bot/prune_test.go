package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"licensebot/internal/largeledger/history"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/storage"
)

// pruneLedger prunes a ledger as a bot does once it has verified it. It returns the audit records before.
func pruneLedger(t *testing.T, path string, now time.Time) (before []purchase.Event) {
	t.Helper()
	changeLedger(t, path, func(w purchase.Writer) error {
		for e, err := range purchase.AllEvents(w) {
			if err != nil {
				return err
			}
			before = append(before, e)
		}
		account, err := w.Account()
		head := before[len(before)-1]
		account.Checkpoint = &purchase.Checkpoint{Number: head.Number, Hash: head.Hash, Record: head.Number + 1}
		return errors.Join(err, w.PutAccount(account), w.AppendEvent(purchase.Event{
			Time: now, Kind: purchase.KindVerified, By: purchase.BotName, Cause: account.Checkpoint.Cause(),
		}))
	})
	l, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	orders, records, err := l.Prune(t.Context(), now.Add(-purchase.LeastPruneAge), now, nil)
	if err := errors.Join(err, l.Close()); err != nil || orders == 0 || records == 0 {
		t.Fatalf("got %d orders and %d records pruned, and the error %v", orders, records, err)
	}
	return before
}

// The commands of a ledger that was pruned: its books agree, a head that was noted before is in the chain or was
// pruned, and a backup from before has the same history.
func TestVerify_PrunedLedger(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "ledger.db"), time.Now()
	processtest.Environment(t, map[string]string{"DATABASE": path})
	o := history.Options{Orders: 1500, Months: 24, Until: now, Seed: 1}
	if err := history.Create(t.Context(), path, o); err != nil {
		t.Fatal(err)
	}
	backup := copyFile(t, path)
	before := pruneLedger(t, path, now)
	verified := does(t, "", "verify")
	verified.says(t, 0, " of them pruned) in ", "Every record is unchanged, and the chain has no gap.\n",
		"✓ The budgets, orders, purchase log and audit records agree.\n")

	noted := func(e purchase.Event) string { return fmt.Sprintf("%d:%s", e.Number, e.Hash) }
	pruned, kept := before[0], before[0]
	changeLedger(t, path, func(w purchase.Writer) error {
		for e, err := range purchase.AllEvents(w) {
			if err != nil {
				return err
			}
			if e.Kind == purchase.KindPruned && e.Count > 1 {
				pruned, kept = before[e.Number-2], before[e.Number-1] // the last has its hash still
			}
		}
		return nil
	})
	does(t, "", "verify", "--head", noted(pruned)).says(t, 0, fmt.Sprintf("- Record %d was pruned, with those from ",
		pruned.Number), "The chain continues over them")
	does(t, "", "verify", "--head", noted(kept)).says(t, 0, fmt.Sprintf("✓ Record %d is in the chain as you noted it",
		kept.Number))
	does(t, "", "verify", "--head", noted(before[len(before)-1])).says(t, 0, "is in the chain as you noted it")
	kept.Hash = pruned.Hash
	does(t, "", "verify", "--head", noted(kept)).says(t, 1, fmt.Sprintf("✗ Record %d has a different hash", kept.Number))

	does(t, "", "audit").says(t, 0, " pruned ", " records\"", " pruning ", "that were never confirmed were removed")
	lost := does(t, "no\n", "restore", backup)
	lost.says(t, 1, "The current ledger continues after that: ", " records would be lost, from ", "Type yes: ")
	processtest.Environment(t, map[string]string{"DATABASE": backup})
	does(t, "no\n", "restore", path).says(t, 1, "The current ledger is an older copy of it, up to record ",
		": nothing would be lost.\n")
}
