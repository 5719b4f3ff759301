package simulation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
)

// compare compares the ledger with the account, as bot verify --online does, at the quiet end.
func (w *world) compare() {
	l := w.current()
	if l == nil || w.plan.Older {
		return
	}
	ctx := context.Background()
	var view *reconcile.LedgerView
	err := l.ledger.View(ctx, func(r purchase.Reader) (err error) {
		view, err = reconcile.ReadLedgerView(r, time.Now())
		return err
	})
	if err != nil {
		w.wrong("the ledger cannot be compared: %v", err)
		return
	}
	client, err := cocalc.New(cocalc.Options{
		BaseURL: "http://cocalc.test", Key: w.account.Key(), Transport: w.server.Transport(),
	})
	if err != nil {
		w.wrong("there is no client: %v", err)
		return
	}
	defer client.Close()
	sold, err := reconcile.ReadAccount(ctx, client)
	if err != nil {
		w.wrong("the account cannot be read: %v", err)
		return
	}
	w.rows = sold.Upkeep
	got := view.Compare(sold)
	for _, f := range got.Wrong {
		w.wrong("ledger and account contradict each other: %s", f)
	}
	for _, note := range got.Notes {
		if note.Code == purchase.NotedNotFollowed || note.Code == purchase.NotedSubscription {
			w.wrong("the ledger does not follow the account: %s", note)
		}
	}
	w.noted = got.Notes
}

// licenses are the licenses that the log says were bought.
func (b books) licenses() map[string]bool {
	ours := map[string]bool{}
	for _, p := range b.purchases {
		if !p.Kind.IsUpkeep() && p.LicenseID != "" {
			ours[p.LicenseID] = true
		}
	}
	return ours
}

// checkUpkeep checks that each renewal, edit and refund of a license of the ledger is in the log once, with its amount,
// that those of other licenses are not, and that all that was spent is what the account paid for the ledger's licenses.
func (w *world) checkUpkeep(b books) {
	if w.plan.Older { // which tells no charges
		return
	}
	ours := b.licenses()
	entries := map[int64][]purchase.Purchase{}
	for _, p := range b.purchases {
		if p.Kind.IsUpkeep() {
			entries[p.PurchaseID] = append(entries[p.PurchaseID], p)
		}
	}
	var paid int64
	for _, row := range w.account.Purchases() {
		if !ours[row.LicenseID] {
			continue
		}
		paid += row.Cents
		if row.Service == cocalc.ServiceLicense {
			continue
		}
		of := entries[row.ID]
		delete(entries, row.ID)
		switch {
		case len(of) != 1:
			w.wrong("purchase %d (%s, %s, license %s) is in the log %d times", row.ID, row.Service, dollars(row.Cents),
				row.LicenseID, len(of))
			continue
		case int64(of[0].Charged) != row.Cents || of[0].LicenseID != row.LicenseID ||
			(of[0].Kind == purchase.EntryRefund) != (row.Service == cocalc.ServiceRefund) || !of[0].Time.Equal(row.Time):
			w.wrong("purchase %+v is in the log as %+v", row, of[0])
		}
		w.summary.Upkeep++
	}
	for id := range entries {
		w.wrong("the log has purchase %d, which is of none of the ledger's licenses: %+v", id, entries[id])
	}
	var spent purchase.Cents
	for _, budget := range b.budgets {
		spent += budget.Spent
	}
	if int64(spent) != paid {
		w.wrong("the months have spent %s, and the account paid %s for the ledger's licenses", spent, dollars(paid))
	}
	w.checkDoubles(b, ours)
}

// pair is two purchases of which only one had an effect: the later and the earlier.
type pair struct{ row, with int64 }

// pairs returns the pairs of charges for the ledger's licenses of which only one had an effect.
func (w *world) pairs(ours map[string]bool) (found []pair) {
	byLicense := map[string][]cocalc.PurchaseRow{}
	for _, row := range w.rows {
		if row.Change != nil && ours[row.LicenseID] {
			byLicense[row.LicenseID] = append(byLicense[row.LicenseID], row)
		}
	}
	for _, rows := range byLicense {
		slices.SortFunc(rows, func(a, b cocalc.PurchaseRow) int { return cmp.Compare(a.ID, b.ID) })
		for i := 1; i < len(rows); i++ {
			c := rows[i].Change
			if c.Before.Same(rows[i-1].Change.After) || c.Before.Same(c.After) {
				continue
			}
			for j := i - 1; j >= 0; j-- {
				if other := rows[j].Change; other.Before.Same(c.Before) {
					if rows[i].Cost > 0 || !other.After.Same(c.After) {
						found = append(found, pair{rows[i].ID, rows[j].ID})
					}
					break
				}
			}
		}
	}
	return found
}

// stillOpen returns how many pairs are open after the refunds. Each refund of one of several charges at once closes one
// pair.
func (w *world) stillOpen(pairs []pair) (n int) {
	group := map[int64]int64{}
	for _, p := range slices.SortedFunc(slices.Values(pairs), func(a, b pair) int { return cmp.Compare(a.row, b.row) }) {
		group[p.row] = cmp.Or(group[p.with], p.with)
		group[p.with] = group[p.row]
	}
	open := map[int64]int{}
	for _, p := range pairs {
		open[group[p.row]]++
	}
	for _, row := range w.rows {
		if g := group[row.RefundOf]; g != 0 && open[g] > 0 {
			open[g]--
		}
	}
	for _, left := range open {
		n += left
	}
	return n
}

// checkDoubles checks that each pair of charges with one effect is announced once, and noted by a comparison until one
// of them is refunded.
func (w *world) checkDoubles(b books, ours map[string]bool) {
	announced := map[pair]int{}
	for _, e := range b.events {
		if e.Kind == string(purchase.NotificationChargedTwice) {
			var p pair
			_, err := fmt.Sscan(e.Cause.Args["purchase"]+" "+e.Cause.Args["other"], &p.row, &p.with)
			if err != nil {
				w.wrong("a double charge without its purchases: %s", e.Cause)
			}
			announced[p]++
			if !w.toldOfDouble(e) {
				w.wrong("%s was not told of the double charge %+v", admin, p)
			}
		}
	}
	open := 0
	for _, note := range w.noted {
		if note.Code == purchase.NotedChargedTwice {
			open++
		}
	}
	pairs := w.pairs(ours)
	if want := w.stillOpen(pairs); open != want {
		w.wrong("%d double charges are noted as open, and %d of %d are", open, want, len(pairs))
	}
	for _, p := range pairs {
		if announced[p] != 1 {
			w.wrong("the double charge %+v was announced %d times", p, announced[p])
		}
		delete(announced, p)
		w.summary.ChargedTwice++
	}
	for p := range announced {
		w.wrong("the double charge %+v was announced, and is none", p)
	}
}

// toldOfDouble reports whether the admin has read of a double charge, or Slack has refused messages. If Slack didn't
// confirm who the admin is, the message has no details.
func (w *world) toldOfDouble(e purchase.Event) bool {
	return w.slack.told(admin, "twice", e.Cause.Args["purchase"], e.Cause.Args["other"]) ||
		w.slack.told(admin, "CoCalc charged twice", "the details are missing here") || w.refused(e.Time)
}

// told reports whether a person has read a message with these words.
func (s *workspace) told(who string, words ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.messages, func(m *message) bool {
		lacks := func(word string) bool { return !strings.Contains(m.text, word) }
		return m.reader == who && !slices.ContainsFunc(words, lacks)
	})
}
