package cocalc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Role is an account's role in a project.
type Role string

// CoCalc's roles.
const (
	RoleOwner        Role = "owner"
	RoleCollaborator Role = "collaborator"
)

// Project is a project that the account owns or works on.
type Project struct {
	ID      string
	Title   string // written by the project's people
	Role    Role   // of the account
	Deleted bool
}

// Project reads a project of the account. id is its UUID. The error's kind is NotFound if the project belongs to other
// people or does not exist; CoCalc does not distinguish the two.
func (c *Client) Project(ctx context.Context, id string) (Project, error) {
	account, err := c.WhoAmI(ctx)
	if err != nil {
		return Project{}, err
	}
	// The table "projects" omits projects that were not edited for six weeks; "projects_all" has them.
	for _, table := range []string{"projects", "projects_all"} {
		p, found, err := c.projectIn(ctx, table, id, account.ID)
		if err != nil || found {
			return p, err
		}
	}
	return Project{}, noProject(id)
}

func noProject(id string) *Error {
	return &Error{Op: userQuery, Outcome: Rejected, Kind: NotFound, Status: 200, Text: "the account has no project " + id}
}

// projectIn reads a project from one of the tables; found is false if the table does not have it.
func (c *Client) projectIn(ctx context.Context, table, id, account string) (p Project, found bool, err error) {
	query, err := json.Marshal(
		map[string]any{
			"query": map[string]any{table: map[string]any{"project_id": id, "title": nil, "users": nil, "deleted": nil}},
		})
	if err != nil {
		return p, false, err
	}
	body, err := c.call(ctx, readOnly, userQuery, json.RawMessage(query))
	var refusal *Error
	if errors.As(err, &refusal) && refusal.Outcome == Rejected &&
		strings.Contains(refusal.Text, "queries not allowed for table") {
		return p, false, nil // an older server has no such table
	}
	if err != nil {
		return p, false, err
	}
	var answer struct {
		Query map[string]*struct {
			ID      string                     `json:"project_id"`
			Title   lenientText                `json:"title"`
			Users   map[string]json.RawMessage `json:"users"`
			Deleted any                        `json:"deleted"`
		} `json:"query"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return p, false, c.unexpectedAnswer(userQuery, body, err)
	}
	row := answer.Query[table]
	if row == nil {
		return p, false, nil
	}
	if !strings.EqualFold(row.ID, id) {
		return p, false, c.unexpectedAnswer(userQuery, body, fmt.Errorf("it is about project %q", row.ID))
	}
	var user struct {
		Group Role `json:"group"`
	}
	if json.Unmarshal(row.Users[account], &user) != nil || user.Group != RoleOwner && user.Group != RoleCollaborator {
		return p, false, noProject(id) // an admin of the site sees other people's projects too
	}
	return Project{ID: row.ID, Title: string(row.Title), Role: user.Group, Deleted: row.Deleted == true}, true, nil
}
