package cocalc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	getBalance         = "purchases/get-balance"
	getSubscriptions   = "purchases/get-subscriptions"
	cancelSubscription = "purchases/cancel-subscription"
	resumeSubscription = "purchases/resume-subscription"
)

// Balance returns the credit of the account in cents; it may be negative. The server keeps it as a float of 6 to 7
// digits: it is exact to the cent below 10,000 dollars, and may be off by some cents above.
func (c *Client) Balance(ctx context.Context) (Cents, error) {
	body, err := c.call(ctx, readOnly, getBalance, struct{}{})
	if err != nil {
		return 0, err
	}
	var amount amountJSON
	if err := json.Unmarshal(body, &amount); err != nil || !amount.set {
		return 0, c.unexpectedAnswer(getBalance, body, errors.Join(err, errors.New("it is not an amount")))
	}
	return amount.cents, nil
}

// Subscription renews a monthly or yearly license.
type Subscription struct {
	ID               int64
	Cost             Cents
	Interval         string // "month" or "year"
	Status           string // "active", "canceled", …
	CurrentPeriodEnd time.Time
	LicenseID        string
}

// ChargeLead is how long before the end of a paid period the server charges the next one. Measured on the real server:
// its own notice, which is sent two days earlier, speaks of the same moment.
const ChargeLead = 5 * 24 * time.Hour

// StatusActive is the status of a subscription that the server renews; "canceled" is the usual other one.
const StatusActive = "active"

// NextCharge returns when the server charges the next period; zero if the subscription isn't active. The moment is in
// the past if the server should have charged already: an account without a payment method is never charged.
func (s Subscription) NextCharge() time.Time {
	if s.Status != StatusActive || s.CurrentPeriodEnd.IsZero() {
		return time.Time{}
	}
	return s.CurrentPeriodEnd.Add(-ChargeLead)
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

// CancelSubscription cancels a subscription of the account: its license runs until the end of the paid period, and
// isn't charged again. The server's success proves nothing, since it also reports it for an ID that is unknown or
// another account's; read the subscriptions back. Each call, also a repeated one, sends a message to the owner of the
// subscription, so the request is sent exactly once, on a connection of its own.
//
// The error's outcome decides what may follow. Transient: no byte was sent. Rejected: the server refused, and changed
// nothing. Unknown: it may be cancelled now, or still become so.
func (c *Client) CancelSubscription(ctx context.Context, id int64) error {
	return c.changeSubscription(ctx, cancelSubscription, id)
}

// ResumeSubscription makes a canceled subscription active again. That is free as long as its period is paid; after the
// period, the server charges the next one. It refuses a subscription that is active. The request is sent as by
// [Client.CancelSubscription], with the same meaning of the error's outcome: two at once can both charge.
func (c *Client) ResumeSubscription(ctx context.Context, id int64) error {
	return c.changeSubscription(ctx, resumeSubscription, id)
}

func (c *Client) changeSubscription(ctx context.Context, endpoint string, id int64) error {
	if id <= 0 { // without an ID, the server reports success
		return &Error{
			Op: endpoint, Outcome: Rejected, Kind: NotFound, Err: fmt.Errorf("%d is not the id of a subscription", id),
		}
	}
	body, err := c.call(ctx, nonIdempotent, endpoint, map[string]int64{"subscription_id": id})
	if err != nil {
		return err
	}
	var answer struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Status != "ok" {
		return &Error{
			Op: endpoint, Outcome: Unknown, Status: 200, Text: "the answer is neither a success nor an error: " +
				c.excerpt(body),
		}
	}
	return nil
}
