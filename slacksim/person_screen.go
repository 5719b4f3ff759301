package slacksim

import "slices"

// Channels returns the conversations in which the person is a member, direct messages included.
func (p *Person) Channels() []Channel {
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	return p.ws.channelsWhere(func(c *Channel) bool { return c.Has(p.id) })
}

// Messages returns the messages that the person sees in channel, oldest first: those for all members, and those for
// this person only. There are none if the person is not a member.
func (p *Person) Messages(channel string) []Message {
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	c := p.ws.lookup(channel)
	if c == nil || !c.Has(p.id) {
		return nil
	}
	var out []Message
	for _, m := range p.ws.messages[c.ID] {
		if m.OnlyFor == "" || m.OnlyFor == p.id {
			out = append(out, m.copy())
		}
	}
	return out
}

// Modal returns the topmost modal that the person has open.
func (p *Person) Modal() (View, bool) {
	stack := p.Modals()
	if len(stack) == 0 {
		return View{}, false
	}
	return stack[len(stack)-1], true
}

// Modals returns the modals that the person has open, bottom first.
func (p *Person) Modals() []View {
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	var out []View
	for _, v := range p.ws.stateOf(p.id).modals {
		out = append(out, v.copy())
	}
	return out
}

// HomeTab returns the Home tab that the app published for the person.
func (p *Person) HomeTab() (View, bool) {
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	if v := p.ws.stateOf(p.id).home; v != nil {
		return v.copy(), true
	}
	return View{}, false
}

// Notices returns the messages from Slack itself that the person sees, oldest first.
func (p *Person) Notices() []Notice {
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	return slices.Clone(p.ws.stateOf(p.id).notices)
}

// DismissNotice removes a notice, by its id, from the person's screen.
func (p *Person) DismissNotice(id string) {
	p.ws.mu.Lock()
	defer p.ws.mu.Unlock()
	d := p.ws.stateOf(p.id)
	d.notices = slices.DeleteFunc(d.notices, func(n Notice) bool { return n.ID == id })
	p.ws.touch()
}
