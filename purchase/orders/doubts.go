package orders

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// refuseAtEnd refuses a decision while the program ends. It was certainly not stored, but it may be the second delivery
// of one that is in doubt.
func (svc *Service) refuseAtEnd(id purchase.OrderID, action purchase.Action, kind decisionRule) error {
	doubt := svc.newDoubt(id, action, kind)
	defer svc.inFlight.begin(doubt)()
	return svc.keepDoubt(purchase.ErrStopped, doubt)
}

// keepDoubt returns what a person reads after a decision that could not be written: a *Refusal if the disk failed, err
// otherwise.
func (svc *Service) keepDoubt(err error, doubt purchase.Doubt) error {
	svc.resolving.Lock() // a doubt that is kept while older ones are resolved would be cleared with them
	defer svc.resolving.Unlock()
	doubt.Failed = svc.now()
	switch {
	case errors.Is(err, purchase.ErrUncertain), errors.Is(err, purchase.ErrStopped) && svc.isInDoubt(doubt):
	case errors.Is(err, purchase.ErrStopped):
		return refuseStopping()
	default:
		return err
	}
	svc.log.Error().Err(err).Str("order", string(doubt.Order)).Str("by", doubt.Who).
		Msg("leave a decision open until the next start: the disk failed while writing it")
	no := purchase.NewRefusal(purchase.Doubtful, "typed", purchase.ArgFlag(doubt.Typed), "order", string(doubt.Order))
	if svc.doubts != nil {
		kept := svc.doubts.Keep(doubt)
		if kept == nil {
			no.Cause = no.With("answered", purchase.ArgFlag(true))
			return no
		}
		svc.log.Error().Err(kept).
			Msg("fail to keep an uncertain decision: the person won't be told its outcome after the next start")
	}
	return no
}

// isInDoubt reports whether a decision that was certainly not written may be one that Slack delivered twice, whose
// other delivery is being written or is in doubt. The person did one thing, and gets its outcome after the next start.
func (svc *Service) isInDoubt(doubt purchase.Doubt) bool {
	if svc.inFlight.hasAnother(doubt) {
		return true
	}
	if svc.doubts == nil {
		return false
	}
	all, err := svc.doubts.All()
	return err == nil && slices.ContainsFunc(all, sameDecision(doubt))
}

// resolveDoubt looks for the audit record of a decision, which is part of the same transaction. n tells apart the
// doubts of a person that began in the same millisecond.
func (svc *Service) resolveDoubt(w purchase.Writer, doubt purchase.Doubt, n int) error {
	account, err := w.Account()
	if err != nil || !doubt.Began.After(account.Doubted) { // already announced; the file could not be cleared
		return err
	}
	kind, since, err := decided(w, doubt)
	if err != nil {
		return err
	}
	said, err := verdict(w, doubt, kind, since)
	if err != nil {
		return err
	}
	note := "not in the ledger"
	if kind != "" {
		note = "in the ledger: " + kind
	}
	if err := w.AppendEvent(purchase.Event{
		Time: svc.now(), Kind: "uncertain", Order: doubt.Order, By: doubt.Who, Note: note,
	}); err != nil {
		return err
	}
	return register.AddNotification(w, purchase.Notification{
		ID:   fmt.Sprintf("%s-%s-%d", register.NotificationID("uncertain", doubt.Began), doubt.Who, n),
		Kind: purchase.NotificationUncertain, Time: svc.now(), Order: doubt.Order,
		Cause: said, Pending: []string{doubt.Who},
	})
}

// lastRecords is how many audit records are searched for a decision. The decision's transaction was the last one, with
// a few records of each change that shared its commit.
const lastRecords = 4 * 1000

// decided returns the kind of the decision's audit record; empty if there is none. A refusal counts only if there is
// nothing else: it may be of the same click, delivered twice. since reports whether the order has changed after the
// disk failed.
func decided(r purchase.Reader, doubt purchase.Doubt) (kind string, since bool, err error) {
	head, err := r.Head()
	if err != nil {
		return "", false, err
	}
	events, err := r.Events(max(head.Number, lastRecords)-lastRecords+1, lastRecords)
	for _, e := range events {
		switch about := doubt.Order == "" || e.Order == doubt.Order || e.Order == doubt.Became; {
		case e.Kind == "uncertain" || e.Time.Before(doubt.Began) || !about:
		case !doubt.Failed.IsZero() && e.Time.After(doubt.Failed):
			since = since || doubt.Order != "" && e.Kind != "refused"
		case e.By == doubt.Who && mayRecord(doubt, e.Kind) && (kind == "" || e.Kind != "refused"):
			kind = e.Kind
		}
	}
	return kind, since, err
}

// mayRecord reports whether a decision can have an audit record of a kind. A person may have decided something else
// about the same order in the same moment.
func mayRecord(doubt purchase.Doubt, kind string) bool {
	switch DecisionKind(doubt.Doing) {
	case Confirm, ConfirmNewPrice: // a new price cancels the proposal that its order replaces
		return kind != "agreed" && kind != "settled" && kind != string(purchase.Denied) &&
			(kind != string(purchase.Cancelled) || doubt.Became != "")
	case Cancel:
		return kind == string(purchase.Cancelled) || kind == "refused"
	case Approve:
		return kind == "agreed" || kind == string(purchase.Approved) || kind == "refused"
	case Deny:
		return kind == string(purchase.Denied) || kind == "refused"
	case Resolve:
		return kind == "settled" || kind == "refused"
	case FailUnreachableApprovers, Buy, Edit, Repeat, See: // these are no decisions of a person about an order
	}
	return true
}

// verdict returns the cause that says whether a decision counted. Its arguments: order is the order that it was about;
// typed is set for a command; counted is "yes" or "no". buys is set if the decision did not count and would have
// bought. since is set if the order has changed after the disk failed, since it may have been bought then. look is the
// order to look at, and unshown is set if that is a new order whose card was not shown.
func verdict(r purchase.Reader, doubt purchase.Doubt, kind string, since bool) (purchase.Cause, error) {
	o, err := r.Order(cmp.Or(doubt.Became, doubt.Order))
	known := err == nil // otherwise the order was not created, or is not of this ledger
	if err != nil && !errors.Is(err, purchase.ErrNoOrder) {
		return purchase.Cause{}, err
	}
	c := purchase.NewCause(purchase.NotificationUncertain, "typed", purchase.ArgFlag(doubt.Typed), "counted", "yes")
	if known && kind != string(purchase.Proposed) {
		c = c.With("order", string(doubt.Order))
	}
	switch {
	case kind == "" || kind == "refused":
		c = c.With("counted", "no")
		if since {
			return c.With("look", string(doubt.Order)), nil
		}
		if doubt.Buys {
			c = c.With("buys", purchase.ArgFlag(true))
		}
	case !known:
	case kind == string(purchase.Proposed) && doubt.Became == "":
		c = c.With("unshown", purchase.ArgFlag(true))
	default:
		c = c.With("look", string(o.ID))
	}
	return c, nil
}
