package cocalc

import "time"

// Uptime is the idle timeout of projects that run on a license.
type Uptime string

// The uptimes that CoCalc sells.
const (
	UptimeShort  Uptime = "short"          // 30 minutes
	UptimeMedium Uptime = "medium"         // 2 hours
	UptimeDay    Uptime = "day"            // 1 day; only with member hosting
	UptimeAlways Uptime = "always_running" // never stops
)

// User is the kind of customer, which determines the discount.
type User string

// The kinds of customer.
const (
	UserAcademic User = "academic" // 40 % off
	UserBusiness User = "business"
)

// Period is how a license is paid for.
type Period string

// The periods.
const (
	PeriodMonthly Period = "monthly" // renews every month until cancelled
	PeriodYearly  Period = "yearly"  // renews every year until cancelled
	PeriodRange   Period = "range"   // a fixed term from Start to End; never renews
)

// LicenseSpec specifies a license. The zero value is not valid: start from [DefaultSpec], and check it with
// [LicenseSpec.Validate].
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
	ProjectID   string `json:"project_id,omitempty"` // UUID of the project that gets the license when it is bought

	// Start and End of a fixed term, only with PeriodRange. A zero Start means that the term begins when the license is
	// added to the cart, so the price can fall while the order waits, but not rise.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// DefaultSpec returns a specification with the defaults of CoCalc. RAM and CPU have no default and are 0.
func DefaultSpec() LicenseSpec {
	return LicenseSpec{
		Disk: 10, Member: true, Uptime: UptimeMedium, User: UserBusiness, Period: PeriodMonthly, RunLimit: 1,
	}
}
