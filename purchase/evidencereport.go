package purchase

import (
	"context"
	"slices"
	"strconv"
	"time"

	"licensebot/cocalc"
)

// Evidence is what CoCalc shows of an order at one moment: for people who want to see for themselves, and for admins
// who have to settle it.
type Evidence struct {
	At    time.Time
	Lines []Cause // for everyone who may see the order, in the order in which they were asked for
	// Account is the CoCalc account that the key belongs to: for admins alone. It is empty where CoCalc did not say.
	Account string
	// Complete: everything could be read, and the key was proven with it. Nothing found is only then worth something.
	Complete bool
}

// Evidence asks CoCalc for everything that could show a purchase of the order: its cart item, the purchases of that
// item, licenses with its tag, and whose key this is. It only reads.
func (d *Desk) Evidence(ctx context.Context, o Order) Evidence {
	e := Evidence{At: d.now(), Complete: true}
	if o.NeverAdded() {
		e.say(ShowsNeverSent)
		return e
	}
	d.showItem(ctx, o, &e)
	d.showPurchases(ctx, o, &e)
	licenses, err := d.shop.Licenses(ctx)
	if e.could(err, "licenses") {
		n := 0
		for _, l := range licenses {
			if id, ok := tagged(l.Description); !ok || id != o.ID {
				continue
			}
			n++
			switch {
			case !d.couldBe(o, l.Created):
				e.say(ShowsTagged, "license", l.ID, "but", "older")
			case !gives(o.Sent, l):
				e.say(ShowsTagged, "license", l.ID, "but", "different")
			default:
				e.say(ShowsTagged, "license", l.ID)
			}
		}
		switch {
		case len(licenses) == 0:
			e.say(ShowsNoTagged)
		case n == 0:
			e.say(ShowsNoTagged, "licenses", strconv.Itoa(len(licenses)))
		}
	}
	account, err := d.shop.WhoAmI(ctx)
	if e.could(err, "account") {
		e.Account = account.ID
	}
	if !e.Complete {
		e.say(ShowsIncompletely)
	}
	return e
}

// What CoCalc shows of an order (Evidence).
const (
	ShowsNeverSent CauseCode = "never-sent" // the order was never sent to CoCalc
	// ShowsTagged has license, with the order's tag; but: "older" than its item, or "different".
	ShowsTagged       CauseCode = "tagged"
	ShowsNoTagged     CauseCode = "not-tagged" // licenses: how many there are without the tag
	ShowsUnread       CauseCode = "unread"     // what: could not be read
	ShowsIncompletely CauseCode = "incomplete" // what isn't shown may exist
	// ShowsItem has item, with state: "deleted", "bought" (at, license), "removed" (at), "in-cart"; no item: none was
	// found.
	ShowsItem CauseCode = "cart-item"
	// ShowsNoPurchases has rows, how many there are of other orders; older: the server has no list.
	ShowsNoPurchases CauseCode = "no-purchases"
	ShowsPurchase    CauseCode = "purchase-shown" // purchase, at, license, amount
	ShowsAccount     CauseCode = "key-account"    // account: the key's
)

// For returns what a person reads of the evidence: admins also read to which account the key belongs, with which all of
// it was read.
func (e Evidence) For(admin bool) []Cause {
	if !admin || e.Account == "" {
		return e.Lines
	}
	return append(slices.Clone(e.Lines), because(ShowsAccount, "account", e.Account))
}

func (e *Evidence) say(code CauseCode, pairs ...string) {
	e.Lines = append(e.Lines, because(code, pairs...))
}

// could notes what could not be read.
func (e *Evidence) could(err error, what string) bool {
	if err != nil {
		e.Complete = false
		e.say(ShowsUnread, "what", what)
	}
	return err == nil
}

func (d *Desk) showItem(ctx context.Context, o Order, e *Evidence) {
	var item cocalc.CartItem
	var err error
	found := true
	if o.ItemID != 0 {
		item, err = d.item(ctx, o)
	} else {
		item, found, err = d.find(ctx, o, cocalc.InCart, cocalc.Purchased, cocalc.Removed, cocalc.PurchasedAndRemoved)
	}
	switch {
	case kindOf(err) == cocalc.NotFound:
		e.say(ShowsItem, "item", someID(o.ItemID), "state", "deleted")
	case !e.could(err, "cart"):
	case !found:
		e.say(ShowsItem)
	case item.Purchased != nil:
		e.say(ShowsItem, "item", someID(item.ID), "state", "bought", "at", stamp(item.Purchased.Time), "license",
			item.Purchased.LicenseID)
	case !item.Removed.IsZero():
		e.say(ShowsItem, "item", someID(item.ID), "state", "removed", "at", stamp(item.Removed))
	default:
		e.say(ShowsItem, "item", someID(item.ID), "state", "in-cart")
	}
}

func (d *Desk) showPurchases(ctx context.Context, o Order, e *Evidence) {
	store, err := d.storeOf(ctx)
	if err == nil && !store.counts() {
		e.say(ShowsNoPurchases, "older", flag(true))
		return
	}
	var rows []cocalc.PurchaseRow
	if err == nil {
		rows, err = store.purchases(ctx, d.soldFrom(o))
	}
	if !e.could(err, "purchases") {
		return
	}
	n := 0
	for _, row := range rows {
		id, isTagged := tagged(row.Text)
		if (isTagged && id == o.ID) || (o.ItemID != 0 && row.CartItemID == o.ItemID && o.own(row.Text, row.Time)) {
			n++
			e.say(ShowsPurchase, "purchase", someID(row.ID), "at", stamp(row.Time), "license", row.LicenseID, "amount",
				cents(row.Cost))
		}
	}
	switch {
	case len(rows) == 0:
		e.say(ShowsNoPurchases)
	case n == 0:
		e.say(ShowsNoPurchases, "rows", strconv.Itoa(len(rows)))
	}
}
