package cocalc

import (
	"context"
	"errors"
	"net/http"
)

// Condition says what a server is to a client that buys licenses. Ledgers keep it: a value is never renamed.
type Condition string

const (
	// Undiagnosed: the diagnosis was broken off before it had a result.
	Undiagnosed Condition = ""
	// SellsLicenses: the server has a license store; Diagnosis.Store says of which generation.
	SellsLicenses Condition = "sells-licenses"
	// SellsMemberships: it is a CoCalc that sells no licenses any more, but memberships.
	SellsMemberships Condition = "sells-memberships"
	// HasMoved: it leads to another host, which Diagnosis.Redirect names.
	HasMoved Condition = "moved"
	// Misaddressed: it leads to itself by another scheme or path. Diagnosis.Redirect has the address that it wants to
	// be called by; without one, what stands in front of the server has to be corrected.
	Misaddressed Condition = "misaddressed"
	// IsDown: it cannot be reached, or has a fault that may pass; Diagnosis.Reason says which.
	IsDown Condition = "down"
	// IsForeign: what answers is not a CoCalc that this package knows: a sign-in page in front of it, another program.
	IsForeign Condition = "foreign"
)

// KeyProof says what the server made of the key.
type KeyProof string

const (
	KeyUnproven KeyProof = ""        // not asked, or no useful answer: Diagnosis.KeyErr says which
	KeyValid    KeyProof = "valid"   // Diagnosis.Account is whose it is
	KeyRefused  KeyProof = "refused" // it is none, or expired; on a server that sells licenses its database may be down instead
	KeyLimited  KeyProof = "limited" // it is valid, and lacks a capability that is needed to say whose it is
)

// Diagnosis is what reading from a server shows about it. It holds no secret, and its texts are safe to show.
type Diagnosis struct {
	Condition Condition
	Store     Store    // SellsLicenses: its generation
	Reason    Reason   // IsDown, IsForeign: why
	Status    int      // HTTP status of the answer that decided, where it was not a success
	Redirect  Redirect // HasMoved, Misaddressed, and IsForeign where that is a redirect
	Err       error    // the error that decided; nil for a server that sells licenses

	Key        KeyProof // of a server that sells licenses or memberships
	Account    Account  // KeyValid
	Capability string   // KeyLimited: what the key lacks, such as "account:read"
	OlderKey   bool     // the key has the form of the older CoCalc's, and this server is its successor, which takes none of those
	KeyErr     error    // why the key is not proven; its Reason is DatabaseDown where the server says so
}

// Diagnose finds out what the server is. It sends only requests that read, and only to the address of the settings:
// those of the store first, then, where the server is a CoCalc, one that proves the key. What was known of the store
// before does not count. When ctx ends meanwhile the condition is Undiagnosed.
func (c *Client) Diagnose(ctx context.Context) Diagnosis {
	c.mu.Lock()
	known := c.store
	c.mu.Unlock()
	d := c.examine(ctx)
	if err := ctx.Err(); err != nil {
		return Diagnosis{Err: err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case d.Condition == IsDown: // it keeps its store
	case known == storeUnknown, known == d.Store:
		c.store = d.Store
	default: // a proxy can hide an endpoint for a moment: Store looks a second time before anything is bought there
		c.store = storeUnknown
	}
	return d
}

func (c *Client) examine(ctx context.Context) Diagnosis {
	store, err := c.findStore(ctx)
	if err == nil {
		d := Diagnosis{Condition: SellsLicenses, Store: store}
		d.prove(c.WhoAmI(ctx))
		return d
	}
	if kindOf(err) != NotSoldHere {
		return deadEnd(err)
	}
	return c.examineWithoutStore(ctx, err)
}

// examineWithoutStore tells a CoCalc that sells no licenses from any other program: both answer the store's endpoints
// with the page of a missing route, which missing is. What a key may ask tells CoCalc's successor apart, also while its
// database is down; where that endpoint is gone too, its price list does.
func (c *Client) examineWithoutStore(ctx context.Context, missing error) Diagnosis {
	account, err := c.queryAccount(ctx)
	e, failed := errors.AsType[*Error](err)
	successor := failed && (e.Kind == KeyNotAllowed || e.Kind == SignInRequired)
	switch {
	case successor, !failed, e.Kind == NotSignedIn, e.Kind == CapabilityMissing:
	case e.Reason == NoEndpoint:
		if _, err := c.MembershipTiers(ctx); err != nil {
			return deadEnd(err)
		}
		successor = true
	default:
		return deadEnd(err)
	}
	if successor {
		account, err = c.readProfile(ctx)
	}
	d := Diagnosis{Condition: SellsMemberships, Status: http.StatusNotFound, Err: missing}
	d.prove(account, err)
	d.OlderKey = successor && IsOlderKey(c.key) && d.Key != KeyValid
	return d
}

// prove notes what the server made of the key.
func (d *Diagnosis) prove(account Account, err error) {
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

// deadEnd is the diagnosis of a server that gave no answer by CoCalc.
func deadEnd(err error) Diagnosis {
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
	case e.Reason.passes():
		d.Condition = IsDown
	case e.Kind == Throttled:
		d.Condition, d.Reason = IsDown, Busy
	case e.Reason == "":
		d.Reason = OtherJSON // a refusal in words that CoCalc is not known to use
	}
	return d
}
