package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"licensebot/purchase"
)

// fixture is a ledger of schema version 1, as the first release wrote it. It must open for ever.
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

// A file of every schema version so far verifies, says what it said when it was written (testdata/vN.json), goes on
// being written to, and verifies then.
func TestOpen_OlderSchemas(t *testing.T) {
	ctx := context.Background()
	for version := 1; version <= SchemaVersion; version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			file := fmt.Sprintf("testdata/v%d", version)
			data, err := os.ReadFile(file + ".ledger")
			want, err2 := os.ReadFile(file + ".json")
			path := filepath.Join(t.TempDir(), "ledger.db")
			if err := errors.Join(err, err2, os.WriteFile(path, data, 0o600)); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(ctx, path)
			if err != nil || report.Schema != version || report.Orders == 0 || report.Purchases == 0 || report.Head.Number == 0 {
				t.Errorf("%+v, %v", report, err)
			}
			b := opened(t, path)
			says, err := everything(b)
			var got bytes.Buffer
			if err := errors.Join(err, json.Indent(&got, []byte(says), "", " ")); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
			err = b.Update(ctx, func(w purchase.Writer) error {
				orders, err := w.Orders("", 100)
				for _, o := range orders {
					err = errors.Join(err, w.PutOrder(o))
				}
				_, err2 := w.AddPurchase(purchase.Purchase{LicenseID: "new", Month: "2026-11", Charged: 100})
				return errors.Join(err, err2, w.AppendEvent(purchase.Event{Kind: "resumed", By: "U1"}))
			})
			if err := errors.Join(err, b.Close()); err != nil {
				t.Fatal(err)
			}
			after, err := Verify(ctx, path)
			if err != nil || after.Head.Number != report.Head.Number+1 || after.Head.Prev != report.Head.Hash ||
				after.Purchases != report.Purchases+1 {
				t.Errorf("written to: %+v, %v", after, err)
			}
		})
	}
}
