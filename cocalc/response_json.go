package cocalc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// These are the JSON shapes of answers. Columns of the server's database are decoded strictly: a wrong type there means
// that the answer is not understood. Values that people and other programs write (descriptions, titles, quotas) are
// decoded leniently: an odd value of one item must not hide the rest of a list.

// lenient decodes a value of type T, and any other JSON as T's zero value.
type lenient[T any] struct{ v T }

func (l *lenient[T]) UnmarshalJSON(data []byte) error {
	var v T
	if json.Unmarshal(data, &v) != nil {
		var zero T
		v = zero
	}
	l.v = v
	return nil
}

// lenientText decodes a string as it is, null as empty, and any other value as its JSON.
type lenientText string

func (t *lenientText) UnmarshalJSON(data []byte) error {
	s, isText := unquoteJSON(data)
	if !isText && string(data) != "null" {
		s = string(data)
	}
	*t = lenientText(s)
	return nil
}

// amountJSON decodes an amount in dollars: a float of the server's database (93.7, 87.399994) or a numeric string. It
// rounds to cents; set is false for null.
type amountJSON struct {
	cents Cents
	set   bool
}

func (a *amountJSON) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > maxDollars {
		return fmt.Errorf("%s is not an amount of money", shorten(string(data), 40))
	}
	a.cents, a.set = toCents(f), true
	return nil
}

// timestamp decodes a time: ISO text in carts, purchases and subscriptions, milliseconds since 1970 in licenses. null
// is the zero time.
type timestamp struct{ time.Time }

func (m *timestamp) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	var isDate bool
	if s, isText := unquoteJSON(data); isText {
		m.Time, isDate = parseDate(s)
	} else if f, err := strconv.ParseFloat(text, 64); err == nil {
		m.Time, isDate = millisDate(f)
	}
	if !isDate {
		m.Time = time.Time{}
		return fmt.Errorf("%s is not a date", shorten(text, 40))
	}
	// JavaScript's dates span 270,000 years, Go's JSON dates end with the year 9999. A date that can't be stored is an
	// error.
	if year := m.Year(); year < 0 || year > 9999 {
		m.Time = time.Time{}
		return fmt.Errorf("%s is a date in the year %d", shorten(text, 40), year)
	}
	return nil
}

// maxID is the length of the longest accepted ID, in bytes. CoCalc's are UUIDs.
const maxID = 200

// idText decodes an ID of at most maxID bytes. null is an empty ID.
type idText string

func (t *idText) UnmarshalJSON(data []byte) error {
	s, isText := unquoteJSON(data)
	if !isText && string(data) != "null" || len(s) > maxID {
		return fmt.Errorf("%s is not an id", shorten(string(data), 40))
	}
	*t = idText(s)
	return nil
}

// unquoteJSON decodes a JSON string; ok is false for any other value.
func unquoteJSON(data []byte) (text string, ok bool) {
	if len(data) == 0 || data[0] != '"' {
		return "", false
	}
	err := json.Unmarshal(data, &text)
	return text, err == nil
}

type cartItemJSON struct {
	ID        int64     `json:"id"`
	Product   string    `json:"product"`
	Checked   *bool     `json:"checked"`
	Added     timestamp `json:"added"`
	Removed   timestamp `json:"removed"`
	Purchased *struct {
		Time      lenient[timestamp] `json:"time"`
		Success   lenient[bool]      `json:"success"`
		LicenseID lenient[idText]    `json:"license_id"`
	} `json:"purchased"`
	ProjectID   *string         `json:"project_id"`
	Description json.RawMessage `json:"description"`

	LineItemAmount amountJSON `json:"lineItemAmount"` // in checkout-params only
}

func (j cartItemJSON) item() (CartItem, error) {
	if j.ID <= 0 {
		return CartItem{}, errors.New("a cart item without an id")
	}
	item := CartItem{
		ID: j.ID, Product: j.Product, Checked: j.Checked != nil && *j.Checked, Added: j.Added.Time, Removed: j.Removed.Time,
		Description: j.Description,
	}
	if j.ProjectID != nil {
		item.ProjectID = *j.ProjectID
	}
	if p := j.Purchased; p != nil {
		item.Purchased = &CartPurchase{Time: p.Time.v.Time, Success: p.Success.v, LicenseID: string(p.LicenseID.v)}
	}
	return item, nil
}

type checkoutParamsJSON struct {
	Balance    amountJSON     `json:"balance"`
	MinPayment amountJSON     `json:"minPayment"`
	MinBalance amountJSON     `json:"minBalance"`
	AmountDue  amountJSON     `json:"amountDue"`
	Total      amountJSON     `json:"total"`
	Cart       []cartItemJSON `json:"cart"`
}

func (j checkoutParamsJSON) params() (CheckoutParams, error) {
	// Prices are compared with these amounts, so none may be missing.
	if !j.Balance.set || !j.AmountDue.set || !j.Total.set || j.Cart == nil {
		return CheckoutParams{}, errors.New("the balance, the amount due, the total or the cart is missing")
	}
	p := CheckoutParams{
		Balance: j.Balance.cents, MinPayment: j.MinPayment.cents, MinBalance: j.MinBalance.cents,
		AmountDue: j.AmountDue.cents, Total: j.Total.cents,
	}
	for _, each := range j.Cart {
		item, err := each.item()
		if err != nil {
			return CheckoutParams{}, err
		}
		if !each.LineItemAmount.set || each.LineItemAmount.cents < 0 {
			return CheckoutParams{}, fmt.Errorf("item %d has no price", item.ID)
		}
		p.Items = append(p.Items, CheckoutItem{CartItem: item, LineItemAmount: each.LineItemAmount.cents})
	}
	return p, nil
}

type licenseJSON struct {
	ID             idText             `json:"id"`
	Title          lenientText        `json:"title"`
	Description    lenientText        `json:"description"`
	Activates      timestamp          `json:"activates"`
	Expires        timestamp          `json:"expires"`
	LastUsed       timestamp          `json:"last_used"`
	Created        timestamp          `json:"created"`
	RunLimit       lenient[int]       `json:"run_limit"`
	Quota          lenient[quotaJSON] `json:"quota"`
	IsManager      lenient[bool]      `json:"is_manager"`
	SubscriptionID lenient[int64]     `json:"subscription_id"`
	NumberRunning  lenient[int]       `json:"number_running"`
}

type quotaJSON struct {
	RAM           lenient[float64] `json:"ram"`
	CPU           lenient[float64] `json:"cpu"`
	Disk          lenient[float64] `json:"disk"`
	User          lenientText      `json:"user"`
	Boost         lenient[bool]    `json:"boost"`
	Member        lenient[bool]    `json:"member"`
	IdleTimeout   lenientText      `json:"idle_timeout"`
	AlwaysRunning lenient[bool]    `json:"always_running"`
}

func (j licenseJSON) license() License {
	q := j.Quota.v
	l := License{
		ID: string(j.ID), Title: string(j.Title), Description: string(j.Description), Activates: j.Activates.Time,
		Expires:  j.Expires.Time,
		LastUsed: j.LastUsed.Time, Created: j.Created.Time, RunLimit: j.RunLimit.v, IsManager: j.IsManager.v,
		SubscriptionID: j.SubscriptionID.v, NumberRunning: j.NumberRunning.v,
		Quota: Quota{
			RAM: q.RAM.v, CPU: q.CPU.v, Disk: q.Disk.v, User: string(q.User), Boost: q.Boost.v, Member: q.Member.v,
			Uptime: string(q.IdleTimeout),
		},
	}
	if q.AlwaysRunning.v {
		l.Quota.Uptime = string(UptimeAlways)
	}
	return l
}

type purchaseJSON struct {
	ID          int64      `json:"id"`
	Time        timestamp  `json:"time"`
	Cost        amountJSON `json:"cost"` // null while a pay-as-you-go purchase runs
	Service     string     `json:"service"`
	PeriodEnd   timestamp  `json:"period_end"`
	Description lenient[struct {
		LicenseID lenient[idText] `json:"license_id"`
		Item      lenient[struct {
			ID          lenient[int64] `json:"id"`
			Description lenient[struct {
				Description lenientText `json:"description"`
			}] `json:"description"`
		}] `json:"item"`
	}] `json:"description"`
}

func (j purchaseJSON) row() (PurchaseRow, error) {
	if j.ID <= 0 {
		return PurchaseRow{}, errors.New("a purchase without an id")
	}
	item := j.Description.v.Item.v
	return PurchaseRow{
		ID: j.ID, Time: j.Time.Time, Cost: j.Cost.cents, Service: j.Service, LicenseID: string(j.Description.v.LicenseID.v),
		CartItemID: item.ID.v, PeriodEnd: j.PeriodEnd.Time, Text: string(item.Description.v.Description),
	}, nil
}

type subscriptionJSON struct {
	ID               int64      `json:"id"`
	Cost             amountJSON `json:"cost"`
	Interval         string     `json:"interval"`
	Status           string     `json:"status"`
	CurrentPeriodEnd timestamp  `json:"current_period_end"`
	Metadata         lenient[struct {
		LicenseID lenient[idText] `json:"license_id"`
	}] `json:"metadata"`
}

func (j subscriptionJSON) subscription() (Subscription, error) {
	if j.ID <= 0 {
		return Subscription{}, errors.New("a subscription without an id")
	}
	return Subscription{
		ID: j.ID, Cost: j.Cost.cents, Interval: j.Interval, Status: j.Status, CurrentPeriodEnd: j.CurrentPeriodEnd.Time,
		LicenseID: string(j.Metadata.v.LicenseID.v),
	}, nil
}
