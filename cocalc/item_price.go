package cocalc

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

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
