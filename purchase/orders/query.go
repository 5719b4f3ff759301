package orders

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// View is an order as a card shows it.
type View struct {
	Order purchase.Order
	Ahead int // orders that are bought before this one, if it is approved
	// Allowance is of the price that a click would confirm; zero if the card has no such button.
	Allowance
}

// View reads an order with what its card says beside it, in one transaction. The error wraps [purchase.ErrNoOrder] if
// there is none with that id.
func (svc *Service) View(ctx context.Context, id purchase.OrderID) (v View, err error) {
	now := svc.now()
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		v = View{}
		var err error
		if v.Order, err = r.Order(id); err != nil {
			return err
		}
		if v.Ahead, err = ahead(r, v.Order); err != nil {
			return err
		}
		priced := v.Order
		if f := priced.Failure; f != nil && f.Code == purchase.FailPriceMoved {
			priced.Price = f.NewPrice
		} else if priced.State != purchase.Proposed {
			return nil
		}
		v.Allowance, err = svc.readAllowance(r, priced, now)
		return err
	})
	return v, err
}

// ahead counts the orders that are bought before an approved one.
func ahead(r purchase.Reader, o purchase.Order) (n int, err error) {
	if o.State != purchase.Approved {
		return 0, nil
	}
	queue, err := r.Queue()
	for _, other := range queue {
		if other.State.UnderWay() || (other.State == purchase.Approved && other.Confirmed.Before(o.Confirmed)) {
			n++
		}
	}
	return n, err
}

// Queue lists the orders that wait, and what keeps orders from being bought.
type Queue struct {
	Stoppage purchase.Stoppage // zero if orders are bought
	Waiting  []purchase.Order  // for an approval, oldest first
}

// Queue reads which orders wait for an approval, and what keeps orders from being bought.
func (svc *Service) Queue(ctx context.Context) (q Queue, err error) {
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil {
			return err
		}
		q = Queue{Stoppage: purchase.Stoppage{Pause: account.Pause, Restored: account.Restored}}
		entries, err := r.Queue()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.State != purchase.AwaitingApproval && entry.State != purchase.Unknown {
				continue
			}
			o, err := r.Order(entry.ID)
			if err != nil {
				return err
			}
			if entry.State == purchase.Unknown {
				q.Stoppage.Held = append(q.Stoppage.Held, o)
			} else {
				q.Waiting = append(q.Waiting, o)
			}
		}
		return nil
	})
	return q, err
}

// History is one page of the purchase log with what the months have cost.
type History struct {
	Total     int                 // entries of the whole log
	Purchases []purchase.Purchase // newest first
	Page      int                 // from 1: the requested page, or the last one
	Pages     int                 // at least 1
	More      bool                // there are older ones
	Months    []purchase.Budget   // newest first: the months on the page, and the present one
	Limit     purchase.Limit      // per month
	Now       string              // the present month
}

// History reads a page of the purchase log. Pages count from 1; a page beyond the last returns the last. Of other pages
// it reads only the newest entry, since the log grows forever and everyone may ask. With a size of 0 it returns no
// entries, and says how many there are.
func (svc *Service) History(ctx context.Context, page, size int) (History, error) {
	h := History{Limit: svc.policy.MonthlyBudget, Now: svc.policy.Month(svc.now())}
	err := svc.ledger.View(ctx, func(r purchase.Reader) error {
		newest, err := r.Purchases(0, 1)
		if err != nil {
			return err
		}
		account, err := r.Account()
		if err != nil {
			return err
		}
		h.Total = 0
		if len(newest) > 0 {
			h.Total = int(newest[0].Number) // entries are numbered without gaps
		}
		h.Pages = 1
		if size > 0 {
			h.Pages = max(1, (h.Total+size-1)/size)
		}
		h.Page = max(1, min(page, h.Pages))
		h.More = h.Page < h.Pages
		h.Purchases, h.Months = nil, nil
		if h.Total > 0 && size > 0 {
			if h.Purchases, err = r.Purchases(uint64(h.Total-(h.Page-1)*size+1), size); err != nil {
				return err
			}
		}
		seen := map[string]bool{}
		add := func(month string) error {
			if seen[month] {
				return nil
			}
			seen[month] = true
			budget, err := r.Budget(month)
			budget.Month = month
			if month == h.Now {
				budget = account.WithDue(budget)
			}
			h.Months = append(h.Months, budget)
			return err
		}
		if err := add(h.Now); err != nil {
			return err
		}
		for _, p := range h.Purchases {
			if err := add(p.Month); err != nil {
				return err
			}
		}
		return nil
	})
	return h, err
}

// Account is what people ask of the CoCalc account itself. Each method waits for CoCalc, so none is called before a
// click is acknowledged. If CoCalc refuses the key, the admins are notified, once as long as that lasts.
type Account struct{ svc *Service }

// NewAccount returns the account of a service's shop.
func NewAccount(svc *Service) *Account { return &Account{svc} }

// Licenses reads all licenses of the account, with their subscriptions. An empty answer can be trusted: the key was
// proven with it.
func (a *Account) Licenses(ctx context.Context) ([]purchase.LicenseEntry, error) {
	var licenses []purchase.License
	var subscriptions map[string]*purchase.Subscription
	var read errgroup.Group
	read.Go(func() (err error) {
		licenses, err = a.svc.shop.Licenses(ctx)
		return err
	})
	read.Go(func() error {
		subscriptions = a.subscriptions(ctx)
		return nil
	})
	if err := read.Wait(); err != nil {
		return nil, a.failed(ctx, fmt.Errorf("list the licenses: %w", err))
	}
	entries := make([]purchase.LicenseEntry, 0, len(licenses))
	err := a.svc.ledger.View(ctx, func(r purchase.Reader) error {
		entries = entries[:0]
		for _, l := range licenses {
			entry, err := entryOf(r, l, subscriptions)
			if err != nil {
				return err
			}
			entries = append(entries, entry)
		}
		return nil
	})
	return entries, err
}

// subscriptions reads the account's subscriptions, by license. It returns nil if they can't be read: licenses are shown
// without them then. An older server has none.
func (a *Account) subscriptions(ctx context.Context) map[string]*purchase.Subscription {
	all, err := a.svc.shop.Subscriptions(ctx)
	if err != nil && purchase.KindOf(err) != cocalc.NotSoldHere {
		a.svc.log.Debug().Err(err).Msg("show licenses without their subscriptions")
		return nil
	}
	subscriptions := make(map[string]*purchase.Subscription, len(all))
	for i := range all {
		if s := &all[i]; subscriptions[s.LicenseID] == nil { // the newest
			subscriptions[s.LicenseID] = s
		}
	}
	return subscriptions
}

// entryOf returns a license with what the ledger and CoCalc's list of subscriptions say of it.
func entryOf(r purchase.Reader, l purchase.License, subscriptions map[string]*purchase.Subscription,
) (entry purchase.LicenseEntry, err error) {
	entry = purchase.LicenseEntry{License: l, Subscription: subscriptions[l.ID], Unread: subscriptions == nil}
	if entry.Purchase, err = purchaseOf(r, l.ID); err != nil || entry.Purchase == nil {
		return entry, err
	}
	owned, known, err := r.Owned(l.ID)
	if known {
		entry.Owned = &owned
	}
	return entry, err
}

// License reads one license of the account.
func (a *Account) License(ctx context.Context, id string) (purchase.LicenseEntry, error) {
	l, err := a.svc.shop.License(ctx, id)
	if err != nil {
		return purchase.LicenseEntry{}, a.failed(ctx, fmt.Errorf("read license %s: %w", purchase.ShortID(id), err))
	}
	subscriptions := map[string]*purchase.Subscription{}
	if l.SubscriptionID != 0 {
		subscriptions = a.subscriptions(ctx)
	}
	var entry purchase.LicenseEntry
	err = a.svc.ledger.View(ctx, func(r purchase.Reader) error {
		if entry, err = entryOf(r, l, subscriptions); err != nil || entry.Owned == nil {
			return err
		}
		entry.Upkeep, err = upkeepOf(r, *entry.Owned)
		return err
	})
	return entry, err
}

// maxUpkeep is how many entries about one license are shown.
const maxUpkeep = 5

// upkeepOf returns the newest log entries about a license since it was bought, newest first.
func upkeepOf(r purchase.Reader, l purchase.OwnedLicense) (entries []purchase.Purchase, err error) {
	for _, c := range slices.Backward(l.Upkeep[max(0, len(l.Upkeep)-maxUpkeep):]) {
		page, err := r.Purchases(c.Entry+1, 1)
		if err != nil {
			return nil, err
		}
		entries = append(entries, page...)
	}
	return entries, nil
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
		if s.Status != cocalc.StatusActive {
			continue
		}
		sum.Active++
		if s.Interval == "year" {
			sum.Yearly += s.Cost
		} else {
			sum.Monthly += s.Cost
		}
		at := s.NextCharge()
		if !at.After(now) { // CoCalc doesn't charge an account without a payment method
			continue
		}
		if a.svc.policy.Month(at) == month {
			sum.DueThisMonth += s.Cost
		}
		if sum.Next.IsZero() || at.Before(sum.Next) {
			sum.Next = at
		}
	}
	return sum, nil
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
