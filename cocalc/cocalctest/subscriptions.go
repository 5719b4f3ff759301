package cocalctest

import (
	"slices"
	"strconv"
	"time"
)

// subscription renews a monthly or yearly license.
type subscription struct {
	id                     int64
	accountID              string
	created                time.Time
	cost                   float32 // dollars per period
	interval               string  // "month" or "year"
	periodStart, periodEnd time.Time
	latestPurchase         int64
	status                 string // active or canceled
	licenseID              string
	canceled, resumed      time.Time // the last time; zero: never
	payment                *payment  // of the server's renewal job; nil: none yet
}

func (u *subscription) row() object {
	return object{
		{"id", u.id},
		{"account_id", u.accountID},
		{"created", u.created},
		{"cost", u.cost},
		{"interval", u.interval},
		{"current_period_start", u.periodStart},
		{"current_period_end", u.periodEnd},
		{"latest_purchase_id", u.latestPurchase},
		{"status", u.status},
		{"metadata", object{{"type", "license"}, {"license_id", u.licenseID}}},
		{"payment", u.payment.row(u.id)},
	}
}

// The states of a subscription.
const (
	active   = "active"
	canceled = "canceled"
)

// months returns the length of a period in months.
func (u *subscription) months() int {
	if u.interval == "year" {
		return 12
	}
	return 1
}

// getSubscriptions lists all subscriptions of the account, newest first.
func (s *Server) getSubscriptions(c *call) (any, error) {
	var list []*subscription
	for _, u := range slices.Backward(s.subscriptions) {
		if u.accountID == c.account.id {
			list = append(list, u)
		}
	}
	sortNewestFirst(list, func(u *subscription) time.Time { return u.created })
	list, err := page(c, list)
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, u := range list {
		rows = append(rows, u.row())
	}
	return rows, nil
}

// getLiveSubscriptions lists the subscriptions that will be charged again.
func (s *Server) getLiveSubscriptions(c *call) (any, error) {
	rows := []any{}
	for _, u := range s.subscriptions {
		if u.accountID == c.account.id && u.status != canceled {
			rows = append(rows, object{{"id", u.id}, {"cost", u.cost}, {"status", u.status}})
		}
	}
	return rows, nil
}

// cancelSubscription returns ok for any ID, even one that is unknown or another account's.
func (s *Server) cancelSubscription(c *call) (any, error) {
	id, _, err := pgInteger(c.params.get("subscription_id"))
	if err != nil {
		return nil, err
	}
	s.cancel(c.account, id)
	return object{{"status", "ok"}}, nil
}

// cancel cancels a subscription of the account; ok is false if it has none with that ID. The caller holds the lock.
func (s *Server) cancel(a *account, id int64) (ok bool) {
	for _, u := range s.subscriptions {
		if u.id == id && u.accountID == a.id {
			u.cancel(s.now())
			return true
		}
	}
	return false
}

// subscriptionOf returns the subscription that a request names, of any account.
func (s *Server) subscriptionOf(c *call) (*subscription, error) {
	given := c.params.get("subscription_id")
	id, _, err := pgInteger(given)
	if err != nil {
		return nil, err
	}
	for _, u := range s.subscriptions {
		if u.id == id {
			return u, nil
		}
	}
	if _, absent := given.(undefined); absent {
		given = "undefined"
	}
	return nil, refusal("no subscription with id=" + pgText(given))
}

// resumeCost returns what resuming a subscription costs now: nothing within the paid period. Any account may request
// it. The subscription's price becomes today's.
func (s *Server) resumeCost(c *call) (*subscription, float64, error) {
	u, err := s.subscriptionOf(c)
	if err != nil {
		return nil, 0, err
	}
	if u.status != canceled {
		return nil, 0, refusal(`You can only resume a canceled subscription, but this subscription is "` + u.status + `"`)
	}
	if l, err := s.licenseOf(u); err == nil {
		if cost, err := periodDollars(l.purchased); err == nil {
			u.cost = float32(scaled(cost, c.percent()))
		}
	}
	if s.now().Before(u.periodEnd) {
		return u, 0, nil
	}
	return u, fromReal(u.cost), nil
}

func (s *Server) costToResumeSubscription(c *call) (any, error) {
	u, cost, err := s.resumeCost(c)
	if err != nil {
		return nil, err
	}
	return object{{"periodicCost", u.cost}, {"cost", cost}}, nil
}

// resumeSubscription is free within the paid period. After it, it pays for a period that begins today. For another
// account than the owner's it answers ok within the period, and changes nothing. Two requests at once are both charged,
// and give one period.
func (s *Server) resumeSubscription(c *call) (any, error) {
	_, err := s.editAfterRead(c, func() (*edit, error) {
		u, cost, err := s.resumeCost(c)
		if err != nil {
			return nil, err
		}
		resume := &edit{after: func(*purchase) {}}
		if cost > 0 {
			end := addMonths(s.now().Truncate(24*time.Hour), u.months())
			note := "This is to pay for subscription id=" + strconv.FormatInt(u.id, 10) +
				".  The owner of the subscription manually resumed it.   " +
				"This purchase pays for the cost of one period of the subscription. "
			if resume, err = s.payPeriod(c, u, end, note); err != nil {
				return nil, err
			}
		}
		paid := resume.after
		resume.after = func(p *purchase) {
			paid(p)
			if u.accountID == c.account.id {
				u.status, u.resumed = active, s.now()
				u.closeInvoice()
			}
		}
		return resume, nil
	})
	if err != nil {
		return nil, err
	}
	return object{{"status", "ok"}}, nil
}

// renewSubscription pays one more period with each call. Two requests at once are both charged, and give one period.
func (s *Server) renewSubscription(c *call) (any, error) {
	paid, err := s.editAfterRead(c, func() (*edit, error) {
		u, err := s.subscriptionOf(c)
		if err != nil {
			return nil, err
		}
		if u.accountID != c.account.id {
			return nil, refusal("you must be signed in as the owner of the subscription")
		}
		return s.payPeriod(c, u, addMonths(u.periodEnd, u.months()), renewalNote)
	})
	if err != nil {
		return nil, err
	}
	return object{{"purchase_id", paid.id}}, nil
}

// renewalNote begins the note of the row that a renewal adds.
const renewalNote = "This is a subscription with a fixed cost per period. "

// payPeriod returns the edit that charges one period of a subscription, which then ends at a given time.
func (s *Server) payPeriod(c *call, u *subscription, end time.Time, note string) (*edit, error) {
	e, err := s.periodEdit(u, s.now(), end, note)
	if err != nil {
		return nil, err
	}
	if err := s.mayEdit(c, e.license); err != nil {
		return nil, err
	}
	return e, s.mayPay(c, e.cost)
}

// periodEdit returns the edit of a subscription's license that pays its price, at a given time, for a period that ends
// at another.
func (s *Server) periodEdit(u *subscription, at, end time.Time, note string) (*edit, error) {
	l, err := s.licenseOf(u)
	if err != nil {
		return nil, err
	}
	before, cost := s.currentInfo(l), fromReal(u.cost)
	changed, _, err := editedInfo(before, object{{"end", isoText(end)}}, at)
	if err != nil {
		return nil, err
	}
	return &edit{
		license: l, accountID: l.accountID, at: at, before: before, info: changed, cost: cost,
		note: note + "We use the fixed cost " + currency(cost) + ".",
		after: func(paid *purchase) {
			u.status, u.periodStart, u.periodEnd, u.latestPurchase = active, addMonths(end, -u.months()), end, paid.id
			u.closeInvoice()
		},
	}, nil
}

// cancel ends the renewals.
func (u *subscription) cancel(now time.Time) {
	u.status, u.canceled = canceled, now
	u.closeInvoice()
}

// closeInvoice cancels an open invoice of Stripe for the next period.
func (u *subscription) closeInvoice() {
	if u.payment != nil && u.payment.status == active {
		u.payment.status = canceled
	}
}

// licenseOf returns the license that a subscription renews.
func (s *Server) licenseOf(u *subscription) (*license, error) { return s.licenseByID(u.licenseID) }
