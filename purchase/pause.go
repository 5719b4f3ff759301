package purchase

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"licensebot/cocalc"
)

// Pause stops all buying until an admin resumes it: nothing new is promised or begun; what was paid is still finished
// and recorded. A *Refusal says why not.
func (d *Desk) Pause(ctx context.Context, click Click, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" && d.IsAdmin(click.Who) {
		return d.refused(ctx, refuse(NoReason, "doing", "pause"), "", click.Who, click.At)
	}
	return d.throw(ctx, click, func(w Writer, now time.Time) (*Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause != nil {
			return &Refusal{Cause: account.Pause.cause(AlreadyDone).With("doing", "pause")}, nil
		}
		p := Pause{
			Since: now, By: click.Who.ID, Name: click.Who.called(),
			Incidents: []Incident{{Cause: said(reason), Time: now, By: click.Who.ID}},
		}
		if _, err := pauseBuying(w, p, click.At.Channel); err != nil {
			return nil, err
		}
		return nil,
			addNotice(w, d.notice(NoticePaused, noticeID("paused", now), p.cause(NoticePaused), Order{}, click.Who.ID))
	})
}

// Resume ends a pause of buying; the reason may be left out. A *Refusal says why not.
func (d *Desk) Resume(ctx context.Context, click Click, reason string) error {
	reason = strings.TrimSpace(reason)
	err := d.throw(ctx, click, func(w Writer, now time.Time) (*Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause == nil {
			return refuse(AlreadyDone, "doing", "resume"), nil
		}
		leftOut := account.Pause.LeftOut()
		if err := resumeBuying(w, click.Who.ID, click.At.Channel, reason, now); err != nil {
			return nil, err
		}
		return nil,
			addNotice(w,
				d.notice(NoticeResumed, noticeID("resumed", now), resumed(Person{ID: click.Who.ID, Name: click.Who.called()},
					reason, leftOut), Order{}, click.Who.ID))
	})
	nudge(d.wake)
	return err
}

// ResumeByOperator ends a pause for a person on the bot's own machine, who need not be in Slack: `bot resume` calls it
// while a bot runs. It returns the pause; nil if there was none.
func (d *Desk) ResumeByOperator(ctx context.Context, by, reason string) (was *Pause, err error) {
	err = d.ledger.Update(ctx, func(w Writer) error {
		account, err := w.Account()
		if was = account.Pause; err != nil || was == nil {
			return err
		}
		now := d.now()
		if err := resumeBuying(w, by, "", reason, now); err != nil {
			return err
		}
		return addNotice(w,
			d.notice(NoticeResumed, noticeID("resumed", now), resumed(Person{ID: by, Name: by}, reason, was.LeftOut()), Order{},
				""))
	})
	if err != nil {
		return nil, fmt.Errorf("resume buying: %w", err)
	}
	d.changed("")
	nudge(d.wake)
	return was, nil
}

// Distrust pauses buying because the ledger contradicts itself, as CheckBooks found, and announces it. It does so once
// for the same findings: an admin who resumed buying has seen them. It reports whether it paused.
func (d *Desk) Distrust(ctx context.Context, findings []Finding) (bool, error) {
	cause := Cause{Code: IncidentBooks, Causes: []Cause{findings[0].Cause()}, Args: Args{
		"finding": string(findings[0].Code), "record": findings[0].Record,
		"more": strconv.Itoa(len(findings) - 1), "digest": digest(findings),
	}}
	paused := false
	err := d.ledger.Update(ctx, func(w Writer) error {
		paused = false
		for e, err := range AllEvents(w) {
			if err != nil || e.saysSo(findings) {
				return err
			}
		}
		now := d.now()
		if err := w.AppendEvent(Event{Time: now, Kind: string(NoticeBooks), By: BotName, Cause: cause}); err != nil {
			return err
		}
		paused = true
		if _, err := pauseBuying(w, ownPause(now, cause), ""); err != nil {
			return err
		}
		return addNotice(w, d.notice(NoticeBooks, noticeID("books", now), cause.With("told", d.policy.told()), Order{}, ""))
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
		doubt := Doubt{Began: d.now(), Run: d.bornAt, Who: click.Who.ID, Typed: click.Typed}
		defer d.underWay.begin(doubt)()
		err := d.ledger.Update(ctx, func(w Writer) (err error) {
			no, err = decision(w, d.now())
			return err
		})
		if err != nil {
			return d.doubted(fmt.Errorf("pause or resume buying: %w", err), doubt)
		}
	}
	if no != nil {
		return d.refused(ctx, no, "", click.Who, click.At)
	}
	d.changed("")
	return nil
}

// resumeBuying ends a pause. by is the person, place the channel of the command.
func resumeBuying(w Writer, by, place, reason string, now time.Time) error {
	account, err := w.Account()
	if err != nil || account.Pause == nil {
		return err
	}
	var accepts Cause
	if slices.ContainsFunc(account.Pause.incidents(), func(in Incident) bool { return in.Code == IncidentNewLedger }) {
		accepts = Cause{Code: AcceptsNewLedger}
		reason = strings.TrimSpace(reason + " (accepts this new ledger in place of the missing one)")
	}
	account.Pause = nil
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(Event{Time: now, Kind: "resumed", By: by, Place: place, Note: reason, Cause: accepts})
}

// ownPause returns a pause by the bot itself.
func ownPause(now time.Time, why Cause) Pause {
	return Pause{Since: now, By: BotName, Incidents: []Incident{{Cause: why, Time: now, By: BotName}}}
}

// pauseBuying stops all buying. If buying is paused already, p's incidents are added, since an admin who resumes buying
// needs to know them too. Each incident is stored and recorded once per pause; isNew reports whether one of p's was
// new. place is the channel of the command.
func pauseBuying(w Writer, p Pause, place string) (isNew bool, err error) {
	account, err := w.Account()
	if err != nil {
		return false, err
	}
	was := account.Pause
	now := p
	if was != nil {
		now = *was
	}
	all := slices.Clone(was.incidents())
	for _, in := range p.incidents() {
		if slices.ContainsFunc(all, func(known Incident) bool { return known.Is(in.Cause) }) {
			continue
		}
		all = append(all, in)
		if err := w.AppendEvent(Event{
			Time: in.Time, Kind: "paused", By: in.By, Place: place, Note: in.Args["reason"],
			Cause: in.Cause,
		}); err != nil {
			return false, err
		}
		isNew = true
	}
	if !isNew {
		return false, nil
	}
	if n := len(all); n > mostIncidents { // keeps the first one
		all = slices.Delete(all, 1, 1+n-mostIncidents)
	}
	now.Incidents = all
	account.Pause = &now
	return true, w.PutAccount(account)
}

// alarm pauses buying by the bot itself, and notifies the admins, once for each incident. It reports whether the
// incident is new.
func (d *Desk) alarm(w Writer, about Order, why Cause) (isNew bool, err error) {
	now := d.now()
	isNew, err = pauseBuying(w, ownPause(now, why), "")
	if err != nil || !isNew {
		return false, err
	}
	return true,
		addNotice(w, d.notice(NoticePaused, noticeID("paused", now)+"-"+string(why.Code)+"-"+string(about.ID), why, about,
			""))
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
	_, err = d.alarm(w, o, Cause{Code: IncidentUnknown, Args: Args{"first": string(last), "second": string(o.ID)}})
	return err
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
	cause := Cause{Code: IncidentCharged, Args: Args{
		"order": string(o.ID), "charged": cents(r.Charged),
		"agreed": cents(agreed),
	}}
	if err := w.AppendEvent(Event{
		Time: d.now(), Kind: kind, Order: o.ID, By: BotName, Amount: r.Charged,
		Cause: cause,
	}); err != nil {
		return err
	}
	_, err := d.alarm(w, o, cause)
	return err
}

// announced is what the order costs: as the server said at the last look before paying, or else as shown.
func (o *Order) announced() Cents { return cmp.Or(o.Amount, o.Price) }

// NoteSettings records which limiting settings changed since the last start, and by how: who may change the environment
// of the bot may raise a limit, and the audit says when that was. values are names and values, without secrets.
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
				note = fmt.Sprintf("%s changed from %s to %s", name, was, values[name])
			}
			if err := w.AppendEvent(Event{Time: d.now(), Kind: "setting", By: BotName, Note: note}); err != nil {
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
