package purchase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Doubt is a person's decision that was being written when the disk failed. The next start sees whether it is in the
// ledger.
type Doubt struct {
	Began time.Time `json:"began"` // before the decision was written
	Who   string    `json:"who"`   // a person's id
	Order OrderID   `json:"order,omitempty"`
	// Became is the order that the decision creates in place of Order, at a new price.
	Became OrderID `json:"became,omitempty"`
	Typed  bool    `json:"typed,omitempty"` // a command, not a click
	Buys   bool    `json:"buys,omitempty"`  // it would have reserved money
	// Run is when the run began in which the disk failed, and Failed when it was found to have failed: what was
	// decided later isn't this decision. Doubts of older versions have neither.
	Run    time.Time `json:"run,omitzero"`
	Failed time.Time `json:"failed,omitzero"`
}

// Doubts stores doubts beside the ledger, from the failure of its disk to the next start.
type Doubts interface {
	// Keep adds a doubt. It is durable if Keep returns nil.
	Keep(Doubt) error
	// All returns the doubts, oldest first.
	All() ([]Doubt, error)
	// Clear removes all doubts.
	Clear() error
}

// doubted returns what a person reads after a decision that could not be written: a *Refusal if the disk failed, err
// otherwise.
func (d *Desk) doubted(err error, doubt Doubt) error {
	d.resolving.Lock() // a doubt that is kept while older ones are resolved would be cleared with them
	defer d.resolving.Unlock()
	doubt.Failed = d.now()
	switch {
	case errors.Is(err, ErrUncertain), errors.Is(err, ErrStopped) && d.alsoDoubted(doubt):
	case errors.Is(err, ErrStopped):
		return errStopping()
	default:
		return err
	}
	d.log.Error().Err(err).Str("order", string(doubt.Order)).Str("by", doubt.Who).
		Msg("leave a decision open until the next start: the disk failed while writing it")
	no := refuse(Doubtful, "typed", flag(doubt.Typed), "order", string(doubt.Order))
	if d.doubts != nil {
		kept := d.doubts.Keep(doubt)
		if kept == nil {
			no.Cause = no.With("answered", flag(true))
			return no
		}
		d.log.Error().Err(kept).
			Msg("fail to keep an uncertain decision: the person won't be told its outcome after the next start")
	}
	return no
}

// alsoDoubted reports whether a decision that was certainly not written may be one that Slack delivered twice, whose
// other delivery is being written or is in doubt. The person did one thing, and is told of it after the next start.
func (d *Desk) alsoDoubted(doubt Doubt) bool {
	if d.underWay.beside(doubt) {
		return true
	}
	if d.doubts == nil {
		return false
	}
	all, err := d.doubts.All()
	return err == nil && slices.ContainsFunc(all, doubt.same)
}

// same reports whether both doubts are about the same deed, as far as the person can tell. After a restart it is
// another deed.
func (u Doubt) same(other Doubt) bool {
	return u.Who == other.Who && u.Order == other.Order && u.Typed == other.Typed && u.Run.Equal(other.Run)
}

// underWay counts the decisions that are being written.
type underWay struct {
	mu  sync.Mutex
	all []Doubt
}

// begin notes a decision until the returned function is called.
func (u *underWay) begin(doubt Doubt) (end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = append(u.all, doubt)
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		i := slices.IndexFunc(u.all, doubt.same)
		u.all = slices.Delete(u.all, i, i+1)
	}
}

// beside reports whether more than one decision like this is being written.
func (u *underWay) beside(doubt Doubt) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for _, other := range u.all {
		if doubt.same(other) {
			n++
		}
	}
	return n > 1
}

// ResolveDoubts notifies people, once each, whether their decisions counted that were being written when the disk
// failed. A start calls it before anything else is decided. If the disk has no room then, Run retries it: people were
// promised an answer, and the next start may be weeks away.
func (d *Desk) ResolveDoubts(ctx context.Context) error {
	if d.doubts == nil {
		return nil
	}
	d.resolving.Lock()
	defer d.resolving.Unlock()
	all, err := d.doubts.All()
	if err != nil || len(all) == 0 {
		return err
	}
	err = d.ledger.Update(ctx, func(w Writer) error {
		for i, doubt := range all {
			if slices.ContainsFunc(all[:i], doubt.same) { // Slack delivered it twice
				continue
			}
			if err := d.resolve(w, doubt); err != nil {
				return err
			}
		}
		account, err := w.Account()
		if err != nil {
			return err
		}
		account.Doubted = all[len(all)-1].Began
		return w.PutAccount(account)
	})
	if err != nil {
		return fmt.Errorf("tell people whether their decisions counted: %w", err)
	}
	d.changed("")
	return d.doubts.Clear()
}

// resolve looks for the audit record of a decision, which is part of the same transaction.
func (d *Desk) resolve(w Writer, doubt Doubt) error {
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
	if err := w.AppendEvent(Event{Time: d.now(), Kind: "uncertain", Order: doubt.Order, By: doubt.Who, Note: note}); err !=
		nil {
		return err
	}
	return addNotice(w, Notice{
		ID: noticeID("uncertain", doubt.Began) + "-" + doubt.Who, Kind: NoticeUncertain, Time: d.now(), Order: doubt.Order,
		Cause: said, Left: []string{doubt.Who},
	})
}

// lastRecords is how many audit records are searched for a decision. The decision's transaction was the last one, with
// a few records of each change that shared its commit.
const lastRecords = 4 * 1000

// decided returns the kind of the decision's audit record; empty if there is none. A refusal counts only if there is
// nothing else: it may be of the same click, delivered twice. since reports whether the order has changed after the
// disk failed.
func decided(r Reader, doubt Doubt) (kind string, since bool, err error) {
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
		case e.By == doubt.Who && (kind == "" || e.Kind != "refused"):
			kind = e.Kind
		}
	}
	return kind, since, err
}

// verdict returns whether a decision counted: order (that it was about), typed, and "yes" or "no" as counted. Of one
// that did not, buys says that nothing was bought by it. since reports whether the order has changed after the disk
// failed: it may have been bought by then. look is the order to look at; a new one's card was not shown (unshown).
func verdict(r Reader, doubt Doubt, kind string, since bool) (Cause, error) {
	o, err := r.Order(cmp.Or(doubt.Became, doubt.Order))
	known := err == nil // otherwise the order was not created, or is not of this ledger
	if err != nil && !errors.Is(err, ErrNoOrder) {
		return Cause{}, err
	}
	c := because(NoticeUncertain, "typed", flag(doubt.Typed), "counted", "yes")
	if known && kind != string(Proposed) {
		c = c.With("order", string(doubt.Order))
	}
	switch {
	case kind == "" || kind == "refused":
		c = c.With("counted", "no")
		if since {
			return c.With("look", string(doubt.Order)), nil
		}
		if doubt.Buys {
			c = c.With("buys", flag(true))
		}
	case !known:
	case kind == string(Proposed) && doubt.Became == "":
		c = c.With("unshown", flag(true))
	default:
		c = c.With("look", string(o.ID))
	}
	return c, nil
}
