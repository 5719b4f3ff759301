package slacksim

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"licensebot/slacksim/blockkit"
)

// Message is a copy of a message: it doesn't change when the message does. Workspace.Current returns the present state.
type Message struct {
	Channel string // channel id
	TS      string // timestamp and id: seconds and microseconds, such as 1700000000.000001
	User    string // id of the user who wrote it; the bot user for the app
	BotID   string // of the app; empty for messages of people
	Text    string // as sent: the whole message, or the fallback for Blocks
	// Blocks is a JSON array as the app sent it, with the ids that Slack fills in. Empty: there are none.
	Blocks json.RawMessage `json:",omitempty"`
	// OnlyFor is the id of the person who sees an ephemeral message. It is empty for all other messages.
	OnlyFor  string
	ThreadTS string // TS of the message that begins the thread; empty outside of threads
	Edited   bool
	// Revision is the number of changes so far.
	Revision int
	Files    []File
}

// File is an uploaded file of a message.
type File struct {
	ID       string // starts with F
	Name     string // with its extension
	Title    string // default: Name
	MimeType string // by the extension; text/plain if that is unknown
	Content  []byte
}

// Ephemeral reports whether only one person sees the message.
func (m Message) Ephemeral() bool { return m.OnlyFor != "" }

// Surface is a Message or a View: blocks with elements that a person can use.
type Surface interface {
	// Elements returns the buttons, menus and fields, in reading order.
	Elements() []blockkit.Element
	surface() surface
}

type surface struct {
	message *Message
	view    *View
}

func (m Message) surface() surface { return surface{message: &m} }

// Elements returns the message's buttons, menus and fields, in reading order.
func (m Message) Elements() []blockkit.Element { return blockkit.Elements(m.Blocks) }

// ContentText returns what people read in the message: the texts of its blocks, one on each line, or Text if it has no
// blocks. Markup and escapes stay as the app sent them.
func (m Message) ContentText() string {
	if len(m.Blocks) == 0 {
		return m.Text
	}
	return blockkit.PlainText(m.Blocks)
}

// Buttons returns the texts of the message's buttons, in reading order.
func (m Message) Buttons() []string { return buttons(m.Elements()) }

// Button finds a button by its text, action_id or block_id, in this order.
func (m Message) Button(what string) (blockkit.Element, bool) {
	e, err := blockkit.Find(m.Elements(), what, isButton)
	return e, err == nil
}

func isButton(e blockkit.Element) bool { return e.Type == "button" || e.Type == "workflow_button" }

func buttons(elements []blockkit.Element) []string {
	var out []string
	for _, e := range elements {
		if isButton(e) {
			out = append(out, e.Label)
		}
	}
	return out
}

// Messages returns all messages in a channel (by id or name), oldest first, also those that only one person sees.
func (ws *Workspace) Messages(channel string) []Message {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	c := ws.lookup(channel)
	if c == nil {
		return nil
	}
	var out []Message
	for _, m := range ws.messages[c.ID] {
		out = append(out, m.copy())
	}
	return out
}

// Current returns the present state of a message that was seen earlier. It returns false if the message was deleted.
func (ws *Workspace) Current(m Message) (Message, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if found := ws.message(m.Channel, m.TS); found != nil {
		return found.copy(), true
	}
	return Message{}, false
}

func (m *Message) copy() Message {
	out := *m
	out.Files = slices.Clone(m.Files)
	return out // Blocks are replaced, never changed in place
}

// message finds a message by channel id and ts, or returns nil. ws.mu is held.
func (ws *Workspace) message(channel, ts string) *Message {
	for _, m := range ws.messages[channel] {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// addMessage stores m with a new timestamp, and returns it. ws.mu is held.
func (ws *Workspace) addMessage(m Message) *Message {
	m.TS = ws.nextTS()
	ws.messages[m.Channel] = append(ws.messages[m.Channel], &m)
	ws.touch()
	return &m
}

// changeMessage replaces the content of m. ws.mu is held.
func (ws *Workspace) changeMessage(m *Message, text string, blocks json.RawMessage) {
	m.Text, m.Blocks, m.Edited = text, blocks, true
	m.Revision++
	ws.touch()
}

// removeMessage deletes m. ws.mu is held.
func (ws *Workspace) removeMessage(m *Message) {
	ws.messages[m.Channel] = slices.DeleteFunc(ws.messages[m.Channel], func(x *Message) bool { return x == m })
	ws.touch()
}

// ForgetMessages deletes all messages that were posted before a time, and what people have entered in them, as
// workspaces do that keep messages for a limited time. So a workspace can be used for hours in bounded memory.
func (ws *Workspace) ForgetMessages(before time.Time) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	us := before.UnixMicro()
	isOld := func(ts string) bool {
		sec, fraction, _ := strings.Cut(ts, ".")
		n, err := strconv.ParseInt(sec+fraction, 10, 64)
		return err == nil && n < us
	}
	for channel, all := range ws.messages {
		ws.messages[channel] = slices.DeleteFunc(all, func(m *Message) bool { return isOld(m.TS) })
	}
	for _, p := range ws.people {
		maps.DeleteFunc(p.inputs, func(at string, _ map[string]map[string][]string) bool {
			_, ts, _ := strings.Cut(at, "/")
			return isOld(ts)
		})
	}
	ws.touch()
}
