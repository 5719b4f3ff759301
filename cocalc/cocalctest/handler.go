package cocalctest

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// refusal is an application error: the server answers it with status 200 and an "error" field.
type refusal string

func (r refusal) Error() string { return string(r) }

// errAbort ends a request without an answer: the connection is dropped.
var errAbort = errors.New("the connection is dropped")

// call is a request while its handler runs.
type call struct {
	endpoint string
	params   object
	account  *account // nil: not signed in
	faults   []Fault  // those that apply to this request
	begun    func()   // called once the handler has read what it will change; nil: not called
}

// hasRead tells a caller that waits for it that the handler has read what it will change.
func (c *call) hasRead() {
	if c.begun != nil {
		c.begun()
	}
}

// percent returns what prices are of the real ones for this request: 100 unless a fault moved them.
func (c *call) percent() int {
	percent := 100
	for _, f := range c.faults {
		if f.Effect == PriceMoved {
			percent = f.Percent
		}
	}
	return percent
}

// has reports whether a fault with the effect applies.
func (c *call) has(effect Effect) bool {
	for _, f := range c.faults {
		if f.Effect == effect {
			return true
		}
	}
	return false
}

// endpoint is a path of the API.
type endpoint struct {
	// handle returns the JSON value of the answer. It runs with the lock held unless waits is true.
	handle func(*call) (any, error)
	// unsigned is the error for a wrong or missing key; nil if the handler accepts requests without an account.
	unsigned error
	waits    bool
	since    Generation // Older: only there; Current: not on Older
	store    bool       // gone on a server that sells no licenses
}

const (
	notSignedIn     = refusal("must be signed in")
	notSignedInCart = refusal("must be signed in to get shopping cart information")
	notSignedInAdd  = refusal("must be signed in to use shopping cart")
)

// allGenerations marks endpoints that an older server has too.
const allGenerations Generation = -1

func (s *Server) table() map[string]endpoint {
	cart := func(handle func(*call) (any, error), unsigned error) endpoint {
		return endpoint{handle: handle, unsigned: unsigned, since: allGenerations, store: true}
	}
	money := func(handle func(*call) (any, error)) endpoint {
		return endpoint{handle: handle, unsigned: notSignedIn}
	}
	checkout := money(s.checkout)
	checkout.waits, checkout.store = true, true
	edits := func(handle func(*call) (any, error)) endpoint {
		e := money(handle)
		e.waits = true
		return e
	}
	params := money(s.checkoutParams)
	params.store = true
	return map[string]endpoint{
		"user-query": {handle: s.userQuery, since: allGenerations},
		"api-keys":   {handle: s.apiKeys, unsigned: notSignedIn, since: allGenerations},

		"shopping/cart/add":              cart(s.cartAdd, notSignedInAdd),
		"shopping/cart/get":              cart(s.cartGet, notSignedInCart),
		"shopping/cart/checked":          cart(s.cartChecked, notSignedInCart),
		"shopping/cart/remove":           cart(s.cartRemove, notSignedInCart),
		"shopping/cart/delete":           cart(s.cartDelete, notSignedInCart),
		"shopping/cart/edit":             cart(s.cartEdit, notSignedInAdd),
		"shopping/cart/recent-purchases": cart(s.cartRecentPurchases, notSignedInCart),
		"shopping/cart/processing":       cart(s.cartProcessing, refusal("must be signed in to get cart checkout items")),
		"shopping/cart/checkout": {
			handle: s.olderCheckout, unsigned: notSignedIn, waits: true, since: Older,
			store: true,
		},

		"purchases/get-shopping-cart-checkout-params": params,
		"purchases/shopping-cart-checkout":            checkout,
		"purchases/get-balance":                       money(s.getBalance),
		"purchases/get-min-balance":                   money(s.getMinBalance),
		"purchases/get-quotas":                        money(s.getQuotas),
		"purchases/get-closing-dates":                 money(s.getClosingDates),
		"purchases/is-purchase-allowed":               money(s.isPurchaseAllowed),
		"purchases/get-purchases":                     money(s.getPurchases),
		"purchases/get-subscriptions":                 money(s.getSubscriptions),
		"purchases/get-live-subscriptions":            money(s.getLiveSubscriptions),
		"purchases/cancel-subscription":               money(s.cancelSubscription),
		"purchases/resume-subscription":               edits(s.resumeSubscription),
		"purchases/renew-subscription":                edits(s.renewSubscription),
		"purchases/cost-to-resume-subscription":       money(s.costToResumeSubscription),
		"purchases/edit-license":                      edits(s.editLicense),
		"purchases/edit-license-owner":                money(s.editLicenseOwner),

		"licenses/get-managed":  cart(s.getManaged, nil),
		"licenses/get-license":  cart(s.getLicense, nil),
		"licenses/get-projects": cart(s.getProjects, nil),
		"licenses/get-projects-with-license": cart(s.getProjectsWithLicense,
			refusal("must be signed in as a manager of the license")),
	}
}

// route returns the endpoint of a path; ok is false if this generation of server has none.
func (s *Server) route(path string, faults []Fault) (endpoint, bool) {
	generation := s.generation
	for _, f := range faults {
		if g, ok := f.generation(); ok {
			generation = g
		}
	}
	e, ok := s.endpoints[path]
	switch {
	case !ok:
		return e, false
	case e.store && generation == WithoutLicenses:
		return e, false
	case e.since == allGenerations:
		return e, true
	}
	return e, (e.since == Older) == (generation == Older)
}

// act carries out a request, with the faults before and after it.
func (s *Server) act(c *call, authorization string, work func() (any, error)) (answer, error) {
	defer s.KeepNow()
	if a, done, err := s.applyFaults(c, Before, authorization); done {
		return a, err
	}
	value, err := work()
	if errors.Is(err, errAbort) {
		return answer{}, err
	}
	if a, done, err := s.applyFaults(c, After, authorization); done {
		return a, err
	}
	if err != nil {
		value = refusalBody(err)
	}
	return answer{status: http.StatusOK, body: toJSON(value)}, nil
}

// refusalBody is the JSON of an application error.
func refusalBody(err error) object {
	body := object{{"error", err.Error()}}
	var c coded
	if errors.As(err, &c) {
		body = append(body, member{"code", c.code})
	}
	return body
}

func (s *Server) handle(e endpoint, c *call, authorization string) (any, error) {
	s.mu.Lock()
	c.account = s.signIn(authorization, c.faults)
	if c.account == nil && e.unsigned != nil {
		s.mu.Unlock()
		return nil, e.unsigned
	}
	if e.waits {
		s.mu.Unlock()
		return e.handle(c)
	}
	defer s.mu.Unlock()
	if err := s.throttle(c); err != nil {
		return nil, err
	}
	return e.handle(c)
}

// throttleKey identifies a counter: one for each account, endpoint and rule.
type throttleKey struct {
	accountID, endpoint string
	rule                int
}

type throttleRule struct {
	interval time.Duration
	name     string
	most     int
}

// throttleRules apply to each of the two throttled endpoints. They are checked in this order, and a request that a
// later rule refuses counts for the earlier ones.
var throttleRules = [...]throttleRule{{time.Second, "second", 3}, {time.Minute, "minute", 15}, {time.Hour, "hour", 200}}

func throttled(endpoint string) bool {
	return endpoint == "shopping/cart/add" || endpoint == "purchases/get-purchases"
}

// throttle counts a request, and refuses it if there were too many.
func (s *Server) throttle(c *call) error {
	if s.unthrottled || !throttled(c.endpoint) {
		return nil
	}
	now := s.now()
	for i, rule := range throttleRules {
		key := throttleKey{c.account.id, c.endpoint, i}
		cutoff := now.Add(-rule.interval)
		recent := s.throttles[key]
		for len(recent) > 0 && recent[0].Before(cutoff) {
			recent = recent[1:]
		}
		if len(recent) >= rule.most {
			s.throttles[key] = recent
			return throttleText(c.endpoint, recent[0].Sub(cutoff), rule)
		}
		s.throttles[key] = append(recent, now)
	}
	return nil
}

// throttleText returns the text about how long to wait, in whole seconds rounded up.
func throttleText(endpoint string, wait time.Duration, rule throttleRule) error {
	seconds := int((wait + time.Second - 1) / time.Second)
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return refusal(fmt.Sprintf("too many requests to %s; try again in %d %s (rule: at most %d requests per %s)",
		endpoint, seconds, unit, rule.most, rule.name))
}
