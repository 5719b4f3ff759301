package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

const (
	// maxFollowed is how many log entries one comparison looks at to follow their licenses: after an upgrade, the log can
	// have a million, and orders wait meanwhile.
	maxFollowed = 20_000
	// followedAtOnce is how many licenses are changed in one transaction.
	followedAtOnce = 100
	// keptAfterEnd is how long after its end the ledger keeps a record of a license that was charged once.
	keptAfterEnd = 60 * 24 * time.Hour
)

// follow brings up to date what the ledger knows of the licenses that it bought: it enters each renewal, edit and
// refund once, and takes over the subscriptions. upkeep are rows of the account's purchases since from, read at the
// time at by CoCalc's clock. It returns false if there is more of the log to look at, after an upgrade, or if there are
// more rows to read: of a license whose purchase is new in the log, and older than from. The error is the ledger's or
// CoCalc's.
func (rc *Reconciler) follow(ctx context.Context, upkeep []cocalc.PurchaseRow, from, at time.Time,
) (done bool, err error) {
	subscriptions, err := rc.shop.Subscriptions(ctx)
	if err != nil {
		return false, err
	}
	p := newFollowPlan(upkeep, subscriptions, at)
	p.strangers = rc.strangers
	if err := rc.ledger.View(ctx, p.read); err != nil {
		return false, fmt.Errorf("read the licenses: %w", err)
	}
	rc.strangers = p.strangers
	if err := rc.readEnds(ctx, p); err != nil {
		return false, err
	}
	notify := false
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(p.changes)), followedAtOnce) {
		err := rc.ledger.Update(ctx, func(w purchase.Writer) error {
			before, err := w.Account()
			for _, id := range ids {
				if err == nil {
					err = rc.followLicense(w, id, p.changes[id], at)
				}
			}
			if err != nil {
				return err
			}
			after, err := w.Account()
			notify = notify || len(after.Notifications) > len(before.Notifications)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	if notify {
		rc.changed("")
	}
	read := at // up to when the rows of all licenses were read
	if p.oldest.Before(from) && p.followed != nil {
		read = p.oldest
	}
	return p.isComplete && read.Equal(at), rc.noteFollowed(ctx, p, read)
}

// noteFollowed stores how far the licenses were followed, and what renewals CoCalc will charge. Without a change it
// stores when it looked once an hour, as the time of a comparison.
func (rc *Reconciler) noteFollowed(ctx context.Context, p *followPlan, read time.Time) error {
	isNew := func(r purchase.Reader) (purchase.AccountState, *purchase.Committed, bool, error) {
		account, err := r.Account()
		if err != nil {
			return account, nil, false, err
		}
		committed, err := purchase.ReadCommitted(r, account, rc.policy, p.entries, rc.now())
		was := account.Followed
		same := was != nil && was.Entries == p.entries && (read.Sub(was.Rows).Abs() < time.Hour || !p.isComplete)
		if account.Committed != nil {
			committed.Shown = account.Committed.Shown
			same = same && committed.Equal(account.Committed) && !(committed.Shown && rc.fits(committed))
		} else {
			same = same && committed.Licenses == 0
		}
		return account, committed, !same, err
	}
	change := false
	err := rc.ledger.View(ctx, func(r purchase.Reader) (err error) {
		_, _, change, err = isNew(r)
		return err
	})
	if err != nil || !change {
		return err
	}
	notify := false
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, committed, _, err := isNew(w)
		if err != nil {
			return err
		}
		is := purchase.Followed{Entries: p.entries}
		if account.Followed != nil {
			is.Rows = account.Followed.Rows
		}
		if p.isComplete {
			is.Rows = read
		}
		account.Followed = &is
		notify, err = rc.putCommitted(w, account, committed, p.isComplete)
		return err
	})
	if notify {
		rc.changed("")
	}
	return err
}

// fits reports whether renewals pass no budget by themselves, or an admin has limited them.
func (rc *Reconciler) fits(c *purchase.Committed) bool {
	budget := rc.policy.MonthlyBudget
	return budget.None || rc.policy.RenewalsLimit > 0 || c.Most() <= budget.Max
}

// putCommitted stores the account with the renewals to come. If they pass the monthly budget by themselves when they
// are first known, after an upgrade, they are shown and not deducted, and the admins are told once, until a setting
// changes.
func (rc *Reconciler) putCommitted(w purchase.Writer, account purchase.AccountState, c *purchase.Committed,
	isComplete bool,
) (notify bool, err error) {
	isFirst := account.Committed == nil
	if isFirst && (c.Licenses == 0 || !isComplete) {
		return false, w.PutAccount(account)
	}
	was := c.Shown
	c.Shown = (was || isFirst) && !rc.fits(c)
	account.Committed = c
	if err := w.PutAccount(account); err != nil || c.Shown == was {
		return false, err
	}
	what := purchase.NewCause(purchase.NotificationRenewals, "licenses", strconv.Itoa(c.Licenses), "monthly",
		purchase.ArgSomeCents(c.Monthly), "yearly", purchase.ArgSomeCents(c.Yearly), "most", purchase.ArgCents(c.Most()),
		"limit", purchase.ArgCents(rc.policy.MonthlyBudget.Max))
	if !c.Shown {
		what = what.With("counted", purchase.ArgFlag(true))
	}
	err = w.AppendEvent(purchase.Event{
		Time: rc.now(), Kind: string(purchase.NotificationRenewals), By: purchase.BotName, Amount: c.Most(), Cause: what,
	})
	if err != nil || !c.Shown {
		return false, err
	}
	return true, register.AddNotification(w, rc.reg.NewNotification(purchase.NotificationRenewals,
		register.NotificationID("renewals", rc.now()), what, purchase.Order{}, ""))
}

// followLicense applies what CoCalc showed of a license to its record, as it is now.
func (rc *Reconciler) followLicense(w purchase.Writer, id string, c *licenseChange, at time.Time) error {
	l, known, err := w.Owned(id)
	if err != nil {
		return err
	}
	bought, ok, err := w.PurchaseOf(id)
	if err == nil && !ok && known && l.IsDone(at.Add(-keptAfterEnd)) { // an admin decided about another one's license
		return w.DropOwned(id)
	}
	if err != nil || !ok {
		return err
	}
	if !known {
		l = purchase.NewOwnedLicense(bought)
	}
	if c.subscription != nil && l.Subscription == nil { // it tells what a renewal is
		l, _ = l.Subscribe(*c.subscription)
	}
	if l, err = rc.reg.EnterUpkeep(w, l, bought, c.rows); err != nil {
		return err
	}
	if c.subscription != nil {
		if l, err = rc.reg.NoteSubscription(w, l, *c.subscription); err != nil {
			return err
		}
	}
	if !c.ends.IsZero() {
		l.Ends = c.ends
	}
	if l.IsDone(at.Add(-keptAfterEnd)) {
		return w.DropOwned(id)
	}
	return w.PutOwned(l)
}

// readEnds asks CoCalc until when the licenses run whose rows don't tell: those with a refund, and those with two
// changes of the same moment, of which either can have won.
func (rc *Reconciler) readEnds(ctx context.Context, p *followPlan) error {
	for id, c := range p.changes {
		if !c.isUncertain {
			continue
		}
		l, err := rc.shop.License(ctx, id)
		if err != nil && purchase.KindOf(err) != cocalc.NotFound {
			return err
		}
		c.ends = l.Expires
	}
	return nil
}

// licenseChange is what CoCalc shows of a license beyond its record.
type licenseChange struct {
	rows         []cocalc.PurchaseRow // ascending by number
	subscription *cocalc.Subscription
	isUncertain  bool      // the rows don't tell until when it runs
	ends         time.Time // as CoCalc shows it; zero: the rows tell
}

// followPlan is what one comparison changes in the records of licenses.
type followPlan struct {
	at            time.Time
	upkeep        []cocalc.PurchaseRow             // ascending by number
	subscriptions map[string]*cocalc.Subscription  // by license
	owned         map[string]purchase.OwnedLicense // the records
	changes       map[string]*licenseChange        // by license
	followed      *purchase.Followed
	entries       uint64    // the number of the last log entry whose license is followed
	isComplete    bool      // that is the last entry of the log
	oldest        time.Time // when the oldest of the orders was made whose entries are new in the log; at if there is none
	// strangers are refunds of purchases that no log entry up to a number names, by CoCalc's numbers of the refunds.
	strangers map[int64]uint64
}

func newFollowPlan(upkeep []cocalc.PurchaseRow, subscriptions []cocalc.Subscription, at time.Time) *followPlan {
	p := &followPlan{
		at: at, oldest: at, upkeep: slices.Clone(upkeep), subscriptions: map[string]*cocalc.Subscription{},
		owned: map[string]purchase.OwnedLicense{}, changes: map[string]*licenseChange{},
	}
	slices.SortFunc(p.upkeep, func(a, b cocalc.PurchaseRow) int { return cmp.Compare(a.ID, b.ID) })
	for i := range subscriptions { // newest first: a license has one
		s := &subscriptions[i]
		if s.LicenseID != "" && p.subscriptions[s.LicenseID] == nil {
			p.subscriptions[s.LicenseID] = s
		}
	}
	return p
}

// change returns what changes in a license, to be added to.
func (p *followPlan) change(license string) *licenseChange {
	c := p.changes[license]
	if c == nil {
		c = &licenseChange{subscription: p.subscriptions[license]}
		p.changes[license] = c
	}
	return c
}

// read compares what CoCalc shows with the records.
func (p *followPlan) read(r purchase.Reader) error {
	account, err := r.Account()
	if err != nil {
		return err
	}
	p.followed = account.Followed
	for l, err := range purchase.AllOwned(r) {
		if err != nil {
			return err
		}
		if l.Order != "" { // others are not followed
			p.owned[l.ID] = l
		}
		if s := p.subscriptions[l.ID]; s != nil && l.Order != "" {
			if after, _ := l.Subscribe(*s); l.Subscription == nil || *after.Subscription != *l.Subscription ||
				!after.Ends.Equal(l.Ends) {
				p.change(l.ID)
			}
		}
		if l.IsDone(p.at.Add(-keptAfterEnd)) {
			p.change(l.ID)
		}
	}
	if err := p.readBought(r); err != nil {
		return err
	}
	return p.readUpkeep(r)
}

// readBought reads the log entries whose licenses are not followed yet.
func (p *followPlan) readBought(r purchase.Reader) error {
	last, err := purchase.LastEntry(r)
	if err != nil {
		return err
	}
	first := uint64(1)
	if p.followed != nil {
		first = p.followed.Entries + 1
	}
	p.entries = min(last, first+maxFollowed-1)
	p.isComplete = p.entries == last
	for before := p.entries + 1; before > first; {
		page, err := r.Purchases(before, int(min(before-first, purchase.PageSize)))
		if err != nil {
			return err
		}
		for _, e := range page {
			before = e.Number
			_, known := p.owned[e.LicenseID]
			if e.LicenseID == "" || e.Kind.IsUpkeep() || known {
				continue
			}
			if made, err := ulid.ParseStrict(string(e.Order)); err != nil || ulid.Time(made.Time()).Before(p.oldest) {
				p.oldest = ulid.Time(made.Time()).UTC()
			}
			l := purchase.NewOwnedLicense(e)
			if s := p.subscriptions[l.ID]; s != nil {
				l, _ = l.Subscribe(*s)
			}
			if !l.IsDone(p.at.Add(-keptAfterEnd)) {
				p.owned[l.ID] = l
				p.change(l.ID)
			}
		}
		if len(page) == 0 {
			break
		}
	}
	return nil
}

// readUpkeep finds the licenses of renewals, edits and refunds that the ledger doesn't have. Those of licenses that it
// didn't buy are left out.
func (p *followPlan) readUpkeep(r purchase.Reader) error {
	for _, row := range p.upkeep {
		l, ok, err := p.licenseOf(r, row)
		if err != nil {
			return err
		}
		if !ok || l.HasRow(row.ID) {
			continue
		}
		c := p.change(l.ID)
		c.rows = append(c.rows, row)
		before := len(l.Doubles)
		if l, _, ok = l.Enter(row, purchase.Purchase{}, ""); ok {
			p.owned[l.ID] = l
		}
		if row.Service == cocalc.ServiceRefund || slices.ContainsFunc(l.Doubles[before:],
			func(d purchase.DoubleCharge) bool { return d.Differs }) {
			c.isUncertain = true
		}
	}
	return nil
}

// licenseOf returns the license that a row is about; ok is false if this ledger didn't buy it.
func (p *followPlan) licenseOf(r purchase.Reader, row cocalc.PurchaseRow) (l purchase.OwnedLicense, ok bool,
	err error,
) {
	if row.LicenseID == "" && row.RefundOf != 0 {
		return p.refunded(r, row)
	}
	if l, ok = p.owned[row.LicenseID]; ok {
		return l, true, nil
	}
	bought, ok, err := r.PurchaseOf(row.LicenseID)
	if err != nil || !ok {
		return l, false, err
	}
	return purchase.NewOwnedLicense(bought), true, nil
}

// refunded returns the license whose purchase or upkeep a refund gives back. The log entries that name no such purchase
// are remembered: those of its own order may be added later.
func (p *followPlan) refunded(r purchase.Reader, refund cocalc.PurchaseRow) (l purchase.OwnedLicense, ok bool,
	err error,
) {
	for _, l := range p.owned {
		if l.HasRow(refund.RefundOf) {
			return l, true, nil
		}
	}
	searched, isFinal := p.strangers[refund.ID], true
	for e, err := range purchase.EntriesFrom(r, searched+1) { // refunds are rare
		if err != nil {
			return l, false, err
		}
		row, isKnown, err := rowOf(r, e)
		if err != nil {
			return l, false, err
		}
		if isFinal = isFinal && isKnown; isFinal {
			searched = e.Number
		}
		if row != refund.RefundOf || e.LicenseID == "" {
			continue
		}
		bought, ok, err := r.PurchaseOf(e.LicenseID)
		if err != nil || !ok {
			return l, false, err
		}
		if l, ok = p.owned[e.LicenseID]; !ok {
			l = purchase.NewOwnedLicense(bought)
		}
		return l, true, nil
	}
	p.strangers = maps.Clone(p.strangers)
	if p.strangers == nil {
		p.strangers = map[int64]uint64{}
	}
	p.strangers[refund.ID] = searched
	return l, false, nil
}

// rowOf returns CoCalc's number of an entry's purchase: that of the entry, or the one that its order's receipt learned
// later. isKnown is false if the receipt may learn it yet.
func rowOf(r purchase.Reader, e purchase.EntryFacts) (row int64, isKnown bool, err error) {
	if e.PurchaseID != 0 || e.Duplicate || e.Kind.IsUpkeep() {
		return e.PurchaseID, true, nil
	}
	o, err := r.Order(e.Order)
	switch {
	case errors.Is(err, purchase.ErrNoOrder):
		return 0, true, nil
	case err != nil:
		return 0, false, err
	case o.Receipt == nil:
		return 0, true, nil
	}
	// The purchases of an open order are counted yet, and CoCalc can show one that an admin said there is.
	isKnown = o.Receipt.PurchaseID != 0 || !o.Open() && !o.Receipt.Unchecked && o.Receipt.Settled == nil
	return o.Receipt.PurchaseID, isKnown, nil
}
