package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// PolicySettings are those that say who may spend how much, and who sees it. Every change of one is an audit record.
type PolicySettings struct {
	Buyers    []string `envconfig:"BUYERS"`
	Approvers []string `envconfig:"APPROVERS"`
	Admins    []string `envconfig:"ADMINS"`
	Viewers   []string `envconfig:"VIEWERS"`
	Channels  []string `envconfig:"CHANNELS"`

	ApprovalsChannel  string        `envconfig:"APPROVALS_CHANNEL"`
	AutoApproveLimit  Amount        `envconfig:"AUTO_APPROVE_LIMIT" default:"0"`
	ApproveRenewing   bool          `envconfig:"APPROVE_RENEWING" default:"false"`
	ApprovalsRequired Maximum       `envconfig:"APPROVALS_REQUIRED" default:"1"`
	ApprovalTTL       time.Duration `envconfig:"APPROVAL_TTL" default:"72h"`

	OrderLimit    Dollars  `envconfig:"ORDER_LIMIT" default:"200"`
	MonthlyBudget Dollars  `envconfig:"MONTHLY_BUDGET" default:"1000"`
	RenewalsLimit Dollars  `envconfig:"RENEWALS_LIMIT" default:"none"`
	PersonBudget  Dollars  `envconfig:"PERSON_BUDGET" default:"none"`
	PersonOrders  Maximum  `envconfig:"PERSON_ORDERS" default:"10"`
	MaxRAM        Maximum  `envconfig:"MAX_RAM"`
	MaxCPU        Maximum  `envconfig:"MAX_CPU"`
	MaxDisk       Maximum  `envconfig:"MAX_DISK"`
	MaxRunLimit   Maximum  `envconfig:"MAX_RUN_LIMIT"`
	MaxDays       Maximum  `envconfig:"MAX_DAYS" default:"366"`
	Periods       []string `envconfig:"PERIODS"`
	LeastCredit   Amount   `envconfig:"LEAST_CREDIT" default:"0"`

	PurchasesChannel string   `envconfig:"PURCHASES_CHANNEL"`
	Timezone         Location `envconfig:"TIMEZONE" default:"UTC"`
}

// IDList is a setting that lists Slack ids.
type IDList struct {
	Setting string
	IDs     []string
	kinds   string // the first letters of its ids
	All     string // a word that can stand for all; empty: none
	what    string // describes an id, and where to find it
}

// PeopleLists returns the lists of people and user groups.
func (p PolicySettings) PeopleLists() []IDList {
	return []IDList{
		{"BUYERS", p.Buyers, "UWS", "*", personIDs},
		{"APPROVERS", p.Approvers, "UWS", "", personIDs},
		{"ADMINS", p.Admins, "UWS", "", personIDs},
		{"VIEWERS", p.Viewers, "UWS", "*", personIDs},
	}
}

// ChannelLists returns the lists of channels.
func (p PolicySettings) ChannelLists() []IDList {
	return []IDList{
		{"CHANNELS", p.Channels, "CG", "", channelIDs},
		{"APPROVALS_CHANNEL", []string{p.ApprovalsChannel}, "CG", "", channelIDs},
		{"PURCHASES_CHANNEL", []string{p.PurchasesChannel}, "CG", "", channelIDs},
	}
}

// policyFaults returns the faults of single policy settings.
func (p PolicySettings) policyFaults() (faults Faults) {
	for _, list := range slices.Concat(p.PeopleLists(), p.ChannelLists()) {
		for _, id := range Clean(list.IDs) {
			if id != list.All && (!strings.ContainsAny(id[:1], list.kinds) || strings.ContainsFunc(id, noID)) {
				faults.Add(list.Setting, "%s is %s", redactValue(id), list.what)
			}
		}
	}
	for _, word := range Clean(p.Periods) {
		if !slices.Contains(allPeriods, cocalc.Period(word)) {
			faults.Add("PERIODS", "%s is not monthly, yearly or range", redactValue(word))
		}
	}
	if p.ApprovalTTL <= 0 {
		faults.Add("APPROVAL_TTL", "must be above 0")
	}
	if p.ApprovalsRequired < 1 {
		faults.Add("APPROVALS_REQUIRED", "use a whole number above 0")
	}
	if p.PersonBudget == (Dollars{}) {
		faults.Add("PERSON_BUDGET", "0 would let no one buy. For that, leave BUYERS empty; for no limit, use none")
	}
	if p.RenewalsLimit == (Dollars{}) {
		faults.Add("RENEWALS_LIMIT", "0 would let no one buy a license that renews. For that, use PERIODS=range; for no "+
			"limit, use none")
	}
	return faults
}

const (
	personIDs = "not the id of a Slack user or group. Copy a user's (U…) from their profile, under Copy member ID, " +
		"and a group's (S…) from its three-dot menu"
	channelIDs = "not a channel id. Copy it (C…) from the end of the channel's details"
)

// noID reports whether Slack's ids never contain a character. Ids that are separated by a semicolon, for example, would
// read as one unknown id.
func noID(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }

var allPeriods = []cocalc.Period{cocalc.PeriodMonthly, cocalc.PeriodYearly, cocalc.PeriodRange}

// approvalFaults returns settings of approvals that contradict each other. With one of them set, orders that should
// need approval would be bought without it.
func (p PolicySettings) approvalFaults() (faults Faults) {
	approvers := slices.Collect(maps.Keys(setOf(p.Approvers)))
	if len(approvers) > 0 {
		if p.ApprovalsChannel == "" {
			faults.Add("APPROVALS_CHANNEL", "APPROVERS is set, but there is no channel to ask them in")
		}
		groups := slices.ContainsFunc(approvers, func(id string) bool { return id[0] == 'S' })
		if n := int(p.ApprovalsRequired); n > len(approvers) && !groups {
			faults.Add("APPROVALS_REQUIRED", "%d, but APPROVERS lists only %d", n, len(approvers))
		}
		return faults
	}
	for _, s := range []struct {
		name string
		set  bool
	}{
		{"APPROVALS_CHANNEL", p.ApprovalsChannel != ""},
		{"AUTO_APPROVE_LIMIT", p.AutoApproveLimit.Cents > 0},
		{"APPROVE_RENEWING", p.ApproveRenewing},
		{"APPROVALS_REQUIRED", p.ApprovalsRequired > 1},
	} {
		if s.set {
			faults.Add(s.name, "set, but APPROVERS is empty, so no one would be asked")
		}
	}
	return faults
}

// unbuyableDefaults returns defaults of licenses that the limits refuse: every order that leaves the field out would be
// refused.
func (c Settings) unbuyableDefaults() (faults Faults) {
	spec, wrong := c.LicenseSpec()
	if len(wrong) > 0 {
		return nil
	}
	for _, s := range []struct {
		field, limit string
		value        int
		most         Maximum
	}{
		{"ram", "MAX_RAM", spec.RAM, c.MaxRAM},
		{"cpu", "MAX_CPU", spec.CPU, c.MaxCPU},
		{"disk", "MAX_DISK", spec.Disk, c.MaxDisk},
		{"run_limit", "MAX_RUN_LIMIT", spec.RunLimit, c.MaxRunLimit},
	} {
		if s.most > 0 && s.value > int(s.most) {
			faults.Add(s.limit, "%d, but people who leave out `%s` get %d: set a smaller one in LICENSE_DEFAULTS",
				s.most, s.field, s.value)
		}
	}
	// A team that may buy fixed terms alone has to say how long in any case.
	allowed := Clean(c.Periods)
	if len(allowed) > 0 && !slices.Contains(allowed, string(spec.Period)) && !slices.Equal(allowed, []string{"range"}) {
		faults.Add("PERIODS", "lacks %s, which people get when they leave out `period`: "+
			"set another one in LICENSE_DEFAULTS", spec.Period)
	}
	return faults
}

// Clean returns the ids or words of a list without the spaces around them. Empty ones are left out.
func Clean(list []string) (names []string) {
	for _, name := range list {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func setOf(list []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range Clean(list) {
		set[name] = true
	}
	return set
}

// Policy returns the policy of these settings: who may buy how much, and who approves.
func (p PolicySettings) Policy() purchase.Policy {
	policy := purchase.Policy{
		Buyers: setOf(p.Buyers), Approvers: setOf(p.Approvers), Admins: setOf(p.Admins),
		Viewers: setOf(p.Viewers), Channels: setOf(p.Channels),
		AutoApprove: p.AutoApproveLimit.Cents, AskRenewing: p.ApproveRenewing, Approvals: int(p.ApprovalsRequired),
		OrderLimit: p.OrderLimit.Limit, MonthlyBudget: p.MonthlyBudget.Limit,
		RenewalsLimit: p.RenewalsLimit.Max, PersonBudget: p.PersonBudget.Max, PersonOrders: int(p.PersonOrders),
		Largest: purchase.Sizes{
			RAM: int(p.MaxRAM), CPU: int(p.MaxCPU), Disk: int(p.MaxDisk),
			RunLimit: int(p.MaxRunLimit), Days: int(p.MaxDays),
		},
		Periods: map[cocalc.Period]bool{}, LeastCredit: p.LeastCredit.Cents, Location: p.Timezone.Location,
	}
	for _, period := range Clean(p.Periods) {
		policy.Periods[cocalc.Period(period)] = true
	}
	policy.Everyone = policy.Buyers["*"]
	delete(policy.Buyers, "*")
	policy.AllView = policy.Viewers["*"]
	delete(policy.Viewers, "*")
	return policy
}

// InForce returns the values of the settings, by their names. The audit compares them at every start.
func (p PolicySettings) InForce() map[string]string {
	values := map[string]string{}
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		value := fmt.Sprint(v.Field(i).Interface())
		if list, ok := v.Field(i).Interface().([]string); ok {
			list = Clean(list)
			slices.Sort(list)
			value = strings.Join(slices.Compact(list), ",")
		}
		values[v.Type().Field(i).Tag.Get("envconfig")] = value
	}
	return values
}
