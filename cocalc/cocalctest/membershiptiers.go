package cocalctest

import (
	"encoding/json"
)

// MembershipTier is a row of the successor's price list. Prices are text with ten decimals, as in its database.
type MembershipTier struct {
	ID, Label       string
	Monthly, Yearly string // "24.0000000000"; empty: null
	Priority        int
	InStore         bool // whether the store shows it, which the site's admin decides
	Disabled        bool
	// Row is the whole row as JSON; if it is set, the other fields are ignored.
	Row json.RawMessage
}

// membershipTiers are the default tiers of a server: those of a site whose admin shows two of them in the store. The
// prices are invented.
func membershipTiers() []MembershipTier {
	return []MembershipTier{
		{ID: "free", Label: "Free", Monthly: "0.0000000000", Yearly: "0.0000000000", Priority: 0},
		{ID: "standard", Label: "Standard", Monthly: "24.0000000000", Yearly: "240.0000000000", Priority: 10, InStore: true},
		{ID: "pro", Label: "Pro", Monthly: "149.0000000000", Yearly: "1490.5000000000", Priority: 20, InStore: true},
		{ID: "instructor", Label: "Instructor", Monthly: "60.0000000000", Priority: 15, InStore: true, Disabled: true},
		{ID: "admin", Label: "Admin", Monthly: "0.0000000000", Yearly: "0.0000000000", Priority: 31},
	}
}

// SetMembershipTiers replaces the price list of a successor.
func (s *Server) SetMembershipTiers(tiers ...MembershipTier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tiers = append([]MembershipTier(nil), tiers...)
}

func (t MembershipTier) row() object {
	if t.Row != nil {
		row, err := parseJSON(t.Row)
		o, ok := row.(object)
		if err != nil || !ok {
			panic("cocalctest: the row of a membership tier is no JSON object") // the caller wrote it
		}
		return o
	}
	price := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	return object{
		{"id", t.ID},
		{"label", t.Label},
		{"store_visible", t.InStore},
		{"store_description", nil},
		{"team_visible", false},
		{"course_store_visible", false},
		{"priority", t.Priority},
		{"price_monthly", price(t.Monthly)},
		{"price_yearly", price(t.Yearly)},
		{"trial_days", nil},
		{"disabled", t.Disabled},
		{"presentation", object{{"tagline", "Membership benefits configured for " + t.Label + "."}}},
	}
}

// successorTiers returns the price list. Visitors who are not signed in see the tiers in the store; only admins see
// disabled ones. The latter was read in the server's code, not recorded.
func (s *Server) successorTiers(c *call, v visitor) (any, error) {
	account, err := s.visitorAccount(v)
	if err == nil && v.has(Outage) {
		err = noDatabase
	}
	if err != nil {
		return nil, refusal(err.Error()) // this route has no code
	}
	c.account = account
	rows := []any{}
	for _, t := range s.tiers {
		row := t.row()
		shown := truthy(row.get("store_visible")) || truthy(row.get("team_visible")) ||
			truthy(row.get("course_store_visible"))
		if !truthy(row.get("disabled")) && (account != nil || shown) {
			rows = append(rows, row)
		}
	}
	return object{{"tiers", rows}}, nil
}
