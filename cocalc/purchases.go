package cocalc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	getManaged = "licenses/get-managed"
	getLicense = "licenses/get-license"

	// pageSize is how many licenses or subscriptions one request asks for; the server returns at most 500 subscriptions.
	pageSize = 500
	// maxPasses is how often a list is read from its beginning before it counts as unstable.
	maxPasses = 5
	// maxPages is the largest number of pages that are read: 100,000 licenses or subscriptions.
	maxPages = 200
)

// License is a license that the account manages.
type License struct {
	ID          string // uuid
	Title       string
	Description string
	Activates   time.Time
	Expires     time.Time // zero: never
	LastUsed    time.Time // zero: never used
	Created     time.Time // zero if it is not known: get-license does not return it
	RunLimit    int
	Quota       Quota
	IsManager   bool
	// SubscriptionID is set by [Client.License] for monthly and yearly licenses; 0 otherwise.
	SubscriptionID int64
	NumberRunning  int
}

// Quota is what a license gives to each running project.
type Quota struct {
	RAM, CPU, Disk float64 // GB, cores, GB; other clients buy halves too
	User           string
	Boost, Member  bool
	Uptime         string // "short", "medium", "day" or "always_running"
}

// Licenses lists all licenses that the account manages, newest first.
//
// The server also returns an empty list for a wrong key and while its database is down. So Licenses returns an empty
// list only if [Client.WhoAmI] succeeds and the list is still empty afterwards.
func (c *Client) Licenses(ctx context.Context) ([]License, error) {
	return readPages(ctx, pages[License]{
		endpoint: getManaged,
		page: func(ctx context.Context, skip int) ([]License, error) {
			return c.readTwice(ctx, func(ctx context.Context) ([]License, bool, error) {
				list, err := c.licensePage(ctx, skip)
				return list, len(list) > 0, err
			})
		},
		id: func(l License) string { return l.ID },
	})
}

func (c *Client) licensePage(ctx context.Context, skip int) ([]License, error) {
	body, err := c.call(ctx, readOnly, getManaged, map[string]int{"limit": pageSize, "skip": skip})
	if err != nil {
		return nil, err
	}
	list, err := decodeLicenses(body)
	if err != nil {
		return nil, c.unexpectedAnswer(getManaged, body, err)
	}
	return list, nil
}

func decodeLicenses(body []byte) ([]License, error) {
	list, err := decodeList[licenseJSON](body)
	if err != nil {
		return nil, err
	}
	licenses := make([]License, 0, len(list))
	for _, each := range list {
		if each.ID == "" {
			return nil, errors.New("a license without an id")
		}
		licenses = append(licenses, each.license())
	}
	return licenses, nil
}

// License reads one license. If the account does not manage it, IsManager is false and most fields are empty. The
// error's kind is NotFound for an ID that is unknown or not a UUID. For both results, License checks first that the key
// is valid, since a wrong key gets the same answers.
func (c *Client) License(ctx context.Context, id string) (License, error) {
	var missing error
	license, err := c.readTwice(ctx, func(ctx context.Context) ([]License, bool, error) {
		missing = nil
		license, err := c.license(ctx, id)
		var e *Error
		if errors.As(err, &e) && e.Kind == NotFound {
			missing = err
			return nil, false, nil
		}
		return []License{license}, license.IsManager, err
	})
	switch {
	case err != nil:
		return License{}, err
	case missing != nil:
		return License{}, missing
	}
	return license[0], nil
}

func (c *Client) license(ctx context.Context, id string) (License, error) {
	body, err := c.call(ctx, readOnly, getLicense, map[string]string{"license_id": id})
	if err != nil {
		return License{}, err
	}
	var j licenseJSON
	err = json.Unmarshal(body, &j)
	switch {
	case err == nil && body[0] != '{':
		err = errors.New("it is not an object")
	case err == nil && j.ID == "" && !j.IsManager.v:
		j.ID = idText(id) // only managers read it
	case err == nil && !strings.EqualFold(string(j.ID), id):
		err = fmt.Errorf("asked for license %s, got %q", id, j.ID)
	}
	if err != nil {
		return License{}, c.unexpectedAnswer(getLicense, body, err)
	}
	return j.license(), nil
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

const (
	getPurchases = "purchases/get-purchases"
	maxPurchases = 500 // the most that the server returns for one request
)

// PurchaseRow is one row of the account's purchases: a charge, or a credit with negative cost.
type PurchaseRow struct {
	ID         int64
	Time       time.Time
	Cost       Cents
	Service    string // "license", "credit", …
	LicenseID  string
	CartItemID int64     // description.item.id; 0 if the purchase has no cart item
	PeriodEnd  time.Time // end of the paid period, which is the license's expiry; zero for credits
	Text       string    // description.item.description.description, which ends with the order's tag
	// Change is what a row of service edit-license changed; nil for other rows, and if the row doesn't tell.
	Change *LicenseChange
	// RefundOf is the ID of the row whose cost a row of service refund gives back; 0 for other rows.
	RefundOf int64
}

// PurchaseFilter selects purchases. The zero value selects the newest hundred.
type PurchaseFilter struct {
	Service string    // "license", "credit", …; empty: all
	Limit   int       // 1 to 500; 0: 100
	Offset  int       // how many of the newest to skip
	Since   time.Time // leaves out older purchases; zero: none
}

// Purchases lists charges and credits of the account, newest first. The server throttles this request; Purchases waits
// as long as the server asks, up to Options.MaxWait.
func (c *Client) Purchases(ctx context.Context, filter PurchaseFilter) ([]PurchaseRow, error) {
	params := map[string]any{"limit": 100}
	if filter.Limit > 0 {
		params["limit"] = min(filter.Limit, maxPurchases)
	}
	if filter.Service != "" {
		params["service"] = filter.Service
	}
	if filter.Offset > 0 {
		params["offset"] = filter.Offset
	}
	if !filter.Since.IsZero() {
		params["cutoff"] = filter.Since.UTC().Format(isoMillis)
	}
	body, err := c.call(ctx, readOnly, getPurchases, params)
	if err != nil {
		return nil, err
	}
	all, err := decodePurchases(body)
	if err != nil {
		return nil, c.unexpectedAnswer(getPurchases, body, err)
	}
	rows := all[:0]
	for _, row := range all {
		// The server does not apply its bound to purchases that are still running.
		if filter.Since.IsZero() || !row.Time.Before(filter.Since.Truncate(time.Millisecond)) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func decodePurchases(body []byte) ([]PurchaseRow, error) {
	var answer struct {
		Purchases json.RawMessage `json:"purchases"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	list, err := decodeList[purchaseJSON](answer.Purchases)
	if err != nil {
		return nil, err
	}
	rows := make([]PurchaseRow, 0, len(list))
	for _, each := range list {
		row, err := each.row()
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

type purchaseJSON struct {
	ID          int64      `json:"id"`
	Time        timestamp  `json:"time"`
	Cost        amountJSON `json:"cost"` // null while a pay-as-you-go purchase runs
	Service     string     `json:"service"`
	PeriodEnd   timestamp  `json:"period_end"`
	Description lenient[struct {
		LicenseID  lenient[idText]            `json:"license_id"`
		Before     lenient[*licenseTermsJSON] `json:"origInfo"`
		After      lenient[*licenseTermsJSON] `json:"modifiedInfo"`
		PurchaseID lenient[int64]             `json:"purchase_id"`
		Item       lenient[struct {
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
	d := j.Description.v
	item := d.Item.v
	row := PurchaseRow{
		ID: j.ID, Time: j.Time.Time, Cost: j.Cost.cents, Service: j.Service, LicenseID: string(d.LicenseID.v),
		CartItemID: item.ID.v, PeriodEnd: j.PeriodEnd.Time, Text: string(item.Description.v.Description),
	}
	switch {
	case j.Service == ServiceEdit && d.Before.v != nil && d.After.v != nil:
		row.Change = &LicenseChange{d.Before.v.terms(), d.After.v.terms()}
	case j.Service == ServiceRefund:
		row.RefundOf = d.PurchaseID.v
	}
	return row, nil
}

// readTwice reads something that looks empty with a wrong key or during a database outage. If read returns an answer
// that is not certain, readTwice proves the key and reads again: an outage that ended before the proof can't affect the
// second answer.
func (c *Client) readTwice(ctx context.Context, read func(context.Context) (list []License, certain bool, err error)) (
	[]License, error,
) {
	list, certain, err := read(ctx)
	if err != nil || certain {
		return list, err
	}
	if _, err := c.WhoAmI(ctx); err != nil {
		return nil, err
	}
	list, _, err = read(ctx)
	return list, err
}

// pages is a list that the server gives in pages.
type pages[T any] struct {
	endpoint string
	page     func(ctx context.Context, skip int) ([]T, error) // at most pageSize, fewer only at the end
	id       func(T) string
}

// readPages reads all pages. The server orders licenses by creation time only, and those of one checkout have the same
// time: between two requests they may change places, so that one is on both pages and another on neither. A pass over
// all pages is complete if nothing appeared twice. Otherwise the list is read again, and the results are merged.
func readPages[T any](ctx context.Context, p pages[T]) ([]T, error) {
	var all []T
	seen := map[string]int{} // the last pass in which an id was seen
	for pass := 1; pass <= maxPasses; pass++ {
		total, complete := 0, true
		for {
			list, err := p.page(ctx, total)
			if err != nil {
				return nil, err
			}
			fresh := false
			for _, each := range list {
				last := seen[p.id(each)]
				if last == 0 {
					all = append(all, each)
				}
				if last < pass {
					fresh = true
				}
				seen[p.id(each)] = pass
			}
			total += len(list)
			if len(list) < pageSize {
				break
			}
			if total >= maxPages*pageSize {
				return nil, &Error{
					Op: p.endpoint, Outcome: Transient, Status: 200,
					Text: fmt.Sprintf("there is no end after %d entries", total),
				}
			}
			if !fresh { // the server returns the same page again and again
				complete = false
				break
			}
		}
		if complete && len(all) >= total {
			return all, nil
		}
	}
	return nil, &Error{Op: p.endpoint, Outcome: Transient, Status: 200, Text: "the list kept changing while it was read"}
}
