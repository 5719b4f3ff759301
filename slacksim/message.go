package slacksim

import (
	"encoding/json"
	"slices"

	"github.com/slack-go/slack"

	"licensebot/slacksim/blockkit"
)

// Message is a message as one person may see it. It is a copy: later changes of the
// message do not show in it.
type Message struct {
	Channel string
	TS      string
	User    string // who wrote it; the app's bot user for the app
	BotID   string // set on the app's messages
	Text    string // as sent: the whole message, or the fallback of Blocks
	// Blocks is a JSON array as the app sent it, with the ids that Slack fills in.
	Blocks json.RawMessage `json:",omitempty"`
	// OnlyFor is the one person who sees an ephemeral message; empty for the others.
	OnlyFor  string
	ThreadTS string
	Edited   bool
	// Revision counts the changes of the message, from 0.
	Revision int
	Files    []File
}

// File is an uploaded file that a message shows.
type File struct {
	ID       string
	Name     string
	Title    string
	MimeType string
	Content  []byte
}

// Ephemeral says whether only one person sees the message.
func (m Message) Ephemeral() bool { return m.OnlyFor != "" }

// Surface is what has blocks that a person can use: a Message or a View.
type Surface interface {
	// Elements lists what can be used on it.
	Elements() []blockkit.Element
	surface() surface
}

type surface struct {
	message *Message
	view    *View
}

func (m Message) surface() surface { return surface{message: &m} }

// Elements lists the message's buttons, menus and fields.
func (m Message) Elements() []blockkit.Element { return blockkit.Elements(m.Blocks) }

// ContentText is what people read in the message: the texts of its blocks, one a line,
// or its text if it has none. Marks and escapes stay as the app sent them.
func (m Message) ContentText() string {
	if len(m.Blocks) == 0 {
		return m.Text
	}
	return blockkit.PlainText(m.Blocks)
}

// Buttons lists the texts of the message's buttons, in order.
func (m Message) Buttons() []string { return buttons(m.Elements()) }

// Button finds a button by its text or action_id.
func (m Message) Button(what string) (blockkit.Element, bool) {
	e, err := blockkit.Find(m.Elements(), what, isButton)
	return e, err == nil
}

// SlackBlocks decodes the blocks into slack-go's types.
func (m Message) SlackBlocks() (slack.Blocks, error) { return slackBlocks(m.Blocks) }

func slackBlocks(raw json.RawMessage) (slack.Blocks, error) {
	var out slack.Blocks
	if len(raw) == 0 {
		return out, nil
	}
	err := json.Unmarshal(raw, &out)
	return out, err
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

// MessagesFor lists what person sees in channel, oldest first: everybody's messages, and
// those only for them. Nothing if they are no member.
func (ws *Workspace) MessagesFor(person, channel string) []Message {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	c := ws.lookup(channel)
	if c == nil || !c.Has(person) {
		return nil
	}
	var out []Message
	for _, m := range ws.messages[c.ID] {
		if m.OnlyFor == "" || m.OnlyFor == person {
			out = append(out, m.copy())
		}
	}
	return out
}

// Messages lists everything in channel, also what only one person sees, oldest first.
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

// Current is the newest state of a message seen earlier; false if it was deleted.
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

// message by channel and ts, or nil. ws.mu is held.
func (ws *Workspace) message(channel, ts string) *Message {
	for _, m := range ws.messages[channel] {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// addMessage stores m under a new timestamp and returns it. ws.mu is held.
func (ws *Workspace) addMessage(m Message) *Message {
	m.TS = ws.nextTS()
	ws.messages[m.Channel] = append(ws.messages[m.Channel], &m)
	ws.touch()
	return &m
}

// changeMessage replaces what m shows. ws.mu is held.
func (ws *Workspace) changeMessage(m *Message, text string, blocks json.RawMessage) {
	m.Text, m.Blocks, m.Edited = text, blocks, true
	m.Revision++
	ws.touch()
}

// removeMessage takes m out of its channel. ws.mu is held.
func (ws *Workspace) removeMessage(m *Message) {
	ws.messages[m.Channel] = slices.DeleteFunc(ws.messages[m.Channel], func(x *Message) bool { return x == m })
	ws.touch()
}
