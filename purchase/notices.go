package purchase

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Notice is a message about the account as a whole, which belongs to no order's card. It is kept in the ledger until
// each of its recipients has it, so that each is told once, also over a restart.
type Notice struct {
	ID    string     `json:"id"` // the same thing is never told twice
	Kind  NoticeKind `json:"kind"`
	Time  time.Time  `json:"time"`
	Order OrderID    `json:"order,omitempty"`
	Item  int64      `json:"item,omitempty"` // in the cart: of NoticeBrokenItem
	// Channel is the one that NoticeOutsiders is about.
	Channel string `json:"channel,omitempty"`
	// Cause is what it says. Its code is the notice's kind, or that of an incident.
	Cause
	// ToRequester is set if it goes to an order's requester, since there are neither admins nor a channel.
	ToRequester bool     `json:"to_requester,omitempty"`
	Left        []string `json:"left"` // Slack ids of the channels, people and user groups that do not have it yet
	// Had are people who are not told, or not again, as members of a user group in Left: they have it, or caused it.
	Had []string `json:"had,omitempty"`
	// Silent are the user groups in Left of which Slack did not tell who is in them, when that was said already.
	Silent []string `json:"silent,omitempty"`
}

// NoticeKind says what a notice is about.
type NoticeKind = CauseCode

// What notices are about.
const (
	NoticeForeign     NoticeKind = "foreign-purchase"     // another person bought on the account
	NoticeUnexplained NoticeKind = "unexplained-purchase" // bought under a tag of ours that the ledger cannot explain
	NoticeDoubleBuy   NoticeKind = "double-buy"
	NoticeBrokenItem  NoticeKind = "broken-item" // an item blocks the cart
	NoticeHead        NoticeKind = "head"        // the head of the audit chain, once a day
	NoticePaused      NoticeKind = "paused"
	NoticeResumed     NoticeKind = "resumed"
	NoticeSettled     NoticeKind = "settled"     // an admin settled an unknown order
	NoticeReminder    NoticeKind = "reminder"    // an order waits for approval
	NoticeRestored    NoticeKind = "restored"    // an older copy of the ledger is in use
	NoticeBooks       NoticeKind = "books"       // the ledger contradicts itself
	NoticeAway        NoticeKind = "ledger-away" // the ledger's file is not where it belongs
	NoticeBack        NoticeKind = "ledger-back" // it is again
	NoticeUncertain   NoticeKind = "uncertain"   // whether a decision counted that was being written when the disk failed
	NoticeTrouble     NoticeKind = "trouble"     // an admin has to change something before CoCalc sells again
	NoticeServer      NoticeKind = "server"      // the CoCalc server can't sell licenses any more
	NoticeServerBack  NoticeKind = "server-back" // it sells licenses again
	NoticeReleased    NoticeKind = "released"    // an outcome that CoCalc can't tell any more reserves no budget
	NoticeUntold      NoticeKind = "untold"      // another notice did not reach the members of a user group
	NoticeOutsiders   NoticeKind = "outsiders"   // others than members may read a channel, so no prices are posted there
	NoticeAsk         NoticeKind = "ask"         // approvers are asked about an order, since their channel gets no prices
)

// Notices returns the notices with recipients left, oldest first.
func (d *Desk) Notices(ctx context.Context) (left []Notice, err error) {
	err = d.ledger.View(ctx, func(r Reader) error {
		account, err := r.Account()
		left = account.Notices
		return err
	})
	return left, err
}

// NoticeSent keeps that a recipient has a notice, or cannot get it: problem is Slack's definite refusal, empty when it
// took the message. A recipient who cannot be reached is recorded in the audit.
func (d *Desk) NoticeSent(ctx context.Context, id, recipient, problem string) error {
	err := d.ledger.Update(ctx, func(w Writer) error {
		n, err := left(w, id, recipient)
		if err != nil || n.ID == "" {
			return err
		}
		n.Left = slices.DeleteFunc(slices.Clone(n.Left), func(r string) bool { return r == recipient })
		if slices.ContainsFunc(n.Left, isGroup) {
			n.Had = append(slices.Clone(n.Had), recipient)
		}
		if err := keepNotice(w, n); err != nil || problem == "" {
			return err
		}
		return w.AppendEvent(d.untold(n, recipient, "could not be delivered: "+problem))
	})
	if err != nil {
		return fmt.Errorf("keep that %s was told to %s: %w", id, recipient, err)
	}
	return nil
}

// untold is the audit record of a notice that a recipient does not have.
func (d *Desk) untold(n Notice, recipient, why string) Event {
	return Event{Time: d.now(), Kind: "untold", Order: n.Order, By: BotName, Place: recipient, Note: n.ID + " " + why}
}

// left reads a notice that a recipient does not have yet; one without an id when they have it.
func left(r Reader, id, recipient string) (Notice, error) {
	account, err := r.Account()
	if err != nil {
		return Notice{}, err
	}
	for _, n := range account.Notices {
		if n.ID == id && slices.Contains(n.Left, recipient) {
			return n, nil
		}
	}
	return Notice{}, nil
}

// keepNotice stores a notice. A notice without recipients left is done.
func keepNotice(w Writer, n Notice) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	account.Notices = slices.Clone(account.Notices)
	i := slices.IndexFunc(account.Notices, func(old Notice) bool { return old.ID == n.ID })
	if account.Notices[i] = n; len(n.Left) == 0 {
		account.Notices = slices.Delete(account.Notices, i, i+1)
	}
	return w.PutAccount(account)
}

// notice makes a notice for the recipients of its kind; about is its order, if it has one. The person who caused it
// (by) gets none.
func (d *Desk) notice(kind NoticeKind, id string, what Cause, about Order, by string) Notice {
	n := Notice{ID: id, Kind: kind, Time: d.now(), Order: about.ID, Cause: what}
	var admins []string
	for id := range d.policy.Admins {
		if id != by {
			admins = append(admins, id)
		}
	}
	slices.SortFunc(admins, cmp.Compare)
	var channel []string
	if d.purchasesChannel != "" {
		channel = []string{d.purchasesChannel}
	}
	switch kind {
	case NoticePaused, NoticeResumed, NoticeBooks, NoticeDoubleBuy, NoticeUnexplained:
		// buying stops or continues: approvers want to know too
		if d.approvalsChannel != "" && !slices.Contains(channel, d.approvalsChannel) {
			channel = append(channel, d.approvalsChannel)
		}
		n.Left = slices.Concat(admins, channel)
	case NoticeTrouble, NoticeServer, NoticeServerBack, NoticeReleased, NoticeOutsiders: // what admins have to change
		n.Left = admins
	case NoticeHead:
		n.Left = channel
	case NoticeForeign:
		if n.Left = channel; len(channel) == 0 {
			n.Left = admins
		}
	case NoticeBrokenItem, NoticeSettled:
		if n.Left = admins; len(admins) == 0 {
			n.Left = channel
		}
	default:
		n.Left = slices.Concat(admins, channel)
	}
	if slices.ContainsFunc(n.Left, isGroup) && by != "" {
		n.Had = []string{by}
	}
	// An incident always has a recipient.
	if len(n.Left) == 0 && about.ID != "" && kind != NoticeSettled && kind != NoticeTrouble && kind != NoticeReleased &&
		about.Requester.ID != by {
		n.Left, n.ToRequester = []string{about.Requester.ID}, true
	}
	return n
}

// addNotice stores a notice in the caller's transaction, unless it is stored already. A notice without recipients is
// not stored.
func addNotice(w Writer, n Notice) error {
	account, err := w.Account()
	if err != nil || len(n.Left) == 0 || slices.ContainsFunc(account.Notices, func(old Notice) bool {
		return old.ID == n.ID
	}) {
		return err
	}
	account.Notices = append(slices.Clone(account.Notices), n)
	return w.PutAccount(account)
}

// noticeID tells notices of one kind apart by their time.
func noticeID(kind string, at time.Time) string {
	return kind + "-" + at.UTC().Format("20060102T150405.000")
}
