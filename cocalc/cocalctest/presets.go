package cocalctest

import (
	"fmt"
	"time"
)

const (
	checkoutPath = "purchases/shopping-cart-checkout"
	addPath      = "shopping/cart/add"
)

// NamedFault is a fault that people can switch on by name.
type NamedFault struct {
	Name        string
	Description string // one sentence about its effect
	Fault       Fault
}

// Faults lists the faults that have a name, in the order in which a page should show them.
func Faults() []NamedFault {
	named := []NamedFault{
		{
			"lost-answer", "The next checkout buys, but its answer is lost.",
			Fault{Endpoint: checkoutPath, When: After, Effect: LoseAnswer, Times: 1},
		},
		{
			"late-checkout", "The next checkout loses its connection at once and buys 20 seconds later.",
			Fault{Endpoint: checkoutPath, Effect: ActLate, Wait: 20 * time.Second, Times: 1},
		},
		{
			"server-error", "The next checkout gets a 502 page and buys nothing.",
			Fault{Endpoint: checkoutPath, Effect: Fail, Times: 1},
		},
		{
			"error-after-buying", "The next checkout buys, and then gets a 500 page.",
			Fault{Endpoint: checkoutPath, When: After, Effect: Fail, Status: 500, Times: 1},
		},
		{
			"refused", "The server refuses the next checkout and says why.",
			Fault{Endpoint: checkoutPath, Effect: Refuse, Text: "checkout is temporarily disabled", Times: 1},
		},
		{
			"throttled", "The next item can't be added for 5 seconds: too many requests.",
			Fault{Endpoint: addPath, Effect: ThrottleNow, Wait: 5 * time.Second, Times: 1},
		},
		{
			"lost-add", "The next item is added to the cart, but the answer is lost.",
			Fault{Endpoint: addPath, When: After, Effect: LoseAnswer, Times: 1},
		},
		{
			"cart-stranger", "Someone else adds an item to the same cart, right after the next item is added.",
			Fault{Endpoint: addPath, When: After, Effect: Call, Times: 1, Do: strangerAdds},
		},
		{
			"cart-broken", "Someone else adds a broken item that makes the cart unreadable until it's removed.",
			Fault{Endpoint: addPath, When: After, Effect: Call, Times: 1, Do: strangerBreaksCart},
		},
		{
			"double-checkout", "Someone else checks out the same cart at the same moment as the next checkout, so both buy.",
			Fault{Endpoint: checkoutPath, Effect: Call, Times: 1, Do: strangerChecksOut},
		},
		{"price-moved", "Everything costs 10% more than the price formula says.", Fault{Effect: PriceMoved, Percent: 110}},
		{"no-credit", "The account has no credit left.", Fault{Effect: NoCredit}},
		{"key-revoked", "The API key isn't accepted.", Fault{Effect: KeyRevoked}},
		{"outage", "The database is down: a valid key looks like a wrong one, and lists are empty.", Fault{Effect: Outage}},
		{"slow", "Every answer is 3 seconds late.", Fault{When: After, Effect: Delay, Wait: 3 * time.Second}},
		{
			"older-server", "The server is from before November 2024 and has a different checkout, with a captcha.",
			Fault{Effect: OlderServer},
		},
		{
			"no-licenses-sold", "The server no longer sells licenses: the cart and license endpoints are gone.",
			Fault{Effect: NoLicensesSold},
		},
		{
			Preset(Successor),
			"The server is CoCalc's successor: it sells memberships to people, and lets API keys see nothing of money.",
			Fault{Effect: SuccessorServer},
		},
		{
			Preset(Moved), "The server has moved: it answers everything with a redirect to another host.",
			Fault{Effect: MovedServer},
		},
	}
	for i := range named {
		named[i].Fault.Name = named[i].Name
	}
	return named
}

// Preset returns the name of the fault that makes a server one of the generation: "successor", "moved".
func Preset(g Generation) string {
	switch g {
	case Older:
		return "older-server"
	case WithoutLicenses:
		return "no-licenses-sold"
	case Successor:
		return "successor"
	case Moved:
		return "moved"
	default:
		return ""
	}
}

// SwitchOn arms a fault by its name. If it is armed already, it starts again.
func (s *Server) SwitchOn(name string) error {
	for _, named := range Faults() {
		if named.Name == name {
			s.SwitchOff(name)
			s.Inject(named.Fault)
			return nil
		}
	}
	return fmt.Errorf("there is no fault %q", name)
}

// SwitchOff disarms the faults with this name.
func (s *Server) SwitchOff(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.faults[:0:0]
	for _, armed := range s.faults {
		if armed.fault.Name != name {
			left = append(left, armed)
		}
	}
	s.faults = left
}

// SwitchedOn returns the names of the faults that are armed. A fault that happens once is no longer listed after it has
// happened.
func (s *Server) SwitchedOn() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{}
	for _, armed := range s.faults {
		if armed.fault.Name != "" {
			names = append(names, armed.fault.Name)
		}
	}
	return names
}

func strangerAdds(a *Account) {
	a.AddToCart(siteLicense,
		`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,`+
			`"period":"monthly","run_limit":1,"title":"Another program's license","description":"added in the store"}`)
}

func strangerBreaksCart(a *Account) {
	a.AddToCart(siteLicense,
		`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,`+
			`"period":"range","run_limit":1,"title":"Another program's license","range":["1990-01-01T00:00:00Z"]}`)
}

// strangerChecksOut begins a checkout a moment before that of the request, so that it also commits before.
func strangerChecksOut(a *Account) {
	a.StartCheckout()
	a.s.sleep(time.Millisecond)
}
