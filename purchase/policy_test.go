package purchase

import (
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
)

func TestPolicy_MayBuy_Lists(t *testing.T) {
	alice := Actor{ID: "U1", Groups: []string{"SBUYERS"}, UnknownGroups: []string{"SHIDDEN"}}
	cases := []struct {
		name   string
		policy Policy
		may    bool
		want   string // the refusal's code and arguments
	}{
		{"nobody is listed", Policy{}, false, `not-a-buyer buyers="none" setting="BUYERS"`},
		{"somebody else is listed", Policy{Buyers: map[string]bool{"U2": true}}, false, `not-a-buyer setting="BUYERS"`},
		{"they are listed", Policy{Buyers: map[string]bool{"U1": true}}, true, ""},
		{"everybody may", Policy{Everyone: true}, true, ""},
		{"a group of theirs is listed", Policy{Buyers: map[string]bool{"SBUYERS": true}}, true, ""},
		{
			"a group that Slack does not tell of is listed",
			Policy{Buyers: map[string]bool{"SHIDDEN": true}},
			false,
			`outsider unknown="groups"`,
		},
		{"they are listed, and such a group", Policy{Buyers: map[string]bool{"U1": true, "SHIDDEN": true}}, true, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			no := c.policy.MayBuy(alice)
			if (no == nil) != c.may {
				t.Fatalf("got refusal %v, want may buy %t", no, c.may)
			}
			if no != nil && no.Error() != c.want {
				t.Errorf("got %s, want %s", no, c.want)
			}
		})
	}
}

// Groups returns the groups that the lists name, each once.
func TestPolicy_Groups_EachOnce(t *testing.T) {
	p := Policy{
		Buyers:    map[string]bool{"U1": true, "SALL": true},
		Approvers: map[string]bool{"SBOSSES": true, "SALL": true},
		Admins:    map[string]bool{"W1": true, "SOPS": true, "SNOT": false},
	}
	if got := p.Groups(); !slices.Equal(got, []string{"SALL", "SBOSSES", "SOPS"}) {
		t.Errorf("groups: got %v, want SALL, SBOSSES and SOPS", got)
	}
}

func TestPolicy_CheckLimits_OrderAndMonth(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	cases := []struct {
		name   string
		order  Limit
		month  Limit
		price  Cents
		budget Budget
		want   RefusalCode
	}{
		{"exactly the order limit", Limit{Max: 6375}, Limit{None: true}, 6375, Budget{}, ""},
		{"a cent over the order limit", Limit{Max: 6374}, Limit{None: true}, 6375, Budget{}, OverOrderLimit},
		{"exactly what is left", Limit{None: true}, Limit{Max: 10000}, 4000, Budget{Spent: 5000, Reserved: 1000}, ""},
		{
			"a cent more than is left",
			Limit{None: true},
			Limit{Max: 10000},
			4001,
			Budget{Spent: 5000, Reserved: 1000},
			OverBudget,
		},
		{"what is only reserved counts too", Limit{None: true}, Limit{Max: 10000}, 1, Budget{Reserved: 10000}, OverBudget},
		{"no limits at all", Limit{None: true}, Limit{None: true}, 99999999, Budget{Spent: 99999999}, ""},
		{"the zero limit lets nothing through", Limit{}, Limit{None: true}, 1, Budget{}, OverOrderLimit},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			no := Policy{OrderLimit: c.order, MonthlyBudget: c.month}.CheckLimits(Commitment{Price: c.price, Now: now}, c.budget)
			var got RefusalCode
			if no != nil {
				got = no.Code
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	policy := Policy{OrderLimit: Limit{None: true}, MonthlyBudget: Limit{Max: 10000}}
	no := policy.CheckLimits(Commitment{Price: 6375, Now: now}, Budget{Spent: 5000})
	want := NewRefusal(OverBudget, "setting", "MONTHLY_BUDGET", "price", "6375", "left", "5000", "limit", "10000",
		"resets",
		"2026-12-01T00:00:00Z")
	if !no.Is(want.Cause) {
		t.Errorf("got %s, want %s", no, want)
	}
}

// Every limit, just kept and just exceeded, with the refusal's text: which limit, how much is left, and when it resets.
func TestPolicy_CheckLimits_EveryLimit(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	none := Policy{OrderLimit: Limit{None: true}, MonthlyBudget: Limit{None: true}}
	with := func(change func(*Policy)) Policy {
		p := none
		change(&p)
		return p
	}
	small := Spec{RAM: 4, CPU: 1, Disk: 5, RunLimit: 2, Period: cocalc.PeriodMonthly}
	term := small
	term.Period, term.End = cocalc.PeriodRange, now.AddDate(0, 0, 30)
	month := Budget{
		Spent:  9000,
		People: map[string]Share{"U1": {Spent: 5000, Reserved: 1000, Days: map[string]int{"2026-11-22": 3, "2026-11-21": 9}}},
	}
	cases := []struct {
		name   string
		keeps  Policy
		passes Policy
		spec   Spec
		want   string // the refusal's code and arguments
	}{
		{
			"per person and month", with(func(p *Policy) { p.PersonBudget = 7000 }), with(func(p *Policy) {
				p.PersonBudget = 6999
			}), small,
			`over-person-budget left="999" limit="6999" price="1000" resets="2026-12-01T00:00:00Z" setting="PERSON_BUDGET"`,
		},
		{
			"per person and day", with(func(p *Policy) { p.PersonOrders = 4 }), with(func(p *Policy) { p.PersonOrders = 3 }),
			small,
			`too-many limit="3" ordered="3" setting="PERSON_ORDERS" zone="UTC"`,
		},
		{
			"RAM", with(func(p *Policy) { p.Largest.RAM = 4 }), with(func(p *Policy) { p.Largest.RAM = 3 }), small,
			`too-large asked="4" limit="3" setting="MAX_RAM" size="ram"`,
		},
		{
			"CPU", with(func(p *Policy) { p.Largest.CPU = 1 }), with(func(p *Policy) { p.Largest.CPU = 1 }),
			Spec{CPU: 2},
			`too-large asked="2" limit="1" setting="MAX_CPU" size="cpu"`,
		},
		{
			"disk", with(func(p *Policy) { p.Largest.Disk = 5 }), with(func(p *Policy) { p.Largest.Disk = 4 }), small,
			`too-large asked="5" limit="4" setting="MAX_DISK" size="disk"`,
		},
		{
			"run limit", with(func(p *Policy) { p.Largest.RunLimit = 2 }), with(func(p *Policy) { p.Largest.RunLimit = 1 }),
			small, `too-large asked="2" limit="1" setting="MAX_RUN_LIMIT" size="run_limit"`,
		},
		{
			"longest term", with(func(p *Policy) { p.Largest.Days = 30 }), with(func(p *Policy) { p.Largest.Days = 29 }), term,
			`too-large asked="30" limit="29" setting="MAX_DAYS" size="days"`,
		},
		{
			"renewing", with(func(p *Policy) { p.Periods = map[cocalc.Period]bool{cocalc.PeriodMonthly: true} }),
			with(func(p *Policy) { p.Periods = map[cocalc.Period]bool{cocalc.PeriodRange: true} }), small,
			`wrong-period allowed="range" period="monthly" setting="PERIODS"`,
		},
		{
			"a way of paying", with(func(p *Policy) { p.Periods = map[cocalc.Period]bool{cocalc.PeriodMonthly: true} }),
			with(func(p *Policy) {
				p.Periods = map[cocalc.Period]bool{cocalc.PeriodRange: true, cocalc.PeriodYearly: true}
			}), small,
			`wrong-period allowed="range yearly" period="monthly" renewing="true" setting="PERIODS"`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			asked := Commitment{Share: month.People["U1"], Spec: c.spec, Price: 1000, Now: now}
			if c.name != "CPU" {
				if no := c.keeps.CheckLimits(asked, month); no != nil {
					t.Errorf("at the limit: got refusal %s, want none", no)
				}
			}
			no := c.passes.CheckLimits(asked, month)
			if no == nil || no.Error() != c.want {
				t.Fatalf("got %v, want %s", no, c.want)
			}
		})
	}
}

func TestPolicy_Month_TimeZone(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	late := time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC)
	if got := (Policy{}).Month(late); got != "2026-11" {
		t.Errorf("month in UTC: got %s, want 2026-11", got)
	}
	if got := (Policy{Location: vienna}).Month(late); got != "2026-12" {
		t.Errorf("month in Vienna: got %s, want 2026-12", got)
	}
	stop := AccountState{Pause: &Pause{
		Since: late, By: "UDANA", Name: "dana",
		Incidents: []Incident{{Cause: PersonSaid("we count"), By: "UDANA"}},
	}}
	if got, want := (Policy{Location: vienna}).RefusePaused(stop).Error(),
		`paused by="UDANA" name="dana" since="2026-11-30T23:30:00Z" (said reason="we count")`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseTag_OnlyAtTheEnd(t *testing.T) {
	id := OrderID("01JD8Z3V5TQ4X6B7N8M9P0RSTW")
	cases := []struct {
		name, text string
		found      bool
	}{
		{"alone", id.Tag(), true},
		{"below people's words", "for the winter school\n" + id.Tag(), true},
		{"in the middle", id.Tag() + " please", false},
		{"in lower case", strings.ToLower(id.Tag()), false},
		{"too short", "order 01JD8Z", false},
		{"not there", "winter school", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ParseTag(c.text)
			if ok != c.found || (ok && got != id) {
				t.Errorf("got %q, found %t; want %q, found %t", got, ok, id, c.found)
			}
		})
	}
}

// Days begin in the team's time zone, also those without a midnight because the clock is set forward then.
func TestDayBegins_TimeZones(t *testing.T) {
	for _, c := range []struct {
		zone  string
		day   time.Time
		wants string
	}{
		{"UTC", time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), "2026-11-23T00:00:00Z"},
		{"UTC", time.Date(2026, 12, 32, 0, 0, 0, 0, time.UTC), "2027-01-01T00:00:00Z"},
		{"Europe/Vienna", time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), "2026-03-29T00:00:00+01:00"},
		{"America/Santiago", time.Date(2026, 9, 6, 0, 0, 0, 0, time.UTC), "2026-09-06T01:00:00-03:00"},
		{"America/Havana", time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), "2026-03-08T01:00:00-04:00"},
		{"Africa/Cairo", time.Date(2026, 4, 24, 0, 0, 0, 0, time.UTC), "2026-04-24T01:00:00+03:00"},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayBegins(c.day.Year(), c.day.Month(), c.day.Day(), loc).Format(time.RFC3339); got != c.wants {
			t.Errorf("begin of %s in %s: got %s, want %s", c.day.Format(time.DateOnly), c.zone, got, c.wants)
		}
	}
	asuncion, err := time.LoadLocation("America/Asuncion")
	if err != nil {
		t.Fatal(err)
	}
	got := (Policy{Location: asuncion}).ResetDay(time.Date(2023, 9, 20, 12, 0, 0, 0, time.UTC))
	if got.Format(DateStyle) != "Oct 1, 2023" {
		t.Errorf("reset day of the budget of September 2023: got %s, want Oct 1, 2023", got)
	}
}

// Months and days in the team's time zone: an order just before midnight there counts in the old month, also in the
// hour that comes twice.
func TestPolicy_Day_AroundMidnight(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	p := Policy{Location: vienna}
	for at, want := range map[string]string{
		"2026-11-30T22:59:59Z": "2026-11 2026-11-30", "2026-11-30T23:00:00Z": "2026-12 2026-12-01",
		"2026-10-25T00:30:00Z": "2026-10 2026-10-25", "2026-10-25T01:30:00Z": "2026-10 2026-10-25",
		"2026-03-31T21:59:59Z": "2026-03 2026-03-31", "2026-03-31T22:00:00Z": "2026-04 2026-04-01",
		"2026-12-31T23:00:00Z": "2027-01 2027-01-01",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Month(moment) + " " + p.Day(moment); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
}
