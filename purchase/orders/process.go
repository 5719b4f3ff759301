package orders

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Process is what the running program does with a service's orders by itself, or for its operator.
type Process struct{ svc *Service }

// NewProcess returns the process of a service. It does nothing until Prepare and Run.
func NewProcess(svc *Service) *Process { return &Process{svc} }

// Prepare does what has to be done before the first order of a run: people who have two ids are counted as one, and a
// resume while no bot ran is announced. What fails is logged, and done at the next start.
func (p *Process) Prepare(ctx context.Context) {
	if err := p.mergeIDs(ctx); err != nil {
		p.svc.log.Error().Err(err).Msg("count people who have two ids as two until the next start")
	}
	if err := p.announceResume(ctx); err != nil {
		p.svc.log.Error().Err(err).Msg("leave a resume of buying to be announced at the next start")
	}
}

// Run ends cards and approvals on time, records counted refusals and resolves doubts, until ctx is done. Call Flush
// after it.
func (p *Process) Run(ctx context.Context) {
	var loops sync.WaitGroup
	known, next := map[purchase.OrderID]deadline{}, time.Duration(0)
	loops.Go(func() {
		p.svc.reg.Repeat(ctx, p.svc.reg.Proposed, func(ctx context.Context) (time.Duration, error) {
			if rest := next - p.svc.reg.Elapsed(); rest > 0 {
				return rest, nil
			}
			next = p.svc.reg.Elapsed() + deadlinePause
			return p.svc.runDeadlines(ctx, known)
		})
	})
	loops.Go(func() {
		p.svc.reg.Repeat(ctx, p.svc.counted, func(ctx context.Context) (time.Duration, error) {
			return p.svc.recordCounted(ctx, false)
		})
	})
	loops.Go(func() { // a full disk may have put them off
		p.svc.reg.Repeat(ctx, nil, func(ctx context.Context) (time.Duration, error) {
			if err := p.ResolveDoubts(ctx); err != nil {
				return 0, err
			}
			return register.Idle, nil
		})
	})
	loops.Wait()
}

// Flush records the refusals that are still counted in memory.
func (p *Process) Flush(ctx context.Context) {
	if _, err := p.svc.recordCounted(ctx, true); err != nil {
		p.svc.log.Error().Err(err).Msg("fail to record the counted refusals at the end")
	}
}

// NoteSettings records which limiting settings changed since the last start, and by how: who may change the environment
// of the bot may raise a limit, and the audit says when that was. values are names and values, without secrets.
func (p *Process) NoteSettings(ctx context.Context, values map[string]string) error {
	err := p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil || maps.Equal(account.Settings, values) {
			return err
		}
		before := account.Settings
		account.Settings = maps.Clone(values)
		if err := w.PutAccount(account); err != nil {
			return err
		}
		names := slices.Sorted(maps.Keys(values))
		for _, name := range names {
			was, known := before[name]
			if was == values[name] && known {
				continue
			}
			note := fmt.Sprintf("%s=%s", name, values[name])
			if known {
				note = fmt.Sprintf("%s changed from %s to %s", name, was, values[name])
			}
			if err := w.AppendEvent(purchase.Event{
				Time: p.svc.now(), Kind: "setting", By: purchase.BotName,
				Note: note,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record the limiting settings: %w", err)
	}
	return nil
}

// NoteAccess records in the audit that the bot has lost access to Slack, with Slack's error code; or, with an empty
// code, that access is back.
func (p *Process) NoteAccess(ctx context.Context, code string) error {
	e := purchase.Event{Time: p.svc.now(), Kind: "slack-back", By: purchase.BotName, Note: "access to Slack restored"}
	if code != "" {
		e.Kind, e.Note = "slack-lost", "access to Slack lost, buying is paused: "+purchase.TruncateID(code)
	}
	if err := p.svc.ledger.Update(ctx, func(w purchase.Writer) error { return w.AppendEvent(e) }); err != nil {
		return fmt.Errorf("record the access to Slack: %w", err)
	}
	return nil
}

// checkpointEvery is the least number of audit records between two checkpoints.
const checkpointEvery = 500

// NoteVerified records that the whole ledger was verified without a fault while head was the last audit record: a
// checkpoint, from which the next start verifies the chain. It does nothing if the last checkpoint is less than
// checkpointEvery records older.
func (p *Process) NoteVerified(ctx context.Context, head purchase.Event) error {
	err := p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		if last := account.Checkpoint; head.Number == 0 || last != nil && head.Number < last.Number+checkpointEvery {
			return nil
		}
		now, err := w.Head()
		if err != nil {
			return err
		}
		checkpoint := purchase.Checkpoint{Number: head.Number, Hash: head.Hash, Record: now.Number + 1}
		if checkpoint.Entries, err = purchase.LastEntry(w); err != nil {
			return err
		}
		budgets, err := w.Budgets(1)
		if err != nil {
			return err
		}
		for _, b := range budgets {
			checkpoint.Month, checkpoint.Spent = b.Month, b.Spent
		}
		account.Checkpoint = &checkpoint
		if err := w.PutAccount(account); err != nil {
			return err
		}
		return w.AppendEvent(purchase.Event{
			Time: p.svc.now(), Kind: purchase.KindVerified, By: purchase.BotName, Cause: checkpoint.Cause(),
		})
	})
	if err != nil {
		return fmt.Errorf("record that the ledger was verified: %w", err)
	}
	return nil
}

// announceResume announces a resume from the time before this run, once.
func (p *Process) announceResume(ctx context.Context) error {
	var account purchase.AccountState
	err := p.svc.ledger.View(ctx, func(r purchase.Reader) (err error) { account, err = r.Account(); return err })
	if err != nil || account.ResumedOffline == nil {
		return err
	}
	err = p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil || account.ResumedOffline == nil {
			return err
		}
		was := *account.ResumedOffline
		account.ResumedOffline = nil
		if err := w.PutAccount(account); err != nil {
			return err
		}
		why := resumeCause(purchase.Actor{ID: was.By, Name: was.By}, was.Reason, was.LeftOut)
		if account.Pause != nil {
			why = why.With("paused-again", purchase.ArgFlag(true))
		}
		return register.AddNotification(w, p.svc.reg.NewNotification(purchase.NotificationResumed,
			register.NotificationID("resumed", was.At), why,
			purchase.Order{}, ""))
	})
	if err != nil {
		return fmt.Errorf("announce that buying was resumed: %w", err)
	}
	p.svc.changed("")
	return nil
}

// mergeIDs makes a person with two ids count once, also in a ledger of a version that counted each id by itself. It
// reads all orders, but only at the first start that finds any.
func (p *Process) mergeIDs(ctx context.Context) error {
	twins := map[string]purchase.Actor{}
	isMerged := false
	err := p.svc.ledger.View(ctx, func(r purchase.Reader) error {
		clear(twins)
		account, err := r.Account()
		if err != nil {
			return err
		}
		newest, err := r.Orders("", 1)
		if err != nil {
			return err
		}
		if isMerged = account.IDsMerged || len(newest) == 0; isMerged {
			return nil
		}
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			if who := o.Requester; who.Org != "" && who.Org != who.ID && account.Twins[who.ID] == "" {
				twins[who.ID] = who
			}
		}
		return nil
	})
	if err == nil && !isMerged {
		err = p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
			for _, id := range slices.Sorted(maps.Keys(twins)) {
				if _, err := purchase.BudgetKey(w, twins[id]); err != nil {
					return err
				}
			}
			account, err := w.Account()
			if err != nil {
				return err
			}
			account.IDsMerged = true
			return w.PutAccount(account)
		})
	}
	if err != nil {
		return fmt.Errorf("unite the ids of people with two: %w", err)
	}
	return nil
}

// ResolveDoubts notifies people, once each, whether their decisions counted that were being written when the disk
// failed. A start calls it before anything else is decided. If the disk has no room then, Run retries it: people were
// promised an answer, and the next start may be weeks away.
func (p *Process) ResolveDoubts(ctx context.Context) error {
	if p.svc.doubts == nil {
		return nil
	}
	p.svc.resolving.Lock()
	defer p.svc.resolving.Unlock()
	all, err := p.svc.doubts.All()
	if err != nil || len(all) == 0 {
		return err
	}
	err = p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
		for i, doubt := range all {
			if slices.ContainsFunc(all[:i], sameDecision(doubt)) { // Slack delivered it twice
				continue
			}
			if err := p.svc.resolveDoubt(w, doubt, i); err != nil {
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
	p.svc.changed("")
	return p.svc.doubts.Clear()
}

// deadlinePause is the least time between two looks at the deadlines: hundreds of proposals may be made at once.
const deadlinePause = 100 * time.Millisecond

// deadline is the time at which an undecided order changes.
type deadline struct {
	state purchase.State
	at    time.Time     // as the order stores it
	ends  time.Duration // elapsed; jumps of the clock since this run first saw it don't change it
}

// deadline returns the next deadline of an order that waits for people; ok is false for other orders.
func (svc *Service) deadline(o purchase.Order) (due deadline, ok bool) {
	at, ok := o.AwaitsPeople()
	longest := svc.timing.Proposal
	if o.State == purchase.AwaitingApproval {
		longest = svc.timing.Approval
	}
	return deadline{o.State, at, svc.reg.Elapsed() + min(max(at.Sub(svc.now()), 0), longest)}, ok
}

// runDeadlines ends undecided orders, reminds approvers of those that wait, and returns the time until the next
// deadline. It keeps the deadlines in known, and reads each order only once.
func (svc *Service) runDeadlines(ctx context.Context, known map[purchase.OrderID]deadline) (time.Duration, error) {
	open := map[purchase.OrderID]bool{}
	err := svc.ledger.View(ctx, func(r purchase.Reader) error {
		queue, err := r.Queue()
		if err != nil {
			return err
		}
		for _, q := range queue {
			if q.State != purchase.Proposed && q.State != purchase.AwaitingApproval && q.State != purchase.Failed {
				continue
			}
			if known[q.ID].state == q.State {
				open[q.ID] = true
				continue
			}
			o, err := r.Order(q.ID)
			if err != nil {
				return err
			}
			due, ok := svc.deadline(o)
			if !ok { // a failed order that is only watched
				continue
			}
			open[q.ID] = true
			known[q.ID] = due
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	pause := register.Idle
	for id, due := range known {
		if !open[id] {
			delete(known, id)
			continue
		}
		if left := due.ends - svc.reg.Elapsed(); left > 0 {
			pause = min(pause, left)
			continue
		}
		o, err := svc.reg.Change(ctx, id, func(w purchase.Writer, o *purchase.Order) error {
			return svc.remindOrExpire(w, o,
				due)
		})
		if err != nil {
			return 0, fmt.Errorf("expire order %s: %w", id, err)
		}
		if next, ok := svc.deadline(o); ok {
			known[id] = next
			pause = min(pause, max(next.ends-svc.reg.Elapsed(), 0))
		}
	}
	return max(pause, time.Millisecond), nil
}

// remindOrExpire ends an order whose time is over, or reminds the approvers of it, once.
func (svc *Service) remindOrExpire(w purchase.Writer, o *purchase.Order, due deadline) error {
	at, ok := o.AwaitsPeople()
	switch {
	case !ok || o.State != due.state || !at.Equal(due.at): // decided in the meantime
		return nil
	case o.HasOffer():
		o.Failure.Until = time.Time{}
		o.Rev++
		o.Updated = svc.now()
		return w.PutOrder(*o)
	// no reminder after the deadline
	case o.State == purchase.Proposed || o.RemindAt.IsZero() || !svc.now().Before(o.ApproveBy):
		return svc.reg.Apply(w, o, purchase.OrderEvent{Kind: purchase.Expire, By: purchase.BotName})
	}
	o.RemindAt = time.Time{}
	if err := w.PutOrder(*o); err != nil {
		return err
	}
	n := svc.reg.NewNotification(purchase.NotificationReminder, "reminder-"+string(o.ID),
		purchase.RequestCause(purchase.NotificationReminder, *o).With("since", purchase.ArgTime(o.Confirmed)),
		*o, "")
	n.Pending = []string{svc.approvalsChannel}
	return register.AddNotification(w, n)
}

// recordCounted records the counted refusals whose period is over, and returns the time until the next are due.
func (svc *Service) recordCounted(ctx context.Context, everything bool) (time.Duration, error) {
	events, next := svc.rateLimiter.due(svc.now(), everything)
	if len(events) == 0 {
		return next, nil
	}
	err := svc.ledger.Update(ctx, func(w purchase.Writer) error {
		for _, e := range events {
			if err := w.AppendEvent(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		svc.rateLimiter.restore(events)
		return 0, fmt.Errorf("record %d counted refusals: %w", len(events), err)
	}
	return next, nil
}

// due takes the counted refusals whose period is over, or all of them, and returns the time until the next are due.
func (p *rateLimiter) due(now time.Time, everything bool) (events []purchase.Event, next time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next = register.Idle
	for _, key := range slices.Sorted(maps.Keys(p.people)) {
		r := p.people[key]
		if len(r.counted) == 0 {
			continue
		}
		if left := r.since.Add(refusalsFor).Sub(now); left > 0 && left <= refusalsFor && !everything {
			next = min(next, left)
			continue
		}
		for _, code := range slices.Sorted(maps.Keys(r.counted)) {
			t := r.counted[code]
			events = append(events, purchase.Event{
				Time: now, Kind: "refused", By: purchase.TruncateID(t.who.ID), Note: string(code),
				Count: t.n,
			})
		}
		delete(p.people, key)
	}
	return events, next
}
