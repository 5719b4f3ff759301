package register

import (
	"slices"
	"time"

	"licensebot/purchase"
)

// BotPause returns a pause by the bot itself.
func BotPause(now time.Time, why purchase.Cause) purchase.Pause {
	return purchase.Pause{Since: now, By: purchase.BotName, Incidents: []purchase.Incident{{
		Cause: why, Time: now,
		By: purchase.BotName,
	}}}
}

// PauseBuying stops all buying. If buying is paused already, p's incidents are added, since an admin who resumes buying
// needs to know them too. Each incident is stored and recorded once per pause; isNew reports whether one of p's was
// new. place is the channel of the command.
func PauseBuying(w purchase.Writer, p purchase.Pause, place string) (isNew bool, err error) {
	account, err := w.Account()
	if err != nil {
		return false, err
	}
	was := account.Pause
	now := p
	if was != nil {
		now = *was
	}
	all := slices.Clone(was.AllIncidents())
	for _, in := range p.AllIncidents() {
		if slices.ContainsFunc(all, func(known purchase.Incident) bool { return known.Is(in.Cause) }) {
			continue
		}
		all = append(all, in)
		if err := w.AppendEvent(purchase.Event{
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

// RaiseAlarm pauses buying by the bot itself, and notifies the admins, once for each incident. It reports whether the
// incident is new.
func (reg *Register) RaiseAlarm(w purchase.Writer, about purchase.Order, why purchase.Cause) (isNew bool, err error) {
	now := reg.now()
	isNew, err = PauseBuying(w, BotPause(now, why), "")
	if err != nil || !isNew {
		return false, err
	}
	return true,
		AddNotification(w, reg.NewNotification(purchase.NotificationPaused,
			NotificationID("paused", now)+"-"+string(why.Code)+"-"+string(about.ID),
			why, about,
			""))
}

// unknownsApart is within which time two orders whose outcome became unknown are no coincidence any more.
const unknownsApart = 24 * time.Hour

// CheckSecondUnknown pauses buying when the outcome of a second order becomes unknown within a day.
func (reg *Register) CheckSecondUnknown(w purchase.Writer, o purchase.Order) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	last, at := account.LastUnknown, account.LastUnknownAt
	account.LastUnknown, account.LastUnknownAt = o.ID, reg.now()
	if err := w.PutAccount(account); err != nil || last == "" || last == o.ID || reg.now().Sub(at) > unknownsApart {
		return err
	}
	_, err = reg.RaiseAlarm(w, o, purchase.Cause{Code: purchase.IncidentUnknown, Args: purchase.Args{
		"first":  string(last),
		"second": string(o.ID),
	}})
	return err
}

// mostIncidents is how many reasons a pause keeps. Beyond it, the second oldest is dropped; the audit has all.
const mostIncidents = 100
