package purchase

import (
	"context"
	"time"

	"licensebot/cocalc"
)

// CoCalc's types about a server, under this package's names.
type (
	// Condition is what a CoCalc server is.
	Condition = cocalc.Condition
	// KeyProof is what a server makes of a key.
	KeyProof = cocalc.KeyProof
)

// What a server makes of a key, as cocalc.KeyProof describes it.
const (
	KeyValid   = cocalc.KeyValid
	KeyRefused = cocalc.KeyRefused
	KeyLimited = cocalc.KeyLimited
)

// The conditions of a server, as cocalc.Condition describes them.
const (
	SellsLicenses    = cocalc.SellsLicenses
	SellsMemberships = cocalc.SellsMemberships
	HasMoved         = cocalc.HasMoved
	Misaddressed     = cocalc.Misaddressed
	IsDown           = cocalc.IsDown
	IsForeign        = cocalc.IsForeign
)

// Server is what is wrong with the CoCalc server, as the latest probes (cocalc.Client.Diagnose) found it. The zero
// value means that it sells licenses, or that this isn't known yet. The ledger keeps it, so a restarted bot knows it.
type Server struct {
	Site      Site      `json:"site"` // its address in the settings
	Condition Condition `json:"condition,omitempty"`
	// Suspected is what the last probe found, HasMoved or IsForeign, while the condition is IsDown: one probe proves
	// neither, since a page of maintenance looks the same.
	Suspected Condition     `json:"suspected,omitempty"`
	Reason    cocalc.Reason `json:"reason,omitempty"` // IsDown, IsForeign: why
	// where it redirects to: HasMoved, Misaddressed, IsForeign if that is a redirect
	Host    string `json:"host,omitempty"`
	Address string `json:"address,omitempty"` // Misaddressed: what COCALC_URL has to be; empty: unknown
	// Since is when a probe first found it, and Last when one found it most recently, by the machine's clock.
	Since time.Time `json:"since,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Probes is how many probes in a row found it, and Held for how long they did. Held adds up the time between probes by
	// the monotonic clock, so no clock that is set makes it longer.
	Probes int           `json:"probes,omitempty"`
	Held   time.Duration `json:"held_ns,omitempty"`

	Key        KeyProof `json:"key,omitempty"`        // SellsMemberships: what the server made of the API key
	Capability string   `json:"capability,omitempty"` // KeyLimited: what the key lacks
	OlderKey   bool     `json:"older_key,omitempty"`  // the key has a form that this server never accepts

	// Told is set once the admins have a notice of it, and Known once they have one of it or of a condition that it
	// replaced.
	Told  bool `json:"told,omitempty"`
	Known bool `json:"known,omitempty"`
}

// SellsLicenses reports whether the server sells licenses, as far as is known.
func (s Server) SellsLicenses() bool {
	return s.Condition == cocalc.Undiagnosed || s.Condition == SellsLicenses
}

// RefusesOrders reports whether no order can succeed at this server: it sells memberships only, has moved, or is no
// CoCalc. A server that is down or that wants to be called by another address refuses none.
func (s Server) RefusesOrders() bool {
	return s.Condition == SellsMemberships || s.Condition == HasMoved || s.Condition == IsForeign
}

// serverOf returns what a probe found, after what was known; was is nil if that is nothing.
func serverOf(found cocalc.Diagnosis, was *Server) Server {
	s := Server{
		Condition: found.Condition, Reason: found.Reason, Host: found.Redirect.Host, Address: found.Redirect.Address,
		Key: found.Key, Capability: found.Capability, OlderKey: found.OlderKey,
	}
	proven := was != nil && (was.Condition == s.Condition || was.Suspected == s.Condition)
	if !proven && (s.Condition == HasMoved || s.Condition == IsForeign) {
		s.Condition, s.Suspected = IsDown, s.Condition
	}
	return s
}

// Server returns what is wrong with the CoCalc server, from memory. It never blocks.
func (d *Desk) Server() Server {
	if s := d.server.Load(); s != nil {
		return *s
	}
	return Server{}
}

// recallServer reads from the ledger what is known of the server since an earlier run.
func (d *Desk) recallServer(ctx context.Context) error {
	return d.ledger.View(ctx, func(r Reader) error {
		account, err := r.Account()
		if err == nil {
			d.server.Store(d.diagnosed(account))
		}
		return err
	})
}

// diagnosed returns what is wrong with the server that the settings name; nil if that isn't known.
func (d *Desk) diagnosed(account AccountState) *Server {
	if s := account.Diagnosis; s != nil && s.Site == d.site {
		return s
	}
	return nil
}

// NotSold returns why this person can't buy from the server, or see prices of what it sells; nil if orders are taken.
// It never blocks.
func (d *Desk) NotSold(who Person) *Refusal { return d.forReader(d.notSold(d.server.Load()), who) }

// notSold refuses orders while the server sells no licenses. Its code is NotSold.
func (d *Desk) notSold(s *Server) *Refusal {
	if s == nil || !s.RefusesOrders() {
		return nil
	}
	return refuse(NotSold, "condition", string(s.Condition), "host", s.Host, "told", d.policy.told())
}

// unlessNotSold returns a refusal, or, if it would tell people to order again where no licenses are sold, that one.
func (d *Desk) unlessNotSold(order Order, no *Refusal) *Refusal {
	switch order.State {
	case Proposed, Failed, Cancelled, Expired:
		if unsold := d.notSold(d.server.Load()); unsold != nil {
			return unsold
		}
	default: // no refusal tells to order it again
	}
	return no
}

// cause describes, for admins, what the server is: condition, site, host, address, seconds (for how long it has been
// so), reason, key, proof (what it made of the key), capability, older-key.
func (s Server) cause(keyName string) Cause {
	return because(NoticeServer, "condition", string(s.Condition), "site", string(s.Site), "host", s.Host, "address",
		s.Address,
		"seconds", seconds(s.Held), "reason", string(s.Reason), "key", keyName, "proof", string(s.Key), "capability",
		s.Capability,
		"older-key", flag(s.OlderKey))
}
