package register

import (
	"cmp"
	"slices"
	"time"

	"licensebot/purchase"
)

// UndeliveredTo reads a notice that a recipient does not have yet; one without an id when they have it.
func UndeliveredTo(r purchase.Reader, id, recipient string) (purchase.Notice, error) {
	account, err := r.Account()
	if err != nil {
		return purchase.Notice{}, err
	}
	for _, n := range account.Notices {
		if n.ID == id && slices.Contains(n.Left, recipient) {
			return n, nil
		}
	}
	return purchase.Notice{}, nil
}

// KeepNotice stores a notice. A notice without recipients left is done.
func KeepNotice(w purchase.Writer, n purchase.Notice) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	account.Notices = slices.Clone(account.Notices)
	i := slices.IndexFunc(account.Notices, func(old purchase.Notice) bool { return old.ID == n.ID })
	if account.Notices[i] = n; len(n.Left) == 0 {
		account.Notices = slices.Delete(account.Notices, i, i+1)
	}
	return w.PutAccount(account)
}

// NewNotice makes a notice for the recipients of its kind; about is its order, if it has one. The person who caused it
// (by) gets none.
func (reg *Register) NewNotice(kind purchase.NoticeKind, id string, what purchase.Cause, about purchase.Order,
	by string,
) purchase.Notice {
	n := purchase.Notice{ID: id, Kind: kind, Time: reg.now(), Order: about.ID, Cause: what}
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
	case purchase.NoticePaused, purchase.NoticeResumed, purchase.NoticeBooks, purchase.NoticeDoubleBuy,
		purchase.NoticeUnexplained:
		// buying stops or continues: approvers want to know too
		if reg.approvalsChannel != "" && !slices.Contains(channel, reg.approvalsChannel) {
			channel = append(channel, reg.approvalsChannel)
		}
		n.Left = slices.Concat(admins, channel)
	// what admins have to change
	case purchase.NoticeTrouble, purchase.NoticeServer, purchase.NoticeServerBack, purchase.NoticeReleased,
		purchase.NoticeOutsiders:
		n.Left = admins
	case purchase.NoticeHead:
		n.Left = channel
	case purchase.NoticeForeign:
		if n.Left = channel; len(channel) == 0 {
			n.Left = admins
		}
	case purchase.NoticeBrokenItem, purchase.NoticeSettled:
		if n.Left = admins; len(admins) == 0 {
			n.Left = channel
		}
	default:
		n.Left = slices.Concat(admins, channel)
	}
	if slices.ContainsFunc(n.Left, purchase.IsGroup) && by != "" {
		n.Had = []string{by}
	}
	// An incident always has a recipient.
	if len(n.Left) == 0 && about.ID != "" && kind != purchase.NoticeSettled && kind != purchase.NoticeTrouble &&
		kind != purchase.NoticeReleased &&
		about.Requester.ID != by {
		n.Left, n.ToRequester = []string{about.Requester.ID}, true
	}
	return n
}

// AddNotice stores a notice in the caller's transaction, unless it is stored already. A notice without recipients is
// not stored.
func AddNotice(w purchase.Writer, n purchase.Notice) error {
	account, err := w.Account()
	if err != nil || len(n.Left) == 0 || slices.ContainsFunc(account.Notices, func(old purchase.Notice) bool {
		return old.ID == n.ID
	}) {
		return err
	}
	account.Notices = append(slices.Clone(account.Notices), n)
	return w.PutAccount(account)
}

// NoticeID tells notices of one kind apart by their time.
func NoticeID(kind string, at time.Time) string {
	return kind + "-" + at.UTC().Format("20060102T150405.000")
}
