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
	if err := p.mergeTwins(ctx); err != nil {
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
	known := map[purchase.OrderID]deadline{}
	loops.Go(func() {
		p.svc.reg.Repeat(ctx, p.svc.reg.Proposed, func(ctx context.Context) (time.Duration, error) {
			return p.svc.expire(ctx, known)
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

// Resume ends a pause for a person on the bot's own machine, who need not be in Slack: `bot resume` calls it
// while a bot runs. It returns the pause; nil if there was none.
func (p *Process) Resume(ctx context.Context, by, reason string) (was *purchase.Pause, err error) {
	err = p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if was = account.Pause; err != nil || was == nil {
			return err
		}
		now := p.svc.now()
		if err := resumeBuying(w, by, "", reason, now); err != nil {
			return err
		}
		return register.AddNotification(w,
			p.svc.reg.NewNotification(purchase.NotificationResumed, register.NotificationID("resumed", now),
				resumeCause(purchase.Actor{ID: by, Name: by}, reason, was.LeftOut()), purchase.Order{},
				""))
	})
	if err != nil {
		return nil, fmt.Errorf("resume buying: %w", err)
	}
	p.svc.changed("")
	register.Nudge(p.svc.reg.Wake)
	return was, nil
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
