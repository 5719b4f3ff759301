package cocalctest

import (
	"math"
	"testing"
)

// The tables hold what Node.js 20 and decimal.js-light 2.5.1 answer.

func TestRound2up(t *testing.T) {
	for x, want := range map[float64]float64{
		0.125: 0.13, 0.375: 0.38, 0.625: 0.63, 0.875: 0.88, -0.125: -0.13, 1.005: 1, 2.675: 2.67, 8.345: 8.35, 1.255: 1.25,
		10.235:      10.23,
		1234567.125: 1234567.13, -2.5: -2.5, 1e21: 1e21, 123456789012345.67: 123456789012345.67, 0.005: 0.01, -0.001: 0,
	} {
		if got := toFixed2(x); got != want {
			t.Errorf("toFixed2(%v) = %v, want %v", x, got, want)
		}
	}
	for x, want := range map[float64]float64{
		4.44: 4.44, 8.38: 8.38, 31.875: 31.88, -31.875: -31.86, 0.001: 0.01, -0.00001: 0, 12.500001: 12.51, 1.005: 1.01,
		70.83333: 70.84, -2.325: -2.32, 0: 0,
	} {
		if got := round2up(x); got != want {
			t.Errorf("round2up(%v) = %v, want %v", x, got, want)
		}
	}
}

func TestDecimalMultiply(t *testing.T) {
	for _, test := range []struct {
		a    float64
		b    any
		want float64
		err  string
	}{
		{8.38, 100.0, 838, ""},
		{63.75, 0.30000000000000004, 19.125000000000004, ""},
		{37.5, 0.49180327835991, 18.442622938496626, ""},
		{70.84, 0.49180327830904674, 34.839344235412874, ""},
		{0.1, "3", 0.3, ""},
		{1, "-2.50", -2.5, ""},
		{2, "1e3", 2000, ""},
		{1, ".5", 0.5, ""},
		{1, "5.", 5, ""},
		{123456.78, 1234567890.1234567, 152415776406035.78, ""},
		{0.07, "14285714285714285714.285", 1e18, ""},
		{3, "0.33333333333333333333", 1, ""},
		{1, "9007199254740993", 9007199254740992, ""},
		{0.1, "90071992547409925", 9007199254740992, ""},
		{1, "99999999999999999999.5", 1e20, ""},
		{4724.47, 536.0177464209921, 2532399.7624335843, ""}, // and …585 if it were rounded to 20 digits
		{0, 5.0, 0, ""},
		{5, "0", 0, ""},
		{1, "many", 0, "[DecimalError] Invalid argument: many"},
		{1, "1_0", 0, "[DecimalError] Invalid argument: 1_0"},
		{1, "-many", 0, "[DecimalError] Invalid argument: many"},
		{1, "", 0, "[DecimalError] Invalid argument: "},
		{1, nil, 0, "[DecimalError] Invalid argument: null"},
		{1, true, 0, "[DecimalError] Invalid argument: true"},
		{math.NaN(), 1.0, 0, "[DecimalError] Invalid argument: NaN"},
		{math.Inf(1), 1.0, 0, "[DecimalError] Invalid argument: Infinity"},
	} {
		got, err := decimalMultiply(test.a, test.b)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != test.want || text != test.err {
			t.Errorf("%v × %v = %v, %q; want %v, %q", test.a, test.b, got, text, test.want, test.err)
		}
	}
	// Twenty digits are kept, the others cut off.
	for product, want := range map[[2]string]string{
		{"1", "123456789012345678905"}: "12345678901234567890", {"1", "123456789012345678909.9"}: "12345678901234567890",
		{"-1", "123456789012345678909"}: "-12345678901234567890",
	} {
		a, err := newDecimal(product[0])
		if err != nil {
			t.Fatal(err)
		}
		b, err := newDecimal(product[1])
		if err != nil {
			t.Fatal(err)
		}
		if got := a.mul(b).digits.String(); got != want {
			t.Errorf("%v: got digits %s, want %s", product, got, want)
		}
	}
}

func TestParseDateText(t *testing.T) {
	nan := math.NaN()
	for text, want := range map[string]float64{
		"2031-01-01T00:00:00.000Z": 1924992000000, "2031-02-30": 1930176000000, "2031": 1924992000000,
		"2031-05":              1935360000000,
		"2031-01-01T24:00:00Z": 1925078400000, "2031-01-01T24:00:01Z": nan, "2031-01-01T00:00:00.1239Z": 1924992000123,
		"2031-01-01T00:00+05:30": 1924972200000,
		"2031-13-01":             nan, "2031-00-10": nan, "2031-01-00": nan, "2031-01-32": nan,
		"+002031-01-01": 1924992000000, "2031-01-01 10:00:00": 1925028000000,
		"Jan 2, 2031": 1925078400000, "Wed, 01 Jan 2031 00:00:00 GMT": 1924992000000, "garbage": nan, "": nan,
		"+275760-09-13T00:00:00.001Z": nan,
	} {
		if got := parseDateText(text); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestNumberText(t *testing.T) {
	for f, want := range map[float64]string{
		1e21: "1e+21", 1e-7: "1e-7", 123456789012345680000: "123456789012345680000", 0.000001: "0.000001", 5e-324: "5e-324",
		-1.5: "-1.5", 100: "100", 1.5e300: "1.5e+300", 0: "0",
	} {
		if got := numberText(f); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	nan := math.NaN()
	for text, want := range map[string]float64{
		"0x10": 16, "0b11": 3, "0o17": 15, "0x": nan, "1e3": 1000, " 12 ": 12, "1_0": nan, "Infinity": math.Inf(1),
		"-Infinity": math.Inf(-1), "+Infinity": math.Inf(1),
		"infinity": nan, "nan": nan, "": 0, "\u00a07\ufeff": 7, "1e400": math.Inf(1), "0xg": nan, ".5": 0.5, "5.": 5,
		".": nan, "+-5": nan, "--5": nan,
	} {
		if got := textToNumber(text); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
