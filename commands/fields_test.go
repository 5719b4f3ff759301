package commands_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"licensebot/commands"
)

func TestFields_Set(t *testing.T) {
	for _, c := range []struct {
		name, key, text string
		want            string // what Get returns
		sentence        string
	}{
		{"a number", "ram", "16", "16", ""},
		{"a number with its unit", "ram", " 16 GB ", "16", ""},
		{"no number", "ram", "lots", "", "`ram` must be a whole number, e.g. `ram=16`."},
		{"nothing", "ram", "", "", "`ram` must be a whole number, e.g. `ram=16`."},
		{"a choice", "uptime", "always_running", "always_running", ""},
		{"yes", "member", "true", "yes", ""},
		{"no", "boost", "no", "no", ""},
		{"a date", "end", "2027-01-31", "2027-01-31", ""},
		{"a text that looks like fields", "title", `ram=1 "x"`, `ram=1 "x"`, ""},
		{"a text with entities, which forms do not have", "title", "&amp;", "&amp;", ""},
		{"a text of several lines", "description", "a\r\nb", "a\nb", ""},
		{"a title of several lines", "title", "a\nb", "a b", ""},
		{"a project", "project", project, project, ""},
		{"another word for a key", "memory", "16", "16", ""},
		{"a key that is none", "cpuu", "1", "", "`cpuu` isn't a field. Did you mean `cpu`?"},
		{"what no license has", "gpu", "1", "", "CoCalc licenses have no GPU. Leave it out."},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f commands.Fields
			m, ok := f.Set(c.key, c.text)
			if m.Sentence != c.sentence || ok != (c.sentence == "") {
				t.Errorf("Set(%q, %q): got %q, %t; want %q", c.key, c.text, m.Sentence, ok, c.sentence)
			}
			got, given := f.Get(c.key)
			if got != c.want || given != ok {
				t.Errorf("Get(%q) = %q, %t; want %q", c.key, got, given, c.want)
			}
		})
	}
}

func TestFields_Set_KeepsOldValue(t *testing.T) {
	f := commands.Fields{RAM: ptr(8)}
	if _, ok := f.Set("ram", "lots"); ok {
		t.Errorf("Set(%q, %q): got no mistake, want one", "ram", "lots")
	}
	if diff := cmp.Diff(commands.Fields{RAM: ptr(8)}, f); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, ok := f.Set("ram", "16"); !ok || *f.RAM != 16 {
		t.Errorf("got %d GB after a second Set, want 16", *f.RAM)
	}
}

func TestFields_Settle(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields commands.Fields
		period string // afterwards; empty: not said
		report int    // number of mistakes
	}{
		{"nothing said", commands.Fields{}, "", 0},
		{"an end makes a range", commands.Fields{End: date(2027, 1, 31)}, "range", 0},
		{"days make a range", commands.Fields{Days: ptr(30)}, "range", 0},
		{"a month stays a month", commands.Fields{Period: ptr("monthly")}, "monthly", 0},
		{"a start needs an end", commands.Fields{Start: date(2027, 1, 1)}, "", 1},
		{"a range needs an end", commands.Fields{Period: ptr("range")}, "range", 1},
		{"a month has no end", commands.Fields{Period: ptr("monthly"), Days: ptr(30)}, "monthly", 1},
		{"everything at once", commands.Fields{Period: ptr("monthly"), Days: ptr(30), End: date(2027, 1, 31)}, "monthly", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			mistakes := c.fields.Settle()
			if len(mistakes) != c.report {
				t.Errorf("got mistakes %v, want %d", mistakes, c.report)
			}
			if got, _ := c.fields.Get("period"); got != c.period {
				t.Errorf("period = %q, want %q", got, c.period)
			}
		})
	}
}

func TestParseDate(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"as we write it", "2027-01-31", "2027-01-31"},
		{"without zeros", "2027-1-5", "2027-01-05"},
		{"the first day we can write", "0001-01-01", "0001-01-01"},
		{"the last day we can write", "9999-12-31", "9999-12-31"},
		{"a day too many", "2027-01-32", ""},
		{"a month too many", "2027-13-01", ""},
		{"no leap year", "2027-02-29", ""},
		{"month zero", "2027-00-01", ""},
		{"year zero", "0000-01-01", ""},
		{"the day first, with dots", "31.12.2026", "2026-12-31"},
		{"the day first, with dots and blanks", "1. 2. 2027", "2027-02-01"},
		{"dashes of documents", "2027–12‑31", "2027-12-31"},
		{"a minus and a dash of Japanese keyboards", "2027−12ー31", "2027-12-31"},
		{"fullwidth", "２０２７／１２／３１", "2027-12-31"},
		{"Arabic-Indic digits", "٢٠٢٧-١٢-٣١", "2027-12-31"},
		{"the day first, with a day too many", "31.11.2026", ""},
		{"the day first, or the month", "1/2/2027", ""},
		{"the day first, with one dot", "31.12-2026", ""},
		{"the day first, with dashes", "31-01-2027", ""},
		{"two digits for the year", "27-01-31", ""},
		{"nothing between", "20270131", ""},
		{"marks doubled", "2027--01-31", ""},
		{"a mark at the end", "2027-01-31-", ""},
		{"signs", "2027-+1-31", ""},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, ok := commands.ParseDate(c.text)
			if ok != (c.want != "") || ok && d.String() != c.want {
				t.Errorf("ParseDate(%q): got %v, %t; want %q", c.text, d, ok, c.want)
			}
		})
	}
}

func TestLicenseID(t *testing.T) {
	for _, text := range []string{
		license, strings.ToUpper(license), " `" + license + "` ",
		"https://cocalc.com/settings/licenses?id=" + license, "License: " + license,
	} {
		if id, ok := commands.LicenseID(text); !ok || id != license {
			t.Errorf("LicenseID(%q): got %q, %t, want %q", text, id, ok, license)
		}
	}
	for _, text := range []string{
		"", "no idea", license + " " + license, license[1:], order,
		"https://cocalc.com/projects/" + project,
	} {
		if id, ok := commands.LicenseID(text); ok {
			t.Errorf("LicenseID(%q): got %q, want none", text, id)
		}
	}
}
