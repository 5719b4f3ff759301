package slacksim

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"licensebot/slacksim/blockkit"
)

// Person is somebody who uses the workspace. Channels are named by id, or by name with its
// #. Everything a Person does waits until the
// app acknowledged it; the error is a *Failure when Slack would show one instead, and the
// same text is then among Notices.
type Person struct {
	ws *Workspace
	id string
}

// Person lets the user with this id act. Whether the user exists is checked when they do.
func (ws *Workspace) Person(id string) *Person { return &Person{ws: ws, id: id} }

// ID of the user.
func (p *Person) ID() string { return p.id }

// ErrNotMember says that a person acted in a channel they are not a member of.
var ErrNotMember = errors.New("slacksim: not a member of this channel")

// ErrGone says that the view acted on is no longer open.
var ErrGone = errors.New("slacksim: this view is no longer open")

// ErrNoModal says that there is no modal to submit or close.
var ErrNoModal = errors.New("slacksim: no modal is open")

// Command types "command text" into channel and sends it. As in Slack, text arrives
// without outer spaces and with & < > escaped; if the app's manifest says should_escape,
// @name and #name of people and channels that exist arrive as mentions.
func (p *Person) Command(ctx context.Context, channel, command, text string) error {
	u, c, err := p.in(channel)
	if err != nil {
		return err
	}
	declared := p.ws.opts.App.Commands
	i := slices.IndexFunc(declared, func(s SlashCommand) bool { return s.Name == command })
	if declared != nil && i < 0 || !slices.Contains(p.ws.opts.App.BotScopes, "commands") {
		return p.ws.tell(p.id, Notice{
			Code: InvalidCommand, Channel: c.ID, Text: command + " is not a valid command.",
		})
	}
	text = escape(strings.TrimSpace(text))
	if i >= 0 && declared[i].ShouldEscape {
		text = p.ws.mentions(text)
	}
	env, err := p.ws.commandEnvelope(u, c, command, text)
	if err != nil {
		return err
	}
	return p.ws.dispatch(ctx, p.id, env, Notice{Channel: c.ID}, func(code string) string { return commandFailed(command, code) })
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(s string) string { return escaper.Replace(s) }

var mention = regexp.MustCompile(`[@#][\p{L}\p{N}._-]+`)

// mentions turns the handles of people and the names of channels into Slack's form.
func (ws *Workspace) mentions(text string) string {
	return mention.ReplaceAllStringFunc(text, func(m string) string {
		if u, ok := ws.User(m); ok && m[0] == '@' {
			return "<@" + u.ID + "|" + u.Name + ">"
		}
		if c, ok := ws.Channel(m); ok && m[0] == '#' {
			return "<#" + c.ID + "|" + c.Name + ">"
		}
		return m
	})
}

// Say posts an ordinary message, which no app is told about.
func (p *Person) Say(channel, text string) (Message, error) {
	_, c, err := p.in(channel)
	if err != nil {
		return Message{}, err
	}
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	return p.ws.addMessage(Message{Channel: c.ID, User: p.id, Text: escape(text)}).copy(), nil
}

// Click presses the button that answers to what (its text, action_id or block_id), and
// accepts its confirm dialog if it has one: see Surface.Elements for the dialog's texts.
// on may be older than what is shown now, as for a person whose screen lags behind.
func (p *Person) Click(ctx context.Context, on Surface, what string) error {
	e, err := blockkit.Find(on.Elements(), what, isButton)
	if err != nil {
		return err
	}
	return p.use(ctx, on, e, nil)
}

// ClickNo presses a button and declines its confirm dialog, whose texts it returns.
// Nothing reaches the app. It is an error if the button has no dialog.
func (p *Person) ClickNo(on Surface, what string) (blockkit.Confirm, error) {
	e, err := blockkit.Find(on.Elements(), what, isButton)
	if err != nil {
		return blockkit.Confirm{}, err
	}
	if e.Confirm == nil {
		return blockkit.Confirm{}, fmt.Errorf("slacksim: button %q asks for no confirmation", what)
	}
	return *e.Confirm, nil
}

// Fill types text into a field, or picks a date (2027-01-31) or time (09:30). What
// happens next is up to the app: fields of a modal are sent with its submission, and at
// once only if the input block has dispatch_action.
func (p *Person) Fill(ctx context.Context, on Surface, field, text string) error {
	e, err := blockkit.Find(on.Elements(), field, blockkit.Element.Typed)
	if err != nil {
		return err
	}
	var values []string
	if text != "" {
		values = []string{text}
	}
	return p.use(ctx, on, e, values)
}

// Choose picks options of a menu, radio buttons, checkboxes or an overflow menu, by the
// text people read or by value; people and channels are picked by id. It replaces what
// was chosen before; no options means none. An overflow menu has no text of its own: field
// is its action_id, or empty for the first one.
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
			return fmt.Errorf("%w: option %q of %q", blockkit.ErrNotThere, o, field)
		}
		values = append(values, option.Value)
	}
	return p.use(ctx, on, e, values)
}

// Use is what Click, Fill and Choose do, for callers that know the ids: it sets the
// element's values (in the form of blockkit.Element.State; none for a button) and sends
// the action if Slack would. Confirm dialogs are the caller's business.
func (p *Person) Use(ctx context.Context, on Surface, blockID, actionID string, values ...string) error {
	for _, e := range on.Elements() {
		if e.BlockID == blockID && e.ActionID == actionID {
			return p.use(ctx, on, e, values)
		}
	}
	return fmt.Errorf("%w: %s in block %s", blockkit.ErrNotThere, actionID, blockID)
}

func (p *Person) use(ctx context.Context, on Surface, e blockkit.Element, values []string) error {
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
		if _, _, err := p.in(s.message.Channel); err != nil {
			return err
		}
	} else {
		where.ViewID = s.view.ID
	}
	if err := ws.keepInput(p.id, s, e, values); err != nil {
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

// keepInput remembers what a person entered, so that it is part of the state that later
// actions and the submission carry.
func (ws *Workspace) keepInput(person string, s surface, e blockkit.Element, values []string) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if s.view != nil {
		v := ws.view(s.view.ID)
		if v == nil || v.Person != person {
			return ErrGone
		}
		if e.Keeps() {
			if v.Inputs[e.BlockID] == nil {
				v.Inputs[e.BlockID] = map[string][]string{}
			}
			v.Inputs[e.BlockID][e.ActionID] = slices.Clone(values)
			delete(v.Errors, e.BlockID)
			ws.touch()
		}
		return nil
	}
	if e.Keeps() {
		inputs := ws.desk(person).inputs
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

// Submit presses the submit button of the modal on top. Slack checks the fields first
// (required, length, number) and then asks the app; either may complain, by block_id.
// No complaints and no error means that the app accepted it.
func (p *Person) Submit(ctx context.Context) (problems map[string]string, err error) {
	ws := p.ws
	u, err := p.user()
	if err != nil {
		return nil, err
	}
	v, ok := ws.ModalOf(p.id)
	if !ok {
		return nil, ErrNoModal
	}
	if v.Submit == "" {
		return nil, fmt.Errorf("slacksim: the modal %q has no submit button", v.Title)
	}
	problems = map[string]string{}
	for _, e := range v.Elements() {
		if e.Input {
			if c := e.Complaint(v.Inputs[e.BlockID][e.ActionID]); c != "" {
				problems[e.BlockID] = c
			}
		}
	}
	if len(problems) > 0 {
		ws.inView(v.ID, func(v *View) { v.Errors, v.Failure = problems, "" })
		return problems, nil
	}
	env, err := ws.submissionEnvelope(u, v)
	if err != nil {
		return nil, err
	}
	ws.inView(v.ID, func(v *View) { v.Busy, v.Failure, v.Errors = true, "", nil })
	err = ws.dispatch(ctx, p.id, env, Notice{ViewID: v.ID}, func(string) string { return Trouble })
	ws.inView(v.ID, func(v *View) {
		v.Busy = false
		if err != nil {
			v.Failure = Trouble
		}
	})
	if err != nil {
		return nil, err
	}
	return env.problems, nil
}

func (ws *Workspace) inView(id string, change func(*View)) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if v := ws.view(id); v != nil {
		change(v)
		ws.touch()
	}
}

// CloseModal presses the close button of the modal on top: the one below appears again,
// unless the modal has clear_on_close. The app is told if it asked for notify_on_close;
// nobody waits for its acknowledgement.
func (p *Person) CloseModal() error { return p.closeModals(false) }

// CloseModals presses the × of the modal, which closes the whole stack.
func (p *Person) CloseModals() error { return p.closeModals(true) }

func (p *Person) closeModals(all bool) error {
	ws := p.ws
	u, err := p.user()
	if err != nil {
		return err
	}
	ws.mu.Lock()
	d := ws.desk(p.id)
	n := len(d.modals)
	if n == 0 {
		ws.mu.Unlock()
		return ErrNoModal
	}
	cleared := all || d.modals[n-1].ClearOnClose
	closed := []View{d.modals[n-1].copy()}
	if cleared {
		closed = nil
		for _, v := range slices.Backward(d.modals) {
			closed = append(closed, v.copy())
		}
		d.modals = nil
	} else {
		d.modals = d.modals[:n-1]
	}
	ws.touch()
	ws.mu.Unlock()
	for _, v := range closed {
		if v.NotifyOnClose {
			if err := ws.notify(ws.closedEnvelope(u, v, cleared)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Home opens the app's Home tab: the app gets app_home_opened. What it publishes is seen
// with WaitForHome. Nothing fails for the person if the app does not answer.
func (p *Person) Home() error {
	u, err := p.user()
	if err != nil {
		return err
	}
	return p.ws.notify(p.ws.homeEnvelope(u))
}

// Suggest types query into a menu whose options come from the app (external_select) and
// returns what the app suggests.
func (p *Person) Suggest(ctx context.Context, on Surface, field, query string) ([]blockkit.Option, error) {
	e, err := blockkit.Find(on.Elements(), field, func(e blockkit.Element) bool { return strings.HasSuffix(e.Type, "external_select") })
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

// user who acts; an account that was deactivated cannot.
func (p *Person) user() (User, error) {
	u, ok := p.ws.User(p.id)
	if !ok || u.ID != p.id || u.Deleted {
		return User{}, fmt.Errorf("slacksim: no user %s", p.id)
	}
	return u, nil
}

// in checks that the person is there and a member of channel.
func (p *Person) in(channel string) (User, Channel, error) {
	u, err := p.user()
	if err != nil {
		return User{}, Channel{}, err
	}
	c, ok := p.ws.Channel(channel)
	if !ok {
		return User{}, Channel{}, fmt.Errorf("slacksim: no channel %s", channel)
	}
	if !c.Has(p.id) {
		return User{}, Channel{}, fmt.Errorf("%w: %s in #%s", ErrNotMember, p.id, c.Name)
	}
	return u, c, nil
}
