package purchase

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"licensebot/cocalc"
)

// Budget is the spending and the reservations of one month. A reservation is only made if what was bought and what is
// reserved stay within the limit. What was bought can exceed the limit afterwards if CoCalc sells more than was
// reserved: a double purchase, which pauses buying, or a purchase that shows up after its order failed and its
// reservation was released.
type Budget struct {
	Month    string `json:"month"`       // "2026-11"
	Spent    Cents  `json:"spent_cents"` // all that was charged, with Upkeep
	Reserved Cents  `json:"reserved_cents"`
	Bought   int    `json:"bought"` // number of licenses
	// Upkeep is the part of Spent that was charged for licenses bought before: renewals, edits and refunds.
	Upkeep Cents `json:"upkeep_cents,omitempty"`
	// Due is what CoCalc will charge for renewals in the month; set by AccountState.WithDue, and not stored.
	Due Due `json:"-"`
	// People are the requesters' shares of the month, by Actor key. Months recorded before shares existed have none.
	People map[string]Share `json:"people,omitempty"`
}

// Share is one person's share of a month. The methods of Budget replace its maps and never change them, since a ledger
// shares them between readers.
type Share struct {
	Spent    Cents `json:"spent_cents,omitempty"`
	Reserved Cents `json:"reserved_cents,omitempty"`
	Upkeep   Cents `json:"upkeep_cents,omitempty"` // part of Spent
	Due      Due   `json:"-"`                      // as in Budget; set by AccountState.ShareOf
	// Days counts, by the day of the requester's click, the orders that were reserved or bought, and those that were
	// withdrawn after approval was requested.
	Days map[string]int `json:"days,omitempty"`
	// Auto is the amount reserved or bought without approval, by the day of the requester's click.
	Auto map[string]Cents `json:"auto_cents,omitempty"`
}

// Limit is a maximum amount. The zero Limit is a limit of 0 cents; None means no limit.
type Limit struct {
	Max  Cents
	None bool // no limit at all
}

func (l Limit) allows(amount Cents) bool { return l.None || amount <= l.Max }

func (l Limit) String() string {
	if l.None {
		return "no limit"
	}
	return l.Max.String()
}

// Sizes are the maximum sizes of a license. A zero field means that only CoCalc's own maximum applies.
type Sizes struct {
	RAM      int // GB per running project
	CPU      int // cores per running project
	Disk     int // GB per project
	RunLimit int // projects running at the same time
	Days     int // length of a fixed term
}

// checkSizes refuses a license that exceeds one of the policy's maximum sizes.
func (p Policy) checkSizes(spec Spec) *Refusal {
	for _, c := range []struct {
		asked, most   int
		size, setting string
	}{
		{spec.RAM, p.Largest.RAM, "ram", "MAX_RAM"},
		{spec.CPU, p.Largest.CPU, "cpu", "MAX_CPU"},
		{spec.Disk, p.Largest.Disk, "disk", "MAX_DISK"},
		{spec.RunLimit, p.Largest.RunLimit, "run_limit", "MAX_RUN_LIMIT"},
		{termDays(spec, p.TimeZone()), p.Largest.Days, "days", "MAX_DAYS"},
	} {
		if c.most > 0 && c.asked > c.most {
			return NewRefusal(TooLarge, "setting", c.setting, "size", c.size, "asked", strconv.Itoa(c.asked), "limit",
				strconv.Itoa(c.most))
		}
	}
	return nil
}

// termDays returns the length of a fixed term in calendar days of loc, rounded up; 0 for a license that renews and for
// a term without a start. Calendar days have 23 or 25 hours when the clock changes.
func termDays(spec Spec, loc *time.Location) int {
	if spec.Period != cocalc.PeriodRange || spec.Start.IsZero() {
		return 0
	}
	days, rest := CalendarDays(spec.Start, spec.End, loc)
	if rest > 0 {
		days++
	}
	return days
}

// checkPeriod refuses a billing period that the policy does not allow.
func (p Policy) checkPeriod(spec Spec) *Refusal {
	if len(p.Periods) == 0 || p.Periods[spec.Period] {
		return nil
	}
	var allowed []string
	for period := range p.Periods {
		allowed = append(allowed, string(period))
	}
	slices.Sort(allowed)
	return NewRefusal(WrongPeriod, "setting", "PERIODS", "period", string(spec.Period), "allowed",
		strings.Join(allowed, " "),
		"renewing", ArgFlag(p.Periods[cocalc.PeriodMonthly] || p.Periods[cocalc.PeriodYearly]))
}

// Commitment is an intended purchase, as Policy.CheckLimits checks it.
type Commitment struct {
	Share Share // the person's share of the month so far
	Spec  Spec
	Price Cents
	// Again is what renewals of the license cost in the same month, if the month's budget deducts renewals.
	Again Cents
	Now   time.Time
	// Renews is the price of each further period, and Recurring what all other licenses that renew cost per month: those
	// of the ledger and those of reserved orders. Recurring is only needed if Policy.RenewalsLimit is set.
	Renews, Recurring Cents
	// Reserved is set if the budget already contains the price, because it was reserved before.
	Reserved bool
}

// CheckLimits checks a commitment against every limit, given the budget of its month. It returns the first limit that
// refuses; nil if none does.
func (p Policy) CheckLimits(w Commitment, month Budget) *Refusal {
	if no := p.checkPeriod(w.Spec); no != nil {
		return no
	}
	if w.Spec.Period == cocalc.PeriodRange && w.Spec.Start.IsZero() {
		w.Spec.Start = w.Now
	}
	if no := p.checkSizes(w.Spec); no != nil {
		return no
	}
	if !p.OrderLimit.allows(w.Price) {
		return NewRefusal(OverOrderLimit, "setting", "ORDER_LIMIT", "price", ArgCents(w.Price), "limit",
			ArgCents(p.OrderLimit.Max))
	}
	renews, left := RecurringCents(w.Spec, w.Renews), p.RenewalsLimit-w.Recurring
	if p.RenewalsLimit > 0 && renews > max(left, 0) {
		return NewRefusal(OverRenewals, "setting", "RENEWALS_LIMIT", "price", ArgCents(renews), "left",
			ArgCents(max(left, 0)), "limit", ArgCents(p.RenewalsLimit))
	}
	share, more, another := w.Share, w.Price+w.Again, 1
	if w.Reserved {
		more, another = 0, 0
	}
	if left, limited := p.Left(month); limited && (more > left || left < 0) {
		return NewRefusal(OverBudget, "setting", "MONTHLY_BUDGET", "price", ArgCents(w.Price), "left", ArgCents(max(left, 0)),
			"limit", ArgCents(p.MonthlyBudget.Max), "resets", ArgTime(p.ResetDay(w.Now)), "again", ArgSomeCents(w.Again),
			"due", ArgSomeCents(month.Due.counted()))
	}
	if left := share.Left(p.PersonBudget); p.PersonBudget > 0 && (more > left || left < 0) {
		return NewRefusal(OverPersonBudget, "setting", "PERSON_BUDGET", "price", ArgCents(w.Price), "left",
			ArgCents(max(left, 0)),
			"limit", ArgCents(p.PersonBudget), "resets", ArgTime(p.ResetDay(w.Now)), "again", ArgSomeCents(w.Again),
			"due", ArgSomeCents(share.Due.counted()))
	}
	if n := share.Days[p.Day(w.Now)]; p.PersonOrders > 0 && n+another > p.PersonOrders {
		return NewRefusal(TooMany, "setting", "PERSON_ORDERS", "limit", strconv.Itoa(p.PersonOrders), "ordered",
			strconv.Itoa(n),
			"zone", p.TimeZone().String())
	}
	return nil
}

// Left returns the amount that may still be reserved in the budget's month. It is negative if the month is over its
// limit; limited is false if there is no limit.
func (p Policy) Left(b Budget) (left Cents, limited bool) {
	return p.MonthlyBudget.Left(b)
}

// Left returns how much of the limit a month leaves; see Policy.Left. Where renewals don't count, neither what was
// charged for upkeep nor what is due is deducted.
func (l Limit) Left(b Budget) (left Cents, limited bool) {
	return l.Max - b.Due.deducted(b.Spent, b.Upkeep) - b.Reserved, !l.None
}

// Left returns how much of a limit for each person is left of a person's month.
func (s Share) Left(limit Cents) Cents { return limit - s.Due.deducted(s.Spent, s.Upkeep) - s.Reserved }

// counted returns what is due, if it is deducted.
func (d Due) counted() Cents {
	if d.Counts {
		return d.Amount
	}
	return 0
}

// deducted returns what a budget counts of what was spent and what is due. Money that CoCalc gave back makes no room
// for orders: it may have been spent in an earlier month.
func (d Due) deducted(spent, upkeep Cents) Cents {
	bought := spent - upkeep
	if d.Counts {
		return bought + max(upkeep, 0) + d.Amount
	}
	return bought
}

// Day returns the date of a moment in the policy's time zone: "2026-11-23".
func (p Policy) Day(at time.Time) string { return at.In(p.TimeZone()).Format(time.DateOnly) }

// Reserve adds an order's reservation to the reservations of its month, or removes it if times is -1. key is the Actor
// key of the requester.
func (b *Budget) Reserve(key string, price Cents, times int) {
	s := b.share(key)
	b.Reserved += price * Cents(times)
	s.Reserved = max(0, s.Reserved+price*Cents(times)) // reservations made before shares existed are in no share
	b.People[key] = s
}

// count counts an order on the day of its requester's click, or stops counting it if times is -1.
func (b *Budget) count(key, day string, times int) {
	s := b.share(key)
	s.Days = maps.Clone(s.Days)
	if s.Days == nil {
		s.Days = map[string]int{}
	}
	if s.Days[day] += times; s.Days[day] <= 0 {
		delete(s.Days, day)
	}
	b.People[key] = s
}

// countAuto counts the price of an order that was reserved without approval, or stops counting it if times is -1.
func (b *Budget) countAuto(key, day string, o Order, times int) {
	if !o.Auto {
		return
	}
	s := b.share(key)
	s.Auto = maps.Clone(s.Auto)
	if s.Auto == nil {
		s.Auto = map[string]Cents{}
	}
	if s.Auto[day] += o.Price * Cents(times); s.Auto[day] <= 0 {
		delete(s.Auto, day)
	}
	b.People[key] = s
}

// Apply applies a change that an event of order o causes. key is the Actor key of the requester; day is the day in
// which the order counts.
func (b *Budget) Apply(key string, o Order, day string, c BudgetChange) {
	if c.Reserved != 0 {
		b.Reserve(key, o.Reservation(), c.Reserved)
	}
	if c.Orders != 0 {
		b.count(key, day, c.Orders)
	}
	if c.Auto != 0 {
		b.countAuto(key, day, o, c.Auto)
	}
}

// Spend adds a charge and the number of licenses that it bought. amount is negative if a correction lowers a charge.
func (b *Budget) Spend(key string, amount Cents, licenses int) {
	s := b.share(key)
	b.Spent += amount
	b.Bought += licenses
	s.Spent += amount
	b.People[key] = s
}

// SpendUpkeep adds a charge, or a negative refund, for a license that was bought before.
func (b *Budget) SpendUpkeep(key string, amount Cents) {
	b.Spend(key, amount, 0)
	b.Upkeep += amount
	s := b.People[key]
	s.Upkeep += amount
	b.People[key] = s
}

// Unattributable is the People key of amounts recorded before shares existed.
const Unattributable = ""

// share returns the share with the key id. Call it before changing b: it first assigns all amounts of a month without
// shares to Unattributable.
func (b *Budget) share(id string) Share {
	if b.People == nil {
		b.People = map[string]Share{}
		if b.Spent != 0 || b.Reserved != 0 {
			b.People[Unattributable] = Share{Spent: b.Spent, Reserved: b.Reserved}
		}
	}
	return b.People[id]
}

// ChangeBudget changes a month's budget in the caller's transaction. Only it changes a budget that is in a ledger.
func ChangeBudget(w Writer, month string, change func(*Budget)) error {
	budget, err := w.BudgetForChange(month)
	if err != nil {
		return err
	}
	change(&budget)
	return w.PutBudget(budget)
}

// ShareOf returns a person's share of a month.
func (a AccountState) ShareOf(month Budget, who Actor) Share {
	key := a.Key(who)
	share := month.People[key]
	share.Due = a.dueOf(month, key)
	return share
}

// BudgetKey returns the id under which a person's amounts are counted, in a transaction that changes them. When Slack
// first sends the person's organization id, BudgetKey moves everything counted under the workspace id to it, in every
// month.
func BudgetKey(w Writer, who Actor) (string, error) {
	account, err := w.Account()
	if err != nil || who.Org == "" || who.Org == who.ID || account.Twins[who.ID] == who.Org {
		return account.Key(who), err
	}
	was := account.Key(Actor{ID: who.ID})
	account.Twins = maps.Clone(account.Twins)
	if account.Twins == nil {
		account.Twins = map[string]string{}
	}
	account.Twins[who.ID] = who.Org
	if err := w.PutAccount(account); err != nil {
		return "", err
	}
	budgets, err := w.Budgets(1 << 20)
	if err != nil {
		return "", err
	}
	for _, b := range budgets {
		old, counted := b.People[was]
		if !counted || was == who.Org {
			continue
		}
		b.People = maps.Clone(b.People)
		delete(b.People, was)
		b.People[who.Org] = b.People[who.Org].with(old)
		if err := w.PutBudget(b); err != nil {
			return "", err
		}
	}
	return who.Org, nil
}

// with returns the sum of two shares.
func (s Share) with(t Share) Share {
	s.Spent, s.Reserved, s.Upkeep = s.Spent+t.Spent, s.Reserved+t.Reserved, s.Upkeep+t.Upkeep
	s.Days, s.Auto = maps.Clone(s.Days), maps.Clone(s.Auto)
	for day, n := range t.Days {
		if s.Days == nil {
			s.Days = map[string]int{}
		}
		s.Days[day] += n
	}
	for day, sum := range t.Auto {
		if s.Auto == nil {
			s.Auto = map[string]Cents{}
		}
		s.Auto[day] += sum
	}
	return s
}

// Month returns the budget month of a moment in the policy's time zone: "2026-11".
func (p Policy) Month(at time.Time) string {
	return at.In(p.TimeZone()).Format("2006-01")
}

// TimeZone returns the zone in which days and months begin; UTC by default.
func (p Policy) TimeZone() *time.Location {
	if p.Location == nil {
		return time.UTC
	}
	return p.Location
}

// ResetDay returns the beginning of the month after the one that contains at.
func (p Policy) ResetDay(at time.Time) time.Time {
	t := at.In(p.TimeZone())
	return DayBegins(t.Year(), t.Month()+1, 1, p.TimeZone())
}

// DayBegins returns the first moment of a day. Where clocks are set forward at midnight, as in Santiago, the day begins
// at 1 AM, and time.Date returns 11 PM of the day before.
func DayBegins(year int, month time.Month, day int, loc *time.Location) time.Time {
	noon := time.Date(year, month, day, 12, 0, 0, 0, loc)
	midnight := time.Date(year, month, day, 0, 0, 0, 0, loc)
	if midnight.Day() != noon.Day() {
		midnight, _ = noon.ZoneBounds()
	}
	return midnight
}
