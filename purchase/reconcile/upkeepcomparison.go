package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// followDelay is how long a renewal, an edit or a refund may be at CoCalc before a running bot enters it: a comparison
// and the time at which an older row can show.
const followDelay = time.Hour

// ledgerUpkeep is what a ledger says about the later life of the licenses that it bought.
type ledgerUpkeep struct {
	entries  []entry // of renewals, edits and refunds, newest first
	owned    map[string]purchase.OwnedLicense
	followed time.Time // when the account's rows were last read to the end; zero: never
}

// readOwned reads the records of licenses.
func (v *LedgerView) readOwned(r purchase.Reader, account purchase.AccountState) error {
	v.upkeep.owned = map[string]purchase.OwnedLicense{}
	if account.Followed != nil {
		v.upkeep.followed = account.Followed.Rows
	}
	for l, err := range purchase.AllOwned(r) {
		if err != nil {
			return fmt.Errorf("read the licenses: %w", err)
		}
		v.upkeep.owned[l.ID] = l
	}
	return nil
}

// compareUpkeep compares the renewals, edits and refunds of the log with those of the account, and the subscriptions.
// What happened since the bot last looked is no contradiction.
func (c *comparer) compareUpkeep() {
	rows := map[int64]cocalc.PurchaseRow{}
	for _, row := range c.account.Upkeep {
		rows[row.ID] = row
	}
	for _, e := range slices.Backward(c.view.upkeep.entries) {
		record := "entry " + strconv.FormatUint(e.number, 10)
		row, shown := rows[e.row]
		delete(rows, e.row)
		switch {
		case !shown:
			c.wrong(record, purchase.FoundPurchaseMissing, e.number, e.order, cmp.Or(e.license, "unknown"), e.charged)
		case row.LicenseID != "" && row.LicenseID != e.license:
			c.wrong(record, purchase.FoundOtherLicense, e.number, cmp.Or(e.license, "(none)"), row.ID, row.LicenseID)
		case row.Cost != e.charged:
			c.wrong(record, purchase.FoundOtherAmount, e.number, e.license, e.charged, row.Cost, row.ID)
		default:
			c.result.Upkeep++
		}
	}
	left := slices.SortedFunc(maps.Values(rows), func(a, b cocalc.PurchaseRow) int { return cmp.Compare(a.ID, b.ID) })
	for _, row := range left {
		c.classifyUpkeep(row)
	}
	c.compareDoubles()
	c.compareSubscriptions()
}

// classifyUpkeep adds the result for a renewal, an edit or a refund that the log doesn't have.
func (c *comparer) classifyUpkeep(row cocalc.PurchaseRow) {
	license := c.licenseOf(row)
	switch since := c.view.upkeep.followed; {
	case license == "":
		c.result.OtherUpkeep++
	case since.IsZero() || row.Time.After(since.Add(-followDelay)) || row.Time.After(c.view.readAt.Add(-followDelay)):
		c.note(purchase.NotedNotFollowed, "purchase", purchase.ArgSomeID(row.ID), "at", purchase.ArgTime(row.Time), "license",
			license, "amount", purchase.ArgCents(row.Cost))
	default:
		c.wrong("license "+license, purchase.FoundUpkeepNotLogged, row.ID, purchase.ArgTime(row.Time), license,
			int64(row.Cost))
	}
}

// licenseOf returns the license that a row is about, if the ledger bought it; "" otherwise.
func (c *comparer) licenseOf(row cocalc.PurchaseRow) string {
	if row.LicenseID != "" {
		if c.view.licenses[row.LicenseID] == "" {
			return ""
		}
		return row.LicenseID
	}
	if row.RefundOf == 0 {
		return ""
	}
	for _, entries := range [][]entry{c.view.entries, c.view.upkeep.entries} {
		for _, e := range entries {
			if e.row == row.RefundOf {
				return e.license
			}
		}
	}
	for _, other := range c.account.Upkeep { // that the log doesn't have yet
		if other.ID == row.RefundOf && c.view.licenses[other.LicenseID] != "" {
			return other.LicenseID
		}
	}
	return ""
}

// compareDoubles notes the charges of the ledger's licenses that had no effect of their own, as the account's rows show
// them.
func (c *comparer) compareDoubles() {
	rows := slices.Clone(c.account.Upkeep)
	slices.SortFunc(rows, func(a, b cocalc.PurchaseRow) int { return cmp.Compare(a.ID, b.ID) })
	licenses := map[string]purchase.OwnedLicense{}
	var ids []string
	for _, row := range rows {
		id := c.licenseOf(row)
		l, begun := licenses[id]
		if id == "" {
			continue
		}
		if !begun {
			l.ID = id
			ids = append(ids, id)
		}
		licenses[id], _, _ = l.Enter(row, purchase.Purchase{}, "")
	}
	for _, id := range ids {
		for _, d := range licenses[id].Doubles {
			state := "open"
			known := c.view.upkeep.owned[id].Doubles
			i := slices.IndexFunc(known, func(k purchase.DoubleCharge) bool { return k.Row == d.Row })
			switch {
			case !d.IsOpen():
				continue
			case i >= 0 && !known[i].Requested.IsZero():
				state = "requested"
			}
			c.note(purchase.NotedChargedTwice, "license", id, "purchase", purchase.ArgSomeID(d.Row), "other",
				purchase.ArgSomeID(d.With), "amount", purchase.ArgCents(d.Amount), "state", state)
		}
	}
}

// compareSubscriptions notes the subscriptions of the ledger's licenses that changed since the bot last looked.
func (c *comparer) compareSubscriptions() {
	for _, s := range c.account.Subscriptions {
		l, known := c.view.upkeep.owned[s.LicenseID]
		if !known || l.Subscription == nil || l.Subscription.ID != s.ID {
			continue
		}
		if after, _ := l.Subscribe(s); *after.Subscription != *l.Subscription {
			c.note(purchase.NotedSubscription, "license", l.ID, "was", subscriptionArg(*l.Subscription), "is",
				subscriptionArg(*after.Subscription))
		}
	}
}

// subscriptionArg describes a subscription in an argument.
func subscriptionArg(s purchase.OwnedSubscription) string {
	return fmt.Sprintf("%s, %s a %s, paid to %s", s.Status, s.Cost, s.Interval, s.PaidTo.UTC().Format(time.DateOnly))
}
