package cocalc_test

import (
	"errors"
	"testing"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
)

const (
	ownProject  = "11111111-2222-4333-8444-555555555555"
	someProject = "99999999-2222-4333-8444-555555555555"
)

func TestClient_Project(t *testing.T) {
	for name, c := range map[string]struct {
		id      string
		prepare func(server *cocalctest.Server, account *cocalctest.Account)
		want    cocalc.Project
		kind    cocalc.Kind
	}{
		"its own": {id: ownProject, want: cocalc.Project{ID: ownProject, Title: "Number theory", Role: cocalc.RoleOwner}},
		"one that it works on": {
			id: ownProject, prepare: changeProject(func(p *cocalctest.Project) { p.Collaborator = true }),
			want: cocalc.Project{ID: ownProject, Title: "Number theory", Role: cocalc.RoleCollaborator},
		},
		"one that was not edited for a year": {
			id: ownProject, prepare: changeProject(func(p *cocalctest.Project) { p.Edited = p.Edited.AddDate(-1, 0, 0) }),
			want: cocalc.Project{ID: ownProject, Title: "Number theory", Role: cocalc.RoleOwner},
		},
		"a deleted one": {
			id: ownProject, prepare: changeProject(func(p *cocalctest.Project) { p.Deleted = true }),
			want: cocalc.Project{ID: ownProject, Title: "Number theory", Role: cocalc.RoleOwner, Deleted: true},
		},
		"one that does not exist": {id: someProject, kind: cocalc.NotFound},
		"a stranger's": {id: someProject, kind: cocalc.NotFound, prepare: func(s *cocalctest.Server, _ *cocalctest.Account) {
			s.Add(cocalctest.NewAccount{}).AddProject(someProject, "theirs")
		}},
		"no id at all": {id: "x", kind: cocalc.NotFound},
		"with a key that is no key any more": {
			id: ownProject, kind: cocalc.NotSignedIn,
			prepare: func(s *cocalctest.Server, _ *cocalctest.Account) {
				s.Inject(cocalctest.Fault{Endpoint: "user-query", Effect: cocalctest.KeyRevoked})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, account, server := newClient(t, cocalctest.Config{})
			account.AddProject(ownProject, "Number theory")
			if c.prepare != nil {
				c.prepare(server, account)
			}
			got, err := client.Project(t.Context(), c.id)
			var e *cocalc.Error
			if c.want != (cocalc.Project{}) {
				if err != nil || got != c.want {
					t.Errorf("got %+v, %v; want %+v", got, err, c.want)
				}
			} else if !errors.As(err, &e) || e.Kind != c.kind {
				t.Errorf("got %+v, %v, want kind %v", got, err, c.kind)
			}
		})
	}
}

func changeProject(how func(*cocalctest.Project)) func(*cocalctest.Server, *cocalctest.Account) {
	return func(_ *cocalctest.Server, a *cocalctest.Account) { a.ChangeProject(ownProject, how) }
}
