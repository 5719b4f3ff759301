package purchase

import (
	"time"

	"licensebot/cocalc"
)

// Buyers read what happened and what they can do. Admins get a notice, once per incident, with the names of settings
// and keys and with CoCalc's own words.

// TroubleInterval is the pause before the admins are notified again of a trouble that lasts.
const TroubleInterval = 24 * time.Hour

// AdminsTold returns whether the admins know of what a buyer meets, as an argument of a cause: "yes", or "no" if there
// are none to notify, so the buyer has to tell them.
func (p Policy) AdminsTold() string {
	if len(p.Admins) == 0 {
		return "no"
	}
	return "yes"
}

// TroubleFor describes, for admins, what is wrong between the bot and CoCalc; the zero Cause if no admin could change
// it. keyName is the API key's name, never the key.
func TroubleFor(e *cocalc.Error, keyName string, site Site) Cause {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return NewCause(NotificationTrouble, "why", "key-refused", "key", keyName)
	case cocalc.CaptchaRequired:
		return NewCause(NotificationTrouble, "why", "captcha", "key", keyName)
	case cocalc.InsufficientCredit:
		return NewCause(NotificationTrouble, "why", "no-credit", "missing", ArgSomeCents(e.Need), "payments", site.Payments())
	case cocalc.NotSoldHere:
		return NewCause(NotificationTrouble, "why", "no-licenses")
	case cocalc.NotFound, cocalc.Throttled, cocalc.CartBroken:
		return Cause{}
	default:
		if e.Outcome == cocalc.Rejected {
			return NewCause(NotificationTrouble, "why", "refused", "said", cutRunes(e.Text, 300))
		}
		return Cause{}
	}
}
