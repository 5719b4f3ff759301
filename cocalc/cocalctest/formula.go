package cocalctest

import (
	"math"
	"time"
)

// monthMS is the length of a month for the price of a fixed term, in milliseconds: 30.5 days.
const monthMS = 30.5 * 24 * 60 * 60 * 1000

// The price table, in dollars for one running project and one month, before discounts. These are variables since Go
// computes constant expressions exactly, while the server divides doubles one after the other; the last bits differ.
var (
	ramDollars      = 0.625
	cpuDollars      = 5.0
	diskDollars     = 0.04
	diskCopies      = 6.25
	academicFactor  = 0.6 // the table is divided by it, so that academic prices are the listed ones
	nonMemberPerVM  = 2.0
	alwaysRunning   = 2.0
	nonPreemptible  = 3.5
	memberFactor    = 2.0
	beforeRounding  = 0.00001 // keeps 12.50000001, which means 12.50, from being rounded up to 12.51
	pricePerRAM     = ramDollars / academicFactor / nonMemberPerVM
	pricePerCPU     = cpuDollars / academicFactor / nonMemberPerVM
	pricePerDisk    = float64(diskCopies*diskDollars) / academicFactor
	uptimeFactor    = map[string]float64{"short": 1, "medium": 2, "day": 4}
	userDiscount    = map[string]float64{"academic": academicFactor, "business": 1}
	paymentDiscount = map[string]float64{"no": 1, "monthly": 0.9, "yearly": 0.75} // "no": no subscription
)

// objectNames are the properties of every JavaScript object: a lookup in the server's table finds them, and they are
// not numbers.
var objectNames = map[string]bool{
	"constructor": true, "hasOwnProperty": true, "isPrototypeOf": true, "propertyIsEnumerable": true,
	"toLocaleString": true, "toString": true, "valueOf": true, "__proto__": true, "__defineGetter__": true,
	"__defineSetter__": true, "__lookupGetter__": true, "__lookupSetter__": true,
}

// errNoCost is the server's error if its price code returns undefined.
const errNoCost = refusal("bug cost must not be null")

// dollars is the result of the server's price code, in its doubles.
type dollars struct {
	perUnit, cost, perProjectMonth, subMonth, subYear float64

	quantity any // as in the description: a number, or a value that was converted to one
	period   string
}

// lineItem is what a checkout charges.
func (d dollars) lineItem() float64 { return round2up(d.cost) }

// computeDollars is a port of the server's computeCost. It accepts odd descriptions like the server ("4" GB of RAM, 4
// cores, half a project), and its errors have the server's words. The dates of a fixed term are used unchanged, while
// the cart moves a start in the past and lengthens a short term before it computes a price. now replaces a missing
// first date.
func computeDollars(description any, now time.Time) (dollars, error) {
	if nullish(description) {
		return dollars{}, refusal("Cannot read properties of " + toText(description) + " (reading 'type')")
	}
	field := func(name string) any { return property(description, name) }
	if kind := field("type"); kind == "vm" || kind == "disk" {
		return dollars{}, refusal("computing cost of item of type " + toText(field("type")) + " is deprecated")
	}
	period, quantity := toText(field("period")), field("run_limit")
	dates := field("range")
	isRange := period == "range"
	if isRange && nullish(property(dates, "1")) {
		return dollars{}, errNoCost
	}
	if nullish(quantity) {
		return dollars{}, errNoCost
	}
	months, err := rangeMonths(isRange, dates, now)
	if err != nil {
		return dollars{}, err
	}
	perMonth, err := monthDollars(description, period)
	if err != nil {
		return dollars{}, err
	}
	d := dollars{perProjectMonth: perMonth, subMonth: perMonth, quantity: quantity, period: period}
	if d.subYear, err = decimalMultiply(perMonth, 12.0); err != nil {
		return dollars{}, err
	}
	switch period {
	case "range":
		exact, err := decimalMultiply(perMonth, months)
		if err != nil {
			return dollars{}, err
		}
		d.perUnit = round2up(exact)
	case "monthly":
		d.perUnit = d.subMonth
	case "yearly":
		d.perUnit = d.subYear
	default: // "no" is the only other word with a discount
		return dollars{}, refusal("start must be set if subscription=no")
	}
	d.cost, err = decimalMultiply(d.perUnit, quantity)
	return d, err
}

// rangeMonths returns the length of a fixed term in months of 30.5 days; NaN for invalid dates.
func rangeMonths(isRange bool, dates any, now time.Time) (float64, error) {
	if !isRange {
		return 0, nil
	}
	start := float64(now.UnixMilli())
	if first := property(dates, "0"); truthy(first) {
		start = dateMillis(first)
	}
	second := property(dates, "1")
	if !truthy(second) { // an empty string or 0: the server adds a period, which a range does not have
		return 0, refusal("period must not be range")
	}
	return (dateMillis(second) - start) / monthMS, nil
}

// monthDollars returns the price of one running project for one month, with discounts, rounded up to cents. Each
// product is a statement or conversion of its own: the server rounds each to a double, and Go may fuse a product with a
// sum.
func monthDollars(description any, period string) (float64, error) {
	field := func(name string) any { return property(description, name) }
	discount, ok := userDiscount[""], false
	if user, isString := field("user").(string); isString {
		discount, ok = userDiscount[user]
	}
	if !ok {
		return 0, refusal("unknown user " + toText(field("user")))
	}
	uptime, member := toText(field("uptime")), truthy(field("member"))
	if uptime == "day" {
		member = true // without member hosting, projects do not run for a day
	}
	m := float64(amount(field("ram"))*pricePerRAM) + float64(amount(field("cpu"))*pricePerCPU)
	if uptime == "always_running" {
		m *= alwaysRunning
		if member {
			m *= nonPreemptible
		}
	} else if factor, ok := uptimeFactor[uptime]; ok {
		m *= factor
	} else if objectNames[uptime] {
		m = math.NaN()
	}
	if member {
		m *= memberFactor
	}
	m += float64(amount(field("disk")) * pricePerDisk)
	m *= float64(discount * periodDiscount(period))
	return round2up(m - beforeRounding), nil
}

// amount converts ram, cpu or disk to a number: 0 if the description does not have it.
func amount(v any) float64 {
	if _, isUndefined := v.(undefined); isUndefined {
		return 0
	}
	return toNumber(v)
}

// periodDiscount returns the discount of a period; NaN, as on the server, for a period that is not sold.
func periodDiscount(period string) float64 {
	if period == "range" {
		period = "no"
	}
	if factor, ok := paymentDiscount[period]; ok {
		return factor
	}
	return math.NaN()
}
