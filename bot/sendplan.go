package bot

import (
	"time"

	"licensebot/purchase"
)

// planSend returns how a part of an order that is behind waits in the queue: its priority, and the limits of its next
// call. Without limits, only the ledger is to be written.
func planSend(o purchase.Order, t part, now time.Time) send {
	s := send{order: o.ID, since: o.Created}
	switch t {
	case partRequester:
		s.priority, s.limits = planRequester(o, now)
	case partLine:
		s.priority, s.limits = priorityLine, messageLimits(*o.Message(purchase.MessageLine))
	case partApproval:
		m := *o.Message(purchase.MessageAsk)
		s.priority, s.limits = priorityEnded, messageLimits(m)
		if decidable(o, now) {
			s.priority = priorityApproval
		}
		if needsNoApprovalCard(o, m) {
			s.limits = nil
		}
	}
	return s
}

// planRequester returns the priority and the limits of the requester's messages. An update that only shows progress
// waits longer than others: if a newer state comes meanwhile, it isn't sent. The answer to a click never does.
func planRequester(o purchase.Order, now time.Time) (priority, []limit) {
	if m := o.Message(purchase.MessageCard); m != nil && isBehind(o, *m, now) {
		keep := usesKept(o)
		progress := keep > 1
		switch reachable := isReachable(*m, now); {
		case reachable && m.Uses > keep && showsProgress(o, *m):
			return priorityProgress, cardLimits(o, *m)
		case reachable && m.Uses > keep:
			return priorityAnswer, cardLimits(o, *m)
		case reachable || progress: // not shown
			return priorityAnswer, nil
		}
	}
	if m := o.Message(purchase.MessageNote); m != nil && m.TS != "" {
		return priorityAnswer, []limit{limitUpdates}
	}
	return priorityAnswer, directLimits(o.Requester.ID)
}

// showsProgress reports whether the next update of a card only shows progress, and answers no click.
func showsProgress(o purchase.Order, card purchase.Message) bool {
	return usesKept(o) > 1 && card.PublishedRev > 0
}

// cardLimits are the limits of updating a card.
func cardLimits(o purchase.Order, card purchase.Message) []limit {
	if showsProgress(o, card) {
		return []limit{limitCards, limitProgress}
	}
	return []limit{limitCards}
}

// messageLimits are the limits of posting a channel's message, or of updating it.
func messageLimits(m purchase.Message) []limit {
	if m.TS != "" {
		return []limit{limitUpdates}
	}
	return []limit{postsIn(m.Channel), limitPosts}
}

// directLimits are the limits of a new direct message to a person.
func directLimits(user string) []limit { return []limit{postsIn(user), limitPosts, limitConversations} }

// noticeLimits are the limits of a notice to a channel, a person or a user group.
func noticeLimits(to string) []limit {
	switch {
	case purchase.IsGroup(to):
		return []limit{limitNotices}
	case isPerson(to):
		return append(directLimits(to), limitNotices)
	}
	return []limit{postsIn(to), limitPosts}
}
