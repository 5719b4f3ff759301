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

// provenBy is the number of consecutive probes with the same result after which a condition is recorded and the admins
// are notified. With one, a cluster with one bad machine would cause a notification every minute.
const provenBy = 2

// probe is the state of a run's probes.
type probe struct {
	// recalled is set once this run has read or stored the server's condition in the ledger.
	recalled bool

	made bool          // a probe was made in this run
	at   time.Duration // Elapsed at the last probe
	next time.Duration // Elapsed at the next probe, unless a suspicion is raised before
}

// untilProbe returns the time until the next probe.
func (wk *Worker) untilProbe() time.Duration {
	now := wk.reg.Elapsed()
	switch {
	case !wk.probing.made:
		return 0
	case wk.reg.Suspicion.IsRaised(): // but not sooner than PollMax after the last probe
		return min(max(wk.probing.at+wk.timing.PollMax-now, 0), max(wk.probing.next-now, 0))
	}
	return max(wk.probing.next-now, 0)
}

// unserved probes the server and reports whether it does not sell licenses.
func (wk *Worker) unserved(ctx context.Context) (bool, error) {
	if err := wk.probe(ctx); err != nil {
		return false, err
	}
	return !wk.reg.Server().SellsLicenses(), nil
}

// probe determines the condition of the server and stores it. If it changed, all orders are due.
func (wk *Worker) probe(ctx context.Context) error {
	wk.reg.Suspicion.Drop()
	found := wk.shop.Diagnose(ctx)
	if found.Condition == cocalc.Undiagnosed { // the context was cancelled
		return nil
	}
	if found.Condition == purchase.SellsLicenses {
		found = cocalc.Diagnosis{Condition: purchase.SellsLicenses}
	}
	previous := wk.reg.Server()
	gap := wk.now().Sub(previous.Last)
	if wk.probing.made {
		gap = wk.reg.Elapsed() - wk.probing.at
	}
	wk.probing.made, wk.probing.at, wk.probing.next = true, wk.reg.Elapsed(), wk.reg.Elapsed()+wk.timing.Probe
	if found.Condition == purchase.SellsLicenses && previous.SellsLicenses() && wk.probing.recalled {
		return nil
	}
	var now *purchase.Server
	var notified bool
	err := wk.ledger.Update(ctx, func(w purchase.Writer) (err error) {
		now, notified, err = wk.keepProbe(w, found, min(max(gap, 0), wk.timing.Probe))
		return err
	})
	if err != nil {
		return err
	}
	wk.reg.Diagnosed.Store(now)
	wk.probing.recalled = true
	if notified {
		wk.changed("")
	}
	if now == nil && !previous.SellsLicenses() || now != nil && now.Condition != previous.Condition {
		level := zerolog.WarnLevel
		if found.Condition == purchase.IsDown || now == nil { // an outage is logged by the shop
			level = zerolog.InfoLevel
		}
		wk.log.WithLevel(level).Str("condition", string(found.Condition)).Str("reason", string(found.Reason)).Str("host",
			found.Redirect.Host).
			Int("status", found.Status).Str("key", string(found.Key)).AnErr("error", found.Err).
			Msg("find that the CoCalc server has changed")
		clear(wk.due)
		if previous.Probes >= provenBy { // with fewer, an unstable server would be asked without growing pauses
			clear(wk.tries)
			wk.rec.ReconcileAt = wk.reg.Elapsed()
		}
	}
	if now != nil {
		// The pause grows with the age of the condition: after a short maintenance orders continue within a minute, and an
		// hour has far more than leastProbes probes.
		wk.probing.next = wk.reg.Elapsed() + min(max(now.Held/10, wk.timing.PollMax), wk.timing.Probe)
	}
	return nil
}

// keepProbe stores the result of a probe, with an audit record if it differs from the previous one, and with a
// notification to the admins once it is proven. gap is the time since the previous probe. now is nil if the server
// sells licenses.
func (wk *Worker) keepProbe(w purchase.Writer, found cocalc.Diagnosis,
	gap time.Duration,
) (now *purchase.Server, notified bool, err error) {
	account, err := w.Account()
	if err != nil {
		return nil, false, err
	}
	previous := wk.reg.DiagnosisOf(account)
	if found.Condition != purchase.SellsLicenses {
		s := serverOf(found, previous)
		s.Site, s.Since, s.Last, s.Probes = wk.site, wk.now(), wk.now(), 1
		if previous != nil {
			s.Known = previous.Known
			switch s.Condition { // the host does not count: some redirects lead to many hosts
			case previous.Condition:
				s.Since, s.Probes, s.Held, s.Notified = previous.Since, previous.Probes+1, previous.Held+gap, previous.Notified
			case previous.Suspected:
				s.Since, s.Probes, s.Held = previous.Last, 2, gap
			default: // a new condition
			}
		}
		now = &s
	}
	if account.Diagnosis == nil && now == nil {
		return nil, false, nil
	}
	if now != nil && now.Probes == provenBy || now == nil && (previous == nil || previous.Probes >= provenBy) {
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
	case now == nil && previous != nil && previous.Known:
		kind, words = purchase.NotificationServerBack, purchase.NewCause(purchase.NotificationServerBack)
	case now != nil && !now.Notified && now.Probes >= provenBy && (now.Condition != purchase.IsDown ||
		now.Held >= wk.timing.Probe):
		// a short outage needs no notification
		if account.ServerNotified = wk.recentlyReported(account); !account.ServerNotified[now.NotificationKey()].IsZero() {
			break // reported within a day
		}
		account.ServerNotified[now.NotificationKey()] = wk.now()
		now.Notified, now.Known = true, true
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

// recentlyReported returns AccountState.ServerNotified without entries older than TroubleInterval.
func (wk *Worker) recentlyReported(account purchase.AccountState) map[string]time.Time {
	recent := map[string]time.Time{}
	for what, at := range account.ServerNotified {
		if wk.now().Sub(at).Abs() < purchase.TroubleInterval {
			recent[what] = at
		}
	}
	return recent
}

// serverOf returns the condition that a probe found. previous is the stored condition; nil if there is none. HasMoved
// and IsForeign count as IsDown until a second probe confirms them.
func serverOf(found cocalc.Diagnosis, previous *purchase.Server) purchase.Server {
	s := purchase.Server{
		Condition: found.Condition, Reason: found.Reason, Host: found.Redirect.Host, Address: found.Redirect.Address,
		Key: found.Key, Capability: found.Capability, OlderKey: found.OlderKey,
	}
	proven := previous != nil && (previous.Condition == s.Condition || previous.Suspected == s.Condition)
	if !proven && (s.Condition == purchase.HasMoved || s.Condition == purchase.IsForeign) {
		s.Condition, s.Suspected = purchase.IsDown, s.Condition
	}
	return s
}

// clearServerBlock removes the order's wait for the server, if it has one.
func (wk *Worker) clearServerBlock(ctx context.Context, o purchase.Order) error {
	if o.Blocked.Why().Code != purchase.WaitsForServer {
		return nil
	}
	_, err := wk.edit(ctx, o, true, func(o *purchase.Order) { o.Blocked = nil })
	return err
}

// endUnserved fails the orders that have waited long enough for the server. ended reports whether there were any.
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
		return ended, nil // orders that await approval can still be approved
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

// waitsForPause reports whether the order waits until orders may begin again, independently of CoCalc's answers.
func waitsForPause(o purchase.Order) bool {
	code := o.Blocked.Why().Code
	return code == purchase.WaitsForResume || code == purchase.WaitsForCheckout || code == purchase.WaitsForLedger ||
		code == purchase.WaitsForServer &&
			o.State == purchase.Approved
}

// showStopped reports whether approved orders must wait, and stores the reason with each of them, for their cards.
func (wk *Worker) showStopped(ctx context.Context, open []purchase.Order) (stopped bool, err error) {
	no, err := wk.reg.PausedNow(ctx)
	if err != nil {
		return false, err
	}
	var why purchase.Cause
	server := wk.reg.Server()
	switch {
	case wk.reg.Away(ctx):
		why.Code = purchase.WaitsForLedger
	case no != nil:
		why.Code = purchase.WaitsForResume
	case !server.SellsLicenses():
		why = wk.serverCause(server, purchase.Order{})
	case wk.maxInFlight(open) > 0:
		why.Code = purchase.WaitsForCheckout
	}
	for _, o := range open {
		var shown purchase.Cause
		if waitsForPause(o) {
			shown = o.Blocked.Why()
		}
		if o.State != purchase.Approved || shown.Is(why) {
			continue
		}
		var w *purchase.Blocked
		if why.Code != "" {
			w = &purchase.Blocked{Cause: why, Since: wk.now()}
		}
		if why.Code == purchase.WaitsForServer {
			*w = wk.serverWait(server, o, why)
		}
		if _, err := wk.edit(ctx, o, true, func(o *purchase.Order) { o.Blocked = w }); err != nil &&
			!errors.Is(err, register.ErrMoved) {
			return false, err
		}
		delete(wk.due, o.ID)
	}
	return why.Code != "", nil
}
