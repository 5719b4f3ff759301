package cocalc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"
	"time"
)

var testNow = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// readLines calls f with every line of a file of JSON lines.
func readLines(t testing.TB, path string, f func(n int, line []byte)) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<20)
	n := 0
	for scanner.Scan() {
		n++
		f(n, scanner.Bytes())
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Fatalf("got no lines in %s, want some", path)
	}
}

// Every recorded price of the server's own code, all amounts.
func TestPrice_Recorded(t *testing.T) {
	readLines(t, "testdata/prices.jsonl", func(n int, line []byte) {
		var want struct {
			Input           json.RawMessage
			Cost            float64
			PerUnit         float64 `json:"cost_per_unit"`
			PerProjectMonth float64 `json:"cost_per_project_per_month"`
			LineItemAmount  float64 `json:"line_item_amount"`
			CheckoutTotal   float64 `json:"checkout_total_if_alone"`
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		got, err := PriceDescription(want.Input, testNow)
		if err != nil {
			t.Errorf("line %d: %s: got %v, want a price", n, want.Input, err)
			return
		}
		cents := func(f float64) Cents { return Cents(math.Round(f * 100)) }
		wantCost := Cost{
			PerUnit: cents(want.PerUnit), PerProjectMonth: cents(want.PerProjectMonth),
			LineItemAmount: cents(want.LineItemAmount), CheckoutTotal: cents(want.CheckoutTotal),
		}
		if got != wantCost {
			t.Errorf("line %d: %s\n got %+v\nwant %+v", n, want.Input, got, wantCost)
		}
	})
}

// Rounding, with what Node.js 20 returns.
func TestRoundUp(t *testing.T) {
	for x, want := range map[float64]Cents{
		4.44: 444, 8.38: 838, 31.875: 3188, -31.875: -3186, 0.001: 1, -0.00001: 0, 12.500001: 1251, 1.005: 101,
		70.83333: 7084, -2.325: -232, 0: 0, 0.125: 13, 0.375: 38, 0.625: 63, 0.875: 88, -0.125: -12, 2.675: 268,
		1234567.125: 123456713,
	} {
		if got, err := roundUp(x); err != nil || got != want {
			t.Errorf("roundUp(%v) = %d, %v; want %d", x, got, err, want)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e21} {
		if got, err := roundUp(x); err == nil {
			t.Errorf("roundUp(%v): got %d, want an error", x, got)
		}
	}
}

// Products of amounts, with what decimal.js-light 2.5.1 returns.
func TestMultiply(t *testing.T) {
	for _, test := range []struct {
		amount       Cents
		factor, want float64
	}{
		{838, 100, 838},
		{6375, 0.30000000000000004, 19.125000000000004},
		{3750, 0.49180327835991, 18.442622938496626},
		{7084, 0.49180327830904674, 34.839344235412874},
		{12345678, 1234567890.1234567, 152415776406035.78},
		{472447, 536.0177464209921, 2532399.7624335843}, // and …585 if it were rounded to 20 digits
		{0, 5, 0},
		{500, 0, 0},
		{-100, 2.5, -2.5},
		{100, -2.5, -2.5},
		{-100, -2.5, 2.5},
		{100, math.NaN(), math.NaN()},
		{100, math.Inf(1), math.NaN()},
	} {
		if got := multiply(test.amount, test.factor); got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want)) {
			t.Errorf("%s × %v = %v, want %v", test.amount, test.factor, got, test.want)
		}
	}
}

func TestPrice_InvalidSpec(t *testing.T) {
	_, err := Price(spec(func(s *LicenseSpec) { s.RAM, s.Disk = 64, 0 }), testNow)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 2 || mistakes[0].Field != "ram" {
		t.Errorf("got %v, want two mistakes, the first about ram", err)
	}
}

func TestPrice_Quote(t *testing.T) {
	month := fixedTerm(time.Time{}, testNow.Add(61*12*time.Hour)) // 30.5 days
	for _, test := range []struct {
		name   string
		change func(*LicenseSpec)
		want   Quote
	}{
		{"monthly", func(*LicenseSpec) {}, Quote{
			Total: 6375, PerUnit: 6375, PerProjectMonth: 6375, RenewsAt: 6375,
			Period: PeriodMonthly,
		}},
		{
			"yearly, three projects", func(s *LicenseSpec) { s.Period, s.RunLimit = PeriodYearly, 3 },
			Quote{Total: 191268, PerUnit: 63756, PerProjectMonth: 5313, Saves: 38232, RenewsAt: 191268, Period: PeriodYearly},
		},
		{"a month as a fixed term", month, Quote{Total: 7084, PerUnit: 7084, PerProjectMonth: 7084, Period: PeriodRange}},
		{
			"a fixed term that began", func(s *LicenseSpec) { month(s); s.Start = testNow.Add(-1000 * time.Hour) },
			Quote{Total: 7084, PerUnit: 7084, PerProjectMonth: 7084, Period: PeriodRange},
		},
		{
			"a fixed term later", func(s *LicenseSpec) { month(s); s.Start = s.End.Add(-61 * 6 * time.Hour) },
			Quote{Total: 3542, PerUnit: 3542, PerProjectMonth: 7084, Period: PeriodRange},
		},
	} {
		test.want.Version = "3"
		s := spec(test.change)
		got, err := Price(s, testNow)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v; want %+v", test.name, got, err, test.want)
		}
		// The quote equals the server's price of the description that is sent.
		sent, err := PriceDescription(s.CartDescription(testNow), testNow)
		if err != nil || sent.LineItemAmount != got.Total || sent.PerUnit != got.PerUnit ||
			sent.PerProjectMonth != got.PerProjectMonth {
			t.Errorf("%s: got the quote %+v, want the server's price %+v (%v)", test.name, got, sent, err)
		}
	}
}

// A fixed term that begins when it is bought costs less the longer it waits.
func TestPrice_WaitingTerm(t *testing.T) {
	s := spec(fixedTerm(time.Time{}, testNow.Add(40*24*time.Hour)))
	before := Cents(1 << 40)
	for minutes := range 500 {
		quote, err := Price(s, testNow.Add(time.Duration(minutes)*time.Minute))
		if err != nil || quote.Total > before {
			t.Fatalf("after %d minutes: got %+v, %v, want at most %s", minutes, quote, err, before)
		}
		before = quote.Total
	}
}

func TestCents_String(t *testing.T) {
	for cents, want := range map[Cents]string{
		0: "$0.00", 5: "$0.05", 6375: "$63.75", -560: "-$5.60", 123450: "$1,234.50",
		100000000: "$1,000,000.00", -100000: "-$1,000.00",
	} {
		if got := cents.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
