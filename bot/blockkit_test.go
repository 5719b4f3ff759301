package bot

import (
	"encoding/json"
	"testing"
	"time"

	"licensebot/commands"
	"licensebot/purchase"
)

func TestSpecify(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	defaults := purchase.Spec{Disk: 10, Member: true, Uptime: "short", User: "academic", Period: "monthly", RunLimit: 1}
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	local := func(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 0, 0, 0, vienna) }
	cases := []struct {
		name, said string
		want       func(*purchase.Spec)
	}{
		{"what is left out is the team's default", "ram=16 cpu=2", func(s *purchase.Spec) { s.RAM, s.CPU = 16, 2 }},
		{
			"what is said takes the default's place", "ram=1 cpu=1 user=business uptime=day member=no disk=3 run_limit=7",
			func(s *purchase.Spec) {
				s.RAM, s.CPU, s.User, s.Uptime, s.Member, s.Disk, s.RunLimit = 1, 1, "business", "day", false, 3, 7
			},
		},
		{"so many days begin when it is bought, and are exactly so long", "days=30", func(s *purchase.Spec) {
			s.Period, s.End = "range", noon.AddDate(0, 0, 30)
		}},
		{"a term runs to the end of its last day, where the team is", "end=2027-01-31", func(s *purchase.Spec) {
			s.Period, s.End = "range", local(2027, 2, 1, 0).Add(-time.Millisecond)
		}},
		{"a term begins with its first day", "start=2027-01-01 end=2027-01-31", func(s *purchase.Spec) {
			s.Period, s.Start, s.End = "range", local(2027, 1, 1, 0), local(2027, 2, 1, 0).Add(-time.Millisecond)
		}},
		{"a term that begins today begins when it is bought", "start=2026-11-22 end=2026-11-30", func(s *purchase.Spec) {
			s.Period, s.End = "range", local(2026, 12, 1, 0).Add(-time.Millisecond)
		}},
		{"so many days over the end of summer time are days of the calendar", "days=130", func(s *purchase.Spec) {
			s.Period, s.End = "range", local(2027, 4, 1, 13) // noon UTC is 13:00 in winter
		}},
		{
			"days count from the first day, and the last of them is one of them", "start=2027-01-01 days=10",
			func(s *purchase.Spec) {
				s.Period, s.Start, s.End = "range", local(2027, 1, 1, 0), local(2027, 1, 11, 0).Add(-time.Millisecond)
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, mistakes := commands.ParseFields(c.said)
			if len(mistakes) > 0 {
				t.Fatal(mistakes)
			}
			want := defaults
			c.want(&want)
			got := Specify(defaults, f, noon, vienna)
			if !got.Start.Equal(want.Start) || !got.End.Equal(want.End) {
				t.Errorf("got from %s to %s, want from %s to %s", got.Start, got.End, want.Start, want.End)
			}
			got.Start, got.End, want.Start, want.End = time.Time{}, time.Time{}, time.Time{}, time.Time{}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// A term over a change of the clock lasts as many days when it is bought again without one.
func TestRepeatSpec_ClockChange(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, vienna) }
	for _, c := range []struct{ start, end, now, want time.Time }{
		{day(10, 10), day(11, 9), day(12, 1), day(12, 31)}, // 30 days and an hour
		{day(3, 10), day(4, 9), day(6, 1), day(7, 1)},      // an hour less than 30 days
		{day(6, 1), day(7, 1), day(10, 10), day(11, 9)},
		{day(10, 10), day(11, 9).Add(-time.Millisecond), day(12, 1), day(12, 31).Add(-time.Millisecond)},
	} {
		got := repeatSpec(purchase.Spec{Period: "range", Start: c.start, End: c.end}, c.now, c.now, vienna)
		if !got.End.Equal(c.want) {
			t.Errorf("term from %s to %s, repeated on %s: got end %s, want %s", c.start, c.end, c.now, got.End, c.want)
		}
	}
}

func TestRepeatSpec(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	term := purchase.Spec{RAM: 4, CPU: 1, Period: "range", Start: now.AddDate(0, -2, 0), End: now.AddDate(0, -2, 30)}
	got := repeatSpec(term, now, now, time.UTC)
	if !got.Start.IsZero() || got.End.Sub(now) != term.End.Sub(term.Start) {
		t.Errorf("got a term from %s to %s, want 30 days from now", got.Start, got.End)
	}
	future := purchase.Spec{Period: "range", Start: now.AddDate(0, 1, 0), End: now.AddDate(0, 2, 0)}
	if repeatSpec(future, now, now, time.UTC) != future {
		t.Errorf("term that has not begun: got %v, want %v", repeatSpec(future, now, now, time.UTC), future)
	}
	l := purchase.License{RunLimit: 3, Title: "Old"}
	l.Quota.RAM, l.Quota.CPU, l.Quota.Disk, l.Quota.Uptime, l.Quota.User = 7.5, 0.5, 3, "always_running", "academic"
	s := purchasedSpec(l, purchase.Spec{Period: "yearly", Description: "x"})
	if s.RAM != 8 || s.CPU != 1 || s.Disk != 3 || s.RunLimit != 3 || s.Uptime != "always_running" ||
		s.Period != "monthly" || s.Description != "" {
		t.Errorf("got %+v, want 8 GB, 1 core, 3 GB of disk, 3 projects, always running, monthly, without a description", s)
	}
}

// A term that was asked for by its days names days, also when the ledger has kept it meanwhile.
func TestTermWords_Days(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for said, want := range map[string]string{
		"end=2026-11-29": "from now until <!date^1795950000^{date_short_pretty}|Nov 29, 2026>",
		"start=2026-12-01 end=2026-12-31": "from <!date^1796122800^{date_short_pretty}|Dec 1, 2026> until " +
			"<!date^1798714800^{date_short_pretty}|Dec 31, 2026>",
		"start=2026-12-01 days=31": "from <!date^1796122800^{date_short_pretty}|Dec 1, 2026> until " +
			"<!date^1798714800^{date_short_pretty}|Dec 31, 2026>",
		"days=7": "from now until <!date^1795953600^{date_short_pretty} at {time}|Nov 29, 2026, 12:00 PM UTC>",
	} {
		f, mistakes := commands.ParseFields(said)
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		data, err := json.Marshal(Specify(purchase.Spec{}, f, now, vienna))
		if err != nil {
			t.Fatal(err)
		}
		var kept purchase.Spec
		if err := json.Unmarshal(data, &kept); err != nil {
			t.Fatal(err)
		}
		if got := termWords(kept); got != want {
			t.Errorf("%s: got %q, want %q", said, got, want)
		}
	}
}
