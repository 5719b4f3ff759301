package purchase

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Pause stops all buying until an admin resumes it: nothing new is promised or begun; what was paid is still finished
// and recorded. A *Refusal says why not.
func (d *Desk) Pause(ctx context.Context, click Click, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" {
		return d.refused(ctx, &Refusal{NoReason, "Nothing was changed. Please say why: whoever tries to buy is told. For example `/license pause the budget is being checked`."}, "", click.Who, click.At)
	}
	return d.throw(ctx, click, func(w Writer, now time.Time) (*Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause != nil {
			return &Refusal{AlreadyDone, "Nothing was changed: buying is paused already. " + pauseWords(*account.Pause)}, nil
		}
		p := Pause{Since: now, By: click.Who.ID, Name: click.Who.called(), Reason: reason}
		if err := pauseBuying(w, p); err != nil {
			return nil, err
		}
		return nil, addNotice(w, d.notice(NoticePaused, noticeID("paused", now), pauseWords(p)+" Nothing new is bought until an admin says `/license resume`.", Order{}, click.Who.ID))
	})
}

// Resume ends a pause of buying. A *Refusal says why not.
func (d *Desk) Resume(ctx context.Context, click Click, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" {
		return d.refused(ctx, &Refusal{NoReason, "Nothing was changed. Please say why buying may go on: the reason is kept in the ledger. For example `/license resume checked with CoCalc`."}, "", click.Who, click.At)
	}
	err := d.throw(ctx, click, func(w Writer, now time.Time) (*Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause == nil {
			return &Refusal{AlreadyDone, "Nothing was changed: buying is not paused, so there is nothing to resume."}, nil
		}
		if err := ResumeBuying(w, click.Who.ID, reason, now); err != nil {
			return nil, err
		}
		return nil, addNotice(w, d.notice(NoticeResumed, noticeID("resumed", now), fmt.Sprintf("%s resumed buying. The reason: %s", click.Who.called(), sentence(reason)), Order{}, click.Who.ID))
	})
	nudge(d.wake)
	return err
}

// throw runs an admin's decision about all buying in one transaction, and records a refusal.
func (d *Desk) throw(ctx context.Context, click Click, decision func(Writer, time.Time) (*Refusal, error)) error {
	no := d.policy.mayAdminister(click.Who)
	if no == nil {
		err := d.ledger.Update(ctx, func(w Writer) (err error) {
			no, err = decision(w, d.now())
			return err
		})
		if err != nil {
			return fmt.Errorf("pause or resume buying: %w", err)
		}
	}
	if no != nil {
		return d.refused(ctx, no, "", click.Who, click.At)
	}
	d.changed("")
	return nil
}

// ResumeBuying ends a pause in the ledger: what `bot resume` does while no bot runs.
func ResumeBuying(w Writer, by, reason string, now time.Time) error {
	account, err := w.Account()
	if err != nil || account.Pause == nil {
		return err
	}
	account.Pause = nil
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(Event{Time: now, Kind: "resumed", By: by, Note: reason})
}

// pauseBuying stops all buying, unless it is stopped already.
func pauseBuying(w Writer, p Pause) error {
	account, err := w.Account()
	if err != nil || account.Pause != nil {
		return err
	}
	account.Pause = &p
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(Event{Time: p.Since, Kind: "paused", By: p.By, Note: p.Reason})
}

// pauseWords says who paused buying, since when and why.
func pauseWords(p Pause) string {
	by := p.Name
	if by == "" {
		by = p.By
	}
	return fmt.Sprintf("%s paused all buying on %s. The reason: %s", by, p.Since.UTC().Format("2 January 15:04 UTC"), sentence(p.Reason))
}
