package bot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The report of the budget as people get it, with and without what there is to compare.
func TestBudgetPage_Golden(t *testing.T) {
	share := func(spent, reserved purchase.Cents) purchase.Share {
		return purchase.Share{Spent: spent, Reserved: reserved}
	}
	crowd := orders.BudgetReport{
		Now: "2026-11", Resets: "Dec 1, 2026", Limit: purchase.Limit{Max: 100000}, Each: 20000,
		Months: []purchase.Budget{
			{Month: "2026-11", Spent: 70000, Reserved: 12750},
			{Month: "2026-10", Spent: 6375, Bought: 1},
			{Month: "2026-09", Spent: 12750, Bought: 2},
		},
	}
	names := map[string]string{"U0": hostile, "U1": "", "U2": "Hélène \x00\n"}
	for i := range 13 {
		crowd.Persons = append(crowd.Persons,
			orders.PersonShare{ID: fmt.Sprintf("U%d", i), Share: share(purchase.Cents(20000-1000*i), 0)})
	}
	crowd.Persons[1].Reserved = 6375
	quiet := orders.BudgetReport{
		Now: "2026-11", Resets: "Dec 1, 2026", Limit: purchase.Limit{Max: 100000},
		Months: []purchase.Budget{{Month: "2026-11"}},
	}
	alone := orders.BudgetReport{
		Now: "2026-11", Limit: purchase.Limit{None: true}, Months: []purchase.Budget{{Month: "2026-11", Spent: 6375}},
		Persons: []orders.PersonShare{{ID: "U1", Share: share(6375, 0)}},
	}
	six := crowd
	six.Persons = crowd.Persons[:6]
	for name, c := range map[string]struct {
		report   orders.BudgetReport
		renewals renewalsReport
		charts   int
	}{
		"crowd": {
			crowd,
			renewalsReport{committed: purchase.Renewals{
				Monthly: 12750, Yearly: 40000, Active: 3, DueThisMonth: 6375,
				Next: time.Date(2026, 11, 28, 16, 8, 0, 0, time.UTC),
			}},
			2,
		},
		"six": {
			six,
			renewalsReport{committed: purchase.Renewals{
				Monthly: 6375, Active: 1,
				Next: time.Date(2026, 12, 20, 9, 0, 0, 0, time.UTC),
			}},
			2,
		},
		"quiet": {quiet, renewalsReport{}, 0},
		"alone": {
			alone,
			renewalsReport{trouble: "I couldn't check renewals. CoCalc isn't responding. Please try again in a few minutes."},
			1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := budgetPage(c.report, c.renewals, names)
			checkGolden(t, "budget-"+name, got)
			checkHarmless(t, got)
			raw, err := json.Marshal(got.blocks)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(raw), `"data_visualization"`); n != c.charts {
				t.Errorf("charts: got %d, want %d", n, c.charts)
			}
			for range c.charts {
				var had bool
				if got, had = withoutLastChart(got); !had {
					t.Error("got no chart to leave out, want one")
				}
			}
			if _, had := withoutLastChart(got); had {
				t.Error("got another chart, want none")
			}
		})
	}
}
