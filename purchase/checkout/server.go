package checkout

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// provenBy is how many probes in a row make a condition one to record and to tell the admins: a server with one bad
// machine among good ones would be news every minute.
const provenBy = 2

// probe is what a run knows of its probes.
type probe struct {
	// recalled is set once this run knows what the ledger says of the server.
	recalled bool

	made bool          // in this run
	at   time.Duration // elapsed, of the last one
	next time.Duration // elapsed, of the next one, unless answers raise a suspicion before
}

// untilProbe returns the time until the next probe.
func (wk *Worker) untilProbe() time.Duration {
	now := wk.reg.Elapsed()
	switch {
	case !wk.probing.made:
		return 0
	case wk.reg.Suspicion.IsRaised(): // but an answer a moment after a probe changes nothing
		return min(max(wk.probing.at+wk.timing.PollMax-now, 0), max(wk.probing.next-now, 0))
	}
	return max(wk.probing.next-now, 0)
}

// unserved reports whether the server doesn't sell licenses, from a probe.
func (wk *Worker) unserved(ctx context.Context) (bool, error) {
	if err := wk.probe(ctx); err != nil {
		return false, err
	}
	return !wk.reg.Server().SellsLicenses(), nil
}

// probe finds out what the server is, and keeps it. If that changed, waiting orders are looked at again.
func (wk *Worker) probe(ctx context.Context) error {
	wk.reg.Suspicion.Drop()
	found := wk.shop.Diagnose(ctx)
	if found.Condition == cocalc.Undiagnosed { // stopped meanwhile
		return nil
	}
	if found.Condition == purchase.SellsLicenses {
		found = cocalc.Diagnosis{Condition: purchase.SellsLicenses}
	}
	was := wk.reg.Server()
	gap := wk.now().Sub(was.Last)
	if wk.probing.made {
		gap = wk.reg.Elapsed() - wk.probing.at
	}
	wk.probing.made, wk.probing.at, wk.probing.next = true, wk.reg.Elapsed(), wk.reg.Elapsed()+wk.timing.Probe
	if found.Condition == purchase.SellsLicenses && was.SellsLicenses() && wk.probing.recalled {
		return nil
	}
	var now *purchase.Server
	var isTold bool
	err := wk.ledger.Update(ctx, func(w purchase.Writer) (err error) {
		now, isTold, err = wk.keepProbe(w, found, min(max(gap, 0), wk.timing.Probe))
		return err
	})
	if err != nil {
		return err
	}
	wk.reg.Diagnosed.Store(now)
	wk.probing.recalled = true
	if isTold {
		wk.changed("")
	}
	if now == nil && !was.SellsLicenses() || now != nil && now.Condition != was.Condition {
		level := zerolog.WarnLevel
		if found.Condition == purchase.IsDown || now == nil { // an outage is logged as such
			level = zerolog.InfoLevel
		}
		wk.log.WithLevel(level).Str("condition", string(found.Condition)).Str("reason", string(found.Reason)).Str("host",
			found.Redirect.Host).
			Int("status", found.Status).Str("key", string(found.Key)).AnErr("error", found.Err).
			Msg("find that the CoCalc server has changed")
		clear(wk.due)
		if was.Probes >= provenBy { // else a server that comes and goes would be asked without growing pauses
			clear(wk.tries)
			wk.rec.ReconcileAt = wk.reg.Elapsed()
		}
	}
	if now != nil {
		// The longer it has been so, the rarer: a short maintenance ends within a minute for those who wait, and an hour has
		// far more than six probes.
		wk.probing.next = wk.reg.Elapsed() + min(max(now.Held/10, wk.timing.PollMax), wk.timing.Probe)
	}
	return nil
}

// keepProbe stores what a probe found, with an audit record if it is something else than before, and with a notice to
// the admins. gap is the time since the probe before.
func (wk *Worker) keepProbe(w purchase.Writer, found cocalc.Diagnosis,
	gap time.Duration,
) (now *purchase.Server, isTold bool, err error) {
	account, err := w.Account()
	if err != nil {
		return nil, false, err
	}
	was := wk.reg.DiagnosisOf(account)
	if found.Condition != purchase.SellsLicenses {
		s := serverOf(found, was)
		s.Site, s.Since, s.Last, s.Probes = wk.site, wk.now(), wk.now(), 1
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
		condition := purchase.SellsLicenses
		if now != nil {
			condition = now.Condition
		}
		e := purchase.Event{
			Time: wk.now(), Kind: "diagnosis", By: purchase.BotName, Note: "the CoCalc server: " + string(condition),
			Cause: purchase.Cause{Code: ServerFound, Args: purchase.Args{
				"condition": string(condition), "host": found.Redirect.Host,
				"reason": string(found.Reason),
			}},
		}
		if err := w.AppendEvent(e); err != nil {
			return nil, false, err
		}
	}
	kind, words := purchase.NotificationServer, purchase.Cause{}
	switch {
	case now == nil && was != nil && was.Known:
		kind, words = purchase.NotificationServerBack, purchase.NewCause(purchase.NotificationServerBack)
	case now != nil && !now.Told && now.Probes >= provenBy && (now.Condition != purchase.IsDown ||
		now.Held >= wk.timing.Probe):
		// a server may be down for minutes
		if account.ServerTold = wk.recentlyReported(account); !account.ServerTold[now.ToldAs()].IsZero() { // it came and went
			break
		}
		account.ServerTold[now.ToldAs()] = wk.now()
		now.Told, now.Known = true, true
		words = now.Cause(wk.keyName)
	}
	account.Diagnosis = now
	if err := w.PutAccount(account); err != nil || words.Code == "" {
		return now, false, err
	}
	return now, true, register.AddNotification(w, wk.reg.NewNotification(kind, register.NotificationID("server", wk.now()),
		words,
		purchase.Order{}, ""))
}

// recentlyReported returns when the admins were told of the server within the last day.
func (wk *Worker) recentlyReported(account purchase.AccountState) map[string]time.Time {
	recent := map[string]time.Time{}
	for what, at := range account.ServerTold {
		if wk.now().Sub(at).Abs() < purchase.TroubleInterval {
			recent[what] = at
		}
	}
	return recent
}

// serverOf returns what a probe found, after what was known; was is nil if that is nothing.
func serverOf(found cocalc.Diagnosis, was *purchase.Server) purchase.Server {
	s := purchase.Server{
		Condition: found.Condition, Reason: found.Reason, Host: found.Redirect.Host, Address: found.Redirect.Address,
		Key: found.Key, Capability: found.Capability, OlderKey: found.OlderKey,
	}
	proven := was != nil && (was.Condition == s.Condition || was.Suspected == s.Condition)
	if !proven && (s.Condition == purchase.HasMoved || s.Condition == purchase.IsForeign) {
		s.Condition, s.Suspected = purchase.IsDown, s.Condition
	}
	return s
}

// clearServerBlock forgets that an order waits for the server.
func (wk *Worker) clearServerBlock(ctx context.Context, o purchase.Order) error {
	if o.Blocked.Why().Code != purchase.WaitsForServer {
		return nil
	}
	_, err := wk.edit(ctx, o, true, func(o *purchase.Order) { o.Blocked = nil })
	return err
}

// endUnserved ends the orders that have waited long enough for the server. It reports whether there were any.
func (wk *Worker) endUnserved(ctx context.Context, open []purchase.Order) (ended bool, err error) {
	s := wk.reg.Server()
	if s.SellsLicenses() || s.Probes < leastProbes {
		return false, nil
	}
	for _, o := range open {
		if o.State == purchase.Approved && o.Blocked.Why().Code == purchase.WaitsForServer && wk.heldByServer(s, o.Blocked) {
			if err := wk.fail(ctx, o, *s.Failure()); err != nil && !errors.Is(err, register.ErrMoved) {
				return ended, err
			}
			ended = true
		}
	}
	if !s.RefusesOrders() || !wk.heldByServer(s, nil) {
		return ended, nil // orders can still be approved, and wait
	}
	var waiting []purchase.OrderID
	err = wk.ledger.View(ctx, func(r purchase.Reader) error {
		waiting = nil
		queue, err := r.Queue()
		for _, q := range queue {
			if q.State == purchase.AwaitingApproval {
				waiting = append(waiting, q.ID)
			}
		}
		return err
	})
	if err != nil {
		return ended, err
	}
	for _, id := range waiting {
		_, err := wk.reg.Change(ctx, id, func(w purchase.Writer, o *purchase.Order) error {
			if o.State != purchase.AwaitingApproval {
				return nil
			}
			f := s.Failure()
			return wk.reg.Apply(w, o, purchase.OrderEvent{
				Kind: purchase.Fail, By: purchase.BotName, Note: string(f.Code),
				Failure: f,
			})
		})
		if err != nil {
			return ended, err
		}
	}
	return ended, nil
}
