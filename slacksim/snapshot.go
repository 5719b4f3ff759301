package slacksim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// snapshot is the part of a workspace that outlives its program: messages, Home tabs, notices, response URLs that still
// work, and the ids in use. Users, channels and settings come from Options; open modals and running requests are lost.
// The names of its fields are those of files that older versions wrote.
type snapshot struct {
	IDs      int64
	LastTS   int64
	DMs      []Channel
	Messages map[string][]Message
	Homes    []homeRow
	Notices  map[string][]Notice
	Hooks    map[string]responseURLRow
}

type homeRow struct {
	View View
	Raw  map[string]any // as the app sent it
}

type responseURLRow struct {
	Kind, Channel, Person, Message string
	Expires                        time.Time
	Uses                           int
}

// maxSavedMessages is how many messages of each channel are in a snapshot: the newest ones.
const maxSavedMessages = 1000

// Snapshot returns the state of the workspace as JSON, for Restore: messages (the newest 1,000 of each channel), Home
// tabs, notices and response URLs, but not users, channels and open modals.
func (ws *Workspace) Snapshot() []byte {
	data, _ := ws.snapshot()
	return data
}

func (ws *Workspace) snapshot() (data []byte, state [2]uint64) {
	ws.mu.Lock()
	out := snapshot{
		IDs: ws.ids.Load(), LastTS: ws.lastTS, Messages: map[string][]Message{}, Notices: map[string][]Notice{},
		Hooks: map[string]responseURLRow{},
	}
	for _, c := range ws.channels {
		if c.DM != "" {
			out.DMs = append(out.DMs, c.copy())
		}
	}
	for channel, all := range ws.messages {
		for _, m := range all[max(0, len(all)-maxSavedMessages):] {
			out.Messages[channel] = append(out.Messages[channel], m.copy())
		}
	}
	for _, person := range slices.Sorted(maps.Keys(ws.people)) {
		d := ws.people[person]
		if d.home != nil {
			out.Homes = append(out.Homes, homeRow{d.home.copy(), d.home.raw})
		}
		if len(d.notices) > 0 {
			out.Notices[person] = slices.Clone(d.notices)
		}
	}
	for path, h := range ws.responseURLs {
		out.Hooks[path] = responseURLRow{h.kind, h.channel, h.person, h.message, h.expires, h.uses}
	}
	state = [2]uint64{ws.version, ws.hidden}
	ws.mu.Unlock()
	data, err := json.Marshal(out) // views are replaced, never changed in place
	if err != nil {
		panic("slacksim: a snapshot that is no JSON: " + err.Error())
	}
	return data, state
}

// Restore adds the state that Snapshot returned to a new workspace. Call it before Listen. The error is that of a
// snapshot that is not JSON; then the workspace is unchanged.
func (ws *Workspace) Restore(data []byte) error {
	var in snapshot
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("read the snapshot of the workspace: %w", err)
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.ids.Store(max(ws.ids.Load(), in.IDs))
	ws.lastTS = max(ws.lastTS, in.LastTS)
	for _, c := range in.DMs {
		ws.channels = append(
			slices.DeleteFunc(ws.channels, func(old *Channel) bool { return old.ID == c.ID || old.DM == c.DM }), &c,
		)
	}
	for channel, all := range in.Messages {
		for _, m := range all {
			ws.messages[channel] = append(ws.messages[channel], &m)
		}
	}
	for _, h := range in.Homes {
		h.View.raw = h.Raw
		ws.stateOf(h.View.Person).home = &h.View
	}
	for person, notices := range in.Notices {
		ws.stateOf(person).notices = notices
	}
	for path, h := range in.Hooks {
		ws.responseURLs[path] = &responseURL{h.Kind, h.Channel, h.Person, h.Message, h.Expires, h.Uses}
	}
	ws.touch()
	return nil
}

// KeepNow passes a snapshot to Options.Keep if something has changed since the last one, and returns when Keep has. A
// server of the workspace's state calls it before it shows the state to people, so that what they saw outlives the
// program.
func (ws *Workspace) KeepNow() {
	if ws.opts.Keep == nil {
		return
	}
	ws.saveMu.Lock()
	defer ws.saveMu.Unlock()
	ws.mu.Lock()
	now := [2]uint64{ws.version, ws.hidden}
	ws.mu.Unlock()
	if now == ws.saved {
		return
	}
	data, state := ws.snapshot()
	ws.opts.Keep(data)
	ws.saved = state
}

// saveChanges stores changes that no request of the app caused, until the workspace closes.
func (ws *Workspace) saveChanges() {
	if ws.opts.Keep == nil {
		return
	}
	changes, _ := ws.Subscribe() // ends with the workspace
	ws.spawn(func() {
		for range changes {
			ws.KeepNow()
		}
		ws.KeepNow()
	})
}
