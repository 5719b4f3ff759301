package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"licensebot/purchase"
)

// errNotStored says that the ledger could not store which messages Slack shows.
var errNotStored = errors.New("what Slack shows could not be kept in the ledger")

// markPublished stores that a message shows the order in the state that was read. It leaves a newer card, from a newer
// click, as it is. If the ledger can't store it (its disk is full), markPublished keeps it in memory, so that the
// message is updated later and not posted again.
func (p *Publisher) markPublished(ctx context.Context, o purchase.Order, m purchase.Message) (purchase.Order, error) {
	m.PublishedRev = o.Rev
	now, err := p.outbox.UpdateMessages(ctx, o.ID, func(live *purchase.Order) {
		if old := live.Message(m.Kind); old == nil || old.ResponseURL == m.ResponseURL {
			mergePublished(live, m, o)
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.unstored[o.ID] == nil {
			p.unstored[o.ID] = map[purchase.MessageKind]purchase.Message{}
		}
		p.unstored[o.ID][m.Kind] = m
		o.SetMessage(m)
		return o, fmt.Errorf("%w: %w", errNotStored, err)
	}
	if delete(p.unstored[o.ID], m.Kind); len(p.unstored[o.ID]) == 0 {
		delete(p.unstored, o.ID)
	}
	now.Rev, now.State = o.Rev, o.State // go on with what was read: a newer state comes with the next round
	o.Messages = now.Messages
	return o, nil
}

// mergePublished stores a message that shows the order as seen in the order as it is now. The requester's messages show
// why the channel's line could not be posted; if they were shown without that, they are shown again.
func mergePublished(live *purchase.Order, m purchase.Message, seen purchase.Order) {
	before := lineProblem(*live)
	live.SetMessage(m)
	problem := lineProblem(*live)
	again := kinds[partRequester]
	if m.Kind != purchase.MessageLine {
		before, again = lineProblem(seen), []purchase.MessageKind{m.Kind}
	}
	if problem == "" || problem == before {
		return
	}
	for _, kind := range again {
		if shown := live.Message(kind); shown != nil && kind != purchase.MessageAsk {
			shown.PublishedRev = min(shown.PublishedRev, seen.Rev-1)
		}
	}
}

// lineProblem returns why the channel's line could not be posted.
func lineProblem(o purchase.Order) string {
	if m := o.Message(purchase.MessageLine); m != nil {
		return m.Problem
	}
	return ""
}

// restoreUnstored replaces the order's messages by newer ones that the ledger does not hold yet. It returns those of
// some kinds that show the order as it is and only have to be stored.
func (p *Publisher) restoreUnstored(o purchase.Order, of []purchase.MessageKind) (purchase.Order, []purchase.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keep []purchase.Message
	for kind, m := range p.unstored[o.ID] {
		old := o.Message(kind)
		if old == nil && kind == purchase.MessageCard || old != nil && old.ResponseURL != m.ResponseURL {
			delete(p.unstored[o.ID], kind) // a newer card has come
			continue
		}
		o.SetMessage(m)
		if m.PublishedRev >= o.Rev && slices.Contains(of, kind) {
			keep = append(keep, m)
		}
	}
	return o, keep
}
