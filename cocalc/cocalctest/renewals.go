package cocalctest

import "time"

const (
	// renewalAhead is how long before the end of a period the server charges the next one.
	renewalAhead = 5 * 24 * time.Hour
	// renewalRound is the time between two rounds of the server's renewal job.
	renewalRound = 5 * time.Minute
)

// payment is how the server's renewal job paid, or tried to pay, a period of a subscription.
type payment struct {
	amount  float32 // dollars
	status  string  // active: an open invoice of Stripe; invoicePaid or canceled
	created time.Time
	expires time.Time
}

const invoicePaid = "paid"

// row returns the payment of a subscription as the server shows it.
func (p *payment) row(subscription int64) any {
	if p == nil {
		return nil
	}
	return object{
		{"amount", p.amount},
		{"status", p.status},
		{"created", p.created.UnixMilli()},
		{"new_expires_ms", p.expires.UnixMilli()},
		{"subscription_id", subscription},
	}
}

// RunRenewals is a round of the server's renewal job, which runs every 5 minutes on a commercial site: see
// Config.Renewals. It pays another period of every active subscription whose period ends within 5 days or has ended,
// and returns the number of charges. A period that has ended is followed by one from now.
//
// An account without a Stripe customer is passed over. Credit pays if it covers the whole price and the account's
// setting allows it. Otherwise Stripe gets an invoice, which is never paid here: the license ends with its period, and
// the subscription is not tried again until its owner cancels, resumes or renews it.
func (s *Server) RunRenewals() (charges int) {
	defer s.KeepNow()
	s.mu.Lock()
	defer s.mu.Unlock()
	charges, _ = s.renewalsAt(s.now())
	return charges
}

// renewalsAt is a round at a given time. It also returns how many subscriptions it tried to renew.
func (s *Server) renewalsAt(now time.Time) (charges, tried int) {
	if s.generation != Current {
		return 0, 0
	}
	for _, u := range s.subscriptions {
		a := s.renews(u)
		if a == nil || now.Before(renewalDue(u)) {
			continue
		}
		from := u.periodEnd
		if from.Before(now) {
			from = now
		}
		e, err := s.periodEdit(u, now, addMonths(from, u.months()), renewalNote)
		if err != nil { // a license that has no price
			continue
		}
		tried++
		charges += s.payRenewal(a, u, e)
	}
	return charges, tried
}

// renewalDue returns when the server charges the next period.
func renewalDue(u *subscription) time.Time { return u.periodEnd.Add(-renewalAhead) }

// renews returns the account of a subscription that the job looks after; nil for others.
func (s *Server) renews(u *subscription) *account {
	if u.status != active || u.payment != nil && u.payment.status == active {
		return nil
	}
	l, err := s.licenseOf(u)
	if err != nil || l.accountID != u.accountID { // only its purchaser may pay for a license
		return nil
	}
	a := s.accountByID(u.accountID)
	if a == nil || a.noStripe {
		return nil
	}
	return a
}

// payRenewal pays with the account's credit, or leaves an open invoice. It returns the number of charges: 2 if two
// processes run the job at once, since each has read the subscription before the other writes.
func (s *Server) payRenewal(a *account, u *subscription, e *edit) (charges int) {
	invoice := &payment{amount: u.cost, status: active, created: e.at, expires: e.periodEnd()}
	u.payment = invoice
	if a.noCreditRenewals || s.balance(a.id) < e.cost {
		return 0
	}
	charges = 1
	if s.takeJobFault(DoubleRenewals) {
		charges = 2
	}
	for range charges {
		s.write(e, e.at)
	}
	invoice.status = invoicePaid
	return charges
}

// periodEnd returns the end that the edit gives the license.
func (e *edit) periodEnd() time.Time {
	end, _ := parseDate(e.info.get("end"))
	return end
}

// catchUp runs the rounds of the renewal job that were due since the last request, each at its time.
func (s *Server) catchUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for {
		round, found := s.nextRound()
		if !found || round.After(now) {
			break
		}
		s.lastRound = round
		if _, tried := s.renewalsAt(round); tried == 0 {
			break
		}
	}
	if idle := now.Sub(s.lastRound); idle > 0 {
		s.lastRound = s.lastRound.Add(idle.Truncate(renewalRound))
	}
}

// nextRound returns the next round in which there is something to renew; found is false if there is nothing.
func (s *Server) nextRound() (at time.Time, found bool) {
	for _, u := range s.subscriptions {
		if s.renews(u) == nil {
			continue
		}
		wait := max(renewalDue(u).Sub(s.lastRound), time.Nanosecond)
		round := s.lastRound.Add((wait + renewalRound - 1).Truncate(renewalRound))
		if !found || round.Before(at) {
			at, found = round, true
		}
	}
	return at, found
}

func (s *Server) accountByID(id string) *account {
	for _, a := range s.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// SetStripeCustomer sets whether the account has a customer at Stripe, as one has after a card payment. Without it the
// server renews no subscription, whatever the credit.
func (a *Account) SetStripeCustomer(has bool) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.noStripe = !has
}

// SetCreditRenewals sets whether the account's credit may pay renewals, a setting of the account. It may at first.
func (a *Account) SetCreditRenewals(allowed bool) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.a.noCreditRenewals = !allowed
}
