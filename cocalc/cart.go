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

// CartFilter chooses items of the cart by what became of them.
type CartFilter int

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

// Text is the item's own description, where orders keep their tag. Any program may put anything there: what is no text
// is returned as its JSON, and what is missing as "".
func (i CartItem) Text() string { return i.text("description") }

// Title is the title of the license that the item becomes; read like Text.
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
	var text looseText
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return string(text)
}

// AddToCart puts a license into the cart, checked. description is what [LicenseSpec.CartDescription] makes; projectID may
// be empty.
//
// Each call adds another item, and the answer does not name it: put a tag into the description and look for it with Cart.
// It is sent once; an error with outcome Unknown means that the item may be there, or may still come. Throttled means
// that nothing was added and says how long to wait.
func (c *Client) AddToCart(ctx context.Context, description []byte, projectID string) error {
	if _, err := decodeObject(description); err != nil {
		return &Error{Op: cartAdd, Outcome: Rejected, Err: fmt.Errorf("the description: %w", err)}
	}
	body, err := c.call(ctx, spends, cartAdd, struct {
		Product     string          `json:"product"`
		Description json.RawMessage `json:"description"`
		ProjectID   string          `json:"project_id,omitempty"`
	}{"site-license", description, projectID})
	if err != nil {
		return err
	}
	if rows, err := strconv.Atoi(string(body)); err != nil || rows < 1 {
		return &Error{Op: cartAdd, Outcome: Unknown, Status: 200, Text: "the answer is not a number of added items: " + c.excerpt(body)}
	}
	return nil
}

// Cart lists the items of the account's cart, newest first. The cart belongs to the account: other programs and people
// use it too.
func (c *Client) Cart(ctx context.Context, which CartFilter) ([]CartItem, error) {
	params, err := which.params()
	if err != nil {
		return nil, &Error{Op: cartGet, Outcome: Rejected, Err: err}
	}
	body, err := c.call(ctx, reads, cartGet, params)
	if err != nil {
		return nil, err
	}
	list, err := decodeList[cartItemJSON](body)
	if err != nil {
		return nil, c.misread(cartGet, body, err)
	}
	items := make([]CartItem, 0, len(list))
	for _, each := range list {
		item, err := each.item()
		if err != nil {
			return nil, c.misread(cartGet, body, err)
		}
		items = append(items, item)
	}
	c.remember(which, items)
	return items, nil
}

// CartItem reads one item of the account, whatever became of it. Also an item that breaks the whole cart can be read so.
// An unknown or deleted item, or one of another account, is an error of kind NotFound.
func (c *Client) CartItem(ctx context.Context, id int64) (CartItem, error) {
	if err := checkItemID(cartGet, id); err != nil {
		return CartItem{}, err
	}
	body, err := c.call(ctx, reads, cartGet, map[string]int64{"id": id})
	if err != nil {
		return CartItem{}, err
	}
	var j cartItemJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return CartItem{}, c.misread(cartGet, body, err)
	}
	item, err := j.item()
	if err == nil && item.ID != id {
		err = fmt.Errorf("asked for item %d, got item %d", id, item.ID)
	}
	if err != nil {
		return CartItem{}, c.misread(cartGet, body, err)
	}
	return item, nil
}

// SetChecked says whether a checkout buys the item. changed is false when there is no such item in the cart.
func (c *Client) SetChecked(ctx context.Context, id int64, checked bool) (changed bool, err error) {
	return c.change(ctx, cartChecked, id, map[string]any{"id": id, "checked": checked})
}

// RemoveFromCart takes an item out of the cart; it stays readable, and can be put back by people. removed is false when
// the item is not in the cart (any more). While a checkout may be running, removed is no proof that it was not bought.
func (c *Client) RemoveFromCart(ctx context.Context, id int64) (removed bool, err error) {
	return c.change(ctx, cartRemove, id, map[string]any{"id": id})
}

// DeleteFromCart deletes an unpurchased item for good, without a trace. deleted is false when there is none.
func (c *Client) DeleteFromCart(ctx context.Context, id int64) (deleted bool, err error) {
	return c.change(ctx, cartDelete, id, map[string]any{"id": id})
}

// change sends a change of one item, which may be repeated, and reads how many rows it changed.
func (c *Client) change(ctx context.Context, endpoint string, id int64, params map[string]any) (bool, error) {
	if err := checkItemID(endpoint, id); err != nil {
		return false, err
	}
	body, err := c.call(ctx, repeats, endpoint, params)
	if err != nil {
		return false, err
	}
	rows, err := strconv.Atoi(string(body))
	if err != nil || rows < 0 || rows > 1 {
		return false, &Error{Op: endpoint, Outcome: Unknown, Status: 200, Text: "the answer is not a number of changed items: " + c.excerpt(body)}
	}
	return rows == 1, nil
}

// checkItemID keeps a change without an id from being sent: the server would change every item of the cart.
func checkItemID(endpoint string, id int64) error {
	if id > 0 {
		return nil
	}
	return &Error{Op: endpoint, Outcome: Rejected, Kind: NotFound, Err: fmt.Errorf("%d is not the id of a cart item", id)}
}

// remember keeps what FindBrokenItem may need later, when the cart cannot be listed any more.
func (c *Client) remember(which CartFilter, items []CartItem) {
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

// decodeList decodes a JSON list. null is none, so that an answer without a list is never taken for an empty one.
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

// misread is the error of a read whose answer has another shape than recorded. Reading again does no harm.
func (c *Client) misread(endpoint string, body []byte, cause error) error {
	return &Error{
		Op: endpoint, Outcome: Transient, Status: 200, Reason: OtherJSON,
		Text: c.scrub(fmt.Sprintf("unexpected answer: %v: %s", cause, c.excerpt(body))),
	}
}

func (c *Client) excerpt(body []byte) string {
	return c.scrub(shorten(strings.ToValidUTF8(string(body[:min(len(body), 400)]), "?"), 100))
}
