package purchase

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

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

// UserMessage returns what people read when something could not be shown: an unread list is not an empty one. An err
// that is a [*Refusal] says it itself.
func (p Policy) UserMessage(err error) *Refusal {
	var no *Refusal
	if errors.As(err, &no) {
		return no
	}
	if e := AsCoCalc(err); e != nil {
		return readingRefusal(e, p.AdminsTold())
	}
	return NewRefusal(NotRead)
}

// RenewalsMessage returns why the renewals on the CoCalc account are not shown.
func (p Policy) RenewalsMessage(err error) *Refusal {
	switch KindOf(err) {
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return NewRefusal(NoRenewals, "why", "not-for-keys")
	case cocalc.NotSoldHere: // a server of the older kind sells licenses, and has none either
		return NewRefusal(NoRenewals, "why", "no-list")
	default:
		return &Refusal{Cause: Cause{Code: NoRenewals, Causes: []Cause{p.UserMessage(err).Cause}}}
	}
}

// readingRefusal says why something could not be read at CoCalc. told is whether the admins know.
func readingRefusal(e *cocalc.Error, told string) *Refusal {
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

// OnProject is what CoCalc said about the license's project when the order was made.
type OnProject struct {
	Title string `json:"title,omitempty"` // written by the project's people
	// Collaborator is set if the account only works on the project and does not own it.
	Collaborator bool `json:"collaborator,omitempty"`
}

// ProjectUnusable refuses a project that the account is not in, and a deleted one.
func ProjectUnusable(spec Spec, p cocalc.Project, err error) *Refusal {
	switch {
	case KindOf(err) == cocalc.NotFound:
		return NewRefusal(NoSuchProject, "project", spec.ProjectID)
	case err == nil && p.Deleted:
		return NewRefusal(NoSuchProject, "project", spec.ProjectID, "deleted", ArgFlag(true))
	}
	return nil
}

// MostBroken is how many broken items are remembered as named.
const MostBroken = 20

// ItemCause returns a cause about a cart item: item, product (if it is no license), title, added.
func ItemCause(code CauseCode, item cocalc.CartItem) Cause {
	var d struct {
		Title  string          `json:"title"`
		Type   json.RawMessage `json:"type"`
		Period json.RawMessage `json:"period"`
	}
	_ = json.Unmarshal(item.Description, &d) // what is broken may be anything; then it has no title
	product := item.Product
	if product == "site-license" {
		product = ""
	}
	return NewCause(code, "item", ArgSomeID(item.ID), "product", product, "title", cutRunes(strings.TrimSpace(d.Title),
		60),
		"added", ArgTime(item.Added))
}

func cutRunes(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// What became of an item that an admin wanted out of the cart: item.
const (
	ItemTakenOut CauseCode = "item-taken-out" // cart: its address
	ItemGone     CauseCode = "item-gone"      // it was no longer in the cart
	ItemBought   CauseCode = "item-bought"    // it was no longer in the cart, since a person had bought it
)
