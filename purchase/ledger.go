package purchase

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
)

var (
	// ErrNoOrder means that the ledger has no order with that id.
	ErrNoOrder = errors.New("no such order")
	// ErrPruned wraps ErrNoOrder: orders of the id's time were pruned, so it may have been one of them.
	ErrPruned = fmt.Errorf("%w; orders of that time were pruned", ErrNoOrder)
	// ErrFull means that the ledger's disk has too little space for another order.
	ErrFull = errors.New("the ledger's disk is full")
	// ErrUncertain means that the disk failed during a commit. Whether the change is in the ledger is unknown until the
	// next start.
	ErrUncertain = errors.New("the ledger's disk failed; the next start shows whether the change was saved")
	// ErrAway means that the ledger's path leads to another file or to none, so the next start would not find what is
	// stored now.
	ErrAway = errors.New("the ledger's file was moved, deleted or replaced")
	// ErrStopped means that nothing was read or changed, because the ledger cannot be used until the next start.
	ErrStopped = errors.New("the ledger can't be used until the next start")
)

// Ledger stores orders, purchases, budgets and audit records permanently. Implementations pass storagetest.
type Ledger interface {
	// View runs read against one consistent state.
	View(ctx context.Context, read func(Reader) error) error
	// Update runs change in one transaction. If Update returns nil, all of it is durable; otherwise none of it
	// happened, unless the error wraps ErrUncertain. After that, every method returns ErrStopped. Updates are
	// serializable. change may run more than once, so it may affect only its Writer and variables that it sets anew
	// each time. It must not call the ledger, the network or anything slow.
	Update(ctx context.Context, change func(Writer) error) error
	// Here returns nil if the ledger's path still leads to the open file. Otherwise the error wraps ErrAway.
	Here(ctx context.Context) error
	// Room returns nil if there is enough space for another order. Otherwise the error wraps ErrFull: the remaining space
	// is needed to finish open orders.
	Room(ctx context.Context) error
}

// Reader reads the ledger inside a transaction.
type Reader interface {
	// Order returns an order. The error wraps ErrNoOrder if the id was never stored, or its order was pruned.
	Order(id OrderID) (Order, error)
	// OpenOrders returns the orders for which Order.Open is true, oldest first.
	OpenOrders() ([]Order, error)
	// Queue returns the entries of OpenOrders without decoding whole orders, so it stays fast when hundreds wait.
	Queue() ([]QueueEntry, error)
	// Orders returns at most limit orders older than before (from the newest if before is empty), newest first.
	Orders(before OrderID, limit int) ([]Order, error)
	// OrdersNamed returns the ids of at most limit orders whose id begins or ends with part, newest first. It decodes no
	// order.
	OrdersNamed(part string, limit int) ([]OrderID, error)
	// OrdersOfItem returns the ids of the orders whose cart item (Order.ItemID) has this number, newest first; none for 0.
	OrdersOfItem(item int64) ([]OrderID, error)
	// Unpublished returns the ids of the orders for which Order.Stale is true, oldest first.
	Unpublished() ([]OrderID, error)
	// Purchases returns at most limit entries of the purchase log with a number below before (0: from the newest), newest
	// first.
	Purchases(before uint64, limit int) ([]Purchase, error)
	// PurchasesSince returns the number of the first entry of the purchase log with a time at or after t; one more than
	// the last number if there is none. Later entries can have earlier times, because clocks are set back.
	PurchasesSince(t time.Time) (first uint64, err error)
	// PurchaseOf returns the first entry of a license; ok is false if the license was not bought through this ledger.
	PurchaseOf(licenseID string) (p Purchase, ok bool, err error)
	// Budget returns a month's budget; one with zero amounts if nothing was reserved in that month. Other readers may get
	// the same People, which must not be changed; later changes in the same transaction may show in it.
	Budget(month string) (Budget, error)
	// Budgets returns at most limit months, newest first.
	Budgets(limit int) ([]Budget, error)
	Account() (AccountState, error)
	// Owned returns what became of a license; ok is false if the ledger has no record of that.
	Owned(licenseID string) (l OwnedLicense, ok bool, err error)
	// OwnedAfter returns at most limit records of licenses whose id is above after, in the order of their ids.
	OwnedAfter(after string, limit int) ([]OwnedLicense, error)
	// Events returns at most limit audit records, from number first on, oldest first.
	Events(first uint64, limit int) ([]Event, error)
	// EventsSince returns the number of the first audit record with a time at or after t, as PurchasesSince does.
	EventsSince(t time.Time) (first uint64, err error)
	// Head returns the last audit record; the zero Event if there is none.
	Head() (Event, error)
	// OrderFacts returns the facts of at most limit orders whose id is above after, oldest first. EntryFacts and
	// EventFacts return those of at most limit log entries and audit records, from number first on, oldest first. They
	// decode no other members of the records, so that a check of the whole ledger is quick; a record whose other members
	// can't be decoded need not be an error.
	OrderFacts(after OrderID, limit int) ([]OrderFacts, error)
	EntryFacts(first uint64, limit int) ([]EntryFacts, error)
	EventFacts(first uint64, limit int) ([]EventFacts, error)
}

// Writer changes the ledger inside a transaction, and reads its own writes.
type Writer interface {
	Reader
	// PutOrder stores the whole order.
	PutOrder(Order) error
	// AddPurchase appends to the purchase log and returns the entry with its number.
	AddPurchase(Purchase) (Purchase, error)
	// BudgetForChange returns a month's budget like Budget, with People that the caller may change before it stores the
	// budget with PutBudget; see ChangeBudget.
	BudgetForChange(month string) (Budget, error)
	PutBudget(Budget) error
	// PutOwned stores what became of a license, and DropOwned removes the record, if there is one.
	PutOwned(OwnedLicense) error
	DropOwned(licenseID string) error
	PutAccount(AccountState) error
	// AppendEvent appends an audit record to the chain, and sets its number and hashes.
	AppendEvent(Event) error
}

// Purchase is one entry of the purchase log, for money that was spent. Entries are never changed.
type Purchase struct {
	Number     uint64    `json:"number"` // from 1, without gaps
	Time       time.Time `json:"time"`
	Month      string    `json:"month"` // the budget month in which it counts
	Order      OrderID   `json:"order"`
	Requester  Actor     `json:"requester"`
	Place      Channel   `json:"place"`
	Spec       Spec      `json:"spec"`
	Reason     string    `json:"reason,omitempty"`
	Shown      Cents     `json:"shown_cents"` // the price that was shown and confirmed
	Charged    Cents     `json:"charged_cents"`
	Renews     Cents     `json:"renews_cents,omitempty"`
	ItemID     int64     `json:"cart_item"`
	PurchaseID int64     `json:"cocalc_purchase,omitempty"`
	LicenseID  string    `json:"license_id"`
	Expires    time.Time `json:"expires,omitzero"`
	// Kind is empty for a purchase. The other kinds are about a license that was bought before; Order, Requester and Place
	// are those of its purchase.
	Kind EntryKind `json:"kind,omitempty"`
	// Begins is when the time begins that a renewal or an edit paid for; Expires is its end.
	Begins time.Time `json:"begins,omitzero"`
	// Refunds is CoCalc's number of the purchase whose charge a refund gives back.
	Refunds int64 `json:"refunds,omitempty"`
	// Duplicate is set if an overlapping checkout bought the same cart item once more.
	Duplicate bool `json:"duplicate,omitempty"`
	// Correction is set if the entry is not a purchase but corrects the charge of an earlier entry of the order. Charged
	// is the difference and may be negative.
	Correction bool `json:"correction,omitempty"`
}

// AccountState is what the ledger stores about the CoCalc account as a whole.
type AccountState struct {
	Pause *Pause `json:"pause,omitempty"`
	// CoCalc is the id of the CoCalc account that pays, a UUID; empty until CoCalc has returned it.
	CoCalc string `json:"cocalc,omitempty"`
	// Address is the address of the CoCalc server at which the key was last verified to belong to that account; empty in
	// ledgers of older versions.
	Address string `json:"address,omitempty"`
	// Notifications are kept until each recipient has received them.
	Notifications []Notification `json:"notices,omitempty"`
	// Watching is when the ledger began; every later purchase of the account must be explained by it. Reconciled is when
	// the account's purchases were last compared with the ledger.
	Watching   time.Time `json:"watching,omitzero"`
	Reconciled time.Time `json:"reconciled,omitzero"`
	// Followed says how far the later life of the licenses was read; nil if it never was.
	Followed *Followed `json:"followed,omitempty"`
	// Decided are the licenses with a decision about their subscription that has no outcome yet.
	Decided []string `json:"decided,omitempty"`
	// Committed is what CoCalc will charge for renewals; nil until the ledger knows of one.
	Committed *Committed `json:"committed,omitempty"`
	// Earlier is the time, by CoCalc's clock, of the newest tagged purchase that the account had when this ledger began;
	// zero if it had none. Those purchases belong to a missing ledger and were reported then.
	Earlier time.Time `json:"earlier,omitzero"`
	// UnrecognizedPurchases are recent purchases that were made outside the bot and were reported.
	UnrecognizedPurchases []UnrecognizedPurchase `json:"strangers,omitempty"`
	// Broken are the ids of the cart items that were reported to the admins because they block the cart, newest last; at
	// most MaxBroken.
	Broken []int64 `json:"broken,omitempty"`
	// LastUnknown is the last order whose outcome became unknown, and LastUnknownAt when that happened.
	LastUnknown   OrderID   `json:"last_unknown,omitempty"`
	LastUnknownAt time.Time `json:"last_unknown_at,omitzero"`
	// Settings are the values of the settings that limit purchases, as of the last start.
	Settings map[string]string `json:"settings,omitempty"`
	// HeadPublished is the day ("2026-11-23") on which the head of the audit chain was last announced, and HeadHash its
	// hash.
	HeadPublished string `json:"head_told,omitempty"`
	HeadHash      string `json:"head_hash,omitempty"`
	// Doubted is the time of the newest decision that was interrupted by a failing disk and whose person was notified of
	// the result.
	Doubted time.Time `json:"doubted,omitzero"`
	// Troubles are the troubles with CoCalc, with the time of the last notification to the admins.
	Troubles map[FailureCode]time.Time `json:"troubles,omitempty"`
	// ResumedOffline is a resume that the next start announces; nil if there is none.
	ResumedOffline *OfflineResume `json:"resumed_offline,omitempty"`
	// Outsiders are the channels in which no prices are posted, with the reason that the admins were notified of, by
	// channel id.
	Outsiders map[string]Outsiders `json:"outsiders,omitempty"`
	// Twins maps people's ids in the workspace to their ids in the organization.
	Twins map[string]string `json:"twins,omitempty"`
	// IDsMerged is set once Twins has every requester with two ids from the time of a version that counted each id by
	// itself, and from the beginning in a newer ledger. Without it, a start reads all orders to find them.
	IDsMerged bool `json:"ids_merged,omitempty"`
	// Diagnosis describes what is wrong with the CoCalc server; nil if it sells licenses or its condition is unknown.
	Diagnosis *Server `json:"diagnosis,omitempty"`
	// ServerNotified is when the admins were last notified of a condition of a server, by Server.NotificationKey: at most
	// once a day, even if the condition returns.
	ServerNotified map[string]time.Time `json:"server_told,omitempty"`
	// Restored is set while the ledger is a restored backup that has not been compared with CoCalc yet.
	Restored *Restore `json:"restored,omitempty"`
	// ReportedFindings has the digest of each set of findings about the ledger that was reported, newest last; at most
	// MaxReportedFindings. Older versions noted their reports in the audit records alone.
	ReportedFindings []string `json:"reported_findings,omitempty"`
	// Checkpoint is the last verification of the whole ledger that found no fault; nil if there is none.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	// Before is set for a day after a restore, because CoCalc may show a purchase late.
	Before *Before `json:"before_restore,omitempty"`
}

// Followed says how far the later life of the licenses was read.
type Followed struct {
	Entries uint64 `json:"entries"` // the number of the last log entry whose license is followed
	// Rows is when CoCalc's purchases of all services were last read to the end, by CoCalc's clock.
	Rows time.Time `json:"rows,omitzero"`
}

// MaxReportedFindings limits AccountState.ReportedFindings.
const MaxReportedFindings = 16

// UnrecognizedPurchase is a purchase of the account that was made outside the bot.
type UnrecognizedPurchase struct {
	PurchaseID int64     `json:"purchase"` // CoCalc's id; 0 if the server has no list of purchases
	LicenseID  string    `json:"license"`
	Time       time.Time `json:"time"`
	Cost       Cents     `json:"cost_cents"`
}

// Restore describes the restore of a backup.
type Restore struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Head uint64    `json:"head"` // the number of the backup's last audit record
	Last time.Time `json:"last"` // when that was written
}

// Before is what is known about the ledger that a restored backup replaced.
type Before struct {
	At   time.Time `json:"at"`   // when the backup was restored
	Last time.Time `json:"last"` // when the backup's last audit record was written
	// IsKnown is set if the replaced ledger could be read. Orders are its orders that may have been bought and that the
	// backup lacks or has in an earlier state.
	IsKnown bool    `json:"known,omitempty"`
	Orders  []Order `json:"orders,omitempty"`
}

// Checkpoint is a verification of the whole ledger that found no fault. A start verifies the audit records after it.
type Checkpoint struct {
	Number uint64 `json:"number"` // of the last audit record that it verified
	Hash   string `json:"hash"`   // of that record
	Record uint64 `json:"record"` // the number of the audit record of KindVerified that says so
	// Entries is the number of the last entry of the purchase log then, and Spent what the budget of Month, the newest,
	// says was spent.
	Entries uint64 `json:"entries,omitempty"`
	Month   string `json:"month,omitempty"`
	Spent   Cents  `json:"spent_cents,omitempty"`
}

// KindVerified is the kind of the audit record of a checkpoint; its cause is Checkpoint.Cause.
const KindVerified = "verified"

// Pause stops all buying until an admin resumes it.
type Pause struct {
	Since time.Time `json:"since"`
	By    string    `json:"by"`             // a person's id, or "licensebot"
	Name  string    `json:"name,omitempty"` // their display name
	// Incidents are the reasons, oldest first.
	Incidents []Incident `json:"incidents,omitempty"`
}

// Event is an audit record of something that happened to an order or to the account.
type Event struct {
	Number uint64    `json:"number"` // from 1, without gaps
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"` // a State that the order entered, or "refused", "paused", …
	Order  OrderID   `json:"order,omitempty"`
	By     string    `json:"by"` // a person's id, or "licensebot"
	Place  string    `json:"place,omitempty"`
	Note   string    `json:"note,omitempty"`
	Amount Cents     `json:"amount_cents,omitempty"`
	// Count is the number of refusals that this record stands for, if a person caused too many to record each.
	Count int `json:"count,omitempty"`
	// Cause describes the event in place of Note, or is the reason behind it. Records of older versions have none.
	Cause
	Prev string `json:"prev"` // hex SHA-256 of the record before; empty for the first
	Hash string `json:"hash"` // hex SHA-256 over Prev and this record without Hash
}

// OfflineResume is a resume by `bot resume` while no bot was running. The next start announces it.
type OfflineResume struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	LeftOut Cause     `json:"left_out_cause,omitzero"` // see Pause.LeftOut
}

// Doubt is a person's decision whose transaction was interrupted by a failing disk. The next start finds out whether it
// is in the ledger, and notifies the person.
type Doubt struct {
	Began time.Time `json:"began"` // before the decision was written
	Who   string    `json:"who"`   // a person's id
	Order OrderID   `json:"order,omitempty"`
	// Became is the order that the decision would create in place of Order, at a new price.
	Became OrderID `json:"became,omitempty"`
	Typed  bool    `json:"typed,omitempty"` // a command, not a click
	// Doing is what the person decided about the order: "confirm", "cancel", …; empty for other decisions, and in doubts
	// of older versions.
	Doing string `json:"doing,omitempty"`
	Buys  bool   `json:"buys,omitempty"` // the decision would have reserved money
	// Run is when the bot had started in the run in which the disk failed, and Failed when the failure was noticed: a
	// decision made later is a different one. Doubts of older versions have neither.
	Run    time.Time `json:"run,omitzero"`
	Failed time.Time `json:"failed,omitzero"`
}

// Doubts stores doubts outside the ledger, from the failure of its disk until the next start.
type Doubts interface {
	// Keep adds a doubt. It is durable if Keep returns nil.
	Keep(Doubt) error
	// All returns the doubts, oldest first.
	All() ([]Doubt, error)
	// Clear removes all doubts.
	Clear() error
}

// PageSize is the number of records that are read at once, since a ledger can exceed the memory.
const PageSize = 500

// AllOrders iterates over the orders, newest first. An error ends the iteration.
func AllOrders(r Reader) iter.Seq2[Order, error] {
	return inPages("", r.Orders, func(o *Order) OrderID { return o.ID })
}

// AllOwned iterates over the records of licenses, in the order of their ids. An error ends the iteration.
func AllOwned(r Reader) iter.Seq2[OwnedLicense, error] {
	return inPages("", r.OwnedAfter, func(l *OwnedLicense) string { return l.ID })
}

// AllEvents iterates over the audit records, oldest first. An error ends the iteration.
func AllEvents(r Reader) iter.Seq2[Event, error] {
	return inPages(1, r.Events, func(e *Event) uint64 { return e.Number + 1 })
}

// EntriesFrom iterates over the facts of the purchase log's entries, from number first on, oldest first. An error ends
// the iteration.
func EntriesFrom(r Reader, first uint64) iter.Seq2[EntryFacts, error] {
	return inPages(first, r.EntryFacts, func(p *EntryFacts) uint64 { return p.Number + 1 })
}

// inPages iterates over the records of the pages that read returns. The first page begins at first; each other begins
// at what next returns for the record before it.
func inPages[T, K any](first K, read func(at K, limit int) ([]T, error), next func(*T) K) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for at := first; ; {
			page, err := read(at, PageSize)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range page {
				if at = next(&page[i]); !yield(page[i], nil) {
					return
				}
			}
			if len(page) < PageSize {
				return
			}
		}
	}
}

// LastEntry returns the number of the newest entry of the purchase log; 0 if it has none.
func LastEntry(r Reader) (uint64, error) {
	newest, err := r.Purchases(0, 1)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Number, nil
}

// After a restore, CoCalc may show purchases of this bot that the backup lacks. Each is added, so that history and
// budgets are complete: the tag names the order, and the replaced ledger names its requester.

// Unattributed is the requester of a purchase whose requester is in no ledger.
var Unattributed = Actor{ID: "unattributed", Name: "unattributed"}

// Find returns the replaced ledger's version of an order; ok is false if it has none. b may be nil.
func (b *Before) Find(id OrderID) (o Order, ok bool) {
	if b == nil {
		return Order{}, false
	}
	i := slices.IndexFunc(b.Orders, func(o Order) bool { return o.ID == id })
	if i < 0 {
		return Order{}, false
	}
	return b.Orders[i], true
}

// MayLack reports whether the order may have existed in the replaced ledger alone: that ledger could not be read, and
// the order's id was created after the backup's last record. slack is how much clocks may differ. b may be nil.
func (b *Before) MayLack(id OrderID, slack time.Duration) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return b != nil && !b.IsKnown && err == nil && ulid.Time(parsed.Time()).After(b.Last.Add(-slack))
}

// LeftOut returns the number and the sum of the purchases that paused buying and count in no budget; the zero Cause if
// there are none. An admin who resumes buying has to know them.
func (p *Pause) LeftOut() Cause {
	var n int
	var sum Cents
	for _, in := range p.AllIncidents() {
		if in.Code != IncidentUnexplained {
			continue
		}
		n++
		amount, _ := strconv.ParseInt(in.Args["amount"], 10, 64) // older records have no amount
		sum += Cents(amount)
	}
	if n == 0 {
		return Cause{}
	}
	return NewCause(LeftOut, "purchases", strconv.Itoa(n), "amount", ArgCents(sum))
}
