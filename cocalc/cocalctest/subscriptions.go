package cocalctest

import (
	"math"
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
	status                 string // "active" or "canceled"
	licenseID              string
	canceled, resumed      time.Time // the last time; zero: never
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
		{"payment", nil},
	}
}

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
		if u.accountID == c.account.id && u.status != "canceled" {
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
			u.status, u.canceled = "canceled", s.now()
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
// it.
func (s *Server) resumeCost(c *call) (*subscription, float64, error) {
	u, err := s.subscriptionOf(c)
	if err != nil {
		return nil, 0, err
	}
	if u.status != "canceled" {
		return nil, 0, refusal(`You can only resume a canceled subscription, but this subscription is "` + u.status + `"`)
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
// account than the owner's it answers ok within the period, and changes nothing.
func (s *Server) resumeSubscription(c *call) (any, error) {
	u, cost, err := s.resumeCost(c)
	if err != nil {
		return nil, err
	}
	if cost > 0 {
		end := addMonths(s.now().Truncate(24*time.Hour), u.months())
		note := "This is to pay for subscription id=" + strconv.FormatInt(u.id, 10) +
			".  The owner of the subscription manually resumed it.   " +
			"This purchase pays for the cost of one period of the subscription. "
		if _, err := s.pay(c, u, end, note); err != nil {
			return nil, err
		}
	}
	if u.accountID == c.account.id {
		u.status, u.resumed = "active", s.now()
	}
	return object{{"status", "ok"}}, nil
}

// renewSubscription pays one more period with each call.
func (s *Server) renewSubscription(c *call) (any, error) {
	u, err := s.subscriptionOf(c)
	if err != nil {
		return nil, err
	}
	if u.accountID != c.account.id {
		return nil, refusal("you must be signed in as the owner of the subscription")
	}
	paid, err := s.pay(c, u, addMonths(u.periodEnd, u.months()), "This is a subscription with a fixed cost per period. ")
	if err != nil {
		return nil, err
	}
	return object{{"purchase_id", paid.id}}, nil
}

// pay charges one period of a subscription, which then ends at a given time.
func (s *Server) pay(c *call, u *subscription, end time.Time, note string) (*purchase, error) {
	l, err := s.licenseByID(u.licenseID)
	if err != nil {
		return nil, err
	}
	if err := s.mayEdit(c, l); err != nil {
		return nil, err
	}
	before := s.currentInfo(l)
	cost := fromReal(u.cost)
	paid, err := s.chargeForEdit(c, l, before, before.with("end", isoText(end)), cost, note+
		"We use the fixed cost "+currency(cost)+".")
	if err != nil {
		return nil, err
	}
	u.status, u.periodStart, u.periodEnd, u.latestPurchase = "active", addMonths(end, -u.months()), end, paid.id
	return paid, nil
}

// mayEdit refuses every account except the license's purchaser, whom the error names.
func (s *Server) mayEdit(c *call, l *license) error {
	if l.accountID == c.account.id {
		return nil
	}
	for _, a := range s.accounts {
		if a.id == l.accountID {
			return refusal("Only the user who purchased a license is allowed to edit it. This license was purchased by " +
				a.firstName + " " + a.lastName + ".")
		}
	}
	return refusal("Only the user who purchased a license is allowed to edit it.")
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

// chargeForEdit changes a license and adds the purchase. A negative cost is a refund.
func (s *Server) chargeForEdit(c *call, l *license, before, after object, cost float64,
	note string,
) (*purchase, error) {
	if cost > 0 {
		allowed, _, reason, err := s.purchaseAllowed(c, "edit-license", cost)
		if err != nil {
			return nil, err
		}
		if !allowed {
			return nil, refusal(reason)
		}
	}
	now := s.now()
	start, _ := parseDate(after.get("start"))
	end, _ := parseDate(after.get("end"))
	l.purchased, l.activates, l.expires, l.quota = jsonb(after).(object), start, end, quotaOf(after)
	l.runLimit, _, _ = pgInteger(after.get("quantity"))
	if math.Abs(cost) <= 0.005 {
		return &purchase{}, nil
	}
	from := start
	if from.Before(now) {
		from = now
	}
	paid := &purchase{
		id: next(&s.ids.purchase), accountID: c.account.id, time: now, cost: float32(cost), periodStart: from, periodEnd: end,
		costPerHour: hourly(cost, from, end), service: "edit-license", licenseID: l.id,
		description: jsonb(object{
			{"type", "edit-license"},
			{"license_id", l.id},
			{"origInfo", before},
			{"modifiedInfo", after},
			{"note", note},
		}),
	}
	s.purchases = append(s.purchases, paid)
	return paid, nil
}

// editLicense changes a license and charges or refunds the difference at once, for the remaining time. The difference
// of subscriptions is computed like that of a fixed term; only a fixed term was recorded.
func (s *Server) editLicense(c *call) (any, error) {
	l, err := s.licenseByID(c.params.get("license_id"))
	if err != nil {
		return nil, err
	}
	if err := s.mayEdit(c, l); err != nil {
		return nil, err
	}
	before := s.currentInfo(l)
	after := before
	changes, _ := c.params.get("changes").(object)
	for _, m := range changes {
		switch m.name {
		case "quantity", "custom_ram", "custom_cpu", "custom_disk":
			n, ok := m.value.(float64)
			if !ok || n != math.Trunc(n) {
				return nil, refusal(m.name + " must be an integer")
			}
			if n <= 0 {
				return nil, refusal(m.name + " must be positive")
			}
			after = after.with(m.name, n)
		case "custom_member", "custom_uptime":
			after = after.with(m.name, m.value)
		case "start", "end":
			if l.subscription != nil {
				return nil, refusal("editing the start or end dates of a subscription license is not allowed")
			}
			t, ok := parseDate(m.value)
			if !ok {
				return nil, errInvalidDate
			}
			after = after.with(m.name, isoText(t))
		}
	}
	cost, err := s.valueDifference(before, after)
	if err != nil {
		return nil, err
	}
	paid, err := s.chargeForEdit(c, l, before, after, cost, "We use the current prorated cost "+currency(math.Abs(cost))+
		".")
	if err != nil {
		return nil, err
	}
	answer := object{{"cost", cost}}
	if paid.id != 0 {
		answer = append(answer, member{"purchase_id", paid.id})
	}
	return answer, nil
}

// valueDifference returns by how much the rest of one license is worth more than that of another, rounded away from
// zero.
func (s *Server) valueDifference(before, after object) (float64, error) {
	value := func(info object) (float64, error) {
		now := s.now()
		start, _ := parseDate(info.get("start"))
		end, _ := parseDate(info.get("end"))
		if start.Before(now) {
			start = now
		}
		if end.Before(start) {
			end = start
		}
		cost, err := computeDollars(object{
			{"type", "quota"},
			{"user", info.get("user")},
			{"run_limit", info.get("quantity")},
			{"period", "range"},
			{"range", []any{isoText(start), isoText(end)}},
			{"ram", info.get("custom_ram")},
			{"cpu", info.get("custom_cpu")},
			{"disk", info.get("custom_disk")},
			{"member", info.get("custom_member")},
			{"uptime", info.get("custom_uptime")},
			{"boost", info.get("boost")},
		}, now)
		return cost.cost, err
	}
	worthBefore, err := value(before)
	if err != nil {
		return 0, err
	}
	worthAfter, err := value(after)
	if err != nil {
		return 0, err
	}
	if worthAfter < worthBefore {
		return -round2up(worthBefore - worthAfter), nil
	}
	return round2up(worthAfter - worthBefore), nil
}
