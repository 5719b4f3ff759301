package purchase

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
)

// Pause stops all buying until an admin resumes it: nothing new is promised or begun; what was paid is still finished
// and recorded. A *Refusal says why not.
func (d *Desk) Pause(ctx context.Context, click Click, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" && d.IsAdmin(click.Who) {
		return d.refused(ctx, &Refusal{Code: NoReason, Sentence: "Nothing was changed. Please say why: whoever tries to buy is told. For example `/license pause the budget is being checked`."}, "", click.Who, click.At)
	}
	return d.throw(ctx, click, func(w Writer, now time.Time) (*Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause != nil {
			return &Refusal{Code: AlreadyDone, Quotes: true, Sentence: "Nothing was changed: buying is paused already. " + d.policy.pauseWords(*account.Pause)}, nil
		}
		p := Pause{Since: now, By: click.Who.ID, Name: click.Who.called(), Reason: reason}
		if err := pauseBuying(w, p, click.At.Channel); err != nil {
			return nil, err
		}
		return nil, addNotice(w, d.notice(NoticePaused, noticeID("paused", now), d.policy.pauseWords(p)+" Nothing new is bought until an admin says `/license resume`.", Order{}, click.Who.ID))
	})
}

// Resume ends a pause of buying; the reason may be left out. A *Refusal says why not.
func (d *Desk) Resume(ctx context.Context, click Click, reason string) error {
	reason = strings.TrimSpace(reason)
	said := ""
	if reason != "" {
		said = " The reason: " + quoted(reason) + "."
	}
	err := d.throw(ctx, click, func(w Writer, now time.Time) (*Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause == nil {
			return &Refusal{Code: AlreadyDone, Sentence: "Nothing was changed: buying is not paused, so there is nothing to resume."}, nil
		}
		if err := resumeBuying(w, click.Who.ID, click.At.Channel, reason, now); err != nil {
			return nil, err
		}
		return nil, addNotice(w, d.notice(NoticeResumed, noticeID("resumed", now), click.Who.called()+" resumed buying."+said, Order{}, click.Who.ID))
	})
	nudge(d.wake)
	return err
}

// ResumeByOperator ends a pause by the word of somebody on the bot's own machine, who need not be in Slack: what
// `bot resume` does while a bot runs. It answers the pause; nil when there was none.
func (d *Desk) ResumeByOperator(ctx context.Context, by, reason string) (was *Pause, err error) {
	err = d.ledger.Update(ctx, func(w Writer) error {
		account, err := w.Account()
		if was = account.Pause; err != nil || was == nil {
			return err
		}
		now := d.now()
		if err := ResumeBuying(w, by, reason, now); err != nil {
			return err
		}
		return addNotice(w, d.notice(NoticeResumed, noticeID("resumed", now), fmt.Sprintf("%s resumed buying. The reason: %s.", by, quoted(reason)), Order{}, ""))
	})
	if err != nil {
		return nil, fmt.Errorf("resume buying: %w", err)
	}
	d.changed("")
	nudge(d.wake)
	return was, nil
}

// Distrust pauses buying because the ledger contradicts itself, as CheckBooks found, and has it told. It does so once for
// the same findings: whoever resumed buying since has seen them. It reports whether it paused.
func (d *Desk) Distrust(ctx context.Context, findings []Finding) (bool, error) {
	what := "my ledger contradicts itself. " + findings[0].Sentence
	if more := len(findings) - 1; more > 0 {
		what += fmt.Sprintf(" `bot verify` shows %d more.", more)
	}
	paused := false
	err := d.ledger.Update(ctx, func(w Writer) error {
		paused = false
		for e, err := range AllEvents(w) {
			if err != nil || e.Kind == string(NoticeBooks) && e.Note == what {
				return err
			}
		}
		now := d.now()
		if err := w.AppendEvent(Event{Time: now, Kind: string(NoticeBooks), By: botName, Note: what}); err != nil {
			return err
		}
		paused = true
		if err := pauseBuying(w, Pause{Since: now, By: botName, Reason: what}, ""); err != nil {
			return err
		}
		return addNotice(w, d.notice(NoticeBooks, noticeID("books", now), "Buying is paused: "+what+" Please look at it before an admin says `/license resume`.", Order{}, ""))
	})
	if err != nil {
		return false, fmt.Errorf("pause buying: %w", err)
	}
	d.changed("")
	return paused, nil
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
	return resumeBuying(w, by, "", reason, now)
}

// resumeBuying ends a pause by somebody's word in the place.
func resumeBuying(w Writer, by, place, reason string, now time.Time) error {
	account, err := w.Account()
	if err != nil || account.Pause == nil {
		return err
	}
	account.Pause = nil
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(Event{Time: now, Kind: "resumed", By: by, Place: place, Note: reason})
}

// mostReasons is how long the reasons of a pause may get before further ones are only in the audit.
const mostReasons = 1000

// pauseBuying stops all buying. What is found while it is stopped already is added to the reason: whoever resumes buying has
// to know of that too. place is where somebody said so.
func pauseBuying(w Writer, p Pause, place string) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	now := p
	if was := account.Pause; was != nil {
		now = *was
		if strings.Contains(was.Reason, p.Reason) || len(was.Reason) > mostReasons {
			return nil
		}
		now.Reason = fmt.Sprintf("%s Since then: %s", sentence(was.Reason), p.Reason)
	}
	account.Pause = &now
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(Event{Time: p.Since, Kind: "paused", By: p.By, Place: place, Note: p.Reason})
}

// pauseWords says who paused buying, since when and why.
func (p Policy) pauseWords(stop Pause) string {
	reason := quoted(stop.Reason) + "."
	if stop.By == botName { // its own words, of a sentence or several
		reason = sentence(stop.Reason)
	}
	return fmt.Sprintf("%s paused all buying on %s. The reason: %s", Person{ID: stop.By, Name: stop.Name}.called(), p.moment(stop.Since), reason)
}

// alarm pauses buying by the bot itself, and tells the admins.
func (d *Desk) alarm(w Writer, about Order, what string) error {
	now := d.now()
	if err := pauseBuying(w, Pause{Since: now, By: botName, Reason: what}, ""); err != nil {
		return err
	}
	return addNotice(w, d.notice(NoticePaused, noticeID("paused", now)+"-"+string(about.ID), "I paused all buying. "+sentence(what)+
		" Nothing new is bought until an admin says `/license resume`.", about, ""))
}

// unknownsApart is within which time two orders whose outcome became unknown are no coincidence any more.
const unknownsApart = 24 * time.Hour

// secondUnknown pauses buying when the outcome of a second order becomes unknown within a day.
func (d *Desk) secondUnknown(w Writer, o Order) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	last, at := account.LastUnknown, account.LastUnknownAt
	account.LastUnknown, account.LastUnknownAt = o.ID, d.now()
	if err := w.PutAccount(account); err != nil || last == "" || last == o.ID || d.now().Sub(at) > unknownsApart {
		return err
	}
	return d.alarm(w, o, fmt.Sprintf("the outcome of two checkouts was unknown within a day: of order %s and of order %s", last, o.ID))
}

// charged pauses buying when CoCalc charged something else than was agreed to and announced. Only a fixed term may cost
// less: it has begun meanwhile.
func (d *Desk) charged(w Writer, o Order, r Receipt) error {
	agreed, kind := o.announced(), "overcharged"
	switch {
	case r.Charged > o.Price:
		agreed = o.Price
	case r.Charged == agreed, o.Spec.Period == cocalc.PeriodRange:
		return nil
	case r.Charged < agreed:
		kind = "undercharged"
	}
	what := fmt.Sprintf("CoCalc charged %s for order %s, and %s was agreed to", r.Charged, o.ID, agreed)
	if err := w.AppendEvent(Event{Time: d.now(), Kind: kind, Order: o.ID, By: botName, Amount: r.Charged, Note: what}); err != nil {
		return err
	}
	return d.alarm(w, o, what)
}

// announced is what the order costs: as the server said at the last look before paying, or else as shown.
func (o *Order) announced() Cents { return cmp.Or(o.Amount, o.Price) }

// NoteSettings records which limiting settings changed since the last start, and by how: who may change the environment of
// the bot may raise a limit, and the audit says when that was. values are names and values, without secrets.
func (d *Desk) NoteSettings(ctx context.Context, values map[string]string) error {
	err := d.ledger.Update(ctx, func(w Writer) error {
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
				note = fmt.Sprintf("%s was %s, and is %s", name, was, values[name])
			}
			if err := w.AppendEvent(Event{Time: d.now(), Kind: "setting", By: botName, Note: note}); err != nil {
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
