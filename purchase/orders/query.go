package orders

import (
	"context"
	"errors"
	"fmt"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// History is one page of the purchase log with what the months have cost.
type History struct {
	Purchases []purchase.Purchase // newest first
	Page      int                 // from 1: the requested page, or the last one
	Pages     int                 // at least 1
	More      bool                // there are older ones
	Months    []purchase.Budget   // newest first: the months on the page, and the present one
	Limit     purchase.Limit      // per month
	Now       string              // the present month
}

// History reads a page of the purchase log. Pages count from 1; a page beyond the last returns the last. Of other pages
// it reads only the newest entry, since the log grows forever and everyone may ask.
func (svc *Service) History(ctx context.Context, page, size int) (History, error) {
	h := History{Limit: svc.policy.MonthlyBudget, Now: svc.policy.Month(svc.now())}
	err := svc.ledger.View(ctx, func(r purchase.Reader) error {
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
func (svc *Service) LastPurchase(ctx context.Context) (number uint64, err error) {
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		newest, err := r.Purchases(0, 1)
		if number = 0; len(newest) > 0 {
			number = newest[0].Number
		}
		return err
	})
	return number, err
}

// Licenses asks CoCalc for all licenses of the account. An empty answer is believed: the key was proven with it.
func (svc *Service) Licenses(ctx context.Context) ([]purchase.LicenseEntry, error) {
	licenses, err := svc.shop.Licenses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the licenses: %w", err)
	}
	owned := make([]purchase.LicenseEntry, 0, len(licenses))
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		owned = owned[:0]
		for _, l := range licenses {
			p, err := purchaseOf(r, l.ID)
			if err != nil {
				return err
			}
			owned = append(owned, purchase.LicenseEntry{License: l, Purchase: p})
		}
		return nil
	})
	return owned, err
}

// License asks CoCalc for one license.
func (svc *Service) License(ctx context.Context, id string) (purchase.LicenseEntry, error) {
	l, err := svc.shop.License(ctx, id)
	if err != nil {
		return purchase.LicenseEntry{}, fmt.Errorf("read license %s: %w", purchase.ShortID(id), err)
	}
	var p *purchase.Purchase
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		p, err = purchaseOf(r, id)
		return err
	})
	return purchase.LicenseEntry{License: l, Purchase: p}, err
}

func purchaseOf(r purchase.Reader, licenseID string) (*purchase.Purchase, error) {
	p, ok, err := r.PurchaseOf(licenseID)
	if err != nil || !ok {
		return nil, err
	}
	return &p, nil
}

// BudgetNow is what the present month may still cost; limited is false when there is no limit.
func (svc *Service) BudgetNow(ctx context.Context) (left purchase.Cents, limited bool, err error) {
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		budget, err := r.Budget(svc.policy.Month(svc.now()))
		left, limited = svc.policy.Left(budget)
		return err
	})
	return left, limited, err
}

// Ahead counts the orders that are bought before this one.
func (svc *Service) Ahead(ctx context.Context, o purchase.Order) (int, error) {
	if o.State != purchase.Approved {
		return 0, nil
	}
	var queue []purchase.QueueEntry
	err := svc.ledger.View(ctx, func(r purchase.Reader) (err error) {
		queue, err = r.Queue()
		return err
	})
	n := 0
	for _, other := range queue {
		if other.State.UnderWay() || (other.State == purchase.Approved && other.Confirmed.Before(o.Confirmed)) {
			n++
		}
	}
	return n, err
}

// Waiting lists the orders that wait for an approval, oldest first.
func (svc *Service) Waiting(ctx context.Context) (waiting []purchase.Order, err error) {
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		waiting = nil
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State != purchase.AwaitingApproval {
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

// Stopped says whether orders are bought right now, and why not.
func (svc *Service) Stopped(ctx context.Context) (s purchase.Stoppage, err error) {
	err = svc.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil {
			return err
		}
		s = purchase.Stoppage{Pause: account.Pause, Restored: account.Restored}
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State != purchase.Unknown {
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
func (svc *Service) Trouble(err error) *purchase.Refusal {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return no
	}
	if e := purchase.AsCoCalc(err); e != nil {
		if e.Kind == cocalc.NotSignedIn {
			if err := svc.reg.ReportTrouble(context.Background(), purchase.Order{}, purchase.FailKey,
				purchase.TroubleFor(e, svc.keyName, svc.site)); err != nil {
				svc.log.Error().Err(err).Msg("fail to tell the admins about a problem")
			}
		}
		return purchase.ReadingRefusal(e, svc.policy.AdminsTold())
	}
	return purchase.NewRefusal(purchase.NotRead)
}
