package cocalctest

import (
	"slices"
	"strings"
	"time"
)

// userQuery answers the tables that a client of licenses uses. It reads accounts, purchases, subscriptions, licenses
// and projects; it sets title, description and managers of a license, and puts a license on a project. A query that has
// no null sets its values.
func (s *Server) userQuery(c *call) (any, error) {
	query, ok := c.params.get("query").(object)
	if !ok || len(query) == 0 {
		return nil, refusal("Cannot read properties of undefined (reading 'undefined')")
	}
	result := object{}
	for _, m := range query {
		fields, isObject := m.value.(object) // the query is about one row
		if list, isList := m.value.([]any); isList && len(list) > 0 {
			fields, _ = list[0].(object)
		}
		if set := s.setQuery(m.name, fields); set != nil {
			if err := set(c, fields); err != nil {
				return nil, err
			}
			continue // a query that sets a value has no result
		}
		rows, err := s.readTable(c, m.name, fields, isObject)
		if err != nil {
			return nil, err
		}
		switch {
		case !isObject:
			result = append(result, member{m.name, rows})
		case len(rows) > 0:
			result = append(result, member{m.name, rows[0]})
		}
	}
	return object{{"query", result}}, nil
}

// readTable returns the requested fields of the account's rows of a table. In a list of rows, null values are left out.
func (s *Server) readTable(c *call, table string, fields object, nulls bool) ([]any, error) {
	var rows []object
	switch table {
	case "site_licenses", "site_license_usage_stats", "number_of_projects_using_site_license", "matching_site_licenses":
		return nil, errNotAdmin
	case "accounts", "purchases", "subscriptions", "manager_site_licenses", "site_license_public_info", "projects",
		"projects_all":
		if c.account == nil {
			return nil, refusal("FATAL: anonymous get queries not allowed for table '" + table + "'")
		}
		switch table {
		case "manager_site_licenses":
			return s.managerLicenses(c, nulls)
		case "site_license_public_info":
			return s.publicLicense(c, fields)
		}
		if err := mayRead(c.account, table, fields); err != nil {
			return nil, err
		}
		rows = s.tableRows(c, table)
	default:
		return nil, refusal("FATAL: get queries not allowed for table '" + table + "'")
	}
	answers := []any{}
	for _, row := range rows {
		answer, matches := object{}, true
		for _, f := range fields {
			v := row.get(f.name)
			if _, unknown := v.(undefined); unknown {
				return nil, refusal("FATAL: user get query not allowed for " + table + "." + f.name)
			}
			matches = matches && (hasNull(f.value) || pgText(f.value) == pgText(v))
			if nulls || !absent(v) {
				answer = append(answer, member{f.name, v})
			}
		}
		if matches {
			answers = append(answers, answer)
		}
	}
	return answers, nil
}

// errNotAdmin refuses what only admins of the site may query, and projects of other people.
const errNotAdmin = refusal("FATAL: user must be an admin")

// setQuery returns what sets values of a table; nil for a query that reads, which a null anywhere in it makes.
func (s *Server) setQuery(table string, fields object) func(*call, object) error {
	if hasNull(fields) || fields == nil {
		return nil
	}
	switch table {
	case "manager_site_licenses":
		return s.setLicense
	case "projects":
		if _, absent := fields.get("site_license").(undefined); !absent {
			return s.setProject
		}
	case "projects_using_site_license":
		return func(*call, object) error {
			return refusal("FATAL: user set queries not allowed for table '" + table + "'")
		}
	}
	return nil
}

// hasNull reports whether a value is null or has one in it.
func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case object:
		return slices.ContainsFunc(v, func(m member) bool { return hasNull(m.value) })
	case []any:
		return slices.ContainsFunc(v, hasNull)
	}
	return false
}

// absent reports whether a column is null.
func absent(v any) bool {
	at, isTime := v.(time.Time)
	return v == nil || isTime && at.IsZero()
}

// mayRead refuses a query about a project that the account does not belong to. This follows the server's code, not a
// recording.
func mayRead(a *account, table string, fields object) error {
	id, named := fields.get("project_id").(string)
	if !named || !strings.HasPrefix(table, "projects") || slices.ContainsFunc(a.projects, func(p Project) bool {
		return p.ID == id
	}) {
		return nil
	}
	if !uuidSyntax.MatchString(id) {
		return refusal(`invalid input syntax for type uuid: "` + id + `"`)
	}
	return refusal("FATAL: you do not have read access to this project -- account_id=" + a.id + ", project_id_=undefined")
}

// projectsCutoff is how long a project stays in the table "projects" after its last edit.
const projectsCutoff = 6 * 7 * 24 * time.Hour

func (s *Server) tableRows(c *call, table string) []object {
	a := c.account
	var rows []object
	switch table {
	case "accounts":
		var minBalance any
		if a.minBalanceSet {
			minBalance = a.minBalance
		}
		rows = append(rows, object{
			{"account_id", a.id},
			{"email_address", a.email},
			{"first_name", a.firstName},
			{"last_name", a.lastName},
			{"balance", s.balance(a.id)},
			{"min_balance", minBalance},
			{"purchase_closing_day", a.closingDay},
		})
	case "purchases":
		for _, p := range s.purchasesOf(a) {
			rows = append(rows, append(p.row(), member{"account_id", a.id}))
		}
	case "subscriptions":
		for _, u := range s.subscriptions {
			if u.accountID == a.id {
				rows = append(rows, append(u.row(), member{"canceled_at", u.canceled}, member{"resumed_at", u.resumed},
					member{"renewal_email", nil}))
			}
		}
	case "projects", "projects_all":
		for _, p := range a.projects {
			if table == "projects" && s.now().Sub(p.Edited) > projectsCutoff {
				continue
			}
			users := object{{a.id, object{{"group", "owner"}}}}
			if p.Collaborator {
				users = object{
					{a.id, object{{"group", "collaborator"}}},
					{"00000000-0000-4000-8000-0000000000ff", object{{"group", "owner"}}},
				}
			}
			var deleted any
			if p.Deleted {
				deleted = true
			}
			rows = append(rows, object{
				{"project_id", p.ID},
				{"title", p.Title},
				{"users", users},
				{"deleted", deleted},
				{"site_license", p.siteLicense()},
				{"last_edited", isoText(p.Edited)},
			})
		}
	}
	return rows
}
