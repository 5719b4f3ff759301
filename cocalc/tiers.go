package cocalc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
)

const getMembershipTiers = "purchases/get-membership-tiers"

// MembershipTier is a row of the price list of CoCalc's successor: a membership of one person. Its prices are list
// prices; what a person pays depends on what the person has.
type MembershipTier struct {
	ID      string
	Label   string // empty where the server has none
	Monthly Dollars
	Yearly  Dollars
	// InStore means that the store shows it. The site's admin decides that, and most servers list tiers that are not
	// for sale.
	InStore  bool
	Priority int // better tiers have higher ones
}

// Dollars is an exact amount of US dollars as a server writes it, with up to ten decimals: "24.0000000000". Empty:
// the server names no amount.
type Dollars string

// Cents is the amount in cents; exact is false where it is no whole number of cents or too large to be one, and where
// there is no amount.
func (d Dollars) Cents() (cents Cents, exact bool) {
	amount, ok := new(big.Rat).SetString(string(d))
	if !ok || !dollarsSyntax.MatchString(string(d)) {
		return 0, false
	}
	amount.Mul(amount, big.NewRat(100, 1))
	if !amount.IsInt() || !amount.Num().IsInt64() {
		return 0, false
	}
	return Cents(amount.Num().Int64()), true
}

// String prints the amount as people read it, and all of what lies below a cent: "$24.00", "$0.0035". An amount that
// is not there is empty.
func (d Dollars) String() string {
	if cents, exact := d.Cents(); exact {
		return cents.String()
	}
	if d == "" {
		return ""
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(string(d), "-"), ".")
	fraction = strings.TrimRight(fraction, "0")
	text := "$" + whole + "." + fraction + strings.Repeat("0", max(0, 2-len(fraction)))
	if strings.HasPrefix(string(d), "-") {
		return "-" + text
	}
	return text
}

// dollarsSyntax is an amount in plain decimals, as PostgreSQL writes a numeric. JSON has no leading zeros, and
// neither has that.
var dollarsSyntax = regexp.MustCompile(`^-?(0|[1-9]\d{0,17})(\.\d{1,20})?$`)

// UnmarshalJSON reads an amount that is text or a number, digit by digit. null is none.
func (d *Dollars) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		*d = ""
		return nil
	}
	if unquoted, isText := unquoteJSON(data); isText {
		text = unquoted
	}
	if !dollarsSyntax.MatchString(text) {
		return fmt.Errorf("%s is no amount of dollars", shorten(string(data), 40))
	}
	*d = Dollars(text)
	return nil
}

// MembershipTiers reads the price list of CoCalc's successor, cheaper tiers first. It needs no valid key, and changes
// nothing. On a server that sells licenses the error is of kind NotSoldHere, or Other on an older one.
func (c *Client) MembershipTiers(ctx context.Context) ([]MembershipTier, error) {
	body, err := c.call(ctx, reads, getMembershipTiers, struct{}{})
	if err != nil {
		return nil, err
	}
	tiers, err := decodeTiers(body)
	if err != nil {
		return nil, c.misread(getMembershipTiers, body, err)
	}
	return tiers, nil
}

// decodeTiers reads prices strictly, since one that is read wrongly would be shown, and the rest loosely.
func decodeTiers(body []byte) ([]MembershipTier, error) {
	var answer struct {
		Tiers json.RawMessage `json:"tiers"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	list, err := decodeList[struct {
		ID           idText      `json:"id"`
		Label        looseText   `json:"label"`
		PriceMonthly Dollars     `json:"price_monthly"`
		PriceYearly  Dollars     `json:"price_yearly"`
		StoreVisible loose[bool] `json:"store_visible"`
		Disabled     loose[bool] `json:"disabled"`
		Priority     loose[int]  `json:"priority"`
	}](answer.Tiers)
	if err != nil {
		return nil, err
	}
	tiers := make([]MembershipTier, 0, len(list))
	for _, t := range list {
		if t.ID == "" {
			return nil, errors.New("a tier without an id")
		}
		tiers = append(tiers, MembershipTier{
			ID: string(t.ID), Label: string(t.Label), Monthly: t.PriceMonthly, Yearly: t.PriceYearly,
			InStore: t.StoreVisible.v && !t.Disabled.v, Priority: t.Priority.v,
		})
	}
	slices.SortStableFunc(tiers, func(a, b MembershipTier) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), strings.Compare(a.ID, b.ID))
	})
	return tiers, nil
}
