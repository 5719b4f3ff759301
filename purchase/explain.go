package purchase

import (
	"errors"

	"licensebot/cocalc"
)

// explain turns a refusal of CoCalc, after which nothing was bought for certain, into why the order has failed. told
// says whether admins know (Policy.told).
func explain(e *cocalc.Error, told string, site Site) Failure {
	switch e.Kind {
	case cocalc.NotSignedIn, cocalc.CapabilityMissing:
		return *failed(FailKey, "told", told)
	case cocalc.CaptchaRequired:
		return *failed(FailNotSold, "why", "captcha", "told", told)
	case cocalc.InsufficientCredit:
		return *failed(FailNoCredit, "missing", someCents(e.Need), "told", told)
	case cocalc.Throttled:
		return *failed(FailUnreachable, "why", "throttled")
	case cocalc.CartBroken:
		return *failed(FailCart, "why", "blocked", "item", someID(e.ItemID), "cart", site.Cart())
	case cocalc.NotSoldHere, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return *failed(FailNotSold, "why", "no-licenses", "told", told)
	case cocalc.Redirected:
		return *failed(FailNotSold, "why", "redirected", "told", told)
	default:
		if e.Outcome == cocalc.Rejected {
			return *failed(FailRefused, "told", told)
		}
		return *failed(FailUnreachable)
	}
}

// waiting returns why an order waits for CoCalc.
func waiting(e *cocalc.Error, keyName, told string) Cause {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return because(WaitsForKey, "key", keyName, "told", told)
	case cocalc.Throttled:
		return Cause{Code: WaitsForTurn}
	case cocalc.CartBroken:
		return Cause{Code: WaitsForCart}
	default:
		return Cause{Code: WaitsForCoCalc}
	}
}

// explainReading says why something could not be read at CoCalc: an unread list is not an empty one.
func explainReading(e *cocalc.Error, told string) *Refusal {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return refuse(NotRead, "why", "key-refused", "told", told)
	case cocalc.NotFound:
		return refuse(NotRead, "why", "unknown-license")
	case cocalc.NotSoldHere:
		return refuse(NotRead, "why", "no-licenses")
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return refuse(NotRead, "why", "not-for-keys")
	case cocalc.CapabilityMissing:
		return refuse(NotRead, "why", "capability", "told", told)
	case cocalc.Redirected:
		return refuse(NotRead, "why", "redirected", "told", told)
	case cocalc.Throttled:
		return refuse(NotRead, "why", "throttled", "seconds", seconds(e.Wait))
	default:
		return refuse(NotRead, "why", "no-answer")
	}
}

// RenewalsTrouble returns why the renewals on the CoCalc account are not shown.
func (d *Desk) RenewalsTrouble(err error) *Refusal {
	switch kindOf(err) {
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return refuse(NoRenewals, "why", "not-for-keys")
	case cocalc.NotSoldHere: // a server of the older kind sells licenses, and has none either
		return refuse(NoRenewals, "why", "no-list")
	default:
		return &Refusal{Cause: Cause{Code: NoRenewals, Causes: []Cause{d.Trouble(err).Cause}}}
	}
}

func asCoCalc(err error) *cocalc.Error {
	var e *cocalc.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
