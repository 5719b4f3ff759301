package purchase

import (
	"errors"

	"licensebot/cocalc"
)

// FailureFor turns a refusal of CoCalc, after which nothing was bought for certain, into why the order has failed. told
// says whether admins know (Policy.AdminsTold).
func FailureFor(e *cocalc.Error, told string, site Site) Failure {
	switch e.Kind {
	case cocalc.NotSignedIn, cocalc.CapabilityMissing:
		return *NewFailure(FailKey, "told", told)
	case cocalc.CaptchaRequired:
		return *NewFailure(FailNotSold, "why", "captcha", "told", told)
	case cocalc.InsufficientCredit:
		return *NewFailure(FailNoCredit, "missing", ArgSomeCents(e.Need), "told", told)
	case cocalc.Throttled:
		return *NewFailure(FailUnreachable, "why", "throttled")
	case cocalc.CartBroken:
		return *NewFailure(FailCart, "why", "blocked", "item", ArgSomeID(e.ItemID), "cart", site.Cart())
	case cocalc.NotSoldHere, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return *NewFailure(FailNotSold, "why", "no-licenses", "told", told)
	case cocalc.Redirected:
		return *NewFailure(FailNotSold, "why", "redirected", "told", told)
	default:
		if e.Outcome == cocalc.Rejected {
			return *NewFailure(FailRefused, "told", told)
		}
		return *NewFailure(FailUnreachable)
	}
}

// WaitFor returns why an order waits for CoCalc.
func WaitFor(e *cocalc.Error, keyName, told string) Cause {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return NewCause(WaitsForKey, "key", keyName, "told", told)
	case cocalc.Throttled:
		return Cause{Code: WaitsForTurn}
	case cocalc.CartBroken:
		return Cause{Code: WaitsForCart}
	default:
		return Cause{Code: WaitsForCoCalc}
	}
}

// ReadingRefusal says why something could not be read at CoCalc: an unread list is not an empty one.
func ReadingRefusal(e *cocalc.Error, told string) *Refusal {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return NewRefusal(NotRead, "why", "key-refused", "told", told)
	case cocalc.NotFound:
		return NewRefusal(NotRead, "why", "unknown-license")
	case cocalc.NotSoldHere:
		return NewRefusal(NotRead, "why", "no-licenses")
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return NewRefusal(NotRead, "why", "not-for-keys")
	case cocalc.CapabilityMissing:
		return NewRefusal(NotRead, "why", "capability", "told", told)
	case cocalc.Redirected:
		return NewRefusal(NotRead, "why", "redirected", "told", told)
	case cocalc.Throttled:
		return NewRefusal(NotRead, "why", "throttled", "seconds", ArgSeconds(e.Wait))
	default:
		return NewRefusal(NotRead, "why", "no-answer")
	}
}

// AsCoCalc returns the error as one of CoCalc; nil if it is another.
func AsCoCalc(err error) *cocalc.Error {
	var e *cocalc.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// NewFailure returns a failure with arguments, given as names and values. Empty values are left out.
func NewFailure(code FailureCode, pairs ...string) *Failure {
	return &Failure{Cause: NewCause(code, pairs...)}
}

// FailureOf returns a failure that rests on a refusal.
func FailureOf(code FailureCode, no *Refusal) *Failure {
	return &Failure{Cause: Cause{Code: code, Causes: []Cause{no.Cause}}}
}

// KindOf returns the kind of an error of CoCalc; cocalc.Other for other errors, and for nil.
func KindOf(err error) cocalc.Kind {
	if e := AsCoCalc(err); e != nil {
		return e.Kind
	}
	return cocalc.Other
}
