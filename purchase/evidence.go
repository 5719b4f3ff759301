package purchase

import (
	"cmp"
	"slices"
	"time"

	"licensebot/cocalc"
)

// Owns reports whether a CoCalc record that has the order's cart item id belongs to the order: it has the order's tag,
// or no tag because a person removed it. A record that has another order's tag, or is older than the order's add, comes
// from another server that the ledger was used with. text is the record's description, at its time.
func (o *Order) Owns(text string, at time.Time) bool {
	if id, ok := ParseTag(text); ok {
		return id == o.ID
	}
	return o.CreatedAfterAdd(at, cocalc.RangeTolerance)
}

// ClocksApart is the largest difference between the clocks of CoCalc's machines.
const ClocksApart = time.Minute

// CreatedAfterAdd reports whether a CoCalc record was created after the order's add was sent: by CoCalc's clock if the
// order stores it, and otherwise by this machine's, which may differ by slack.
func (o *Order) CreatedAfterAdd(at time.Time, slack time.Duration) bool {
	if !o.AddedAfter.IsZero() {
		return at.After(o.AddedAfter.Add(-ClocksApart))
	}
	return !o.AddSent.IsZero() && at.After(o.AddSent.Add(-slack))
}

// PurchasesIn returns the purchases of the order's cart item among rows.
func (o *Order) PurchasesIn(rows []cocalc.PurchaseRow) (ours []cocalc.PurchaseRow) {
	for _, row := range rows {
		if o.ItemID != 0 && row.CartItemID == o.ItemID && row.Cost > 0 && o.Owns(row.Text, row.Time) {
			ours = append(ours, row)
		}
	}
	return ours
}

// NewReceipt returns the receipt for a purchased item and its rows in the list of purchases. The item names one of the
// licenses; the other rows are duplicates.
func NewReceipt(o Order, item cocalc.CartItem, rows []cocalc.PurchaseRow) *Receipt {
	r := &Receipt{Charged: o.AnnouncedPrice(), Expires: o.Spec.End}
	if item.Purchased != nil {
		r.LicenseID, r.Time = item.Purchased.LicenseID, item.Purchased.Time
	}
	own, duplicates := findDuplicates(rows, r.LicenseID)
	r.Duplicates = duplicates
	if own != nil {
		r.LicenseID, r.PurchaseID, r.Charged = own.LicenseID, own.ID, own.Cost
		if r.Time.IsZero() {
			r.Time = own.Time
		}
		if !own.PeriodEnd.IsZero() {
			r.Expires = own.PeriodEnd
		}
	}
	r.Time = cmp.Or(r.Time, o.CheckoutSent, o.Updated) // CoCalc's own time may be unreadable
	return r
}

// findDuplicates returns the purchase of the license among those of one cart item (the first one if none has it; nil if
// there are no purchases), and the others: the item was bought more than once.
func findDuplicates(rows []cocalc.PurchaseRow, license string) (own *cocalc.PurchaseRow, others []DuplicatePurchase) {
	for i := range rows {
		if i == 0 || rows[i].LicenseID == license {
			own = &rows[i]
		}
	}
	for i := range rows {
		if row := &rows[i]; row != own {
			others = append(others, DuplicatePurchase{PurchaseID: row.ID, LicenseID: row.LicenseID, Charged: row.Cost})
		}
	}
	return own, others
}

// AccountsFor reports whether the order's receipt contains the purchase: by CoCalc's id, or by the license if one of
// them has no id. The same license with another id is a further charge.
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

// AwaitsPurchase reports whether row is the purchase that was missing from the list when the order was completed. If
// the server has a list of purchases, an admin may have named the wrong license, so another license matches too.
func (o *Order) AwaitsPurchase(row cocalc.PurchaseRow) bool {
	r := o.Receipt
	if o.State != Purchased || r == nil || r.PurchaseID != 0 || o.ItemID != 0 && row.CartItemID != 0 &&
		o.ItemID != row.CartItemID {
		return false
	}
	return r.LicenseID == "" || row.ID != 0 && (r.LicenseID == row.LicenseID || r.Settled != nil)
}

// IsActive reports whether the worker still handles the order and finds its purchases itself.
func (o *Order) IsActive() bool {
	return o.State == Approved || o.State.UnderWay() || !o.WatchUntil.IsZero() || (o.Receipt != nil && o.Receipt.Unchecked)
}

// MarkedBought reports whether the order counts as bought by an admin's decision alone: CoCalc has not shown its
// purchase.
func (o *Order) MarkedBought() bool {
	return o.State == Purchased && o.Receipt != nil && o.Receipt.Settled != nil && o.Receipt.PurchaseID == 0
}

// Names of this package for CoCalc's types about a server.
type (
	// Condition is the condition of a CoCalc server.
	Condition = cocalc.Condition
	// KeyProof is how a server treats an API key.
	KeyProof = cocalc.KeyProof
)

// How a server treats an API key, as cocalc.KeyProof describes it.
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

// Server describes what is wrong with the CoCalc server, according to the latest probes (cocalc.Client.Diagnose). The
// zero value means that it sells licenses, or that its condition is unknown. The ledger stores it for the next run.
type Server struct {
	Site      Site      `json:"site"` // its address in the settings
	Condition Condition `json:"condition,omitempty"`
	// Suspected is HasMoved or IsForeign if the last probe found that, while Condition is IsDown. One probe is no proof of
	// either, because a maintenance page looks the same.
	Suspected Condition     `json:"suspected,omitempty"`
	Reason    cocalc.Reason `json:"reason,omitempty"` // the reason for IsDown or IsForeign
	// Host is where the server redirects to, for HasMoved, Misaddressed, and IsForeign by a redirect.
	Host    string `json:"host,omitempty"`
	Address string `json:"address,omitempty"` // Misaddressed: the correct COCALC_URL; empty if unknown
	// Since is when a probe first found the condition, and Last when a probe found it most recently, by the machine's
	// clock.
	Since time.Time `json:"since,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Probes is the number of consecutive probes that found the condition, and Held for how long. Held is measured by the
	// monotonic clock between probes, so setting the clock does not change it.
	Probes int           `json:"probes,omitempty"`
	Held   time.Duration `json:"held_ns,omitempty"`

	Key        KeyProof `json:"key,omitempty"`        // SellsMemberships: how the server treated the API key
	Capability string   `json:"capability,omitempty"` // KeyLimited: the capability that the key lacks
	OlderKey   bool     `json:"older_key,omitempty"`  // the key has a form that this server never accepts

	// Notified is set once the admins are notified of the condition, and Known once they are notified of it or of one that
	// it replaced.
	Notified bool `json:"told,omitempty"`
	Known    bool `json:"known,omitempty"`
}

// SellsLicenses reports whether the server sells licenses, or its condition is unknown.
func (s Server) SellsLicenses() bool {
	return s.Condition == cocalc.Undiagnosed || s.Condition == SellsLicenses
}

// RefusesOrders reports whether no order can succeed at this server: it sells only memberships, has moved, or is not
// CoCalc. It is false for a server that is down or has another address than the settings.
func (s Server) RefusesOrders() bool {
	return s.Condition == SellsMemberships || s.Condition == HasMoved || s.Condition == IsForeign
}

// Cause returns the cause of the notification to the admins: condition, site, host, address, seconds (since it was
// first found), reason, key, proof (KeyProof), capability, older-key.
func (s Server) Cause(keyName string) Cause {
	return NewCause(NotificationServer, "condition", string(s.Condition), "site", string(s.Site), "host", s.Host,
		"address",
		s.Address,
		"seconds", ArgSeconds(s.Held), "reason", string(s.Reason), "key", keyName, "proof", string(s.Key), "capability",
		s.Capability,
		"older-key", ArgFlag(s.OlderKey))
}

// NotificationKey returns the key of the condition in AccountState.ServerNotified.
func (s Server) NotificationKey() string { return string(s.Condition) + " " + string(s.Site) }

// Unresolvable reports whether the order's outcome is unknown and the server can no longer show it.
func (o *Order) Unresolvable() bool {
	return o.State == Unknown && o.Blocked.Why().Code == WaitsForServer
}

// Failure returns the failure of an order that waited for the server and ended.
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

// The formats of dates for people.
const (
	DateStyle   = cocalc.DateStyle              // "Dec 28, 2026"
	MomentStyle = "Jan 2, 2006, 3:04 PM MST"    // "Dec 28, 2026, 5:08 PM CET"
	SecondStyle = "Jan 2, 2006, 3:04:05 PM MST" // for records that follow each other closely
)

// CalendarDays returns the number of whole calendar days in loc between two moments, and the rest, which is less than a
// day.
func CalendarDays(from, to time.Time, loc *time.Location) (days int, rest time.Duration) {
	from, to = from.In(loc), to.In(loc)
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	days = int(noon(to).Sub(noon(from)) / (24 * time.Hour))
	if days > 0 && from.AddDate(0, 0, days).After(to) {
		days--
	}
	return days, to.Sub(from.AddDate(0, 0, days))
}

// serverLag is the maximum difference between the end of a fixed term as ordered and as CoCalc stores it. CoCalc moves
// the start of a term that has begun to the moment in which it reads it, by its own clock.
const serverLag = 10 * time.Minute

// endOf returns the end of a license for display: the ordered end, if CoCalc's differs by less than serverLag. Without
// that, "until November 29" could become November 30 with the purchase.
func endOf(spec Spec, expires time.Time) time.Time {
	if spec.Period == cocalc.PeriodRange && !expires.IsZero() && expires.Sub(spec.End).Abs() < serverLag {
		return spec.End
	}
	return expires
}

// Ends returns the end of the entry's license for display; zero if it is unknown.
func (p Purchase) Ends() time.Time { return endOf(p.Spec, p.Expires) }

// Ends returns the end of the purchased license for display; zero if it is unknown.
func (o *Order) Ends() time.Time {
	if o.Receipt == nil {
		return time.Time{}
	}
	return endOf(o.Spec, o.Receipt.Expires)
}

// Ends returns the end of the license for display; zero if it has none.
func (o LicenseEntry) Ends() time.Time {
	if o.Purchase == nil {
		return o.License.Expires
	}
	return endOf(o.Purchase.Spec, o.License.Expires)
}

// AnnouncedPrice returns the charge that the server announced before checkout, or the price as shown if it announced
// none.
func (o *Order) AnnouncedPrice() Cents { return cmp.Or(o.Amount, o.Price) }
