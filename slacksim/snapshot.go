package slacksim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// snapshot is what a workspace keeps when its program ends: messages, Home tabs, response URLs that still work, and the
// ids in use. Users, channels and settings come from Options; open modals and running requests are lost.
type snapshot struct {
	IDs      int64
	LastTS   int64
	DMs      []Channel
	Messages map[string][]Message
	Homes    []homeRow
	Notices  map[string][]Notice
	Hooks    map[string]hookRow
}

type homeRow struct {
	View View
	Raw  map[string]any // as the app sent it
}

type hookRow struct {
	Kind, Channel, Person, Message string
	Expires                        time.Time
	Uses                           int
}

// mostKept is how many messages of each channel a snapshot holds: the newest ones.
const mostKept = 1000

// Snapshot returns what the workspace keeps, as JSON; see Restore.
func (ws *Workspace) Snapshot() []byte {
	data, _ := ws.snapshot()
	return data
}

func (ws *Workspace) snapshot() (data []byte, state [2]uint64) {
	ws.mu.Lock()
	out := snapshot{IDs: ws.ids.Load(), LastTS: ws.lastTS, Messages: map[string][]Message{}, Notices: map[string][]Notice{}, Hooks: map[string]hookRow{}}
	for _, c := range ws.channels {
		if c.DM != "" {
			out.DMs = append(out.DMs, c.copy())
		}
	}
	for channel, all := range ws.messages {
		for _, m := range all[max(0, len(all)-mostKept):] {
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
	for path, h := range ws.hooks {
		out.Hooks[path] = hookRow{h.kind, h.channel, h.person, h.message, h.expires, h.uses}
	}
	state = [2]uint64{ws.version, ws.unseen}
	ws.mu.Unlock()
	data, err := json.Marshal(out) // views are replaced, never changed in place
	if err != nil {
		panic("slacksim: a snapshot that is no JSON: " + err.Error())
	}
	return data, state
}

// Restore puts what Snapshot took of another workspace into a new one. It must be called before Listen.
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
		ws.channels = append(slices.DeleteFunc(ws.channels, func(old *Channel) bool { return old.ID == c.ID || old.DM == c.DM }), &c)
	}
	for channel, all := range in.Messages {
		for _, m := range all {
			ws.messages[channel] = append(ws.messages[channel], &m)
		}
	}
	for _, h := range in.Homes {
		h.View.raw = h.Raw
		ws.desk(h.View.Person).home = &h.View
	}
	for person, notices := range in.Notices {
		ws.desk(person).notices = notices
	}
	for path, h := range in.Hooks {
		ws.hooks[path] = &hook{h.Kind, h.Channel, h.Person, h.Message, h.Expires, h.Uses}
	}
	ws.touch()
	return nil
}

// KeepNow passes a changed snapshot to Options.Keep, and returns when it is stored. The app gets its answer, and people
// see something, only afterwards: what they were told outlives the program.
func (ws *Workspace) KeepNow() {
	if ws.opts.Keep == nil {
		return
	}
	ws.keeping.Lock()
	defer ws.keeping.Unlock()
	ws.mu.Lock()
	now := [2]uint64{ws.version, ws.unseen}
	ws.mu.Unlock()
	if now == ws.kept {
		return
	}
	data, state := ws.snapshot()
	ws.opts.Keep(data)
	ws.kept = state
}

// keepOn stores changes that no request of the app causes, until the workspace closes.
func (ws *Workspace) keepOn() {
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
