package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"licensebot/storage"
)

func TestRun_Ledgers(t *testing.T) {
	for schema, upgraded := range map[string]bool{"0": false, "1": true} {
		path := filepath.Join(t.TempDir(), "large.db")
		var progress strings.Builder
		err := run(t.Context(), []string{"-orders", "40", "-months", "2", "-schema", schema, "-o", path}, &progress)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(progress.String(), "40 of 40 orders") {
			t.Errorf("progress: got %q, want that 40 of 40 orders were made", progress.String())
		}
		ledger, err := storage.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		report, err := ledger.Verify(t.Context(), nil)
		if err != nil || report.Orders != 40 || (ledger.Kept() != "") != upgraded {
			t.Errorf("schema %s: got %d orders, upgraded %v (error %v), want 40, %v", schema, report.Orders,
				ledger.Kept() != "", err, upgraded)
		}
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
		if err := run(t.Context(), []string{"-o", path}, io.Discard); err == nil {
			t.Error("a file that exists: got no error, want one")
		}
	}
}

func TestRun_WrongArguments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.db")
	for _, args := range [][]string{
		{},
		{"-o", path, "-schema", "7"},
		{"-o", path, "more"},
		{"-o", path, "-orders", "0"},
		{"-o", path, "-until", "yesterday"},
	} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q: got no error, want one", args)
		}
	}
}
