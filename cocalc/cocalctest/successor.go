package cocalctest

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// CoCalc's successor sells memberships to people who are signed in, and gives API keys no access to money. It has
// another HTTP layer: routes match in any case and with a slash at the end, its pages for missing routes and bad
// requests are HTML, and its limit on bodies is ten times the older one's.

// successorBody is the limit on bodies in bytes.
const successorBody = 10 << 20

// Refusals of the successor. The first two come before any lookup: they are the same for a valid key, a wrong one, one
// of the older form, and while the database is down.
const (
	keysReadNothing  = refusal("API keys are not allowed to use user-query")
	keysReadNoMoney  = refusal("API keys are not allowed to access billing account details")
	keysMakeNoKeys   = refusal("API keys cannot manage account API keys")
	browserRequired  = refusal("browser sign-in is required")
	lacksAccountRead = refusal("API key lacks required capability '" + AccountRead + "'")
)

// AccountRead is the capability that a key of the successor needs to read its account.
const AccountRead = "account:read"

// coded is a refusal with a code and a text.
type coded struct {
	refusal
	code string
}

// noDatabase is the successor's answer while its database is down.
var noDatabase = coded{"connect ENOENT /run/postgresql/.s.PGSQL.5432", "ENOENT"}

// visitor is what a request to the successor shows about its sender: a key, a browser session, or nothing.
type visitor struct {
	authorization, cookie string
	faults                []Fault
}

func (v visitor) has(effect Effect) bool { return (&call{faults: v.faults}).has(effect) }

// byKey is whether the request has a key, valid or not.
func (v visitor) byKey() bool { return v.authorization != "" }

// successorRoute is a path of the successor's API.
type successorRoute struct {
	answer func(*call, visitor) (any, error) // runs with the lock held
	// onlyPost is whether any other method is refused with a status, before anything else.
	onlyPost bool
}

func (s *Server) successorRoutes() map[string]successorRoute {
	money := func(answer func(*call) (any, error)) successorRoute {
		return successorRoute{answer: func(c *call, v visitor) (any, error) {
			if v.byKey() {
				return nil, keysReadNoMoney
			}
			if err := s.signInBySession(c, v); err != nil {
				return nil, refusal(err.Error()) // these routes have no codes
			}
			if err := s.throttle(c); err != nil {
				return nil, err
			}
			return answer(c)
		}}
	}
	return map[string]successorRoute{
		"user-query":       {answer: s.successorQuery, onlyPost: true},
		"accounts/profile": {answer: s.successorProfile, onlyPost: true},
		"api-keys":         {answer: s.successorKeys},
		conatHub:           {answer: s.successorHub},

		"purchases/get-membership-tiers": {answer: s.successorTiers},

		"purchases/get-balance":                 money(s.textBalance),
		"purchases/get-min-balance":             money(s.getMinBalance),
		"purchases/get-purchases":               money(s.textPurchases),
		"purchases/get-subscriptions":           money(s.getSubscriptions),
		"purchases/get-live-subscriptions":      money(s.getLiveSubscriptions),
		"purchases/is-purchase-allowed":         money(s.unknownService),
		"purchases/cost-to-resume-subscription": money(s.costToResumeSubscription),
		"purchases/membership-quote":            money(membershipQuote),

		"purchases/membership-change":   {answer: s.freshSignIn},
		"purchases/cancel-subscription": {answer: s.freshSignIn},
		"purchases/renew-subscription":  {answer: s.freshSignIn},
		"purchases/resume-subscription": {answer: s.freshSignIn},
	}
}

// serveSuccessor answers a request as the recorded server did.
func (s *Server) serveSuccessor(w http.ResponseWriter, r *http.Request, entry *Request, faults []Fault) {
	route, found := s.successors[successorPath(r.URL.Path)]
	if !found {
		s.sendPage(w, r, entry, http.StatusNotFound, "Cannot "+r.Method+" "+(&url.URL{Path: r.URL.Path}).EscapedPath())
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, successorBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		s.sendPage(w, r, entry, http.StatusRequestEntityTooLarge, "Payload Too Large")
		return
	case err != nil:
		panic(http.ErrAbortHandler)
	}
	c := &call{endpoint: successorPath(r.URL.Path), faults: faults}
	if c.params, err = parseParams(r.Method, r.Header.Get("Content-Type"), body); err != nil {
		s.sendPage(w, r, entry, http.StatusBadRequest, "Bad Request")
		return
	}
	s.note(entry, func(entry *Request) { entry.Body = clip(body) })
	s.recordStrikes(c)
	if route.onlyPost && r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.send(w, r, entry, answer{
			status: http.StatusMethodNotAllowed, body: []byte(`{"error":"method_not_allowed"}`),
			json: true,
		})
		return
	}
	v := visitor{r.Header.Get("Authorization"), r.Header.Get("Cookie"), faults}
	s.respond(w, r, entry, c, v.authorization, func() (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return route.answer(c, v)
	})
}

// successorPath returns the endpoint that the successor finds for a path: case and one slash at the end do not matter.
func successorPath(path string) string {
	path = strings.TrimSuffix(strings.ToLower(path), "/")
	if path == "/api/"+conatHub {
		return conatHub
	}
	endpoint, isAPI := strings.CutPrefix(path, apiRoot)
	if !isAPI {
		return ""
	}
	return endpoint
}

// conatHub is the successor's other API, below /api/, which its own programs use.
const conatHub = "conat/hub"

// successorHub answers a ping, which needs no rights. Its answers to other requests are invented.
func (s *Server) successorHub(c *call, v visitor) (any, error) {
	key, err := s.signInByKey(v)
	switch {
	case err != nil:
		return nil, refusal(err.Error()) // this route has no code
	case key == nil:
		return nil, refusal("must be signed in and MUST provide an api key (cookies are not allowed)")
	case c.params.get("name") != "system.ping":
		return nil, refusal("API keys are not allowed to call this function")
	}
	c.account = key.account
	return object{{"now", float64(s.now().UnixMilli())}}, nil
}

// sendPage answers with a page for people.
func (s *Server) sendPage(w http.ResponseWriter, r *http.Request, entry *Request, status int, text string) {
	page := "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n" +
		"<body>\n<pre>" +
		html.EscapeString(text) + "</pre>\n</body>\n</html>\n"
	s.send(w, r, entry, answer{status: status, body: []byte(page), html: true})
}

// signInByKey returns the visitor's key; nil if it is wrong, expired or of the older form. The caller holds the lock.
func (s *Server) signInByKey(v visitor) (*apiKey, error) {
	scheme, _, _ := strings.Cut(v.authorization, " ")
	if scheme != "Basic" && scheme != "Bearer" {
		return nil, refusal("Unknown authorization type '" + scheme + "'")
	}
	secret, now := secretOf(v.authorization), s.now()
	if !isSuccessorKey(secret) || v.has(KeyRevoked) {
		return nil, nil
	}
	if v.has(Outage) {
		return nil, noDatabase
	}
	for _, key := range s.keys {
		if key.secret == secret && !key.deleted && !key.account.banned && (key.expires.IsZero() || now.Before(key.expires)) {
			key.lastActive = now
			return key, nil
		}
	}
	return nil, nil
}

// signInBySession returns the account of a browser session, which the request must have. The caller holds the lock.
func (s *Server) signInBySession(c *call, v visitor) error {
	account, err := s.sessionOf(v)
	switch {
	case err != nil:
		return err
	case account == nil:
		return notSignedIn
	}
	c.account = account
	return nil
}

// sessionOf returns the account of a session; nil if there is none. The caller holds the lock.
func (s *Server) sessionOf(v visitor) (*account, error) {
	cookies, err := http.ParseCookie(v.cookie)
	if err != nil {
		return nil, nil // a browser without a session
	}
	for _, cookie := range cookies {
		if cookie.Name != sessionCookie {
			continue
		}
		if v.has(Outage) {
			return nil, noDatabase
		}
		if a := s.sessions[cookie.Value]; a != nil && !a.banned {
			return a, nil
		}
	}
	return nil, nil
}

// sessionCookie is the name of the cookie of a browser that is signed in.
const sessionCookie = "remember_me"

// SignIn signs the account's owner in with a browser, and returns the cookie ("name=value") for its requests. Only a
// successor accepts it.
func (a *Account) SignIn() string {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	value := a.s.ids.uuid()
	a.s.sessions[value] = a.a
	return sessionCookie + "=" + value
}

func (s *Server) successorQuery(c *call, v visitor) (any, error) {
	if v.byKey() {
		return nil, keysReadNothing
	}
	account, err := s.sessionOf(v)
	if err != nil {
		return nil, err
	}
	c.account = account
	return s.userQuery(c)
}

// successorProfile returns the profile of the account of the key or session; an empty one if there is none.
func (s *Server) successorProfile(c *call, v visitor) (any, error) {
	account, err := s.sessionOf(v)
	if v.byKey() {
		var key *apiKey
		if key, err = s.signInByKey(v); key != nil {
			if !key.can(AccountRead) {
				return nil, lacksAccountRead
			}
			account = key.account
		}
	}
	switch {
	case err != nil:
		return nil, refusal(err.Error()) // this route has no code
	case account == nil:
		return object{{"profile", object{}}}, nil
	}
	c.account = account
	return object{{"profile", object{
		{"account_id", account.id},
		{"display_name", account.firstName + " " + account.lastName},
		{"first_name", account.firstName},
		{"last_name", account.lastName},
		{"is_admin", false},
		{"is_partner", account.partner},
		{"email_address", account.email},
	}}}, nil
}

// visitorAccount returns the account of a session or of a key; nil if there is none. It was read in the server's code,
// not recorded.
func (s *Server) visitorAccount(v visitor) (*account, error) {
	account, err := s.sessionOf(v)
	if account != nil || err != nil {
		return account, err
	}
	if key, _ := s.signInByKey(v); key != nil { // errors about a key are not returned here
		return key.account, nil
	}
	return nil, nil
}

// freshSignIn refuses requests that spend: a key is not enough, and a session has to be a fresh one, which no session
// here is. It was read in the server's code, not recorded.
func (s *Server) freshSignIn(c *call, v visitor) (any, error) {
	account, err := s.visitorAccount(v)
	if err != nil {
		return nil, err
	}
	c.account = account
	session, _ := s.sessionOf(v) // an invalid session has ended the request above
	switch {
	case account == nil:
		return nil, notSignedIn
	case session == nil:
		return nil, browserRequired
	}
	return nil, coded{"fresh auth is required", "fresh_auth_required"}
}

// successorKeys lists the keys of an account as its page shows them. With a key, no keys can be listed, created or
// changed.
func (s *Server) successorKeys(c *call, v visitor) (any, error) {
	if v.byKey() {
		return nil, keysMakeNoKeys
	}
	if err := s.signInBySession(c, v); err != nil {
		return nil, refusal(err.Error())
	}
	if c.params.get("action") != "get" {
		return nil, refusal("legacy HTTP API key mutations are disabled")
	}
	list := []any{}
	for i := len(s.keys) - 1; i >= 0; i-- {
		if key := s.keys[i]; key.account == c.account && !key.deleted && isSuccessorKey(key.secret) {
			list = append(list, object{
				{"id", key.id},
				{"account_id", c.account.id},
				{"expire", key.expires},
				{"created", key.created},
				{"name", key.name},
				{"trunc", key.secret[:5] + "..." + key.secret[len(key.secret)-8:]},
				{"last_active", key.lastActive},
			})
		}
	}
	return object{{"response", list}}, nil
}

// tenDecimals formats money like the successor, without a negative zero.
func tenDecimals(dollars float64) string { return strconv.FormatFloat(dollars+0, 'f', 10, 64) }

func (s *Server) textBalance(c *call) (any, error) {
	return json.RawMessage(tenDecimals(s.visibleBalance(c))), nil
}

func (s *Server) textPurchases(c *call) (any, error) {
	answer, err := s.getPurchases(c)
	if o, ok := answer.(object); ok {
		return o.with("balance", tenDecimals(s.visibleBalance(c))), err
	}
	return answer, err
}

// unknownService answers the one service that a client of licenses requests.
func (s *Server) unknownService(c *call) (any, error) {
	service, _ := c.params.get("service").(string)
	return nil,
		refusal(`unknown service "` + service + `". The valid services are: credit, auto-credit, refund, membership`)
}

func membershipQuote(*call) (any, error) { return nil, refusal("membership class is required") }
