package cocalctest

import (
	"slices"
	"strings"
	"time"
)

// userQuery answers the tables that a client of licenses uses: it reads accounts, purchases and subscriptions, and sets
// the title and description of a license in manager_site_licenses.
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
		if m.name == "manager_site_licenses" && !slices.ContainsFunc(fields, func(f member) bool { return f.value == nil }) {
			if err := s.renameLicense(c, fields); err != nil {
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
	case "site_licenses":
		return nil, refusal("FATAL: user must be an admin")
	case "accounts", "purchases", "subscriptions", "manager_site_licenses", "projects", "projects_all":
		if c.account == nil {
			return nil, refusal("FATAL: anonymous get queries not allowed for table '" + table + "'")
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
			matches = matches && (f.value == nil || pgText(f.value) == pgText(v))
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
	case "manager_site_licenses":
		for _, l := range s.managedLicenses(a) {
			rows = append(rows, l.row())
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
				{"last_edited", isoText(p.Edited)},
			})
		}
	}
	return rows
}

// renameLicense sets title and description. It was read in the server's code, not recorded.
func (s *Server) renameLicense(c *call, fields object) error {
	if c.account == nil {
		return refusal("FATAL: no anonymous set queries")
	}
	l, err := s.licenseByID(fields.get("id"))
	if err != nil {
		return err
	}
	if !l.managedBy(c.account) {
		return refusal("FATAL: user must be a manager of the license")
	}
	for _, f := range fields {
		switch f.name {
		case "id":
		case "title":
			l.title = textColumn(f.value)
		case "description":
			l.description = textColumn(f.value)
		default:
			return refusal("FATAL: user set query not allowed for manager_site_licenses." + f.name)
		}
	}
	return nil
}
