package notify

import (
	"context"
	"fmt"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Notices returns the notices with recipients left, oldest first.
func (box *Outbox) Notices(ctx context.Context) (left []purchase.Notice, err error) {
	err = box.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		left = account.Notices
		return err
	})
	return left, err
}

// NoticeSent keeps that a recipient has a notice, or cannot get it: problem is Slack's definite refusal, empty when it
// took the message. A recipient who cannot be reached is recorded in the audit.
func (box *Outbox) NoticeSent(ctx context.Context, id, recipient, problem string) error {
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		n, err := register.UndeliveredTo(w, id, recipient)
		if err != nil || n.ID == "" {
			return err
		}
		n.Left = slices.DeleteFunc(slices.Clone(n.Left), func(r string) bool { return r == recipient })
		if slices.ContainsFunc(n.Left, purchase.IsGroup) {
			n.Had = append(slices.Clone(n.Had), recipient)
		}
		if err := register.KeepNotice(w, n); err != nil || problem == "" {
			return err
		}
		return w.AppendEvent(box.untold(n, recipient, "could not be delivered: "+problem))
	})
	if err != nil {
		return fmt.Errorf("keep that %s was told to %s: %w", id, recipient, err)
	}
	return nil
}

// untold is the audit record of a notice that a recipient does not have.
func (box *Outbox) untold(n purchase.Notice, recipient, why string) purchase.Event {
	return purchase.Event{
		Time: box.now(), Kind: "untold", Order: n.Order, By: purchase.BotName, Place: recipient,
		Note: n.ID + " " + why,
	}
}
