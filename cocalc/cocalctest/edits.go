package cocalctest

import (
	"math"
	"strconv"
	"time"
)

// defaultEditTakes is the time between reading a license and writing it. The recorded rows show about 20 ms; requests
// at once took up to a second.
const defaultEditTakes = 20 * time.Millisecond

// edit is a change of a license that was computed from what a request read. It replaces the whole license when it is
// written, also if another edit was written meanwhile.
type edit struct {
	license      *license // nil: nothing is written except by after
	accountID    string   // who pays
	at           time.Time
	before, info object
	cost         float64 // dollars; negative: a refund
	note         string
	after        func(*purchase) // changes the subscription; the purchase has the ID 0 if nothing was charged
}

// editAfterRead carries out a request that reads a license and then writes it. It checks nothing again before it
// writes, and there is no lock: a second request that reads before the first has written is charged too, and the last
// one written stays.
func (s *Server) editAfterRead(c *call, read func() (*edit, error)) (*purchase, error) {
	s.mu.Lock()
	e, err := read()
	takes := s.editTakes
	s.mu.Unlock()
	c.hasRead()
	if err != nil {
		return nil, err
	}
	if !s.sleep(takes) {
		return nil, errAbort
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(e, s.now()), nil
}

// write writes an edit and adds its purchase. The caller holds the lock.
func (s *Server) write(e *edit, now time.Time) *purchase {
	paid := &purchase{}
	if l := e.license; l != nil {
		start, _ := parseDate(e.info.get("start"))
		end, _ := parseDate(e.info.get("end"))
		l.purchased, l.activates, l.expires, l.quota = jsonb(e.info).(object), start, end, quotaOf(e.info)
		l.runLimit, _, _ = pgInteger(e.info.get("quantity"))
		if math.Abs(e.cost) > halfCent {
			if start.Before(now) {
				start = now
			}
			paid = s.editPurchase(e, start, end)
		}
	}
	if e.after != nil {
		e.after(paid)
	}
	return paid
}

// halfCent is the largest amount in dollars that is not charged.
const halfCent = 0.005

// editPurchase adds the row of an edit that costs something.
func (s *Server) editPurchase(e *edit, from, end time.Time) *purchase {
	paid := &purchase{
		id: next(&s.ids.purchase), accountID: e.accountID, time: e.at, cost: float32(e.cost), periodStart: from,
		periodEnd: end, costPerHour: hourly(e.cost, from, end), service: editService, licenseID: e.license.id,
		description: jsonb(object{
			{"type", editService},
			{"license_id", e.license.id},
			{"origInfo", e.before},
			{"modifiedInfo", e.info},
			{"note", e.note},
		}),
	}
	s.purchases = append(s.purchases, paid)
	return paid
}

// editService is the service of every charge and refund for a license after its purchase, renewals included.
const editService = "edit-license"

// mayEdit refuses every account except the license's purchaser, whom the error names.
func (s *Server) mayEdit(c *call, l *license) error {
	if l.accountID == c.account.id {
		return nil
	}
	if a := s.accountByID(l.accountID); a != nil {
		return refusal("Only the user who purchased a license is allowed to edit it. This license was purchased by " +
			a.firstName + " " + a.lastName + ".")
	}
	return refusal("Only the user who purchased a license is allowed to edit it.")
}

// mayPay refuses a cost that the account's credit does not cover, except for a slack.
func (s *Server) mayPay(c *call, cost float64) error {
	if cost <= 0 {
		return nil
	}
	allowed, due, reason, err := s.purchaseAllowed(c, editService, cost)
	if err != nil {
		return err
	}
	if !allowed && (due < 0 || due > creditSlack) {
		return refusal(reason)
	}
	return nil
}

// currentInfo returns the license's current specification for the code that edits licenses.
func (s *Server) currentInfo(l *license) object {
	info := l.purchased.with("start", isoText(l.activates)).with("end", isoText(l.expires))
	if u := l.subscription; u != nil {
		hours := float64(hoursPerMonth)
		if u.interval == "year" {
			hours = hoursPerYear
		}
		info = info.with("cost_per_hour", fromReal(u.cost)/hours)
	}
	return jsonb(info).(object)
}

// editLicense changes a license and charges or refunds the difference at once, for the remaining time. The cost of its
// subscription follows. Two requests at once are both charged, and the last one written replaces the other.
func (s *Server) editLicense(c *call) (any, error) {
	var cost float64
	paid, err := s.editAfterRead(c, func() (*edit, error) {
		e, err := s.licenseEdit(c)
		if err == nil {
			cost = e.cost
		}
		return e, err
	})
	if err != nil {
		return nil, err
	}
	answer := object{{"cost", cost}}
	if paid.id != 0 {
		answer = append(answer, member{"purchase_id", paid.id})
	}
	return answer, nil
}

// licenseEdit returns the edit that a request asks for.
func (s *Server) licenseEdit(c *call) (*edit, error) {
	id := c.params.get("license_id")
	if nullish(id) {
		return nil, refusal("no license with id " + toText(id))
	}
	l, err := s.licenseByID(id)
	if err != nil {
		return nil, err
	}
	before, now := s.currentInfo(l), s.now()
	given := c.params.get("changes")
	if nullish(given) {
		return nil, refusal("Cannot read properties of " + toText(given) + " (reading 'start')")
	}
	changes, _ := given.(object) // of a list or a text, no change is read
	if before.get("subscription") != "no" && !(nullish(changes.get("start")) && nullish(changes.get("end"))) {
		return nil, refusal("editing the start or end dates of a subscription license is not allowed")
	}
	info, cost, err := editedInfo(before, changes, now)
	if err != nil {
		return nil, err
	}
	if percent := c.percent(); percent != 100 {
		cost = math.Copysign(scaled(math.Abs(cost), percent), cost)
	}
	if err := s.mayEdit(c, l); err != nil {
		return nil, err
	}
	if err := s.mayPay(c, cost); err != nil {
		return nil, err
	}
	e := &edit{
		license: l, accountID: c.account.id, at: now, before: before, info: info, cost: cost,
		note: "We use the current prorated cost " + currency(math.Abs(cost)) + ".",
	}
	if u := l.subscription; u != nil && priceChanges(changes, before, info) {
		period, err := periodDollars(info)
		if err != nil {
			return nil, err
		}
		e.after = func(*purchase) { u.cost = float32(scaled(period, c.percent())) }
	}
	return e, nil
}

// priceChanges reports whether one of the requested changes, other than that of a date, changed the license.
func priceChanges(changes, before, info object) bool {
	for _, m := range changes {
		if m.name != "start" && m.name != "end" && !looselyEqual(before.get(m.name), info.get(m.name)) {
			return true
		}
	}
	return false
}

// accountEdit is a request of one of these endpoints by the account's owner, for tests.
func (a *Account) accountEdit(handle func(*call) (any, error), params object) (object, error) {
	defer a.s.KeepNow()
	answer, err := handle(&call{params: params, account: a.a})
	fields, _ := answer.(object)
	return fields, err
}

// RenewSubscription pays one more period of a subscription, as a person does in the settings. The error has the
// server's text.
func (a *Account) RenewSubscription(id int64) error {
	_, err := a.accountEdit(a.s.renewSubscription, object{{"subscription_id", strconv.FormatInt(id, 10)}})
	return err
}

// EditLicense changes a license, as a person does in the settings, and returns the cost in cents: negative for a
// refund. The changes are JSON; EditLicense panics on anything else, since the caller wrote it. The error has the
// server's text.
func (a *Account) EditLicense(id, changes string) (cents int64, err error) {
	parsed, err := parseJSON([]byte(changes))
	if err != nil {
		panic("cocalctest: the changes are no JSON: " + err.Error())
	}
	answer, err := a.accountEdit(a.s.editLicense, object{{"license_id", id}, {"changes", parsed}})
	cost, _ := answer.get("cost").(float64)
	return int64(math.Round(cost * 100)), err
}
