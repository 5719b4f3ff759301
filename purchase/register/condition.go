package register

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Server returns what is wrong with the CoCalc server, from memory; the zero value if nothing is. It never blocks.
func (reg *Register) Server() purchase.Server {
	if s := reg.Diagnosed.Load(); s != nil {
		return *s
	}
	return purchase.Server{}
}

// RecallServer reads the server's condition, as an earlier run stored it, from the ledger.
func (reg *Register) RecallServer(ctx context.Context) error {
	return reg.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err == nil {
			reg.Diagnosed.Store(reg.DiagnosisOf(account))
		}
		return err
	})
}

// DiagnosisOf returns the account's diagnosis; nil if it has none, or one of another server than the settings name.
func (reg *Register) DiagnosisOf(account purchase.AccountState) *purchase.Server {
	if s := account.Diagnosis; s != nil && s.Site == reg.site {
		return s
	}
	return nil
}

// NotSold returns the refusal for a person who wants to buy or to see prices; nil if the server takes orders. It never
// blocks.
func (reg *Register) NotSold(who purchase.Actor) *purchase.Refusal {
	return reg.ForReader(reg.RefuseNotSold(reg.Diagnosed.Load()), who)
}

// RefuseNotSold refuses orders while the server sells no licenses, with code NotSold. s may be nil.
func (reg *Register) RefuseNotSold(s *purchase.Server) *purchase.Refusal {
	if s == nil {
		return nil
	}
	return reg.policy.RefuseNotSold(*s)
}

// A probe (cocalc.Client.Diagnose) determines the condition of the CoCalc server. The worker probes between two orders
// and never while a person waits: at the start, every Timing.Probe, when an answer raises a suspicion, and more often
// while the server does not sell licenses, so that orders continue soon after a short maintenance.

// Suspicion records whether CoCalc's answers suggest that the server has changed. All methods may be called at the same
// time.
type Suspicion struct {
	mu     sync.Mutex
	misses bool          // the last request got no usable answer
	since  time.Duration // Elapsed at the first such request
	raised bool          // a probe is needed
}

// noteError updates the suspicion after an error of CoCalc, or with nil after an answer that proves that CoCalc works.
func (reg *Register) noteError(e *cocalc.Error) {
	s := &reg.Suspicion
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e == nil:
		s.misses = false
		s.raised = s.raised || !reg.Server().SellsLicenses()
	case ConcernsServer(e):
		s.raised = true
	case IsDown(e):
		if !s.misses {
			s.misses, s.since = true, reg.Elapsed()
		}
		s.raised = s.raised || reg.Elapsed()-s.since >= reg.timing.Patience/8 // not just a brief failure
	}
	if s.raised {
		Nudge(reg.Wake)
	}
}

// ConcernsServer reports whether an error suggests that the server does not sell licenses to an API key.
func ConcernsServer(e *cocalc.Error) bool {
	switch e.Kind {
	case cocalc.NotSoldHere, cocalc.Redirected, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return true
	default:
		return e.Reason != "" && e.Outcome == cocalc.Rejected // the answer is not CoCalc's
	}
}

// IsRaised reports whether a probe is needed.
func (s *Suspicion) IsRaised() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raised
}

// Drop clears the suspicion before a probe.
func (s *Suspicion) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raised, s.misses = false, false
}

// While the bot has no access to Slack, it cannot verify, ask or notify people, so it buys nothing new. This condition
// is kept in memory only: it ends when Slack admits the bot again, and each run checks it anew.

// RefuseLostAccess returns a refusal while the bot has no access to Slack.
func (reg *Register) RefuseLostAccess() *purchase.Refusal {
	if !reg.accessLost() {
		return nil
	}
	return purchase.RefuseNoAccess()
}

// RefuseClosed returns a refusal while no orders are taken: without access to Slack, while buying is paused or a
// restored backup is unchecked, or while the server sells no licenses.
func (reg *Register) RefuseClosed(account purchase.AccountState) *purchase.Refusal {
	if no := reg.RefuseLostAccess(); no != nil {
		return no
	}
	if no := reg.policy.RefusePaused(account); no != nil {
		return no
	}
	return reg.RefuseNotSold(reg.DiagnosisOf(account))
}

// RefuseStopped is RefuseClosed without the check of the server, for which orders wait in their own way
// (WaitsForServer).
func (reg *Register) RefuseStopped(account purchase.AccountState) *purchase.Refusal {
	if no := reg.RefuseLostAccess(); no != nil {
		return no
	}
	return reg.policy.RefusePaused(account)
}

// AccessChanged wakes the worker after the bot has lost or regained its access to Slack, so that orders wait, or
// continue. It never blocks.
func (reg *Register) AccessChanged() { Nudge(reg.Wake) }

// PausedNow returns RefuseStopped's refusal for the ledger as it is now; nil if buying continues.
func (reg *Register) PausedNow(ctx context.Context) (no *purchase.Refusal, err error) {
	err = reg.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		no = reg.RefuseStopped(account)
		return err
	})
	return no, err
}

// HasUnknownGroups reports whether Slack does not return enough about a requester to decide whether they may buy. Their
// order then waits.
func (reg *Register) HasUnknownGroups(requester purchase.Actor) bool {
	return requester.Membership == purchase.Unverified || requester.Membership == purchase.Member &&
		!reg.policy.Everyone &&
		!purchase.IsListed(reg.policy.Buyers, requester) && purchase.RefuseUnknownGroups(reg.policy.Buyers, requester) != nil
}

// IsAdmin reports whether the person may resolve orders, pause and resume buying, and remove broken items from the
// cart.
func (reg *Register) IsAdmin(who purchase.Actor) bool { return reg.policy.MayAdminister(who) == nil }

// Away reports whether the ledger's file was moved, deleted or replaced. Until it is back, nothing is reserved or begun
// and no checkout is sent, because the next start would not find what is stored now. The admins are notified of both
// changes. This state is kept in memory and in the log only.
func (reg *Register) Away(ctx context.Context) bool {
	err := reg.ledger.Here(ctx)
	if err != nil && !errors.Is(err, purchase.ErrAway) {
		return false // other faults show in the ledger's own errors
	}
	away := err != nil
	if reg.IsAway.Swap(away) == away {
		return away
	}
	now := reg.now()
	n := reg.NewNotification(purchase.NotificationLedgerBack, NotificationID("back", now),
		purchase.NewCause(purchase.NotificationLedgerBack),
		purchase.Order{}, "")
	if away {
		reg.log.Error().Err(err).Msg("hold buying: the ledger's file is not where it belongs; rename it back")
		n = reg.NewNotification(purchase.NotificationLedgerAway, NotificationID("away", now),
			purchase.NewCause(purchase.NotificationLedgerAway),
			purchase.Order{}, "")
	} else {
		reg.log.Warn().Msg("resume buying: the ledger's file has its name again")
	}
	if err := reg.ledger.Update(context.WithoutCancel(ctx), func(w purchase.Writer) error {
		return AddNotification(w,
			n)
	}); err != nil {
		reg.log.Error().Err(err).Msg("fail to notify the admins about the ledger's file")
	}
	reg.changed("")
	Nudge(reg.Wake)
	return away
}

// UntilBack returns the time until the ledger's file is checked again.
func (reg *Register) UntilBack() time.Duration {
	if reg.IsAway.Load() {
		return reg.timing.PollMax
	}
	return Idle
}

// ReportTrouble notifies the admins of a trouble, unless they were notified of it within TroubleInterval. It does
// nothing if detail is zero or there are no admins. o is the order that met the trouble, if any.
func (reg *Register) ReportTrouble(ctx context.Context, o purchase.Order, code purchase.FailureCode,
	detail purchase.Cause,
) error {
	if detail.Code == "" || len(reg.policy.Admins) == 0 {
		return nil
	}
	var account purchase.AccountState
	err := reg.ledger.View(ctx, func(r purchase.Reader) (err error) { account, err = r.Account(); return err })
	if err != nil || reg.hasTrouble(account, code) {
		return err
	}
	if err := reg.ledger.Update(ctx, func(w purchase.Writer) error {
		return reg.AddTrouble(w, o, code,
			detail)
	}); err != nil {
		return fmt.Errorf("notify the admins of a trouble: %w", err)
	}
	reg.changed("")
	return nil
}

// hasTrouble reports whether the admins were notified of the trouble within TroubleInterval.
func (reg *Register) hasTrouble(a purchase.AccountState, code purchase.FailureCode) bool {
	return reg.now().Sub(a.Troubles[code]).Abs() < purchase.TroubleInterval
}

// AddTrouble adds the notification of ReportTrouble in the caller's transaction, for a record that says that the admins
// were notified.
func (reg *Register) AddTrouble(w purchase.Writer, o purchase.Order, code purchase.FailureCode,
	detail purchase.Cause,
) error {
	if detail.Code == "" || len(reg.policy.Admins) == 0 {
		return nil
	}
	account, err := w.Account()
	if err != nil || reg.hasTrouble(account, code) {
		return err
	}
	now := reg.now()
	account.Troubles = maps.Clone(account.Troubles)
	if account.Troubles == nil {
		account.Troubles = map[purchase.FailureCode]time.Time{}
	}
	account.Troubles[code] = now
	if err := w.PutAccount(account); err != nil {
		return err
	}
	if err := w.AppendEvent(purchase.Event{
		Time: now, Kind: string(purchase.NotificationTrouble), Order: o.ID,
		By: purchase.BotName, Cause: detail,
	}); err != nil {
		return err
	}
	id := NotificationID("trouble-"+string(code), now)
	return AddNotification(w, reg.NewNotification(purchase.NotificationTrouble, id, detail, o, ""))
}

// ClearTroubles removes the given troubles, or all if none is given, so that the next one is a new incident.
func ClearTroubles(w purchase.Writer, codes ...purchase.FailureCode) error {
	account, err := w.Account()
	if err != nil || len(account.Troubles) == 0 {
		return err
	}
	account.Troubles = maps.Clone(account.Troubles)
	if len(codes) == 0 {
		account.Troubles = nil
	}
	for _, code := range codes {
		delete(account.Troubles, code)
	}
	return w.PutAccount(account)
}

// ForReader returns the refusal for a person: admins get one with ToAdmin, which names settings. It returns nil for
// nil.
func (reg *Register) ForReader(no *purchase.Refusal, who purchase.Actor) *purchase.Refusal {
	return reg.policy.ForReader(no, who)
}
