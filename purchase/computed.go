package purchase

import (
	"context"
	"encoding/json"
	"time"

	"licensebot/cocalc"
)

// A server of the older kind tells no prices and no charges: what it charged is computed by the formula it sells by. That is what
// was announced, unless somebody edited the item between the last look and the moment in which CoCalc carried the checkout out.

// computedFor is what the order's item cost, as it was sold. What is sold cannot be edited any more.
func (b *buyer) computedFor(o Order, item cocalc.CartItem) Cents {
	if item.Purchased == nil || b.differs(o, item) == nil {
		return o.announced()
	}
	return computed(o, item.Description, item.Purchased.Time)
}

// computedOf is what a license of the order cost. A license tells what each project gets from it and for how many projects
// it is; the period and the dates are taken as they were sent.
func computedOf(o Order, l cocalc.License) Cents {
	var sent map[string]any
	if json.Unmarshal(o.Sent, &sent) != nil {
		return o.announced()
	}
	same := true
	for name, has := range map[string]any{
		"ram": l.Quota.RAM, "cpu": l.Quota.CPU, "disk": l.Quota.Disk, "member": l.Quota.Member,
		"user": l.Quota.User, "uptime": l.Quota.Uptime, "run_limit": float64(l.RunLimit),
	} {
		same = same && sent[name] == has
		sent[name] = has
	}
	description, err := json.Marshal(sent)
	if same || err != nil {
		return o.announced()
	}
	return computed(o, description, l.Created)
}

// computed is the price of a description at that moment; what was announced, where it has none.
func computed(o Order, description json.RawMessage, at time.Time) Cents {
	cost, err := cocalc.PriceDescription(begunAt(description, at), at)
	if err != nil {
		return o.announced()
	}
	return cost.LineItemAmount
}

// begunAt is the description with the start of a fixed term moved to then, if it had passed: so the cart moves it.
func begunAt(description json.RawMessage, at time.Time) json.RawMessage {
	var fields map[string]json.RawMessage
	var term []time.Time
	if json.Unmarshal(description, &fields) != nil || json.Unmarshal(fields["range"], &term) != nil || len(term) != 2 || !term[0].Before(at) {
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

// older says that the server is known to be of the older kind.
func (b *buyer) older(ctx context.Context) bool {
	store, err := b.shop.Store(ctx)
	return err == nil && store == cocalc.StoreOlder
}
