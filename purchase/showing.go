package purchase

import (
	"context"
	"fmt"
	"slices"
	"time"

	"licensebot/cocalc"
)

// Evidence is what CoCalc shows of an order at one moment: for people who want to see for themselves, and for admins
// who have to settle it.
type Evidence struct {
	At    time.Time
	Lines []string // sentences for everyone who may see the order, in the order in which they were asked for
	// Account is the CoCalc account that the key belongs to: for admins alone. It is empty where CoCalc did not say.
	Account string
	// Complete: everything could be read, and the key was proven with it. Nothing found is only then worth something.
	Complete bool
}

// Evidence asks CoCalc for everything that could show a purchase of the order: its cart item, the purchases of that item,
// licenses with its tag, and whose key this is. It only reads.
func (d *Desk) Evidence(ctx context.Context, o Order) Evidence {
	e := Evidence{At: d.now(), Complete: true}
	if o.NeverAdded() {
		e.say("This order was never sent to CoCalc.")
		return e
	}
	d.showItem(ctx, o, &e)
	d.showPurchases(ctx, o, &e)
	licenses, err := d.shop.Licenses(ctx)
	if e.could(err, "the licenses") {
		n := 0
		for _, l := range licenses {
			if id, ok := tagged(l.Description); !ok || id != o.ID {
				continue
			}
			n++
			switch {
			case !d.couldBe(o, l.Created):
				e.say("License `%s` has the order's tag but is older than the order's item, so someone else added the tag.", l.ID)
			case !gives(o.Sent, l):
				e.say("License `%s` has the order's tag but doesn't match what was ordered.", l.ID)
			default:
				e.say("License `%s` has the order's tag.", l.ID)
			}
		}
		switch {
		case len(licenses) == 0:
			e.say("The account has no licenses.")
		case n == 0:
			e.say("None of the account's %s has the order's tag.", units("license")(len(licenses)))
		}
	}
	account, err := d.shop.WhoAmI(ctx)
	if e.could(err, "the account") {
		e.Account = account.ID
	}
	if !e.Complete {
		e.say("I couldn't read everything, so a purchase that isn't listed here may still exist.")
	}
	return e
}

// Sentences are what a person reads of it: admins also read to which account the key belongs, with which all of it was
// read.
func (e Evidence) Sentences(admin bool) []string {
	if !admin || e.Account == "" {
		return e.Lines
	}
	return append(slices.Clone(e.Lines), fmt.Sprintf("CoCalc accepts the API key: it belongs to account `%s`.", e.Account))
}

func (e *Evidence) say(format string, args ...any) {
	e.Lines = append(e.Lines, fmt.Sprintf(format, args...))
}

// could notes what could not be read.
func (e *Evidence) could(err error, what string) bool {
	if err != nil {
		e.Complete = false
		e.say("I couldn't read %s right now.", what)
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
		e.say("Cart item %d was deleted. That doesn't tell whether it was bought.", o.ItemID)
	case !e.could(err, "the cart"):
	case !found:
		e.say("No cart item, bought or not, has the order's tag.")
	case item.Purchased != nil:
		e.say("Cart item %d was bought on %s: license `%s`.", item.ID, d.policy.moment(item.Purchased.Time), item.Purchased.LicenseID)
	case !item.Removed.IsZero():
		e.say("Cart item %d was removed from the cart on %s and isn't marked as bought. A checkout may still be in progress.",
			item.ID, d.policy.moment(item.Removed))
	default:
		e.say("Cart item %d is in the cart and isn't marked as bought.", item.ID)
	}
}

func (d *Desk) showPurchases(ctx context.Context, o Order, e *Evidence) {
	store, err := d.shop.Store(ctx)
	if err == nil && store == cocalc.StoreOlder {
		e.say("This CoCalc server has no list of purchases.")
		return
	}
	var rows []cocalc.PurchaseRow
	if err == nil {
		rows, err = Sold(ctx, d.shop, d.soldFrom(o))
	}
	if !e.could(err, "the purchases") {
		return
	}
	n := 0
	for _, row := range rows {
		id, isTagged := tagged(row.Text)
		if (isTagged && id == o.ID) || (o.ItemID != 0 && row.CartItemID == o.ItemID && o.own(row.Text, row.Time)) {
			n++
			e.say("CoCalc purchase %d on %s: license `%s` for %s.", row.ID, d.policy.moment(row.Time), row.LicenseID, row.Cost)
		}
	}
	switch {
	case len(rows) == 0:
		e.say("The account has no purchases since the order was created.")
	case n == 0:
		e.say("None of the account's %s since the order was created is for it.", units("purchase")(len(rows)))
	}
}
