package slacksim

import (
	"slices"
	"strings"
)

// User is a person or a bot, as users.info describes them.
type User struct {
	ID       string // starts with U or W
	Name     string // the handle, such as alice
	RealName string // default: Name
	Email    string // only apps with the scope users:read.email get it
	TZ       string // IANA time zone; default Europe/Berlin
	// TeamID is the user's own workspace. Users of another workspace take part in channels that are shared with it
	// (Slack Connect). Default: this workspace.
	TeamID string
	// Teams are the ids of all workspaces that the user belongs to, in an organization with several.
	Teams []string

	Admin           bool
	Owner           bool
	Restricted      bool // a guest in several channels
	UltraRestricted bool // a guest in one channel
	Stranger        bool // of another workspace, and in no channel with the app
	Bot             bool
	Deleted         bool // the account was deactivated
}

// UserGroup is a group of users, such as @finance.
type UserGroup struct {
	ID     string   // starts with S
	Handle string   // such as finance
	Name   string   // such as Finance team
	Users  []string // user ids
	// Disabled groups have members only in answers to requests with include_disabled.
	Disabled bool
}

// DefaultUsers returns three people: Alice, Bob and Carol, all of them members.
func DefaultUsers() []User {
	return []User{
		{ID: Alice, Name: "alice", RealName: "Alice Amsel"},
		{ID: Bob, Name: "bob", RealName: "Bob Brandt"},
		{ID: Carol, Name: "carol", RealName: "Carol Conti"},
	}
}

// AddUser adds a user, or replaces the user with the same id. Empty fields get their defaults.
func (ws *Workspace) AddUser(u User) {
	if u.TeamID == "" {
		u.TeamID = ws.opts.Team.ID
	}
	if u.RealName == "" {
		u.RealName = u.Name
	}
	if u.TZ == "" {
		u.TZ = "Europe/Berlin"
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if old := ws.user(u.ID); old != nil {
		*old = u
	} else {
		ws.users = append(ws.users, &u)
	}
	ws.touch()
}

// SetUserGroups replaces all user groups.
func (ws *Workspace) SetUserGroups(groups ...UserGroup) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.groups = slices.Clone(groups)
	ws.touch()
}

// Users returns all users in the order in which they were added, the app's bot user among them.
func (ws *Workspace) Users() []User {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	out := make([]User, 0, len(ws.users))
	for _, u := range ws.users {
		out = append(out, *u)
	}
	return out
}

// User finds a user by id, or by handle with or without its @.
func (ws *Workspace) User(id string) (User, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, u := range ws.users {
		if u.ID == id || u.Name != "" && u.Name == strings.TrimPrefix(id, "@") {
			return *u, true
		}
	}
	return User{}, false
}

// user finds a user by id, or returns nil. ws.mu is held.
func (ws *Workspace) user(id string) *User {
	for _, u := range ws.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}
