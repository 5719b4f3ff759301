package cocalc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"time"
)

const (
	cartAdd     = "shopping/cart/add"
	cartGet     = "shopping/cart/get"
	cartChecked = "shopping/cart/checked"
	cartRemove  = "shopping/cart/remove"
	cartDelete  = "shopping/cart/delete"
)

// CartFilter selects items of the cart by whether they were bought or removed.
type CartFilter int

// The filters.
const (
	InCart              CartFilter = iota // neither bought nor removed
	Purchased                             // bought and not removed
	Removed                               // removed and not bought
	PurchasedAndRemoved                   // both: removed while a checkout was buying it
)

func (f CartFilter) params() (map[string]bool, error) {
	switch f {
	case InCart:
		return map[string]bool{}, nil
	case Purchased:
		return map[string]bool{"purchased": true}, nil
	case Removed:
		return map[string]bool{"removed": true}, nil
	case PurchasedAndRemoved:
		return map[string]bool{"purchased": true, "removed": true}, nil
	}
	return nil, fmt.Errorf("cart filter %d does not exist", int(f))
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

// Text returns the description of the license in the item, which ends with the order's tag. Any program may store any
// JSON there: a value that is not a string is returned as its JSON, and a missing one as "".
func (i CartItem) Text() string { return i.text("description") }

// Title returns the title of the license in the item, as [CartItem.Text] returns its description.
func (i CartItem) Title() string { return i.text("title") }

func (i CartItem) text(field string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(i.Description, &fields) != nil {
		return ""
	}
	raw, ok := fields[field]
	if !ok {
		return ""
	}
	var text lenientText
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return string(text)
}

// AddToCart adds a license to the cart, checked. description is made by [LicenseSpec.CartDescription]; projectID may be
// empty.
//
// Each call adds another item, and the answer does not name it: put a tag into the description and find it with
// [Client.Cart]. The request is sent once. With outcome Unknown, the item may be in the cart or still appear; with kind
// Throttled, nothing was added, and Wait says how long to wait.
func (c *Client) AddToCart(ctx context.Context, description []byte, projectID string) error {
	if _, err := decodeObject(description); err != nil {
		return &Error{Op: cartAdd, Outcome: Rejected, Err: fmt.Errorf("the description: %w", err)}
	}
	body, err := c.call(ctx, nonIdempotent, cartAdd, struct {
		Product     string          `json:"product"`
		Description json.RawMessage `json:"description"`
		ProjectID   string          `json:"project_id,omitempty"`
	}{"site-license", description, projectID})
	if err != nil {
		return err
	}
	if rows, err := strconv.Atoi(string(body)); err != nil || rows < 1 {
		return &Error{Op: cartAdd, Outcome: Unknown, Status: 200, Text: "the answer is not a number of added items: " +
			c.excerpt(body)}
	}
	return nil
}

// Cart lists the items of the account's cart that match the filter, newest first. Other programs and people of the
// account use the same cart.
func (c *Client) Cart(ctx context.Context, which CartFilter) ([]CartItem, error) {
	params, err := which.params()
	if err != nil {
		return nil, &Error{Op: cartGet, Outcome: Rejected, Err: err}
	}
	body, err := c.call(ctx, readOnly, cartGet, params)
	if err != nil {
		return nil, err
	}
	list, err := decodeList[cartItemJSON](body)
	if err != nil {
		return nil, c.unexpectedAnswer(cartGet, body, err)
	}
	items := make([]CartItem, 0, len(list))
	for _, each := range list {
		item, err := each.item()
		if err != nil {
			return nil, c.unexpectedAnswer(cartGet, body, err)
		}
		items = append(items, item)
	}
	c.rememberItems(which, items)
	return items, nil
}

// CartItem reads one item of the account, also if it was bought or removed, or breaks the cart. The error's kind is
// NotFound for an unknown or deleted item, and for one of another account.
func (c *Client) CartItem(ctx context.Context, id int64) (CartItem, error) {
	if err := checkItemID(cartGet, id); err != nil {
		return CartItem{}, err
	}
	body, err := c.call(ctx, readOnly, cartGet, map[string]int64{"id": id})
	if err != nil {
		return CartItem{}, err
	}
	var j cartItemJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return CartItem{}, c.unexpectedAnswer(cartGet, body, err)
	}
	item, err := j.item()
	if err == nil && item.ID != id {
		err = fmt.Errorf("asked for item %d, got item %d", id, item.ID)
	}
	if err != nil {
		return CartItem{}, c.unexpectedAnswer(cartGet, body, err)
	}
	return item, nil
}

// SetChecked sets whether a checkout buys the item. changed is false if the item is not in the cart.
func (c *Client) SetChecked(ctx context.Context, id int64, checked bool) (changed bool, err error) {
	return c.change(ctx, cartChecked, id, map[string]any{"id": id, "checked": checked})
}

// RemoveFromCart removes an item from the cart; it stays readable, and people can put it back. removed is false if the
// item is not in the cart. While a checkout may be running, removed does not prove that the item was not bought.
func (c *Client) RemoveFromCart(ctx context.Context, id int64) (removed bool, err error) {
	return c.change(ctx, cartRemove, id, map[string]any{"id": id})
}

// DeleteFromCart deletes an unpurchased item permanently. deleted is false if there is no such item.
func (c *Client) DeleteFromCart(ctx context.Context, id int64) (deleted bool, err error) {
	return c.change(ctx, cartDelete, id, map[string]any{"id": id})
}

// change sends an idempotent change of one item, and reports whether the server changed it.
func (c *Client) change(ctx context.Context, endpoint string, id int64, params map[string]any) (bool, error) {
	if err := checkItemID(endpoint, id); err != nil {
		return false, err
	}
	body, err := c.call(ctx, idempotent, endpoint, params)
	if err != nil {
		return false, err
	}
	rows, err := strconv.Atoi(string(body))
	if err != nil || rows < 0 || rows > 1 {
		return false,
			&Error{Op: endpoint, Outcome: Unknown, Status: 200, Text: "the answer is not a number of changed items: " +
				c.excerpt(body)}
	}
	return rows == 1, nil
}

// checkItemID returns an error for an ID that is not positive: without an ID, the server would change every item.
func checkItemID(endpoint string, id int64) error {
	if id > 0 {
		return nil
	}
	return &Error{Op: endpoint, Outcome: Rejected, Kind: NotFound, Err: fmt.Errorf("%d is not the id of a cart item", id)}
}

// rememberItems stores the IDs that FindBrokenItem needs if the cart can no longer be listed.
func (c *Client) rememberItems(which CartFilter, items []CartItem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if which == InCart {
		c.inCart = c.inCart[:0]
	}
	for _, item := range items {
		c.newestID = max(c.newestID, item.ID)
		if which == InCart {
			c.inCart = append(c.inCart, item.ID)
		}
	}
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

// RangeTolerance is by how much the cart may move the start of a fixed term before an item counts as different from the
// one that was sent. See [DescriptionMatches].
const RangeTolerance = 10 * time.Minute

// DescriptionMatches returns an error if the description of a cart item differs from the one that was sent. The order
// of the keys, which the server changes, does not matter. The error names the first field that differs.
//
// One difference is allowed, since the server makes it: it moves the start of a fixed term from the past to its current
// time, the first time together with the end, and later without it. So the start may be up to [RangeTolerance] later
// than sent, and the end later by at most as much. The term can only become shorter, so the price can't rise.
func DescriptionMatches(sent, got json.RawMessage) error {
	want, err := decodeObject(sent)
	if err != nil {
		return fmt.Errorf("read the description that was sent: %w", err)
	}
	have, err := decodeObject(got)
	if err != nil {
		return fmt.Errorf("read the description of the cart item: %w", err)
	}
	for _, name := range fieldNames(want, have) {
		w, wanted := want[name]
		h, there := have[name]
		switch {
		case !wanted:
			return fmt.Errorf("the cart item has %s %s, which was not sent", name, shortJSON(h))
		case !there:
			return fmt.Errorf("the cart item has no %s; %s was sent", name, shortJSON(w))
		case sameJSON(w, h):
		case name == "range" && want["period"] == string(PeriodRange):
			if err := rangeMatches(w, h); err != nil {
				return err
			}
		default:
			return fmt.Errorf("the cart item's %s is %s; %s was sent", name, shortJSON(h), shortJSON(w))
		}
	}
	return nil
}

func decodeObject(data json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a number may be too large for a double
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok || dec.More() {
		return nil, errors.New("it is not a JSON object")
	}
	return object, nil
}

// fieldNames returns the keys of both objects, sorted and without repetitions.
func fieldNames(a, b map[string]any) []string {
	var names []string
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// sameJSON reports whether two decoded values are equal. It compares numbers by value: to the server, 1 and 1.0 are
// equal.
func sameJSON(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		return ok && (a == n || asFloat(a) == asFloat(n))
	case []any:
		list, ok := b.([]any)
		if !ok || len(list) != len(a) {
			return false
		}
		for i := range a {
			if !sameJSON(a[i], list[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		object, ok := b.(map[string]any)
		if !ok || len(object) != len(a) {
			return false
		}
		for name := range a {
			other, there := object[name]
			if !there || !sameJSON(a[name], other) {
				return false
			}
		}
		return true
	}
	return a == b
}

func asFloat(n json.Number) float64 {
	f, _ := n.Float64() // infinite if it is too large
	return f
}

func rangeMatches(sent, got any) error {
	want, okWant := decodeRange(sent)
	have, okHave := decodeRange(got)
	startMoved, endMoved := have[0].Sub(want[0]), have[1].Sub(want[1])
	if !okWant || !okHave || startMoved < 0 || startMoved > RangeTolerance || endMoved < 0 || endMoved > startMoved {
		return fmt.Errorf("the cart item's range is %s; %s was sent", shortJSON(got), shortJSON(sent))
	}
	return nil
}

// decodeRange returns the two dates of a fixed term.
func decodeRange(v any) (dates [2]time.Time, ok bool) {
	list, isList := v.([]any)
	if !isList || len(list) != 2 {
		return dates, false
	}
	for i, date := range list {
		text, isText := date.(string)
		t, isDate := parseDate(text)
		if !isText || !isDate {
			return dates, false
		}
		dates[i] = t
	}
	return dates, true
}

// shortJSON returns the JSON of a value for an error, shortened to 120 characters.
func shortJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return shorten(string(data), 120)
}
