package purchase

import (
	"strings"
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

// RefuseNotSold refuses orders while the server sells no licenses.
func (p Policy) RefuseNotSold(s Server) *Refusal {
	if !s.RefusesOrders() {
		return nil
	}
	return NewRefusal(NotSold, "condition", string(s.Condition), "host", s.Host, "told", p.AdminsTold())
}

// ForReader returns the refusal for this reader: admins get the names of settings.
func (p Policy) ForReader(no *Refusal, who Actor) *Refusal {
	if no == nil || p.MayAdminister(who) != nil {
		return no
	}
	detailed := *no
	detailed.ToAdmin = true
	return &detailed
}
