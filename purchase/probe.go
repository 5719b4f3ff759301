package purchase

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
)

// Probes find out what the CoCalc server is (cocalc.Client.Diagnose). The buyer makes them, between two orders and
// never for a person who waits: at the start, every ten minutes, and when answers raise a suspicion; and more often
// while the server doesn't sell licenses, so that orders go on soon after a short maintenance.

// suspicion gathers what answers show: whether the server may be another one than it was.
type suspicion struct {
	mu     sync.Mutex
	misses bool          // the last request got no proper answer
	since  time.Duration // elapsed, at the first such request
	raised bool          // a probe is needed
}

// heardOf draws conclusions from an error of CoCalc's, or, with nil, from an answer that proves that CoCalc works.
func (d *Desk) heardOf(e *cocalc.Error) {
	s := &d.suspicion
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case e == nil:
		s.misses = false
		s.raised = s.raised || !d.Server().SellsLicenses()
	case speaksOfServer(e):
		s.raised = true
	case isDown(e):
		if !s.misses {
			s.misses, s.since = true, d.elapsed()
		}
		s.raised = s.raised || d.elapsed()-s.since >= d.timing.Patience/8 // longer than a moment
	}
	if s.raised {
		nudge(d.wake)
	}
}

// speaksOfServer reports whether an error says that the server is not one that sells licenses to an API key.
func speaksOfServer(e *cocalc.Error) bool {
	switch e.Kind {
	case cocalc.NotSoldHere, cocalc.Redirected, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return true
	default:
		return e.Reason != "" && e.Outcome == cocalc.Rejected // no words of CoCalc's
	}
}

// isRaised reports whether a probe is needed.
func (s *suspicion) isRaised() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raised
}

// drop forgets what was heard before a probe.
func (s *suspicion) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raised, s.misses = false, false
}

// provenBy is how many probes in a row make a condition one to record and to tell the admins: a server with one bad
// machine among good ones would be news every minute.
const provenBy = 2

// probing is what a run knows of its probes.
type probing struct {
	// recalled is set once this run knows what the ledger says of the server.
	recalled bool

	made bool          // in this run
	at   time.Duration // elapsed, of the last one
	next time.Duration // elapsed, of the next one, unless answers raise a suspicion before
}

// untilProbe returns the time until the next probe.
func (b *buyer) untilProbe() time.Duration {
	now := b.elapsed()
	switch {
	case !b.probing.made:
		return 0
	case b.suspicion.isRaised(): // but an answer a moment after a probe changes nothing
		return min(max(b.probing.at+b.timing.PollMax-now, 0), max(b.probing.next-now, 0))
	}
	return max(b.probing.next-now, 0)
}

// unserved reports whether the server doesn't sell licenses, from a probe.
func (b *buyer) unserved(ctx context.Context) (bool, error) {
	if err := b.probe(ctx); err != nil {
		return false, err
	}
	return !b.Server().SellsLicenses(), nil
}

// probe finds out what the server is, and keeps it. If that changed, waiting orders are looked at again.
func (b *buyer) probe(ctx context.Context) error {
	b.suspicion.drop()
	found := b.shop.Diagnose(ctx)
	if found.Condition == cocalc.Undiagnosed { // stopped meanwhile
		return nil
	}
	if found.Condition == SellsLicenses {
		found = cocalc.Diagnosis{Condition: SellsLicenses}
	}
	was := b.Server()
	gap := b.now().Sub(was.Last)
	if b.probing.made {
		gap = b.elapsed() - b.probing.at
	}
	b.probing.made, b.probing.at, b.probing.next = true, b.elapsed(), b.elapsed()+b.timing.Probe
	if found.Condition == SellsLicenses && was.SellsLicenses() && b.probing.recalled {
		return nil
	}
	var now *Server
	var isTold bool
	err := b.ledger.Update(ctx, func(w Writer) (err error) {
		now, isTold, err = b.keepProbe(w, found, min(max(gap, 0), b.timing.Probe))
		return err
	})
	if err != nil {
		return err
	}
	b.server.Store(now)
	b.probing.recalled = true
	if isTold {
		b.changed("")
	}
	if now == nil && !was.SellsLicenses() || now != nil && now.Condition != was.Condition {
		level := zerolog.WarnLevel
		if found.Condition == IsDown || now == nil { // an outage is logged as such
			level = zerolog.InfoLevel
		}
		b.log.WithLevel(level).Str("condition", string(found.Condition)).Str("reason", string(found.Reason)).Str("host",
			found.Redirect.Host).
			Int("status", found.Status).Str("key", string(found.Key)).AnErr("error", found.Err).
			Msg("find that the CoCalc server has changed")
		clear(b.due)
		if was.Probes >= provenBy { // else a server that comes and goes would be asked without growing pauses
			clear(b.tries)
			b.sweepAt = b.elapsed()
		}
	}
	if now != nil {
		// The longer it has been so, the rarer: a short maintenance ends within a minute for those who wait, and an hour has
		// far more than six probes.
		b.probing.next = b.elapsed() + min(max(now.Held/10, b.timing.PollMax), b.timing.Probe)
	}
	return nil
}

// keepProbe stores what a probe found, with an audit record if it is something else than before, and with a notice to
// the admins. gap is the time since the probe before.
func (b *buyer) keepProbe(w Writer, found cocalc.Diagnosis, gap time.Duration) (now *Server, isTold bool, err error) {
	account, err := w.Account()
	if err != nil {
		return nil, false, err
	}
	was := b.diagnosed(account)
	if found.Condition != SellsLicenses {
		s := serverOf(found, was)
		s.Site, s.Since, s.Last, s.Probes = b.site, b.now(), b.now(), 1
		if was != nil {
			s.Known = was.Known
			switch s.Condition { // the host is a detail: some redirects lead to many
			case was.Condition:
				s.Since, s.Probes, s.Held, s.Told = was.Since, was.Probes+1, was.Held+gap, was.Told
			case was.Suspected:
				s.Since, s.Probes, s.Held = was.Last, 2, gap
			default: // it counts from now on
			}
		}
		now = &s
	}
	if account.Diagnosis == nil && now == nil {
		return nil, false, nil
	}
	if now != nil && now.Probes == provenBy || now == nil && (was == nil || was.Probes >= provenBy) {
		condition := SellsLicenses
		if now != nil {
			condition = now.Condition
		}
		e := Event{
			Time: b.now(), Kind: "diagnosis", By: BotName, Note: "the CoCalc server: " + string(condition),
			Cause: Cause{Code: ServerFound, Args: Args{
				"condition": string(condition), "host": found.Redirect.Host,
				"reason": string(found.Reason),
			}},
		}
		if err := w.AppendEvent(e); err != nil {
			return nil, false, err
		}
	}
	kind, words := NoticeServer, Cause{}
	switch {
	case now == nil && was != nil && was.Known:
		kind, words = NoticeServerBack, because(NoticeServerBack)
	case now != nil && !now.Told && now.Probes >= provenBy && (now.Condition != IsDown || now.Held >= b.timing.Probe):
		// a server may be down for minutes
		if account.ServerTold = b.recentlyTold(account); !account.ServerTold[now.toldAs()].IsZero() { // it came and went
			break
		}
		account.ServerTold[now.toldAs()] = b.now()
		now.Told, now.Known = true, true
		words = now.cause(b.keyName)
	}
	account.Diagnosis = now
	if err := w.PutAccount(account); err != nil || words.Code == "" {
		return now, false, err
	}
	return now, true, addNotice(w, b.notice(kind, noticeID("server", b.now()), words, Order{}, ""))
}

// recentlyTold returns when the admins were told of the server within the last day.
func (b *buyer) recentlyTold(account AccountState) map[string]time.Time {
	recent := map[string]time.Time{}
	for what, at := range account.ServerTold {
		if b.now().Sub(at).Abs() < troubleAgain {
			recent[what] = at
		}
	}
	return recent
}

// toldAs names the condition of this server in AccountState.ServerTold.
func (s Server) toldAs() string { return string(s.Condition) + " " + string(s.Site) }
