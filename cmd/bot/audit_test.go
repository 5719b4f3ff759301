package main

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/internal/processtest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/storage"
)

// The history of an order, with persons and places, in every format.
func TestAudit_Formats(t *testing.T) {
	env := newEnv(t)
	s := env.settings(t)
	processtest.Environment(t, s)
	env.buy(t, s["DATABASE"], 2)
	var all []purchase.Event
	lines := func(args ...string) (events []purchase.Event) {
		t.Helper()
		got := does(t, "", append([]string{"audit", "--json"}, args...)...)
		if got.code != 0 {
			t.Fatalf("%v: got exit code %d, want 0: %s", args, got.code, got.err)
		}
		for line := range strings.Lines(got.out) {
			var e purchase.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		return events
	}
	all = lines()
	for i, e := range all {
		hash, err := storage.Hash(e)
		if err != nil || hash != e.Hash || e.Number != uint64(i+1) || (i > 0 && e.Prev != all[i-1].Hash) {
			t.Errorf("record %d: got %+v, want one whose hash can be checked from what is printed", i+1, e)
		}
	}
	id := all[len(all)-1].Order
	only := func(f func(purchase.Event) bool) (n int) {
		for _, e := range all {
			if f(e) {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--order", string(id)}, only(func(e purchase.Event) bool { return e.Order == id })},
		{[]string{"--by", slacksim.Alice}, only(func(e purchase.Event) bool { return e.By == slacksim.Alice })},
		{[]string{"--by", "licensebot", "--order", string(id)}, only(func(e purchase.Event) bool {
			return e.By == "licensebot" && e.Order == id
		})},
		{[]string{"--since", "1h"}, len(all)},
		{[]string{"--since", "2d"}, len(all)},
		{[]string{"--since", time.Now().AddDate(0, 0, 2).Format(time.DateOnly)}, 0},
		{[]string{"--until", "1h"}, 0},
		{[]string{"--until", time.Now().UTC().Format(time.DateOnly)}, len(all)},
		{[]string{"--month", time.Now().UTC().AddDate(0, 2, 0).Format("2006-01")}, 0},
		{[]string{"--by", "U0NOBODY"}, 0},
	} {
		if got := lines(c.args...); len(got) != c.want || c.want == len(all) && len(all) < 10 {
			t.Errorf("%v: got %d records, want %d of %d, which are at least 10", c.args, len(got), c.want, len(all))
		}
	}
	rows, err := csv.NewReader(strings.NewReader(does(t, "", "audit", "--csv").out)).ReadAll()
	if err != nil || len(rows) != len(all)+1 ||
		!slices.Equal(rows[0], []string{
			"number", "time", "kind", "by", "channel", "order", "amount_usd", "note", "prev",
			"hash",
		}) {
		t.Errorf("CSV: got %d rows (with the head), want one for each of %d records; error %v", len(rows), len(all), err)
	}
	does(t, "", "audit", "--order", string(id)).says(t, 0, "#  ", "WHEN", slacksim.Alice, slacksim.General, string(id),
		"$63.75", "purchased", "Hashes are shortened")
	does(t, "", "audit", "--by", "U0NOBODY").says(t, 0, "No matching records.\n")
	does(t, "", "audit", "--since", "yesterday").says(t, 2,
		`bot: --since "yesterday": use a day such as 2026-11-01, or an age such as 36h or 30d: see 'bot help audit'`)
	does(t, "", "audit", "--since", "-1h").says(t, 2, `bot: --since "-1h": `)

	open, err := storage.Open(s["DATABASE"]) // as a running bot does
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if beside := lines(); len(beside) != len(all) {
		t.Errorf("beside a running bot: got %d records, want %d", len(beside), len(all))
	}
}
