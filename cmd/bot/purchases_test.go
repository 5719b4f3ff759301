package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"licensebot/cocalc"
	"licensebot/internal/config"
	"licensebot/internal/escape"
	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/storage"
)

// examplePurchases is a purchase log with everything that it can contain: a plain purchase, one with a title that
// spreadsheets would read as a formula, a fixed term, one that CoCalc bought twice, and a correction.
func examplePurchases() []purchase.Purchase {
	at := time.Date(2026, time.November, 30, 23, 30, 0, 0, time.UTC)
	spec := func(ram, cpu int) cocalc.LicenseSpec {
		s := cocalc.DefaultSpec()
		s.RAM, s.CPU = ram, cpu
		return s
	}
	term := spec(4, 1)
	term.Period, term.Start, term.End = cocalc.PeriodRange, at, at.AddDate(0, 0, 30)
	term.Title = "Statistics, \"101\"\nspring"
	formula := spec(8, 1)
	formula.Title = `=HYPERLINK("http://evil.example";"click")`
	return []purchase.Purchase{
		{
			Time: at, Month: "2026-11", Order: "01JDXK00000000000000000001",
			Requester: purchase.Actor{ID: "U0ALICE", Name: "alice"},
			Place:     purchase.Channel{ID: "C0GENERAL", Name: "general"}, Spec: spec(16, 2), Shown: 6375, Charged: 6375,
			Renews: 6375,
			ItemID: 11, PurchaseID: 21, LicenseID: "db918436-5a10-4f86-971a-c584cf5baaab",
		},
		{
			Time: at.Add(time.Hour), Month: "2026-12", Order: "01JDXK00000000000000000002",
			Requester: purchase.Actor{ID: "U0BOB", Name: "+bob"},
			Place:     purchase.Channel{ID: "D0BOB", Name: "directmessage", Direct: true}, Spec: formula,
			Reason: "@everyone needs it",
			Shown:  100_005, Charged: 100_000, Renews: 100_000, ItemID: 12, PurchaseID: 22,
			LicenseID: "14d63bc0-5a10-4f86-971a-c584cf5baaac",
		},
		{
			Time: at.Add(2 * time.Hour), Month: "2026-12", Order: "01JDXK00000000000000000003",
			Requester: purchase.Actor{ID: "U0CAROL"},
			Spec:      term, Reason: "-1 server", Shown: 5, Charged: 5, ItemID: 13,
			LicenseID: "24d63bc0-5a10-4f86-971a-c584cf5baaad", Expires: at.AddDate(0, 0, 30),
		},
		{
			Time: at.Add(2 * time.Hour), Month: "2026-12", Order: "01JDXK00000000000000000003",
			Requester: purchase.Actor{ID: "U0CAROL"},
			Spec:      term, Shown: 5, Charged: 5, ItemID: 13, LicenseID: "34d63bc0-5a10-4f86-971a-c584cf5baaae",
			Expires: at.AddDate(0, 0, 30), Duplicate: true,
		},
		{
			Time: at.Add(3 * time.Hour), Month: "2026-12", Order: "01JDXK00000000000000000002",
			Requester: purchase.Actor{ID: "U0BOB", Name: "+bob"},
			Spec:      formula, Charged: -5, ItemID: 12, PurchaseID: 22, Correction: true,
		},
	}
}

// keepLedger writes a ledger with these purchases.
func keepLedger(t *testing.T, path string, all ...purchase.Purchase) {
	t.Helper()
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = ledger.Update(context.Background(), func(w purchase.Writer) error {
		for _, p := range all {
			if _, err := w.AddPurchase(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestPurchases_Formats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path, "TIMEZONE": "Europe/Vienna"})
	for name, args := range map[string][]string{
		"purchases.txt": nil, "purchases.jsonl": {"--json"},
		"purchases.csv": {"--csv"},
	} {
		got := does(t, "", append([]string{"purchases"}, args...)...)
		if got.code != 0 || got.err != "" {
			t.Errorf("%v: got exit code %d, want 0: %s", args, got.code, got.err)
		}
		golden(t, name, got.out)
	}
}

// The purchases of one month, for a bookkeeper.
func TestPurchases_Span(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path, "TIMEZONE": "Europe/Vienna"})
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	month := examplePurchases()[0].Time.In(vienna).Format("2006-01")
	in := 0
	for _, p := range examplePurchases() {
		if p.Time.In(vienna).Format("2006-01") == month {
			in++
		}
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--month", month}, in},
		{[]string{"--month", "2020-01"}, 0},
		{[]string{"--since", "2020-01-01"}, len(examplePurchases())},
		{[]string{"--until", "2020-01-01"}, 0},
	} {
		got := does(t, "", append([]string{"purchases", "--json"}, c.args...)...)
		if n := strings.Count(got.out, "\n"); got.code != 0 || n != c.want {
			t.Errorf("%v: got exit code %d, %d purchases; want 0, %d\n%s", c.args, got.code, n, c.want, got.err)
		}
	}
	does(t, "", "purchases", "--month", "2020-01").says(t, 0, "No purchases in that period; the ledger has ")
}

func TestPurchases_JSON_IsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	n := 0
	for line := range strings.Lines(does(t, "", "purchases", "--json").out) {
		var p purchase.Purchase
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		want := examplePurchases()[n]
		want.Number = uint64(n + 1)
		if diff := cmp.Diff(want, p); diff != "" {
			t.Error(diff)
		}
		n++
	}
	if n != len(examplePurchases()) {
		t.Errorf("got %d lines, want one for each purchase", n)
	}
}

// Texts of people stay text in a spreadsheet, and amounts stay numbers.
func TestPurchases_CSV_NoFormulas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	var all []purchase.Purchase
	for _, evil := range []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "＝1+1", "\u200b=1+1", "\ufeff=1+1",
		"\u202e=1", "\u2003=1", "\x00=1", "\x1b=1", "−1+1", "\n=1", "\u200b\u00a0\u200b-1",
	} {
		p := examplePurchases()[0]
		p.Spec.Title, p.Reason, p.Requester.Name, p.Requester.ID, p.Place.Name, p.LicenseID = evil, evil, evil, evil, evil,
			evil
		all = append(all, p)
	}
	keepLedger(t, path, all...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	rows, err := csv.NewReader(strings.NewReader(does(t, "", "purchases", "--csv").out)).ReadAll()
	if err != nil || len(rows) != len(all)+1 {
		t.Fatalf("got %d rows, want one for each purchase and the head; error %v", len(rows), err)
	}
	for _, row := range rows {
		for n, text := range row {
			if bare := strings.Trim(text, " \u2003\u00a0"); bare != "" &&
				strings.ContainsRune("=+-@\t\r\n＝−", []rune(bare)[0]) || strings.ContainsFunc(strings.ReplaceAll(text, "\r", ""),
				escape.IsControl) {
				t.Errorf("column %s: got %q, want text that is no formula", rows[0][n], text)
			}
		}
	}
	if rows[1][13] != "63.75" || rows[0][13] != "shown_usd" {
		t.Errorf("got the amounts %v, want 63.75 in the column shown_usd", rows[1])
	}
}

func TestPurchases_NewLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	if got := does(t, "", "purchases"); got.code != 0 || got.out != "No purchases yet.\n" {
		t.Errorf("got exit code %d, %q; want 0, %q", got.code, got.out, "No purchases yet.\n")
	}
	if got := does(t, "", "purchases", "--json"); got.code != 0 || got.out != "" {
		t.Errorf("--json: got exit code %d, %q; want 0, nothing", got.code, got.out)
	}
	if got := does(t, "", "purchases", "--csv"); got.code != 0 || strings.Count(got.out, "\n") != 1 {
		t.Errorf("--csv: got exit code %d, %q; want 0, the header alone", got.code, got.out)
	}
}

// Purchases can be read while the bot runs. Resuming, which changes the ledger, is up to the running bot, and fails if
// that does not answer.
func TestPurchases_BotRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	alone := does(t, "", "purchases", "--csv")
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	if beside := does(t, "", "purchases", "--csv"); beside != alone || beside.code != 0 {
		t.Errorf("got exit code %d, want 0: %s%s", beside.code, beside.out, beside.err)
	}
	if got := does(t, "", "resume", "it was me"); got.code != 1 ||
		!strings.HasSuffix(got.err, "another licensebot is running with this ledger, but it doesn't answer: it may be "+
			"starting or stopping, or be an older version. If it is upgrading the ledger, its log shows how far it is. "+
			"Try again, or stop it first\n") {
		t.Errorf("bot resume: got exit code %d, error %q; want 1, that the running bot doesn't answer", got.code, got.err)
	}
}

func TestResume_Pause(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	if got := does(t, "", "resume", "just", "in", "case"); got.code != 0 || got.out != "Buying wasn't paused.\n" {
		t.Errorf("got exit code %d, want 0: %s%s", got.code, got.out, got.err)
	}
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = ledger.Update(context.Background(), func(w purchase.Writer) error {
		return w.PutAccount(
			purchase.AccountState{Pause: &purchase.Pause{
				Since: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), By: "licensebot",
				Incidents: []purchase.Incident{
					{
						Cause: purchase.Cause{Code: purchase.IncidentOther, Args: purchase.Args{"text": "CoCalc bought twice"}},
						By:    "licensebot",
					},
				},
			}})
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
	if got := does(t, "", "resume", "CoCalc", "paid", "it", "back"); got.code != 0 ||
		got.out != "Buying is back on. It had been paused since Nov 22, 2026, 12:00 PM UTC: CoCalc bought twice.\n" {
		t.Errorf("got exit code %d, want 0: %s%s", got.code, got.out, got.err)
	}
	if ledger, err = storage.OpenReadOnly(path); err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	err = ledger.View(context.Background(), func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil || account.Pause != nil {
			t.Errorf("got the pause %+v, want none; error %v", account.Pause, err)
		}
		events, err := r.Events(1, 10)
		if err != nil || len(events) != 1 || events[0].Kind != "resumed" || events[0].Note != "CoCalc paid it back" ||
			!strings.HasPrefix(events[0].By, "operator") {
			t.Errorf("got the audit records %+v, want the resume with its reason; error %v", events, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Output for programs keeps the meaning of people's texts, and cannot control a terminal. The same holds for the log.
func TestPurchases_ControlCharacters(t *testing.T) {
	const hostile = "x\x1b[2J\u009b31m \u202e00.1$ \u200b\U000e0041\u2028 y"
	path := filepath.Join(t.TempDir(), "ledger.db")
	p := examplePurchases()[0]
	p.Spec.Title, p.Reason, p.Requester.Name = hostile, hostile, hostile
	keepLedger(t, path, p)
	ledger, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = ledger.Update(context.Background(), func(w purchase.Writer) error {
		return errors.Join(w.AppendEvent(purchase.Event{Kind: "paused", By: hostile, Place: hostile, Note: hostile}),
			w.PutAccount(purchase.AccountState{Pause: &purchase.Pause{By: "U0CAROL", Incidents: pausedFor("U0CAROL", hostile)}}))
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		t.Fatal(err)
	}
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, args := range [][]string{
		{"purchases"},
		{"purchases", "--json"},
		{"purchases", "--csv"},
		{"audit"},
		{"audit", "--json"},
		{"audit", "--csv"},
		{"verify"},
		{"resume", "it", "is", hostile},
	} {
		got := does(t, "", args...)
		if strings.ContainsFunc(got.out+got.err, escape.IsControl) || got.out == "" {
			t.Errorf("%v: got %q, want text without control characters", args, got.out+got.err)
		}
		if len(args) == 2 && args[1] == "--json" && args[0] == "purchases" {
			var back purchase.Purchase
			if err := json.Unmarshal([]byte(got.out), &back); err != nil || back.Reason != hostile ||
				back.Spec.Title != hostile {
				t.Errorf("got %+v back, want what people wrote; error %v", back, err)
			}
		}
	}
	for _, format := range []config.LogFormat{"json", "console"} {
		var log strings.Builder
		logger := config.Settings{LogFormat: format}.Logger(&log)
		logger.Error().Err(errors.New(hostile)).Str("title", hostile).Msg("something " + hostile)
		if strings.ContainsFunc(log.String(), escape.IsControl) || !strings.Contains(log.String(), "00.1$") {
			t.Errorf("the log as %s: got %q, want the text without control characters", format, log.String())
		}
	}
}
