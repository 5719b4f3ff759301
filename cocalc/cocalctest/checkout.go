package cocalctest

import (
	"strconv"
	"time"
)

// checkoutCart returns what a checkout would buy: the checked items of products that are sold, newest first, with their
// prices. The caller holds the lock.
func (s *Server) checkoutCart(c *call) ([]pricedItem, error) {
	percent := c.percent()
	items, err := s.cartOf(c.account, false, false)
	if err != nil {
		return nil, err
	}
	var cart []pricedItem
	for _, item := range items {
		if item.checked != true || item.product != siteLicense && item.product != cashVoucher {
			continue
		}
		priced, err := s.price(item, percent)
		if err != nil {
			return nil, err
		}
		cart = append(cart, priced)
	}
	return cart, nil
}

// cartTotal adds the prices in whole cents; each was rounded up by itself.
func cartTotal(cart []pricedItem) float64 {
	cents := 0.0
	for _, p := range cart {
		cents += p.total * 100
	}
	return toFixed2(cents / 100)
}

// checkoutParams returns the preview of a checkout. It changes only the ranges of items in the cart.
func (s *Server) checkoutParams(c *call) (any, error) {
	var cart []pricedItem
	if !truthy(c.params.get("processing")) && nullish(c.params.get("payment_intent")) {
		var err error
		if cart, err = s.checkoutCart(c); err != nil {
			return nil, err
		}
	}
	balance, total := s.visibleBalance(c), cartTotal(cart)
	due := chargeFor(total, balance, c.account.minBalance)
	rows := []any{}
	for _, p := range cart {
		rows = append(rows, p.row())
	}
	return object{
		{"balance", balance},
		{"minPayment", minPayment},
		{"minBalance", c.account.minBalance},
		{"amountDue", due.amountDue},
		{"chargeAmount", due.chargeAmount},
		{"total", total},
		{"cart", rows},
		{"minimumPaymentCharge", due.minimumPaymentCharge},
		{"cureAmount", due.cureAmount},
	}, nil
}

// checkout buys every checked item. It reads cart and balance before its transaction, and does not check them again: a
// second checkout that reads before the first has committed buys the same items once more. It ignores its parameters,
// and continues if the caller disconnects.
func (s *Server) checkout(c *call) (any, error) {
	sales, takes, err := s.beginCheckout(c)
	c.hasRead()
	if err != nil {
		return nil, err
	}
	if !s.sleep(takes) {
		return nil, errAbort
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, made := range sales {
		s.commit(made)
	}
	return object{{"success", true}}, nil
}

// beginCheckout reads the cart and decides what the checkout does.
func (s *Server) beginCheckout(c *call) (sales []sale, takes time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cart, err := s.checkoutCart(c)
	if err != nil {
		return nil, 0, err
	}
	due := chargeFor(cartTotal(cart), s.visibleBalance(c), c.account.minBalance)
	if due.amountDue > creditSlack {
		return nil, 0, insufficientCredit(due)
	}
	begun := s.now() // all rows of one transaction have the same time
	for _, p := range cart {
		made, err := s.prepareSale(c.account, p, begun)
		if err != nil { // the transaction is rolled back, so nothing of it was bought
			return nil, 0, err
		}
		sales = append(sales, made)
	}
	return sales, s.takeCheckoutTime(), nil
}

// olderCheckout is the checkout until November 2024. It has no transaction, and charges a card instead of credit. An
// error in the middle leaves the items before it purchased.
func (s *Server) olderCheckout(c *call) (any, error) {
	s.mu.Lock()
	if !c.account.partner {
		s.mu.Unlock()
		return nil, refusal("reCaptcha token must be provided")
	}
	cart, err := s.checkoutCart(c)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	for _, p := range cart {
		s.mu.Lock()
		made, err := s.prepareSale(c.account, p, s.now())
		takes := s.takeCheckoutTime()
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if !s.sleep(takes) {
			return nil, errAbort
		}
		s.mu.Lock()
		made.subscription = nil
		s.commit(made)
		s.mu.Unlock()
	}
	return object{{"success", true}}, nil
}

// sale holds the rows that buying one item creates.
type sale struct {
	item         *cartItem
	license      *license
	purchase     *purchase
	subscription *subscription // nil for a range
}

// prepareSale returns the rows of a sale, or the error that rolls the transaction back. The caller holds the lock.
func (s *Server) prepareSale(a *account, p pricedItem, now time.Time) (sale, error) {
	if p.item.product == cashVoucher {
		return sale{}, refusal("Voucher code creation is temporarily disabled. Please contact support.")
	}
	info, start, end, err := purchaseInfo(p.desc, now)
	if err != nil {
		return sale{}, err
	}
	if err := sanityCheck(info); err != nil {
		return sale{}, err
	}
	runLimit, _, err := pgInteger(info.get("quantity"))
	if err != nil {
		return sale{}, err
	}
	l := &license{
		id: s.ids.uuid(), title: textColumn(info.get("title")), description: textColumn(info.get("description")),
		activates: start, expires: end, created: now, managers: []string{a.id}, runLimit: runLimit, quota: quotaOf(info),
		purchased: jsonb(info.with("account_id", a.id)).(object), accountID: a.id,
	}
	subscribed := info.get("subscription") != "no"
	if subscribed {
		l.activates = now.Add(-time.Minute)
	}
	if !subscribed && start.Before(now) { // the time that has passed is added at the end
		l.expires = end.Add(now.Sub(start))
	}
	charge := &purchase{
		accountID: a.id, time: now, cost: float32(p.lineAmount), periodStart: start, periodEnd: end,
		costPerHour: hourly(p.lineAmount, start, end), service: "license", licenseID: l.id, itemID: p.item.id,
		description: jsonb(object{{"type", "license"}, {"item", p.row()}, {"info", info}, {"license_id", l.id}}),
	}
	made := sale{item: p.item, license: l, purchase: charge}
	if subscribed {
		if p.lineAmount <= 0 {
			return sale{}, refusal("invalid subscription cost=" + numberText(p.lineAmount))
		}
		made.subscription = &subscription{
			accountID: a.id, created: now, cost: float32(p.lineAmount), interval: "month", periodStart: start, periodEnd: end,
			status: "active", licenseID: l.id,
		}
		if info.get("subscription") == "yearly" {
			made.subscription.interval = "year"
		}
	}
	return made, nil
}

// commit makes a sale visible. The item names the license of the last sale that marks it. An item that was deleted
// meanwhile is sold too. The caller holds the lock.
func (s *Server) commit(made sale) {
	made.purchase.id = next(&s.ids.purchase)
	s.licenses = append(s.licenses, made.license)
	s.purchases = append(s.purchases, made.purchase)
	if made.subscription != nil {
		made.subscription.id = next(&s.ids.subscription)
		made.subscription.latestPurchase = made.purchase.id
		made.license.subscription = made.subscription
		s.subscriptions = append(s.subscriptions, made.subscription)
	}
	for _, item := range s.items {
		if item == made.item {
			item.purchased = &cartPurchase{time: s.now(), licenseID: made.license.id}
		}
	}
	s.putOnProject(made)
}

// putOnProject applies the license to the project of the cart item, if there is such a project.
func (s *Server) putOnProject(made sale) {
	for _, a := range s.accounts {
		for i := range a.projects {
			if a.projects[i].ID == made.item.projectID {
				a.projects[i].Licenses = append(a.projects[i].Licenses, made.license.id)
			}
		}
	}
}

// hourly returns the cost per hour over a period; 0, which is shown as null, if the period is empty.
func hourly(cost float64, start, end time.Time) float32 {
	if !end.After(start) {
		return 0
	}
	return float32(cost / end.Sub(start).Hours())
}

// textColumn returns what a text column stores for a value that is not text.
func textColumn(v any) any {
	switch v := v.(type) {
	case undefined, nil:
		return nil
	case string:
		return v
	case float64:
		return numberText(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return string(toJSON(v))
}

// quotaOf returns the quota of a license.
func quotaOf(info object) object {
	boost := info.get("boost")
	if nullish(boost) {
		boost = false
	}
	return jsonb(object{
		{"user", info.get("user")},
		{"ram", info.get("custom_ram")},
		{"cpu", info.get("custom_cpu")},
		{"dedicated_ram", 0},
		{"dedicated_cpu", 0},
		{"disk", info.get("custom_disk")},
		{"always_running", info.get("custom_uptime") == "always_running"},
		{"idle_timeout", info.get("custom_uptime")},
		{"member", info.get("custom_member")},
		{"boost", boost},
	}).(object)
}
