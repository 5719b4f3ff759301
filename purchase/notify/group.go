package notify

import (
	"context"
	"fmt"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// ExpandGroup replaces a user group among a notice's recipients by the group's members, since Slack has no messages to
// groups. Each member gets it once, also if their own id is listed too. A group without members is recorded, and
// announced in the purchases channel.
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
		return fmt.Errorf("put the members of %s among those who are told %s: %w", group, id, err)
	}
	box.changed("")
	return nil
}

// ExpandGroupPartly adds some members of a user group to the recipients of a notice. The group stays a recipient, since
// its other members are not known yet.
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
		return fmt.Errorf("put members of %s among those who are told %s: %w", group, id, err)
	}
	box.changed("")
	return nil
}

// MarkGroupUnavailable keeps that Slack did not tell who is in a user group that a notice is for. The audit and the
// purchases channel get to know it once; the group stays among those who do not have the notice.
func (box *Outbox) MarkGroupUnavailable(ctx context.Context, id, group string) error {
	var n purchase.Notification
	err := box.ledger.View(ctx, func(r purchase.Reader) (err error) {
		n, err = register.PendingNotification(r, id,
			group)
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
		return fmt.Errorf("keep that %s waits for the members of %s: %w", id, group, err)
	}
	box.changed("")
	return nil
}

// recordUnavailable records why the members of a user group do not have a notice, and has it said in the purchases
// channel, with what the notice says where that channel is not told of its kind. why is "empty", or "unlisted" if Slack
// doesn't say who is in the group.
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
