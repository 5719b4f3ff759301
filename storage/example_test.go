package storage_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"licensebot/purchase"
	"licensebot/storage"
)

// Open creates a ledger if there is none. Changes go through Update, reads through View.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ledger, err := storage.Open(filepath.Join(dir, "ledger.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer ledger.Close()
	ctx := context.Background()
	err = ledger.Update(ctx, func(w purchase.Writer) error {
		return w.AppendEvent(purchase.Event{Kind: "proposed", By: "U024BE7LH", Amount: 6375})
	})
	if err != nil {
		log.Fatal(err)
	}
	err = ledger.View(ctx, func(r purchase.Reader) error {
		head, err := r.Head()
		fmt.Println("record", head.Number, head.Kind, head.Amount)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: record 1 proposed $63.75
}
