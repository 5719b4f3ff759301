package reconcile

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// An older server reports no prices and no charges, so the charge is computed by the formula that it sells by. It
// equals the announced price, unless a person edited the item between the last look and the moment in which CoCalc read
// it for the checkout.

// MaxCostAttempts is how often the license of an edited item is read before the price is computed from the item alone.
const MaxCostAttempts = 10

// charged returns what the order's item cost when it was sold. A sold item can't be edited, but a person can edit it
// after a checkout has read it and before it is sold: the license shows which of the two was sold. If the license is
// not listed, the cost is the item's; so it is beside an error, which says that the licenses could not be read.
func (s olderStore) charged(ctx context.Context, o purchase.Order, item cocalc.CartItem) (purchase.Cents, error) {
	if item.Purchased == nil || differs(o, item, s.now()) == nil {
		return o.AnnouncedPrice(), nil
	}
	licenses, err := s.shop.Licenses(ctx)
	i := slices.IndexFunc(licenses, func(l cocalc.License) bool { return l.ID == item.Purchased.LicenseID })
	switch {
	case err != nil || i < 0:
		return priceAt(o, item.Description, item.Purchased.Time), err
	case !matches(item.Description, licenses[i]):
		return priceOf(o, licenses[i]), nil
	default: // the license is made when the item is read, minutes before it is sold
		return priceAt(o, item.Description, licenses[i].Created), nil
	}
}

// priceOf returns what a license of the order cost. A license shows what each project gets and for how many projects it
// is; the period and the dates are those that were sent.
func priceOf(o purchase.Order, l cocalc.License) purchase.Cents {
	if matches(o.Sent, l) {
		return o.AnnouncedPrice()
	}
	var sent map[string]any
	if json.Unmarshal(o.Sent, &sent) != nil {
		return o.AnnouncedPrice()
	}
	maps.Copy(sent, fields(l))
	description, err := json.Marshal(sent)
	if err != nil {
		return o.AnnouncedPrice()
	}
	return priceAt(o, description, l.Created)
}

// fields returns what a license gives, under the names of a description.
func fields(l cocalc.License) map[string]any {
	return map[string]any{
		"ram": l.Quota.RAM, "cpu": l.Quota.CPU, "disk": l.Quota.Disk, "member": l.Quota.Member,
		"user": l.Quota.User, "uptime": l.Quota.Uptime, "run_limit": float64(l.RunLimit),
	}
}

// matches reports whether a license gives what the description asks for.
func matches(description json.RawMessage, l cocalc.License) bool {
	var asked map[string]any
	if json.Unmarshal(description, &asked) != nil {
		return false
	}
	for name, has := range fields(l) {
		if asked[name] != has {
			return false
		}
	}
	return true
}

// priceAt is the price of a description at that moment; what was announced, where it has none.
func priceAt(o purchase.Order, description json.RawMessage, at time.Time) purchase.Cents {
	cost, err := cocalc.PriceDescription(clampStartAt(description, at), at)
	if err != nil {
		return o.AnnouncedPrice()
	}
	return cost.LineItemAmount
}

// clampStartAt is the description with the start of a fixed term moved to then, if it had passed: so the cart moves it.
func clampStartAt(description json.RawMessage, at time.Time) json.RawMessage {
	var fields map[string]json.RawMessage
	var term []time.Time
	if json.Unmarshal(description, &fields) != nil || json.Unmarshal(fields["range"], &term) != nil || len(term) != 2 ||
		!term[0].Before(at) {
		return description
	}
	term[0] = at
	moved, err := json.Marshal(term)
	if err != nil {
		return description
	}
	fields["range"] = moved
	out, err := json.Marshal(fields)
	if err != nil {
		return description
	}
	return out
}
