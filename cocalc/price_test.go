package cocalc

import (
	"bufio"
	"bytes"
	"encoding/json"
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
		t.Fatalf("%s has no lines", path)
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
			SubMonth        float64 `json:"cost_sub_month"`
			SubYear         float64 `json:"cost_sub_year"`
			LineItemAmount  float64 `json:"line_item_amount"`
			CheckoutTotal   float64 `json:"checkout_total_if_alone"`
			Quantity        float64
			Period          string
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		got, err := PriceDescription(want.Input, testNow)
		if err != nil {
			t.Errorf("line %d: %s: %v", n, want.Input, err)
			return
		}
		cents := func(f float64) Cents { return Cents(math.Round(f * 100)) }
		wantCost := Cost{
			Total: cents(want.LineItemAmount), PerUnit: cents(want.PerUnit),
			PerProjectMonth: cents(want.PerProjectMonth),
			SubMonth:        cents(want.SubMonth), SubYear: cents(want.SubYear),
			LineItemAmount: cents(want.LineItemAmount),
			CheckoutTotal:  cents(want.CheckoutTotal), Quantity: want.Quantity, Period: want.Period,
		}
		server := got.Server
		got.Server = ServerCost{}
		if got.Total != wantCost.Total || got.PerUnit != wantCost.PerUnit ||
			got.PerProjectMonth != wantCost.PerProjectMonth ||
			got.SubMonth != wantCost.SubMonth || got.SubYear != wantCost.SubYear ||
			got.LineItemAmount != wantCost.LineItemAmount ||
			got.CheckoutTotal != wantCost.CheckoutTotal || got.Quantity != wantCost.Quantity || got.Period != wantCost.Period {
			t.Errorf("line %d: %s\n got %+v\nwant %+v", n, want.Input, got, wantCost)
		}
		if server.Cost != want.Cost || server.PerUnit != want.PerUnit ||
			server.LineItemAmount != want.LineItemAmount {
			t.Errorf("line %d: %s\n got doubles %+v\nwant cost %v, per unit %v", n, want.Input, server, want.Cost,
				want.PerUnit)
		}
	})
}

// What the server's price code refuses, or prices though it has the wrong JSON type.
func TestPriceDescription_OddItems(t *testing.T) {
	readLines(t, "testdata/prices-errors.jsonl", func(n int, line []byte) {
		var want struct {
			Input          json.RawMessage
			Error          string
			CheckoutError  string `json:"checkout_error"`
			Cost           *float64
			CostRaw        *float64 `json:"cost_raw"`
			LineItemAmount *float64 `json:"line_item_amount"`
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		got, err := PriceDescription(want.Input, testNow)
		wantError := want.Error + want.CheckoutError // a line has one of them, or a price
		switch {
		case wantError != "":
			if err == nil || err.Error() != wantError {
				t.Errorf("line %d: %s: got %+v, error %v; want error %s", n, want.Input, got, err, wantError)
			}
		case err != nil:
			t.Errorf("line %d: %s: %v", n, want.Input, err)
		case want.CostRaw != nil:
			if got.Server.Cost != *want.CostRaw {
				t.Errorf("line %d: %s: got %v, want %v", n, want.Input, got.Server.Cost, *want.CostRaw)
			}
		case want.Cost != nil && want.LineItemAmount != nil:
			if got.Server.Cost != *want.Cost || got.Server.LineItemAmount != *want.LineItemAmount {
				t.Errorf("line %d: %s: got %v, want %v", n, want.Input, got.Server.Cost, *want.Cost)
			}
		default:
			t.Errorf("line %d says neither a price nor an error", n)
		}
	})
}
