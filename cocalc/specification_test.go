package cocalc

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLicenseSpec_CartDescription(t *testing.T) {
	monthly := spec(func(s *LicenseSpec) { s.Title, s.Description = "my title", "my desc <&>" })
	const want = `{"ram":16,"cpu":2,"disk":10,"member":true,"uptime":"medium","type":"quota","user":"business",` +
		`"boost":false,` +
		`"period":"monthly","run_limit":1,"title":"my title","description":"my desc <&>"}`
	if got := monthly.CartDescription(testNow); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	zone := time.FixedZone("elsewhere", 3600)
	for name, test := range map[string]struct{ start, end, want string }{
		"begins when bought": {"", "2027-01-31T00:00:00+01:00", `["2026-11-22T12:00:00.000Z","2027-01-30T23:00:00.000Z"]`},
		"began already": {
			"2026-11-01T00:00:00Z", "2027-01-31T00:00:00Z",
			`["2026-11-22T12:00:00.000Z","2027-01-31T00:00:00.000Z"]`,
		},
		"begins later": {
			"2026-12-01T00:00:00.123456Z", "2027-01-31T00:00:00Z",
			`["2026-12-01T00:00:00.123Z","2027-01-31T00:00:00.000Z"]`,
		},
	} {
		parse := func(s string) time.Time {
			if s == "" {
				return time.Time{}
			}
			at, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				t.Fatal(err)
			}
			return at.In(zone)
		}
		var got struct{ Range json.RawMessage }
		description := spec(fixedTerm(parse(test.start), parse(test.end))).CartDescription(testNow)
		if err := json.Unmarshal(description, &got); err != nil || string(got.Range) != test.want {
			t.Errorf("%s: got %s, %v; want %s", name, got.Range, err, test.want)
		}
	}
}

// spec is a valid specification with changes.
func spec(changes ...func(*LicenseSpec)) LicenseSpec {
	s := DefaultSpec()
	s.RAM, s.CPU = 16, 2
	for _, change := range changes {
		change(&s)
	}
	return s
}

func fixedTerm(start, end time.Time) func(*LicenseSpec) {
	return func(s *LicenseSpec) { s.Period, s.Start, s.End = PeriodRange, start, end }
}

func TestLicenseSpec_Validate(t *testing.T) {
	in := func(d time.Duration) time.Time { return testNow.Add(d) }
	day := 24 * time.Hour
	for _, test := range []struct {
		name   string
		change func(*LicenseSpec)
		want   []string
	}{
		{"nothing", func(*LicenseSpec) {}, nil},
		{"too much RAM", func(s *LicenseSpec) { s.RAM = 64 }, []string{"`ram` must be between 1 and 16 GB."}},
		{"no cores", func(s *LicenseSpec) { s.CPU = 0 }, []string{"`cpu` must be between 1 and 3 cores."}},
		{"negative disk", func(s *LicenseSpec) { s.Disk = -1 }, []string{"`disk` must be between 1 and 20 GB."}},
		{"too many projects", func(s *LicenseSpec) {
			s.RunLimit = 10001
		}, []string{"`run_limit` must be between 1 and 10,000 projects."}},
		{"words", func(s *LicenseSpec) { s.Uptime, s.User, s.Period = "forever", "", "weekly" }, []string{
			"`uptime` must be short, medium, day or always_running.",
			"`user` must be academic or business.",
			"`period` must be monthly, yearly or range.",
		}},
		{
			"a day without member hosting", func(s *LicenseSpec) { s.Uptime, s.Member = UptimeDay, false },
			[]string{"`uptime=day` needs member hosting. Use `member=yes`, or choose a shorter `uptime`."},
		},
		{"always running without member hosting", func(s *LicenseSpec) { s.Uptime, s.Member = UptimeAlways, false }, nil},
		{"dates without a fixed term", func(s *LicenseSpec) { s.Start, s.End = in(day), in(2*day) }, []string{
			"`start` is for fixed terms only. Use `period=range`, or leave it out.",
			"`end` is for fixed terms only. Use `period=range`, or leave it out.",
		}},
		{"a term from now", fixedTerm(time.Time{}, in(time.Hour)), nil},
		{"a term that began", fixedTerm(in(-day), in(day)), nil},
		{"a term without an end", fixedTerm(in(day), time.Time{}), []string{"`end` is required for a fixed term."}},
		{"a term in the past", fixedTerm(in(-2*day), in(-day)), []string{"`end` must be in the future."}},
		{"a term that ends now", fixedTerm(time.Time{}, testNow), []string{"`end` must be in the future."}},
		{"a reversed term", fixedTerm(in(2*day), in(day)), []string{"`end` must be after `start`."}},
		{"a term under an hour", fixedTerm(in(day), in(day+time.Hour-1)), []string{"A fixed term must be at least an hour."}},
		{
			"a term that began and ends too soon", fixedTerm(in(-day), in(time.Minute)),
			[]string{"A fixed term must be at least an hour."},
		},
		{"ten years", fixedTerm(time.Time{}, testNow.AddDate(10, 0, 0)), nil},
		{
			"more than ten years", fixedTerm(time.Time{}, testNow.AddDate(10, 0, 1)),
			[]string{"A fixed term can be up to 10 years."},
		},
		{
			"far ahead", fixedTerm(testNow.AddDate(11, 0, 0), testNow.AddDate(11, 1, 0)),
			[]string{"`start` must be within the next 10 years."},
		},
		{
			"long texts", func(s *LicenseSpec) { s.Title, s.Description = strings.Repeat("ä", 201), strings.Repeat("ä", 1001) },
			[]string{
				"`title` can have up to 200 characters; yours has 201.",
				"`description` can have up to 1,000 characters; yours has 1,001.",
			},
		},
		{"the longest texts", func(s *LicenseSpec) {
			s.Title, s.Description = strings.Repeat("ä", 200), strings.Repeat("ä", 1000)
		}, nil},
		{"NUL and broken UTF-8", func(s *LicenseSpec) { s.Title, s.Description = "a\x00b", "a\xed\xa0\x80b" }, []string{
			"`title` contains a NUL character, which CoCalc doesn't accept.",
			"`description` contains characters that can't be read.",
		}},
		{"emoji, quotes and control characters", func(s *LicenseSpec) { s.Title = "👩‍🔬 \"x\" \t\x01" }, nil},
		{"a project", func(s *LicenseSpec) { s.ProjectID = "5c1be219-b12a-4bcc-a5c4-736954dfce6b" }, nil},
		{
			"no project", func(s *LicenseSpec) { s.ProjectID = "{5c1be219-b12a-4bcc-a5c4-736954dfce6b}" },
			[]string{"`project` must be a project's id, e.g. 01234567-89ab-cdef-0123-456789abcdef."},
		},
		{
			"a project of formats and marks", func(s *LicenseSpec) { s.ProjectID = "`*x*`\n\u202e" },
			[]string{"`project` must be a project's id, e.g. 01234567-89ab-cdef-0123-456789abcdef."},
		},
		{
			"a project that is not seen", func(s *LicenseSpec) { s.ProjectID = "\u200b" },
			[]string{"`project` must be a project's id, e.g. 01234567-89ab-cdef-0123-456789abcdef."},
		},
		{"a boost", func(s *LicenseSpec) { s.Boost = true }, nil},
	} {
		got := spec(test.change).Validate(testNow)
		if diff := cmp.Diff(test.want, got.Sentences()); diff != "" {
			t.Errorf("%s: got other mistakes (-want +got):\n%s", test.name, diff)
		}
	}
	all := LicenseSpec{}.Validate(testNow)
	if fields := len(all); fields != 7 {
		t.Errorf("the zero specification: got %d mistakes, want 7: %s", fields, all.Error())
	}
}

func TestLicenseSpec_Summary(t *testing.T) {
	if got, want := spec().Summary(),
		"16 GB RAM, 2 cores, 10 GB disk, member hosting, idle timeout 2 hours, business, 1 running project"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	odd := spec(func(s *LicenseSpec) {
		s.CPU, s.Member, s.Uptime, s.RunLimit, s.Boost, s.User = 1, false, UptimeAlways, 1500, true, UserAcademic
	})
	want := "16 GB RAM, 1 core, 10 GB disk, no member hosting, always running, academic, 1,500 running projects, boost"
	if got := odd.Summary(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if notes := odd.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "adds to another license") {
		t.Errorf("got %q, want a note about boosts alone", notes)
	}
	if notes := spec(func(s *LicenseSpec) { s.RAM = 1 }).Notes(); len(notes) != 1 || len(spec().Notes()) != 0 {
		t.Errorf("got %q, want one note, and none without 1 GB of RAM", notes)
	}
}
