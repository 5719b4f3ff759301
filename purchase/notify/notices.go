package notify

import (
	"context"
	"fmt"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// PendingNotifications returns the notices with recipients left, oldest first.
func (box *Outbox) PendingNotifications(ctx context.Context) (left []purchase.Notification, err error) {
	err = box.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		left = account.Notifications
		return err
	})
	return left, err
}

// MarkDelivered keeps that a recipient has a notice, or cannot get it: problem is Slack's definite refusal, empty when
// it took the message. A recipient who cannot be reached is recorded in the audit.
func (box *Outbox) MarkDelivered(ctx context.Context, id, recipient, problem string) error {
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		n, err := register.PendingNotification(w, id, recipient)
		if err != nil || n.ID == "" {
			return err
		}
		n.Pending = slices.DeleteFunc(slices.Clone(n.Pending), func(r string) bool { return r == recipient })
		if slices.ContainsFunc(n.Pending, purchase.IsGroup) {
			n.Delivered = append(slices.Clone(n.Delivered), recipient)
		}
		if err := register.KeepNotification(w, n); err != nil || problem == "" {
			return err
		}
		return w.AppendEvent(box.deliveryFailed(n, recipient, "could not be delivered: "+problem))
	})
	if err != nil {
		return fmt.Errorf("keep that %s was told to %s: %w", id, recipient, err)
	}
	return nil
}

// deliveryFailed is the audit record of a notice that a recipient does not have.
func (box *Outbox) deliveryFailed(n purchase.Notification, recipient, why string) purchase.Event {
	return purchase.Event{
		Time: box.now(), Kind: "untold", Order: n.Order, By: purchase.BotName, Place: recipient,
		Note: n.ID + " " + why,
	}
}
