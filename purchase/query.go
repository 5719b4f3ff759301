package purchase

import (
	"context"
	"errors"
	"fmt"
	"time"

	"licensebot/cocalc"
)

// Order reads one order. The error wraps ErrNoOrder when there is none with that id.
func (d *Desk) Order(ctx context.Context, id OrderID) (o Order, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		o, err = r.Order(id)
		return err
	})
	return o, err
}

// History is one page of the purchase log with what the months have cost.
type History struct {
	Purchases []Purchase // newest first
	Page      int        // from 1: the requested page, or the last one
	Pages     int        // at least 1
	More      bool       // there are older ones
	Months    []Budget   // newest first: the months on the page, and the present one
	Limit     Limit      // per month
	Now       string     // the present month
}

// History reads a page of the purchase log. Pages count from 1; a page beyond the last returns the last. Of other pages
// it reads only the newest entry, since the log grows forever and everyone may ask.
func (d *Desk) History(ctx context.Context, page, size int) (History, error) {
	h := History{Limit: d.policy.MonthlyBudget, Now: d.policy.Month(d.now())}
	err := d.ledger.View(ctx, func(r Reader) error {
		newest, err := r.Purchases(0, 1)
		if err != nil {
			return err
		}
		total := 0
		if len(newest) > 0 {
			total = int(newest[0].Number) // entries are numbered without gaps
		}
		h.Pages = max(1, (total+size-1)/size)
		h.Page = max(1, min(page, h.Pages))
		h.More = h.Page < h.Pages
		h.Purchases, h.Months = nil, nil
		if total > 0 {
			if h.Purchases, err = r.Purchases(uint64(total-(h.Page-1)*size+1), size); err != nil {
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

// LastPurchase returns the number of the newest entry of the purchase log; 0 if it is empty.
func (d *Desk) LastPurchase(ctx context.Context) (number uint64, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		newest, err := r.Purchases(0, 1)
		if number = 0; len(newest) > 0 {
			number = newest[0].Number
		}
		return err
	})
	return number, err
}

// Owned is a license of the account, with the log entry when it was bought through this ledger.
type Owned struct {
	License  License
	Purchase *Purchase
}

// Licenses asks CoCalc for all licenses of the account. An empty answer is believed: the key was proven with it.
func (d *Desk) Licenses(ctx context.Context) ([]Owned, error) {
	licenses, err := d.shop.Licenses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the licenses: %w", err)
	}
	owned := make([]Owned, 0, len(licenses))
	err = d.ledger.View(ctx, func(r Reader) error {
		owned = owned[:0]
		for _, l := range licenses {
			p, err := purchaseOf(r, l.ID)
			if err != nil {
				return err
			}
			owned = append(owned, Owned{License: l, Purchase: p})
		}
		return nil
	})
	return owned, err
}

// License asks CoCalc for one license.
func (d *Desk) License(ctx context.Context, id string) (Owned, error) {
	l, err := d.shop.License(ctx, id)
	if err != nil {
		return Owned{}, fmt.Errorf("read license %s: %w", ShortID(id), err)
	}
	var p *Purchase
	err = d.ledger.View(ctx, func(r Reader) error {
		p, err = purchaseOf(r, id)
		return err
	})
	return Owned{License: l, Purchase: p}, err
}

func purchaseOf(r Reader, licenseID string) (*Purchase, error) {
	p, ok, err := r.PurchaseOf(licenseID)
	if err != nil || !ok {
		return nil, err
	}
	return &p, nil
}

// BudgetNow is what the present month may still cost; limited is false when there is no limit.
func (d *Desk) BudgetNow(ctx context.Context) (left Cents, limited bool, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		budget, err := r.Budget(d.policy.Month(d.now()))
		left, limited = d.policy.Left(budget)
		return err
	})
	return left, limited, err
}

// Queued is what tells an open order's place among the others.
type Queued struct {
	ID        OrderID
	State     State
	Confirmed time.Time
}

// Ahead counts the orders that are bought before this one.
func (d *Desk) Ahead(ctx context.Context, o Order) (int, error) {
	if o.State != Approved {
		return 0, nil
	}
	var queue []Queued
	err := d.ledger.View(ctx, func(r Reader) (err error) {
		queue, err = r.Queue()
		return err
	})
	n := 0
	for _, other := range queue {
		if other.State.UnderWay() || (other.State == Approved && other.Confirmed.Before(o.Confirmed)) {
			n++
		}
	}
	return n, err
}

// Waiting lists the orders that wait for an approval, oldest first.
func (d *Desk) Waiting(ctx context.Context) (waiting []Order, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		waiting = nil
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State != AwaitingApproval {
				continue
			}
			o, err := r.Order(q.ID)
			if err != nil {
				return err
			}
			waiting = append(waiting, o)
		}
		return nil
	})
	return waiting, err
}

// Stop is what keeps orders from being bought right now; zero when nothing does.
type Stop struct {
	Pause    *Pause
	Restored *Restore
	Held     []Order // whose outcome is unknown, oldest first: others wait for them
}

// Stopped says whether orders are bought right now, and why not.
func (d *Desk) Stopped(ctx context.Context) (s Stop, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		account, err := r.Account()
		if err != nil {
			return err
		}
		s = Stop{Pause: account.Pause, Restored: account.Restored}
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State != Unknown {
				continue
			}
			o, err := r.Order(q.ID)
			if err != nil {
				return err
			}
			s.Held = append(s.Held, o)
		}
		return nil
	})
	return s, err
}

// Trouble returns why a reading command failed. Admins are told of a key that CoCalc does not accept.
func (d *Desk) Trouble(err error) *Refusal {
	var no *Refusal
	if errors.As(err, &no) {
		return no
	}
	if e := asCoCalc(err); e != nil {
		if e.Kind == cocalc.NotSignedIn {
			if err := d.tellTrouble(context.Background(), Order{}, FailKey, trouble(e, d.keyName, d.site)); err != nil {
				d.log.Error().Err(err).Msg("fail to tell the admins about a problem")
			}
		}
		return explainReading(e, d.policy.told())
	}
	return refuse(NotRead)
}
