package cocalc

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Cost is what the server's price code makes of the description of a cart item.
//
// Amounts are whole cents. Only the product with an odd quantity (half a project) has fractions of a cent on the
// server; Total then is rounded up like the line item.
type Cost struct {
	Total           Cents // for all projects and the whole period; what the server calls cost
	PerUnit         Cents // for one project and the whole period
	PerProjectMonth Cents // for one project and one month, discounts included
	SubMonth        Cents // one month of a subscription for one project
	SubYear         Cents // one year of it
	LineItemAmount  Cents // what a checkout charges
	CheckoutTotal   Cents // what checkout-params says as total for this item alone; can be a cent above the charge
	Quantity        float64
	Period          string // "monthly", "yearly" or "range"

	// Server has the amounts as the server prints them, in dollars, for comparing with its answers and imitating
	// them. It is not for counting money.
	Server ServerCost
}

// ServerCost is the server's cost object, without the input it also repeats. The amounts are dollars.
type ServerCost struct {
	PerUnit         float64         `json:"cost_per_unit"`
	Cost            float64         `json:"cost"`
	PerProjectMonth float64         `json:"cost_per_project_per_month"`
	SubMonth        float64         `json:"cost_sub_month"`
	SubYear         float64         `json:"cost_sub_year"`
	Quantity        json.RawMessage `json:"quantity"` // as the description has it, a string stays one
	Period          string          `json:"period"`
	LineItemAmount  float64         `json:"-"` // stands beside the cost object in checkout-params
}

// PriceDescription computes what the server's price code asks for a cart item with this description. It takes odd
// descriptions as the server does ("4" GB of RAM, 4 cores, half a project), and where the server gives an error it
// gives one with the same words. A price is no promise that checkout sells the item: the server prices some
// descriptions that it then refuses ([LicenseSpec.Validate] lets none of them through).
//
// The dates of a fixed term are taken as they stand, as the server's price code does. The cart, however, moves a start
// in the past to now and makes every term at least an hour long before it asks for the price. now stands in for a
// first date that is missing.
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

// maxDollars is the largest amount that a double still holds to the cent.
const maxDollars = 1 << 46

// inCents turns the doubles of the server into cents.
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
			// JSON of JavaScript has no negative zero; adding zero takes the sign away.
			PerUnit: d.perUnit + 0, Cost: d.cost + 0, PerProjectMonth: d.perProjectMonth + 0, SubMonth: d.subMonth + 0,
			SubYear: d.subYear + 0, Quantity: quantity, Period: d.period, LineItemAmount: lineItem + 0,
		},
	}, nil
}

// toCents is the nearest number of cents to an amount in dollars.
func toCents(dollars float64) Cents { return Cents(math.Round(dollars * 100)) }

// Quote is what a license costs, as people are told before they agree.
type Quote struct {
	Total           Cents // what will be charged now, for all running projects
	PerUnit         Cents // the same for one running project
	PerProjectMonth Cents // for one running project and one month
	Saves           Cents // twelve monthly prices minus the yearly one; 0 for other periods
	RenewsAt        Cents // what every further month or year costs; 0 for a fixed term, which never renews
	Period          Period
	Version         string // [PriceVersion]
}

// Price says what a license costs that is bought at now. The error is a [Mistakes] where the specification has some.
// A fixed term that begins when it is bought costs a little less with every minute that it waits, never more.
func Price(spec LicenseSpec, now time.Time) (Quote, error) {
	if mistakes := spec.Validate(now); len(mistakes) > 0 {
		return Quote{}, mistakes
	}
	d, err := computeDollars(spec.priced(now), now)
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
