package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/internal/backoff"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
)

// periodMargin is how long before the end of a paid period the bot stops resuming a subscription: a request that
// arrives after the end pays for the next period.
const periodMargin = 15 * time.Minute

// Worker carries out decisions about subscriptions, during one run. What it keeps in memory may be lost. Its methods
// must not be called at the same time, but it runs beside the worker that buys, and neither waits for the other.
type Worker struct {
	reg     *register.Register
	rec     *reconcile.Reconciler // verifies the account of the key
	ledger  purchase.Ledger
	shop    purchase.Shop
	timing  purchase.Timing
	now     func() time.Time
	log     zerolog.Logger
	changed func(purchase.OrderID)
	backoff backoff.Policy
	waits   map[string]*wait // by license
}

// wait is how long a decision has been without an outcome in this run, by Register.Elapsed.
type wait struct {
	number int           // of the decision
	began  time.Duration // since it is open
	sent   time.Duration // since its request is sent; 0 if it isn't
	due    time.Duration // when to look again
	tries  int
}

// New returns the Worker of one run.
func New(reg *register.Register) *Worker {
	o := reg.Options
	return &Worker{
		reg: reg, rec: reconcile.New(reg, register.NewSpans(reg), nil), ledger: o.Ledger, shop: o.Shop, timing: o.Timing,
		now: o.Now, log: o.Log, changed: o.Changed, backoff: backoff.Policy{First: o.Timing.Poll, Max: o.Timing.PollMax},
		waits: map[string]*wait{},
	}
}

// CarryOut brings each decision without an outcome as far as it gets now, and returns how long there is nothing to do.
// It sends no request after ctx is done; what was sent is still read back, until drain is done. Errors are the
// ledger's.
func (wk *Worker) CarryOut(ctx, drain context.Context) (time.Duration, error) {
	open, err := wk.open(drain)
	if err != nil {
		return 0, err
	}
	pause := register.Idle
	for _, l := range open {
		w := wk.waitOf(l)
		left := w.due - wk.reg.Elapsed()
		if left <= 0 {
			if left, err = wk.carryOut(ctx, drain, l.ID, w); err != nil {
				return 0, fmt.Errorf("the subscription of license %s: %w", purchase.ShortID(l.ID), err)
			}
			if left == 0 {
				delete(wk.waits, l.ID)
				continue
			}
			w.due = wk.reg.Elapsed() + left
		}
		pause = min(pause, left)
	}
	return max(pause, time.Millisecond), nil
}

// open reads the licenses with a decision that has no outcome yet.
func (wk *Worker) open(ctx context.Context) (open []purchase.OwnedLicense, err error) {
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		open = nil
		account, err := r.Account()
		if err != nil {
			return err
		}
		for _, id := range account.Decided {
			l, ok, err := r.Owned(id)
			if err != nil {
				return err
			}
			if ok && l.Decision.IsPending() {
				open = append(open, l)
			}
		}
		return nil
	})
	return open, err
}

func (wk *Worker) waitOf(l purchase.OwnedLicense) *wait {
	w := wk.waits[l.ID]
	if w == nil || w.number != l.Decision.Number {
		w = &wait{number: l.Decision.Number, began: wk.reg.Elapsed()}
		wk.waits[l.ID] = w
	}
	return w
}

// carryOut advances a license's decision until it has an outcome, which is a wait of 0, or has to wait.
func (wk *Worker) carryOut(ctx, drain context.Context, id string, w *wait) (time.Duration, error) {
	for {
		l, err := wk.read(drain, id)
		if err != nil || !l.Decision.IsPending() || l.Decision.Number != w.number {
			return 0, err
		}
		if w.sent == 0 && !l.Decision.Sent.IsZero() {
			w.sent = max(wk.reg.Elapsed(), 1)
		}
		pause, err := wk.advance(ctx, drain, l, w)
		if err != nil || pause > 0 {
			return pause, err
		}
	}
}

func (wk *Worker) read(ctx context.Context, id string) (l purchase.OwnedLicense, err error) {
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		l, _, err = r.Owned(id)
		return err
	})
	return l, err
}

// advance makes the next step of a decision: it reads the subscription, and sends the request if it isn't as wished and
// none was sent. A wait above 0 is the time until the next step.
func (wk *Worker) advance(ctx, drain context.Context, l purchase.OwnedLicense, w *wait) (time.Duration, error) {
	if closed, err := wk.isClosed(drain); err != nil || closed {
		return wk.retry(drain, l, w, err)
	}
	if pause, err := wk.rec.VerifyAccount(drain); err != nil || pause > 0 {
		return wk.retry(drain, l, w, err)
	}
	all, err := wk.shop.Subscriptions(drain)
	if err != nil {
		return wk.retry(drain, l, w, err)
	}
	s, ok := find(all, l)
	switch {
	case !ok:
		return 0, wk.end(drain, l, s, "gone")
	case l.Decision.Wish.IsMet(s.Status):
		return 0, wk.met(drain, l, s)
	case w.sent > 0 && wk.reg.Elapsed()-w.sent >= wk.timing.Patience:
		return 0, wk.end(drain, l, s, "not-confirmed")
	case w.sent > 0:
		return wk.pause(w), nil
	case l.Decision.Wish == purchase.WishKeep && !wk.reg.ServerTimeOrNow().Add(periodMargin).Before(s.CurrentPeriodEnd):
		return 0, wk.end(drain, l, s, "period-over")
	case ctx.Err() != nil:
		return wk.timing.PollMax, nil
	}
	return wk.send(drain, l, s, w)
}

// isClosed reports whether nothing may be sent to CoCalc now: the server doesn't sell licenses, the ledger's file is
// away, or the ledger is a restored backup that wasn't compared with CoCalc yet.
func (wk *Worker) isClosed(ctx context.Context) (closed bool, err error) {
	if !wk.reg.Server().SellsLicenses() || wk.reg.Away(ctx) {
		return true, nil
	}
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		closed = wk.mayNotSend(account)
		return err
	})
	return closed, err
}

func (wk *Worker) mayNotSend(account purchase.AccountState) bool {
	return account.Restored != nil || wk.reg.DiagnosisOf(account) != nil
}

// find returns the subscription that a decision is about. A license has one.
func find(all []cocalc.Subscription, l purchase.OwnedLicense) (cocalc.Subscription, bool) {
	for _, s := range all {
		if s.LicenseID == l.ID && s.ID == l.Decision.Subscription {
			return s, true
		}
	}
	return cocalc.Subscription{}, false
}

// errMoved means that the decision has an outcome by now, that another one replaced it, or that nothing may be sent.
var errMoved = errors.New("the decision has moved on")

// change changes the license of a decision that has no outcome yet, in one transaction.
func (wk *Worker) change(ctx context.Context, seen purchase.OwnedLicense,
	fn func(purchase.Writer, purchase.OwnedLicense) (purchase.OwnedLicense, error),
) error {
	notify := false
	err := wk.ledger.Update(ctx, func(w purchase.Writer) error {
		l, _, err := w.Owned(seen.ID)
		if err != nil {
			return err
		}
		if !l.Decision.IsPending() || l.Decision.Number != seen.Decision.Number {
			return errMoved
		}
		d := *l.Decision
		l.Decision = &d
		if l, err = fn(w, l); err != nil {
			return err
		}
		notify = !l.Decision.IsPending()
		return w.PutOwned(l)
	})
	if notify && err == nil {
		wk.changed("")
	}
	return err
}

// send stores that the request is sent, sends it once, and leaves its effect to the next read.
func (wk *Worker) send(ctx context.Context, l purchase.OwnedLicense, s cocalc.Subscription, w *wait) (time.Duration,
	error,
) {
	err := wk.change(ctx, l, func(tx purchase.Writer, l purchase.OwnedLicense) (purchase.OwnedLicense, error) {
		account, err := tx.Account()
		if err != nil {
			return l, err
		}
		if !l.Decision.Sent.IsZero() || wk.mayNotSend(account) {
			return l, errMoved
		}
		l.Decision.Sent, l.Decision.PaidTo = wk.now(), s.CurrentPeriodEnd
		_, sent := l.Decision.Wish.Records()
		return l, tx.AppendEvent(purchase.Event{
			Time: wk.now(), Kind: string(sent), Order: l.Order, By: purchase.BotName, Cause: l.Decision.Cause(sent, l.ID),
		})
	})
	switch {
	case errors.Is(err, errMoved):
		return wk.timing.Poll, nil
	case err != nil:
		return 0, err
	}
	w.sent = max(wk.reg.Elapsed(), 1)
	change := wk.shop.CancelSubscription
	if l.Decision.Wish == purchase.WishKeep {
		change = wk.shop.ResumeSubscription
	}
	err = change(ctx, s.ID)
	refusal := purchase.AsCoCalc(err)
	switch {
	case err == nil:
		return 0, nil
	case refusal == nil || refusal.Outcome == cocalc.Unknown:
		wk.log.Warn().Err(err).Str("license", purchase.ShortID(l.ID)).Int64("subscription", s.ID).
			Msg("read a subscription back: CoCalc's answer to changing it was lost")
		return 0, nil
	case refusal.Outcome == cocalc.Transient, refusal.Kind == cocalc.NotSignedIn, register.ConcernsServer(refusal):
		return wk.unsend(ctx, l, w, err) // nothing happened, so it may be sent later
	}
	return wk.refused(ctx, l, s)
}

// unsend takes back that the request of a decision was sent, which certainly did nothing.
func (wk *Worker) unsend(ctx context.Context, l purchase.OwnedLicense, w *wait, cause error) (time.Duration, error) {
	err := wk.change(ctx, l, func(_ purchase.Writer, l purchase.OwnedLicense) (purchase.OwnedLicense, error) {
		l.Decision.Sent = time.Time{}
		return l, nil
	})
	if err != nil {
		return 0, ignoreMoved(err)
	}
	l.Decision, w.sent = withoutSent(l.Decision), 0
	return wk.retry(ctx, l, w, cause)
}

func withoutSent(d *purchase.SubscriptionDecision) *purchase.SubscriptionDecision {
	c := *d
	c.Sent = time.Time{}
	return &c
}

// refused ends a decision that CoCalc refused, unless the subscription is as wished: another person was faster.
func (wk *Worker) refused(ctx context.Context, l purchase.OwnedLicense, s cocalc.Subscription) (time.Duration, error) {
	all, err := wk.shop.Subscriptions(ctx)
	if err != nil {
		if purchase.AsCoCalc(err) == nil {
			return 0, err
		}
		return wk.timing.Poll, nil // the next step reads it back
	}
	if now, ok := find(all, l); ok {
		if s = now; l.Decision.Wish.IsMet(s.Status) {
			return 0, wk.met(ctx, l, s)
		}
	}
	return 0, wk.end(ctx, l, s, "refused")
}

// met ends a decision whose subscription is as wished.
func (wk *Worker) met(ctx context.Context, seen purchase.OwnedLicense, s cocalc.Subscription) error {
	err := wk.change(ctx, seen, func(w purchase.Writer, l purchase.OwnedLicense) (purchase.OwnedLicense, error) {
		var err error
		if l.Order == "" { // another one's license, of which only the decision is kept
			return wk.reg.EndDecision(w, l, wk.reg.Met(l, s))
		}
		if l, err = wk.reg.NoteSubscription(w, l, s); err != nil || !l.Decision.IsPending() {
			return l, err
		}
		return wk.reg.EndDecision(w, l, wk.reg.Met(l, s))
	})
	return ignoreMoved(err)
}

// end ends a decision that was not carried out.
func (wk *Worker) end(ctx context.Context, seen purchase.OwnedLicense, s cocalc.Subscription, why string) error {
	wk.log.Warn().Str("license", purchase.ShortID(seen.ID)).Str("wish", string(seen.Decision.Wish)).Str("why", why).
		Msg("end a decision about a subscription that was not carried out")
	err := wk.change(ctx, seen, func(w purchase.Writer, l purchase.OwnedLicense) (purchase.OwnedLicense, error) {
		return wk.reg.EndDecision(w, l, wk.reg.Unmet(l, s, why))
	})
	return ignoreMoved(err)
}

func ignoreMoved(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// retry plans the next look after CoCalc couldn't be asked: err is why, or nil if nothing may be sent now. A decision
// that waited as long as an order waits for its server ends. It returns an error of the ledger.
func (wk *Worker) retry(ctx context.Context, l purchase.OwnedLicense, w *wait, err error) (time.Duration, error) {
	if err != nil && purchase.AsCoCalc(err) == nil {
		return 0, err
	}
	if wk.reg.Elapsed()-w.began < giveUpAfter*wk.timing.Probe {
		return wk.pause(w), nil
	}
	why := "not-sent"
	if !l.Decision.Sent.IsZero() {
		why = "not-confirmed"
	}
	return 0, wk.end(ctx, l, cocalc.Subscription{}, why)
}

// giveUpAfter is how many times Timing.Probe a decision waits for CoCalc.
const giveUpAfter = 6

func (wk *Worker) pause(w *wait) time.Duration {
	delay := wk.backoff.Delay(w.tries)
	w.tries++
	return delay
}
