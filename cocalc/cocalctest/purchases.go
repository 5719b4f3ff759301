package cocalctest

import (
	"slices"
	"sort"
	"time"
)

// purchase is a row of purchases: a charge, or a credit with negative cost.
type purchase struct {
	id                     int64
	accountID              string
	time                   time.Time
	cost                   float32 // dollars
	periodStart, periodEnd time.Time
	costPerHour            float32 // 0: null
	service                string
	description            any
	notes                  string
	licenseID              string
	itemID                 int64 // of the cart
	refundOf               int64 // a purchase; 0: not a refund
}

func (p *purchase) row() object {
	var perHour, notes any
	if p.costPerHour != 0 {
		perHour = p.costPerHour
	}
	if p.notes != "" {
		notes = p.notes
	}
	return object{
		{"id", p.id},
		{"time", p.time},
		{"cost", p.cost},
		{"period_start", p.periodStart},
		{"period_end", p.periodEnd},
		{"cost_per_hour", perHour},
		{"cost_so_far", nil},
		{"service", p.service},
		{"description", p.description},
		{"invoice_id", nil},
		{"project_id", nil},
		{"notes", notes},
	}
}

func (s *Server) purchasesOf(a *account) []*purchase {
	var list []*purchase
	for _, p := range s.purchases {
		if p.accountID == a.id {
			list = append(list, p)
		}
	}
	sortNewestFirst(list, func(p *purchase) time.Time { return p.time })
	return list
}

// page returns limit and offset of a request. The limit is 100 by default, and at most 500.
func page[T any](c *call, list []T) ([]T, error) {
	limit := int64(defaultListed)
	if v := c.params.get("limit"); !nullish(v) {
		n, _, err := pgBigint(v)
		switch {
		case err != nil:
			return nil, err
		case n < 0:
			return nil, refusal("LIMIT must not be negative")
		case n == 0 || n > maxListed:
			return nil, refusal(limitErrorText)
		}
		limit = n
	}
	offset, _, err := pgBigint(c.params.get("offset"))
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, refusal("OFFSET must not be negative")
	}
	list = list[min(int(offset), len(list)):]
	return list[:min(int(limit), len(list))], nil
}

// getPurchases lists charges and credits, newest first, and the balance.
func (s *Server) getPurchases(c *call) (any, error) {
	list := s.purchasesOf(c.account)
	if service := c.params.get("service"); !nullish(service) {
		list = slices.DeleteFunc(list, func(p *purchase) bool { return p.service != service })
	}
	if cutoff := c.params.get("cutoff"); !nullish(cutoff) {
		since, ok := parseDate(cutoff)
		if !ok {
			return nil, errInvalidDate
		}
		list = slices.DeleteFunc(list, func(p *purchase) bool { return p.time.Before(since) })
	}
	rows := []any{}
	if truthy(c.params.get("group")) {
		rows = grouped(list)
	} else {
		list, err := page(c, list)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			rows = append(rows, p.row())
		}
	}
	return object{{"purchases", rows}, {"balance", s.visibleBalance(c)}}, nil
}

// grouped returns the sums of purchases by service, the largest first.
func grouped(list []*purchase) []any {
	type group struct {
		service string
		sum     float32
		count   int
	}
	var groups []*group
	for _, p := range slices.Backward(list) {
		i := slices.IndexFunc(groups, func(g *group) bool { return g.service == p.service })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{service: p.service})
		}
		groups[i].sum += throughDecimal(p.cost)
		groups[i].count++
	}
	sort.SliceStable(groups, func(i, j int) bool { return groups[i].sum > groups[j].sum })
	rows := []any{}
	for _, g := range groups {
		rows = append(rows, object{{"cost", g.sum}, {"service", g.service}, {"project_id", nil}, {"count", g.count}})
	}
	return rows
}
