package config

import (
	"testing"

	"licensebot/purchase"
)

func TestDollars_Decode(t *testing.T) {
	good := map[string]purchase.Limit{
		"200": {Max: 200_00}, "99.50": {Max: 99_50}, "99.5": {Max: 99_50}, "0": {}, "0.01": {Max: 1},
		"$1,000": {Max: 1000_00}, "1,000.50": {Max: 1000_50}, "12,345,678": {Max: 12_345_678_00},
		" 250 ": {Max: 250_00}, "none": {None: true}, "999999999.99": {Max: 999_999_999_99},
	}
	for text, want := range good {
		var d Dollars
		if err := d.Decode(text); err != nil || d.Limit != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, d.Limit, err, want)
		}
	}
	for _, text := range []string{
		"", "$", "-1", "1.", ".5", "1.234", "1e3", "NaN", "Inf", "None", "1 000", "１00", "1000000000", "200.00.00", "0x10",
		"+5",
		"99,50", "1,00", "1000,000", ",500", "1,,000", "1,000,00", "1.000,50", "1,000,",
	} {
		var d Dollars
		if err := d.Decode(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, d.Limit)
		}
	}
}
