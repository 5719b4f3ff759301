package storagetest

import (
	"context"
	"errors"
	"flag"
	"os"
	"testing"

	"licensebot/purchase"
)

// TestMain lets rapid check 30 sequences instead of its default of 100, so that the tests stay quick; -rapid.checks
// overrides it.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestMemory_Conformance(t *testing.T) {
	Ledger(t, func(*testing.T) (purchase.Ledger, func() purchase.Ledger) {
		m := new(Memory)
		return m, func() purchase.Ledger { return m }
	})
}

func TestMemory_Full(t *testing.T) {
	ctx := context.Background()
	m := new(Memory)
	m.Full.Store(true)
	put := func(w purchase.Writer) error { return w.PutBudget(purchase.Budget{Month: "2026-11", Spent: 1}) }
	if err := m.Update(ctx, put); !errors.Is(err, purchase.ErrFull) || !errors.Is(m.Room(ctx), purchase.ErrFull) {
		t.Errorf("got %v from Update and %v from Room, want ErrFull", err, m.Room(ctx))
	}
	m.Full.Store(false)
	err := m.Update(ctx, func(w purchase.Writer) error {
		b, err := w.Budget("2026-11")
		if b.Spent != 0 {
			t.Errorf("got %s spent after an update that failed, want nothing", b.Spent)
		}
		return err
	})
	if err := errors.Join(err, m.Update(ctx, put)); err != nil {
		t.Error(err)
	}
}
