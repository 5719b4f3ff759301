package slacksim

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// WaitForMessage waits until the person sees a message in channel for which wanted returns true (nil: any message), and
// returns it: the newest, if there are several. It also finds messages that were there before the call. The error is
// that of ctx or ErrClosed, with what the person sees instead.
func (p *Person) WaitForMessage(ctx context.Context, channel string, wanted func(Message) bool) (Message, error) {
	var found Message
	err := p.ws.Wait(ctx, func() bool {
		for _, m := range slices.Backward(p.Messages(channel)) {
			if wanted == nil || wanted(m) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		return Message{}, fmt.Errorf("wait for a message: %w; %s sees: %s", err, p.id, p.describeChannel(channel))
	}
	return found, nil
}

// WaitForText waits, as WaitForMessage does, for a message whose ContentText contains text.
func (p *Person) WaitForText(ctx context.Context, channel, text string) (Message, error) {
	m, err := p.WaitForMessage(ctx, channel, func(m Message) bool { return strings.Contains(m.ContentText(), text) })
	if err != nil {
		return m, fmt.Errorf("%q: %w", text, err)
	}
	return m, nil
}

// WaitForUpdate waits until wanted returns true for the present state of a message that was seen earlier, and returns
// that state. If the message is deleted, the wait ends with an error.
func (p *Person) WaitForUpdate(ctx context.Context, seen Message, wanted func(Message) bool) (Message, error) {
	var now Message
	var there bool
	err := p.ws.Wait(ctx, func() bool {
		now, there = p.ws.Current(seen)
		return !there || wanted(now)
	})
	if err != nil {
		return Message{}, fmt.Errorf("wait for a message to change: %w; it reads: %s", err, describe(now))
	}
	if !there {
		return Message{}, fmt.Errorf("slacksim: the message was deleted: %s", describe(seen))
	}
	return now, nil
}

// WaitForGone waits until a message that was seen earlier is deleted.
func (p *Person) WaitForGone(ctx context.Context, seen Message) error {
	return p.ws.Wait(ctx, func() bool {
		_, there := p.ws.Current(seen)
		return !there
	})
}

// WaitForModal waits until wanted returns true for the topmost modal (nil: any modal), and returns the modal. The error
// is that of ctx or ErrClosed, with what the modal shows instead.
func (p *Person) WaitForModal(ctx context.Context, wanted func(View) bool) (View, error) {
	return p.waitForView(ctx, "modal", p.Modal, wanted)
}

// WaitForNoModal waits until the person has no modal open.
func (p *Person) WaitForNoModal(ctx context.Context) error {
	return p.ws.Wait(ctx, func() bool {
		_, open := p.Modal()
		return !open
	})
}

// WaitForHome waits until wanted returns true for the person's Home tab (nil: any), and returns the Home tab. The error
// is as that of WaitForModal.
func (p *Person) WaitForHome(ctx context.Context, wanted func(View) bool) (View, error) {
	return p.waitForView(ctx, "Home tab", p.HomeTab, wanted)
}

func (p *Person) waitForView(
	ctx context.Context, what string, get func() (View, bool), wanted func(View) bool,
) (View, error) {
	var v View
	var there bool
	err := p.ws.Wait(ctx, func() bool {
		v, there = get()
		return there && (wanted == nil || wanted(v))
	})
	if err != nil {
		now := "there is none"
		if there {
			now = "it reads:\n" + v.ContentText()
		}
		return View{}, fmt.Errorf("wait for the %s: %w; %s", what, err, now)
	}
	return v, nil
}

// WaitForNotice waits until the person sees a notice with this code, and returns the newest one.
func (p *Person) WaitForNotice(ctx context.Context, code string) (Notice, error) {
	var found Notice
	err := p.ws.Wait(ctx, func() bool {
		for _, n := range slices.Backward(p.Notices()) {
			if n.Code == code {
				found = n
				return true
			}
		}
		return false
	})
	if err != nil {
		return Notice{}, fmt.Errorf("wait for the notice %s: %w", code, err)
	}
	return found, nil
}

// describeChannel describes the last messages that the person sees in channel, for the errors of tests.
func (p *Person) describeChannel(channel string) string {
	messages := p.Messages(channel)
	if len(messages) == 0 {
		return "nothing"
	}
	if len(messages) > 5 {
		messages = messages[len(messages)-5:]
	}
	var sb strings.Builder
	for _, m := range messages {
		sb.WriteString("\n— ")
		sb.WriteString(describe(m))
	}
	for _, n := range p.Notices() {
		sb.WriteString("\n— Slack: ")
		sb.WriteString(n.Text)
	}
	return sb.String()
}

func describe(m Message) string {
	s := m.ContentText()
	if m.Ephemeral() {
		s = "(only to " + m.OnlyFor + ") " + s
	}
	if b := m.Buttons(); len(b) > 0 {
		s += fmt.Sprintf(" %q", b)
	}
	return s
}
