package purchase

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// isGroup tells the id of a user group, S…, from those of people and channels.
func isGroup(id string) bool { return strings.HasPrefix(id, "S") }

// NoticeTo replaces a user group among a notice's recipients by the group's members, since Slack has no messages to
// groups. Each member gets it once, also if their own id is listed too. A group without members is recorded, and
// announced in the purchases channel.
func (d *Desk) NoticeTo(ctx context.Context, id, group string, members []string) error {
	err := d.ledger.Update(ctx, func(w Writer) error {
		n, err := left(w, id, group)
		if err != nil || n.ID == "" {
			return err
		}
		n.Left = slices.DeleteFunc(slices.Clone(n.Left), func(r string) bool { return r == group })
		n = n.withMembers(members)
		if err := keepNotice(w, n); err != nil || len(members) > 0 {
			return err
		}
		return d.saidUntold(w, n, group, "empty")
	})
	if err != nil {
		return fmt.Errorf("put the members of %s among those who are told %s: %w", group, id, err)
	}
	d.changed("")
	return nil
}

// withMembers returns the notice with members of a user group added to its recipients. Members who have the notice
// already are not added.
func (n Notice) withMembers(members []string) Notice {
	n.Left = slices.Clone(n.Left)
	for _, m := range members {
		if !slices.Contains(n.Left, m) && !slices.Contains(n.Had, m) {
			n.Left = append(n.Left, m)
		}
	}
	return n
}

// NoticeToSome adds some members of a user group to the recipients of a notice. The group stays a recipient, since its
// other members are not known yet.
func (d *Desk) NoticeToSome(ctx context.Context, id, group string, members []string) error {
	if len(members) == 0 {
		return nil
	}
	err := d.ledger.Update(ctx, func(w Writer) error {
		n, err := left(w, id, group)
		if err != nil || n.ID == "" {
			return err
		}
		return keepNotice(w, n.withMembers(members))
	})
	if err != nil {
		return fmt.Errorf("put members of %s among those who are told %s: %w", group, id, err)
	}
	d.changed("")
	return nil
}

// NoticeWaits keeps that Slack did not tell who is in a user group that a notice is for. The audit and the purchases
// channel get to know it once; the group stays among those who do not have the notice.
func (d *Desk) NoticeWaits(ctx context.Context, id, group string) error {
	var n Notice
	err := d.ledger.View(ctx, func(r Reader) (err error) { n, err = left(r, id, group); return err })
	if err != nil || n.ID == "" || slices.Contains(n.Silent, group) {
		return err
	}
	err = d.ledger.Update(ctx, func(w Writer) error {
		n, err := left(w, id, group)
		if err != nil || n.ID == "" || slices.Contains(n.Silent, group) {
			return err
		}
		n.Silent = append(slices.Clone(n.Silent), group)
		if err := keepNotice(w, n); err != nil {
			return err
		}
		return d.saidUntold(w, n, group, "unlisted")
	})
	if err != nil {
		return fmt.Errorf("keep that %s waits for the members of %s: %w", id, group, err)
	}
	d.changed("")
	return nil
}

// saidUntold records why the members of a user group do not have a notice, and has it said in the purchases channel,
// with what the notice says where that channel is not told of its kind. why is "empty", or "unlisted" if Slack doesn't
// say who is in the group.
func (d *Desk) saidUntold(w Writer, n Notice, group, why string) error {
	if err := w.AppendEvent(d.untold(n, group, "was not delivered: user group "+why)); err != nil ||
		d.purchasesChannel == "" {
		return err
	}
	what := because(NoticeUntold, "group", group, "why", why)
	if n.Kind == NoticeBrokenItem || n.Kind == NoticeSettled {
		what.Causes = []Cause{n.Cause}
	}
	return addNotice(w, Notice{
		ID: "untold-" + n.ID + "-" + group, Kind: NoticeUntold, Time: d.now(), Order: n.Order,
		Cause: what, Left: []string{d.purchasesChannel},
	})
}
