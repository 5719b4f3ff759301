package purchase

import (
	"cmp"
	"math/bits"
	"time"

	"licensebot/cocalc"
)

// Prepaid is a license as the purchase log has it: a fixed term and what was paid for all of it, or a license that
// renews and what was paid for its first period.
type Prepaid struct {
	LicenseID    string
	Order        OrderID
	Requester    Actor
	Spec         Spec
	Begins, Ends time.Time // of a fixed term
	Paid         Cents     // the sum of the license's entries
	Duplicate    bool      // CoCalc sold the same cart item more than once
}

// Renews reports whether the license renews until it is cancelled. The log has only its first period.
func (p Prepaid) Renews() bool { return p.Spec.Period != cocalc.PeriodRange }

// Unused returns the part of what was paid for a fixed term that falls after a moment: pro rata to the second, rounded
// down to the cent. It is everything before the term begins, and nothing once it has ended or of a license that renews.
func (p Prepaid) Unused(at time.Time) Cents {
	begins, ends, now := p.Begins.Unix(), p.Ends.Unix(), at.Unix()
	switch {
	case p.Renews() || p.Paid <= 0 || now >= ends:
		return 0
	case now <= begins:
		return p.Paid
	}
	// The product can exceed 64 bits. The quotient can't: the rest of the term is shorter than the term.
	high, low := bits.Mul64(uint64(p.Paid), uint64(ends-now))
	unused, _ := bits.Div64(high, low, uint64(ends-begins))
	return Cents(unused)
}

// PrepaidLicenses returns the licenses of a purchase log, oldest entry first, that may have an unused part at a moment:
// fixed terms that have not ended, and all that renew. Entries of purchases after that moment don't count.
func PrepaidLicenses(log []Purchase, at time.Time) []Prepaid {
	var all []*Prepaid
	own := map[OrderID]*Prepaid{} // what each order was to buy: corrections are about that
	named := map[string]*Prepaid{}
	for _, e := range log {
		if e.Time.After(at) {
			continue
		}
		p := named[e.LicenseID]
		if e.Correction && own[e.Order] != nil {
			p = own[e.Order]
		}
		if p == nil {
			p = &Prepaid{Order: e.Order, Requester: e.Requester, Spec: e.Spec, Begins: e.begins(), Duplicate: e.Duplicate}
			all = append(all, p)
		}
		if !e.Duplicate && own[e.Order] == nil {
			own[e.Order] = p
		}
		if e.LicenseID != "" && p.LicenseID != e.LicenseID { // a correction can name another license than before
			delete(named, p.LicenseID)
			p.LicenseID, named[e.LicenseID] = e.LicenseID, p
		}
		p.Paid += e.Charged
		p.Ends = cmp.Or(e.Ends(), e.Spec.End)
	}
	var left []Prepaid
	for _, p := range all {
		if p.Renews() || at.Before(p.Ends) {
			left = append(left, *p)
		}
	}
	return left
}

// begins returns the beginning of an entry's fixed term. CoCalc moves one that has passed to the moment of the
// purchase.
func (p Purchase) begins() time.Time {
	if p.Spec.Start.After(p.Time) {
		return p.Spec.Start
	}
	return p.Time
}
