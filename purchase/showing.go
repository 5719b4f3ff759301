package purchase

import (
	"context"
	"fmt"
	"time"

	"licensebot/cocalc"
)

// Evidence is what CoCalc shows of an order at one moment: for people who want to see for themselves, and for admins
// who have to settle it.
type Evidence struct {
	At    time.Time
	Lines []string // sentences, in the order in which they were asked for
	// Complete: everything could be read, and the key was proven with it. Nothing found is only then worth something.
	Complete bool
}

// Evidence asks CoCalc for everything that could show a purchase of the order: its cart item, the purchases of that item,
// licenses with its tag, and whose key this is. It only reads.
func (d *Desk) Evidence(ctx context.Context, o Order) Evidence {
	e := Evidence{At: d.now(), Complete: true}
	if o.NeverAdded() {
		e.say("Nothing of this order was sent to CoCalc.")
		return e
	}
	d.showItem(ctx, o, &e)
	d.showPurchases(ctx, o, &e)
	licenses, err := d.shop.Licenses(ctx)
	if e.could(err, "The account's licenses") {
		n := 0
		for _, l := range licenses {
			if id, ok := tagged(l.Description); !ok || id != o.ID {
				continue
			}
			n++
			switch {
			case !d.couldBe(o, l.Created):
				e.say("License `%s` has the order's tag, but is older than the order's item: somebody wrote the tag there.", l.ID)
			case !gives(o.Sent, l):
				e.say("License `%s` has the order's tag, but gives something else than was ordered.", l.ID)
			default:
				e.say("License `%s` has the order's tag.", l.ID)
			}
		}
		if n == 0 {
			e.say("None of the account's %d licenses has the order's tag.", len(licenses))
		}
	}
	account, err := d.shop.WhoAmI(ctx)
	if e.could(err, "Whose the key is") {
		e.say("CoCalc knew the key meanwhile: it belongs to account `%s`.", account.ID)
	}
	if !e.Complete {
		e.say("Not everything could be read, so what is not here proves nothing.")
	}
	return e
}

func (e *Evidence) say(format string, args ...any) {
	e.Lines = append(e.Lines, fmt.Sprintf(format, args...))
}

// could notes what could not be read.
func (e *Evidence) could(err error, what string) bool {
	if err != nil {
		e.Complete = false
		e.say("%s could not be read now.", what)
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
		e.say("Cart item %d is not there any more: somebody deleted it, which does not prove that it was not bought.", o.ItemID)
	case !e.could(err, "The cart"):
	case !found:
		e.say("No item of the cart, bought or not, has the order's tag.")
	case item.Purchased != nil:
		e.say("Cart item %d was bought on %s: license `%s`.", item.ID, d.policy.moment(item.Purchased.Time), item.Purchased.LicenseID)
	case !item.Removed.IsZero():
		e.say("Cart item %d was taken out of the cart on %s and does not show as bought, which proves nothing while a checkout may still be at work.",
			item.ID, d.policy.moment(item.Removed))
	default:
		e.say("Cart item %d is in the cart and does not show as bought.", item.ID)
	}
}

func (d *Desk) showPurchases(ctx context.Context, o Order, e *Evidence) {
	store, err := d.shop.Store(ctx)
	if err == nil && store == cocalc.StoreOlder {
		e.say("This CoCalc has no list of purchases.")
		return
	}
	var rows []cocalc.PurchaseRow
	if err == nil {
		rows, err = Sold(ctx, d.shop, d.soldFrom(o))
	}
	if !e.could(err, "The account's purchases") {
		return
	}
	n := 0
	for _, row := range rows {
		id, isTagged := tagged(row.Text)
		if (isTagged && id == o.ID) || (o.ItemID != 0 && row.CartItemID == o.ItemID && o.own(row.Text, row.Time)) {
			n++
			e.say("Purchase %d of %s: license `%s` for %s.", row.ID, d.policy.moment(row.Time), row.LicenseID, row.Cost)
		}
	}
	if n == 0 {
		e.say("None of the account's %d purchases since then is the order's.", len(rows))
	}
}
