package simulation

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"licensebot/purchase"
)

// observer records what one transaction writes, and checks whether it may.
type observer struct {
	purchase.Writer
	process *process
	wrongs  []string

	orders  []change
	budgets []purchase.Budget   // as they were before, one for each month that is written
	entries []purchase.Purchase // that are added
	events  []purchase.Event    // that are appended
}

// change is an order as it was before the transaction.
type change struct {
	id  purchase.OrderID
	was purchase.State // empty: it is new
}

func (x *observer) wrong(format string, args ...any) {
	x.wrongs = append(x.wrongs, fmt.Sprintf(format, args...))
}

func (x *observer) PutOrder(o purchase.Order) error {
	if !slices.ContainsFunc(x.orders, func(c change) bool { return c.id == o.ID }) {
		before, err := x.Writer.Order(o.ID)
		if err != nil && !errors.Is(err, purchase.ErrNoOrder) {
			return err
		}
		if err == nil && before.Price != o.Price {
			x.wrong("the price of order %s was %s, and becomes %s", o.ID, before.Price, o.Price)
		}
		x.orders = append(x.orders, change{o.ID, before.State})
	}
	return x.Writer.PutOrder(o)
}

func (x *observer) BudgetForChange(month string) (purchase.Budget, error) {
	if err := x.noteBudget(month); err != nil {
		return purchase.Budget{}, err
	}
	return x.Writer.BudgetForChange(month)
}

func (x *observer) PutBudget(b purchase.Budget) error {
	if err := x.noteBudget(b.Month); err != nil {
		return err
	}
	return x.Writer.PutBudget(b)
}

// noteBudget notes a month's budget before its first change.
func (x *observer) noteBudget(month string) error {
	if slices.ContainsFunc(x.budgets, func(old purchase.Budget) bool { return old.Month == month }) {
		return nil
	}
	before, err := x.Budget(month)
	if err != nil {
		return err
	}
	before.Month, before.People = month, maps.Clone(before.People) // later changes may show in People
	x.budgets = append(x.budgets, before)
	return nil
}

func (x *observer) AddPurchase(p purchase.Purchase) (purchase.Purchase, error) {
	p, err := x.Writer.AddPurchase(p)
	x.entries = append(x.entries, p)
	return p, err
}

func (x *observer) AppendEvent(e purchase.Event) error {
	x.events = append(x.events, e)
	return x.Writer.AppendEvent(e)
}

// check checks the invariants at the end of the transaction.
func (x *observer) check() error {
	for _, before := range x.budgets {
		if err := x.checkMonth(before); err != nil {
			return err
		}
	}
	for _, c := range x.orders {
		o, err := x.Order(c.id)
		if err != nil {
			return err
		}
		if o.State == c.was {
			continue
		}
		if !slices.ContainsFunc(x.events, func(e purchase.Event) bool {
			return e.Kind == string(o.State) && e.Order == o.ID
		}) {
			x.wrong("order %s becomes %s, and no audit record says so", o.ID, o.State)
		}
		if err := x.checkTransition(o, c.was); err != nil {
			return err
		}
	}
	for _, e := range x.events {
		if e.Kind == "agreed" {
			o, err := x.Order(e.Order)
			if err != nil {
				return err
			}
			x.checkApproving(o, e)
		}
	}
	return nil
}

// checkMonth checks that what a month, and a person in it, has spent and reserved does not exceed its limit, and does
// not grow if the limit was lowered since.
func (x *observer) checkMonth(before purchase.Budget) error {
	b, err := x.Budget(before.Month)
	if err != nil {
		return err
	}
	r := x.process.rules
	check := func(whose string, limit int64, before, now purchase.Share) error {
		if now.Reserved < 0 {
			x.wrong("%s of %s is reserved in %s", now.Reserved, whose, b.Month)
		}
		sum, was := committed(now), committed(before)
		if limit == 0 || sum <= max(was, purchase.Cents(limit)) {
			return nil
		}
		tolerated, added, err := x.tolerated(b.Month, whose)
		if err == nil && sum > purchase.Cents(limit)+tolerated && sum-added > was {
			x.wrong("%s is spent and %s reserved of %s's %s, whose budget is %s (%s of it was no doing of the bot's)",
				now.Spent, now.Reserved, whose, b.Month, dollars(limit), tolerated)
		}
		return err
	}
	err = check(wholeTeam, r.Budget, whole(before), whole(b))
	for id, share := range b.People {
		err = errors.Join(err, check(name(id), r.PersonBudget, before.People[id], share))
	}
	return err
}

const wholeTeam = "the team"

// whole returns the amounts of a month as those of a person.
func whole(b purchase.Budget) purchase.Share {
	return purchase.Share{Spent: b.Spent, Reserved: b.Reserved, Upkeep: b.Upkeep}
}

// committed returns what counts against a limit: CoCalc charges renewals and changes without a reservation.
func committed(s purchase.Share) purchase.Cents { return s.Spent - s.Upkeep + s.Reserved }

// tolerated returns what a month has spent without the bot's fault, in spite of all reservations: what overlapping
// checkouts bought twice, what CoCalc charged beyond its price, and what was bought after its order had failed. added
// is the part of this transaction.
func (x *observer) tolerated(month, whose string) (sum, added purchase.Cents, err error) {
	entries, err := x.Purchases(0, 1000)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range entries {
		if p.Month != month || p.Kind.IsUpkeep() || whose != wholeTeam && name(p.Requester.ID) != whose {
			continue
		}
		failed, err := x.hasFailed(p.Order)
		if err != nil {
			return 0, 0, err
		}
		extra := max(p.Charged-p.Shown, 0) // whose item was edited, or whose price rose, after the last look
		if p.Duplicate || p.Correction || failed {
			extra = max(p.Charged, 0)
		}
		sum += extra
		if slices.ContainsFunc(x.entries, func(e purchase.Purchase) bool { return e.Number == p.Number }) {
			added += extra
		}
	}
	return sum, added, nil
}

func (x *observer) hasFailed(id purchase.OrderID) (bool, error) {
	events, err := x.Events(1, 1<<20)
	return slices.ContainsFunc(events, func(e purchase.Event) bool {
		return e.Order == id && e.Kind == string(purchase.Failed)
	}), err
}

// checkTransition checks an order's new state.
func (x *observer) checkTransition(o purchase.Order, was purchase.State) error {
	account, err := x.Account()
	if err != nil {
		return err
	}
	promised := was == purchase.Proposed || was == ""
	switch o.State {
	case purchase.AwaitingApproval, purchase.Approved, purchase.Adding:
		if account.Pause != nil {
			x.wrong("order %s becomes %s, and buying is paused since %s", o.ID, o.State, account.Pause.Since)
		}
		if err := x.checkLimits(o, promised); err != nil {
			return err
		}
	case purchase.Denied:
		x.checkDenying(o)
	case purchase.Expired:
		if left := time.Until(o.ApproveBy); !o.ApproveBy.IsZero() && left > 0 {
			x.wrong("order %s expires %s before its time to be decided on is over", o.ID, left)
		}
		if could := x.process.began.Before(o.RemindAt) && x.process.w.faultWindow("ledger", Full, o.RemindAt) == nil; could &&
			!o.RemindAt.IsZero() && !o.ApproveBy.IsZero() {
			x.wrong("order %s expires, and no one was reminded of it on %s", o.ID, o.RemindAt)
		}
	case purchase.Failed:
		if f := o.Failure; f != nil && f.Code == purchase.FailNobodyAsked && !x.process.w.refused(o.Confirmed) {
			x.wrong("order %s fails since its approvers could not be asked, and Slack has refused nothing", o.ID)
		}
	default: // nothing more is required of the others
	}
	switch {
	case o.State == purchase.Approved:
		x.checkRequester(o)
		return x.checkApprovals(o, true)
	case o.State == purchase.AwaitingApproval:
		x.checkRequester(o)
		if o.Reason == "" {
			x.wrong("approvers are asked about order %s, and not told what it is for", o.ID)
		}
	case o.State == purchase.Adding:
		return x.checkApprovals(o, false)
	}
	return nil
}

// checkLimits checks that an order whose amount is reserved, or whose purchase begins, is within the limits of now.
func (x *observer) checkLimits(o purchase.Order, promised bool) error {
	r := x.process.rules
	if r.OrderLimit > 0 && int64(o.Price) > r.OrderLimit {
		x.wrong("order %s becomes %s for %s, and one order may cost %s", o.ID, o.State, o.Price, dollars(r.OrderLimit))
	}
	b, err := x.Budget(o.Month)
	if err != nil {
		return err
	}
	share := b.People[o.Requester.ID]
	if sum := committed(whole(b)); int64(sum) > r.Budget {
		x.wrong("order %s becomes %s, and %s of %s is spent and reserved", o.ID, o.State, sum, dollars(r.Budget))
	}
	if sum := committed(share); r.PersonBudget > 0 && int64(sum) > r.PersonBudget {
		x.wrong("order %s becomes %s, and %s of %s's %s is spent and reserved", o.ID, o.State, sum, o.Requester.Name,
			dollars(r.PersonBudget))
	}
	orders, err := x.Orders("", 1000)
	var auto purchase.Cents
	for _, other := range orders {
		if other.Auto && other.Requester.ID == o.Requester.ID && other.Day == o.Day &&
			(other.IsReserved() || other.State == purchase.Purchased) {
			auto += other.Price
		}
	}
	if promised && o.Auto && r.Asks && int64(auto) > r.AutoApprove {
		x.wrong("order %s becomes %s: %s has %s without approval on %s, and the limit is %s", o.ID, o.State, o.Requester.Name,
			auto, o.Day, dollars(r.AutoApprove))
	}
	if r.PersonOrders == 0 {
		return err
	}
	n := 0
	for _, other := range orders {
		if other.Requester.ID == o.Requester.ID && other.Day == o.Day &&
			(other.IsReserved() || other.State == purchase.Purchased) {
			n++
		}
	}
	if n > r.PersonOrders {
		x.wrong("order %s becomes %s: %s has %d orders of %s, and one person may have %d a day", o.ID, o.State,
			o.Requester.Name, n, o.Day, r.PersonOrders)
	}
	return err
}
