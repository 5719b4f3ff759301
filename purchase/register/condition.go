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

// Server returns what is wrong with the CoCalc server, from memory. It never blocks.
func (reg *Register) Server() purchase.Server {
	if s := reg.Diagnosed.Load(); s != nil {
		return *s
	}
	return purchase.Server{}
}

// RecallServer reads from the ledger what is known of the server since an earlier run.
func (reg *Register) RecallServer(ctx context.Context) error {
	return reg.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err == nil {
			reg.Diagnosed.Store(reg.DiagnosisOf(account))
		}
		return err
	})
}

// DiagnosisOf returns what is wrong with the server that the settings name; nil if that isn't known.
func (reg *Register) DiagnosisOf(account purchase.AccountState) *purchase.Server {
	if s := account.Diagnosis; s != nil && s.Site == reg.site {
		return s
	}
	return nil
}

// NotSold returns why this person can't buy from the server, or see prices of what it sells; nil if orders are taken.
// It never blocks.
func (reg *Register) NotSold(who purchase.Actor) *purchase.Refusal {
	return reg.ForReader(reg.RefuseNotSold(reg.Diagnosed.Load()), who)
}

// RefuseNotSold refuses orders while the server sells no licenses. Its code is NotSold.
func (reg *Register) RefuseNotSold(s *purchase.Server) *purchase.Refusal {
	if s == nil {
		return nil
	}
	return reg.policy.RefuseNotSold(*s)
}

// Probes find out what the CoCalc server is (cocalc.Client.Diagnose). The buyer makes them, between two orders and
// never for a person who waits: at the start, every ten minutes, and when answers raise a suspicion; and more often
// while the server doesn't sell licenses, so that orders go on soon after a short maintenance.

// Suspicion gathers what answers show: whether the server may be another one than it was.
type Suspicion struct {
	mu     sync.Mutex
	misses bool          // the last request got no proper answer
	since  time.Duration // elapsed, at the first such request
	raised bool          // a probe is needed
}

// noteError draws conclusions from an error of CoCalc's, or, with nil, from an answer that proves that CoCalc works.
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
		s.raised = s.raised || reg.Elapsed()-s.since >= reg.timing.Patience/8 // longer than a moment
	}
	if s.raised {
		Nudge(reg.Wake)
	}
}

// ConcernsServer reports whether an error says that the server is not one that sells licenses to an API key.
func ConcernsServer(e *cocalc.Error) bool {
	switch e.Kind {
	case cocalc.NotSoldHere, cocalc.Redirected, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return true
	default:
		return e.Reason != "" && e.Outcome == cocalc.Rejected // no words of CoCalc's
	}
}

// IsRaised reports whether a probe is needed.
func (s *Suspicion) IsRaised() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raised
}

// Drop forgets what was heard before a probe.
func (s *Suspicion) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raised, s.misses = false, false
}

// While the bot has no access to Slack, it can't verify, ask or notify people, so nothing new is bought. This state is
// kept in memory only: it ends when Slack lets the bot in again, and a new run finds out for itself.

// RefuseLostAccess returns a refusal while the bot has no access to Slack.
func (reg *Register) RefuseLostAccess() *purchase.Refusal {
	if !reg.accessLost() {
		return nil
	}
	return purchase.RefuseNoAccess()
}

// RefuseClosed returns a refusal while buying is stopped.
func (reg *Register) RefuseClosed(account purchase.AccountState) *purchase.Refusal {
	if no := reg.RefuseLostAccess(); no != nil {
		return no
	}
	if no := reg.policy.RefusePaused(account); no != nil {
		return no
	}
	return reg.RefuseNotSold(reg.DiagnosisOf(account))
}

// RefuseStopped is closed without the server, which holds orders in its own way (hold).
func (reg *Register) RefuseStopped(account purchase.AccountState) *purchase.Refusal {
	if no := reg.RefuseLostAccess(); no != nil {
		return no
	}
	return reg.policy.RefusePaused(account)
}

// AccessChanged wakes the worker after the bot has lost or regained its access to Slack: waiting orders then show why
// they wait, or are bought. It never blocks.
func (reg *Register) AccessChanged() { Nudge(reg.Wake) }

// PausedNow reads whether buying is stopped, other than by the server.
func (reg *Register) PausedNow(ctx context.Context) (no *purchase.Refusal, err error) {
	err = reg.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		no = reg.RefuseStopped(account)
		return err
	})
	return no, err
}

// HasUnknownGroups reports whether a requester cannot be checked now, since Slack does not answer. That is no reason to
// end their order.
func (reg *Register) HasUnknownGroups(requester purchase.Actor) bool {
	return requester.Membership == purchase.Unverified || requester.Membership == purchase.Member &&
		!reg.policy.Everyone &&
		!purchase.IsListed(reg.policy.Buyers, requester) && purchase.RefuseUnknownGroups(reg.policy.Buyers, requester) != nil
}

// IsAdmin reports whether the person may settle orders, pause and resume buying, and take broken items out of the cart.
func (reg *Register) IsAdmin(who purchase.Actor) bool { return reg.policy.MayAdminister(who) == nil }

// Away reports whether the ledger's file was moved, deleted or replaced. Until the file has its name back, nothing is
// reserved or begun and no checkout is sent, since the next start would not find what is stored now. The admins are
// notified of both. This pause exists in memory and in the log only.
func (reg *Register) Away(ctx context.Context) bool {
	err := reg.ledger.Here(ctx)
	if err != nil && !errors.Is(err, purchase.ErrAway) {
		return false // the ledger itself reports its other faults
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
		reg.log.Error().Err(err).Msg("fail to tell admins where the ledger's file is")
	}
	reg.changed("")
	Nudge(reg.Wake)
	return away
}

// UntilBack returns how long to wait before the ledger's file is looked for again.
func (reg *Register) UntilBack() time.Duration {
	if reg.IsAway.Load() {
		return reg.timing.PollMax
	}
	return Idle
}

// ReportTrouble notifies the admins of a trouble, once as long as it lasts. o is the order that met it, if any.
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
		return fmt.Errorf("tell the admins of a trouble: %w", err)
	}
	reg.changed("")
	return nil
}

// hasTrouble reports whether the admins have been notified of the trouble.
func (reg *Register) hasTrouble(a purchase.AccountState, code purchase.FailureCode) bool {
	return reg.now().Sub(a.Troubles[code]).Abs() < purchase.TroubleInterval
}

// AddTrouble adds TellTrouble's notice in the caller's transaction: a statement that the admins know must not be
// durable without it.
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
	}); err !=
		nil {
		return err
	}
	return AddNotification(w, reg.NewNotification(purchase.NotificationTrouble, NotificationID("trouble-"+string(code),
		now), detail, o, ""))
}

// ClearTroubles drops the troubles after a purchase: the next one is a new incident.
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

// ForReader returns the refusal for this reader: admins get the names of settings.
func (reg *Register) ForReader(no *purchase.Refusal, who purchase.Actor) *purchase.Refusal {
	return reg.policy.ForReader(no, who)
}
