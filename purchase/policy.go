package purchase

import (
	"fmt"
	"time"
)

// Refusal is an answer of no to a person: nothing happened, and Sentence says why and what to do next.
type Refusal struct {
	Code     RefusalCode
	Sentence string
}

func (r *Refusal) Error() string { return r.Sentence }

// RefusalCode is the machine's name of a refusal, for tables, tests and the audit.
type RefusalCode string

const (
	NotABuyer      RefusalCode = "not-a-buyer"
	OverOrderLimit RefusalCode = "over-order-limit"
	OverBudget     RefusalCode = "over-budget"
	NotYours       RefusalCode = "not-yours"
	NoSuchOrder    RefusalCode = "no-such-order"
	TooLate        RefusalCode = "too-late"
	AlreadyDone    RefusalCode = "already-done"
	Paused         RefusalCode = "paused"
	ShuttingDown   RefusalCode = "shutting-down"
	NotAnAdmin     RefusalCode = "not-an-admin"
	Outsider       RefusalCode = "outsider"  // guests, apps, people of other workspaces
	Elsewhere      RefusalCode = "elsewhere" // a button that was clicked where its card is not
	NoReason       RefusalCode = "no-reason"
	DiskFull       RefusalCode = "disk-full"
	Restoring      RefusalCode = "restoring" // an older copy of the ledger is not reconciled with CoCalc yet
	NotBroken      RefusalCode = "not-broken"
)

// Policy says who may buy, and how much.
type Policy struct {
	// Buyers are Slack user ids. Everyone lets all members buy. With neither, nobody may.
	Buyers   map[string]bool
	Everyone bool
	// Admins are the Slack user ids of those who may settle orders, pause and resume, and take out broken items.
	Admins map[string]bool
	// OrderLimit is the most that one order may cost, MonthlyBudget the most that all orders of a month may.
	OrderLimit    Limit
	MonthlyBudget Limit
	// Location decides where a month begins. Nil is UTC.
	Location *time.Location
}

// Limit is an amount that must not be passed. The zero Limit lets nothing through: whoever wants no limit says so.
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

// Month names the budget month of a moment: "2026-11".
func (p Policy) Month(at time.Time) string {
	return at.In(p.location()).Format("2006-01")
}

func (p Policy) location() *time.Location {
	if p.Location == nil {
		return time.UTC
	}
	return p.Location
}

// resets says when the budget of the month that holds at begins anew: "1 December".
func (p Policy) resets(at time.Time) string {
	t := at.In(p.location())
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, p.location()).Format("2 January")
}

// mayAdminister refuses people who are not admins.
func (p Policy) mayAdminister(who Person) *Refusal {
	if no := outsider(who); no != nil {
		return no
	}
	if p.Admins[who.ID] {
		return nil
	}
	ask := "Please ask one of the admins."
	if len(p.Admins) == 0 {
		ask = "There is none yet: whoever runs this bot has to fill in `ADMINS`."
	}
	return &Refusal{NotAnAdmin, "Only an admin of this bot can do that, so nothing was changed and nothing was bought. " + ask}
}

// mayBuy refuses people who are not on the list.
func (p Policy) mayBuy(who Person) *Refusal {
	if no := outsider(who); no != nil {
		return no
	}
	if p.Everyone || p.Buyers[who.ID] {
		return nil
	}
	sentence := "You are not on the list of people who may buy licenses here, so nothing was bought. " +
		"Whoever runs this bot can add you to `BUYERS`."
	if len(p.Buyers) == 0 {
		sentence = "Nobody may buy licenses here yet, so nothing was bought. Whoever runs this bot has to fill in `BUYERS`."
	}
	return &Refusal{NotABuyer, sentence}
}

// allows checks a price against the limits, with what the month has already promised.
func (p Policy) allows(price Cents, spent Budget, now time.Time) *Refusal {
	if !p.OrderLimit.allows(price) {
		return &Refusal{OverOrderLimit, fmt.Sprintf(
			"This costs %s, and one order may cost at most %s, so nothing was bought. "+
				"Ask for less, or let whoever runs this bot raise `ORDER_LIMIT`.", price, p.OrderLimit)}
	}
	if left, limited := p.Left(spent); limited && price > left {
		return &Refusal{OverBudget, fmt.Sprintf(
			"This costs %s, and %s of this month's budget of %s is left, so nothing was bought. "+
				"The next month's budget begins on %s.", price, max(left, 0), p.MonthlyBudget, p.resets(now))}
	}
	return nil
}

// Left is what may still be promised in the budget's month; limited is false when there is no limit.
func (p Policy) Left(b Budget) (left Cents, limited bool) {
	return p.MonthlyBudget.Max - b.Spent - b.Reserved, !p.MonthlyBudget.None
}
