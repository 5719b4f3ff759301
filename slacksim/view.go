package slacksim

import (
	"encoding/json"
	"maps"
	"slices"

	"licensebot/slacksim/blockkit"
)

// View is a copy of a modal or a Home tab of one person: it doesn't change when the view does.
type View struct {
	ID         string // starts with V
	Type       string // modal or home
	CallbackID string
	ExternalID string
	Hash       string // changes with every update
	RootID     string // id of the view at the bottom of the stack
	PreviousID string // id of the view below; empty at the bottom
	Person     string // user id

	Title  string
	Submit string // text of the button; empty: the view can't be submitted
	Close  string // text of the button; "Cancel" if the app gives none

	PrivateMetadata string
	ClearOnClose    bool
	NotifyOnClose   bool

	// Blocks is a JSON array as the app sent it, with the ids that Slack fills in.
	Blocks json.RawMessage `json:",omitempty"`
	// Inputs are the values of the fields, by block_id and action_id: see blockkit.Element.State.
	Inputs map[string]map[string][]string
	// Errors are errors of fields by block_id, found by Slack or by the app.
	Errors map[string]string
	// Busy is true while a submission waits for the app.
	Busy bool
	// Failure is SubmitFailed after a submission that the app didn't answer, or answered with an error.
	Failure string

	raw map[string]any // as the app sent it
}

// SubmitFailed is the sentence that Slack shows in a view if its submission fails.
const SubmitFailed = "We had some trouble connecting. Try again?"

func (v View) surface() surface { return surface{view: &v} }

// Elements returns the view's buttons, menus and fields, in reading order.
func (v View) Elements() []blockkit.Element { return blockkit.Elements(v.Blocks) }

// ContentText returns what people read in the view, one text on each line, the title first. Markup and escapes stay as
// the app sent them.
func (v View) ContentText() string {
	body := blockkit.PlainText(v.Blocks)
	if v.Title == "" {
		return body
	}
	return v.Title + "\n" + body
}

// Buttons returns the texts of the buttons in the view's blocks, in reading order.
func (v View) Buttons() []string { return buttons(v.Elements()) }

// Button finds a button in the view's blocks by its text, action_id or block_id, in this order.
func (v View) Button(what string) (blockkit.Element, bool) {
	e, err := blockkit.Find(v.Elements(), what, isButton)
	return e, err == nil
}

// Field finds a field by its label, action_id or block_id, in this order.
func (v View) Field(what string) (blockkit.Element, bool) {
	e, err := blockkit.Find(v.Elements(), what, blockkit.Element.HasState)
	return e, err == nil
}

// Values returns the values of a field, which it finds as Field does: the text, or the values of the chosen options. It
// returns nil if the field is empty or not there.
func (v View) Values(what string) []string {
	e, ok := v.Field(what)
	if !ok {
		return nil
	}
	return slices.Clone(v.Inputs[e.BlockID][e.ActionID])
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

// view finds an open modal or a Home tab by id, or returns nil. ws.mu is held.
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

// setContent gives v the content of an app's view. Fields that are still there keep the values that people entered.
// blocks must have all their ids. ws.mu is held.
func (ws *Workspace) setContent(v *View, raw map[string]any, blocks json.RawMessage) {
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
		if !e.HasState() {
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
