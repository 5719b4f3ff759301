package cocalc

import (
	"math"
	"time"
)

// PriceVersion is the version of CoCalc's price table that this package knows. The server writes it into every
// license it sells.
const PriceVersion = "3"

// monthMS is how long a month is where the price of a fixed term is computed: 30.5 days.
const monthMS = 30.5 * 24 * 60 * 60 * 1000

// The price table, in dollars for one running project and one month, before the discounts. They are variables because
// Go computes constant expressions exactly, while the server divides doubles one after the other; the last bits differ.
var (
	ramDollars      float64 = 0.625
	cpuDollars      float64 = 5
	diskDollars     float64 = 0.04
	diskCopies      float64 = 6.25
	academicFactor  float64 = 0.6 // also what the price table was divided by, so that academic prices are the plain ones
	nonMemberPerVM  float64 = 2
	alwaysRunning   float64 = 2
	nonPreemptible  float64 = 3.5
	memberFactor    float64 = 2
	beforeRounding  float64 = 0.00001 // so that 12.50000001, which means 12.50, is not rounded up to 12.51
	pricePerRAM             = ramDollars / academicFactor / nonMemberPerVM
	pricePerCPU             = cpuDollars / academicFactor / nonMemberPerVM
	pricePerDisk            = float64(diskCopies*diskDollars) / academicFactor
	uptimeFactor            = map[string]float64{"short": 1, "medium": 2, "day": 4}
	userDiscount            = map[string]float64{"academic": academicFactor, "business": 1}
	paymentDiscount         = map[string]float64{"no": 1, "monthly": 0.9, "yearly": 0.75} // "no": no subscription
)

// jsObjectNames are the names that every JavaScript object has: looked up in a table they are found, without a number.
var jsObjectNames = map[string]bool{
	"constructor": true, "hasOwnProperty": true, "isPrototypeOf": true, "propertyIsEnumerable": true,
	"toLocaleString": true, "toString": true, "valueOf": true, "__proto__": true, "__defineGetter__": true,
	"__defineSetter__": true, "__lookupGetter__": true, "__lookupSetter__": true,
}

// serverWords is an error in the server's own words, which begin and end as the server has it.
type serverWords string

func (w serverWords) Error() string { return string(w) }

// errNoCost is what the server's checkout says where its price code answers undefined.
const errNoCost = serverWords("bug cost must not be null")

// dollars is what the server's price code computes, in its own doubles.
type dollars struct {
	perUnit, cost, perProjectMonth, subMonth, subYear float64

	quantity any // as the description has it: a number, or whatever was priced as one
	period   string
}

// computeDollars ports the server's computeCost with what it calls. description is a decoded JSON value.
func computeDollars(description any, now time.Time) (dollars, error) {
	if jsNullish(description) {
		return dollars{}, serverWords("Cannot read properties of " + jsString(description) + " (reading 'type')")
	}
	field := func(name string) any { return jsField(description, name) }
	switch field("type") {
	case "cash-voucher":
		return voucherDollars(description)
	case "vm", "disk":
		return dollars{}, serverWords("computing cost of item of type " + jsString(field("type")) + " is deprecated")
	}
	period, quantity := jsString(field("period")), field("run_limit")
	dates := field("range")
	isRange := period == "range"
	if isRange && jsNullish(jsField(dates, "1")) {
		return dollars{}, errNoCost
	}
	if jsNullish(quantity) {
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
	default: // "no" is the one other word with a discount of its own
		return dollars{}, serverWords("start must be set if subscription=no")
	}
	d.cost, err = decimalMultiply(d.perUnit, quantity)
	return d, err
}

// voucherDollars prices a cash voucher, the other product that the server's price code still knows.
func voucherDollars(description any) (dollars, error) {
	amount, quantity := jsField(description, "amount"), jsField(description, "numVouchers")
	if jsField(description, "whenPay") == "admin" {
		amount = 0.0
	}
	if jsNullish(quantity) {
		quantity = 1.0
	}
	each, err := newDecimal(amount)
	if err != nil {
		return dollars{}, err
	}
	count, err := newDecimal(quantity)
	if err != nil {
		return dollars{}, err
	}
	return dollars{perUnit: each.float(), cost: each.mul(count).float(), quantity: quantity, period: "range"}, nil
}

// rangeMonths is the length of a fixed term in months of 30.5 days; NaN for dates that are none.
func rangeMonths(isRange bool, dates any, now time.Time) (float64, error) {
	if !isRange {
		return 0, nil
	}
	start := float64(now.UnixMilli())
	if first := jsField(dates, "0"); jsTruthy(first) {
		start = jsDate(first)
	}
	second := jsField(dates, "1")
	if !jsTruthy(second) { // an empty string or 0: the server would add a period, which a range does not have
		return 0, serverWords("period must not be range")
	}
	return (jsDate(second) - start) / monthMS, nil
}

// monthDollars is what one running project costs for one month, discounts included, rounded up to cents. Each product
// is a statement or conversion of its own: the server rounds each to a double, and Go may fuse a product with a sum.
func monthDollars(description any, period string) (float64, error) {
	field := func(name string) any { return jsField(description, name) }
	discount, ok := userDiscount[""], false
	if user, isString := field("user").(string); isString {
		discount, ok = userDiscount[user]
	}
	if !ok {
		return 0, serverWords("unknown user " + jsString(field("user")))
	}
	uptime, member := jsString(field("uptime")), jsTruthy(field("member"))
	if uptime == string(UptimeDay) {
		member = true // without member hosting projects do not live for a day
	}
	m := float64(amount(field("ram"))*pricePerRAM) + float64(amount(field("cpu"))*pricePerCPU)
	if uptime == string(UptimeAlways) {
		m *= alwaysRunning
		if member {
			m *= nonPreemptible
		}
	} else if factor, ok := uptimeFactor[uptime]; ok {
		m *= factor
	} else if jsObjectNames[uptime] {
		m = math.NaN()
	}
	if member {
		m *= memberFactor
	}
	m += float64(amount(field("disk")) * pricePerDisk)
	m *= float64(discount * periodDiscount(period))
	return round2up(m - beforeRounding), nil
}

// amount reads ram, cpu or disk: 0 where the description does not have it.
func amount(v any) float64 {
	if _, isUndefined := v.(undefined); isUndefined {
		return 0
	}
	return jsNumber(v)
}

// periodDiscount is NaN for a period that is not sold, as it is on the server; the price then fails as no number.
func periodDiscount(period string) float64 {
	if period == "range" {
		period = "no"
	}
	if factor, ok := paymentDiscount[period]; ok {
		return factor
	}
	return math.NaN()
}
