package cocalctest

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc"
)

var testNow = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// readPrices calls f with each recorded line of a file of prices.
func readPrices(t testing.TB, path string, f func(n int, line recordedPrice)) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		var price recordedPrice
		if err := json.Unmarshal(line, &price); err != nil {
			t.Fatalf("line %d of %s: %v", n, path, err)
		}
		f(n, price)
	}
	if n == 0 {
		t.Fatalf("got no lines in %s, want some", path)
	}
}

// recordedPrice is what the server's own code computed for a description: amounts, or one of the errors.
type recordedPrice struct {
	Input           json.RawMessage
	Cost            *float64
	CostRaw         *float64 `json:"cost_raw"`
	PerUnit         float64  `json:"cost_per_unit"`
	PerProjectMonth float64  `json:"cost_per_project_per_month"`
	SubMonth        float64  `json:"cost_sub_month"`
	SubYear         float64  `json:"cost_sub_year"`
	LineItemAmount  *float64 `json:"line_item_amount"`
	Quantity        float64
	Period          string
	Error           string
	CheckoutError   string `json:"checkout_error"`
}

func compute(t testing.TB, description []byte) (dollars, error) {
	t.Helper()
	v, err := parseJSON(description)
	if err != nil {
		t.Fatalf("%s: %v", description, err)
	}
	return computeDollars(v, testNow)
}

// Every recorded price of the server's own code, with all amounts equal to the last bit.
func TestComputeDollars_Recorded(t *testing.T) {
	readPrices(t, "../testdata/prices.jsonl", func(n int, want recordedPrice) {
		got, err := compute(t, want.Input)
		if err != nil {
			t.Errorf("line %d: %s: got %v, want a price", n, want.Input, err)
			return
		}
		if got.cost != *want.Cost || got.perUnit != want.PerUnit || got.perProjectMonth != want.PerProjectMonth ||
			got.subMonth != want.SubMonth || got.subYear != want.SubYear || got.lineItem() != *want.LineItemAmount ||
			got.quantity != want.Quantity || got.period != want.Period {
			t.Errorf("line %d: %s\n got %+v\nwant %+v", n, want.Input, got, want)
		}
	})
}

// Descriptions that the server's price code refuses, or prices despite a wrong JSON type.
func TestComputeDollars_OddItems(t *testing.T) {
	readPrices(t, "testdata/prices-errors.jsonl", func(n int, want recordedPrice) {
		got, err := compute(t, want.Input)
		wantError := want.Error + want.CheckoutError // a line has one of them, or a price
		switch {
		case wantError != "":
			if err == nil || err.Error() != wantError {
				t.Errorf("line %d: %s: got %+v, error %v; want error %s", n, want.Input, got, err, wantError)
			}
		case err != nil:
			t.Errorf("line %d: %s: got %v, want a price", n, want.Input, err)
		case want.CostRaw != nil:
			if got.cost != *want.CostRaw {
				t.Errorf("line %d: %s: got %v, want %v", n, want.Input, got.cost, *want.CostRaw)
			}
		case want.Cost != nil && want.LineItemAmount != nil:
			if got.cost != *want.Cost || got.lineItem() != *want.LineItemAmount {
				t.Errorf("line %d: %s: got %v, want %v", n, want.Input, got.cost, *want.Cost)
			}
		default:
			t.Errorf("line %d: got neither a price nor an error, want one of them", n)
		}
	})
}

// The price of every license that can be bought, apart from terms and numbers of projects, is the server's; the others
// are chosen at random.
func TestPrice_EqualsServer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	count := 0
	for ram := cocalc.MinRAM; ram <= cocalc.MaxRAM; ram++ {
		for cpu := cocalc.MinCPU; cpu <= cocalc.MaxCPU; cpu++ {
			for disk := cocalc.MinDisk; disk <= cocalc.MaxDisk; disk++ {
				for variant := range 2 * 4 * 2 * 3 {
					spec := variantOf(variant)
					spec.RAM, spec.CPU, spec.Disk, spec.RunLimit = ram, cpu, disk, 1+random.IntN(cocalc.MaxRunLimit)
					if spec.Period == cocalc.PeriodRange {
						spec.Start = testNow.Add(time.Duration(random.Int64N(int64(365 * 24 * time.Hour))))
						spec.End = spec.Start.Add(time.Hour + time.Duration(random.Int64N(int64(10*365*24*time.Hour))))
						if variant%2 == 0 { // whole days, whose price may be a whole number of cents
							spec.Start = spec.Start.Truncate(24*time.Hour).AddDate(0, 0, 1)
							spec.End = spec.Start.AddDate(0, 0, 1+random.IntN(700))
						}
					}
					if len(spec.Validate(testNow)) == 0 {
						count++
						comparePrice(t, spec)
					}
				}
			}
		}
	}
	if count < 40_000 || t.Failed() {
		t.Errorf("got %d prices compared, want at least 40,000 that are equal", count)
	}
}

// variantOf returns license n of 48 (from 0): every combination of the fields with few values.
func variantOf(n int) cocalc.LicenseSpec {
	pick := func(count int) int {
		defer func() { n /= count }()
		return n % count
	}
	return cocalc.LicenseSpec{
		Member: pick(2) == 0,
		Uptime: []cocalc.Uptime{
			cocalc.UptimeShort, cocalc.UptimeMedium, cocalc.UptimeDay, cocalc.UptimeAlways,
		}[pick(4)],
		User:   []cocalc.User{cocalc.UserAcademic, cocalc.UserBusiness}[pick(2)],
		Period: []cocalc.Period{cocalc.PeriodMonthly, cocalc.PeriodYearly, cocalc.PeriodRange}[pick(3)],
	}
}

// comparePrice compares the price of a valid specification with the server's.
func comparePrice(t testing.TB, spec cocalc.LicenseSpec) {
	t.Helper()
	got, err := cocalc.Price(spec, testNow)
	if err != nil {
		t.Fatalf("%+v: got %v, want a price", spec, err)
	}
	sent := spec.CartDescription(testNow)
	want, err := compute(t, sent)
	if err != nil {
		t.Fatalf("%s: got %v, want a price", sent, err)
	}
	if toCents(got.Total) != want.lineItem() || toCents(got.PerUnit) != want.perUnit ||
		toCents(got.PerProjectMonth) != want.perProjectMonth {
		t.Errorf("%s: got %+v, want %+v", sent, got, want)
	}
	if spec.Period == cocalc.PeriodYearly {
		spec.Period = cocalc.PeriodMonthly
		month, err := compute(t, spec.CartDescription(testNow))
		if saves := math.Round(100 * (12*month.lineItem() - want.lineItem())); err != nil || float64(got.Saves) != saves {
			t.Errorf("%s: got the saving %s (%v), want %v cents", sent, got.Saves, err, saves)
		}
	}
}

// toCents returns the double of an amount that the server rounded to cents.
func toCents(c cocalc.Cents) float64 { return float64(c) / 100 }

// FuzzPrice_EqualsServer compares the prices of valid specifications.
func FuzzPrice_EqualsServer(f *testing.F) {
	f.Add(uint8(16), uint8(2), uint8(10), uint8(7), uint16(1), int64(3600_000), int64(0))
	f.Add(uint8(1), uint8(1), uint8(1), uint8(47), uint16(9999), int64(86_400_000*61), int64(5))
	f.Fuzz(func(t *testing.T, ram, cpu, disk, variant uint8, projects uint16, length, wait int64) {
		spec := variantOf(int(variant) % 48)
		spec.RAM, spec.CPU, spec.Disk, spec.RunLimit = int(ram), int(cpu), int(disk), int(projects)
		if spec.Period == cocalc.PeriodRange {
			const most = 4e12 // ms; more is never valid
			spec.Start = testNow.Add(time.Duration(wait%most) * time.Millisecond)
			spec.End = spec.Start.Add(time.Duration(length%most) * time.Millisecond)
		}
		if len(spec.Validate(testNow)) == 0 {
			comparePrice(t, spec)
		}
	})
}

// FuzzPriceDescription_EqualsServer compares the prices of any descriptions: if the client has a price, it is the
// server's.
func FuzzPriceDescription_EqualsServer(f *testing.F) {
	readPrices(f, "testdata/prices-errors.jsonl", func(_ int, line recordedPrice) { f.Add([]byte(line.Input)) })
	for _, seed := range []string{
		`{"user":"business","run_limit":0.5,"ram":16.01,"cpu":2.75,"disk":-1,"period":"yearly"}`,
		`{"user":"academic","run_limit":3,"ram":1,"period":"range","range":["2031-01-01T24:00:00+05:30",1e15]}`,
		`{"user":"academic","run_limit":-3,"ram":1,"period":"range","range":[null,"2031-01-02"],"uptime":"day"}`,
		`{"user":"academic","run_limit":3,"RAM":1,"period":"monthly","ram":1,"ram":2,"uptime":"forever"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, description []byte) {
		got, err := cocalc.PriceDescription(description, testNow)
		if err != nil || !sameValues(description) {
			return
		}
		want, err := compute(t, description)
		if err != nil || toCents(got.LineItemAmount) != want.lineItem() || toCents(got.PerUnit) != want.perUnit {
			t.Errorf("%s: got %+v, want %+v, %v", description, got, want, err)
		}
	})
}

// sameValues reports whether both formulas read the same values from a description: without numbers in text,
// of which the server keeps more digits, without the names that every JavaScript object has, and with dates in ISO's
// form, which Go parses less strictly.
func sameValues(description []byte) bool {
	v, err := parseJSON(description)
	if err != nil {
		return false
	}
	uptime, _ := property(v, "uptime").(string)
	_, isText := property(v, "run_limit").(string)
	for i := range 2 {
		if date, isText := index(property(v, "range"), i).(string); isText && date != "" && !isoDate.MatchString(date) {
			return false
		}
	}
	return !isText && !objectNames[uptime] && !strings.Contains(string(description), `\u`)
}
