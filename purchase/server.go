package purchase

import (
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

// Cause describes, for admins, what the server is: condition, site, host, address, seconds (for how long it has been
// so), reason, key, proof (what it made of the key), capability, older-key.
func (s Server) Cause(keyName string) Cause {
	return NewCause(NotificationServer, "condition", string(s.Condition), "site", string(s.Site), "host", s.Host,
		"address",
		s.Address,
		"seconds", ArgSeconds(s.Held), "reason", string(s.Reason), "key", keyName, "proof", string(s.Key), "capability",
		s.Capability,
		"older-key", ArgFlag(s.OlderKey))
}

// ToldAs names the condition of this server in AccountState.ServerTold.
func (s Server) ToldAs() string { return string(s.Condition) + " " + string(s.Site) }

// Untold reports whether the outcome of the order is unknown and CoCalc can't tell it any more.
func (o *Order) Untold() bool { return o.State == Unknown && o.Blocked.Why().Code == WaitsForServer }

// Failure returns why an order ends that waited for the server.
func (s Server) Failure() *Failure {
	switch s.Condition {
	case IsDown:
		return NewFailure(FailUnreachable, "why", "down")
	case Misaddressed:
		return NewFailure(FailUnreachable, "why", "address")
	default:
		return NewFailure(FailNotSold, "why", "server", "condition", string(s.Condition))
	}
}
