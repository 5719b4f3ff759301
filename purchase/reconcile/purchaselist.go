package reconcile

import (
	"context"
	"fmt"
	"time"

	"licensebot/cocalc"
)

// salesPage is how many purchases are read at once: the most that CoCalc gives.
const salesPage = 500

// mostSalesPages is how many pages are read at most: 200,000 purchases. More than that is taken as an error of the
// server.
const mostSalesPages = 400

// Sold reads all license purchases of the account since then (zero: ever), newest first, each once. The list grows
// while it is read, so a row can be on two pages. One that was not read to its end is an error: it looks like an
// account that bought less.
func Sold(ctx context.Context, shop interface {
	Purchases(context.Context, cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error)
}, since time.Time,
) (rows []cocalc.PurchaseRow, err error) {
	type key struct {
		id      int64
		license string
	}
	seen := map[key]bool{}
	for offset := 0; ; offset += salesPage {
		page, err := shop.Purchases(ctx, cocalc.PurchaseFilter{
			Service: "license", Since: since, Limit: salesPage,
			Offset: offset,
		})
		if err != nil {
			return nil, err
		}
		before, older := len(seen), false
		for _, row := range page {
			if row.Time.Before(since.Truncate(time.Millisecond)) { // CoCalc's times have milliseconds
				older = true
				continue
			}
			if k := (key{row.ID, row.LicenseID}); !seen[k] {
				seen[k] = true
				if row.Cost >= 0 { // less than nothing is money back
					rows = append(rows, row)
				}
			}
		}
		switch {
		case len(page) < salesPage, older: // newest first: the rest is older
			return rows, nil
		case offset/salesPage+1 == mostSalesPages:
			return nil, &cocalc.Error{
				Op: "purchases/get-purchases", Outcome: cocalc.Rejected,
				Text: fmt.Sprintf("there is no end after %d purchases", len(seen)),
			}
		case len(seen) == before:
			return nil, &cocalc.Error{
				Op: "purchases/get-purchases", Outcome: cocalc.Rejected,
				Text: fmt.Sprintf("page after page is the same, from number %d on", offset),
			}
		}
	}
}
