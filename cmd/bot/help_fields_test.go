package main

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"licensebot/bot"
	"licensebot/cocalc"
	"licensebot/commands"
)

// The help is rendered from the table of package commands, which does not import package cocalc; package cocalc has the
// rules. The two must agree.
func TestHelp_Fields_AgreeWithCoCalc(t *testing.T) {
	yesNo := map[bool]string{true: "yes", false: "no"}
	d := cocalc.DefaultSpec()
	want := map[string]struct{ def, bounds string }{
		"ram":       {"", bounds(cocalc.MinRAM, cocalc.MaxRAM)},
		"cpu":       {"", bounds(cocalc.MinCPU, cocalc.MaxCPU)},
		"disk":      {strconv.Itoa(d.Disk), bounds(cocalc.MinDisk, cocalc.MaxDisk)},
		"run_limit": {strconv.Itoa(d.RunLimit), bounds(cocalc.MinRunLimit, cocalc.MaxRunLimit)},
		"member":    {yesNo[d.Member], ""},
		"uptime":    {string(d.Uptime), ""},
		"user":      {string(d.User), ""},
		"boost":     {yesNo[d.Boost], ""},
		"period":    {string(d.Period), ""},
	}
	for _, f := range commands.AllFields() {
		w := want[f.Key]
		if f.Default != w.def || f.Bounds != w.bounds {
			t.Errorf("%s: got default %q, bounds %q in the help, want CoCalc's %q, %q", f.Key, f.Default, f.Bounds, w.def,
				w.bounds)
		}
		delete(want, f.Key)
	}
	if len(want) > 0 {
		t.Errorf("help: got no text for %v, want one for each field", want)
	}
	if d.RAM != 0 || d.CPU != 0 {
		t.Error("got a default for ram or cpu, want none: the help says that they are required")
	}
}

func bounds(low, high int) string {
	if high == 10_000 {
		return fmt.Sprintf("%d–10,000", low)
	}
	return fmt.Sprintf("%d–%d", low, high)
}

// Every value that the help lists can be ordered, and the first value beyond the bounds cannot.
func TestHelp_Fields_CanBeOrdered(t *testing.T) {
	now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	order := func(text string) error {
		f, mistakes := commands.ParseFields("ram=4 cpu=1 " + text)
		if len(mistakes) > 0 {
			return fmt.Errorf("%s", mistakes[0].Sentence)
		}
		_, err := cocalc.Price(bot.Specify(cocalc.DefaultSpec(), f, now, time.UTC), now)
		return err
	}
	for _, f := range commands.AllFields() {
		for _, c := range f.Choices {
			text := f.Key + "=" + c.Value
			if c.Value == string(cocalc.PeriodRange) {
				text += " days=30"
			}
			if err := order(text); err != nil {
				t.Errorf("%s: got the error %v, want none", text, err)
			}
		}
	}
	for _, text := range []string{"disk=0", "disk=21", "run_limit=0", "run_limit=10001"} {
		if err := order(text); err == nil {
			t.Errorf("%s: got no error, want one: it is out of bounds", text)
		}
	}
}
