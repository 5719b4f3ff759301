package bot

import (
	"context"
	"errors"
	"fmt"

	"licensebot/purchase"
)

// errUnkept says that Slack shows a message, and that the ledger could not be told so.
var errUnkept = errors.New("what Slack shows could not be kept in the ledger")

// shown keeps that a message shows the order as it was when it was read. A newer click may have brought a newer card
// in the meantime; that one is not touched. When the ledger does not take it (its disk is full) it is remembered, so that
// the message is not posted again, and is still brought up to date.
func (p *Publisher) shown(ctx context.Context, o purchase.Order, m purchase.Message) (purchase.Order, error) {
	m.Shown = o.Rev
	now, err := p.desk.Show(ctx, o.ID, func(live *purchase.Order) {
		if old := live.Message(m.Kind); old == nil || old.ResponseURL == m.ResponseURL {
			live.Put(m)
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.unkept[o.ID] == nil {
			p.unkept[o.ID] = map[purchase.MessageKind]purchase.Message{}
		}
		p.unkept[o.ID][m.Kind] = m
		o.Put(m)
		return o, fmt.Errorf("%w: %w", errUnkept, err)
	}
	if delete(p.unkept[o.ID], m.Kind); len(p.unkept[o.ID]) == 0 {
		delete(p.unkept, o.ID)
	}
	now.Rev, now.State = o.Rev, o.State // go on with what was read: a newer state comes with the next round
	o.Messages = now.Messages
	return o, nil
}

// remembered puts what is known of the order's messages beyond the ledger in place of what the ledger says, and answers
// those messages that show the order as it is and only have to be kept.
func (p *Publisher) remembered(o purchase.Order) (purchase.Order, []purchase.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keep []purchase.Message
	for kind, m := range p.unkept[o.ID] {
		old := o.Message(kind)
		if old == nil && kind == purchase.MessageCard || old != nil && old.ResponseURL != m.ResponseURL {
			delete(p.unkept[o.ID], kind) // a newer card has come
			continue
		}
		o.Put(m)
		if m.Shown >= o.Rev {
			keep = append(keep, m)
		}
	}
	return o, keep
}
