package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// markRequestsStale marks the approvers' cards in a channel as stale, since the channel's readers have changed, and
// returns the ids of their orders. Other messages about the orders stay as they are.
func (box *Outbox) markRequestsStale(w purchase.Writer, channel string) (stale []purchase.OrderID, err error) {
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
		stale = append(stale, o.ID)
	}
	return stale, nil
}

// RequestEnded drops a notification that asks approvers directly, if its order no longer awaits approval. It reports
// whether the notification was dropped and need not be sent. It does nothing to other kinds of notifications.
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
		return false, fmt.Errorf("drop notification %s: %w", n.ID, err)
	}
	return true, nil
}

// RedirectToAdmins adds the admins to the recipients of a notification, since its channel must not get the details. It
// does nothing if the channel is not among the pending recipients.
func (box *Outbox) RedirectToAdmins(ctx context.Context, id, channel string) error {
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		n, err := register.PendingNotification(w, id, channel)
		if err != nil || n.ID == "" {
			return err
		}
		return register.KeepNotification(w, n.WithMembers(slices.Sorted(maps.Keys(box.policy.Admins))))
	})
	if err != nil {
		return fmt.Errorf("redirect notification %s to the admins: %w", id, err)
	}
	box.changed("")
	return nil
}
