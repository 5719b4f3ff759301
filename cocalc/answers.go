package cocalc

import (
	"encoding/json"
	"time"
)

// Account is whose key this is, as user-query tells it.
type Account struct {
	ID    string // uuid
	Email string // may be empty
}

// CartItem is one row of the account's shopping cart, which every program and person with the account shares.
type CartItem struct {
	ID        int64
	Product   string // "site-license", "cash-voucher", or any text at all
	Checked   bool   // JSON null means unchecked: not bought by a checkout
	Added     time.Time
	Removed   time.Time // zero: not removed
	Purchased *CartPurchase
	ProjectID string // uuid or empty
	// Description is kept as the server sent it (its keys come in another order than they were sent).
	Description json.RawMessage
}

// CartPurchase marks an item that a checkout bought.
type CartPurchase struct {
	Time      time.Time
	Success   bool
	LicenseID string
}

// CheckoutParams is what the server says a checkout would do now. It changes nothing.
type CheckoutParams struct {
	Balance    Cents // credit on the account; may be negative
	MinPayment Cents
	MinBalance Cents // the lowest balance the account may have: 0, or negative where an admin extended credit
	AmountDue  Cents
	Total      Cents // can be a cent per item above the sum of the lines: never compare prices with it
	Items      []CheckoutItem
}

// CheckoutItem is a checked item with its price.
type CheckoutItem struct {
	CartItem
	LineItemAmount Cents // what will be charged for it
}

// License is a license that the account manages.
type License struct {
	ID          string // uuid
	Title       string
	Description string
	Activates   time.Time
	Expires     time.Time // zero: never
	LastUsed    time.Time // zero: never used
	Created     time.Time // zero where the endpoint does not tell (get-license)
	RunLimit    int
	Quota       Quota
	IsManager   bool
	// SubscriptionID is set by License (get-license) for monthly and yearly licenses; 0 elsewhere.
	SubscriptionID int64
	NumberRunning  int
}

// Quota is what each running project gets from a license.
type Quota struct {
	RAM, CPU, Disk float64 // GB, cores, GB: sold in halves too, by other clients
	User           string
	Boost, Member  bool
	Uptime         string // "short", "medium", "day" or "always_running"
}

// PurchaseRow is one row of the account's purchases: a charge, or a credit with negative cost.
type PurchaseRow struct {
	ID         int64
	Time       time.Time
	Cost       Cents
	Service    string // "license", "credit", …
	LicenseID  string
	CartItemID int64     // description.item.id: 0 where the purchase came from no cart item
	PeriodEnd  time.Time // when what was paid for ends: the license's expiry; zero for credits
	Text       string    // description.item.description.description: carries the order's tag
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
