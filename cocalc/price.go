package cocalc

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Cost is the result of the server's price code for the description of a cart item.
//
// Amounts are whole cents. Only the product with an odd quantity (half a project) has fractions of a cent on the
// server; Total is then rounded up like the line item.
type Cost struct {
	Total           Cents // for all projects and the whole period; the server's "cost"
	PerUnit         Cents // for one project and the whole period
	PerProjectMonth Cents // for one project and one month, discounts included
	SubMonth        Cents // one month of a subscription for one project
	SubYear         Cents // one year of it
	LineItemAmount  Cents // the charge of a checkout
	CheckoutTotal   Cents // the total of checkout-params for this item alone; can be a cent above the charge
	Quantity        float64
	Period          string // "monthly", "yearly" or "range"

	// Server has the amounts as the server prints them, in dollars, to compare with its answers or imitate them. Do not
	// calculate money with it.
	Server ServerCost
}

// ServerCost is the server's cost object without the input that it repeats. The amounts are dollars.
type ServerCost struct {
	PerUnit         float64         `json:"cost_per_unit"`
	Cost            float64         `json:"cost"`
	PerProjectMonth float64         `json:"cost_per_project_per_month"`
	SubMonth        float64         `json:"cost_sub_month"`
	SubYear         float64         `json:"cost_sub_year"`
	Quantity        json.RawMessage `json:"quantity"` // as in the description: a string remains a string
	Period          string          `json:"period"`
	LineItemAmount  float64         `json:"-"` // next to the cost object in checkout-params
}

// PriceDescription returns what the server's price code computes for a cart item with this description. It accepts odd
// descriptions like the server ("4" GB of RAM, 4 cores, half a project), and where the server returns an error it
// returns one with the same words. A price does not mean that checkout sells the item: the server prices some
// descriptions that checkout refuses ([LicenseSpec.Validate] accepts none of them).
//
// Like the server's price code, it uses the dates of a fixed term unchanged. The cart, however, moves a start in the
// past to the current time and makes every term at least an hour long before it computes the price. now replaces a
// missing first date.
func PriceDescription(description json.RawMessage, now time.Time) (Cost, error) {
	decoded, err := decodeJS(description)
	if err != nil {
		return Cost{}, fmt.Errorf("read the description: %w", err)
	}
	d, err := computeDollars(decoded, now)
	if err != nil {
		return Cost{}, err
	}
	return d.inCents()
}

// maxDollars is the largest amount that a double holds to the cent.
const maxDollars = 1 << 46

// inCents converts the server's doubles into cents. It returns an error for amounts that are not money.
func (d dollars) inCents() (Cost, error) {
	lineItem := round2up(d.cost)
	for _, amount := range []float64{d.cost, d.perUnit, d.perProjectMonth, d.subYear, lineItem} {
		if math.IsNaN(amount) || math.Abs(amount) > maxDollars {
			return Cost{}, fmt.Errorf("%s is not an amount of money", jsNumberString(amount))
		}
	}
	quantity, err := json.Marshal(d.quantity)
	if err != nil {
		return Cost{}, fmt.Errorf("read run_limit: %w", err)
	}
	return Cost{
		Total:           toCents(lineItem),
		PerUnit:         toCents(d.perUnit),
		PerProjectMonth: toCents(d.perProjectMonth),
		SubMonth:        toCents(d.subMonth),
		SubYear:         toCents(d.subYear),
		LineItemAmount:  toCents(lineItem),
		CheckoutTotal:   Cents(math.Ceil(100 * lineItem)),
		Quantity:        jsNumber(d.quantity),
		Period:          d.period,
		Server: ServerCost{
			// JSON of JavaScript has no negative zero; adding zero removes the sign.
			PerUnit: d.perUnit + 0, Cost: d.cost + 0, PerProjectMonth: d.perProjectMonth + 0, SubMonth: d.subMonth + 0,
			SubYear: d.subYear + 0, Quantity: quantity, Period: d.period, LineItemAmount: lineItem + 0,
		},
	}, nil
}

// toCents returns the number of cents that is nearest to an amount in dollars.
func toCents(dollars float64) Cents { return Cents(math.Round(dollars * 100)) }

// Quote is the price of a license, as people see it before they buy.
type Quote struct {
	Total           Cents // the charge now, for all running projects
	PerUnit         Cents // the same for one running project
	PerProjectMonth Cents // for one running project and one month
	Saves           Cents // twelve monthly prices minus the yearly one; 0 for other periods
	RenewsAt        Cents // the charge for every further month or year; 0 for a fixed term, which never renews
	Period          Period
	Version         string // [PriceVersion]
}

// Price returns the price of a license that is bought at now. The error is a [Mistakes] if spec is not valid (see
// [LicenseSpec.Validate]). The price of a fixed term without a start decreases with now, and never increases.
//
// It is CoCalc's own formula, version [PriceVersion], and agrees with every price that was recorded from a server.
func Price(spec LicenseSpec, now time.Time) (Quote, error) {
	if mistakes := spec.Validate(now); len(mistakes) > 0 {
		return Quote{}, mistakes
	}
	d, err := computeDollars(spec.formulaInput(now), now)
	if err != nil {
		return Quote{}, fmt.Errorf("price of %s: %w", spec.Summary(), err)
	}
	cost, err := d.inCents()
	if err != nil {
		return Quote{}, fmt.Errorf("price of %s: %w", spec.Summary(), err)
	}
	quote := Quote{
		Total: cost.LineItemAmount, PerUnit: cost.PerUnit, PerProjectMonth: cost.PerProjectMonth,
		Period: spec.Period, Version: PriceVersion,
	}
	if spec.Period != PeriodRange {
		quote.RenewsAt = cost.LineItemAmount
	}
	if spec.Period == PeriodYearly {
		spec.Period = PeriodMonthly
		month, err := Price(spec, now)
		if err != nil {
			return Quote{}, err
		}
		quote.Saves = 12*month.Total - quote.Total
	}
	return quote, nil
}
