package purchase

import (
	"time"

	"licensebot/cocalc"
)

// Wish is what a person decided about a subscription. Ledgers and buttons have it, so a value is never renamed.
type Wish string

// The wishes.
const (
	// WishEnd cancels the subscription: the license runs until the end of the paid period, and isn't charged again.
	WishEnd Wish = "end"
	// WishKeep undoes a cancellation within the paid period, which is free.
	WishKeep Wish = "keep"
)

// IsMet reports whether a subscription with a status is as wished.
func (w Wish) IsMet(status string) bool { return (status == cocalc.StatusActive) == (w == WishKeep) }

// Records returns the causes of the audit records of a decision with this wish, and of the intent to send its request.
func (w Wish) Records() (requested, sent CauseCode) {
	if w == WishKeep {
		return KeepRequested, KeepSent
	}
	return EndRequested, EndSent
}

// SubscriptionDecision is a person's decision about the subscription of a license. It is carried out at most once: the
// intent to send (Sent) is stored before the request, and a decision with it is only read back.
type SubscriptionDecision struct {
	Number int       `json:"number"` // of the license's decisions, from 1
	Wish   Wish      `json:"wish"`
	By     string    `json:"by"`             // a person's id
	Name   string    `json:"name,omitempty"` // their display name
	At     time.Time `json:"at"`
	Place  string    `json:"place,omitempty"` // the channel of the click
	// Subscription is CoCalc's number, and PaidTo the end of the paid period, as the person saw them; once the request is
	// sent, as CoCalc showed them before it.
	Subscription int64     `json:"subscription"`
	PaidTo       time.Time `json:"paid_to,omitzero"`
	// Sent is set before the one request is sent. Done is when the outcome became known, and Outcome is its code.
	Sent    time.Time `json:"sent,omitzero"`
	Done    time.Time `json:"done,omitzero"`
	Outcome CauseCode `json:"outcome,omitempty"`
}

// IsPending reports whether the decision has no outcome yet. d may be nil.
func (d *SubscriptionDecision) IsPending() bool { return d != nil && d.Done.IsZero() }

// MayBeOf reports whether a subscription that is as wished may be so because of this decision: its request was sent for
// the same period, and had not shown an effect. d may be nil.
func (d *SubscriptionDecision) MayBeOf(s cocalc.Subscription) bool {
	return d != nil && !d.Sent.IsZero() && (d.IsPending() || d.Outcome == SubscriptionUnchanged) &&
		d.Subscription == s.ID && d.PaidTo.Equal(s.CurrentPeriodEnd) && d.Wish.IsMet(s.Status)
}

// Cause returns a cause about the decision: license, subscription, doing (the wish), by and name (of the person), until
// (when the period is paid up).
func (d *SubscriptionDecision) Cause(code CauseCode, license string) Cause {
	return NewCause(code, "license", license, "subscription", ArgSomeID(d.Subscription), "doing", string(d.Wish),
		"by", d.By, "name", d.Name, "until", ArgTime(d.PaidTo))
}

// Decide returns the license after a person's decision about its subscription, and what to answer: SubscriptionAsked,
// with changed, or else SubscriptionPending if a decision with the same wish has no outcome yet, or if one with another
// wish was sent already; or SubscriptionStale. d.Number is that of the last decision that the person saw, or 0: so a
// click that is delivered again after a later decision counts for nothing.
func (l OwnedLicense) Decide(d SubscriptionDecision) (after OwnedLicense, said Cause, changed bool) {
	last := l.Decision
	switch {
	case last.IsPending() && (last.Wish == d.Wish || !last.Sent.IsZero()):
		return l, last.Cause(SubscriptionPending, l.ID), false
	case d.Number != l.LastDecision():
		return l, d.Cause(SubscriptionStale, l.ID), false
	}
	d.Number++
	l.Decision = &d
	return l, d.Cause(SubscriptionAsked, l.ID), true
}

// LastDecision returns the number of the last decision about the subscription; 0 if there is none.
func (l OwnedLicense) LastDecision() int {
	if l.Decision == nil {
		return 0
	}
	return l.Decision.Number
}

// MayDecideRenewal refuses people who may neither end nor keep a subscription. Requesters may for the licenses that
// they bought, and approvers for all that this ledger bought; admins may for every license of the account. bought is
// the license's log entry; nil if this ledger didn't buy it.
func (p Policy) MayDecideRenewal(bought *Purchase, who Actor) *Refusal {
	if no := RefuseOutsider(who); no != nil {
		return no
	}
	lists := []map[string]bool{p.Admins}
	if bought != nil {
		if OnlyRequester(Order{Requester: bought.Requester}, who) == nil {
			return nil
		}
		lists = append(lists, p.Approvers)
	}
	for _, list := range lists {
		if IsListed(list, who) {
			return nil
		}
	}
	for _, list := range lists {
		if no := RefuseUnknownGroups(list, who); no != nil {
			return no
		}
	}
	return NewRefusal(NotYourLicense)
}
