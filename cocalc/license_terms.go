package cocalc

import "time"

// The services of rows that are about licenses (PurchaseRow.Service). Rows of other services, such as credits, aren't.
const (
	ServiceLicense = "license"      // the purchase of a license
	ServiceEdit    = "edit-license" // a renewal, whoever asked for it, or a change; a negative cost gives money back
	ServiceRefund  = "refund"       // by the server's admins; negative
)

// LicenseTerms are what a license gives, and for which time, as a row of service edit-license has them.
type LicenseTerms struct {
	Start    time.Time `json:"start,omitzero"` // zero if the row doesn't have it
	End      time.Time `json:"end,omitzero"`   // zero if the row doesn't have it
	RunLimit int       `json:"run_limit"`
	RAM      float64   `json:"ram"`  // GB
	CPU      float64   `json:"cpu"`  // cores
	Disk     float64   `json:"disk"` // GB
	Member   bool      `json:"member"`
	Uptime   Uptime    `json:"uptime"` // "short", "medium", "day" or "always_running"
}

// GivesSame reports whether both give the same to the same number of projects, in whatever time.
func (t LicenseTerms) GivesSame(other LicenseTerms) bool {
	t.Start, t.End, other.Start, other.End = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return t == other
}

// Same reports whether both give the same until the same moment. The start is left out: each change of a term that has
// begun moves it to the moment of the change.
func (t LicenseTerms) Same(other LicenseTerms) bool {
	return t.GivesSame(other) && t.End.Equal(other.End)
}

// LicenseChange is what a row of service edit-license changed.
type LicenseChange struct {
	Before LicenseTerms `json:"before"`
	After  LicenseTerms `json:"after"`
}

// Extends reports whether only the end changed, to a later one: a renewal, or a term that was made longer.
func (c LicenseChange) Extends() bool {
	return c.Before.GivesSame(c.After) && c.After.End.After(c.Before.End)
}

type licenseTermsJSON struct {
	Start    timestamp        `json:"start"`
	End      timestamp        `json:"end"`
	Quantity lenient[float64] `json:"quantity"`
	RAM      lenient[float64] `json:"custom_ram"`
	CPU      lenient[float64] `json:"custom_cpu"`
	Disk     lenient[float64] `json:"custom_disk"`
	Member   lenient[bool]    `json:"custom_member"`
	Uptime   lenientText      `json:"custom_uptime"`
}

func (j *licenseTermsJSON) terms() LicenseTerms {
	return LicenseTerms{
		Start: j.Start.Time, End: j.End.Time, RunLimit: int(j.Quantity.v), RAM: j.RAM.v, CPU: j.CPU.v, Disk: j.Disk.v,
		Member: j.Member.v, Uptime: Uptime(j.Uptime),
	}
}
