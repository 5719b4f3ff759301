package orders

import (
	"context"
	"fmt"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

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

// announceResume announces a resume from the time before this run, once.
func (svc *Service) announceResume(ctx context.Context) error {
	var account purchase.AccountState
	err := svc.ledger.View(ctx, func(r purchase.Reader) (err error) { account, err = r.Account(); return err })
	if err != nil || account.ResumedOffline == nil {
		return err
	}
	err = svc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil || account.ResumedOffline == nil {
			return err
		}
		was := *account.ResumedOffline
		account.ResumedOffline = nil
		if err := w.PutAccount(account); err != nil {
			return err
		}
		why := resumed(purchase.Person{ID: was.By, Name: was.By}, was.Reason, was.LeftOut)
		if account.Pause != nil {
			why = why.With("paused-again", purchase.ArgFlag(true))
		}
		return register.AddNotice(w, svc.reg.NewNotice(purchase.NoticeResumed, register.NoticeID("resumed", was.At), why,
			purchase.Order{}, ""))
	})
	if err != nil {
		return fmt.Errorf("announce that buying was resumed: %w", err)
	}
	svc.changed("")
	return nil
}

// resumed is the cause of a resume: by, name, reason, and beneath it what is in no budget. A person on the bot's own
// machine is named by the name of that user.
func resumed(who purchase.Person, reason string, leftOut purchase.Cause) purchase.Cause {
	c := purchase.NewCause(purchase.NoticeResumed, "by", who.ID, "name", who.Name, "reason", reason)
	if leftOut.Code != "" {
		c.Causes = []purchase.Cause{leftOut}
	}
	return c
}
