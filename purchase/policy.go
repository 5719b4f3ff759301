package purchase

import (
	"maps"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
)

// Refusal is an answer of no to a person: nothing happened. Its cause says why. Package bot tells it in words.
type Refusal struct {
	Cause
	ToAdmin bool // the person is an admin, who reads the names of settings
}

// Error returns the code and the arguments, for logs.
func (r *Refusal) Error() string { return r.String() }

// Channels returns the ids of the channels that would accept what was refused; nil if the channel is not why.
func (r *Refusal) Channels() []string { return strings.Fields(r.Args["channels"]) }

// NewRefusal returns a refusal with arguments, given as names and values. Empty values are left out.
func NewRefusal(code RefusalCode, pairs ...string) *Refusal {
	return &Refusal{Cause: NewCause(code, pairs...)}
}

// RefusalCode is the code of a refusal. The audit has it as the note of a "refused" record.
type RefusalCode = CauseCode

// Why people are refused.
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
	LedgerAway     RefusalCode = "ledger-away"
	Doubtful       RefusalCode = "doubtful" // only the next start learns whether the decision counts
	NotAnAdmin     RefusalCode = "not-an-admin"
	Outsider       RefusalCode = "outsider"   // guests, apps, people of other workspaces
	StaleCard      RefusalCode = "stale-card" // a button of a card that was replaced by a newer one
	Elsewhere      RefusalCode = "elsewhere"  // a button clicked in another place than its card
	NoReason       RefusalCode = "no-reason"
	NotAgreed      RefusalCode = "not-agreed"
	DiskFull       RefusalCode = "disk-full"
	AccessLost     RefusalCode = "access-lost" // the bot lacks access to Slack
	Restoring      RefusalCode = "restoring"   // an older copy of the ledger is not reconciled with CoCalc yet
	NotBroken      RefusalCode = "not-broken"
	Unreadable     RefusalCode = "unreadable" // what was asked makes no sense
	NoSuchProject  RefusalCode = "no-such-project"
	ProjectUnread  RefusalCode = "project-unread" // CoCalc did not answer about the project
	NotSold        RefusalCode = "not-sold"       // the CoCalc server sells no licenses (Server.RefusesOrders)
	// NotRead says that what was to be shown could not be read; without "why", the fault is the bot's.
	NotRead    RefusalCode = "not-read"
	NoRenewals RefusalCode = "no-renewals" // the renewals of the CoCalc account could not be read

	NobodyToAsk      RefusalCode = "nobody-to-ask"
	NotHere          RefusalCode = "not-here"
	NotAnApprover    RefusalCode = "not-an-approver"
	OwnOrder         RefusalCode = "own-order"
	OverPersonBudget RefusalCode = "over-person-budget"
	TooMany          RefusalCode = "too-many"
	TooLarge         RefusalCode = "too-large"
	WrongPeriod      RefusalCode = "wrong-period"
	NotAViewer       RefusalCode = "not-a-viewer"
	TooFast          RefusalCode = "too-fast" // more cards than a person may have in so short a time
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

// Month names the budget month of a moment: "2026-11".
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

// ResetDay returns when the budget after the month that holds at begins.
func (p Policy) ResetDay(at time.Time) time.Time {
	t := at.In(p.TimeZone())
	return DayBegins(t.Year(), t.Month()+1, 1, p.TimeZone())
}

// DayBegins is the first moment of a day. Where clocks are set forward at midnight, as in Santiago, there is no
// midnight: time.Date answers eleven in the evening of the day before.
func DayBegins(year int, month time.Month, day int, loc *time.Location) time.Time {
	noon := time.Date(year, month, day, 12, 0, 0, 0, loc)
	midnight := time.Date(year, month, day, 0, 0, 0, 0, loc)
	if midnight.Day() != noon.Day() {
		midnight, _ = noon.ZoneBounds()
	}
	return midnight
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

// IsListed reports whether the person, or a group of theirs, is on the list.
func IsListed(list map[string]bool, who Actor) bool {
	return list[who.ID] || who.Org != "" && list[who.Org] || slices.ContainsFunc(who.Groups, func(g string) bool {
		return list[g]
	})
}

// RefuseUnknownGroups refuses people whose membership of a list is unknown, since Slack does not list the members of a
// group.
func RefuseUnknownGroups(list map[string]bool, who Actor) *Refusal {
	if !slices.ContainsFunc(who.UnknownGroups, func(g string) bool { return list[g] }) {
		return nil
	}
	if who.NoAccess {
		return RefuseNoAccess()
	}
	return NewRefusal(Outsider, "unknown", "groups")
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
