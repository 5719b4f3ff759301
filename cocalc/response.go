package cocalc

import (
	"encoding/json"
	"time"
)

// Account is the account that a key belongs to.
type Account struct {
	ID    string // uuid
	Email string // may be empty
}

// CartItem is an item of the account's shopping cart, which all programs and people of the account share.
type CartItem struct {
	ID        int64
	Product   string // "site-license", "cash-voucher", or any text at all
	Checked   bool   // whether a checkout buys it; JSON null means unchecked
	Added     time.Time
	Removed   time.Time // zero: not removed
	Purchased *CartPurchase
	ProjectID string // uuid or empty
	// Description is the JSON as the server sent it. The server changes the order of the keys.
	Description json.RawMessage
}

// CartPurchase marks an item that a checkout bought.
type CartPurchase struct {
	Time      time.Time
	Success   bool
	LicenseID string
}

// CheckoutParams is the server's preview of a checkout.
type CheckoutParams struct {
	Balance    Cents // credit on the account; may be negative
	MinPayment Cents
	MinBalance Cents // the lowest balance the account may have: 0, or negative where an admin extended credit
	AmountDue  Cents
	Total      Cents // can exceed the sum of the lines by a cent per item: never compare prices with it
	Items      []CheckoutItem
}

// CheckoutItem is a checked item of the cart with its price.
type CheckoutItem struct {
	CartItem
	LineItemAmount Cents // the charge for the item
}

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
