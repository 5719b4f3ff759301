package cocalc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Store is the generation of a server's license store.
type Store int

const (
	storeUnknown Store = iota
	// StoreCurrent charges the account's credit, in one transaction per checkout, and has a preview of prices.
	StoreCurrent
	// StoreOlder (until November 2024) charges the card on file, item by item. It has no checkout-params, balance or
	// subscriptions.
	StoreOlder
)

func (s Store) String() string {
	switch s {
	case StoreCurrent:
		return "current"
	case StoreOlder:
		return "older"
	default:
		return "unknown"
	}
}

// Store returns the generation of the server's store. The first call finds it out by reading; later ones return the
// same. The error's kind is NotSoldHere for a server that sells no licenses.
func (c *Client) Store(ctx context.Context) (Store, error) {
	c.mu.Lock()
	known := c.store
	c.mu.Unlock()
	if known != storeUnknown {
		return known, nil
	}
	found, err := c.findStore(ctx)
	if err != nil {
		return storeUnknown, err
	}
	c.mu.Lock()
	c.store = found
	c.mu.Unlock()
	return found, nil
}

// missing returns the kind of error for a store endpoint that the server lacks. An older store sells licenses and never
// had the endpoints below purchases/. In other cases the server may have changed, so the next Store finds it out again.
func (c *Client) missing(endpoint string) Kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == StoreOlder && strings.HasPrefix(endpoint, "purchases/") {
		return Other
	}
	c.store = storeUnknown
	return NotSoldHere
}

// findStore finds out which store the server has, without using what was found out before.
//
// Each generation answers the endpoints of the others with the page of a missing route; CoCalc's successor has no
// endpoint for licenses. So findStore requests what only reads: the parameters of a checkout, the cart and the list of
// licenses.
//
// The error's kind is NotSoldHere if the endpoints are missing. Its reason is OtherJSON if they exist but no answer is
// one that only CoCalc gives.
func (c *Client) findStore(ctx context.Context) (Store, error) {
	found := StoreCurrent
	first, err := c.probeEndpoint(ctx, checkoutParams, struct{}{}, isParams)
	if err == nil && !first.exists {
		found = StoreOlder
		first, err = c.probeEndpoint(ctx, cartGet, struct{}{}, isList)
	}
	if err != nil {
		return storeUnknown, err
	}
	missing := &Error{
		Op: checkoutParams, Outcome: Rejected, Kind: NotSoldHere, Status: http.StatusNotFound, Reason: NoEndpoint,
		Text: "the server has no store for licenses",
	}
	if !first.exists {
		return storeUnknown, missing
	}
	licenses, err := c.probeEndpoint(ctx, getManaged, map[string]int{"limit": 1}, isList)
	switch {
	case err != nil:
		return storeUnknown, err
	case !licenses.exists:
		return storeUnknown, missing
	case !first.known && !licenses.known:
		return storeUnknown, c.unexpectedAnswer(getManaged, licenses.body, errors.New("nothing of it is known of CoCalc"))
	}
	return found, nil
}

// probe is the result of reading from an endpoint.
type probe struct {
	exists bool // whether the server has the endpoint
	known  bool // whether the answer is one that only CoCalc gives
	body   []byte
}

// probeEndpoint reads from an endpoint. An application error proves that the endpoint exists, and a known one that it
// is CoCalc's. probeEndpoint returns an error for a successful answer that fits does not accept.
func (c *Client) probeEndpoint(ctx context.Context, endpoint string, params any,
	fits func(body []byte) bool,
) (probe, error) {
	body, err := c.call(ctx, readOnly, endpoint, params)
	if err == nil {
		if !fits(body) {
			return probe{}, c.unexpectedAnswer(endpoint, body, errors.New("it has another shape"))
		}
		return probe{exists: true, known: true, body: body}, nil
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Reason == NoEndpoint:
		return probe{}, nil
	case ok && e.Status == http.StatusOK && (e.Outcome == Rejected || e.Kind == Throttled):
		return probe{exists: true, known: e.Kind != Other}, nil
	}
	return probe{}, err
}

func isList(body []byte) bool { return bytes.HasPrefix(body, []byte("[")) }

func isParams(body []byte) bool {
	var params struct {
		Cart json.RawMessage `json:"cart"`
	}
	return json.Unmarshal(body, &params) == nil && isList(params.Cart)
}

// Condition is what a server is for a client that buys licenses. Ledgers store it, so a value is never renamed.
type Condition string

const (
	// Undiagnosed means that the diagnosis ended without a result.
	Undiagnosed Condition = ""
	// SellsLicenses means that the server has a license store, whose generation is Diagnosis.Store.
	SellsLicenses Condition = "sells-licenses"
	// SellsMemberships means that the server is a CoCalc that sells memberships and no longer licenses.
	SellsMemberships Condition = "sells-memberships"
	// HasMoved means that the server redirects to another host, which Diagnosis.Redirect names.
	HasMoved Condition = "moved"
	// Misaddressed means that the server redirects to itself with another scheme or path. Diagnosis.Redirect has the
	// address to use; if it has none, the configuration of a proxy in front of the server is wrong.
	Misaddressed Condition = "misaddressed"
	// IsDown means that the server cannot be reached or has a temporary fault, which Diagnosis.Reason names.
	IsDown Condition = "down"
	// IsForeign means that the answers are not of a CoCalc that this package knows, but of a sign-in page or another
	// program.
	IsForeign Condition = "foreign"
)

// KeyProof is the result of checking the key with the server.
type KeyProof string

const (
	// KeyUnproven means that the key was not checked, or the answer proves nothing; Diagnosis.KeyErr says which.
	KeyUnproven KeyProof = ""
	// KeyValid means that the key belongs to Diagnosis.Account.
	KeyValid KeyProof = "valid"
	// KeyRefused means that the key is wrong or expired. A server that sells licenses says the same if its database is
	// down.
	KeyRefused KeyProof = "refused"
	// KeyLimited means that the key is valid, but lacks the capability to read whose it is.
	KeyLimited KeyProof = "limited"
)

// Diagnosis is what [Client.Diagnose] found out about a server. It holds no secret, and its texts are safe to show.
type Diagnosis struct {
	Condition Condition
	Store     Store    // SellsLicenses: its generation
	Reason    Reason   // IsDown, IsForeign: why
	Status    int      // HTTP status of the decisive answer if it was not a success, otherwise 0
	Redirect  Redirect // HasMoved, Misaddressed, and IsForeign if that is a redirect
	Err       error    // the decisive error; nil for a server that sells licenses

	Key        KeyProof // SellsLicenses, SellsMemberships
	Account    Account  // KeyValid: the key's account
	Capability string   // KeyLimited: what the key lacks, such as "account:read"
	// OlderKey reports whether the key has the form of the older CoCalc's and the server is its successor, which accepts
	// none of these.
	OlderKey bool
	KeyErr   error // why the key is not valid or not proven; its Reason is DatabaseDown if the server says so
}

// Diagnose finds out what the server is. It sends only requests that read, and only to the configured address: first to
// the store, then, if the server is a CoCalc, one that proves the key. It does not use what [Client.Store] found out
// before. If ctx ends meanwhile, the condition is [Undiagnosed].
func (c *Client) Diagnose(ctx context.Context) Diagnosis {
	c.mu.Lock()
	known := c.store
	c.mu.Unlock()
	d := c.diagnose(ctx)
	if err := ctx.Err(); err != nil {
		return Diagnosis{Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case d.Condition == IsDown: // this says nothing about its store
	case known == storeUnknown, known == d.Store:
		c.store = d.Store
	default: // a proxy can hide an endpoint for a moment: Store finds out again before anything is bought
		c.store = storeUnknown
	}
	return d
}

func (c *Client) diagnose(ctx context.Context) Diagnosis {
	store, err := c.findStore(ctx)
	if err == nil {
		d := Diagnosis{Condition: SellsLicenses, Store: store}
		d.setKeyProof(c.WhoAmI(ctx))
		return d
	}
	if kindOf(err) != NotSoldHere {
		return diagnoseFailure(err)
	}
	return c.diagnoseWithoutStore(ctx, err)
}

// diagnoseWithoutStore distinguishes a CoCalc that sells no licenses from any other program: both answer the store's
// endpoints with the page of a missing route, whose error is missing. CoCalc's successor is recognized by its refusal
// of user-query, also while its database is down, or, if it lacks that endpoint, by its price list.
func (c *Client) diagnoseWithoutStore(ctx context.Context, missing error) Diagnosis {
	account, err := c.queryAccount(ctx)
	e, failed := errors.AsType[*Error](err)
	successor := failed && (e.Kind == KeyNotAllowed || e.Kind == SignInRequired)
	switch {
	case successor, !failed, e.Kind == NotSignedIn, e.Kind == CapabilityMissing:
	case e.Reason == NoEndpoint:
		if _, err := c.MembershipTiers(ctx); err != nil {
			return diagnoseFailure(err)
		}
		successor = true
	default:
		return diagnoseFailure(err)
	}
	if successor {
		account, err = c.readProfile(ctx)
	}
	d := Diagnosis{Condition: SellsMemberships, Status: http.StatusNotFound, Err: missing}
	d.setKeyProof(account, err)
	d.OlderKey = successor && IsOlderKey(c.key) && d.Key != KeyValid
	return d
}

// setKeyProof sets the fields about the key from the result of WhoAmI.
func (d *Diagnosis) setKeyProof(account Account, err error) {
	d.Account, d.KeyErr = account, err
	switch kindOf(err) {
	case NotSignedIn:
		d.Key = KeyRefused
	case CapabilityMissing:
		d.Key = KeyLimited
		if e, ok := errors.AsType[*Error](err); ok {
			d.Capability = e.Capability
		}
	default:
		if err == nil {
			d.Key = KeyValid
		}
	}
}

// diagnoseFailure returns the diagnosis of a server whose error is not one of CoCalc's handlers.
func diagnoseFailure(err error) Diagnosis {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return Diagnosis{Condition: IsForeign, Reason: OtherJSON, Err: err}
	}
	d := Diagnosis{Condition: IsForeign, Reason: e.Reason, Status: e.Status, Redirect: e.Redirect, Err: err}
	switch {
	case e.Reason == RedirectsAway:
		d.Condition = HasMoved
	case e.Reason == RedirectsHere:
		d.Condition = Misaddressed
	case e.Reason.isTemporary():
		d.Condition = IsDown
	case e.Kind == Throttled:
		d.Condition, d.Reason = IsDown, Busy
	case e.Reason == "":
		d.Reason = OtherJSON // an error that CoCalc is not known to return
	}
	return d
}

// kindOf returns the kind of an error by this package, and Other for any other error.
func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}

const (
	userQuery = "user-query"
	profile   = "accounts/profile"
)

// Account is the account that a key belongs to.
type Account struct {
	ID    string // uuid
	Email string // may be empty
}

// WhoAmI returns the account that the key belongs to. Its success proves that the key is valid and that the server's
// database works, which empty answers of other endpoints do not. The error is an [*Error]; its kind is NotSignedIn for
// a key that the server does not know.
//
// CoCalc's successor does not allow keys to use user-query; there WhoAmI reads the account's profile. That needs a key
// with the capability account:read; the kind is CapabilityMissing for others.
func (c *Client) WhoAmI(ctx context.Context) (Account, error) {
	account, err := c.queryAccount(ctx)
	if kindOf(err) == KeyNotAllowed {
		return c.readProfile(ctx)
	}
	return account, err
}

func (c *Client) queryAccount(ctx context.Context) (Account, error) {
	body, err := c.call(ctx, readOnly, userQuery,
		json.RawMessage(`{"query":{"accounts":{"account_id":null,"email_address":null}}}`))
	if err != nil {
		return Account{}, err
	}
	var answer struct {
		Query struct {
			Accounts struct {
				AccountID idText      `json:"account_id"`
				Email     lenientText `json:"email_address"`
			} `json:"accounts"`
		} `json:"query"`
	}
	err = json.Unmarshal(body, &answer)
	account := Account{ID: string(answer.Query.Accounts.AccountID), Email: string(answer.Query.Accounts.Email)}
	if err == nil && account.ID == "" {
		err = errors.New("it doesn't name an account")
	}
	if err != nil {
		return Account{}, c.unexpectedAnswer(userQuery, body, err)
	}
	return account, nil
}

// readProfile reads the account's profile from CoCalc's successor. For a wrong or expired key, and for one of the older
// form, the successor returns an empty profile; that is an error of kind NotSignedIn.
func (c *Client) readProfile(ctx context.Context) (Account, error) {
	body, err := c.call(ctx, readOnly, profile, struct{}{})
	if err != nil {
		return Account{}, err
	}
	var answer struct {
		Profile map[string]json.RawMessage `json:"profile"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Profile == nil {
		return Account{}, c.unexpectedAnswer(profile, body, cmp.Or(err, errors.New("it has no profile")))
	}
	if len(answer.Profile) == 0 {
		return Account{}, &Error{
			Op: profile, Outcome: Rejected, Kind: NotSignedIn, Status: 200,
			Text: "the profile is empty: the server does not know the key",
		}
	}
	var id idText
	var email lenientText
	if err := json.Unmarshal(answer.Profile["account_id"], &id); err != nil || id == "" {
		return Account{}, c.unexpectedAnswer(profile, body, cmp.Or(err, errors.New("it doesn't name an account")))
	}
	if raw := answer.Profile["email_address"]; raw != nil {
		_ = email.UnmarshalJSON(raw) // accepts any JSON
	}
	return Account{ID: string(id), Email: string(email)}, nil
}
