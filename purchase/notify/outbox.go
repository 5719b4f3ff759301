package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Outbox stores which messages show which revision of an order, and notifications until each recipient has received
// them. All methods may be called at the same time.
type Outbox struct {
	reg     *register.Register
	ledger  purchase.Ledger
	policy  purchase.Policy
	now     func() time.Time
	changed func(purchase.OrderID)

	purchasesChannel string
	approvalsChannel string
}

// New returns an Outbox that stores its changes with reg.
func New(reg *register.Register) *Outbox {
	o := reg.Options
	return &Outbox{
		reg: reg, ledger: o.Ledger, policy: o.Policy, now: o.Now, changed: o.Changed,
		purchasesChannel: o.PurchasesChannel, approvalsChannel: o.ApprovalsChannel,
	}
}

// Run announces the head of the audit chain once a day, until ctx is done. It checks the date at least every hour,
// since the machine's clock can be set.
func (box *Outbox) Run(ctx context.Context) {
	day := ""
	box.reg.Repeat(ctx, nil, func(ctx context.Context) (time.Duration, error) {
		pause, err := box.publishAuditHead(ctx, &day)
		return min(pause, register.Idle), err
	})
}

// Order reads one order, to show it. The error wraps [purchase.ErrNoOrder] if there is none with that id.
func (box *Outbox) Order(ctx context.Context, id purchase.OrderID) (purchase.Order, error) {
	return box.reg.Order(ctx, id)
}

// StaleOrders returns the ids of the orders of which a message shows an older revision, oldest first.
func (box *Outbox) StaleOrders(ctx context.Context) (ids []purchase.OrderID, err error) {
	err = box.ledger.View(ctx, func(r purchase.Reader) error {
		ids, err = r.Unpublished()
		return err
	})
	return ids, err
}

// UpdateMessages changes which messages show the order, and which revision each shows. set may change Order.Messages
// only; Rev stays. If the approvers' card shows no price, UpdateMessages also asks the approvers in direct messages. It
// returns the order as stored.
func (box *Outbox) UpdateMessages(ctx context.Context, id purchase.OrderID,
	set func(*purchase.Order),
) (purchase.Order, error) {
	var o purchase.Order
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		var err error
		if o, err = w.Order(id); err != nil {
			return err
		}
		set(&o)
		if err := box.askDirectly(w, &o); err != nil {
			return err
		}
		return w.PutOrder(o)
	})
	if err != nil {
		return o, fmt.Errorf("store the messages of order %s: %w", id, err)
	}
	return o, nil
}

// SetMessage stores the message with which an order is shown from now on, in place of an earlier one of its kind.
func (box *Outbox) SetMessage(ctx context.Context, id purchase.OrderID, m purchase.Message) error {
	_, err := box.UpdateMessages(ctx, id, func(o *purchase.Order) { o.SetMessage(m) })
	if err == nil {
		box.changed(id)
	}
	return err
}

// MarkStale increases the Rev of an order that awaits approval, so that its messages are updated: something other than
// the order changed on its cards. A card that is being sent shows the old Rev. It does nothing to an order in another
// state.
func (box *Outbox) MarkStale(ctx context.Context, id purchase.OrderID) error {
	_, err := box.UpdateMessages(ctx, id, func(o *purchase.Order) {
		if o.State == purchase.AwaitingApproval {
			o.Rev++
			o.Updated = box.now()
		}
	})
	if err == nil {
		box.changed(id)
	}
	return err
}

// PendingNotifications returns the notifications with remaining recipients, oldest first.
func (box *Outbox) PendingNotifications(ctx context.Context) (left []purchase.Notification, err error) {
	err = box.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		left = account.Notifications
		return err
	})
	return left, err
}

// MarkDelivered removes a recipient from a notification. problem is Slack's definite error; empty if Slack accepted the
// message. A problem is recorded in the audit.
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
		return fmt.Errorf("mark notification %s as delivered to %s: %w", id, recipient, err)
	}
	return nil
}

// deliveryFailed returns the audit record of a notification that a recipient did not receive.
func (box *Outbox) deliveryFailed(n purchase.Notification, recipient, why string) purchase.Event {
	return purchase.Event{
		Time: box.now(), Kind: "untold", Order: n.Order, By: purchase.BotName, Place: recipient,
		Note: n.ID + " " + why,
	}
}

// publishAuditHead announces the head of the audit chain in the purchases channel, once a day, unless it is unchanged.
// Such a message later proves that no earlier record was changed. *last is the last day that this run checked
// ("2026-11-29", in the policy's time zone). publishAuditHead returns the time until the next day.
func (box *Outbox) publishAuditHead(ctx context.Context, last *string) (time.Duration, error) {
	now := box.now().In(box.policy.TimeZone())
	day := now.Format(time.DateOnly)
	tomorrow := purchase.DayBegins(now.Year(), now.Month(), now.Day()+1, now.Location())
	pause := max(tomorrow.Sub(now), time.Millisecond)
	if box.purchasesChannel == "" || *last == day {
		return pause, nil
	}
	published := false
	err := box.ledger.Update(ctx, func(w purchase.Writer) error {
		published = false
		account, err := w.Account()
		if err != nil || account.HeadPublished == day {
			return err
		}
		head, err := w.Head()
		if err != nil || head.Number == 0 || head.Hash == account.HeadHash {
			return err
		}
		account.HeadPublished, account.HeadHash = day, head.Hash
		if err := w.PutAccount(account); err != nil {
			return err
		}
		published = true
		return register.AddNotification(w,
			box.reg.NewNotification(purchase.NotificationHead, "head-"+day,
				purchase.NewCause(purchase.NotificationHead, "at", purchase.ArgTime(now), "record", strconv.FormatUint(head.Number,
					10),
					"hash", head.Hash), purchase.Order{},
				""))
	})
	if err != nil {
		return 0, fmt.Errorf("publish the head of the audit chain: %w", err)
	}
	*last = day
	if published {
		box.changed("")
	}
	return pause, nil
}

// Channels returns the ids of the purchases channel and the approvals channel, without those that are not configured.
func (box *Outbox) Channels() []string {
	return slices.DeleteFunc([]string{box.purchasesChannel, box.approvalsChannel}, func(channel string) bool {
		return channel == ""
	})
}

// NoteAudience stores why prices are not posted in a channel; an empty reason means that they are. If the reason has
// changed, it records that in the audit, has the channel's cards of orders that await approval updated, and, if prices
// are not posted, notifies the admins, once for each change.
func (box *Outbox) NoteAudience(ctx context.Context, channel string, why purchase.Outsiders) error {
	read := func(r purchase.Reader) (known purchase.Outsiders, account purchase.AccountState, err error) {
		account, err = r.Account()
		return account.Outsiders[channel], account, err
	}
	var known purchase.Outsiders
	var stale []purchase.OrderID
	err := box.ledger.View(ctx, func(r purchase.Reader) (err error) { known, _, err = read(r); return err })
	if err != nil || known == why {
		return err
	}
	err = box.ledger.Update(ctx, func(w purchase.Writer) error {
		known, account, err := read(w)
		if err != nil || known == why {
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
		if stale, err = box.markRequestsStale(w, channel); err != nil {
			return err
		}
		if err := w.AppendEvent(purchase.Event{
			Time: box.now(), Kind: "channel-read", By: purchase.BotName, Place: channel, Note: note,
		}); err != nil || why == "" {
			return err
		}
		n := box.reg.NewNotification(purchase.NotificationOutsiders, register.NotificationID("outsiders-"+channel, box.now()),
			purchase.NewCause(purchase.NotificationOutsiders, "why", string(why)),
			purchase.Order{}, "")
		n.Channel = channel
		return register.AddNotification(w, n)
	})
	if err != nil {
		return fmt.Errorf("store who reads %s: %w", channel, err)
	}
	box.changed("")
	for _, id := range stale {
		box.changed(id)
	}
	return nil
}

// askDirectly adds a notification that asks the approvers in direct messages to decide about an order, if the order's
// card in their channel shows no price and no buttons. It does so once per order, in the transaction that stores that
// card, so that the approvers are not asked about an order that could not be posted. The requester is left out.
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
