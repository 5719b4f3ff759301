package simulation

import (
	"slices"
	"strings"

	"licensebot/purchase"
	"licensebot/storage"
)

// checkEnd checks the invariants that hold after the quiet end.
func (w *world) checkEnd(b books) {
	w.checkBooks(b)
	w.checkSales(b)
	w.checkChain(b)
	w.checkOrders(b)
	w.checkAccount(b)
	w.checkUpkeep(b)
	w.checkCart()
	w.checkAnswers(b)
	w.checkDecisions(b)
	w.checkDoubts(b)
	for _, n := range b.account.Notifications {
		w.wrong("notice %s was not told to %v: %s", n.ID, n.Pending, n.Cause)
	}
}

// checkChain checks the hash chain of the audit records.
func (w *world) checkChain(b books) {
	prev := ""
	for i, e := range b.events {
		hash, err := storage.Hash(e)
		if err != nil || e.Number != uint64(i+1) || e.Prev != prev || e.Hash != hash {
			w.wrong("audit record %d does not follow the one before it", i+1)
			return
		}
		prev = e.Hash
	}
}

// checkOrders checks that each order ended, or is held with a reason, and that its requester has read how it ended.
func (w *world) checkOrders(b books) {
	for _, o := range b.orders {
		switch {
		case o.State == purchase.Unknown && (o.Unresolved == nil || o.Unresolved.Code == ""):
			w.wrong("order %s is held without a reason", o.ID)
		case o.State == purchase.Failed && (o.Failure == nil || o.Failure.Code == ""):
			w.wrong("order %s failed without a reason", o.ID)
		case o.State != purchase.Unknown && (!o.State.Final() || o.Open()):
			w.wrong("order %s is %s, hours after everything: wait %+v, parked %v, watched until %s", o.ID, o.State, o.Blocked,
				o.HeldItems, o.WatchUntil)
		}
		if who := o.Requester.Name; !slices.Contains(buyers, who) {
			w.wrong("order %s is %s's, who may not buy", o.ID, who)
		}
		if o.Stale() {
			w.wrong("order %s is not shown as it is: %+v", o.ID, o.Messages)
		}
		if o.Confirmed.IsZero() || o.ReplacedBy != "" {
			continue
		}
		words := map[purchase.State]string{
			purchase.Purchased: "Bought for", purchase.Failed: "Not bought", purchase.Cancelled: "Order cancelled",
			purchase.Denied: "Denied", purchase.Expired: "the request expired",
		}[o.State]
		if !o.ApproveBy.IsZero() && o.State == purchase.Cancelled {
			words = "Request withdrawn" // withdrawn from its approvers
		}
		if last := w.slack.latest(name(o.Requester.ID), o.ID); !strings.Contains(last, words) {
			w.wrong("order %s is %s, and the last that %s read about it is: %s", o.ID, o.State, o.Requester.Name, headline(last))
		}
		if label := w.agreed[o.ID]; label != "" && !strings.HasSuffix(strings.TrimSuffix(label, ")"), o.Price.String()) {
			w.wrong("order %s has the price %s, and its button said %q", o.ID, o.Price, label)
		}
	}
}

// checkAccount compares CoCalc's purchases with the ledger: each is in the log, or reported as not ours.
func (w *world) checkAccount(b books) {
	of := w.tags()
	logged, charged := map[string]purchase.Purchase{}, map[string]int64{}
	for _, p := range b.purchases {
		if p.Kind.IsUpkeep() {
			continue
		}
		if p.LicenseID == "" { // an admin said that it was bought; a correction names the license since
			if i := slices.IndexFunc(b.purchases, func(c purchase.Purchase) bool {
				return c.Order == p.Order && c.Correction
			}); i >= 0 {
				p.LicenseID = b.purchases[i].LicenseID
			}
		}
		charged[p.LicenseID] += int64(p.Charged)
		if _, known := logged[p.LicenseID]; !known {
			logged[p.LicenseID] = p
		}
	}
	theirs := w.bought
	perOrder := map[purchase.OrderID]int{}
	for _, row := range w.account.Purchases() {
		if row.Service != "license" || row.Cents <= 0 {
			continue
		}
		id := of[row.LicenseID]
		p, ours := logged[row.LicenseID]
		reported := slices.ContainsFunc(b.events, func(e purchase.Event) bool {
			return (e.Kind == string(purchase.NotificationForeign) || e.Kind == string(purchase.NotificationUnexplained)) &&
				e.Args["license"] == row.LicenseID
		})
		switch {
		case ours && reported:
			w.wrong("license %s is in the log and reported as not ours", row.LicenseID)
		case !ours && !reported && id == "" && w.plan.Older: // which has no list of what was bought on the account
		case !ours && !reported:
			w.wrong("license %s (order %q) was bought on the account for %s and is nowhere in the ledger", row.LicenseID, id,
				dollars(row.Cents))
		case ours && id != p.Order:
			w.wrong("license %s of order %q is logged for order %q", row.LicenseID, id, p.Order)
		case !ours && id != "":
			w.wrong("license %s of order %s is reported as not ours", row.LicenseID, id)
		case ours && w.plan.Older && row.Cents < charged[row.LicenseID] && charged[row.LicenseID] <= int64(p.Shown):
			// it tells no charge: a term that has begun costs less
		case ours && charged[row.LicenseID] != row.Cents:
			w.wrong("license %s cost %s, and the log says %s", row.LicenseID, dollars(row.Cents),
				dollars(charged[row.LicenseID]))
		}
		if id != "" {
			perOrder[id]++
		}
		if ours && !p.Duplicate && p.Charged > p.Shown && !happened(b.events, "overcharged", id) {
			w.wrong("order %s was shown for %s and charged %s, and no one was told", id, p.Shown, p.Charged)
		}
		if theirs[sale{row.Time.UnixMilli(), row.CartItemID}] == 0 && w.checkouts[id] > 0 && saidNo(b.events, id) {
			w.wrong("order %s was said to have failed, and then its own checkout bought it", id)
		}
		delete(logged, row.LicenseID)
	}
	for license, p := range logged {
		w.wrong("the log has license %s of order %s, which CoCalc did not sell", license, p.Order)
	}
	for id, n := range perOrder {
		incident := happened(b.events, "double-buy", id)
		if n > 1 && !incident {
			w.wrong("order %s was bought %d times, and no one noticed", id, n)
		}
		if n > 1 && incident {
			w.summary.DoubleBuys++
		}
	}
}

// saidNo reports whether the bot, and no admin, said that an order was not bought.
func saidNo(events []purchase.Event, id purchase.OrderID) bool {
	return !happened(events, "settled", id) && happened(events, string(purchase.Failed), id)
}

// happened reports whether the audit has such a record of an order.
func happened(events []purchase.Event, kind string, id purchase.OrderID) bool {
	return slices.ContainsFunc(events, func(e purchase.Event) bool { return e.Kind == kind && e.Order == id })
}

// checkCart checks that no item of the bot's is left in the cart, and that others' items are as they were.
func (w *world) checkCart() {
	for _, i := range w.account.Cart() {
		if !open(i) {
			continue
		}
		if strings.Contains(string(i.Description), "order 0") {
			w.wrong("item %d of the bot's is still in the cart", i.ID)
			continue
		}
		if want, known := w.left[i.ID]; known && want != i.Checked {
			w.wrong("item %d of another program: checked is %v, and it was left as %v", i.ID, i.Checked, want)
		}
	}
}

// checkAnswers checks that everyone who typed or clicked got an answer, or an error from Slack.
func (w *world) checkAnswers(b books) {
	replaced := map[purchase.OrderID]purchase.OrderID{}
	for _, o := range b.orders {
		replaced[o.ID] = o.ReplacedBy
	}
	for _, a := range w.slack.acts {
		switch {
		case a.handled.IsZero(), a.answers > 0, a.sorry, a.died:
			continue
		case a.attempts > 0 && (a.spoke || !a.silent):
			continue // Slack lost every answer that was tried
		case (a.approves() || a.denies()) && w.refused(a.handled):
			continue // the card that would show it could not be changed
		case w.slack.read(a, a.handled, a.order, replaced[a.order]):
			continue
		}
		w.wrong("%s's %q on order %s was never answered", a.who, a.what, a.order)
	}
}
