package slacksim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"licensebot/slacksim/blockkit"
)

// Click clicks a button, which it finds by its text, action_id or block_id, in this order, and accepts its confirm
// dialog if it has one. on may be an older state of the message or view, as on a screen that is out of date. The error
// is blockkit.ErrNotFound if there is no such button.
func (p *Person) Click(ctx context.Context, on Surface, what string) error {
	e, err := blockkit.Find(on.Elements(), what, isButton)
	if err != nil {
		return err
	}
	return p.useElement(ctx, on, e, nil)
}

// ClickAndDecline clicks a button and declines its confirm dialog, whose texts it returns. Nothing is sent to the app.
// It fails if the button has no dialog.
func (p *Person) ClickAndDecline(on Surface, what string) (blockkit.Confirm, error) {
	e, err := blockkit.Find(on.Elements(), what, isButton)
	if err != nil {
		return blockkit.Confirm{}, err
	}
	if e.Confirm == nil {
		return blockkit.Confirm{}, fmt.Errorf("slacksim: button %q asks for no confirmation", what)
	}
	return *e.Confirm, nil
}

// Fill types text into a field, or picks a date (2027-01-31), a time (09:30) or a point in time (Unix seconds). It
// finds the field by its label, action_id or block_id, in this order. Fields in input blocks are sent with the
// submission of their view, and at once only if the block has dispatch_action; all other fields are sent at once.
func (p *Person) Fill(ctx context.Context, on Surface, field, text string) error {
	e, err := blockkit.Find(on.Elements(), field, blockkit.Element.Typed)
	if err != nil {
		return err
	}
	var values []string
	if text != "" {
		values = []string{text}
	}
	return p.useElement(ctx, on, e, values)
}

// Choose chooses options of a menu, radio buttons, checkboxes or an overflow menu, by their text or value; users and
// channels by id. It replaces the earlier choice; without options nothing is chosen. It finds the field and sends the
// choice as Fill does. An overflow menu has no label: field is its action_id, or empty for the first one.
func (p *Person) Choose(ctx context.Context, on Surface, field string, options ...string) error {
	e, err := blockkit.Find(on.Elements(), field, func(e blockkit.Element) bool { return !e.Typed() && !isButton(e) })
	if err != nil {
		return err
	}
	values := make([]string, 0, len(options))
	for _, o := range options {
		if len(e.Options) == 0 {
			values = append(values, o)
			continue
		}
		option, ok := e.Option(o)
		if !ok {
			return fmt.Errorf("%w: option %q of %q", blockkit.ErrNotFound, o, field)
		}
		values = append(values, option.Value)
	}
	return p.useElement(ctx, on, e, values)
}

// Use uses an element by its block_id and action_id: it sets the values, as blockkit.Element.State describes them (none
// for a button), and sends the action if Slack would. It doesn't ask for confirmation. Click, Fill and Choose are the
// same for elements as people see them.
func (p *Person) Use(ctx context.Context, on Surface, blockID, actionID string, values ...string) error {
	for _, e := range on.Elements() {
		if e.BlockID == blockID && e.ActionID == actionID {
			return p.useElement(ctx, on, e, values)
		}
	}
	return fmt.Errorf("%w: %s in block %s", blockkit.ErrNotFound, actionID, blockID)
}

// SetValues sets the values of an element as Use does, but sends nothing to the app: as if a person has typed into a
// field with dispatch_action, and not yet pressed Enter. The values are part of later actions and of the submission.
func (p *Person) SetValues(on Surface, blockID, actionID string, values ...string) error {
	for _, e := range on.Elements() {
		if e.BlockID == blockID && e.ActionID == actionID {
			return p.ws.setInput(p.id, on.surface(), e, values)
		}
	}
	return fmt.Errorf("%w: %s in block %s", blockkit.ErrNotFound, actionID, blockID)
}

func (p *Person) useElement(ctx context.Context, on Surface, e blockkit.Element, values []string) error {
	ws, s := p.ws, on.surface()
	u, err := p.user()
	if err != nil {
		return err
	}
	where := Notice{ActionID: e.ActionID}
	if s.message != nil {
		where.Channel, where.MessageTS = s.message.Channel, s.message.TS
		if only := s.message.OnlyFor; only != "" && only != p.id {
			return fmt.Errorf("slacksim: %s does not see this message", p.id)
		}
		if _, _, err := p.inChannel(s.message.Channel); err != nil {
			return err
		}
	} else {
		where.ViewID = s.view.ID
	}
	if err := ws.setInput(p.id, s, e, values); err != nil {
		return err
	}
	if e.Input && !e.Dispatches {
		return nil
	}
	env, err := ws.actionEnvelope(u, s, e, values)
	if err != nil {
		return err
	}
	return ws.dispatch(ctx, p.id, env, where, func(code string) string {
		if code == OperationTimeout {
			return "This app responded too slowly. Try again?"
		}
		return "This app is not responding right now. Try again?"
	})
}

// setInput stores the values that a person entered, for the state of later actions and of the submission.
func (ws *Workspace) setInput(person string, s surface, e blockkit.Element, values []string) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if s.view != nil {
		v := ws.view(s.view.ID)
		if v == nil || v.Person != person {
			return ErrGone
		}
		if e.HasState() {
			if v.Inputs[e.BlockID] == nil {
				v.Inputs[e.BlockID] = map[string][]string{}
			}
			v.Inputs[e.BlockID][e.ActionID] = slices.Clone(values)
			delete(v.Errors, e.BlockID)
			ws.touch()
		}
		return nil
	}
	if e.HasState() {
		inputs := ws.stateOf(person).inputs
		key := s.message.Channel + "/" + s.message.TS
		if inputs[key] == nil {
			inputs[key] = map[string]map[string][]string{}
		}
		if inputs[key][e.BlockID] == nil {
			inputs[key][e.BlockID] = map[string][]string{}
		}
		inputs[key][e.BlockID][e.ActionID] = slices.Clone(values)
		ws.touch()
	}
	return nil
}

// Suggest types query into a menu with options from the app (external_select), and returns the options that the app
// suggests. It finds the menu by its label, action_id or block_id.
func (p *Person) Suggest(ctx context.Context, on Surface, field, query string) ([]blockkit.Option, error) {
	external := func(e blockkit.Element) bool { return strings.HasSuffix(e.Type, "external_select") }
	e, err := blockkit.Find(on.Elements(), field, external)
	if err != nil {
		return nil, err
	}
	u, err := p.user()
	if err != nil {
		return nil, err
	}
	env, err := p.ws.suggestionEnvelope(u, on.surface(), e, query)
	if err != nil {
		return nil, err
	}
	err = p.ws.dispatch(ctx, p.id, env, Notice{ActionID: e.ActionID}, func(string) string { return "No results" })
	if err != nil {
		return nil, err
	}
	return env.suggested, nil
}
