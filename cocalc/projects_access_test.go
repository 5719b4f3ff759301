package cocalc

import "testing"

// An admin of the site can read every project. Only the people of one are in it.
func TestClient_Project_OnlyVisible(t *testing.T) {
	const id, me = "11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"
	who := reply{body: `{"query":{"accounts":{"account_id":"` + me + `","email_address":"a@example.com"}}}`}
	for users, role := range map[string]Role{
		`{"` + me + `":{"group":"owner"}}`:                           RoleOwner,
		`{"` + me + `":{"group":"collaborator","hide":true}}`:        RoleCollaborator,
		`{"33333333-2222-4333-8444-555555555555":{"group":"owner"}}`: "",
		`{"` + me + `":{"group":"invited"}}`:                         "",
		`{"` + me + `":{}}`:                                          "",
		`{"` + me + `":7}`:                                           "",
		`{}`:                                                         "",
		`null`:                                                       "",
	} {
		c, _ := serve(t,
			map[string][]reply{
				userQuery: {who, {body: `{"query":{"projects":{"project_id":"` + id + `","title":"x","users":` + users +
					`,"deleted":null}}}`}},
			})
		got, err := c.Project(t.Context(), id)
		if role != "" {
			if err != nil || got.Role != role {
				t.Errorf("%s: got %+v, %v, want the role %s", users, got, err, role)
			}
			continue
		}
		if e := asError(t, err); e.Kind != NotFound || got.ID != "" {
			t.Errorf("%s: got %+v, %v, want kind NotFound", users, got, err)
		}
	}
}
