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

// MembershipTier is a row of the price list of CoCalc's successor: a membership for one person. Its prices are list
// prices; what a person pays also depends on the person's current membership.
type MembershipTier struct {
	ID      string
	Label   string // may be empty
	Monthly Dollars
	Yearly  Dollars
	// InStore reports whether the store shows the tier. The site's admin decides that; most servers also list tiers that
	// are not for sale.
	InStore  bool
	Priority int // a better tier has a higher priority
}

// Dollars is an exact amount of US dollars as the server writes it, with up to ten decimals: "24.0000000000". It is
// empty if the server gives no amount.
type Dollars string

// Cents returns the amount in cents; exact is false if there is no amount, or if it is not a whole number of cents that
// fits an int64.
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

// String formats the amount for people, with all digits below a cent: "$24.00", "$0.0035". It is empty if there is no
// amount.
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

// dollarsSyntax matches an amount in plain decimals without leading zeros, as PostgreSQL and JSON write it.
var dollarsSyntax = regexp.MustCompile(`^-?(0|[1-9]\d{0,17})(\.\d{1,20})?$`)

// UnmarshalJSON accepts a string or a number, whose digits it keeps, and null for no amount.
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

// MembershipTiers reads the price list of CoCalc's successor, by ascending priority. It needs no valid key. The error's
// kind is NotSoldHere on a server that sells licenses, or Other on an older one.
func (c *Client) MembershipTiers(ctx context.Context) ([]MembershipTier, error) {
	body, err := c.call(ctx, readOnly, getMembershipTiers, struct{}{})
	if err != nil {
		return nil, err
	}
	tiers, err := decodeTiers(body)
	if err != nil {
		return nil, c.unexpectedAnswer(getMembershipTiers, body, err)
	}
	return tiers, nil
}

// decodeTiers decodes prices strictly, since people see them, and other fields leniently.
func decodeTiers(body []byte) ([]MembershipTier, error) {
	var answer struct {
		Tiers json.RawMessage `json:"tiers"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	list, err := decodeList[struct {
		ID           idText        `json:"id"`
		Label        lenientText   `json:"label"`
		PriceMonthly Dollars       `json:"price_monthly"`
		PriceYearly  Dollars       `json:"price_yearly"`
		StoreVisible lenient[bool] `json:"store_visible"`
		Disabled     lenient[bool] `json:"disabled"`
		Priority     lenient[int]  `json:"priority"`
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
