package cocalc

import "time"

// Uptime is the idle timeout of projects that run on a license.
type Uptime string

const (
	UptimeShort  Uptime = "short"          // 30 minutes
	UptimeMedium Uptime = "medium"         // 2 hours
	UptimeDay    Uptime = "day"            // 1 day; only with member hosting
	UptimeAlways Uptime = "always_running" // never stops
)

// User is the kind of customer, which sets the discount.
type User string

const (
	UserAcademic User = "academic" // 40 % off
	UserBusiness User = "business"
)

// Period is how a license is paid for.
type Period string

const (
	PeriodMonthly Period = "monthly" // renews every month until cancelled
	PeriodYearly  Period = "yearly"  // renews every year until cancelled
	PeriodRange   Period = "range"   // a fixed term from Start to End; never renews
)

// LicenseSpec says what a license gives. The zero value is not valid: start from [DefaultSpec].
type LicenseSpec struct {
	RAM         int    `json:"ram"`  // GB per running project, 1-16
	CPU         int    `json:"cpu"`  // cores per running project, 1-3
	Disk        int    `json:"disk"` // GB per project, 1-20
	Member      bool   `json:"member"`
	Uptime      Uptime `json:"uptime"`
	User        User   `json:"user"`
	Boost       bool   `json:"boost"`
	Period      Period `json:"period"`
	RunLimit    int    `json:"run_limit"` // projects running at the same time, 1-10,000
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	ProjectID   string `json:"project_id,omitempty"` // uuid: the license is put on that project when it is bought

	// Start and End of a fixed term (PeriodRange only). A zero Start means "begins when it is bought": it is set at
	// the moment of adding to the cart, so the price may sink while the order waits, never rise.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// DefaultSpec returns the values of fields that are left out. RAM and CPU have no default: a person has to set them (or
// LICENSE_DEFAULTS, for a whole team).
func DefaultSpec() LicenseSpec {
	return LicenseSpec{
		Disk: 10, Member: true, Uptime: UptimeMedium, User: UserBusiness, Period: PeriodMonthly, RunLimit: 1,
	}
}
