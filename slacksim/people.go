package slacksim

import (
	"slices"
	"strings"
)

// Ids of DefaultUsers and DefaultChannels.
const (
	Alice = "U0ALICE"
	Bob   = "U0BOB"
	Carol = "U0CAROL"

	General = "C0GENERAL" // everybody and the app
	Random  = "C0RANDOM"  // everybody; the app was never invited
)

// User is a person, or a bot, as users.info describes them.
type User struct {
	ID       string
	Name     string // the handle, such as alice
	RealName string
	Email    string // told to apps with the scope users:read.email
	TZ       string // default Europe/Berlin
	// TeamID is the workspace the user belongs to; another than the workspace's own
	// makes them a guest from a Slack Connect channel. Default: the workspace's.
	TeamID string
	// Teams are all workspaces they belong to, in an organization of several.
	Teams []string

	Admin           bool
	Owner           bool
	Restricted      bool // a guest of some channels
	UltraRestricted bool // a guest of one channel
	Stranger        bool // from elsewhere, sharing no channel with the app
	Bot             bool
	Deleted         bool // the account was deactivated
}

// Channel is a conversation: a public or private channel, or the direct messages between
// one person and the app.
type Channel struct {
	ID      string
	Name    string
	Topic   string
	Members []string // user ids, the app's bot user among them if it was invited

	Private  bool
	Archived bool
	// ExtShared channels are shared with another organization; in PendingExtShared ones its people are invited.
	ExtShared        bool
	PendingExtShared bool
	// DM is the person on the other side of direct messages with the app; empty for
	// channels.
	DM string
}

// Has says whether user is a member.
func (c Channel) Has(user string) bool { return slices.Contains(c.Members, user) }

// UserGroup is a group such as @finance.
type UserGroup struct {
	ID     string // S…
	Handle string
	Name   string
	Users  []string
	// Disabled groups have no members in Slack's answers unless they are asked for.
	Disabled bool
}

// DefaultUsers are three people of the workspace.
func DefaultUsers() []User {
	return []User{
		{ID: Alice, Name: "alice", RealName: "Alice Amsel"},
		{ID: Bob, Name: "bob", RealName: "Bob Brandt"},
		{ID: Carol, Name: "carol", RealName: "Carol Conti"},
	}
}

// DefaultChannels are General, with the three people and the app, and Random, to which
// the app was never invited.
func DefaultChannels(botUserID string) []Channel {
	return []Channel{
		{ID: General, Name: "general", Members: []string{Alice, Bob, Carol, botUserID}},
		{ID: Random, Name: "random", Members: []string{Alice, Bob, Carol}},
	}
}

// AddUser adds a user, or replaces the one with the same id.
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

// AddChannel adds a channel, or replaces the one with the same id.
func (ws *Workspace) AddChannel(c Channel) {
	c.Members = slices.Clone(c.Members)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if old := ws.channel(c.ID); old != nil {
		*old = c
	} else {
		ws.channels = append(ws.channels, &c)
	}
	ws.touch()
}

// SetUserGroups replaces the user groups.
func (ws *Workspace) SetUserGroups(groups ...UserGroup) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.groups = slices.Clone(groups)
	ws.touch()
}

// Invite makes user (the app: App().BotUserID) a member of channel.
func (ws *Workspace) Invite(channel, user string) {
	ws.edit(channel, func(c *Channel) {
		if !c.Has(user) {
			c.Members = append(slices.Clone(c.Members), user)
		}
	})
}

// Kick ends user's membership of channel.
func (ws *Workspace) Kick(channel, user string) {
	ws.edit(channel, func(c *Channel) {
		c.Members = slices.DeleteFunc(slices.Clone(c.Members), func(m string) bool { return m == user })
	})
}

// Archive archives channel, or brings it back.
func (ws *Workspace) Archive(channel string, archived bool) {
	ws.edit(channel, func(c *Channel) { c.Archived = archived })
}

func (ws *Workspace) edit(channel string, change func(*Channel)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if c := ws.channel(channel); c != nil {
		change(c)
		ws.touch()
	}
}

// Users lists everybody, the app's bot user among them, in the order they were added.
func (ws *Workspace) Users() []User {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	out := make([]User, 0, len(ws.users))
	for _, u := range ws.users {
		out = append(out, *u)
	}
	return out
}

// User finds a user by id or by handle.
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

// Channels lists all conversations, direct messages included.
func (ws *Workspace) Channels() []Channel {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.channelsWhere(func(*Channel) bool { return true })
}

// ChannelsOf lists the conversations that person is a member of.
func (ws *Workspace) ChannelsOf(person string) []Channel {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.channelsWhere(func(c *Channel) bool { return c.Has(person) })
}

// Channel finds a conversation by id, or by name with or without its #.
func (ws *Workspace) Channel(id string) (Channel, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if c := ws.lookup(id); c != nil {
		return c.copy(), true
	}
	return Channel{}, false
}

// DM is the id of the direct messages between person and the app, which are there as
// soon as somebody asks.
func (ws *Workspace) DM(person string) string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.dm(person).ID
}

func (ws *Workspace) dm(person string) *Channel {
	for _, c := range ws.channels {
		if c.DM == person {
			return c
		}
	}
	c := &Channel{ID: ws.nextID("D"), DM: person, Members: []string{person, ws.opts.App.BotUserID}, Private: true}
	ws.channels = append(ws.channels, c)
	ws.touch()
	return c
}

// channelsWhere copies the channels that keep says yes to. ws.mu is held.
func (ws *Workspace) channelsWhere(keep func(*Channel) bool) []Channel {
	var out []Channel
	for _, c := range ws.channels {
		if keep(c) {
			out = append(out, c.copy())
		}
	}
	return out
}

// user by id, or nil. ws.mu is held.
func (ws *Workspace) user(id string) *User {
	for _, u := range ws.users {
		if u.ID == id {
			return u
		}
	}
	return nil
}

func (c *Channel) copy() Channel {
	out := *c
	out.Members = slices.Clone(c.Members)
	return out
}

// lookup finds a channel by id, or by name with or without its #. ws.mu is held.
func (ws *Workspace) lookup(id string) *Channel {
	for _, c := range ws.channels {
		if c.ID == id || c.Name != "" && c.Name == strings.TrimPrefix(id, "#") {
			return c
		}
	}
	return nil
}

// channel by id, or nil. ws.mu is held.
func (ws *Workspace) channel(id string) *Channel {
	for _, c := range ws.channels {
		if c.ID == id {
			return c
		}
	}
	return nil
}
