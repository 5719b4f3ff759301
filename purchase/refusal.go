package purchase

import (
	"strings"
)

// Channels returns the ids of the channels in which the request would be accepted; nil if the channel is not the
// reason.
func (r *Refusal) Channels() []string { return strings.Fields(r.Args["channels"]) }

// RefusalCode is the code of a refusal. Audit records of kind "refused" have it as their note.
type RefusalCode = CauseCode

// The reasons of refusals.
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
	Doubtful       RefusalCode = "doubtful" // whether the decision counts is unknown until the next start
	NotAnAdmin     RefusalCode = "not-an-admin"
	Outsider       RefusalCode = "outsider"   // guests, apps, deactivated accounts, people of other workspaces
	StaleCard      RefusalCode = "stale-card" // the button belongs to a card that a newer one replaced
	Elsewhere      RefusalCode = "elsewhere"  // the button was clicked in another channel than its card's
	NoReason       RefusalCode = "no-reason"
	NotAgreed      RefusalCode = "not-agreed"
	DiskFull       RefusalCode = "disk-full"
	AccessLost     RefusalCode = "access-lost" // the bot lacks access to Slack
	Restoring      RefusalCode = "restoring"   // a restored backup has not been compared with CoCalc yet
	NotBroken      RefusalCode = "not-broken"
	Unreadable     RefusalCode = "unreadable" // the request could not be understood
	NoSuchProject  RefusalCode = "no-such-project"
	ProjectUnread  RefusalCode = "project-unread" // CoCalc did not answer about the project
	NotSold        RefusalCode = "not-sold"       // the CoCalc server sells no licenses (Server.RefusesOrders)
	// NotRead means that the requested data could not be read. Without the argument why, the fault is the bot's.
	NotRead    RefusalCode = "not-read"
	NoRenewals RefusalCode = "no-renewals" // the renewals of the CoCalc account could not be read

	NobodyToAsk      RefusalCode = "nobody-to-ask"
	NotHere          RefusalCode = "not-here"
	NotAnApprover    RefusalCode = "not-an-approver"
	OwnOrder         RefusalCode = "own-order"
	OverPersonBudget RefusalCode = "over-person-budget"
	OverRenewals     RefusalCode = "over-renewals"
	TooMany          RefusalCode = "too-many"
	TooLarge         RefusalCode = "too-large"
	WrongPeriod      RefusalCode = "wrong-period"
	NotAViewer       RefusalCode = "not-a-viewer"
	NotYourLicense   RefusalCode = "not-your-license" // ending or keeping its subscription
	TooFast          RefusalCode = "too-fast"         // the person requested too many cards in a short time
)

// ForReader returns the refusal for this reader: admins get the names of settings.
func (p Policy) ForReader(no *Refusal, who Actor) *Refusal {
	if no == nil || p.MayAdminister(who) != nil {
		return no
	}
	detailed := *no
	detailed.ToAdmin = true
	return &detailed
}
