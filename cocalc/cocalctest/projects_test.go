package cocalctest_test

import (
	"fmt"
	"slices"
	"testing"

	"licensebot/cocalc/cocalctest"
)

// A query puts licenses on a project and never takes one off. Whether a license exists is not checked.
func TestServer_UserQuery_ProjectLicenses(t *testing.T) {
	const project, unknown = "5a6b7c8d-0000-4000-8000-000000000001", "5a6b7c8d-0000-4000-8000-000000000009"
	c := newClient(t, cocalctest.Config{})
	c.account.AddProject(project, "Number theory")
	c.account.AddToCart("site-license", cheap)
	c.want(checkout, "{}", success)
	license := c.account.Licenses()[0].ID
	set := func(entries string) string {
		return fmt.Sprintf(`{"query":{"projects":{"project_id":%q,"site_license":%s}}}`, project, entries)
	}
	licenses := func(want ...string) {
		t.Helper()
		if got := c.account.Projects()[0].Licenses; !slices.Equal(got, want) {
			t.Errorf("got the licenses %v of the project, want %v", got, want)
		}
	}
	c.want("user-query", set(`{"`+license+`":{}}`), `{"query":{}}`)
	c.want("user-query", set(`{"`+license+`":{}}`), `{"query":{}}`)
	licenses(license)
	c.want("user-query", set(`{"`+unknown+`":{}}`), `{"query":{}}`)
	licenses(license, unknown)
	c.want("user-query", set(`{}`), `{"query":{}}`)
	licenses(license, unknown)
	ids := []string{license, unknown}
	slices.Sort(ids)                                  // as PostgreSQL does
	c.want("user-query", set(`{"`+license+`":null}`), // a null reads
		fmt.Sprintf(`{"query":{"projects":{"project_id":%q,"site_license":{%q:{},%q:{}}}}}`, project, ids[0], ids[1]))
	licenses(license, unknown)

	c.want("user-query", set(`{"`+license+`":false}`), `{"query":{}}`)
	licenses(unknown)
	c.want("user-query", set(`{"`+license+`":{}}`), `{"query":{}}`)
	licenses(unknown)

	stranger := c.server.Add(cocalctest.NewAccount{})
	c.key = stranger.Key()
	c.want("user-query", set(`{"`+license+`":{}}`), `{"error":"FATAL: user must be an admin"}`)
	stranger.AddProject(project, "Number theory") // now a collaborator
	c.want("user-query", set(`{"`+unknown+`":{}}`), `{"query":{}}`)
}

// Every manager changes title, description and managers, except that the purchaser stays one.
func TestServer_UserQuery_Managers(t *testing.T) {
	c := newClient(t, cocalctest.Config{})
	c.account.AddToCart("site-license", cheap)
	c.want(checkout, "{}", success)
	license, buyer := c.account.Licenses()[0].ID, c.account.ID()
	second := c.server.Add(cocalctest.NewAccount{})
	managers := func(ids ...string) string {
		list := ""
		for i, id := range ids {
			list += fmt.Sprintf("%.*s%q", min(i, 1), ",", id)
		}
		return fmt.Sprintf(`{"query":{"manager_site_licenses":{"id":%q,"managers":[%s]}}}`, license, list)
	}
	c.want("user-query", managers(buyer, second.ID()), `{"query":{}}`)
	c.key = second.Key()
	c.want("user-query", managers(second.ID()),
		`{"error":"you cannot remove as manager the person who originally purchased the license"}`)
	c.want("user-query", managers(buyer, "abc"), `{"error":"managers must be an array of valid uuid's"}`)
	if len(second.Licenses()) != 1 {
		t.Errorf("got %d licenses of the new manager, want 1", len(second.Licenses()))
	}
	c.want("user-query", managers(buyer), `{"query":{}}`)
	if len(second.Licenses()) != 0 {
		t.Errorf("got %d licenses of a former manager, want none", len(second.Licenses()))
	}
}
