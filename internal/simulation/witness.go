package simulation

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"licensebot/purchase"
)

// witness watches one transaction from inside: which orders, budgets and audit records it writes, and whether it may.
type witness struct {
	purchase.Writer
	life   *life
	wrongs []string

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

func (x *witness) wrong(format string, args ...any) {
	x.wrongs = append(x.wrongs, fmt.Sprintf(format, args...))
}

func (x *witness) PutOrder(o purchase.Order) error {
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

func (x *witness) PutBudget(b purchase.Budget) error {
	if !slices.ContainsFunc(x.budgets, func(old purchase.Budget) bool { return old.Month == b.Month }) {
		before, err := x.Budget(b.Month)
		if err != nil {
			return err
		}
		before.Month = b.Month
		x.budgets = append(x.budgets, before)
	}
	return x.Writer.PutBudget(b)
}

func (x *witness) AddPurchase(p purchase.Purchase) (purchase.Purchase, error) {
	p, err := x.Writer.AddPurchase(p)
	x.entries = append(x.entries, p)
	return p, err
}

func (x *witness) AppendEvent(e purchase.Event) error {
	x.events = append(x.events, e)
	return x.Writer.AppendEvent(e)
}

// look judges the transaction at its end.
func (x *witness) look() error {
	for _, before := range x.budgets {
		if err := x.lookAtMonth(before); err != nil {
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
		if err := x.lookAtMove(o, c.was); err != nil {
			return err
		}
	}
	for _, e := range x.events {
		if e.Kind == "agreed" {
			o, err := x.Order(e.Order)
			if err != nil {
				return err
			}
			x.lookAtYes(o, e)
		}
	}
	return nil
}

// lookAtMonth: what a month, and a person in it, has spent and promised does not pass its limit, and is not raised
// further where a limit was lowered since.
func (x *witness) lookAtMonth(before purchase.Budget) error {
	b, err := x.Budget(before.Month)
	if err != nil {
		return err
	}
	r := x.life.rules
	judge := func(whose string, limit int64, before, now purchase.Share) error {
		if now.Reserved < 0 {
			x.wrong("%s of %s is reserved in %s", now.Reserved, whose, b.Month)
		}
		sum, was := now.Spent+now.Reserved, before.Spent+before.Reserved
		if limit == 0 || sum <= max(was, purchase.Cents(limit)) {
			return nil
		}
		excused, added, err := x.unasked(b.Month, whose)
		if err == nil && sum > purchase.Cents(limit)+excused && sum-added > was {
			x.wrong("%s is spent and %s reserved of %s's %s, whose budget is %s (%s of it was no doing of the bot's)",
				now.Spent, now.Reserved, whose, b.Month, dollars(limit), excused)
		}
		return err
	}
	err = judge(everybody, r.Budget, purchase.Share{Spent: before.Spent, Reserved: before.Reserved},
		purchase.Share{Spent: b.Spent, Reserved: b.Reserved})
	for id, share := range b.People {
		err = errors.Join(err, judge(name(id), r.PersonBudget, before.People[id], share))
	}
	return err
}

const everybody = "the team"

// unasked is what a month has spent by others' doing, against which no reservation helps: what overlapping checkouts
// bought twice, what CoCalc charged otherwise than it said, and what was bought after its order had failed. added is
// the part of this transaction.
func (x *witness) unasked(month, whose string) (sum, added purchase.Cents, err error) {
	entries, err := x.Purchases(0, 1000)
	if err != nil {
		return 0, 0, err
	}
	for _, p := range entries {
		if p.Month != month || whose != everybody && name(p.Requester.ID) != whose {
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

func (x *witness) hasFailed(id purchase.OrderID) (bool, error) {
	events, err := x.Events(1, 1<<20)
	return slices.ContainsFunc(events, func(e purchase.Event) bool {
		return e.Order == id && e.Kind == string(purchase.Failed)
	}), err
}

// lookAtMove judges what an order has become.
func (x *witness) lookAtMove(o purchase.Order, was purchase.State) error {
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
		if err := x.fits(o, promised); err != nil {
			return err
		}
	case purchase.Denied:
		x.lookAtNo(o)
	case purchase.Expired:
		if left := time.Until(o.ApproveBy); !o.ApproveBy.IsZero() && left > 0 {
			x.wrong("order %s expires %s before its time to be decided on is over", o.ID, left)
		}
		if could := x.life.began.Before(o.RemindAt) && x.life.w.weather("ledger", Full, o.RemindAt) == nil; could &&
			!o.RemindAt.IsZero() && !o.ApproveBy.IsZero() {
			x.wrong("order %s expires, and no one was reminded of it on %s", o.ID, o.RemindAt)
		}
	case purchase.Failed:
		if f := o.Failure; f != nil && f.Code == purchase.FailNobodyAsked && !x.life.w.refused(o.Confirmed) {
			x.wrong("order %s fails since its approvers could not be asked, and Slack has refused nothing", o.ID)
		}
	default: // nothing more is required of the others
	}
	switch {
	case o.State == purchase.Approved:
		x.lookAtRequester(o)
		return x.lookAtApproval(o, true)
	case o.State == purchase.AwaitingApproval:
		x.lookAtRequester(o)
		if o.Reason == "" {
			x.wrong("approvers are asked about order %s, and not told what it is for", o.ID)
		}
	case o.State == purchase.Adding:
		return x.lookAtApproval(o, false)
	}
	return nil
}

// fits: an order that is promised, or begun, is within every limit as it is now.
func (x *witness) fits(o purchase.Order, promised bool) error {
	r := x.life.rules
	if r.OrderLimit > 0 && int64(o.Price) > r.OrderLimit {
		x.wrong("order %s becomes %s for %s, and one order may cost %s", o.ID, o.State, o.Price, dollars(r.OrderLimit))
	}
	b, err := x.Budget(o.Month)
	if err != nil {
		return err
	}
	share := b.People[o.Requester.ID]
	if sum := b.Spent + b.Reserved; int64(sum) > r.Budget {
		x.wrong("order %s becomes %s, and %s of %s is spent and reserved", o.ID, o.State, sum, dollars(r.Budget))
	}
	if sum := share.Spent + share.Reserved; r.PersonBudget > 0 && int64(sum) > r.PersonBudget {
		x.wrong("order %s becomes %s, and %s of %s's %s is spent and reserved", o.ID, o.State, sum, o.Requester.Name,
			dollars(r.PersonBudget))
	}
	orders, err := x.Orders("", 1000)
	var auto purchase.Cents
	for _, other := range orders {
		if other.Auto && other.Requester.ID == o.Requester.ID && other.Day == o.Day &&
			(other.Promised() || other.State == purchase.Purchased) {
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
			(other.Promised() || other.State == purchase.Purchased) {
			n++
		}
	}
	if n > r.PersonOrders {
		x.wrong("order %s becomes %s: %s has %d orders of %s, and one person may have %d a day", o.ID, o.State,
			o.Requester.Name, n, o.Day, r.PersonOrders)
	}
	return err
}
