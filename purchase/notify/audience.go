package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

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
