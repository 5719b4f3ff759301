package storage

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// older is the ledger that olderLedger writes, once for all tests: nothing changes what they read it with.
var older struct {
	once sync.Once
	file []byte
	h    *historian
	want map[string]any
}

// olderLedger writes a ledger of schema version 2 with some hundred orders, and returns what it contains.
func olderLedger(t *testing.T, path string) (h *historian, want map[string]any) {
	t.Helper()
	older.once.Do(func() { older.file, older.h, older.want = makeOlderLedger(t) })
	if older.file == nil {
		t.Fatal("got no older ledger, want the one of the first test that needs it")
	}
	if err := os.WriteFile(path, older.file, 0o600); err != nil {
		t.Fatal(err)
	}
	return older.h, older.want
}

func makeOlderLedger(t *testing.T) (file []byte, h *historian, want map[string]any) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	h = &historian{Rand: rand.New(rand.NewPCG(9, 0)), at: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	l := openTest(t, path)
	err := l.Update(t.Context(), func(w purchase.Writer) error {
		for range 150 {
			if err := h.change()(w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want = h.contents(t, l)
	err = l.db.Update(func(tx *bbolt.Tx) error {
		for _, bucket := range bundleBuckets {
			if err := tx.DeleteBucket(bucket); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySchema, []byte("2"))
	})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return file, h, want
}

// An upgrade bundles what is not recent, and every record reads as before; the earlier file is kept, byte for byte.
func TestOpen_Upgrade_ReadsAlike(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	h, want := olderLedger(t, path)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var reports [][2]int
	l, err := Open(path, WithSmallBundles(),
		WithProgress(func(done, total int) { reports = append(reports, [2]int{done, total}) }))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if diff := diffContents(want, h.contents(t, l)); diff != "" {
		t.Errorf("the upgraded ledger reads otherwise (-before +after):\n%s", diff)
	}
	if _, err := l.Verify(t.Context(), nil); err != nil {
		t.Errorf("got %v, want an upgraded ledger that verifies", err)
	}
	if kept, err := os.ReadFile(l.Kept()); err != nil || string(kept) != string(before) {
		t.Errorf("got another file kept at %s (%v), want the earlier one unchanged", l.Kept(), err)
	}
	if n := len(reports); n == 0 || reports[n-1][0] != reports[n-1][1] {
		t.Errorf("got the progress %v, want all records at the end", reports)
	}
	if n := bundlesIn(t, l); n < 20 {
		t.Errorf("got %d bundles, want at least 20", n)
	}
}

func bundlesIn(t *testing.T, l *Ledger) (n int) {
	t.Helper()
	if err := l.db.View(func(tx *bbolt.Tx) error {
		for _, c := range []collection{collectionOrders, collectionPurchases, collectionEvents} {
			n += tx.Bucket(c.bundles).Stats().KeyN
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// A program that is killed at any moment of an upgrade leaves the old ledger or the new one, and the next start ends
// with the new one and a complete earlier file.
func TestOpen_Upgrade_Killed(t *testing.T) {
	for _, step := range []string{"part", "written", "kept", "renamed"} {
		t.Run(step, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			h, want := olderLedger(t, path)
			runUpgradeUntil(t, path, step)
			l := openTiny(t, path)
			if diff := diffContents(want, h.contents(t, l)); diff != "" {
				t.Errorf("the ledger reads otherwise (-before +after):\n%s", diff)
			}
			if _, err := l.Verify(t.Context(), nil); err != nil {
				t.Errorf("got %v, want a ledger that verifies", err)
			}
			kept, _ := filepath.Glob(path + ".schema2*")
			if len(kept) != 1 {
				t.Fatalf("got the kept files %v, want one", kept)
			}
			if report, err := Verify(t.Context(), kept[0]); err != nil || report.Schema != 2 {
				t.Errorf("got %+v kept (%v), want a complete file of schema version 2", report, err)
			}
			if rest, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(rest) != 0 {
				t.Errorf("got %v left over, want no temporary file", rest)
			}
		})
	}
}

// A ledger of schema 3 is upgraded in place. Killed at any moment, it is a ledger of either schema, and the next start
// ends with the new one and one complete copy of the earlier file.
func TestOpen_UpgradeInPlace_Killed(t *testing.T) {
	before, err := os.ReadFile("testdata/v3.ledger")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"kept", "written"} {
		t.Run(step, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			if err := os.WriteFile(path, before, 0o600); err != nil {
				t.Fatal(err)
			}
			runUpgradeUntil(t, path, step)
			l := openTest(t, path)
			if report, err := l.Verify(t.Context(), nil); err != nil || report.Schema != SchemaVersion {
				t.Errorf("got %+v, %v, want a ledger of this schema that verifies", report, err)
			}
			kept, err := filepath.Glob(path + ".schema3*")
			if err != nil || len(kept) != 1 {
				t.Fatalf("got the kept files %v (%v), want one", kept, err)
			}
			if copied, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(copied, before) {
				t.Errorf("got another file kept (%v), want the earlier one unchanged", err)
			}
		})
	}
}

// runUpgradeUntil opens a ledger in a program that is killed after a step of the upgrade.
func runUpgradeUntil(t *testing.T, path, step string) {
	t.Helper()
	program := exec.Command(os.Args[0], "-test.run=^TestUpgrade_Process$")
	program.Env = append(os.Environ(), upgradedLedger+"="+path, upgradeStep+"="+step)
	out, err := program.CombinedOutput()
	end, ok := errors.AsType[*exec.ExitError](err)
	if !ok || end.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("got %v, want a program that is killed at %q:\n%s", err, step, out)
	}
}

// The environment of a program that runUpgradeUntil starts: the ledger that it opens, and where it is killed.
const (
	upgradedLedger = "TEST_UPGRADED_LEDGER"
	upgradeStep    = "TEST_UPGRADE_STEP"
)

// TestUpgrade_Process is the program that runUpgradeUntil starts.
func TestUpgrade_Process(t *testing.T) {
	path := os.Getenv(upgradedLedger)
	if path == "" {
		return // it is a test of its own only in the other program
	}
	l, err := Open(path, WithSmallBundles(), func(l *Ledger) {
		l.step = func(done string) {
			if done == os.Getenv(upgradeStep) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
		l.progress = func(int, int) { l.step("part") }
	})
	t.Fatalf("got %v, %v, want the end of the program", l, err)
}

// A ledger that is reached through a link is upgraded where it is, and its earlier file stays there too.
func TestOpen_Upgrade_Link(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	h, want := olderLedger(t, path)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	l := openTiny(t, link)
	if diff := diffContents(want, h.contents(t, l)); diff != "" {
		t.Errorf("the ledger reads otherwise (-before +after):\n%s", diff)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("got %v (%v), want the link as it was", info, err)
	}
	if got, want := l.Kept(), path+".schema2"; got != want {
		t.Errorf("got the earlier file at %s, want %s", got, want)
	}
}

// A failing disk leaves the old ledger as it was, and no other file.
func TestOpen_Upgrade_Fails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	olderLedger(t, path)
	_, err := Open(path, func(l *Ledger) { l.room = func(string) (uint64, error) { return MinFree, nil } })
	if !errors.Is(err, purchase.ErrFull) || !strings.Contains(err.Error(), "the upgrade needs up to") {
		t.Errorf("got %v, want ErrFull with the space that it needs", err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("got the files %v (%v), want the ledger alone", files, err)
	}
}
