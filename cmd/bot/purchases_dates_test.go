package main

import (
	"encoding/csv"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/internal/escape"
	"licensebot/internal/processtest"
	"licensebot/purchase"
)

// table returns the output of `bot purchases --csv`, by column.
func table(t *testing.T, text string) (rows []map[string]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("got error %v, want a table with at least one row: %q", err, text)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// The month of a row is the team's, so its day is too. A private channel is identified by its id.
func TestPurchases_CSV_MonthAndDay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, purchase.Purchase{
		Time: time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC), Month: "2026-12",
		Place: purchase.Channel{ID: "C0SECRET", Name: "privategroup"},
	}) // Slack's name for every private channel
	processtest.Environment(t, map[string]string{"DATABASE": path, "TIMEZONE": "Europe/Vienna"})
	row := table(t, does(t, "", "purchases", "--csv").out)[0]
	for column, want := range map[string]string{
		"time": "2026-11-30T23:30:00Z", "day": "2026-12-01", "entry_date": "2026-12-01", "month": "2026-12",
		"channel": "privategroup", "channel_id": "C0SECRET",
	} {
		if row[column] != want {
			t.Errorf("%s: got %q, want %q", column, row[column], want)
		}
	}
}

// A late entry has the day on which CoCalc sold it, and its entry date is the day of the newest entry before it.
func TestJournal_EntryDates_NeverDecrease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	keepLedger(t, path, purchase.Purchase{Time: day(3)}, purchase.Purchase{Time: day(20)},
		purchase.Purchase{Time: day(3), Duplicate: true},
		purchase.Purchase{Time: day(21)}, purchase.Purchase{Time: day(20), Correction: true})
	processtest.Environment(t, map[string]string{"DATABASE": path})
	var days, booked []string
	for _, row := range table(t, does(t, "", "purchases", "--csv").out) {
		days, booked = append(days, row["day"]), append(booked, row["entry_date"])
	}
	if want := []string{"2026-11-03", "2026-11-20", "2026-11-03", "2026-11-21", "2026-11-20"}; !slices.Equal(days, want) {
		t.Errorf("days: got %v, want %v", days, want)
	}
	want := []string{"2026-11-03", "2026-11-20", "2026-11-20", "2026-11-21", "2026-11-21"}
	if !slices.Equal(booked, want) {
		t.Errorf("entry dates: got %v, want %v", booked, want)
	}
}

// Joiners are part of the spelling of words. Where they join nothing, they only hide something.
func TestPurchases_Names_Joiners(t *testing.T) {
	for name, c := range map[string]struct{ text, cell, quoted string }{
		"Persian":             {"می\u200cخواهم", "می\u200cخواهم", "\"می\u200cخواهم\""},
		"Hindi":               {"क्\u200dष", "क्\u200dष", "\"क्\u200dष\""},
		"an emoji of several": {"👩\u200d🏫", "👩\u200d🏫", "\"👩\u200d🏫\""},
		"between ASCII":       {"pay\u200cpal", "paypal", `"pay\u200cpal"`},
		"before a formula":    {"\u200c=1+1", "'=1+1", `"\u200c=1+1"`},
		"before a word":       {"\u200dمی", "می", `"\u200dمی"`},
		"after a word":        {"می\u200c", "می", `"می\u200c"`},
		"two in a row":        {"می\u200c\u200dخ", "میخ", `"می\u200c\u200dخ"`},
		"beside an override":  {"می\u200c\u202eخ", "میخ", `"می\u200c\u202eخ"`},
		"after a broken byte": {"\xff\u200cخ", "\xffخ", `"\xff\u200cخ"`},
	} {
		if got := escape.Cell(c.text); got != c.cell {
			t.Errorf("%s: got the cell %+q, want %+q", name, got, c.cell)
		}
		if got := escape.Quote(c.text); got != c.quoted {
			t.Errorf("%s: got %+q in quotes, want %+q", name, got, c.quoted)
		}
	}
}

// Excel reads a file as UTF-8 only if it begins with a byte order mark; other programs would read the mark as part of
// the first column's name.
func TestPurchases_CSV_ByteOrderMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	keepLedger(t, path, examplePurchases()...)
	processtest.Environment(t, map[string]string{"DATABASE": path})
	for _, what := range []string{"purchases", "audit"} {
		plain := does(t, "", what, "--csv")
		marked := does(t, "", what, "--csv", "--bom")
		if plain.code != 0 || marked.code != 0 || strings.HasPrefix(plain.out, "\ufeff") || marked.out != "\ufeff"+plain.out {
			t.Errorf("%s: got exit codes %d and %d, %q; want 0 and 0, the same with a byte order mark", what, plain.code,
				marked.code, marked.out[:20])
		}
		for _, args := range [][]string{{"--bom"}, {"--json", "--bom"}} {
			if got := does(t, "", append([]string{what}, args...)...); got.code != 2 || got.out != "" {
				t.Errorf("%s %v: got exit code %d, %q; want 2, nothing", what, args, got.code, got.out)
			}
		}
	}
}
