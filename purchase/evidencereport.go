package purchase

import (
	"slices"
	"time"
)

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
	ShowsPurchase    CauseCode = "purchase-shown" // purchase, at, license, amount
	ShowsAccount     CauseCode = "key-account"    // account: the key's
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
	// NotedStranger is a purchase made outside the bot: purchase, at, license, amount; but: "reported", or "copied" from
	// the cart item of an order.
	NotedStranger CauseCode = "noted-stranger"
)
