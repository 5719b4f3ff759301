package purchase

import (
	"context"
	"fmt"
	"time"
)

// OfflineResume is a resume by `bot resume` while no bot ran. The next start announces it.
type OfflineResume struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
	LeftOut Cause     `json:"left_out_cause,omitzero"` // see Pause.LeftOut
}

// ResumeBuying ends a pause in the ledger while no bot runs, and has the next start announce it. It returns the pause;
// nil if there was none.
func ResumeBuying(w Writer, by, reason string, now time.Time) (was *Pause, err error) {
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
	account.ResumedOffline = &OfflineResume{At: now, By: by, Reason: reason, LeftOut: was.LeftOut()}
	return was, w.PutAccount(account)
}

// announceResume announces a resume from the time before this run, once.
func (d *Desk) announceResume(ctx context.Context) error {
	var account AccountState
	err := d.ledger.View(ctx, func(r Reader) (err error) { account, err = r.Account(); return err })
	if err != nil || account.ResumedOffline == nil {
		return err
	}
	err = d.ledger.Update(ctx, func(w Writer) error {
		account, err := w.Account()
		if err != nil || account.ResumedOffline == nil {
			return err
		}
		was := *account.ResumedOffline
		account.ResumedOffline = nil
		if err := w.PutAccount(account); err != nil {
			return err
		}
		why := resumed(Person{ID: was.By, Name: was.By}, was.Reason, was.LeftOut)
		if account.Pause != nil {
			why = why.With("paused-again", flag(true))
		}
		return addNotice(w, d.notice(NoticeResumed, noticeID("resumed", was.At), why, Order{}, ""))
	})
	if err != nil {
		return fmt.Errorf("announce that buying was resumed: %w", err)
	}
	d.changed("")
	return nil
}

// resumed is the cause of a resume: by, name, reason, and beneath it what is in no budget. A person on the bot's own
// machine is named by the name of that user.
func resumed(who Person, reason string, leftOut Cause) Cause {
	c := because(NoticeResumed, "by", who.ID, "name", who.Name, "reason", reason)
	if leftOut.Code != "" {
		c.Causes = []Cause{leftOut}
	}
	return c
}
