package cocalctest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	siteLicense = "site-license"
	cashVoucher = "cash-voucher"
)

// cartItem is a row of shopping_cart_items.
type cartItem struct {
	id          int64
	accountID   string
	added       time.Time
	checked     any // true, false or nil, which means unchecked
	removed     time.Time
	purchased   *cartPurchase
	product     string
	description any // as jsonb returns it
	projectID   string
}

type cartPurchase struct {
	time      time.Time
	licenseID string
}

// row returns the item as every endpoint shows it.
func (i *cartItem) row() object {
	var purchased, project any
	if i.purchased != nil {
		purchased = object{{"time", i.purchased.time}, {"success", true}, {"license_id", i.purchased.licenseID}}
	}
	if i.projectID != "" {
		project = i.projectID
	}
	return object{
		{"id", i.id},
		{"account_id", i.accountID},
		{"added", i.added},
		{"checked", i.checked},
		{"removed", i.removed},
		{"purchased", purchased},
		{"product", i.product},
		{"description", i.description},
		{"project_id", project},
	}
}

func (i *cartItem) inCart() bool { return i.removed.IsZero() && i.purchased == nil }

var uuidSyntax = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// cartAdd adds an item, puts a removed one back, or copies one. It validates nothing, and answers with the number of
// rows.
func (s *Server) cartAdd(c *call) (any, error) {
	p := c.params
	if id := p.get("id"); !nullish(id) {
		if truthy(p.get("purchased")) {
			item, err := s.findItem(c.account, id)
			if err != nil {
				return nil, err
			}
			s.insertItem(c.account.id, item.product, item.description, item.projectID)
			return 1, nil
		}
		return s.changeItem(c.account, id, func(i *cartItem) bool { return !i.removed.IsZero() && i.purchased == nil },
			func(i *cartItem) { i.removed = time.Time{} })
	}
	product := p.get("product")
	if nullish(product) {
		return nil, refusal("if id isn't specified then the product must be set")
	}
	description, err := s.storedDescription(p)
	if err != nil {
		return nil, err
	}
	if description, err = shiftRangeAtAdd(description, s.now()); err != nil {
		return nil, err
	}
	projectID, _ := p.get("project_id").(string)
	if !uuidSyntax.MatchString(projectID) {
		projectID = ""
	}
	s.insertItem(c.account.id, pgText(product), jsonb(description), projectID)
	return 1, nil
}

func (s *Server) insertItem(accountID, product string, description any, projectID string) *cartItem {
	item := &cartItem{
		id: next(&s.ids.item), accountID: accountID, added: s.now(), checked: true, product: product,
		description: description, projectID: projectID,
	}
	s.items = append(s.items, item)
	return item
}

// storedDescription returns what the jsonb column stores for a description: text is parsed as JSON. An array is sent to
// the database in a form that is not JSON, so it is an error.
func (s *Server) storedDescription(p object) (any, error) {
	const invalid = refusal("invalid input syntax for type json")
	description := p.get("description")
	switch v := description.(type) {
	case undefined, nil:
		return nil, nil
	case []any:
		return nil, invalid
	case string:
		parsed, err := parseJSON([]byte(v))
		if err != nil {
			return nil, invalid
		}
		description = parsed
	}
	if hasNUL(description) {
		return nil, refusal("unsupported Unicode escape sequence")
	}
	if p.get(loneSurrogate) == true {
		return nil, invalid
	}
	return description, nil
}

// hasNUL reports whether a value contains a NUL, the one character that a jsonb column refuses.
func hasNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		return slices.ContainsFunc(v, hasNUL)
	case object:
		return slices.ContainsFunc(v, func(m member) bool { return hasNUL(m.name) || hasNUL(m.value) })
	}
	return false
}

// cartGet lists the cart, or returns one item.
func (s *Server) cartGet(c *call) (any, error) {
	if id := c.params.get("id"); !nullish(id) {
		item, err := s.findItem(c.account, id)
		if err != nil {
			return nil, err
		}
		return item.row(), nil
	}
	items, err := s.cartOf(c.account, truthy(c.params.get("purchased")), truthy(c.params.get("removed")))
	if err != nil {
		return nil, err
	}
	rows := []any{}
	for _, item := range items {
		rows = append(rows, item.row())
	}
	return rows, nil
}

// cartOf lists items, newest first. Listing those in the cart moves the dates of their ranges.
func (s *Server) cartOf(a *account, purchased, removed bool) ([]*cartItem, error) {
	var items []*cartItem
	for i := len(s.items) - 1; i >= 0; i-- {
		item := s.items[i]
		if item.accountID == a.id && (item.purchased != nil) == purchased && !item.removed.IsZero() == removed {
			items = append(items, item)
		}
	}
	if purchased || removed {
		return items, nil
	}
	for _, item := range items {
		moved, err := moveRange(item.description, s.now())
		if err != nil {
			return nil, err
		}
		item.description = moved
	}
	return items, nil
}

// findItem returns an item of the account in any state; nil if there is none.
func (s *Server) findItem(a *account, id any) (*cartItem, error) {
	n, null, err := pgInteger(id)
	if err != nil {
		return nil, err
	}
	for _, item := range s.items {
		if !null && item.id == n && item.accountID == a.id {
			return item, nil
		}
	}
	return nil, refusal("no item with id " + pgText(id))
}

// changeItem is an UPDATE of one item. It answers 1 if there is an item in the required state, otherwise 0.
func (s *Server) changeItem(a *account, id any, when func(*cartItem) bool, change func(*cartItem)) (any, error) {
	n, null, err := pgInteger(id)
	if err != nil {
		return nil, err
	}
	for _, item := range s.items {
		if !null && item.id == n && item.accountID == a.id && when(item) {
			change(item)
			return 1, nil
		}
	}
	return 0, nil
}

// cartChecked checks or unchecks an item. Without an ID, it changes every item in the cart.
func (s *Server) cartChecked(c *call) (any, error) {
	checked, err := pgBoolean(c.params.get("checked"))
	if err != nil {
		return nil, err
	}
	id := c.params.get("id")
	if !nullish(id) {
		return s.changeItem(c.account, id, (*cartItem).inCart, func(i *cartItem) { i.checked = checked })
	}
	n := 0
	for _, item := range s.items {
		if item.accountID == c.account.id && item.inCart() {
			item.checked = checked
			n++
		}
	}
	return n, nil
}

func (s *Server) cartRemove(c *call) (any, error) {
	return s.changeItem(c.account, c.params.get("id"), (*cartItem).inCart, func(i *cartItem) { i.removed = s.now() })
}

func (s *Server) cartDelete(c *call) (any, error) {
	return s.changeItem(c.account, c.params.get("id"), func(i *cartItem) bool { return i.purchased == nil }, s.deleteItem)
}

func (s *Server) deleteItem(item *cartItem) {
	for i, each := range s.items {
		if each == item {
			s.items = append(s.items[:i:i], s.items[i+1:]...)
			return
		}
	}
}

// cartEdit replaces product and description without validation, also of a removed item, but not of a purchased one.
func (s *Server) cartEdit(c *call) (any, error) {
	product, description := c.params.get("product"), c.params.get("description")
	if nullish(product) && nullish(description) {
		return 0, nil
	}
	stored, err := s.storedDescription(c.params)
	if err != nil {
		return nil, err
	}
	return s.changeItem(c.account, c.params.get("id"), func(i *cartItem) bool {
		return i.purchased == nil
	}, func(i *cartItem) {
		if !nullish(product) {
			i.product = pgText(product)
		}
		if !nullish(description) {
			i.description = jsonb(stored)
		}
	})
}

// cartRecentPurchases lists items that were purchased recently, the latest first.
func (s *Server) cartRecentPurchases(c *call) (any, error) {
	recent := "1 week"
	if v := c.params.get("recent"); !nullish(v) {
		recent = pgText(v)
	}
	since, err := parseInterval(recent, s.now())
	if err != nil {
		return nil, err
	}
	var bought []*cartItem
	for _, item := range s.items {
		if item.accountID == c.account.id && item.purchased != nil && item.purchased.time.After(since) {
			bought = append(bought, item)
		}
	}
	sortNewestFirst(bought, func(i *cartItem) time.Time { return i.purchased.time })
	rows := []any{}
	for _, item := range bought {
		rows = append(rows, item.row())
	}
	return rows, nil
}

// cartProcessing lists items that wait for a card payment; the simulator has none.
func (s *Server) cartProcessing(*call) (any, error) { return []any{}, nil }

// pgText returns the text that PostgreSQL receives for a parameter of a query.
func pgText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return numberText(v)
	case bool:
		return strconv.FormatBool(v)
	case undefined, nil:
		return "null"
	}
	return string(toJSON(v))
}

// pgInteger parses an integer parameter; null equals no ID.
func pgInteger(v any) (n int64, null bool, err error) {
	if nullish(v) {
		return 0, true, nil
	}
	text := pgText(v)
	n, parseErr := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	switch {
	case parseErr != nil:
		return 0, false, refusal(`invalid input syntax for type integer: "` + text + `"`)
	case n > 1<<31-1 || n < -1<<31:
		return 0, false, refusal(`value "` + text + `" is out of range for type integer`)
	}
	return n, false, nil
}

// pgBoolean parses a boolean parameter in PostgreSQL's many spellings.
func pgBoolean(v any) (any, error) {
	if nullish(v) {
		return nil, nil
	}
	text := pgText(v)
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "t", "yes", "y", "on", "1":
		return true, nil
	case "false", "f", "no", "n", "off", "0":
		return false, nil
	}
	return nil, refusal(`invalid input syntax for type boolean: "` + text + `"`)
}
