package purchase

import (
	"encoding/json"
	"strings"

	"licensebot/cocalc"
)

// MostBroken is how many broken items are remembered as named.
const MostBroken = 20

// ItemCause returns a cause about a cart item: item, product (if it is no license), title, added.
func ItemCause(code CauseCode, item cocalc.CartItem) Cause {
	var d struct {
		Title  string          `json:"title"`
		Type   json.RawMessage `json:"type"`
		Period json.RawMessage `json:"period"`
	}
	_ = json.Unmarshal(item.Description, &d) // what is broken may be anything; then it has no title
	product := item.Product
	if product == "site-license" {
		product = ""
	}
	return NewCause(code, "item", ArgSomeID(item.ID), "product", product, "title", cutRunes(strings.TrimSpace(d.Title),
		60),
		"added", ArgTime(item.Added))
}

func cutRunes(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// What became of an item that an admin wanted out of the cart: item.
const (
	ItemTakenOut CauseCode = "item-taken-out" // cart: its address
	ItemGone     CauseCode = "item-gone"      // it was no longer in the cart
	ItemBought   CauseCode = "item-bought"    // it was no longer in the cart, since a person had bought it
)
