package cocalc

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Cents is an amount of US dollars in whole cents; it may be negative. Money is a float only inside the price formula.
type Cents int64

// String formats the amount for people: "$63.75", "-$5.60", "$1,234.50".
func (c Cents) String() string {
	sign := ""
	n := int64(c)
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s$%s.%02d", sign, thousands(n/100), n%100)
}

// thousands formats a number with commas between its thousands: "10,000".
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(digits) - 3; i > first; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
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

// Cost is what a license costs.
type Cost struct {
	PerUnit         Cents // for one project and the whole period
	PerProjectMonth Cents // for one project and one month, discounts included
	LineItemAmount  Cents // the charge of a checkout: for all projects and the whole period
	CheckoutTotal   Cents // the total of checkout-params for this item alone; can be a cent above the charge
}

// PriceVersion is the version of CoCalc's price table that this package implements. The server writes the version into
// every license that it sells.
const PriceVersion = "3"

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
	uptimeFactor    = map[Uptime]float64{UptimeMedium: 2, UptimeDay: 4}
	userDiscount    = map[User]float64{UserAcademic: academicFactor, UserBusiness: 1}
	paymentDiscount = map[Period]float64{PeriodRange: 1, PeriodMonthly: 0.9, PeriodYearly: 0.75}
)

// priceInput is what the price of a license depends on. Other clients than this one buy half a core, too.
type priceInput struct {
	ram, cpu, disk float64 // GB, cores, GB
	member         bool
	uptime         Uptime // the server prices every other word like UptimeShort
	user           User
	period         Period
	quantity       float64   // projects
	start, end     time.Time // of a fixed term
}

// cost returns the price. It returns an error for an input that has none.
func (p priceInput) cost() (Cost, error) {
	month, err := p.month()
	if err != nil {
		return Cost{}, err
	}
	unit := month
	switch p.period {
	case PeriodMonthly:
	case PeriodYearly:
		unit = 12 * month
	case PeriodRange:
		months := float64(p.end.UnixMilli()-p.start.UnixMilli()) / monthMS
		if unit, err = roundUp(multiply(month, months)); err != nil {
			return Cost{}, err
		}
	}
	line, err := roundUp(multiply(unit, p.quantity))
	if err != nil {
		return Cost{}, err
	}
	return Cost{
		PerUnit: unit, PerProjectMonth: month, LineItemAmount: line, CheckoutTotal: Cents(math.Ceil(100 * line.dollars())),
	}, nil
}

// month returns the price of one running project for one month, with discounts, rounded up to cents. Each product is a
// statement or conversion of its own: the server rounds each to a double, and Go may fuse a product with a sum.
func (p priceInput) month() (Cents, error) {
	byUser, knownUser := userDiscount[p.user]
	byPeriod, knownPeriod := paymentDiscount[p.period]
	switch {
	case !knownUser:
		return 0, fmt.Errorf("unknown user %q", shorten(string(p.user), 40))
	case !knownPeriod:
		return 0, fmt.Errorf("unknown period %q", shorten(string(p.period), 40))
	}
	member := p.member || p.uptime == UptimeDay // without member hosting, projects do not run for a day
	m := float64(p.ram*pricePerRAM) + float64(p.cpu*pricePerCPU)
	if p.uptime == UptimeAlways {
		m *= alwaysRunning
		if member {
			m *= nonPreemptible
		}
	} else if factor, ok := uptimeFactor[p.uptime]; ok {
		m *= factor
	}
	if member {
		m *= memberFactor
	}
	m += float64(p.disk * pricePerDisk)
	m *= float64(byUser * byPeriod)
	return roundUp(m - beforeRounding)
}

// maxDollars is the largest amount that a double holds to the cent.
const maxDollars = 1 << 46

// dollars returns the double that is nearest to the amount.
func (c Cents) dollars() float64 { return float64(c) / 100 }

// toCents returns the number of cents that is nearest to an amount in dollars.
func toCents(dollars float64) Cents { return Cents(math.Round(dollars * 100)) }

// roundUp rounds up to cents like the server: to the nearest cent, and if that is less, it adds a cent and rounds
// again. It returns an error for what is no amount of money.
func roundUp(dollars float64) (Cents, error) {
	if math.IsNaN(dollars) || math.Abs(dollars) > maxDollars {
		return 0, fmt.Errorf("%v is not an amount of money", dollars)
	}
	if near := nearestCent(dollars); near.dollars() >= dollars {
		return near, nil
	}
	return nearestCent(dollars + 0.01), nil
}

// nearestCent rounds the exact value of a double, as JavaScript's toFixed(2) does. Ties are rounded away from zero.
func nearestCent(dollars float64) Cents {
	exact := new(big.Float).SetPrec(128).Mul(big.NewFloat(dollars), big.NewFloat(100))
	cents, _ := exact.Add(exact, big.NewFloat(math.Copysign(0.5, dollars))).Int64() // cuts the fraction off
	return Cents(cents)
}

// multiply returns an amount times a factor in dollars, as the server computes it: in decimals, of which the first 20
// digits are kept, so that 8.38 × 100 is 838 and not a little more. It returns NaN for a factor that is not finite.
func multiply(amount Cents, factor float64) float64 {
	if math.IsInf(factor, 0) || math.IsNaN(factor) {
		return math.NaN()
	}
	const kept = 20
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(math.Abs(factor), 'f', -1, 64), ".")
	product, _ := new(big.Int).SetString(whole+fraction, 10)
	digits := product.Mul(product, new(big.Int).Abs(big.NewInt(int64(amount)))).String()
	exponent := -2 - len(fraction) // the amount is in cents
	if excess := len(digits) - kept; excess > 0 {
		digits, exponent = digits[:kept], exponent+excess
	}
	result, _ := strconv.ParseFloat(digits+"e"+strconv.Itoa(exponent), 64) // infinite if it is too large
	if (amount < 0) != (factor < 0) {
		return -result
	}
	return result
}
