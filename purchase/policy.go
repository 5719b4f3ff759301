package purchase

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"licensebot/cocalc"
)

// Policy holds the rules: who may buy what, who approves, and how much may be spent. Lists hold Slack ids of users (U…,
// W…) and user groups (S…).
type Policy struct {
	// Buyers may buy. Everyone allows all members to buy. If both are empty, no one may.
	Buyers   map[string]bool
	Everyone bool
	// Approvers may approve other people's orders. If the list is empty, orders need no approval.
	Approvers map[string]bool
	// Admins may resolve orders of unknown outcome, pause and resume buying, and remove broken items from the cart.
	Admins map[string]bool
	// Viewers may see all licenses, the history and all costs, as approvers and admins do. AllView allows all members
	// that. Buyers see the licenses, the cost of their own orders, and the team's budget.
	Viewers map[string]bool
	AllView bool
	// Channels are the channels in which licenses may be requested; empty: anywhere.
	Channels map[string]bool

	// AutoApprove is the maximum price without approval, for one order and for the sum of a person's orders in a day. With
	// AskRenewing, licenses that renew always need approval.
	AutoApprove Cents
	AskRenewing bool
	// Approvals is the number of approvers who must agree, at least 1.
	Approvals int

	// OrderLimit is the maximum price of one order. MonthlyBudget is the maximum for all orders of a month.
	OrderLimit    Limit
	MonthlyBudget Limit
	// RenewalsLimit is the maximum that all licenses that renew may cost per month; 0: no limit.
	RenewalsLimit Cents
	// PersonBudget is the maximum for one person's orders in a month; 0: no limit. PersonOrders is the maximum number of
	// orders per person and day; 0: no limit.
	PersonBudget Cents
	PersonOrders int
	Largest      Sizes
	Periods      map[cocalc.Period]bool // allowed; empty: all
	// LeastCredit is the credit that must remain on the CoCalc account after a purchase; 0: no limit.
	LeastCredit Cents
	// Location is the time zone in which days and months begin. Nil means UTC.
	Location *time.Location
}

// RefusePaused refuses to buy while buying is paused or the ledger is a restored backup that has not been compared with
// CoCalc.
func (p Policy) RefusePaused(account AccountState) *Refusal {
	if no := refuseRestoring(account); no != nil {
		return no
	}
	if account.Pause == nil {
		return nil
	}
	return &Refusal{Cause: account.Pause.CauseOf(Paused)}
}

// refuseRestoring refuses to buy until a restored backup has been compared with CoCalc.
func refuseRestoring(account AccountState) *Refusal {
	if account.Restored == nil {
		return nil
	}
	return NewRefusal(Restoring)
}

// AwayRefusal returns the refusal of a reservation while the ledger's file is not where it belongs.
func (p Policy) AwayRefusal() *Refusal {
	return NewRefusal(LedgerAway, "told", p.AdminsNotified())
}

// Groups returns the ids of the user groups (S…) in the policy's lists, sorted, without duplicates.
func (p Policy) Groups() []string {
	var groups []string
	for _, list := range []map[string]bool{p.Buyers, p.Approvers, p.Admins, p.Viewers} {
		for id, listed := range list {
			if listed && strings.HasPrefix(id, "S") && !slices.Contains(groups, id) {
				groups = append(groups, id)
			}
		}
	}
	slices.Sort(groups)
	return groups
}

// MayAdminister refuses people who are not admins.
func (p Policy) MayAdminister(who Actor) *Refusal {
	if no := RefuseOutsider(who); no != nil {
		return no
	}
	if IsListed(p.Admins, who) {
		return nil
	}
	if no := RefuseUnknownGroups(p.Admins, who); no != nil {
		return no
	}
	if len(p.Admins) == 0 {
		return NewRefusal(NotAnAdmin, "admins", "none")
	}
	return NewRefusal(NotAnAdmin)
}

// MayApprove refuses people who are not approvers, and the order's requester.
func (p Policy) MayApprove(o Order, who Actor) *Refusal {
	if no := RefuseOutsider(who); no != nil {
		return no
	}
	if no := RefuseUnknownGroups(p.Approvers, who); no != nil && !IsListed(p.Approvers, who) {
		return no
	}
	if !IsListed(p.Approvers, who) {
		return NewRefusal(NotAnApprover)
	}
	if who.Is(o.Requester) {
		return NewRefusal(OwnOrder, "doing", "approve", "order", string(o.ID))
	}
	return nil
}

// NeedsApproval reports whether an order needs approval. auto is the sum of the requester's other orders of that day
// without approval; it counts, so that splitting an order does not avoid approval.
func (p Policy) NeedsApproval(o Order, auto Cents) bool {
	return len(p.Approvers) > 0 && (auto+o.Price > p.AutoApprove || p.AskRenewing && o.Renews > 0)
}

// CheckChannel refuses a channel in which licenses may not be requested.
func (p Policy) CheckChannel(at Channel) *Refusal {
	if len(p.Channels) == 0 || p.Channels[at.ID] {
		return nil
	}
	return NewRefusal(NotHere, "setting", "CHANNELS", "channels", strings.Join(slices.Sorted(maps.Keys(p.Channels)), " "))
}

// MayBuy refuses people who are not buyers.
func (p Policy) MayBuy(who Actor) *Refusal {
	if no := RefuseOutsider(who); no != nil {
		return no
	}
	if p.Everyone || IsListed(p.Buyers, who) {
		return nil
	}
	if no := RefuseUnknownGroups(p.Buyers, who); no != nil {
		return no
	}
	buyers := ""
	if len(p.Buyers) == 0 {
		buyers = "none"
	}
	return NewRefusal(NotABuyer, "setting", "BUYERS", "buyers", buyers)
}

// SumOfDay returns the sum of the day if that sum is the only reason why the order needs approval; otherwise the zero
// DaySum. auto is NeedsApproval's.
func (p Policy) SumOfDay(o Order, auto Cents) DaySum {
	if p.NeedsApproval(o, 0) || !p.NeedsApproval(o, auto) {
		return DaySum{}
	}
	return DaySum{auto, p.AutoApprove}
}

// DaySum is the sum of a person's orders of today without approval, and the policy's limit for it. It is zero unless
// the sum is the only reason why an order needs approval.
type DaySum struct{ Used, Limit Cents }

// Passed reports whether the sum is the reason why the order needs approval.
func (s DaySum) Passed() bool { return s.Limit > 0 }

// Approval is the decision of one approver about an order.
type Approval struct {
	By     Actor     `json:"by"`
	At     time.Time `json:"at"`
	Denied bool      `json:"denied,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// HasEnoughApprovers reports whether the list may contain enough approvers other than the requester. It assumes that a
// user group has enough members.
func (p Policy) HasEnoughApprovers(requester Actor) bool {
	n := 0
	for id, listed := range p.Approvers {
		if listed && strings.HasPrefix(id, "S") {
			return true
		}
		if listed && id != requester.ID && id != requester.Org {
			n++
		}
	}
	return n >= p.Approvals
}

// The rules are checked again just before any money is spent: an order can wait for hours, in which people leave, and
// lists and limits change.

// RightsTTL is how long a permission that was checked at the reservation remains valid if Slack cannot confirm it
// again.
const RightsTTL = time.Hour

// RefuseUnapproved refuses an order that has fewer approvals than the policy now requires. share is the requester's
// share of the month.
func (p Policy) RefuseUnapproved(o Order, share Share) *Refusal {
	auto := share.Auto[o.Day]
	if o.Auto {
		auto -= o.Price
	}
	n := 0
	for _, a := range o.Approvals {
		if !a.Denied {
			n++
		}
	}
	if !p.NeedsApproval(o, auto) || n >= p.Approvals {
		return nil
	}
	return NewRefusal(NotAgreed, "needs", strconv.Itoa(p.Approvals), "has", strconv.Itoa(n))
}

// CheckedAt returns the time of the last permission check: the requester's confirmation or the last approval.
func (o *Order) CheckedAt() time.Time {
	at := o.Confirmed
	for _, a := range o.Approvals {
		if a.At.After(at) {
			at = a.At
		}
	}
	return at
}

// Verdict is an admin's finding about an order of unknown outcome.
type Verdict string

// The verdicts.
const (
	WasBought    Verdict = "bought"
	WasNotBought Verdict = "not-bought"
)

// MayBeCharged reports whether CoCalc may still show a purchase of an order that counts as not bought: it ended by a
// restore, or by an admin's decision.
func (o *Order) MayBeCharged() bool {
	return o.Restored || o.Failure != nil && (o.Failure.Code == FailRestored || o.Failure.Code == FailByAdmin)
}

// Refusal is an error that refuses a person's request: nothing happened. Its cause is the reason. Package bot renders
// it as a sentence.
type Refusal struct {
	Cause
	ToAdmin bool // the person is an admin, so the sentence names settings
}

// Error returns the code and the arguments, for logs.
func (r *Refusal) Error() string { return r.String() }

// NewRefusal returns a refusal with arguments, given as alternating names and values. Empty values are left out.
func NewRefusal(code RefusalCode, pairs ...string) *Refusal {
	return &Refusal{Cause: NewCause(code, pairs...)}
}

// RefuseNotSold refuses orders while the server sells no licenses.
func (p Policy) RefuseNotSold(s Server) *Refusal {
	if !s.RefusesOrders() {
		return nil
	}
	return NewRefusal(NotSold, "condition", string(s.Condition), "host", s.Host, "told", p.AdminsNotified())
}

// Timing holds every duration of purchasing. A zero field means its default.
type Timing struct {
	Proposal time.Duration // how long a proposal can be confirmed; default 30 minutes
	Approval time.Duration // how long approvers can decide; default 72 hours
	// The defaults of Patience, AddWindow, Poll and PollMax apply to a Settle of at least 10 minutes, and shrink with a
	// shorter one.

	// Patience is how long an order waits for a CoCalc that does not answer before it fails, unless its item is in the
	// cart; default 2 minutes.
	Patience time.Duration
	// AddWindow is how long, after an add was sent and its answer was lost, the item may take to appear in the cart;
	// default 1 minute, twice the client's timeout. A later item is removed while the order is watched.
	AddWindow time.Duration
	// Settle is how long the bot waits for the result of a checkout of unknown outcome, once with the item in the cart and
	// once more after removing it; default 10 minutes. It must be well above the server's slowest checkout.
	Settle time.Duration
	// Poll is the first pause between two reads; it doubles up to PollMax. The defaults are 2 and 30 seconds.
	Poll, PollMax time.Duration
	// Sweep is the pause between two comparisons of the account's purchases with the ledger; default 10 minutes.
	Sweep time.Duration
	// Probe is the longest pause between two probes of the server (Diagnose); default 10 minutes. Orders wait six times as
	// long for a server that does not sell licenses.
	Probe time.Duration
	// Drain is how long the order under way may continue after Run was told to stop; default 45 seconds.
	Drain time.Duration
}

// WithDefaults returns the timing with a value for each field.
func (t Timing) WithDefaults() Timing {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&t.Settle, 10*time.Minute)
	// A short Settle means a fast CoCalc, so the other durations shrink with it. The minimums keep the bot from asking
	// more often than the list of purchases may be read.
	share := func(part int64, most, least time.Duration) time.Duration {
		return max(min(t.Settle/time.Duration(part), most), least)
	}
	or(&t.Proposal, 30*time.Minute)
	or(&t.Approval, 72*time.Hour)
	or(&t.Patience, share(5, 2*time.Minute, 0))
	or(&t.AddWindow, share(10, time.Minute, 0))
	or(&t.Poll, share(300, 2*time.Second, 100*time.Millisecond))
	or(&t.PollMax, share(20, 30*time.Second, 500*time.Millisecond))
	or(&t.Sweep, 10*time.Minute)
	or(&t.Probe, 10*time.Minute)
	or(&t.Drain, 45*time.Second)
	return t
}
