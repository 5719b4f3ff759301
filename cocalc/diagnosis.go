package cocalc

import (
	"context"
	"errors"
	"net/http"
)

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
	// KeyUnproven means that the key was not checked, or the answer was of no use; Diagnosis.KeyErr says which.
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
