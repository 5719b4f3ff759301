package purchase

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"licensebot/cocalc"
)

// Subscription is a subscription of the CoCalc account.
type Subscription = cocalc.Subscription

// StatusActive is the status of a subscription that CoCalc renews.
const StatusActive = cocalc.StatusActive

// LicenseEntry is a license of the account.
type LicenseEntry struct {
	License License
	// Subscription renews the license, or did; nil if it has none. Unread is set if the subscriptions could not be read.
	Subscription *Subscription
	Unread       bool
	// Purchase is its log entry; nil if it was not bought through this ledger. Owned is what became of it since; nil if
	// the ledger has no record of that.
	Purchase *Purchase
	Owned    *OwnedLicense
	// Upkeep are the newest entries of the log about it since it was bought, newest first; only in the entry of a single
	// license.
	Upkeep []Purchase
}

// QueueEntry is the part of an open order that determines its place in the queue.
type QueueEntry struct {
	ID        OrderID
	State     State
	Confirmed time.Time
}

// Stoppage describes why no orders are bought right now; zero if nothing prevents it.
type Stoppage struct {
	Pause    *Pause
	Restored *Restore
	Held     []Order // orders of unknown outcome, oldest first; the others wait for them
}

// Renewals summarizes the subscriptions that CoCalc charges until they are cancelled. They count in no budget, since
// they are charged without a confirmation.
type Renewals struct {
	Monthly, Yearly Cents // per month, and per year
	Active          int   // number of subscriptions
	DueThisMonth    Cents // what will be charged in the current month

	// Next is when CoCalc charges the next renewal; zero if no subscription has a date.
	Next time.Time
}

// Evidence is what CoCalc shows about an order at one moment, for people who want to check it, and for admins who
// resolve an order of unknown outcome.
type Evidence struct {
	At    time.Time
	Lines []Cause // for everyone who may see the order, in the order of the requests
	// Account is the CoCalc account that the key belongs to, for admins only; empty if CoCalc did not return it.
	Account string
	// Complete is set if everything could be read and the key was verified. Only then does an empty result mean that there
	// was no purchase.
	Complete bool
}

// The lines of Evidence.
const (
	ShowsNeverSent CauseCode = "never-sent" // the order was never sent to CoCalc
	// ShowsTagged is a license with the order's tag: license, but ("older" than its item, or "different").
	ShowsTagged       CauseCode = "tagged"
	ShowsNoTagged     CauseCode = "not-tagged" // licenses: the number of licenses, none of which has the tag
	ShowsUnread       CauseCode = "unread"     // what: the data that could not be read
	ShowsIncompletely CauseCode = "incomplete" // data that could not be read may contain a purchase
	// ShowsItem is the order's cart item: item, state ("deleted", "bought" with at and license, "removed" with at,
	// "in-cart"). Without item, none was found.
	ShowsItem CauseCode = "cart-item"
	// ShowsNoPurchases means that the list has no purchase of the order: rows (the number of other purchases), older (the
	// server has no list).
	ShowsNoPurchases CauseCode = "no-purchases"
	// ShowsPurchase is a purchase: purchase, at, license, amount, and but if it has the order's tag and is "older" than
	// its item, or belongs to a "copied" one.
	ShowsPurchase CauseCode = "purchase-shown"
	ShowsAccount  CauseCode = "key-account" // account: the key's
)

// For returns the lines for a person. Admins also read which account the key belongs to.
func (e Evidence) For(admin bool) []Cause {
	if !admin || e.Account == "" {
		return e.Lines
	}
	return append(slices.Clone(e.Lines), NewCause(ShowsAccount, "account", e.Account))
}

// Add appends a line. Empty values are left out.
func (e *Evidence) Add(code CauseCode, pairs ...string) {
	e.Lines = append(e.Lines, NewCause(code, pairs...))
}

// Readable reports whether err is nil. Otherwise it adds a line saying that what could not be read, and clears
// Complete.
func (e *Evidence) Readable(err error, what string) bool {
	if err != nil {
		e.Complete = false
		e.Add(ShowsUnread, "what", what)
	}
	return err == nil
}

// The notes of a Comparison.
const (
	// NotedByWord means that an admin marked the order as bought and CoCalc does not show it: entry, order, charged.
	NotedByWord     CauseCode = "noted-by-word"
	NotedCounting   CauseCode = "noted-counting"    // entry, logged, charged: the bot will count it again
	NotedNotManaged CauseCode = "noted-not-managed" // license, entry: the account no longer manages the license
	// NotedNotFollowed is a renewal, an edit or a refund that the bot has not entered yet: purchase, at, license, amount.
	NotedNotFollowed CauseCode = "noted-not-followed"
	// NotedChargedTwice means that CoCalc charged twice for one effect: license, purchase, other (the two), amount, state
	// ("open", or "requested" if an admin requested a refund).
	NotedChargedTwice CauseCode = "noted-charged-twice"
	// NotedSubscription is a subscription that changed since the bot last looked: license, was, is.
	NotedSubscription CauseCode = "noted-subscription"
	NotedUnderWay     CauseCode = "noted-under-way" // purchase, at, license, amount, order: the bot works on the order
	// NotedStranger is a purchase made outside the bot: purchase, at, license, amount, and but ("reported", "copied" from
	// the cart item of an order, or "older" than the order whose tag it has).
	NotedStranger CauseCode = "noted-stranger"
)

// Prepaid is a license in the purchase log: either a fixed term with the amount paid for all of it, or a license that
// renews with the amount paid for the last period that the log has.
type Prepaid struct {
	LicenseID    string
	Order        OrderID
	Requester    Actor
	Spec         Spec
	Begins, Ends time.Time // of a fixed term, or of the last period
	Paid         Cents     // for that time: the sum of its log entries
	Duplicate    bool      // CoCalc sold the same cart item more than once
}

// Renews reports whether the license renews until it is cancelled. Later periods may not be in the log yet.
func (p Prepaid) Renews() bool { return p.Spec.Period != cocalc.PeriodRange }

// Unused returns the part of the amount paid for a fixed term that falls after at: pro rata to the second, rounded down
// to the cent. It is the whole amount before the term begins, and 0 after the term and for a license that renews.
func (p Prepaid) Unused(at time.Time) Cents {
	begins, ends, now := p.Begins.Unix(), p.Ends.Unix(), at.Unix()
	switch {
	case p.Renews() || p.Paid <= 0 || now >= ends:
		return 0
	case now <= begins:
		return p.Paid
	}
	// The product can exceed 64 bits. The quotient can't: the rest of the term is shorter than the term.
	high, low := bits.Mul64(uint64(p.Paid), uint64(ends-now))
	unused, _ := bits.Div64(high, low, uint64(ends-begins))
	return Cents(unused)
}

// PrepaidLicenses returns the licenses of a purchase log, oldest entry first, that may have an unused part at the time
// at: fixed terms that have not ended, and all licenses that renew. Entries of later purchases are ignored.
func PrepaidLicenses(log []Purchase, at time.Time) []Prepaid {
	var all []*Prepaid
	own := map[OrderID]*Prepaid{} // the license that each order asked for; corrections apply to it
	named := map[string]*Prepaid{}
	for _, e := range log {
		if e.Time.After(at) {
			continue
		}
		p := named[e.LicenseID]
		if e.Correction && own[e.Order] != nil {
			p = own[e.Order]
		}
		if p == nil {
			p = &Prepaid{Order: e.Order, Requester: e.Requester, Spec: e.Spec, Begins: e.begins(), Duplicate: e.Duplicate}
			all = append(all, p)
		}
		if !e.Duplicate && own[e.Order] == nil {
			own[e.Order] = p
		}
		if e.LicenseID != "" && p.LicenseID != e.LicenseID { // a correction may name another license
			delete(named, p.LicenseID)
			p.LicenseID, named[e.LicenseID] = e.LicenseID, p
		}
		if e.Kind == EntryRenewal {
			p.Begins, p.Paid = e.Begins, 0
		}
		p.Spec = e.Spec
		p.Paid += e.Charged
		p.Ends = cmp.Or(e.Ends(), e.Spec.End)
	}
	var left []Prepaid
	for _, p := range all {
		if p.Renews() || at.Before(p.Ends) {
			left = append(left, *p)
		}
	}
	return left
}

// begins returns the beginning of an entry's fixed term. If it is in the past, CoCalc moves it to the moment of the
// purchase.
func (p Purchase) begins() time.Time {
	if p.Spec.Start.After(p.Time) {
		return p.Spec.Start
	}
	return p.Time
}
