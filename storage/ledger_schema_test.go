package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
)

// fixture is a ledger of schema version 1, as the first release wrote it. It must always open.
const fixture = "testdata/v1.ledger"

// copyOfFixture is a file of the first schema that may be written to.
func copyOfFixture(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// olderFiles are a file of each schema version, and one that the program of commit 0e4a2cf wrote, with their schema
// versions.
var olderFiles = map[string]int{"v1": 1, "v1-0e4a2cf": 1, "v2": 2, "v3": 3, "v4": 4}

var update = flag.Bool("update", false, "write the golden files")

// A file of each schema version verifies and has the content that it was written with (testdata/vN.json, in which the
// sentences of the first schema are causes). Opening it upgrades it and keeps the earlier file; it can then be written
// to, and verifies.
func TestOpen_OlderSchemas(t *testing.T) {
	ctx := context.Background()
	for name, version := range olderFiles {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name)
			data, err := os.ReadFile(file + ".ledger")
			path := filepath.Join(t.TempDir(), "ledger.db")
			if err := errors.Join(err, os.WriteFile(path, data, 0o600)); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(ctx, path)
			if err != nil || report.Schema != version || report.Orders == 0 || report.Purchases == 0 || report.Head.Number == 0 {
				t.Errorf("got %+v, %v, want schema %d with orders, purchases and records", report, err, version)
			}
			l := openTest(t, path)
			wantKeptFile(t, l, data, version)
			says, err := readAll(l)
			var got bytes.Buffer
			if err := errors.Join(err, json.Indent(&got, []byte(says), "", " ")); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			if *update {
				if err := os.WriteFile(file+".json", got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
			err = l.Update(ctx, func(w purchase.Writer) error {
				orders, err := w.Orders("", 100)
				for _, o := range orders {
					err = errors.Join(err, w.PutOrder(o))
				}
				_, err2 := w.AddPurchase(purchase.Purchase{LicenseID: "new", Month: "2026-11", Charged: 100})
				return errors.Join(err, err2, w.AppendEvent(purchase.Event{Kind: "resumed", By: "U1"}))
			})
			if err := errors.Join(err, l.Close()); err != nil {
				t.Fatal(err)
			}
			after, err := Verify(ctx, path)
			if err != nil || after.Head.Number != report.Head.Number+1 || after.Head.Prev != report.Head.Hash ||
				after.Purchases != report.Purchases+1 {
				t.Errorf("got %+v, %v after a write, want one record and one purchase more", after, err)
			}
		})
	}
}

// wantKeptFile checks that an upgrade kept the complete earlier file, so that an older version can use it.
func wantKeptFile(t *testing.T, l *Ledger, before []byte, version int) {
	t.Helper()
	if version == SchemaVersion {
		if l.Kept() != "" {
			t.Errorf("got %s kept of a file that needed no upgrade, want none", l.Kept())
		}
		return
	}
	report, err := Verify(t.Context(), l.Kept())
	if err != nil || report.Schema != version {
		t.Fatalf("got %s kept with schema version %d (%v), want %d", l.Kept(), report.Schema, err, version)
	}
	events := func(l *Ledger) (all []purchase.Event) {
		if err := l.View(t.Context(), func(r purchase.Reader) (err error) {
			all, err = r.Events(1, 10_000)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	old, err := OpenReadOnly(l.Kept())
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if diff := cmp.Diff(events(old), events(l)); diff != "" || len(before) == 0 {
		t.Errorf("got other audit records after the upgrade (-before +after):\n%s", diff)
	}
}

// An upgrade that is repeated, after it was interrupted or after the kept file was restored, overwrites no kept file.
func TestOpen_UpgradeTwice(t *testing.T) {
	path := copyOfFixture(t)
	first := openTest(t, path)
	kept := first.Kept()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if again := openTest(t, path); again.Kept() != "" {
		t.Errorf("got %s kept by the second start, want nothing", again.Kept())
	} else if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	done, err := Replace(t.Context(), path, kept, time.Now(), func(purchase.Writer) error { return nil })
	if err != nil || done.Restored.Schema != 1 {
		t.Fatalf("got %+v restored (%v), want the file of schema version 1", done, err)
	}
	if report, err := Verify(t.Context(), kept); err != nil || report.Schema != 1 {
		t.Errorf("got %+v (%v), want the kept file as it was", report, err)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.schema1*")); len(files) != 1 {
		t.Errorf("got the kept files %v, want one", files)
	}
}

// A disk without room for the upgrade leaves the ledger as it was, without a copy of each start that failed.
func TestOpen_UpgradeOnFullDisk(t *testing.T) {
	path := copyOfFixture(t)
	full := func(l *Ledger) { l.room = func(string) (uint64, error) { return MinFree, nil } }
	for _, start := range []string{"First", "Second"} {
		if l, err := Open(path, full); l != nil || !errors.Is(err, purchase.ErrFull) {
			t.Errorf("%s start: got %v, want ErrFull", start, err)
		}
		if files, _ := filepath.Glob(path + ".schema1*"); len(files) != 0 {
			t.Errorf("%s start: got the kept files %v of a ledger that was not upgraded, want none", start, files)
		}
	}
	if report, err := Verify(t.Context(), path); err != nil || report.Schema != 1 {
		t.Errorf("got %+v (%v), want the ledger as it was", report, err)
	}
	if l := openTest(t, path); l.Kept() == "" {
		t.Error("got no kept file from the upgrade with room, want one")
	}
}
