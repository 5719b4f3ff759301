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

	General = "C0GENERAL" // all three people and the app are members
	Random  = "C0RANDOM"  // all three people are members, and the app is not
)

// Channel is a conversation: a public or private channel, or the direct messages between the app and one or more
// people.
type Channel struct {
	ID      string   // starts with C, D or G
	Name    string   // without its #; empty for direct messages with one person
	Topic   string   // as plain text
	Members []string // user ids, the app's bot user among them if it was invited

	Private  bool
	Archived bool
	// ExtShared channels are shared with another organization. PendingExtShared channels will be: its people are invited.
	ExtShared        bool
	PendingExtShared bool
	// DM is the user id of the person in direct messages with the app. It is empty for all other conversations.
	DM string
}

// Has reports whether the user with this id is a member.
func (c Channel) Has(user string) bool { return slices.Contains(c.Members, user) }

// DefaultChannels returns General, with the three default users and the app, and Random, with the users alone.
func DefaultChannels(botUserID string) []Channel {
	return []Channel{
		{ID: General, Name: "general", Members: []string{Alice, Bob, Carol, botUserID}},
		{ID: Random, Name: "random", Members: []string{Alice, Bob, Carol}},
	}
}

// AddChannel adds a channel, or replaces the channel with the same id.
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

// Invite makes a user a member of a channel, both by id. The app's user id is App().BotUserID. It does nothing if there
// is no such channel, or the user is a member already.
func (ws *Workspace) Invite(channel, user string) {
	ws.edit(channel, func(c *Channel) {
		if !c.Has(user) {
			c.Members = append(slices.Clone(c.Members), user)
		}
	})
}

// Kick removes a user from a channel, both by id. It does nothing if there is no such channel or member.
func (ws *Workspace) Kick(channel, user string) {
	ws.edit(channel, func(c *Channel) {
		c.Members = slices.DeleteFunc(slices.Clone(c.Members), func(m string) bool { return m == user })
	})
}

// Archive archives the channel with this id, or restores it if archived is false. It does nothing if there is no such
// channel.
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

// Channels returns all conversations, direct messages included.
func (ws *Workspace) Channels() []Channel {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.channelsWhere(func(*Channel) bool { return true })
}

// Channel finds a conversation by its id, or by its name with or without the #.
func (ws *Workspace) Channel(id string) (Channel, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if c := ws.lookup(id); c != nil {
		return c.copy(), true
	}
	return Channel{}, false
}

// DM returns the channel id of the direct messages between the app and the person with this user id. It opens them if
// they don't exist yet.
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

// channelsWhere copies the channels for which keep returns true. ws.mu is held.
func (ws *Workspace) channelsWhere(keep func(*Channel) bool) []Channel {
	var out []Channel
	for _, c := range ws.channels {
		if keep(c) {
			out = append(out, c.copy())
		}
	}
	return out
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

// channel finds a channel by id, or returns nil. ws.mu is held.
func (ws *Workspace) channel(id string) *Channel {
	for _, c := range ws.channels {
		if c.ID == id {
			return c
		}
	}
	return nil
}
