package purchase

import (
	"cmp"
	"context"
	"slices"
	"time"

	"licensebot/cocalc"
)

// Site is the CoCalc server, for links.
type Site = cocalc.Site

// Shop is what buying needs of CoCalc. *cocalc.Client is one.
type Shop interface {
	WhoAmI(ctx context.Context) (cocalc.Account, error)
	Store(ctx context.Context) (cocalc.Store, error)
	AddToCart(ctx context.Context, description []byte, projectID string) error
	Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error)
	CartItem(ctx context.Context, id int64) (cocalc.CartItem, error)
	SetChecked(ctx context.Context, id int64, checked bool) (changed bool, err error)
	RemoveFromCart(ctx context.Context, id int64) (removed bool, err error)
	CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error)
	Checkout(ctx context.Context) error
	Licenses(ctx context.Context) ([]cocalc.License, error)
	License(ctx context.Context, id string) (cocalc.License, error)
	Purchases(ctx context.Context, filter cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error)
	FindBrokenItem(ctx context.Context) (cocalc.CartItem, error)
	Subscriptions(ctx context.Context) ([]cocalc.Subscription, error)
	Project(ctx context.Context, id string) (cocalc.Project, error)
	// Diagnose finds out what the server is. It only reads.
	Diagnose(ctx context.Context) cocalc.Diagnosis
	// Time returns CoCalc's current time; ok is false while it is unknown.
	Time() (now time.Time, ok bool)
}

// Timing holds every wait of the package. The zero value of a field means its default.
type Timing struct {
	Proposal time.Duration // how long a card can be confirmed: 30 minutes
	Approval time.Duration // how long approvers can decide: 72 hours
	// The defaults of Patience, AddWindow, Poll and PollMax hold for a Settle of 10 minutes or more, and shrink with a
	// shorter one.

	// Patience is how long an order waits for a CoCalc that does not answer before it gives up, as long as nothing
	// of it is in the cart: 2 minutes.
	Patience time.Duration
	// AddWindow is how long, from its sending, an add whose answer was lost may take to show up in the cart: 1 minute,
	// which is the client's own timeout and as much again. What comes later is taken out when the order is watched.
	AddWindow time.Duration
	// Settle is how long a checkout whose outcome is unknown is given to show itself, once with the item in the
	// cart and once more after it was taken out: 10 minutes. It must be well over the server's slowest checkout.
	Settle time.Duration
	// Poll is the first pause between two looks; it doubles up to PollMax: 2 seconds, 30 seconds.
	Poll, PollMax time.Duration
	// Sweep is the pause between two comparisons of the account's purchases with the ledger: 10 minutes.
	Sweep time.Duration
	// Probe is the longest pause between two probes of the server (Diagnose): 10 minutes. Orders wait six times as long
	// for a server that doesn't sell licenses.
	Probe time.Duration
	// Drain is how long the order under way may go on after Run was told to stop: 45 seconds.
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
	// A short Settle means that CoCalc is quick, so the other waits shrink with it. CoCalc is not asked more often than
	// its purchases can be read.
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

// Request is what a person wants to buy.
type Request struct {
	Requester Actor
	Channel   Channel
	Spec      Spec
	Reason    string
	// Trigger is Slack's id of the command, click or form; empty when it is not known. One trigger makes one order.
	Trigger string
	// Replaces is the proposal that the requester edited; empty: this is a new one.
	Replaces OrderID
}

// Owns reports whether something at CoCalc with the number of the order's cart item is the order's: it has its tag, or
// a person removed the tag. Something with another order's tag, or older than the order, comes from another server that
// this ledger has met.
func (o *Order) Owns(text string, at time.Time) bool {
	if id, ok := ParseTag(text); ok {
		return id == o.ID
	}
	return o.CreatedAfterAdd(at, cocalc.RangeTolerance)
}

// ClocksApart is how much the clocks of CoCalc's machines may differ.
const ClocksApart = time.Minute

// CreatedAfterAdd reports whether something at CoCalc was created after the order's add was sent: by CoCalc's clock if
// the order stores it, or else by the machine's, which may differ by slack.
func (o *Order) CreatedAfterAdd(at time.Time, slack time.Duration) bool {
	if !o.AddedAfter.IsZero() {
		return at.After(o.AddedAfter.Add(-ClocksApart))
	}
	return !o.AddSent.IsZero() && at.After(o.AddSent.Add(-slack))
}

// PurchasesIn picks the purchases of the order's cart item.
func (o *Order) PurchasesIn(rows []cocalc.PurchaseRow) (ours []cocalc.PurchaseRow) {
	for _, row := range rows {
		if o.ItemID != 0 && row.CartItemID == o.ItemID && row.Cost > 0 && o.Owns(row.Text, row.Time) {
			ours = append(ours, row)
		}
	}
	return ours
}

// NewReceipt puts together what proves the purchase. The item names one of the licenses; with a double buy the other
// rows are extra.
func NewReceipt(o Order, item cocalc.CartItem, rows []cocalc.PurchaseRow) *Receipt {
	r := &Receipt{Charged: o.AnnouncedPrice(), Expires: o.Spec.End}
	if item.Purchased != nil {
		r.LicenseID, r.Time = item.Purchased.LicenseID, item.Purchased.Time
	}
	own := 0
	for i, row := range rows {
		if row.LicenseID == r.LicenseID {
			own = i
		}
	}
	for i, row := range rows {
		if i != own {
			r.Duplicates = append(r.Duplicates, DuplicatePurchase{
				PurchaseID: row.ID, LicenseID: row.LicenseID,
				Charged: row.Cost,
			})
			continue
		}
		r.LicenseID, r.PurchaseID, r.Charged = row.LicenseID, row.ID, row.Cost
		if r.Time.IsZero() {
			r.Time = row.Time
		}
		if !row.PeriodEnd.IsZero() {
			r.Expires = row.PeriodEnd
		}
	}
	r.Time = cmp.Or(r.Time, o.CheckoutSent, o.Updated) // CoCalc's own time may be unreadable
	return r
}

// AccountsFor reports whether the order's receipt names the purchase: by CoCalc's number, or by the license if one of
// them has no number. The same license under another number was charged once more.
func (o *Order) AccountsFor(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if r == nil {
		return false
	}
	names := func(number int64, license string) bool {
		if number != 0 && row.ID != 0 {
			return number == row.ID
		}
		return license != "" && license == row.LicenseID
	}
	return names(r.PurchaseID, r.LicenseID) || slices.ContainsFunc(r.Duplicates, func(d DuplicatePurchase) bool {
		return names(d.PurchaseID, d.LicenseID)
	})
}

// AwaitsPurchase reports whether the purchase is the one that was not found when the order was bought. If CoCalc
// numbers its purchases, an admin may have named the wrong license.
func (o *Order) AwaitsPurchase(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if o.State != Purchased || r == nil || r.PurchaseID != 0 || o.ItemID != 0 && row.CartItemID != 0 && o.ItemID != row.CartItemID {
		return false
	}
	return r.LicenseID == "" || row.ID != 0 && (r.LicenseID == row.LicenseID || r.Settled != nil)
}

// IsActive reports whether the worker still works on the order, and finds its purchases by itself.
func (o *Order) IsActive() bool {
	return o.State == Approved || o.State.UnderWay() || !o.WatchUntil.IsZero() || (o.Receipt != nil && o.Receipt.Unchecked)
}

// ByWord reports whether the order counts as bought by the word of an admin alone: CoCalc has shown no purchase of it.
func (o *Order) ByWord() bool {
	return o.State == Purchased && o.Receipt != nil && o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0
}

// CoCalc's types about a server, under this package's names.
type (
	// Condition is what a CoCalc server is.
	Condition = cocalc.Condition
	// KeyProof is what a server makes of a key.
	KeyProof = cocalc.KeyProof
)

// What a server makes of a key, as cocalc.KeyProof describes it.
const (
	KeyValid   = cocalc.KeyValid
	KeyRefused = cocalc.KeyRefused
	KeyLimited = cocalc.KeyLimited
)

// The conditions of a server, as cocalc.Condition describes them.
const (
	SellsLicenses    = cocalc.SellsLicenses
	SellsMemberships = cocalc.SellsMemberships
	HasMoved         = cocalc.HasMoved
	Misaddressed     = cocalc.Misaddressed
	IsDown           = cocalc.IsDown
	IsForeign        = cocalc.IsForeign
)

// Server is what is wrong with the CoCalc server, as the latest probes (cocalc.Client.Diagnose) found it. The zero
// value means that it sells licenses, or that this isn't known yet. The ledger keeps it, so a restarted bot knows it.
type Server struct {
	Site      Site      `json:"site"` // its address in the settings
	Condition Condition `json:"condition,omitempty"`
	// Suspected is what the last probe found, HasMoved or IsForeign, while the condition is IsDown: one probe proves
	// neither, since a page of maintenance looks the same.
	Suspected Condition     `json:"suspected,omitempty"`
	Reason    cocalc.Reason `json:"reason,omitempty"` // IsDown, IsForeign: why
	// where it redirects to: HasMoved, Misaddressed, IsForeign if that is a redirect
	Host    string `json:"host,omitempty"`
	Address string `json:"address,omitempty"` // Misaddressed: what COCALC_URL has to be; empty: unknown
	// Since is when a probe first found it, and Last when one found it most recently, by the machine's clock.
	Since time.Time `json:"since,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Probes is how many probes in a row found it, and Held for how long they did. Held adds up the time between probes by
	// the monotonic clock, so no clock that is set makes it longer.
	Probes int           `json:"probes,omitempty"`
	Held   time.Duration `json:"held_ns,omitempty"`

	Key        KeyProof `json:"key,omitempty"`        // SellsMemberships: what the server made of the API key
	Capability string   `json:"capability,omitempty"` // KeyLimited: what the key lacks
	OlderKey   bool     `json:"older_key,omitempty"`  // the key has a form that this server never accepts

	// Told is set once the admins have a notice of it, and Known once they have one of it or of a condition that it
	// replaced.
	Told  bool `json:"told,omitempty"`
	Known bool `json:"known,omitempty"`
}

// SellsLicenses reports whether the server sells licenses, as far as is known.
func (s Server) SellsLicenses() bool {
	return s.Condition == cocalc.Undiagnosed || s.Condition == SellsLicenses
}

// RefusesOrders reports whether no order can succeed at this server: it sells memberships only, has moved, or is no
// CoCalc. A server that is down or that wants to be called by another address refuses none.
func (s Server) RefusesOrders() bool {
	return s.Condition == SellsMemberships || s.Condition == HasMoved || s.Condition == IsForeign
}

// Cause describes, for admins, what the server is: condition, site, host, address, seconds (for how long it has been
// so), reason, key, proof (what it made of the key), capability, older-key.
func (s Server) Cause(keyName string) Cause {
	return NewCause(NotificationServer, "condition", string(s.Condition), "site", string(s.Site), "host", s.Host,
		"address",
		s.Address,
		"seconds", ArgSeconds(s.Held), "reason", string(s.Reason), "key", keyName, "proof", string(s.Key), "capability",
		s.Capability,
		"older-key", ArgFlag(s.OlderKey))
}

// ToldAs names the condition of this server in AccountState.ServerTold.
func (s Server) ToldAs() string { return string(s.Condition) + " " + string(s.Site) }

// Untold reports whether the outcome of the order is unknown and CoCalc can't tell it any more.
func (o *Order) Untold() bool { return o.State == Unknown && o.Blocked.Why().Code == WaitsForServer }

// Failure returns why an order ends that waited for the server.
func (s Server) Failure() *Failure {
	switch s.Condition {
	case IsDown:
		return NewFailure(FailUnreachable, "why", "down")
	case Misaddressed:
		return NewFailure(FailUnreachable, "why", "address")
	default:
		return NewFailure(FailNotSold, "why", "server", "condition", string(s.Condition))
	}
}

// How dates are written for people.
const (
	DateStyle   = cocalc.DateStyle              // "Dec 28, 2026"
	MomentStyle = "Jan 2, 2006, 3:04 PM MST"    // "Dec 28, 2026, 5:08 PM CET"
	SecondStyle = "Jan 2, 2006, 3:04:05 PM MST" // for records that follow each other closely
)

// CalendarDays returns the number of whole calendar days in loc between two moments, and the rest, less than a day.
func CalendarDays(from, to time.Time, loc *time.Location) (days int, rest time.Duration) {
	from, to = from.In(loc), to.In(loc)
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	days = int(noon(to).Sub(noon(from)) / (24 * time.Hour))
	if days > 0 && from.AddDate(0, 0, days).After(to) {
		days--
	}
	return days, to.Sub(from.AddDate(0, 0, days))
}

// serverLag is the largest difference between CoCalc's end of a fixed term and the end that was ordered. CoCalc moves
// the start of a term that has begun to the moment in which it reads it, by its own clock.
const serverLag = 10 * time.Minute

// endOf returns the end of a license as people read it: the ordered end, if CoCalc's differs by at most serverLag.
// Otherwise "until November 29" would read as November 30 after the purchase.
func endOf(spec Spec, expires time.Time) time.Time {
	if spec.Period == cocalc.PeriodRange && !expires.IsZero() && expires.Sub(spec.End).Abs() < serverLag {
		return spec.End
	}
	return expires
}

// Ends returns the end of an entry's license as people read it; zero if it is unknown.
func (p Purchase) Ends() time.Time { return endOf(p.Spec, p.Expires) }

// Ends returns the end of the purchased license as people read it; zero if it is unknown.
func (o *Order) Ends() time.Time {
	if o.Receipt == nil {
		return time.Time{}
	}
	return endOf(o.Spec, o.Receipt.Expires)
}

// Ends returns the end of the license as people read it; zero if it has none.
func (o LicenseEntry) Ends() time.Time {
	if o.Purchase == nil {
		return o.License.Expires
	}
	return endOf(o.Purchase.Spec, o.License.Expires)
}

// AnnouncedPrice is what the order costs: as the server said at the last look before paying, or else as shown.
func (o *Order) AnnouncedPrice() Cents { return cmp.Or(o.Amount, o.Price) }
