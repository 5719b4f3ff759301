package cocalc

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

const (
	getPurchases     = "purchases/get-purchases"
	getSubscriptions = "purchases/get-subscriptions"

	maxPurchases = 500 // the most that the server returns for one request
)

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

// Subscriptions lists all subscriptions of the account, including canceled ones. An older store has none; that is an
// error.
func (c *Client) Subscriptions(ctx context.Context) ([]Subscription, error) {
	return readPages(ctx, pages[Subscription]{
		endpoint: getSubscriptions,
		page:     c.subscriptionPage,
		id:       func(s Subscription) string { return strconv.FormatInt(s.ID, 10) },
	})
}

func (c *Client) subscriptionPage(ctx context.Context, offset int) ([]Subscription, error) {
	params := map[string]int{"limit": pageSize}
	if offset > 0 {
		params["offset"] = offset
	}
	body, err := c.call(ctx, readOnly, getSubscriptions, params)
	if err != nil {
		return nil, err
	}
	list, err := decodeList[subscriptionJSON](body)
	if err != nil {
		return nil, c.unexpectedAnswer(getSubscriptions, body, err)
	}
	subscriptions := make([]Subscription, 0, len(list))
	var broken error
	for _, each := range list {
		s, err := each.subscription()
		broken = errors.Join(broken, err)
		subscriptions = append(subscriptions, s)
	}
	if broken != nil {
		return nil, c.unexpectedAnswer(getSubscriptions, body, broken)
	}
	return subscriptions, nil
}
