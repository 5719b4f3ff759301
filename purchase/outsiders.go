package purchase

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Outsiders says why people who may see no prices may read a channel.
type Outsiders string

const (
	// OutsidersShared says that the channel is shared with another organization, or its people are invited.
	OutsidersShared Outsiders = "shared"
	// OutsidersGuests says that guests or people of other workspaces are in the channel.
	OutsidersGuests Outsiders = "guests"
	// OutsidersUntold says that the app may not look up who is in the channel.
	OutsidersUntold Outsiders = "untold"
)

// Channels are those in which purchases are announced and approvers are asked.
func (d *Desk) Channels() []string {
	return slices.DeleteFunc([]string{d.purchasesChannel, d.approvalsChannel}, func(channel string) bool {
		return channel == ""
	})
}

// ChannelRead notes why prices are not posted in a channel; an empty reason says that they are. Admins are told of each
// new reason, once. The channel's cards of orders that wait for approval are shown anew.
func (d *Desk) ChannelRead(ctx context.Context, channel string, why Outsiders) error {
	told := func(r Reader) (was Outsiders, account AccountState, err error) {
		account, err = r.Account()
		return account.Outsiders[channel], account, err
	}
	var was Outsiders
	var again []OrderID
	err := d.ledger.View(ctx, func(r Reader) (err error) { was, _, err = told(r); return err })
	if err != nil || was == why {
		return err
	}
	err = d.ledger.Update(ctx, func(w Writer) error {
		was, account, err := told(w)
		if err != nil || was == why {
			return err
		}
		account.Outsiders = maps.Clone(account.Outsiders)
		if account.Outsiders == nil {
			account.Outsiders = map[string]Outsiders{}
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
		if again, err = d.showAsksAgain(w, channel); err != nil {
			return err
		}
		if err := w.AppendEvent(Event{Time: d.now(), Kind: "channel-read", By: BotName, Place: channel, Note: note}); err !=
			nil || why == "" {
			return err
		}
		n := d.notice(NoticeOutsiders, noticeID("outsiders-"+channel, d.now()), because(NoticeOutsiders, "why", string(why)),
			Order{}, "")
		n.Channel = channel
		return addNotice(w, n)
	})
	if err != nil {
		return fmt.Errorf("keep who reads %s: %w", channel, err)
	}
	d.changed("")
	for _, id := range again {
		d.changed(id)
	}
	return nil
}

// askDirectly has the approvers asked in direct messages about an order whose card in their channel shows no price and
// no buttons. It belongs to the transaction that stores that card, so that they are asked once, and not about an order
// that could not be posted.
func (d *Desk) askDirectly(w Writer, o *Order) error {
	m := o.Message(MessageAsk)
	if m == nil || !m.Bare || m.TS == "" || o.State != AwaitingApproval || !o.AskedDirectly.IsZero() ||
		!d.now().Before(o.ApproveBy) {
		return nil
	}
	o.AskedDirectly = d.now()
	n := d.notice(NoticeAsk, "ask-"+string(o.ID), request(NoticeAsk, *o).With("reason", o.Reason), *o, "")
	n.Left = nil
	for id := range d.policy.Approvers {
		if id != o.Requester.ID && id != o.Requester.Org {
			n.Left = append(n.Left, id)
		}
	}
	slices.Sort(n.Left)
	if slices.ContainsFunc(n.Left, isGroup) {
		n.Had = []string{o.Requester.ID}
	}
	return addNotice(w, n)
}

// request returns a cause about an order that waits for approval: by, name, price, period, license (what it gives),
// expires.
func request(code CauseCode, o Order) Cause {
	return because(code, "by", o.Requester.ID, "name", o.Requester.called(), "price", cents(o.Price), "period",
		string(o.Spec.Period),
		"license", o.Spec.Summary(), "expires", stamp(o.ApproveBy))
}

// showAsksAgain has the approvers' cards in a channel updated: who reads the channel has changed. Other messages about
// the orders stay as they are.
func (d *Desk) showAsksAgain(w Writer, channel string) (again []OrderID, err error) {
	queue, err := w.Queue()
	if err != nil {
		return nil, err
	}
	for _, q := range queue {
		if q.State != AwaitingApproval {
			continue
		}
		o, err := w.Order(q.ID)
		if err != nil {
			return nil, err
		}
		if m := o.Message(MessageAsk); m == nil || m.Channel != channel || m.TS == "" {
			continue
		}
		for i := range o.Messages {
			if m := &o.Messages[i]; m.Kind != MessageAsk && m.Shown == o.Rev {
				m.Shown++
			}
		}
		o.Rev++
		o.Updated = d.now()
		if err := w.PutOrder(o); err != nil {
			return nil, err
		}
		again = append(again, o.ID)
	}
	return again, nil
}

// AskOver drops the notice that asks approvers directly about an order that no longer waits for them. It reports
// whether there is nothing left to tell.
func (d *Desk) AskOver(ctx context.Context, n Notice) (over bool, err error) {
	if n.Kind != NoticeAsk {
		return false, nil
	}
	o, err := d.Order(ctx, n.Order)
	if err != nil || o.State == AwaitingApproval {
		return false, err
	}
	err = d.ledger.Update(ctx, func(w Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		account.Notices = slices.DeleteFunc(slices.Clone(account.Notices), func(old Notice) bool { return old.ID == n.ID })
		return w.PutAccount(account)
	})
	if err != nil {
		return false, fmt.Errorf("drop the notice %s: %w", n.ID, err)
	}
	return true, nil
}

// NoticeToAdmins adds the admins to those who do not have a notice yet: its channel does not get the details.
func (d *Desk) NoticeToAdmins(ctx context.Context, id, channel string) error {
	err := d.ledger.Update(ctx, func(w Writer) error {
		n, err := left(w, id, channel)
		if err != nil || n.ID == "" {
			return err
		}
		return keepNotice(w, n.withMembers(slices.Sorted(maps.Keys(d.policy.Admins))))
	})
	if err != nil {
		return fmt.Errorf("have the admins told %s: %w", id, err)
	}
	d.changed("")
	return nil
}
