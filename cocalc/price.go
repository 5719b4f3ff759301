package cocalc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Cost is what a license costs.
type Cost struct {
	PerUnit         Cents // for one project and the whole period
	PerProjectMonth Cents // for one project and one month, discounts included
	LineItemAmount  Cents // the charge of a checkout: for all projects and the whole period
	CheckoutTotal   Cents // the total of checkout-params for this item alone; can be a cent above the charge
}

// PriceDescription returns the price of a cart item with this description, by the server's formula. It accepts what the
// store does not offer and other clients buy (4 cores, half a project). It returns an error for what is not a license,
// and for values of the wrong type, which the server converts: "4" GB of RAM. A price does not mean that a checkout
// sells the item ([CartItem.Problem] says whether it does), and [LicenseSpec.Validate] accepts much less.
//
// The dates of a fixed term are used unchanged. The cart, however, moves a start in the past to the current time and
// makes every term at least an hour long before it computes the price. now replaces a missing first date.
func PriceDescription(description json.RawMessage, now time.Time) (Cost, error) {
	item, err := decodeItem(description)
	if err != nil {
		return Cost{}, err
	}
	input, err := item.priceInput(now)
	if err != nil {
		return Cost{}, err
	}
	return input.cost()
}

// itemJSON is the part of a cart item's description that decides on its price. A field that is missing or null is nil
// or empty.
type itemJSON struct {
	kind           any
	ram, cpu, disk *float64
	member         *bool
	uptime         string
	user           string
	period         string
	runLimit       json.Number // also text of digits: the server sells it
	dates          any         // a list of dates for a fixed term; may be anything otherwise
}

// decodeItem decodes a description. It returns an error if a value has the wrong type.
func decodeItem(description json.RawMessage) (item itemJSON, err error) {
	var fields map[string]json.RawMessage // package encoding/json would ignore the case of the names of a struct
	if err := json.Unmarshal(description, &fields); err != nil || fields == nil {
		return item, errors.New("the description is not a JSON object")
	}
	for _, field := range []struct {
		name string
		to   any
		kind string
	}{
		{"type", &item.kind, "JSON"},
		{"ram", &item.ram, "a number"},
		{"cpu", &item.cpu, "a number"},
		{"disk", &item.disk, "a number"},
		{"member", &item.member, "true or false"},
		{"uptime", &item.uptime, "text"},
		{"user", &item.user, "text"},
		{"period", &item.period, "text"},
		{"run_limit", &item.runLimit, "a number"},
		{"range", &item.dates, "JSON"},
	} {
		if value, there := fields[field.name]; there && json.Unmarshal(value, field.to) != nil {
			return item, fmt.Errorf("%s must be %s", field.name, field.kind)
		}
	}
	return item, nil
}

// priceInput returns what the price depends on. now replaces a missing start of a fixed term.
func (i itemJSON) priceInput(now time.Time) (priceInput, error) {
	switch i.kind {
	case "vm", "disk", "cash-voucher":
		return priceInput{}, fmt.Errorf("type %s is not a license", i.kind)
	}
	quantity, err := i.runLimit.Float64()
	if err != nil {
		return priceInput{}, errors.New("run_limit must be a number")
	}
	p := priceInput{
		ram: orZero(i.ram), cpu: orZero(i.cpu), disk: orZero(i.disk), member: i.member != nil && *i.member,
		uptime: Uptime(i.uptime), user: User(i.user), period: Period(i.period), quantity: quantity, start: now,
	}
	if p.period != PeriodRange {
		return p, nil
	}
	first, second := i.term()
	var startOK, endOK bool
	if p.end, endOK = parseDate(second); !endOK || isEmpty(second) {
		return priceInput{}, errors.New("range needs an end")
	}
	if !isEmpty(first) {
		if p.start, startOK = parseDate(first); !startOK {
			return priceInput{}, errors.New("range has an invalid start")
		}
	}
	return p, nil
}

func orZero(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// term returns the dates of a fixed term; nil for those that are missing.
func (i itemJSON) term() (start, end any) {
	dates, _ := i.dates.([]any)
	dates = append(dates, nil, nil)
	return dates[0], dates[1]
}

// isEmpty reports whether the server takes a value for a missing one.
func isEmpty(v any) bool { return v == nil || v == "" || v == 0.0 || v == false }

// parseDate parses a date of a description: ISO 8601, in UTC unless it has an offset, or milliseconds since 1970.
func parseDate(v any) (time.Time, bool) {
	switch v := v.(type) {
	case float64:
		return millisDate(v)
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999", "2006-01-02T15:04", time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC().Truncate(time.Millisecond), true
			}
		}
	}
	return time.Time{}, false
}

// millisDate returns the date at ms milliseconds since 1970; false beyond the dates that JavaScript has.
func millisDate(ms float64) (time.Time, bool) {
	const limit = 8.64e15
	if !(math.Abs(ms) <= limit) { // also for NaN
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)).UTC(), true
}

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
	input := spec.priceInput(now)
	cost, err := input.cost()
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
		input.period = PeriodMonthly
		month, err := input.cost()
		if err != nil {
			return Quote{}, fmt.Errorf("monthly price of %s: %w", spec.Summary(), err)
		}
		quote.Saves = 12*month.LineItemAmount - quote.Total
	}
	return quote, nil
}

// priceInput returns what the price depends on, for a license that is bought at now.
func (s LicenseSpec) priceInput(now time.Time) priceInput {
	return priceInput{
		ram: float64(s.RAM), cpu: float64(s.CPU), disk: float64(s.Disk), member: s.Member, uptime: s.Uptime, user: s.User,
		period: s.Period, quantity: float64(s.RunLimit), start: s.startAt(now), end: s.End,
	}
}
