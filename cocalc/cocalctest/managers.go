package cocalctest

import "slices"

// managerLicenses lists all fields of the licenses that the account manages, whatever the query asks for, the oldest
// first.
func (s *Server) managerLicenses(c *call, single bool) ([]any, error) {
	if single {
		return nil, refusal("only query requesting multiple results is implemented")
	}
	rows := []any{}
	for _, l := range s.licenses {
		if !l.managedBy(c.account) {
			continue
		}
		rows = append(rows, object{
			{"id", l.id},
			{"title", l.title},
			{"description", l.description},
			{"info", object{{"purchased", l.purchased}}},
			{"expires", l.expires},
			{"activates", l.activates},
			{"created", l.created},
			{"last_used", l.lastUsed},
			{"managers", l.managerIDs()},
			{"restricted", nil},
			{"upgrades", nil},
			{"quota", l.quota},
			{"run_limit", l.runLimit},
			{"apply_limit", nil},
			{"voucher_code", nil},
			{"subscription_id", l.subscriptionID()},
		})
	}
	return rows, nil
}

// publicLicense returns what anyone with a key who knows a license's ID may read of it. The ID is all that is needed to
// use the license.
func (s *Server) publicLicense(c *call, fields object) ([]any, error) {
	l, err := s.licenseByID(fields.get("id"))
	if err != nil {
		return nil, err
	}
	applied := 0
	for _, a := range s.accounts {
		for _, p := range a.projects {
			if slices.Contains(p.Licenses, l.id) {
				applied++
			}
		}
	}
	return []any{object{
		{"title", l.title},
		{"description", l.description},
		{"expires", l.expires},
		{"activates", l.activates},
		{"quota", l.quota},
		{"run_limit", l.runLimit},
		{"managers", l.managerIDs()},
		{"subscription_id", l.subscriptionID()},
		{"running", 0},
		{"applied", applied},
		{"is_manager", l.managedBy(c.account)},
	}}, nil
}

func (l *license) managerIDs() []any {
	ids := []any{}
	for _, id := range l.managers {
		ids = append(ids, id)
	}
	return ids
}

func (l *license) subscriptionID() any {
	if l.subscription == nil {
		return nil
	}
	return l.subscription.id
}

// setLicense sets title, description and managers of a license. Every manager may do so, but no one can remove the
// purchaser from the managers. What the license was bought with stays: info.purchased, and the row of the purchase.
func (s *Server) setLicense(c *call, fields object) error {
	if c.account == nil {
		return refusal("FATAL: no anonymous set queries")
	}
	for _, f := range fields {
		switch f.name {
		case "id", "managers":
		case "title", "description":
			if !isText(f.value) {
				return refusal(f.name + " must be a string")
			}
		default:
			return refusal("FATAL: changing manager_site_licenses." + f.name + " not allowed")
		}
	}
	id := fields.get("id")
	if text := pgText(id); !nullish(id) && !uuidSyntax.MatchString(text) {
		return refusal(`postgresql error: invalid input syntax for type uuid: "` + text + `"`)
	}
	l, err := s.licenseByID(id)
	if err != nil {
		return refusal("must provide primary key")
	}
	if !l.managedBy(c.account) {
		return refusal("user must be a manager of the license to change it")
	}
	managers := l.managers
	if v := fields.get("managers"); !nullish(v) {
		if managers, err = newManagers(l, v); err != nil {
			return err
		}
	}
	l.managers = managers
	if v := fields.get("title"); !nullish(v) {
		l.title = v
	}
	if v := fields.get("description"); !nullish(v) {
		l.description = v
	}
	return nil
}

// newManagers returns the managers that a query sets. Accounts that do not exist are accepted.
func newManagers(l *license, v any) ([]string, error) {
	const noList = refusal("managers must be an array of valid uuid's")
	list, ok := v.([]any)
	if !ok {
		return nil, noList
	}
	if !slices.Contains(list, any(l.accountID)) {
		return nil, refusal("you cannot remove as manager the person who originally purchased the license")
	}
	ids := []string{}
	for _, each := range list {
		id, _ := each.(string)
		if !uuidSyntax.MatchString(id) {
			return nil, noList
		}
		ids = append(ids, id)
	}
	return ids, nil
}
