package firstschema_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"licensebot/internal/largeledger/firstschema"
	"licensebot/internal/largeledger/history"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// A ledger of the first schema opens, is upgraded, and holds the same history as a ledger of today.
func TestCreate_Ledger_IsUpgraded(t *testing.T) {
	dir := t.TempDir()
	today, old := filepath.Join(dir, "today.db"), filepath.Join(dir, "old.db")
	ctx := context.Background()
	until := time.Date(2026, 11, 29, 15, 30, 0, 0, time.UTC)
	o := history.Options{Orders: 2200, Months: 5, Until: until, Seed: 4} // more than fit into one transaction
	if err := history.Create(ctx, today, o); err != nil {
		t.Fatal(err)
	}
	if err := firstschema.Create(ctx, old, o); err != nil {
		t.Fatal(err)
	}
	from, err := storage.Open(today)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	wantFirstSchema(t, old)

	to, err := storage.Open(old)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if to.Kept() == "" {
		t.Error("file kept before the upgrade: got none, want one")
	}
	if _, err := to.Verify(ctx, nil); err != nil {
		t.Error(err)
	}
	var want, got content
	for ledger, into := range map[*storage.Ledger]*content{from: &want, to: &got} {
		if err := ledger.View(ctx, into.read); err != nil {
			t.Fatal(err)
		}
	}
	if len(got.findings) > 0 {
		t.Errorf("findings: got %v, want none", got.findings)
	}
	if got.orders != want.orders || got.orders != o.Orders || got.purchases != want.purchases || got.spent != want.spent ||
		got.kinds != want.kinds {
		t.Errorf("got %d orders, %d purchases, %s spent, records %s\nwant %d orders, %d purchases, %s spent, records %s",
			got.orders, got.purchases, got.spent, got.kinds, want.orders, want.purchases, want.spent, want.kinds)
	}
}

// content is what a test compares of two ledgers.
type content struct {
	orders, purchases int
	spent             purchase.Cents
	kinds             string
	findings          []purchase.Finding
}

func (c *content) read(r purchase.Reader) (err error) {
	if c.findings, err = reconcile.CheckConsistency(context.Background(), reconcile.Snapshot{Reader: r}, nil); err != nil {
		return err
	}
	for _, err := range purchase.AllOrders(r) {
		if err != nil {
			return err
		}
		c.orders++
	}
	var kinds strings.Builder
	for e, err := range purchase.AllEvents(r) {
		if err != nil {
			return err
		}
		kinds.WriteString(e.Kind + " " + string(e.Order) + "\n")
	}
	c.kinds = kinds.String()
	budgets, err := r.Budgets(100)
	if err != nil {
		return err
	}
	for _, b := range budgets {
		c.spent += b.Spent
	}
	newest, err := r.Purchases(0, 1)
	if err == nil && len(newest) > 0 {
		c.purchases = int(newest[0].Number)
	}
	return err
}

// wantFirstSchema checks the mark of the file, and that its failures are sentences.
func wantFirstSchema(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sentences := 0
	err = db.View(func(tx *bbolt.Tx) error {
		if version := string(tx.Bucket([]byte("meta")).Get([]byte("schema"))); version != "1" {
			t.Errorf("schema: got %q, want 1", version)
		}
		return tx.Bucket([]byte("orders")).ForEach(func(_, record []byte) error {
			var o struct {
				AddedAfter *time.Time `json:"added_after"`
				Failure    *struct {
					Sentence string         `json:"sentence"`
					Args     map[string]any `json:"args"`
				} `json:"failure"`
			}
			if err := json.Unmarshal(record[4:], &o); err != nil {
				return err
			}
			if f := o.Failure; f != nil {
				sentences++
				if f.Sentence == "" || f.Args != nil {
					t.Errorf("failure: got %+v, want a sentence and no arguments", *f)
				}
			}
			if o.AddedAfter != nil {
				t.Errorf("order: got the later field added_after in %s, want none", record[4:])
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if sentences == 0 {
		t.Error("failures: got none, want some")
	}
}
