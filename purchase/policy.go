package purchase

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"licensebot/cocalc"
)

// Policy says who may buy what, who has to agree, and how much may be spent. Lists hold Slack user ids (U…, W…) and ids
// of user groups (S…).
type Policy struct {
	// Buyers may buy. Everyone lets all members buy. Without both, no one may.
	Buyers   map[string]bool
	Everyone bool
	// Approvers may approve other people's orders. Without any, orders need no approval.
	Approvers map[string]bool
	// Admins may settle orders, pause and resume, and take out broken items.
	Admins map[string]bool
	// Viewers may see all licenses, history and money, as approvers and admins do; AllView lets all members. Buyers see
	// the licenses, what their own orders cost, and the team's budget.
	Viewers map[string]bool
	AllView bool
	// Channels are where licenses may be asked for; empty: anywhere.
	Channels map[string]bool

	// AutoApprove is the highest price that needs no approval, for one order and for a person's orders of a day
	// together. With AskRenewing, licenses that renew always need approval.
	AutoApprove Cents
	AskRenewing bool
	// Approvals is how many people have to agree: at least 1.
	Approvals int

	// OrderLimit is the most that one order may cost, MonthlyBudget the most that all orders of a month may.
	OrderLimit    Limit
	MonthlyBudget Limit
	// PersonBudget is the most that one person's orders of a month may cost, PersonOrders how many one person may buy in a
	// day; 0: no limit but the team's.
	PersonBudget Cents
	PersonOrders int
	Largest      Sizes
	Periods      map[cocalc.Period]bool // allowed; empty: all
	// LeastCredit has to be left on the CoCalc account after a purchase.
	LeastCredit Cents
	// Location decides where days and months begin. Nil is UTC.
	Location *time.Location
}

// RefusePaused refuses new orders while buying is stopped.
func (p Policy) RefusePaused(account AccountState) *Refusal {
	if no := restoring(account); no != nil {
		return no
	}
	if account.Pause == nil {
		return nil
	}
	return &Refusal{Cause: account.Pause.CauseOf(Paused)}
}

// restoring refuses orders as long as an older copy of the ledger was not compared with CoCalc.
func restoring(account AccountState) *Refusal {
	if account.Restored == nil {
		return nil
	}
	return NewRefusal(Restoring)
}

// AwayRefusal refuses what would reserve money while the ledger's file is away.
func (p Policy) AwayRefusal() *Refusal {
	return NewRefusal(LedgerAway, "told", p.AdminsTold())
}

// Groups are the ids of the user groups that the lists name, S…, in order.
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

// MayApprove refuses people who are not approvers, and the requester.
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

// NeedsApproval reports whether an order needs approval. auto is what its requester got without approval that day,
// apart from this order: an order that needs approval needs it in parts too.
func (p Policy) NeedsApproval(o Order, auto Cents) bool {
	return len(p.Approvers) > 0 && (auto+o.Price > p.AutoApprove || p.AskRenewing && o.Renews > 0)
}

// AllowsPlace refuses orders that are asked for where that is not accepted.
func (p Policy) AllowsPlace(at Channel) *Refusal {
	if len(p.Channels) == 0 || p.Channels[at.ID] {
		return nil
	}
	return NewRefusal(NotHere, "setting", "CHANNELS", "channels", strings.Join(slices.Sorted(maps.Keys(p.Channels)), " "))
}

// MayBuy refuses people who are not on the list.
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

// SumOfDay is the sum that makes an order need approval, of a requester who got auto without approval today.
func (p Policy) SumOfDay(o Order, auto Cents) DaySum {
	if p.NeedsApproval(o, 0) || !p.NeedsApproval(o, auto) {
		return DaySum{}
	}
	return DaySum{auto, p.AutoApprove}
}

// DaySum is what a person got without approval today, and what a day allows. It is set where that sum alone is why an
// order needs approval: the order itself is within the limit.
type DaySum struct{ Used, Limit Cents }

// Passed reports whether the sum is why the order needs approval.
func (s DaySum) Passed() bool { return s.Limit > 0 }

// Approval is what one approver said about an order.
type Approval struct {
	By     Actor     `json:"by"`
	At     time.Time `json:"at"`
	Denied bool      `json:"denied,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// HasEnough reports whether there may be enough approvers beside the requester. Who is in a user group is not looked
// at.
func (p Policy) HasEnough(requester Actor) bool {
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

// What was promised is looked at once more before anything is spent for it: an order can wait for hours, in which
// people leave, and lists and limits change.

// PromiseKept is for how long a right that was checked when the money was promised counts where Slack does not tell it
// anew.
const PromiseKept = time.Hour

// AgreedBy refuses an order that has fewer approvals than it needs by now. share is its requester's part of the month.
func (p Policy) AgreedBy(o Order, share Share) *Refusal {
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

// PromisedAt is when the last right was checked on which the order rests.
func (o *Order) PromisedAt() time.Time {
	at := o.Confirmed
	for _, a := range o.Approvals {
		if a.At.After(at) {
			at = a.At
		}
	}
	return at
}

// Verdict is what an admin found out about an order whose outcome is unknown.
type Verdict string

// What an admin can find out.
const (
	WasBought    Verdict = "bought"
	WasNotBought Verdict = "not-bought"
)

// MayBeCharged reports whether CoCalc may still show that an order which counts as not bought was bought: since the
// backup that was restored, or against an admin's word.
func (o *Order) MayBeCharged() bool {
	return o.Restored || o.Failure != nil && (o.Failure.Code == FailRestored || o.Failure.Code == FailByAdmin)
}
