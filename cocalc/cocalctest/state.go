package cocalctest

import (
	"encoding/json"
	"math"
	"time"
)

// CartItem is a row of a cart, for tests and pages.
type CartItem struct {
	ID          int64
	Product     string
	Title       string
	Description json.RawMessage
	Checked     bool // null counts as false
	Added       time.Time
	Removed     time.Time // zero: not removed
	PurchasedAt time.Time // zero: not bought
	LicenseID   string
	ProjectID   string
}

// License is a license of an account.
type License struct {
	ID, Title, Description      string
	Activates, Expires, Created time.Time
	RunLimit                    int64
	Quota                       json.RawMessage
	SubscriptionID              int64 // 0: none
}

// Purchase is a charge, or a credit with a negative amount.
type Purchase struct {
	ID         int64
	Time       time.Time
	Cents      int64
	Service    string
	LicenseID  string
	CartItemID int64
}

// Subscription renews a license.
type Subscription struct {
	ID        int64
	Cents     int64
	Interval  string
	Status    string
	LicenseID string
	PeriodEnd time.Time
}

// Cart returns every row of the account's cart by ID: items in it, removed and purchased ones, but not deleted ones.
func (a *Account) Cart() []CartItem {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	var rows []CartItem
	for _, item := range a.s.items {
		if item.accountID != a.a.id {
			continue
		}
		row := CartItem{
			ID: item.id, Product: item.product, Description: toJSON(item.description), Checked: item.checked == true,
			Added: item.added, Removed: item.removed, ProjectID: item.projectID,
		}
		if d, ok := item.description.(object); ok {
			row.Title, _ = textColumn(d.get("title")).(string)
		}
		if item.purchased != nil {
			row.PurchasedAt, row.LicenseID = item.purchased.time, item.purchased.licenseID
		}
		rows = append(rows, row)
	}
	return rows
}

// Licenses returns the licenses that the account manages, newest first.
func (a *Account) Licenses() []License {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	var rows []License
	for _, l := range a.s.managedLicenses(a.a) {
		row := License{
			ID: l.id, Activates: l.activates, Expires: l.expires, Created: l.created, RunLimit: l.runLimit,
			Quota: toJSON(l.quota),
		}
		row.Title, _ = l.title.(string)
		row.Description, _ = l.description.(string)
		if l.subscription != nil {
			row.SubscriptionID = l.subscription.id
		}
		rows = append(rows, row)
	}
	return rows
}

// Purchases returns the account's charges and credits, newest first.
func (a *Account) Purchases() []Purchase {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	var rows []Purchase
	for _, p := range a.s.purchasesOf(a.a) {
		rows = append(rows, Purchase{p.id, p.time, cents(p.cost), p.service, p.licenseID, p.itemID})
	}
	return rows
}

// Subscriptions returns the account's subscriptions, oldest first.
func (a *Account) Subscriptions() []Subscription {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	var rows []Subscription
	for _, u := range a.s.subscriptions {
		if u.accountID == a.a.id {
			rows = append(rows, Subscription{u.id, cents(u.cost), u.interval, u.status, u.licenseID, u.periodEnd})
		}
	}
	return rows
}

func cents(dollars float32) int64 { return int64(math.Round(fromReal(dollars) * 100)) }

// AddToCart adds an item as another program would, and returns its ID. The description is JSON. It panics if the cart
// refuses the description, since the caller wrote it.
func (a *Account) AddToCart(product, description string) int64 {
	parsed, err := parseJSON([]byte(description))
	if err != nil {
		panic("cocalctest: the description is no JSON: " + err.Error())
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if parsed, err = shiftRangeAtAdd(parsed, a.s.now()); err != nil {
		panic("cocalctest: " + err.Error())
	}
	return a.s.insertItem(a.a.id, product, jsonb(parsed), "").id
}

// SetChecked checks or unchecks an item of the cart. It returns false if there is no such item.
func (a *Account) SetChecked(id int64, checked bool) bool {
	return a.change(id, (*cartItem).inCart, func(i *cartItem) { i.checked = checked })
}

// Remove saves an item for later. It returns false if the item is not in the cart.
func (a *Account) Remove(id int64) bool {
	return a.change(id, (*cartItem).inCart, func(i *cartItem) { i.removed = a.s.now() })
}

// Delete deletes an item that was not purchased. It returns false if there is none.
func (a *Account) Delete(id int64) bool {
	return a.change(id, func(i *cartItem) bool { return i.purchased == nil }, a.s.deleteItem)
}

// Edit replaces the description of an item that was not purchased. It returns false if there is none. The description
// is JSON; Edit panics on anything else, since the caller wrote it.
func (a *Account) Edit(id int64, description string) bool {
	parsed, err := parseJSON([]byte(description))
	if err != nil {
		panic("cocalctest: the description is no JSON: " + err.Error())
	}
	return a.change(id, func(i *cartItem) bool { return i.purchased == nil }, func(i *cartItem) {
		i.description = jsonb(parsed)
	})
}

func (a *Account) change(id int64, when func(*cartItem) bool, change func(*cartItem)) bool {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	n, _ := a.s.changeItem(a.a, float64(id), when, change)
	return n == 1
}

// Checkout buys the checked items, as a person does in the store, and returns when it is complete. The error has the
// server's text.
func (a *Account) Checkout() error {
	_, err := a.s.checkout(&call{endpoint: checkoutPath, account: a.a})
	return err
}

// CancelSubscription cancels a subscription. It returns false if the account has none with that ID.
func (a *Account) CancelSubscription(id int64) bool {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.s.cancel(a.a, id)
}

// StartCheckout begins a checkout that has read the cart when the call returns, and continues in the background. A
// checkout that begins meanwhile buys the same items again.
func (a *Account) StartCheckout() {
	a.s.running.Add(1)
	begun := make(chan struct{})
	go func() {
		defer a.s.running.Done()
		defer a.s.KeepNow()
		_, _ = a.s.checkout(&call{endpoint: checkoutPath, account: a.a, begun: func() { close(begun) }})
	}()
	<-begun
}
