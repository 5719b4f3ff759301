package notify

import (
	"context"
	"fmt"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// ExpandGroup replaces a user group among a notification's recipients by the group's members, since Slack cannot send
// messages to groups. Each member receives it once, even if the recipients contain their own id too. If the group has
// no members, that is recorded and announced in the purchases channel.
func (box *Outbox) ExpandGroup(ctx context.Context, id, group string, members []string) error {
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		n, err := register.PendingNotification(w, id, group)
		if err != nil || n.ID == "" {
			return err
		}
		n.Pending = slices.DeleteFunc(slices.Clone(n.Pending), func(r string) bool { return r == group })
		n = n.WithMembers(members)
		if err := register.KeepNotification(w, n); err != nil || len(members) > 0 {
			return err
		}
		return box.recordUnavailable(w, n, group, "empty")
	})
	if err != nil {
		return fmt.Errorf("expand group %s of notification %s: %w", group, id, err)
	}
	box.changed("")
	return nil
}

// ExpandGroupPartly adds some members of a user group to a notification's recipients. The group stays a recipient until
// its other members are known.
func (box *Outbox) ExpandGroupPartly(ctx context.Context, id, group string, members []string) error {
	if len(members) == 0 {
		return nil
	}
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		n, err := register.PendingNotification(w, id, group)
		if err != nil || n.ID == "" {
			return err
		}
		return register.KeepNotification(w, n.WithMembers(members))
	})
	if err != nil {
		return fmt.Errorf("expand a part of group %s of notification %s: %w", group, id, err)
	}
	box.changed("")
	return nil
}

// MarkGroupUnavailable records that Slack did not return the members of a user group among a notification's recipients,
// in the audit and in the purchases channel, once. The group stays a recipient.
func (box *Outbox) MarkGroupUnavailable(ctx context.Context, id, group string) error {
	var n purchase.Notification
	err := box.ledger.View(ctx, func(r purchase.Reader) (err error) {
		n, err = register.PendingNotification(r, id, group)
		return err
	})
	if err != nil || n.ID == "" || slices.Contains(n.UnresolvedGroups, group) {
		return err
	}
	err = box.ledger.Update(ctx, func(w purchase.Writer) error {
		n, err := register.PendingNotification(w, id, group)
		if err != nil || n.ID == "" || slices.Contains(n.UnresolvedGroups, group) {
			return err
		}
		n.UnresolvedGroups = append(slices.Clone(n.UnresolvedGroups), group)
		if err := register.KeepNotification(w, n); err != nil {
			return err
		}
		return box.recordUnavailable(w, n, group, "unlisted")
	})
	if err != nil {
		return fmt.Errorf("record that the members of group %s of notification %s are unavailable: %w", group, id, err)
	}
	box.changed("")
	return nil
}

// recordUnavailable records in the audit why the members of a user group do not receive a notification, and announces
// it in the purchases channel, with the notification's content if that channel does not receive notifications of its
// kind. why is "empty", or "unlisted" if Slack does not return the members.
func (box *Outbox) recordUnavailable(w purchase.Writer, n purchase.Notification, group, why string) error {
	if err := w.AppendEvent(box.deliveryFailed(n, group, "was not delivered: user group "+why)); err != nil ||
		box.purchasesChannel == "" {
		return err
	}
	what := purchase.NewCause(purchase.NotificationUndelivered, "group", group, "why", why)
	if n.Kind == purchase.NotificationBrokenItem || n.Kind == purchase.NotificationSettled {
		what.Causes = []purchase.Cause{n.Cause}
	}
	return register.AddNotification(w, purchase.Notification{
		ID: "untold-" + n.ID + "-" + group, Kind: purchase.NotificationUndelivered, Time: box.now(), Order: n.Order,
		Cause: what, Pending: []string{box.purchasesChannel},
	})
}
