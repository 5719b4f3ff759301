package cocalc_test

import (
	"fmt"
	"time"

	"licensebot/cocalc"
)

// Price computes what CoCalc charges, without asking a server.
func ExamplePrice() {
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU, spec.Period = 16, 2, cocalc.PeriodYearly
	now := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	quote, err := cocalc.Price(spec, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(quote.Total, "a year, saves", quote.Saves)

	spec.RAM = 17
	_, err = cocalc.Price(spec, now)
	fmt.Println(err)
	// Output:
	// $637.56 a year, saves $127.44
	// `ram` must be between 1 and 16 GB.
}
