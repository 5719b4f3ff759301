package history

import (
	"fmt"
	"strings"
	"time"

	"licensebot/purchase"
)

// A response URL accepts this many posts for this long.
const (
	cardUses = 5
	cardLife = 30 * time.Minute
)

// person returns one of the people for whom has returns true.
func (h *history) person(has func(Person) bool) purchase.Actor {
	var among []purchase.Actor
	for _, p := range h.Team {
		if has(p) {
			among = append(among, p.Actor)
		}
	}
	return choose(h.random, among)
}

// card is the requester's click on the card.
func (h *history) card(o purchase.Order) purchase.Action {
	return purchase.Action{
		Actor: o.Requester, Channel: o.Channel,
		Card: purchase.Message{
			ResponseURL: fmt.Sprintf("https://hooks.slack.com/actions/%s/%d/%016x%08x", o.Requester.Team,
				h.now.UnixMilli(), h.random.Uint64(), h.random.Uint32()),
			Uses: cardUses, Expires: h.now.Add(cardLife),
		},
	}
}

// approvalClick is an approver's click on the order's card in their channel.
func (h *history) approvalClick(o purchase.Order, by purchase.Actor) purchase.Action {
	action := purchase.Action{Actor: by, Channel: purchase.Channel{ID: h.ApprovalsChannel, Name: "approvals"}}
	if ask := o.Message(purchase.MessageAsk); ask != nil {
		action.MessageTS = ask.TS
	}
	return action
}

// adminCommand is a command of an admin.
func (h *history) adminCommand() purchase.Action {
	return purchase.Action{
		Actor: h.person(func(p Person) bool { return p.Administers }), Channel: h.Channels[0], Typed: true,
	}
}

// timestamp returns Slack's timestamp of a message that is posted now.
func (h *history) timestamp() string {
	return fmt.Sprintf("%d.%06d", h.now.Unix(), h.random.IntN(1_000_000))
}

// publish notes that Slack shows an order as it is now, as the bot does after each change.
func (h *history) publish(id purchase.OrderID) error {
	o, err := h.ledger.Order(id)
	if err == nil && o.State != purchase.Proposed && o.State != purchase.AwaitingApproval {
		delete(h.waits, id)
	}
	if err != nil || !o.Stale() {
		return err
	}
	for i := range o.Messages {
		m := &o.Messages[i]
		if m.PublishedRev == o.Rev || m.Kind == purchase.MessageAsk && h.isLeftToPost(o) {
			continue
		}
		switch {
		case m.Kind != purchase.MessageCard:
			if m.TS == "" {
				m.TS = h.timestamp()
			}
			if m.Channel == "" { // a direct message
				m.Channel = "D" + strings.TrimPrefix(o.Requester.ID, "U")
			}
		case h.now.Before(m.Expires):
			m.Uses = max(m.Uses-1, 1)
		default: // the card continues as a direct message
			*m = purchase.Message{
				Kind: purchase.MessageNote, Channel: "D" + strings.TrimPrefix(o.Requester.ID, "U"), TS: h.timestamp(),
			}
		}
		m.PublishedRev = o.Rev
	}
	return h.ledger.PutOrder(o)
}

// isLeftToPost reports whether the bot posts the order's card for approvers at its next start.
func (h *history) isLeftToPost(o purchase.Order) bool {
	return h.Unposted && o.State == purchase.AwaitingApproval && o.ApproveBy.After(h.Until) && !o.Created.Before(h.last)
}

// deliver notes that each notification has reached its recipients.
func (h *history) deliver() error {
	account, err := h.ledger.Account()
	if err != nil || len(account.Notifications) == 0 {
		return err
	}
	account.Notifications = nil
	return h.ledger.PutAccount(account)
}
