package cocalctest

import (
	"slices"
	"sort"
	"time"
)

// license is a row of site_licenses.
type license struct {
	id                          string
	accountID                   string // who bought it
	title, description          any    // text or null
	activates, expires, created time.Time
	lastUsed                    time.Time
	managers                    []string
	quota                       object
	runLimit                    int64
	purchased                   object // info.purchased
	subscription                *subscription
}

// millis returns a date as the license endpoints show it: milliseconds since 1970, or null.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

func (l *license) managedBy(a *account) bool { return a != nil && slices.Contains(l.managers, a.id) }

// row returns the license as its managers see it. get-license omits created and adds more.
func (l *license) row() object {
	return object{
		{"id", l.id},
		{"title", l.title},
		{"description", l.description},
		{"expires", millis(l.expires)},
		{"activates", millis(l.activates)},
		{"last_used", millis(l.lastUsed)},
		{"created", millis(l.created)},
		{"managers", l.managerIDs()},
		{"upgrades", nil},
		{"quota", l.quota},
		{"run_limit", l.runLimit},
		{"info", object{{"purchased", l.purchased}}},
	}
}

// sortNewestFirst sorts by a time, descending. Rows of the same time keep their order, which the database doesn't
// guarantee.
func sortNewestFirst[T any](list []T, at func(T) time.Time) {
	sort.SliceStable(list, func(i, j int) bool { return at(list[i]).After(at(list[j])) })
}

// getManaged lists the licenses that the account manages. Without a valid key, the list is empty.
func (s *Server) getManaged(c *call) (any, error) {
	rows := []any{}
	if c.account == nil {
		return rows, nil
	}
	limit, _, err := pgBigint(c.params.get("limit"))
	if err != nil {
		return nil, err
	}
	skip, _, err := pgBigint(c.params.get("skip"))
	switch {
	case err != nil:
		return nil, err
	case limit < 0:
		return nil, refusal("LIMIT must not be negative")
	case skip < 0:
		return nil, refusal("OFFSET must not be negative")
	}
	managed := s.managedLicenses(c.account)
	managed = managed[min(int(skip), len(managed)):]
	if limit > 0 {
		managed = managed[:min(int(limit), len(managed))]
	}
	for _, l := range managed {
		rows = append(rows, append(l.row(), member{"is_manager", true}))
	}
	return rows, nil
}

func (s *Server) managedLicenses(a *account) []*license {
	var managed []*license
	for _, l := range s.licenses {
		if l.managedBy(a) {
			managed = append(managed, l)
		}
	}
	sortNewestFirst(managed, func(l *license) time.Time { return l.created })
	return managed
}

// getLicense returns a license completely to its managers, and in part to anyone else, even without a key.
func (s *Server) getLicense(c *call) (any, error) {
	if c.has(Outage) {
		return nil, refusal("connect ECONNREFUSED")
	}
	id, subscriptionID := c.params.get("license_id"), c.params.get("subscription_id")
	if nullish(id) && nullish(subscriptionID) {
		return nil, refusal("license_id or subscription_id must be specified")
	}
	if nullish(id) {
		n, _, err := pgInteger(subscriptionID)
		if err != nil {
			return nil, err
		}
		for _, l := range s.licenses {
			if l.subscription != nil && l.subscription.id == n && l.managedBy(c.account) {
				return l.forManager(), nil
			}
		}
		return nil, refusal("You are not the manager of any license with subscription id=" + pgText(subscriptionID))
	}
	l, err := s.licenseByID(id)
	if err != nil {
		return nil, err
	}
	if l.managedBy(c.account) {
		return l.forManager(), nil
	}
	return object{
		{"title", l.title},
		{"expires", millis(l.expires)},
		{"activates", millis(l.activates)},
		{"upgrades", nil},
		{"quota", l.quota},
		{"run_limit", l.runLimit},
		{"is_manager", false},
	}, nil
}

func (l *license) forManager() object {
	return append(l.row().with("created", undefined{}), member{"subscription_id", l.subscriptionID()},
		member{"is_manager", true}, member{"number_running", 0})
}

func (s *Server) licenseByID(id any) (*license, error) {
	text := pgText(id)
	if !uuidSyntax.MatchString(text) {
		return nil, refusal(`invalid input syntax for type uuid: "` + text + `"`)
	}
	for _, l := range s.licenses {
		if l.id == text {
			return l, nil
		}
	}
	return nil, refusal("no license with id " + text)
}

// editLicenseOwner makes another account the purchaser of a license, which may then edit it. Only admins of the site
// may do so. The new owner does not become a manager, and need not exist.
func (s *Server) editLicenseOwner(c *call) (any, error) {
	if !c.account.admin {
		return nil, refusal("only admins can edit the owner of a license")
	}
	for _, name := range []string{"license_id", "new_account_id"} {
		if id, ok := c.params.get(name).(string); !ok || !uuidSyntax.MatchString(id) {
			return nil, refusal(name + " must be a valid uuid")
		}
	}
	l, err := s.licenseByID(c.params.get("license_id"))
	if err != nil {
		return nil, refusal("no such license")
	}
	owner, _ := c.params.get("new_account_id").(string)
	l.accountID, l.purchased = owner, jsonb(l.purchased.with("account_id", owner)).(object)
	return object{{"success", true}}, nil
}

// getProjects lists the account's projects that have a license; without a valid key, the list is empty. Only empty
// lists were recorded.
func (s *Server) getProjects(c *call) (any, error) {
	rows := []any{}
	if c.account == nil {
		return rows, nil
	}
	for _, p := range c.account.projects {
		if len(p.Licenses) > 0 {
			rows = append(rows, object{{"project_id", p.ID}, {"title", p.Title}})
		}
	}
	return rows, nil
}

func (s *Server) getProjectsWithLicense(c *call) (any, error) {
	l, err := s.licenseByID(c.params.get("license_id"))
	if err != nil {
		return nil, err
	}
	if !l.managedBy(c.account) {
		return nil, refusal("must be signed in as a manager of the license")
	}
	rows := []any{}
	for _, a := range s.accounts {
		for _, p := range a.projects {
			if slices.Contains(p.Licenses, l.id) {
				rows = append(rows, object{{"project_id", p.ID}, {"title", p.Title}})
			}
		}
	}
	return rows, nil
}

// pgBigint parses the number of LIMIT and OFFSET; a missing one is 0.
func pgBigint(v any) (n int64, null bool, err error) {
	n, null, err = pgInteger(v)
	if err != nil {
		return 0, false, refusal(`invalid input syntax for type bigint: "` + pgText(v) + `"`)
	}
	return n, null, nil
}
