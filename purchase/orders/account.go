package orders

import (
	"context"
	"fmt"
	"slices"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Account is what people ask of the CoCalc account itself. Each method waits for CoCalc, so none is called before a
// click is acknowledged. If CoCalc refuses the key, the admins are notified, once as long as that lasts.
type Account struct{ svc *Service }

// NewAccount returns the account of a service's shop.
func NewAccount(svc *Service) *Account { return &Account{svc} }

// Licenses reads all licenses of the account. An empty answer can be trusted: the key was proven with it.
func (a *Account) Licenses(ctx context.Context) ([]purchase.LicenseEntry, error) {
	licenses, err := a.svc.shop.Licenses(ctx)
	if err != nil {
		return nil, a.failed(ctx, fmt.Errorf("list the licenses: %w", err))
	}
	entries := make([]purchase.LicenseEntry, 0, len(licenses))
	err = a.svc.ledger.View(ctx, func(r purchase.Reader) error {
		entries = entries[:0]
		for _, l := range licenses {
			p, err := purchaseOf(r, l.ID)
			if err != nil {
				return err
			}
			entries = append(entries, purchase.LicenseEntry{License: l, Purchase: p})
		}
		return nil
	})
	return entries, err
}

// License reads one license of the account.
func (a *Account) License(ctx context.Context, id string) (purchase.LicenseEntry, error) {
	l, err := a.svc.shop.License(ctx, id)
	if err != nil {
		return purchase.LicenseEntry{}, a.failed(ctx, fmt.Errorf("read license %s: %w", purchase.ShortID(id), err))
	}
	var p *purchase.Purchase
	err = a.svc.ledger.View(ctx, func(r purchase.Reader) error {
		p, err = purchaseOf(r, id)
		return err
	})
	return purchase.LicenseEntry{License: l, Purchase: p}, err
}

// purchaseOf returns the log entry of a license; nil if it was not bought through this ledger.
func purchaseOf(r purchase.Reader, licenseID string) (*purchase.Purchase, error) {
	p, ok, err := r.PurchaseOf(licenseID)
	if err != nil || !ok {
		return nil, err
	}
	return &p, nil
}

// Similar reads the account's licenses that are active now and give each project what an order would give. The
// approvers' card is shown without them if they can't be read, so no one is notified then.
func (a *Account) Similar(ctx context.Context, spec purchase.Spec) ([]purchase.License, error) {
	licenses, err := a.svc.shop.Licenses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the licenses: %w", err)
	}
	now := a.svc.now()
	return slices.DeleteFunc(licenses, func(l purchase.License) bool { return !activeAt(l, now) || !like(l, spec) }), nil
}

func activeAt(l purchase.License, now time.Time) bool {
	return !l.Activates.After(now) && (l.Expires.IsZero() || l.Expires.After(now))
}

// like reports whether a license gives each project what an order would give.
func like(l purchase.License, spec purchase.Spec) bool {
	q := l.Quota
	return q.RAM == float64(spec.RAM) && q.CPU == float64(spec.CPU) && q.Member == spec.Member &&
		cocalc.Uptime(q.Uptime) == spec.Uptime
}

// Renewals adds up the account's active subscriptions. A server of the older kind has no list of them (NotSoldHere).
func (a *Account) Renewals(ctx context.Context) (sum purchase.Renewals, err error) {
	subscriptions, err := a.svc.shop.Subscriptions(ctx)
	if err != nil {
		return sum, a.failed(ctx, fmt.Errorf("list the subscriptions: %w", err))
	}
	now := a.svc.now()
	month := a.svc.policy.Month(now)
	for _, s := range subscriptions {
		if s.Status != "active" {
			continue
		}
		sum.Active++
		if s.Interval == "year" {
			sum.Yearly += s.Cost
		} else {
			sum.Monthly += s.Cost
		}
		if !s.CurrentPeriodEnd.After(now) {
			continue
		}
		if a.svc.policy.Month(s.CurrentPeriodEnd) == month {
			sum.DueThisMonth += s.Cost
		}
		if sum.Next.IsZero() || s.CurrentPeriodEnd.Before(sum.Next) {
			sum.Next = s.CurrentPeriodEnd
		}
	}
	return sum, nil
}

// RemoveItem removes a broken item from the cart for an admin, and returns what was done. Only an item that blocks the
// cart is removed. A [*purchase.Refusal] says why not; it is recorded.
func (a *Account) RemoveItem(ctx context.Context, action purchase.Action, id int64) (purchase.Cause, error) {
	svc := a.svc
	if no := svc.policy.MayAdminister(action.Actor); no != nil {
		return purchase.Cause{}, svc.refuse(ctx, no, "", action.Actor, action.Channel)
	}
	item, err := svc.shop.CartItem(ctx, id)
	switch {
	case err == nil && item.Purchased != nil:
		return purchase.NewCause(purchase.ItemBought, "item", purchase.ArgSomeID(id)), nil
	case purchase.KindOf(err) == cocalc.NotFound, err == nil && !item.Removed.IsZero():
		return purchase.NewCause(purchase.ItemGone, "item", purchase.ArgSomeID(id)), nil
	case err != nil:
		return purchase.Cause{}, a.failed(ctx, fmt.Errorf("read item %d: %w", id, err))
	}
	if now := svc.now(); !item.BreaksCart(now) && item.Problem(now) == "" {
		return purchase.Cause{}, svc.refuse(ctx, purchase.NewRefusal(purchase.NotBroken, "item", purchase.ArgSomeID(id)), "",
			action.Actor, action.Channel)
	}
	// The record comes first: it says who decided this even if CoCalc's answer is lost.
	err = svc.ledger.Update(ctx, func(w purchase.Writer) error {
		return w.AppendEvent(purchase.Event{
			Time: svc.now(), Kind: "item-taken-out", By: action.Actor.ID, Place: action.Channel.ID,
			Cause: purchase.ItemCause(purchase.CartItem, item),
		})
	})
	if err != nil {
		return purchase.Cause{}, fmt.Errorf("record the removal of item %d: %w", id, err)
	}
	if _, err := svc.shop.RemoveFromCart(ctx, id); err != nil {
		return purchase.Cause{}, a.failed(ctx, fmt.Errorf("remove item %d from the cart: %w", id, err))
	}
	register.Nudge(svc.reg.Wake)
	return purchase.NewCause(purchase.ItemTakenOut, "item", purchase.ArgSomeID(id), "cart", svc.rules.Site.Cart()), nil
}

// failed returns the error of a request, and notifies the admins if it is a refused key.
func (a *Account) failed(ctx context.Context, err error) error {
	a.svc.reportRefusedKey(ctx, err)
	return err
}

// reportRefusedKey notifies the admins of a key that CoCalc doesn't accept, once as long as that lasts.
func (svc *Service) reportRefusedKey(ctx context.Context, err error) {
	e := purchase.AsCoCalc(err)
	if e == nil || e.Kind != cocalc.NotSignedIn {
		return
	}
	err = svc.reg.ReportTrouble(context.WithoutCancel(ctx), purchase.Order{}, purchase.FailKey,
		purchase.TroubleFor(e, svc.keyName, svc.rules.Site))
	if err != nil {
		svc.log.Error().Err(err).Msg("fail to notify the admins of a refused key")
	}
}
