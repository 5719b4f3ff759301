package register

import (
	"cmp"
	"slices"
	"time"

	"licensebot/purchase"
)

// PendingNotification returns the notification with this id if the recipient has not received it; otherwise the zero
// Notification.
func PendingNotification(r purchase.Reader, id, recipient string) (purchase.Notification, error) {
	account, err := r.Account()
	if err != nil {
		return purchase.Notification{}, err
	}
	for _, n := range account.Notifications {
		if n.ID == id && slices.Contains(n.Pending, recipient) {
			return n, nil
		}
	}
	return purchase.Notification{}, nil
}

// KeepNotification replaces the stored notification with the same id, or removes it if no recipients remain.
func KeepNotification(w purchase.Writer, n purchase.Notification) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	account.Notifications = slices.Clone(account.Notifications)
	i := slices.IndexFunc(account.Notifications, func(old purchase.Notification) bool { return old.ID == n.ID })
	if account.Notifications[i] = n; len(n.Pending) == 0 {
		account.Notifications = slices.Delete(account.Notifications, i, i+1)
	}
	return w.PutAccount(account)
}

// NewNotification returns a notification for the recipients of its kind. about is the order that it is about, or the
// zero Order. by is the id of the person who caused it, who is not a recipient; empty for the bot.
func (reg *Register) NewNotification(kind purchase.NotificationKind, id string, what purchase.Cause,
	about purchase.Order,
	by string,
) purchase.Notification {
	n := purchase.Notification{ID: id, Kind: kind, Time: reg.now(), Order: about.ID, Cause: what}
	var admins []string
	for id := range reg.policy.Admins {
		if id != by {
			admins = append(admins, id)
		}
	}
	slices.SortFunc(admins, cmp.Compare)
	var channel []string
	if reg.purchasesChannel != "" {
		channel = []string{reg.purchasesChannel}
	}
	switch kind {
	case purchase.NotificationPaused, purchase.NotificationResumed, purchase.NotificationInconsistent,
		purchase.NotificationDoubleBuy,
		purchase.NotificationUnexplained:
		// buying stops or continues: approvers need to know too
		if reg.approvalsChannel != "" && !slices.Contains(channel, reg.approvalsChannel) {
			channel = append(channel, reg.approvalsChannel)
		}
		n.Pending = slices.Concat(admins, channel)
	// things that admins have to change
	case purchase.NotificationTrouble, purchase.NotificationServer, purchase.NotificationServerBack,
		purchase.NotificationReleased, purchase.NotificationRenewals,
		purchase.NotificationOutsiders, purchase.NotificationSubscriptionUnchanged:
		n.Pending = admins
	case purchase.NotificationHead:
		n.Pending = channel
	case purchase.NotificationForeign:
		if n.Pending = channel; len(channel) == 0 {
			n.Pending = admins
		}
	case purchase.NotificationBrokenItem, purchase.NotificationSettled:
		if n.Pending = admins; len(admins) == 0 {
			n.Pending = channel
		}
	default:
		n.Pending = slices.Concat(admins, channel)
	}
	if slices.ContainsFunc(n.Pending, purchase.IsGroup) && by != "" {
		n.Delivered = []string{by}
	}
	// Without admins and channels, the requester is notified of an incident.
	if len(n.Pending) == 0 && about.ID != "" && kind != purchase.NotificationSettled &&
		kind != purchase.NotificationTrouble &&
		kind != purchase.NotificationReleased &&
		about.Requester.ID != by {
		n.Pending, n.ToRequester = []string{about.Requester.ID}, true
	}
	return n
}

// AddNotification stores a notification in the caller's transaction, unless one with its id is stored or it has no
// recipients.
func AddNotification(w purchase.Writer, n purchase.Notification) error {
	account, err := w.Account()
	if err != nil || len(n.Pending) == 0 || slices.ContainsFunc(account.Notifications,
		func(old purchase.Notification) bool {
			return old.ID == n.ID
		}) {
		return err
	}
	account.Notifications = append(slices.Clone(account.Notifications), n)
	return w.PutAccount(account)
}

// NotificationID returns an id that is unique among the notifications of a kind, from the time in milliseconds.
func NotificationID(kind string, at time.Time) string {
	return kind + "-" + at.UTC().Format("20060102T150405.000")
}
