package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/storage"
)

// prepaidPurchases is a purchase log with everything that the report can contain: the one of `examplePurchases`, a term
// that began at once, a correction of it, one that has not begun on December 15, and one that has ended by then.
func prepaidPurchases() []purchase.Purchase {
	at := time.Date(2026, time.December, 1, 9, 0, 0, 0, time.UTC)
	term := func(order, license string, charged purchase.Cents, begins, ends time.Time) purchase.Purchase {
		s := cocalc.DefaultSpec()
		s.RAM, s.CPU, s.Period, s.Start, s.End = 16, 2, cocalc.PeriodRange, begins, ends
		return purchase.Purchase{
			Time: at, Month: "2026-12", Order: purchase.OrderID(order), Requester: purchase.Actor{ID: "U0ALICE", Name: "alice"},
			Spec: s, Shown: charged, Charged: charged, LicenseID: license, Expires: ends,
		}
	}
	course := term("01JDXK00000000000000000004", "44d63bc0-5a10-4f86-971a-c584cf5baaaf", 10_000, time.Time{},
		at.AddDate(0, 0, 31))
	less := course
	less.Charged, less.Correction = -700, true
	return append(examplePurchases(), course, less,
		term("01JDXK00000000000000000005", "54d63bc0-5a10-4f86-971a-c584cf5baab0", 20_000, at.AddDate(0, 1, 0),
			at.AddDate(0, 2, 0)),
		term("01JDXK00000000000000000006", "64d63bc0-5a10-4f86-971a-c584cf5baab1", 30_000, at, at.AddDate(0, 0, 7)))
}

func TestMigrateReport_Formats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, prepaidPurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path, "TIMEZONE": "Europe/Vienna"})
	for name, args := range map[string][]string{
		"migrate-report.txt": nil, "migrate-report.csv": {"--csv"},
		"migrate-report.jsonl": {"--json"},
	} {
		got := does(t, "", append([]string{"migrate-report", "--at", "2026-12-15"}, args...)...)
		if got.code != 0 || got.err != "" {
			t.Errorf("%v: got exit code %d, want 0: %s", args, got.code, got.err)
		}
		golden(t, name, got.out)
	}
}

func TestMigrateReport_At(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, prepaidPurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path, "TIMEZONE": "Europe/Vienna"})
	for _, c := range []struct{ at, total string }{
		{"2026-12-01T08:59:59Z", "2 fixed terms: $0.10 paid, $0.08 unused\n"}, // the others were not bought yet
		{"2026-12-01T09:00:00Z", "5 fixed terms: $593.10 paid, $593.08 unused\n"},
		{"2026-12-08T09:00:00Z", "4 fixed terms: $293.10 paid, $272.06 unused\n"},
		{"2026-12-08T10:00:00+01:00", "4 fixed terms: $293.10 paid, $272.06 unused\n"},
		{"2027-03-01", "0 fixed terms: $0.00 paid, $0.00 unused\n"},
	} {
		got := does(t, "", "migrate-report", "--at", c.at)
		if got.code != 0 ||
			!strings.Contains(got.out, "\n"+c.total+
				"Not in the total: 2 licenses that renew, paid for the last period that the ledger knows.\n") {
			t.Errorf("%s: got exit code %d\n%s%s\nwant 0, the total %q and 2 licenses that renew", c.at, got.code, got.out,
				got.err, c.total)
		}
	}
	does(t, "", "migrate-report", "--at", "tomorrow").says(t, 2, `--at "tomorrow": use a day such as 2026-11-01`)
	does(t, "", "migrate-report", "--at", "2020-01-01").says(t, 0,
		"The ledger has no fixed term that runs or is to begin, and no license that renews, on Jan 1, 2020, 12:00 AM CET.\n")
}

// Without --at, the report is about now.
func TestMigrateReport_Now(t *testing.T) {
	now := time.Now()
	term := func(license string, begins, ends time.Time) purchase.Purchase {
		p := prepaidPurchases()[0]
		p.Spec.Period, p.Spec.Start, p.Spec.End = cocalc.PeriodRange, begins, ends
		p.Order, p.LicenseID, p.Time, p.Expires, p.Charged = purchase.OrderID("order of "+license), license,
			now.AddDate(0, 0, -2), ends, 3000
		return p
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, term("ended", now.AddDate(0, 0, -2), now.Add(-time.Minute)),
		term("to-begin", now.Add(time.Hour), now.AddDate(0, 0, 5)))
	processtest.Environment(t, map[string]string{"DATABASE": path})
	got := does(t, "", "migrate-report")
	got.says(t, 0, "to-begin", "\n1 fixed term: $30.00 paid, $30.00 unused\n")
	if strings.Contains(got.out, "ended") || strings.Contains(got.out, "Not in the total") {
		t.Error(got.out)
	}
}

// The report needs no other settings, calls no server, runs beside a running bot, and names the order that may be
// missing.
func TestMigrateReport_NeedsOnlyTheLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, prepaidPurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path, "COCALC_URL": "no address", "SLACK_API_URL": "none"})
	alone := does(t, "", "migrate-report", "--csv", "--at", "2026-12-15")
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if beside := does(t, "", "migrate-report", "--csv", "--at", "2026-12-15"); beside != alone || beside.code != 0 ||
		beside.err != "" {
		t.Errorf("got exit code %d, want 0 and the report: %s%s", beside.code, beside.out, beside.err)
	}
	lost := purchase.Order{ID: "01JDXK00000000000000000007", State: purchase.Unknown, Month: "2026-12"}
	err = ledger.Update(context.Background(), func(w purchase.Writer) error { return w.PutOrder(lost) })
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
	const note = "Not included: order 01JDXK00000000000000000007, whose outcome is unknown. An admin can settle it with " +
		"`/license settle`.\n"
	if got := does(t, "", "migrate-report", "--csv", "--at", "2026-12-15"); got.code != 0 || got.out != alone.out ||
		got.err != note {
		t.Errorf("got exit code %d, want 0 and the report: %s%s", got.code, got.out, got.err)
	}
	if got := does(t, "", "migrate-report"); got.code != 0 || !strings.HasSuffix(got.out, note) || got.err != "" {
		t.Errorf("got exit code %d, want 0 and the report: %s%s", got.code, got.out, got.err)
	}
	processtest.Environment(t, map[string]string{"DATABASE": filepath.Join(t.TempDir(), "none.db")})
	does(t, "", "migrate-report").says(t, 1, "there is no ledger ")
}
