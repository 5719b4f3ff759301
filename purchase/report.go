package purchase

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"licensebot/cocalc"
)

// LicenseEntry is a license of the account, with the log entry when it was bought through this ledger.
type LicenseEntry struct {
	License  License
	Purchase *Purchase
}

// QueueEntry is what tells an open order's place among the others.
type QueueEntry struct {
	ID        OrderID
	State     State
	Confirmed time.Time
}

// Stoppage is what keeps orders from being bought right now; zero when nothing does.
type Stoppage struct {
	Pause    *Pause
	Restored *Restore
	Held     []Order // whose outcome is unknown, oldest first: others wait for them
}

// Renewals are the renewals that CoCalc will charge until they are cancelled. They count in no budget: they need no
// confirmation.
type Renewals struct {
	Monthly, Yearly Cents // per month, and per year
	Active          int   // subscriptions
	DueThisMonth    Cents // of the present month, from now on

	// Next is when CoCalc charges the first of them from now on; zero when none of them says.
	Next time.Time
}

// Evidence is what CoCalc shows of an order at one moment: for people who want to see for themselves, and for admins
// who have to settle it.
type Evidence struct {
	At    time.Time
	Lines []Cause // for everyone who may see the order, in the order in which they were asked for
	// Account is the CoCalc account that the key belongs to: for admins alone. It is empty where CoCalc did not say.
	Account string
	// Complete: everything could be read, and the key was proven with it. Nothing found is only then worth something.
	Complete bool
}

// What CoCalc shows of an order (Evidence).
const (
	ShowsNeverSent CauseCode = "never-sent" // the order was never sent to CoCalc
	// ShowsTagged has license, with the order's tag; but: "older" than its item, or "different".
	ShowsTagged       CauseCode = "tagged"
	ShowsNoTagged     CauseCode = "not-tagged" // licenses: how many there are without the tag
	ShowsUnread       CauseCode = "unread"     // what: could not be read
	ShowsIncompletely CauseCode = "incomplete" // what isn't shown may exist
	// ShowsItem has item, with state: "deleted", "bought" (at, license), "removed" (at), "in-cart"; no item: none was
	// found.
	ShowsItem CauseCode = "cart-item"
	// ShowsNoPurchases has rows, how many there are of other orders; older: the server has no list.
	ShowsNoPurchases CauseCode = "no-purchases"
	// ShowsPurchase has purchase, at, license and amount; but: the purchase has the order's tag, and is "older" than its
	// item or of a "copied" one.
	ShowsPurchase CauseCode = "purchase-shown"
	ShowsAccount  CauseCode = "key-account" // account: the key's
)

// For returns what a person reads of the evidence: admins also read to which account the key belongs, with which all of
// it was read.
func (e Evidence) For(admin bool) []Cause {
	if !admin || e.Account == "" {
		return e.Lines
	}
	return append(slices.Clone(e.Lines), NewCause(ShowsAccount, "account", e.Account))
}

// Add appends a line. Values that are empty are left out.
func (e *Evidence) Add(code CauseCode, pairs ...string) {
	e.Lines = append(e.Lines, NewCause(code, pairs...))
}

// Readable notes what could not be read.
func (e *Evidence) Readable(err error, what string) bool {
	if err != nil {
		e.Complete = false
		e.Add(ShowsUnread, "what", what)
	}
	return err == nil
}

// What a Comparison notes.
const (
	// NotedByWord has entry, order and charged: an admin marked it as bought, and CoCalc doesn't show it.
	NotedByWord     CauseCode = "noted-by-word"
	NotedCounting   CauseCode = "noted-counting"    // entry, logged, charged: the bot is to count it again
	NotedNotManaged CauseCode = "noted-not-managed" // license, entry: the account no longer manages the license
	NotedUnderWay   CauseCode = "noted-under-way"   // purchase, at, license, amount, order: the bot works on the order
	// NotedStranger is a purchase made outside the bot: purchase, at, license, amount; but: "reported", "copied" from the
	// cart item of an order, or "older" than the order whose tag it has.
	NotedStranger CauseCode = "noted-stranger"
)

// Prepaid is a license as the purchase log has it: a fixed term and what was paid for all of it, or a license that
// renews and what was paid for its first period.
type Prepaid struct {
	LicenseID    string
	Order        OrderID
	Requester    Actor
	Spec         Spec
	Begins, Ends time.Time // of a fixed term
	Paid         Cents     // the sum of the license's entries
	Duplicate    bool      // CoCalc sold the same cart item more than once
}

// Renews reports whether the license renews until it is cancelled. The log has only its first period.
func (p Prepaid) Renews() bool { return p.Spec.Period != cocalc.PeriodRange }

// Unused returns the part of what was paid for a fixed term that falls after a moment: pro rata to the second, rounded
// down to the cent. It is everything before the term begins, and nothing once it has ended or of a license that renews.
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

// PrepaidLicenses returns the licenses of a purchase log, oldest entry first, that may have an unused part at a moment:
// fixed terms that have not ended, and all that renew. Entries of purchases after that moment don't count.
func PrepaidLicenses(log []Purchase, at time.Time) []Prepaid {
	var all []*Prepaid
	own := map[OrderID]*Prepaid{} // what each order was to buy: corrections are about that
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
		if e.LicenseID != "" && p.LicenseID != e.LicenseID { // a correction can name another license than before
			delete(named, p.LicenseID)
			p.LicenseID, named[e.LicenseID] = e.LicenseID, p
		}
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

// begins returns the beginning of an entry's fixed term. CoCalc moves one that has passed to the moment of the
// purchase.
func (p Purchase) begins() time.Time {
	if p.Spec.Start.After(p.Time) {
		return p.Spec.Start
	}
	return p.Time
}
