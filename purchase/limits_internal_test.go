package purchase

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The maps of a share may be shared with other reads of the ledger, so every change replaces them.
func TestBudget_Apply_ReplacesMaps(t *testing.T) {
	const day = "2026-11-29"
	unchanged := func() Share {
		return Share{Reserved: 6375, Days: map[string]int{day: 1}, Auto: map[string]Cents{day: 6375}}
	}
	shared := unchanged()
	for _, c := range []BudgetChange{
		{Reserved: 1, Orders: 1, Auto: 1}, {Reserved: -1, Orders: -1, Auto: -1}, {Orders: 1, Auto: 1}, {Reserved: -1},
	} {
		b := Budget{Month: "2026-11", Reserved: 6375, People: map[string]Share{"UALICE": shared}}
		b.Apply("UALICE", Order{Price: 6375, Auto: true}, day, c)
		b.Spend("UALICE", 6375, 1)
		b.People["UBOB"] = b.People["UALICE"].with(shared)
		if diff := cmp.Diff(unchanged(), shared); diff != "" {
			t.Fatalf("Apply(%+v) changes a shared map (-want +got):\n%s", c, diff)
		}
	}
}
