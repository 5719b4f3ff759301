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

// PauseBuying stops all buying. If buying is already paused, it adds p's incidents, because an admin who resumes has to
// know all of them. Each incident is recorded once per pause; isNew reports whether p had a new one. place is the
// channel of the command; empty for the bot.
func PauseBuying(w purchase.Writer, p purchase.Pause, place string) (isNew bool, err error) {
	account, err := w.Account()
	if err != nil {
		return false, err
	}
	pause := p
	if account.Pause != nil {
		pause = *account.Pause
	}
	all := slices.Clone(account.Pause.AllIncidents())
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
	if n := len(all); n > maxIncidents { // the first one is kept
		all = slices.Delete(all, 1, 1+n-maxIncidents)
	}
	pause.Incidents = all
	account.Pause = &pause
	return true, w.PutAccount(account)
}

// RaiseAlarm pauses buying in the bot's name and notifies the admins, once per incident. isNew reports whether the
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

// unresolvedWindow is the time within which two orders of unknown outcome pause buying.
const unresolvedWindow = 24 * time.Hour

// CheckSecondUnknown pauses buying if o is the second order within a day whose outcome became unknown.
func (reg *Register) CheckSecondUnknown(w purchase.Writer, o purchase.Order) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	last, at := account.LastUnknown, account.LastUnknownAt
	account.LastUnknown, account.LastUnknownAt = o.ID, reg.now()
	if err := w.PutAccount(account); err != nil || last == "" || last == o.ID || reg.now().Sub(at) > unresolvedWindow {
		return err
	}
	_, err = reg.RaiseAlarm(w, o, purchase.Cause{Code: purchase.IncidentUnknown, Args: purchase.Args{
		"first":  string(last),
		"second": string(o.ID),
	}})
	return err
}

// maxIncidents is the maximum number of incidents of a pause. Beyond it, the second oldest is dropped; the audit keeps
// all.
const maxIncidents = 100
