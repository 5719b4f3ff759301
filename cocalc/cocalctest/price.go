package cocalctest

import (
	"math"
	"strings"
	"time"
)

// pricedItem is a checked cart item with its price.
type pricedItem struct {
	item       *cartItem
	snapshot   object // the item at the time when it was read
	desc       any
	cost       object
	lineAmount float64 // dollars: the charge
	total      float64 // dollars: its part of the total of checkout-params
}

// row returns the item as checkout-params shows it and as the purchase stores it.
func (p pricedItem) row() object {
	return append(append(object(nil), p.snapshot...), member{"cost", p.cost}, member{"lineItemAmount", p.lineAmount})
}

// price returns the price of an item, at a percentage of the real one.
func (s *Server) price(item *cartItem, percent int) (pricedItem, error) {
	p := pricedItem{item: item, snapshot: item.row(), desc: item.description}
	d, _ := item.description.(object)
	if d.get("type") == cashVoucher {
		return voucherPrice(p, d), nil
	}
	cost, err := computeDollars(item.description, s.now())
	if err != nil {
		return p, err
	}
	scale := func(dollars float64) float64 { return scaled(dollars, percent) }
	p.lineAmount = scale(cost.lineItem())
	p.total = math.Ceil(100*cost.lineItem()) / 100
	if percent != 100 {
		p.total = p.lineAmount
	}
	p.cost = object{
		{"cost_per_unit", scale(cost.perUnit)},
		{"cost", scale(cost.cost)},
		{"cost_per_project_per_month", scale(cost.perProjectMonth)},
		{"cost_sub_month", scale(cost.subMonth)},
		{"cost_sub_year", scale(cost.subYear)},
		{"quantity", cost.quantity},
		{"period", cost.period},
		{"input", costInput(d)},
	}
	return p, nil
}

func scaled(dollars float64, percent int) float64 {
	if percent == 100 {
		return dollars
	}
	return math.Ceil(math.Round(dollars*100)*float64(percent)/100-1e-6) / 100
}

// voucherPrice returns the cost object of a cash voucher, which has another shape.
func voucherPrice(p pricedItem, d object) pricedItem {
	amount, _ := d.get("amount").(float64)
	count, _ := d.get("numVouchers").(float64)
	if d.get("whenPay") == "admin" {
		amount = 0
	}
	p.lineAmount = amount * count
	p.total = p.lineAmount
	p.cost = object{
		{"cost", amount * count},
		{"cost_per_unit", amount},
		{"input", d.with("subscription", "no")},
		{"period", "range"},
		{"cost_per_project_per_month", 0},
		{"cost_sub_month", 0},
		{"cost_sub_year", 0},
		{"quantity", d.get("numVouchers")},
	}
	return p
}

// costInput returns the specification that the price code reports as its input. The price code treats every unknown
// type as a quota, and keeps always_running, which the license's own info lacks; neither changes the price.
func costInput(d object) object {
	var input object
	for _, m := range append(licenseInfo(d), member{"boost", boostOf(d)}) {
		switch m.name {
		case "type":
			m.value = "quota"
		case "custom_member":
			input = append(input, member{"custom_always_running", d.get("always_running")})
		}
		input = append(input, m)
	}
	if d.get("period") == "range" {
		return append(input, member{"start", rangeDate(d, 0)}, member{"end", rangeDate(d, 1)})
	}
	return append(input, member{"start", nil}, member{"end", nil})
}

// boostOf returns the boost of a description; false if it has none.
func boostOf(d object) any {
	boost := d.get("boost")
	if _, gone := boost.(undefined); gone {
		return false
	}
	return boost
}

func rangeDate(d object, i int) any {
	if t, ok := parseDate(index(d.get("range"), i)); ok {
		return t
	}
	return nil
}

// licenseInfo converts a cart description to the terms of a license, as far as price and license share them.
func licenseInfo(d object) object {
	kind := d.get("type")
	if nullish(kind) {
		kind = "quota"
	}
	subscription := d.get("period")
	if subscription == "range" {
		subscription = "no"
	}
	return object{
		{"version", "3"},
		{"type", kind},
		{"user", d.get("user")},
		{"upgrade", "custom"},
		{"quantity", d.get("run_limit")},
		{"subscription", subscription},
		{"custom_ram", d.get("ram")},
		{"custom_dedicated_ram", 0},
		{"custom_cpu", d.get("cpu")},
		{"custom_dedicated_cpu", 0},
		{"custom_disk", d.get("disk")},
		{"custom_member", d.get("member")},
		{"custom_uptime", d.get("uptime")},
	}
}

// purchaseInfo is licenseInfo with dates, title and the rest, at the time of buying. It returns an error for a
// description that is not one of a license.
func purchaseInfo(description any, now time.Time) (info object, start, end time.Time, err error) {
	d, _ := description.(object)
	if kind := d.get("type"); !nullish(kind) && kind != "quota" {
		return nil, start, end, refusal("Cannot destructure property 'type' of 'info' as it is undefined.")
	}
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch d.get("period") {
	case "range":
		start, _ = parseDate(index(d.get("range"), 0))
		end, _ = parseDate(index(d.get("range"), 1))
	case "yearly":
		start, end = today, endOfDay(addMonths(today, 12))
	default:
		start, end = today, endOfDay(addMonths(today, 1))
	}
	info = append(licenseInfo(d), member{"boost", boostOf(d)}, member{"start", start}, member{"end", end},
		member{"title", d.get("title")}, member{"description", d.get("description")}, member{"source", d.get("source")})
	return info, start, end, nil
}

func endOfDay(t time.Time) time.Time { return t.AddDate(0, 0, 1).Add(-time.Millisecond) }

// sanityCheck is the server's last check before it creates a license. It accepts values that are too large, which is a
// mistake of the server. Its check of the dates is left out: each read of the cart makes a range at least an hour long.
func sanityCheck(info object) error {
	for _, name := range []string{"custom_ram", "custom_cpu", "custom_disk"} {
		v, ok := info.get(name).(float64)
		if !ok {
			return refusal(`field "` + name + `" must be number`)
		}
		if v < 0 {
			return refusal(`field "` + name + `" too small or too big`)
		}
	}
	uptime, ok := info.get("custom_uptime").(string)
	if !ok {
		return refusal(`field "custom_uptime" must be set`)
	}
	if !strings.Contains(" short medium day always_running ", " "+uptime+" ") || uptime == "" {
		return refusal(`field "custom_uptime" must be one of short, medium, day or "always_running"`)
	}
	if _, ok := info.get("custom_member").(bool); !ok {
		return refusal(`field "custom_member" must be boolean`)
	}
	return nil
}
