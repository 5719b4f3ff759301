package purchase

import (
	"cmp"
	"slices"
	"time"

	"licensebot/cocalc"
)

// EntryKind says what an entry of the purchase log is for.
type EntryKind string

// The kinds of entries. All but the first are upkeep: they are about a license that was bought before.
const (
	// EntryPurchase is the purchase of a license, a duplicate of it, or a correction of either.
	EntryPurchase EntryKind = ""
	// EntryRenewal is the next period of a license, whoever asked for it: CoCalc's own job, or a person.
	EntryRenewal EntryKind = "renewal"
	// EntryEdit is a change of what a license gives, or of a fixed term. It is negative if CoCalc gave money back.
	EntryEdit EntryKind = "edit"
	// EntryRefund is negative: CoCalc's admins gave back what another entry charged.
	EntryRefund EntryKind = "refund"
)

// IsUpkeep reports whether the entry is about a license that was bought before.
func (k EntryKind) IsUpkeep() bool { return k != EntryPurchase }

// OwnedLicense is what became of a license that this ledger bought, as CoCalc showed it when the account was last
// compared with the ledger. What it cost is in the purchase log. The ledger has no record of a license that ended long
// ago and was charged once.
type OwnedLicense struct {
	ID    string  `json:"id"`
	Order OrderID `json:"order"`
	Owner Actor   `json:"owner"` // its requester
	// Entry is the number of its purchase in the log, and Row CoCalc's; 0 if CoCalc's is unknown.
	Entry uint64 `json:"entry"`
	Row   int64  `json:"row,omitempty"`
	// Ends is until when the license is paid; zero if that is unknown.
	Ends time.Time `json:"ends,omitzero"`
	// Subscription renews the license; nil if nothing does.
	Subscription *OwnedSubscription `json:"subscription,omitempty"`
	// Upkeep are the charges and refunds since the purchase, oldest first.
	Upkeep []UpkeepCharge `json:"upkeep,omitempty"`
	// Changed is the last row that changed the license; nil if none did. Earlier are up to keptChanges rows before it,
	// oldest first.
	Changed *LastChange  `json:"changed,omitempty"`
	Earlier []LastChange `json:"earlier,omitempty"`
	// Doubles are the charges that had no effect of their own, oldest first.
	Doubles []DoubleCharge `json:"doubles,omitempty"`
	// Decision is the last one of a person about the subscription; nil if there is none. Of a license that this ledger
	// didn't buy, the record has nothing else.
	Decision *SubscriptionDecision `json:"decision,omitempty"`
}

// OwnedSubscription is a subscription as CoCalc showed it; see cocalc.Subscription.
type OwnedSubscription struct {
	ID       int64     `json:"id"`
	Status   string    `json:"status"`
	Interval string    `json:"interval"` // "month" or "year"
	Cost     Cents     `json:"cost_cents"`
	PaidTo   time.Time `json:"paid_to,omitzero"`
}

// UpkeepCharge names a charge or refund: CoCalc's number of the purchase, and that of the log entry.
type UpkeepCharge struct {
	Row   int64  `json:"row"`
	Entry uint64 `json:"entry"`
	// Refunds is CoCalc's purchase that a refund gives back; 0 for others.
	Refunds int64 `json:"refunds,omitempty"`
}

// keptChanges is how many changes before the last one a license remembers. A request that overlaps with others read
// the license before them: CoCalc's requests take a second at most.
const keptChanges = 8

// LastChange is a change of a license by one of CoCalc's purchases.
type LastChange struct {
	Row    int64     `json:"row"`
	Time   time.Time `json:"time"`
	Amount Cents     `json:"amount_cents"`
	cocalc.LicenseChange
}

// DoubleCharge is a charge beside another one of the same moment, of which only one had an effect: CoCalc lets two
// requests at once both charge. Row is the later of the two purchases, and With the earlier.
type DoubleCharge struct {
	Row        int64     `json:"row"`
	Time       time.Time `json:"time"`
	Amount     Cents     `json:"amount_cents"`
	With       int64     `json:"with"`
	WithTime   time.Time `json:"with_time"`
	WithAmount Cents     `json:"with_amount_cents"`
	// Differs is set if the two asked for different changes, so that one of them was lost.
	Differs bool `json:"differs,omitempty"`
	// Requested is when an admin noted that CoCalc was asked for a refund, and By that person's id.
	Requested time.Time `json:"requested,omitzero"`
	By        string    `json:"by,omitempty"`
	// Refund is CoCalc's purchase that gave the money back; 0 while there is none.
	Refund int64 `json:"refund,omitempty"`
}

// IsOpen reports whether the money was not given back yet.
func (d DoubleCharge) IsOpen() bool { return d.Refund == 0 }

// NewOwnedLicense returns the record of a license that was just bought.
func NewOwnedLicense(p Purchase) OwnedLicense {
	return OwnedLicense{
		ID: p.LicenseID, Order: p.Order, Owner: p.Requester, Entry: p.Number, Row: p.PurchaseID, Ends: p.Expires,
	}
}

// NextCharge returns when CoCalc charges the next period, and how much; zero if it won't.
func (l OwnedLicense) NextCharge() (at time.Time, amount Cents) {
	s := l.Subscription
	if s == nil {
		return time.Time{}, 0
	}
	at = cocalc.Subscription{Status: s.Status, CurrentPeriodEnd: s.PaidTo}.NextCharge()
	if at.IsZero() {
		return at, 0
	}
	return at, s.Cost
}

// HasRow reports whether the license's purchase, or an entry of its upkeep, has this number of CoCalc's.
func (l OwnedLicense) HasRow(row int64) bool {
	return row != 0 && (row == l.Row || l.hasUpkeep(row))
}

func (l OwnedLicense) hasUpkeep(row int64) bool {
	return slices.ContainsFunc(l.Upkeep, func(c UpkeepCharge) bool { return c.Row == row })
}

// IsDone reports whether the ledger needs no record of the license: it ended before a time, and was charged once; or
// this ledger didn't buy it, and what a person decided about it was done before that time.
func (l OwnedLicense) IsDone(before time.Time) bool {
	if l.Decision.IsPending() {
		return false
	}
	if l.Order == "" && l.Decision != nil {
		return l.Decision.Done.Before(before)
	}
	at, _ := l.NextCharge()
	return at.IsZero() && !l.Ends.IsZero() && l.Ends.Before(before) && len(l.Upkeep) == 0
}

// UpkeepKind returns what a row of CoCalc's purchases is for the license that it names: a renewal, an edit or a refund;
// EntryPurchase for a row that is no upkeep.
func UpkeepKind(row cocalc.PurchaseRow, renews bool) EntryKind {
	switch {
	case row.Service == cocalc.ServiceRefund:
		return EntryRefund
	case row.Service != cocalc.ServiceEdit:
		return EntryPurchase
	case renews && row.Change != nil && row.Change.Extends():
		return EntryRenewal
	}
	return EntryEdit
}

// Enter returns the license after a row of its upkeep, and the log entry of that row without its number; ok is false if
// the license has the row already, or if the row is no upkeep. bought is the license's purchase, and month the budget
// month of the row. The entry's number has to be set with [OwnedLicense.SetEntry].
func (l OwnedLicense) Enter(row cocalc.PurchaseRow, bought Purchase, month string) (after OwnedLicense, e Purchase,
	ok bool,
) {
	kind := UpkeepKind(row, bought.Spec.Period != cocalc.PeriodRange || l.Subscription != nil)
	if kind == EntryPurchase || row.ID == 0 || l.hasUpkeep(row.ID) {
		return l, Purchase{}, false
	}
	e = Purchase{
		Kind: kind, Time: row.Time, Month: month, Order: bought.Order, Requester: bought.Requester, Place: bought.Place,
		Spec: bought.Spec, Charged: row.Cost, PurchaseID: row.ID, LicenseID: l.ID, Begins: row.Time, Expires: l.Ends,
		Refunds: row.RefundOf,
	}
	l.Upkeep = append(slices.Clone(l.Upkeep), UpkeepCharge{Row: row.ID, Refunds: row.RefundOf})
	slices.SortFunc(l.Upkeep, func(a, b UpkeepCharge) int { return cmp.Compare(a.Row, b.Row) })
	switch {
	case kind == EntryRefund:
		l.Doubles = closeDoubles(l.Doubles, row)
	case row.Change != nil:
		change := *row.Change
		if kind == EntryRenewal && change.Before.End.After(row.Time) {
			e.Begins = change.Before.End
		}
		e.Spec = specAfter(bought.Spec, change.After)
		e.Expires = cmp.Or(change.After.End, row.PeriodEnd, l.Ends)
		l = l.change(LastChange{row.ID, row.Time, row.Cost, change}, e.Expires)
	default:
		e.Expires = cmp.Or(row.PeriodEnd, l.Ends)
		l.Ends = e.Expires
	}
	return l, e, true
}

// RequestRefund returns the license after an admin asked CoCalc for a refund of one of its double charges, and what to
// answer: ResultRefundRequested (with changed if it is the first request), ResultRefundDone or ResultNotDouble.
func (l OwnedLicense) RequestRefund(row int64, by string, at time.Time) (after OwnedLicense, said Cause, changed bool) {
	l.Doubles = slices.Clone(l.Doubles)
	for i := range l.Doubles {
		d := &l.Doubles[i]
		switch {
		case d.Row != row:
			continue
		case !d.IsOpen():
			return l, NewCause(ResultRefundDone, "license", l.ID, "purchase", ArgSomeID(row), "refund", ArgSomeID(d.Refund)),
				false
		case d.Requested.IsZero():
			d.Requested, d.By, changed = at, by, true
		}
		return l, NewCause(ResultRefundRequested, "license", l.ID, "purchase", ArgSomeID(row), "by", d.By), changed
	}
	return l, NewCause(ResultNotDouble, "license", l.ID, "purchase", ArgSomeID(row)), false
}

// SetEntry notes the number of the log entry of a row.
func (l OwnedLicense) SetEntry(row int64, entry uint64) OwnedLicense {
	l.Upkeep = slices.Clone(l.Upkeep)
	for i := range l.Upkeep {
		if l.Upkeep[i].Row == row {
			l.Upkeep[i].Entry = entry
		}
	}
	return l
}

// change returns the license after a change, until which it is paid then. A change that read what another had replaced
// already is of a request at the same moment as the one that read the same: both were charged, and one of them had no
// effect.
func (l OwnedLicense) change(c LastChange, ends time.Time) OwnedLicense {
	changes := slices.Clone(l.Earlier)
	if l.Changed != nil {
		changes = append(changes, *l.Changed)
	}
	at, _ := slices.BinarySearchFunc(changes, c.Row, func(c LastChange, row int64) int { return cmp.Compare(c.Row, row) })
	if at == len(changes) {
		l.Ends = ends
	}
	changes = slices.Insert(changes, at, c) // CoCalc may have shown a later one before
	for i := max(at, 1); i < len(changes); i++ {
		if d, found := doubleOf(changes[:i], changes[i]); found && !l.hasDouble(d.Row) {
			d.Refund = l.refundOf(d)
			l.Doubles = append(slices.Clone(l.Doubles), d)
		}
	}
	last := len(changes) - 1
	l.Changed, l.Earlier = &changes[last], changes[max(0, last-keptChanges):last]
	return l
}

// doubleOf returns the double charge that a change is, with the last of the earlier changes that read the same state;
// found is false if the change read what the one before it had left, or if none of them read the same.
func doubleOf(earlier []LastChange, c LastChange) (d DoubleCharge, found bool) {
	if c.Before.Same(c.After) || c.Before.Same(earlier[len(earlier)-1].After) {
		return d, false
	}
	for _, with := range slices.Backward(earlier) {
		if !with.Before.Same(c.Before) || with.Before.Same(with.After) {
			continue
		}
		d = DoubleCharge{
			Row: c.Row, Time: c.Time, Amount: c.Amount, With: with.Row, WithTime: with.Time, WithAmount: with.Amount,
			Differs: !with.After.Same(c.After),
		}
		return d, d.Amount > 0 || d.Differs // money that was given back twice is not ours to ask for
	}
	return d, false
}

func (l OwnedLicense) hasDouble(row int64) bool {
	return slices.ContainsFunc(l.Doubles, func(d DoubleCharge) bool { return d.Row == row })
}

// refundOf returns the refund that closes a double charge which is found after it; 0 if there is none.
func (l OwnedLicense) refundOf(d DoubleCharge) int64 {
	for _, c := range l.Upkeep {
		if c.Refunds != 0 && (c.Refunds == d.Row || c.Refunds == d.With) &&
			!slices.ContainsFunc(l.Doubles, func(other DoubleCharge) bool { return other.Refund == c.Row }) {
			return c.Row
		}
	}
	return 0
}

// closeDoubles returns the double charges after a refund of one of their purchases: it closes one, that of which the
// purchase is the later one if that is open, or another of the charges of the same moment.
func closeDoubles(doubles []DoubleCharge, refund cocalc.PurchaseRow) []DoubleCharge {
	doubles = slices.Clone(doubles)
	moment := map[int64]bool{refund.RefundOf: refund.RefundOf != 0} // the purchases of that moment
	for range doubles {
		for _, d := range doubles {
			if moment[d.Row] || moment[d.With] {
				moment[d.Row], moment[d.With] = true, true
			}
		}
	}
	closes := -1
	for i, d := range doubles {
		if d.IsOpen() && moment[d.Row] && (closes < 0 || d.Row == refund.RefundOf) {
			closes = i
		}
	}
	if closes >= 0 {
		doubles[closes].Refund = refund.ID
	}
	return doubles
}

// specAfter returns what a license gives after a change; what the change doesn't tell is as it was bought. CoCalc takes
// whole numbers for changes.
func specAfter(spec Spec, after cocalc.LicenseTerms) Spec {
	if after.GivesSame(cocalc.LicenseTerms{}) {
		return spec
	}
	spec.RunLimit, spec.RAM, spec.CPU, spec.Disk = after.RunLimit, int(after.RAM), int(after.CPU), int(after.Disk)
	spec.Member, spec.Uptime = after.Member, after.Uptime
	if spec.Period == cocalc.PeriodRange {
		spec.Start, spec.End = after.Start, after.End
	}
	return spec
}

// Subscribe returns the license with its subscription as CoCalc shows it, and how that changed: SubscriptionCancelled,
// SubscriptionResumed or SubscriptionRepriced; "" if it is as before, or was not known before.
func (l OwnedLicense) Subscribe(s cocalc.Subscription) (after OwnedLicense, changed CauseCode) {
	is := OwnedSubscription{ID: s.ID, Status: s.Status, Interval: s.Interval, Cost: s.Cost, PaidTo: s.CurrentPeriodEnd}
	was := l.Subscription
	l.Subscription = &is
	if is.PaidTo.After(l.Ends) && (was == nil || !was.PaidTo.Equal(is.PaidTo)) { // otherwise CoCalc ended it since
		l.Ends = is.PaidTo
	}
	switch {
	case was == nil || *was == is:
		return l, ""
	case was.Status == cocalc.StatusActive && is.Status != cocalc.StatusActive:
		return l, SubscriptionCancelled
	case was.Status != cocalc.StatusActive && is.Status == cocalc.StatusActive:
		return l, SubscriptionResumed
	case was.Cost != is.Cost:
		return l, SubscriptionRepriced
	}
	return l, ""
}

// NextCharge returns when CoCalc charges the next period of the license, and how much; zero if it won't.
func (o LicenseEntry) NextCharge() (at time.Time, amount Cents) {
	if o.Subscription == nil {
		return time.Time{}, 0
	}
	if at = o.Subscription.NextCharge(); at.IsZero() {
		return at, 0
	}
	return at, o.Subscription.Cost
}

// Requester returns who requested the license; the zero Actor if it was not bought through this ledger.
func (o LicenseEntry) Requester() Actor {
	if o.Purchase == nil {
		return Actor{}
	}
	return o.Purchase.Requester
}
