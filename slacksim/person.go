package slacksim

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Person is a user who uses the workspace. Channels are given by id, or by name with or without the #.
//
// Actions that go to the app wait until it has acknowledged them. Their error is a *Failure if Slack would show one: no
// socket is open, or the app didn't acknowledge in time. Notices then has the same text. Other errors are those of the
// context, ErrClosed, and mistakes in the test, such as an unknown user or button.
type Person struct {
	ws *Workspace
	id string
}

// Person returns the user with this id as one who acts. Actions fail if there is no such user, or the account is
// deactivated.
func (ws *Workspace) Person(id string) *Person { return &Person{ws: ws, id: id} }

// ID returns the user id.
func (p *Person) ID() string { return p.id }

// ErrNotMember is the error of an action in a channel in which the person is not a member.
var ErrNotMember = errors.New("slacksim: not a member of this channel")

// ErrGone is the error of an action in a view that is no longer open.
var ErrGone = errors.New("slacksim: this view is no longer open")

// ErrNoModal is the error of submitting or closing a modal if none is open.
var ErrNoModal = errors.New("slacksim: no modal is open")

// Command sends a slash command, such as "/order" with the text "3 coffees", in a channel. As in Slack, the text
// arrives without outer spaces and with & < > escaped. If the command has ShouldEscape, @name and #name of people and
// channels that exist arrive as mentions.
func (p *Person) Command(ctx context.Context, channel, command, text string) error {
	u, c, err := p.inChannel(channel)
	if err != nil {
		return err
	}
	declared := p.ws.opts.App.Commands
	i := slices.IndexFunc(declared, func(s SlashCommand) bool { return s.Name == command })
	if declared != nil && i < 0 || !slices.Contains(p.ws.opts.App.BotScopes, "commands") {
		return p.ws.addNotice(p.id, Notice{
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
	return p.ws.dispatch(
		ctx, p.id, env, Notice{Channel: c.ID}, func(code string) string { return commandFailure(command, code) },
	)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(s string) string { return escaper.Replace(s) }

var mention = regexp.MustCompile(`[@#][\p{L}\p{N}._-]+`)

// mentions replaces @name and #name of people and channels that exist by Slack's form.
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

// Say posts a message of the person in a channel, with & < > escaped, and returns it. Nothing is sent to the app:
// events of messages are not simulated.
func (p *Person) Say(channel, text string) (Message, error) {
	_, c, err := p.inChannel(channel)
	if err != nil {
		return Message{}, err
	}
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	return p.ws.addMessage(Message{Channel: c.ID, User: p.id, Text: escape(text)}).copy(), nil
}

// user finds the user, who must exist and not be deactivated.
func (p *Person) user() (User, error) {
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	u := p.ws.user(p.id)
	if u == nil || u.Deleted {
		return User{}, fmt.Errorf("slacksim: no user %s", p.id)
	}
	return *u, nil
}

// inChannel finds the user and a channel in which the user is a member. The channel comes without its members.
func (p *Person) inChannel(channel string) (User, Channel, error) {
	u, err := p.user()
	if err != nil {
		return User{}, Channel{}, err
	}
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	c := p.ws.lookup(channel)
	if c == nil {
		return User{}, Channel{}, fmt.Errorf("slacksim: no channel %s", channel)
	}
	if !c.Has(p.id) {
		return User{}, Channel{}, fmt.Errorf("%w: %s in #%s", ErrNotMember, p.id, c.Name)
	}
	found := *c
	found.Members = nil // there may be thousands
	return u, found, nil
}
