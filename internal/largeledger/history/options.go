package history

import (
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// AccountID is the CoCalc account of a history whose Options name none.
const AccountID = "d3300000-0000-4000-8000-0000000000a1"

// site is the CoCalc server of a history whose Options name none.
const site purchase.Site = "https://cocalc.com"

// Options describe a history. Orders, Months and Until are required.
type Options struct {
	Orders int       // how many orders people make, whatever becomes of them
	Months int       // how long ago the ledger began, before Until
	Until  time.Time // the history's last moment
	Seed   uint64    // the same options with the same seed give the same history

	Team     []Person           // nil: a team of fifteen
	Channels []purchase.Channel // where people order; nil: two channels
	Policy   purchase.Policy    // without people, who come from Team; the zero value has generous limits
	Timing   purchase.Timing
	// ApprovalsChannel is where approvers decide; empty: C0APPROVERS.
	ApprovalsChannel string
	// AccountID is the CoCalc account that pays; empty: the constant AccountID. Site is its server.
	AccountID string
	Site      purchase.Site
	// Store sells the licenses; nil: one that remembers nothing.
	Store Store
	// Unposted leaves the approvers' cards of orders that still wait to the bot, which posts them at its next start.
	// Otherwise they count as posted.
	Unposted bool
	// Progress is called after each transaction with the number of orders so far; nil: never.
	Progress func(orders int)
}

// Person is one of the team, with their rights.
type Person struct {
	purchase.Actor
	Buys, Approves, Administers bool
}

// Store sells licenses for the account.
type Store interface {
	// Add puts the order's item into the cart at a time, and returns the item's id.
	Add(at time.Time, o purchase.Order) (item int64, err error)
	// Remove removes an item from the cart.
	Remove(at time.Time, item int64) error
	// Sell checks out the order's item at a time. The row is as the list of purchases shows it.
	Sell(at time.Time, o purchase.Order) (cocalc.PurchaseRow, error)
}

// team is the team of a history whose Options name none.
func team() []Person {
	var all []Person
	for _, p := range []struct {
		id, name            string
		approves, adminship bool
	}{
		{"U0AMSEL", "Alice Amsel", false, false},
		{"U0BRANDT", "Bob Brandt", true, false},
		{"U0CONTI", "Carol Conti", true, true},
		{"U0DUVAL", "Denis Duval", false, false},
		{"U0ERDEM", "Elif Erdem", false, false},
		{"U0FERRARI", "Flavia Ferrari", false, false},
		{"U0GARCIA", "Gonzalo García", true, false},
		{"U0HANSEN", "Hanne Hansen", false, false},
		{"U0IVANOVA", "Irina Ivanova", false, false},
		{"U0JANSSEN", "Joris Janssen", false, true},
		{"U0KIM", "Kim Ji-woo", false, false},
		{"U0LINDQVIST", "Linnea Lindqvist", false, false},
		{"U0MURPHY", "Maeve Murphy", false, false},
		{"U0NOVAK", "Nikola Novák", false, false},
		{"U0OKAFOR", "Obinna Okafor", false, false},
	} {
		all = append(all, Person{
			Actor: purchase.Actor{ID: p.id, Team: "T0UNIVERSITY", Name: p.name},
			Buys:  true, Approves: p.approves, Administers: p.adminship,
		})
	}
	return all
}

// withDefaults returns the options with a value for each field that has a default.
func (o Options) withDefaults() Options {
	if o.Team == nil {
		o.Team = team()
	}
	if o.Channels == nil {
		o.Channels = []purchase.Channel{{ID: "C0MATH", Name: "math"}, {ID: "C0PHYSICS", Name: "physics"}}
	}
	if o.ApprovalsChannel == "" {
		o.ApprovalsChannel = "C0APPROVERS"
	}
	if o.AccountID == "" {
		o.AccountID = AccountID
	}
	if o.Site == "" {
		o.Site = site
	}
	if o.Policy.OrderLimit == (purchase.Limit{}) {
		o.Policy.OrderLimit = purchase.Limit{Max: 500_000}
	}
	if o.Policy.MonthlyBudget == (purchase.Limit{}) {
		o.Policy.MonthlyBudget = purchase.Limit{None: true}
	}
	if o.Policy.AutoApprove == 0 {
		o.Policy.AutoApprove = 50_000
	}
	o.Timing = o.Timing.WithDefaults()
	o.Policy.Buyers, o.Policy.Approvers, o.Policy.Admins = map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range o.Team {
		for list, has := range map[*map[string]bool]bool{
			&o.Policy.Buyers: p.Buys, &o.Policy.Approvers: p.Approves, &o.Policy.Admins: p.Administers,
		} {
			if has {
				(*list)[p.ID] = true
			}
		}
	}
	return o
}
