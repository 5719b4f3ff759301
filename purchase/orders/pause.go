package orders

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// SetPaused stops all buying until an admin resumes it, or resumes it. While it is stopped, nothing new is reserved or
// begun; what was paid is still finished and recorded. A pause needs a reason, a resume doesn't. A [*purchase.Refusal]
// says why not; it is recorded.
func (svc *Service) SetPaused(ctx context.Context, action purchase.Action, paused bool, reason string) error {
	if paused {
		return svc.pause(ctx, action, reason)
	}
	return svc.resume(ctx, action, reason)
}

// pause stops all buying.
func (svc *Service) pause(ctx context.Context, action purchase.Action, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" && svc.reg.IsAdmin(action.Actor) {
		return svc.refuse(ctx, purchase.NewRefusal(purchase.NoReason, "doing", "pause"), "", action.Actor, action.Channel)
	}
	return svc.adminTx(ctx, action, func(w purchase.Writer, now time.Time) (*purchase.Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause != nil {
			return &purchase.Refusal{Cause: account.Pause.CauseOf(purchase.AlreadyDone).With("doing", "pause")}, nil
		}
		p := purchase.Pause{
			Since: now, By: action.Actor.ID, Name: action.Actor.DisplayName(),
			Incidents: []purchase.Incident{{Cause: purchase.PersonSaid(reason), Time: now, By: action.Actor.ID}},
		}
		if _, err := register.PauseBuying(w, p, action.Channel.ID); err != nil {
			return nil, err
		}
		return nil,
			register.AddNotification(w, svc.reg.NewNotification(purchase.NotificationPaused, register.NotificationID("paused",
				now),
				p.CauseOf(purchase.NotificationPaused), purchase.Order{}, action.Actor.ID))
	})
}

// resume ends a pause of buying; the reason may be left out.
func (svc *Service) resume(ctx context.Context, action purchase.Action, reason string) error {
	reason = strings.TrimSpace(reason)
	err := svc.adminTx(ctx, action, func(w purchase.Writer, now time.Time) (*purchase.Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause == nil {
			return purchase.NewRefusal(purchase.AlreadyDone, "doing", "resume"), nil
		}
		leftOut := account.Pause.LeftOut()
		if err := resumeBuying(w, action.Actor.ID, action.Channel.ID, reason, now); err != nil {
			return nil, err
		}
		return nil,
			register.AddNotification(w,
				svc.reg.NewNotification(purchase.NotificationResumed, register.NotificationID("resumed", now),
					resumeCause(purchase.Actor{ID: action.Actor.ID, Name: action.Actor.DisplayName()},
						reason, leftOut), purchase.Order{}, action.Actor.ID))
	})
	register.Nudge(svc.reg.Wake)
	return err
}

// adminTx runs an admin's decision about all buying in one transaction, and records a refusal.
func (svc *Service) adminTx(ctx context.Context, action purchase.Action, decision func(purchase.Writer,
	time.Time) (*purchase.Refusal, error),
) error {
	no := svc.policy.MayAdminister(action.Actor)
	if no == nil {
		doubt := purchase.Doubt{Began: svc.now(), Run: svc.reg.BornAt, Who: action.Actor.ID, Typed: action.Typed}
		defer svc.inFlight.begin(doubt)()
		err := svc.ledger.Update(ctx, func(w purchase.Writer) (err error) {
			no, err = decision(w, svc.now())
			return err
		})
		if err != nil {
			return svc.keepDoubt(fmt.Errorf("pause or resume buying: %w", err), doubt)
		}
	}
	if no != nil {
		return svc.refuse(ctx, no, "", action.Actor, action.Channel)
	}
	svc.changed("")
	return nil
}

// resumeBuying ends a pause. by is the person, place the channel of the command.
func resumeBuying(w purchase.Writer, by, place, reason string, now time.Time) error {
	account, err := w.Account()
	if err != nil || account.Pause == nil {
		return err
	}
	var accepts purchase.Cause
	if slices.ContainsFunc(account.Pause.AllIncidents(),
		func(in purchase.Incident) bool { return in.Code == purchase.IncidentNewLedger }) {
		accepts = purchase.Cause{Code: purchase.AcceptsNewLedger}
		reason = strings.TrimSpace(reason + " (accepts this new ledger in place of the missing one)")
	}
	account.Pause = nil
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(purchase.Event{Time: now, Kind: "resumed", By: by, Place: place, Note: reason, Cause: accepts})
}

// ResumeBuying ends a pause in the ledger while no bot runs, and has the next start announce it. It returns the pause;
// nil if there was none.
func ResumeBuying(w purchase.Writer, by, reason string, now time.Time) (was *purchase.Pause, err error) {
	account, err := w.Account()
	if err != nil || account.Pause == nil {
		return nil, err
	}
	was = account.Pause
	if err := resumeBuying(w, by, "", reason, now); err != nil {
		return nil, err
	}
	if account, err = w.Account(); err != nil {
		return nil, err
	}
	account.ResumedOffline = &purchase.OfflineResume{At: now, By: by, Reason: reason, LeftOut: was.LeftOut()}
	return was, w.PutAccount(account)
}

// resumeCause is the cause of a resume: by, name, reason, and beneath it what is in no budget. A person on the bot's
// own machine is named by the name of that user.
func resumeCause(who purchase.Actor, reason string, leftOut purchase.Cause) purchase.Cause {
	c := purchase.NewCause(purchase.NotificationResumed, "by", who.ID, "name", who.Name, "reason", reason)
	if leftOut.Code != "" {
		c.Causes = []purchase.Cause{leftOut}
	}
	return c
}
