package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Channels are those in which purchases are announced and approvers are asked.
func (box *Outbox) Channels() []string {
	return slices.DeleteFunc([]string{box.purchasesChannel, box.approvalsChannel}, func(channel string) bool {
		return channel == ""
	})
}

// NoteAudience notes why prices are not posted in a channel; an empty reason says that they are. Admins are told of
// each new reason, once. The channel's cards of orders that wait for approval are shown anew.
func (box *Outbox) NoteAudience(ctx context.Context, channel string, why purchase.Outsiders) error {
	told := func(r purchase.Reader) (was purchase.Outsiders, account purchase.AccountState, err error) {
		account, err = r.Account()
		return account.Outsiders[channel], account, err
	}
	var was purchase.Outsiders
	var again []purchase.OrderID
	err := box.ledger.View(ctx, func(r purchase.Reader) (err error) { was, _, err = told(r); return err })
	if err != nil || was == why {
		return err
	}
	err = box.ledger.Update(ctx, func(w purchase.Writer) error {
		was, account, err := told(w)
		if err != nil || was == why {
			return err
		}
		account.Outsiders = maps.Clone(account.Outsiders)
		if account.Outsiders == nil {
			account.Outsiders = map[string]purchase.Outsiders{}
		}
		if account.Outsiders[channel] = why; why == "" {
			delete(account.Outsiders, channel)
		}
		note := "prices are posted here"
		if why != "" {
			note = "no prices are posted here: " + string(why)
		}
		if err := w.PutAccount(account); err != nil {
			return err
		}
		if again, err = box.markRequestsStale(w, channel); err != nil {
			return err
		}
		if err := w.AppendEvent(purchase.Event{
			Time: box.now(), Kind: "channel-read", By: purchase.BotName, Place: channel,
			Note: note,
		}); err !=
			nil || why == "" {
			return err
		}
		n := box.reg.NewNotification(purchase.NotificationOutsiders, register.NotificationID("outsiders-"+channel, box.now()),
			purchase.NewCause(purchase.NotificationOutsiders, "why", string(why)),
			purchase.Order{}, "")
		n.Channel = channel
		return register.AddNotification(w, n)
	})
	if err != nil {
		return fmt.Errorf("keep who reads %s: %w", channel, err)
	}
	box.changed("")
	for _, id := range again {
		box.changed(id)
	}
	return nil
}

// askDirectly has the approvers asked in direct messages about an order whose card in their channel shows no price and
// no buttons. It belongs to the transaction that stores that card, so that they are asked once, and not about an order
// that could not be posted.
func (box *Outbox) askDirectly(w purchase.Writer, o *purchase.Order) error {
	m := o.Message(purchase.MessageAsk)
	if m == nil || !m.Bare || m.TS == "" || o.State != purchase.AwaitingApproval || !o.AskedDirectly.IsZero() ||
		!box.now().Before(o.ApproveBy) {
		return nil
	}
	o.AskedDirectly = box.now()
	n := box.reg.NewNotification(purchase.NotificationAsk, "ask-"+string(o.ID),
		purchase.RequestCause(purchase.NotificationAsk,
			*o).With("reason", o.Reason), *o, "")
	n.Pending = nil
	for id := range box.policy.Approvers {
		if id != o.Requester.ID && id != o.Requester.Org {
			n.Pending = append(n.Pending, id)
		}
	}
	slices.Sort(n.Pending)
	if slices.ContainsFunc(n.Pending, purchase.IsGroup) {
		n.Delivered = []string{o.Requester.ID}
	}
	return register.AddNotification(w, n)
}

// markRequestsStale has the approvers' cards in a channel updated: who reads the channel has changed. Other messages
// about the orders stay as they are.
func (box *Outbox) markRequestsStale(w purchase.Writer, channel string) (again []purchase.OrderID, err error) {
	queue, err := w.Queue()
	if err != nil {
		return nil, err
	}
	for _, q := range queue {
		if q.State != purchase.AwaitingApproval {
			continue
		}
		o, err := w.Order(q.ID)
		if err != nil {
			return nil, err
		}
		if m := o.Message(purchase.MessageAsk); m == nil || m.Channel != channel || m.TS == "" {
			continue
		}
		for i := range o.Messages {
			if m := &o.Messages[i]; m.Kind != purchase.MessageAsk && m.PublishedRev == o.Rev {
				m.PublishedRev++
			}
		}
		o.Rev++
		o.Updated = box.now()
		if err := w.PutOrder(o); err != nil {
			return nil, err
		}
		again = append(again, o.ID)
	}
	return again, nil
}

// RequestEnded drops the notice that asks approvers directly about an order that no longer waits for them. It reports
// whether there is nothing left to tell.
func (box *Outbox) RequestEnded(ctx context.Context, n purchase.Notification) (over bool, err error) {
	if n.Kind != purchase.NotificationAsk {
		return false, nil
	}
	o, err := box.reg.Order(ctx, n.Order)
	if err != nil || o.State == purchase.AwaitingApproval {
		return false, err
	}
	err = box.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		account.Notifications = slices.DeleteFunc(slices.Clone(account.Notifications),
			func(old purchase.Notification) bool { return old.ID == n.ID })
		return w.PutAccount(account)
	})
	if err != nil {
		return false, fmt.Errorf("drop the notice %s: %w", n.ID, err)
	}
	return true, nil
}

// RedirectToAdmins adds the admins to those who do not have a notice yet: its channel does not get the details.
func (box *Outbox) RedirectToAdmins(ctx context.Context, id, channel string) error {
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		n, err := register.PendingNotification(w, id, channel)
		if err != nil || n.ID == "" {
			return err
		}
		return register.KeepNotification(w, n.WithMembers(slices.Sorted(maps.Keys(box.policy.Admins))))
	})
	if err != nil {
		return fmt.Errorf("have the admins told %s: %w", id, err)
	}
	box.changed("")
	return nil
}
