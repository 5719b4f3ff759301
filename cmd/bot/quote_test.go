package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"licensebot/internal/processtest"
)

func TestQuote_Text(t *testing.T) {
	cases := []struct {
		name, defaults string
		words          []string
		says           string // the beginning of what is printed, or of the error; all of the error, if it ends with a line
		code           int
	}{
		{
			"the license of the README", "",
			[]string{"ram=16 cpu=2"},
			"$63.75 a month. Renews every month at $63.75 until cancelled: $765.00 a year.\n", 0,
		},
		{"without quotes", "", []string{"ram=16", "cpu=2"}, "$63.75 a month.", 0},
		{"with the team's defaults", "ram=16 cpu=2", nil, "$63.75 a month.", 0},
		{"in people's words", "", []string{"RAM: 16GB, cores = 2, period=monthly"}, "$63.75 a month.", 0},
		{"a year", "", []string{"ram=16 cpu=2 period=yearly"}, "$637.56 a year. Renews every year at $637.56 until " +
			"cancelled: $53.13 a month. You save $127.44 a year compared with paying monthly.\n", 0},
		{
			"nothing said", "", nil, "bot: `ram` is required: the memory per project in GB, e.g. `ram=8`.\n`cpu` is required",
			1,
		},
		{"a misspelt field", "", []string{"rma=16 cpu=2"}, "bot: `rma` isn't a field. Did you mean `ram`?", 1},
		{
			"half a term, told once", "",
			[]string{"ram=16 cpu=2 start=2100-01-01"},
			"bot: `start` needs an end. Add `days=30` or `end=2027-01-31`.\n", 1,
		},
		{
			"half a term without dates", "",
			[]string{"ram=16 cpu=2 period=range"},
			"bot: `period=range` needs an end. Add `days=30` or `end=2027-01-31`.\n", 1,
		},
		{
			"a start that is not a date, and an end that is over", "",
			[]string{"ram=16 cpu=2 start=soon end=2020-01-01"},
			"bot: Write dates as YYYY-MM-DD, e.g. `start=2027-01-01`.\n`end` must be in the future.\n", 1,
		},
		{"no days", "", []string{"ram=16 cpu=2 days=0"}, "bot: `days` must be at least 1.\n", 1},
		{"two mistakes", "", []string{"ram=64 cpu=9"}, "bot: `ram` must be between 1 and 16 GB.\n`cpu` must be", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			processtest.Environment(t, map[string]string{"LICENSE_DEFAULTS": c.defaults})
			got := does(t, "", append([]string{"quote"}, c.words...)...)
			if got.code != c.code || !strings.HasPrefix(got.out+got.err, c.says) || c.code != 0 &&
				strings.HasSuffix(c.says, "\n") && got.err != c.says {
				t.Errorf("got exit code %d\n%s%s\nwant %d, %q", got.code, got.out, got.err, c.code, c.says)
			}
		})
	}
}

// runQuotes runs bot quote --jsonl and returns its answers.
func runQuotes(t *testing.T, input string) []priced {
	t.Helper()
	got := does(t, input, "quote", "--jsonl")
	if got.code != 0 || got.err != "" {
		t.Fatalf("got exit code %d, want 0: %s", got.code, got.err)
	}
	var all []priced
	for line := range strings.Lines(got.out) {
		var p priced
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("got error %v, want an answer in JSON: %s", err, line)
		}
		all = append(all, p)
	}
	return all
}

// Every recorded price of CoCalc's own code, exact to the cent and in order.
func TestQuote_RecordedPrices(t *testing.T) {
	data, err := os.ReadFile("../../cocalc/testdata/prices.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	type record struct {
		Input                          json.RawMessage
		Cost, PerUnit, PerProject, Sum float64
		Line                           float64 `json:"line_item_amount"`
		Unit                           float64 `json:"cost_per_unit"`
		Project                        float64 `json:"cost_per_project_per_month"`
		Alone                          float64 `json:"checkout_total_if_alone"`
	}
	var records []record
	var input bytes.Buffer
	for line := range bytes.Lines(data) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
		input.Write(r.Input)
		input.WriteByte('\n')
	}
	got := runQuotes(t, input.String())
	if len(got) != len(records) || len(records) < 2000 {
		t.Fatalf("got %d answers to %d lines, want one for each, and at least 2000", len(got), len(records))
	}
	for n, r := range records {
		p := got[n]
		if p.Error != "" {
			t.Errorf("line %d: got the error %s, want a price", n+1, p.Error)
			continue
		}
		for what, pair := range map[string][2]float64{
			"cost": {float64(*p.CostCents), r.Line}, "cost per unit": {float64(*p.PerUnitCents), r.Unit},
			"cost per project and month": {float64(*p.PerProjectPerMonthCents), r.Project},
			"line item":                  {float64(*p.LineItemAmountCents), r.Line},
			"checkout total":             {float64(*p.CheckoutTotalIfAloneCents), r.Alone},
		} {
			if pair[0] != math.Round(pair[1]*100) {
				t.Errorf("line %d: %s: got %v cents, want %v dollars", n+1, what, pair[0], pair[1])
			}
		}
	}
}

const (
	goodLine = `{"type":"quota","user":"business","run_limit":1,"ram":16,"cpu":2,"disk":10,"member":true,` +
		`"uptime":"medium","boost":false,"period":"monthly"}`
	goodCost = 6375
)

// A line that cannot be priced gets its error, in its place, and does not stop the others.
func TestQuote_BrokenLines(t *testing.T) {
	padded := func(length int) string {
		return goodLine[:len(goodLine)-1] + strings.Repeat(" ", length-len(goodLine)) + "}"
	}
	lines := []struct {
		name, text string
		good       bool
	}{
		{"good", goodLine, true},
		{"empty", "", false},
		{"blank", "   ", false},
		{"no JSON", "ram=16 cpu=2", false},
		{"cut off", goodLine[:40], false},
		{"two values", goodLine + goodLine, false},
		{"null", "null", false},
		{"a list", "[]", false},
		{"not UTF-8", "{\"type\":\"\xff\xfe\"}", false},
		{"with a byte order mark", "\ufeff" + goodLine, false},
		{"longer than any buffer", padded(200_000), true},
		{"as long as may be", padded(maxLine), true},
		{"a byte longer", padded(maxLine + 1), false},
		{"five times as long", padded(5 * maxLine), false},
		{"good again", goodLine, true},
	}
	var texts []string
	for _, l := range lines {
		texts = append(texts, l.text)
	}
	for _, end := range []string{"\n", "\r\n"} {
		for _, last := range []string{end, ""} {
			got := runQuotes(t, strings.Join(texts, end)+last)
			if len(got) != len(lines) {
				t.Fatalf("lines that end with %q, the last with %q: got %d answers, want %d", end, last, len(got), len(lines))
			}
			for n, l := range lines {
				if l.good && (got[n].CostCents == nil || *got[n].CostCents != goodCost) || !l.good &&
					(got[n].Error == "" || got[n].CostCents != nil) {
					t.Errorf("%s (line end %q): got %+v, want %d cents: %t, or else an error", l.name, end, got[n], goodCost, l.good)
				}
			}
		}
	}
}

func TestQuote_NoLines(t *testing.T) {
	if got := runQuotes(t, ""); len(got) != 0 {
		t.Errorf("got %v, want no answers", got)
	}
}

// A program may send line by line and wait for each answer.
func TestQuote_AnswersLineByLine(t *testing.T) {
	in, ask := io.Pipe()
	hear, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- quoteLines(in, out, time.Now)
		out.Close()
	}()
	replies := bufio.NewScanner(hear)
	for range 3 {
		if _, err := io.WriteString(ask, goodLine+"\n"); err != nil {
			t.Fatal(err)
		}
		if !replies.Scan() || !strings.HasPrefix(replies.Text(), `{"cost_cents":6375,`) {
			t.Fatalf("got %q, want an answer of 6375 cents", replies.Text())
		}
	}
	ask.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Lines before an error of the input are still answered.
func TestQuote_InputBreaks(t *testing.T) {
	broken := errors.New("the disk is gone")
	var out bytes.Buffer
	err := quoteLines(io.MultiReader(strings.NewReader(goodLine+"\n"+goodLine), iotest.ErrReader(broken)), &out, time.Now)
	if !errors.Is(err, broken) || strings.Count(out.String(), "cost_cents") != 1 {
		t.Errorf("got the error %v, want that of the input, after one price\n%s", err, out.String())
	}
}
