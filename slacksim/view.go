package slacksim

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/slack-go/slack"

	"licensebot/slacksim/blockkit"
)

// View is a modal or a Home tab as one person has it before them. It is a copy: later
// changes do not show in it.
type View struct {
	ID         string
	Type       string // modal or home
	CallbackID string
	ExternalID string
	Hash       string
	RootID     string // the bottom of the stack
	PreviousID string // the view below; empty at the bottom
	Person     string

	Title  string
	Submit string // text of the button; empty: the view cannot be submitted
	Close  string // text of the button, "Cancel" unless the app said otherwise

	PrivateMetadata string
	ClearOnClose    bool
	NotifyOnClose   bool

	// Blocks is a JSON array as the app sent it, with the ids that Slack fills in.
	Blocks json.RawMessage `json:",omitempty"`
	// Inputs is what the fields hold, by block_id and action_id, in the form of
	// blockkit.Element.State.
	Inputs map[string]map[string][]string
	// Errors are complaints about fields, by block_id: Slack's own or the app's.
	Errors map[string]string
	// Busy says that a submission waits for the app.
	Busy bool
	// Failure is what Slack says in the view when the app did not answer, or badly.
	Failure string

	raw map[string]any // as the app sent it
}

// Trouble is what Slack shows in a view whose submission went wrong.
const Trouble = "We had some trouble connecting. Try again?"

func (v View) surface() surface { return surface{view: &v} }

// Elements lists the view's buttons, menus and fields.
func (v View) Elements() []blockkit.Element { return blockkit.Elements(v.Blocks) }

// ContentText is what people read in the view, title first, one text a line.
func (v View) ContentText() string {
	body := blockkit.PlainText(v.Blocks)
	if v.Title == "" {
		return body
	}
	return v.Title + "\n" + body
}

// Buttons lists the texts of the buttons among the blocks, in order.
func (v View) Buttons() []string { return buttons(v.Elements()) }

// Button finds a button among the blocks by its text or action_id.
func (v View) Button(what string) (blockkit.Element, bool) {
	e, err := blockkit.Find(v.Elements(), what, isButton)
	return e, err == nil
}

// Field finds a field by its label, action_id or block_id.
func (v View) Field(what string) (blockkit.Element, bool) {
	e, err := blockkit.Find(v.Elements(), what, blockkit.Element.Keeps)
	return e, err == nil
}

// Values is what the field holds that answers to what: the text typed, or the values of
// the options chosen. Nil if it holds nothing or is not there.
func (v View) Values(what string) []string {
	e, ok := v.Field(what)
	if !ok {
		return nil
	}
	return slices.Clone(v.Inputs[e.BlockID][e.ActionID])
}

// SlackBlocks decodes the blocks into slack-go's types.
func (v View) SlackBlocks() (slack.Blocks, error) { return slackBlocks(v.Blocks) }

// ModalOf is the modal that person has open, the topmost of its stack.
func (ws *Workspace) ModalOf(person string) (View, bool) {
	stack := ws.ModalsOf(person)
	if len(stack) == 0 {
		return View{}, false
	}
	return stack[len(stack)-1], true
}

// ModalsOf is the stack of modals that person has open, bottom first.
func (ws *Workspace) ModalsOf(person string) []View {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var out []View
	for _, v := range ws.desk(person).modals {
		out = append(out, v.copy())
	}
	return out
}

// HomeOf is the Home tab that the app published for person; false if it never did.
func (ws *Workspace) HomeOf(person string) (View, bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if v := ws.desk(person).home; v != nil {
		return v.copy(), true
	}
	return View{}, false
}

func (v *View) copy() View {
	out := *v
	out.Errors = maps.Clone(v.Errors)
	out.Inputs = make(map[string]map[string][]string, len(v.Inputs))
	for b, actions := range v.Inputs {
		out.Inputs[b] = maps.Clone(actions)
	}
	return out
}

// view finds an open modal or a Home tab by id. ws.mu is held.
func (ws *Workspace) view(id string) *View {
	for _, d := range ws.people {
		for _, v := range d.modals {
			if v.ID == id {
				return v
			}
		}
		if d.home != nil && d.home.ID == id {
			return d.home
		}
	}
	return nil
}

// put gives v the content of an app's view, keeping what people entered into fields
// that are still there. blocks have their ids. ws.mu is held.
func (ws *Workspace) put(v *View, raw map[string]any, blocks json.RawMessage) {
	v.raw = raw
	v.Type, _ = raw["type"].(string)
	v.CallbackID, _ = raw["callback_id"].(string)
	v.ExternalID, _ = raw["external_id"].(string)
	v.PrivateMetadata, _ = raw["private_metadata"].(string)
	v.ClearOnClose, _ = raw["clear_on_close"].(bool)
	v.NotifyOnClose, _ = raw["notify_on_close"].(bool)
	v.Title, v.Submit, v.Close = textOf(raw["title"]), textOf(raw["submit"]), textOf(raw["close"])
	if v.Close == "" {
		v.Close = "Cancel"
	}
	v.Blocks = blocks
	v.Hash = ws.nextTS() + "." + secret()[:8]
	v.Errors, v.Failure, v.Busy = nil, "", false
	old := v.Inputs
	v.Inputs = map[string]map[string][]string{}
	for _, e := range blockkit.Elements(blocks) {
		if !e.Keeps() {
			continue
		}
		values := e.Initial
		if kept, ok := old[e.BlockID][e.ActionID]; ok {
			values = kept
		}
		if v.Inputs[e.BlockID] == nil {
			v.Inputs[e.BlockID] = map[string][]string{}
		}
		v.Inputs[e.BlockID][e.ActionID] = values
	}
	ws.touch()
}

func textOf(v any) string {
	m, _ := v.(map[string]any)
	s, _ := m["text"].(string)
	return s
}
