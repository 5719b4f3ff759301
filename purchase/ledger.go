package purchase

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

var (
	// ErrNoOrder says that the ledger has no order with that id.
	ErrNoOrder = errors.New("no such order")
	// ErrFull says that the ledger's disk is full, or too full to take another order.
	ErrFull = errors.New("the ledger's disk is full")
	// ErrUncertain reports that the disk failed while a change was made durable. Only the next start learns whether the
	// change is in the ledger.
	ErrUncertain = errors.New("the ledger's disk failed; the next start shows whether the change was saved")
	// ErrAway reports that the ledger's name leads to another file or none. The next start would not find what is
	// stored now.
	ErrAway = errors.New("the ledger's file was moved, deleted or replaced")
	// ErrStopped reports that nothing was read or changed, because the ledger cannot be used before the next start.
	ErrStopped = errors.New("the ledger can't be used until the next start")
)

// Ledger keeps everything that happened, for ever. Implementations pass storagetest.
type Ledger interface {
	// View runs read against one consistent state.
	View(ctx context.Context, read func(Reader) error) error
	// Update runs change in one transaction. If Update returns nil, all of it is durable; otherwise none of it
	// happened, unless the error wraps ErrUncertain. After that, every method returns ErrStopped. Updates are
	// serializable. change may run more than once, so it may affect only its Writer and variables that it sets anew
	// each time. It must not call the ledger, the network or anything slow.
	Update(ctx context.Context, change func(Writer) error) error
	// Here returns nil if the ledger is where the next start looks for it. Otherwise the error wraps ErrAway.
	Here(ctx context.Context) error
	// Room answers nil when another order can be taken, and wraps ErrFull when there is too little space left: what is
	// under way needs some to be finished.
	Room(ctx context.Context) error
}

// Reader reads the ledger inside a transaction.
type Reader interface {
	// Order answers ErrNoOrder (wrapped) for an id that was never stored.
	Order(id OrderID) (Order, error)
	// OpenOrders are those with Order.Open, oldest first.
	OpenOrders() ([]Order, error)
	// Queue is OpenOrders with no more of each than tells its place. It is cheap also when hundreds wait.
	Queue() ([]QueueEntry, error)
	// Orders are at most limit orders older than before (all when before is empty), newest first.
	Orders(before OrderID, limit int) ([]Order, error)
	// OrdersNamed returns at most limit ids of orders that begin or end with part, newest first. It decodes no order.
	OrdersNamed(part string, limit int) ([]OrderID, error)
	// Unpublished names the orders with Order.Unpublished, oldest first.
	Unpublished() ([]OrderID, error)
	// Purchases are at most limit entries of the purchase log with a number below before (0: all), newest first.
	Purchases(before uint64, limit int) ([]Purchase, error)
	// PurchaseOf finds the entry of a license; ok is false when the license was not bought through this ledger.
	PurchaseOf(licenseID string) (p Purchase, ok bool, err error)
	// Budget answers a zero Budget for a month in which nothing was promised.
	Budget(month string) (Budget, error)
	// Budgets are at most limit months, newest first.
	Budgets(limit int) ([]Budget, error)
	Account() (AccountState, error)
	// Events are the audit records from number first on, at most limit.
	Events(first uint64, limit int) ([]Event, error)
	// Head is the last audit record; a zero Event when there is none.
	Head() (Event, error)
}

// Writer changes the ledger inside a transaction, and reads its own writes.
type Writer interface {
	Reader
	// PutOrder stores the order as it is now.
	PutOrder(Order) error
	// AddPurchase appends to the purchase log and returns the entry with its number. PurchaseOf finds a license by its
	// first entry.
	AddPurchase(Purchase) (Purchase, error)
	PutBudget(Budget) error
	PutAccount(AccountState) error
	// AppendEvent appends to the audit chain: it sets the event's number and hashes.
	AppendEvent(Event) error
}

// Purchase is one entry of the purchase log: money that was spent. Entries are never changed.
type Purchase struct {
	Number     uint64    `json:"number"` // from 1, without gaps
	Time       time.Time `json:"time"`
	Month      string    `json:"month"` // the budget month it counts in
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
	// Duplicate: the same cart item was bought once more by an overlapping checkout.
	Duplicate bool `json:"duplicate,omitempty"`
	// Correction: not a purchase of its own, but by how much an earlier entry of the order was wrong. Charged may be
	// negative.
	Correction bool `json:"correction,omitempty"`
}

// AccountState is what the ledger knows of the CoCalc account as a whole.
type AccountState struct {
	Pause *Pause `json:"pause,omitempty"`
	// CoCalc is the account that is bought with, a uuid; empty until CoCalc has said so.
	CoCalc string `json:"cocalc,omitempty"`
	// Address is that of the CoCalc server on which the key was last proven to be of that account; empty in ledgers of
	// versions that did not note it.
	Address string `json:"address,omitempty"`
	// Notifications are told to people until each recipient has them.
	Notifications []Notification `json:"notices,omitempty"`
	// Watching is from when on every purchase of the account has to be explained: the ledger's beginning. Reconciled is
	// when the account's purchases were last compared with the ledger.
	Watching   time.Time `json:"watching,omitzero"`
	Reconciled time.Time `json:"reconciled,omitzero"`
	// Earlier is the time, by CoCalc's clock, of the newest tagged purchase that the account had when this ledger
	// began; zero if it had none. Such purchases belong to a missing ledger, and were announced as such.
	Earlier time.Time `json:"earlier,omitzero"`
	// UnrecognizedPurchases are the purchases of the last while that are not ours, and were reported.
	UnrecognizedPurchases []UnrecognizedPurchase `json:"strangers,omitempty"`
	// Broken are the cart items that were named to the admins because they block the cart, newest last.
	Broken []int64 `json:"broken,omitempty"`
	// LastUnknown is the order whose outcome became unknown last, and LastUnknownAt when.
	LastUnknown   OrderID   `json:"last_unknown,omitempty"`
	LastUnknownAt time.Time `json:"last_unknown_at,omitzero"`
	// Settings are the settings that limit what may be bought, as they were at the last start.
	Settings map[string]string `json:"settings,omitempty"`
	// HeadPublished is the day ("2026-11-23") on which the head of the audit chain was last told, HeadHash what it was.
	HeadPublished string `json:"head_told,omitempty"`
	HeadHash      string `json:"head_hash,omitempty"`
	// Doubted is the time of the newest decision whose person learned, after the disk had failed, whether it counted.
	Doubted time.Time `json:"doubted,omitzero"`
	// Troubles are the faults between the bot and CoCalc, with the time of the last notice to the admins.
	Troubles map[FailureCode]time.Time `json:"troubles,omitempty"`
	// ResumedOffline is a resume that the next start has to announce.
	ResumedOffline *OfflineResume `json:"resumed_offline,omitempty"`
	// Outsiders are the channels in which no prices are posted, as the admins were told, with the reason.
	Outsiders map[string]Outsiders `json:"outsiders,omitempty"`
	// Twins maps ids of people in the workspace to their ids in the organization.
	Twins map[string]string `json:"twins,omitempty"`
	// Diagnosis is what is wrong with the CoCalc server; nil if it sells licenses, or if that isn't known yet.
	Diagnosis *Server `json:"diagnosis,omitempty"`
	// ServerTold is when the admins were told of a condition of a server (Server.ToldAs): once a day, however often it
	// comes.
	ServerTold map[string]time.Time `json:"server_told,omitempty"`
	// Restored is set while the ledger is an older copy that was not reconciled with CoCalc yet.
	Restored *Restore `json:"restored,omitempty"`
	// Before is set for a day after a restore, since a purchase can show late.
	Before *Before `json:"before_restore,omitempty"`
}

// UnrecognizedPurchase is a purchase of the account that is not the ledger's.
type UnrecognizedPurchase struct {
	PurchaseID int64     `json:"purchase"` // CoCalc's row; 0 where there is no list of purchases
	LicenseID  string    `json:"license"`
	Time       time.Time `json:"time"`
	Cost       Cents     `json:"cost_cents"`
}

// Restore says that the ledger was taken from a backup.
type Restore struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Head uint64    `json:"head"` // the number of the backup's last audit record
	Last time.Time `json:"last"` // when that was written
}

// Before is what is known of the ledger that a restored backup replaced.
type Before struct {
	At   time.Time `json:"at"`   // of the restore
	Last time.Time `json:"last"` // when the backup's last audit record was written
	// IsKnown is set if that ledger could be read. Orders are those of its orders that may have been bought, and that
	// the backup lacks or has as they were.
	IsKnown bool    `json:"known,omitempty"`
	Orders  []Order `json:"orders,omitempty"`
}

// Pause stops all buying until an admin resumes it.
type Pause struct {
	Since time.Time `json:"since"`
	By    string    `json:"by"`             // a person's id, or "licensebot"
	Name  string    `json:"name,omitempty"` // how people call them
	// Incidents are the reasons, oldest first.
	Incidents []Incident `json:"incidents,omitempty"`
}

// Event is one audit record: something that happened to an order or to the account.
type Event struct {
	Number uint64    `json:"number"` // from 1, without gaps
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"` // "proposed", "approved", …: a state entered; or "refused", "published", "paused", …
	Order  OrderID   `json:"order,omitempty"`
	By     string    `json:"by"` // a person's id, or "licensebot"
	Place  string    `json:"place,omitempty"`
	Note   string    `json:"note,omitempty"`
	Amount Cents     `json:"amount_cents,omitempty"`
	// Count is the number of refusals in this record, if a person had too many to record each.
	Count int `json:"count,omitempty"`
	// Cause says what happened in place of Note, or what is behind it. Records of older versions have none.
	Cause
	Prev string `json:"prev"` // hex SHA-256 of the record before; empty for the first
	Hash string `json:"hash"` // hex SHA-256 over Prev and this record without Hash
}

// Legible is the event with bytes that are no text replaced, as JSON would replace them. A ledger hashes that, since
// what is hashed must be what is read again later.
func (e Event) Legible() Event {
	for _, text := range []*string{&e.Kind, (*string)(&e.Order), &e.By, &e.Place, &e.Note} {
		*text = strings.ToValidUTF8(*text, "\ufffd")
	}
	e.Cause = e.Cause.legible()
	return e
}

// legible returns the cause, and the causes that it rests on, with bytes that are no text replaced.
func (c Cause) legible() Cause {
	for name, value := range c.Args {
		if legible := strings.ToValidUTF8(value, "\ufffd"); legible != value {
			c.Args = maps.Clone(c.Args)
			c.Args[name] = legible
		}
	}
	c.Causes = slices.Clone(c.Causes)
	for i, inner := range c.Causes {
		c.Causes[i] = inner.legible()
	}
	return c
}

// OfflineResume is a resume by `bot resume` while no bot ran. The next start announces it.
type OfflineResume struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	LeftOut Cause     `json:"left_out_cause,omitzero"` // see Pause.LeftOut
}

// Doubt is a person's decision that was being written when the disk failed. The next start sees whether it is in the
// ledger.
type Doubt struct {
	Began time.Time `json:"began"` // before the decision was written
	Who   string    `json:"who"`   // a person's id
	Order OrderID   `json:"order,omitempty"`
	// Became is the order that the decision creates in place of Order, at a new price.
	Became OrderID `json:"became,omitempty"`
	Typed  bool    `json:"typed,omitempty"` // a command, not a click
	Buys   bool    `json:"buys,omitempty"`  // it would have reserved money
	// Run is when the run began in which the disk failed, and Failed when it was found to have failed: what was
	// decided later isn't this decision. Doubts of older versions have neither.
	Run    time.Time `json:"run,omitzero"`
	Failed time.Time `json:"failed,omitzero"`
}

// Doubts stores doubts beside the ledger, from the failure of its disk to the next start.
type Doubts interface {
	// Keep adds a doubt. It is durable if Keep returns nil.
	Keep(Doubt) error
	// All returns the doubts, oldest first.
	All() ([]Doubt, error)
	// Clear removes all doubts.
	Clear() error
}

// Same reports whether both doubts are about the same deed, as far as the person can tell. After a restart it is
// another deed.
func (u Doubt) Same(other Doubt) bool {
	return u.Who == other.Who && u.Order == other.Order && u.Typed == other.Typed && u.Run.Equal(other.Run)
}

// PageSize is how many records are read at once: a ledger can have more than fit into memory.
const PageSize = 500

// AllOrders walks through the orders, newest first. An error ends the walk.
func AllOrders(r Reader) iter.Seq2[Order, error] {
	return func(yield func(Order, error) bool) {
		for before := OrderID(""); ; {
			page, err := r.Orders(before, PageSize)
			if err != nil {
				yield(Order{}, err)
				return
			}
			for _, o := range page {
				before = o.ID
				if !yield(o, nil) {
					return
				}
			}
			if len(page) < PageSize {
				return
			}
		}
	}
}

// AllEvents walks through the audit records, oldest first. An error ends the walk.
func AllEvents(r Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for next := uint64(1); ; {
			page, err := r.Events(next, PageSize)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range page {
				next = e.Number + 1
				if !yield(e, nil) {
					return
				}
			}
			if len(page) < PageSize {
				return
			}
		}
	}
}

// After a restore, CoCalc shows purchases of this bot that the backup lacks. Each is entered, so that history and
// budgets are complete: its tag names the order, and the previous ledger names the person.

// Unattributed stands in for the person of a purchase that no ledger attributes to one.
var Unattributed = Actor{ID: "unattributed", Name: "unattributed"}

// Find returns the previous ledger's record of an order; ok is false if there is none.
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

// MayLack reports whether only the unreadable previous ledger may have had the order: it was created after the backup.
// Clocks may differ by slack.
func (b *Before) MayLack(id OrderID, slack time.Duration) bool {
	parsed, err := ulid.ParseStrict(string(id))
	return b != nil && !b.IsKnown && err == nil && ulid.Time(parsed.Time()).After(b.Last.Add(-slack))
}

// LeftOut returns the purchases that paused buying and count in no budget; the zero Cause if there are none. An admin
// who resumes buying needs to know their sum.
func (p *Pause) LeftOut() Cause {
	var n int
	var sum Cents
	for _, in := range p.AllIncidents() {
		if in.Code != IncidentUnexplained {
			continue
		}
		n++
		amount, _ := strconv.ParseInt(in.Args["amount"], 10, 64) // older records do not have it
		sum += Cents(amount)
	}
	if n == 0 {
		return Cause{}
	}
	return NewCause(LeftOut, "purchases", strconv.Itoa(n), "amount", ArgCents(sum))
}
