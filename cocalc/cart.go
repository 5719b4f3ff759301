package cocalc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// decodeList decodes a JSON list. It returns an error for null, so that an answer without a list is never read as
// empty.
func decodeList[T any](body []byte) ([]T, error) {
	if !bytes.HasPrefix(body, []byte("[")) {
		return nil, errors.New("the answer is not a list")
	}
	var list []T
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	return list, nil
}

// unexpectedAnswer returns the error of a read whose answer has an unknown shape. Its outcome is Transient, since a
// read can be repeated.
func (c *Client) unexpectedAnswer(endpoint string, body []byte, cause error) error {
	return &Error{
		Op: endpoint, Outcome: Transient, Status: 200, Reason: OtherJSON,
		Text: c.redactKey(fmt.Sprintf("unexpected answer: %v: %s", cause, c.excerpt(body))),
	}
}

func (c *Client) excerpt(body []byte) string {
	return c.redactKey(shorten(strings.ToValidUTF8(string(body[:min(len(body), 400)]), "?"), 100))
}
