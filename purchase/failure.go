package purchase

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"licensebot/cocalc"
)

// FailureFor returns the failure of an order after an error of CoCalc that proves that nothing was bought. notified is
// Policy.AdminsNotified.
func FailureFor(e *cocalc.Error, notified string, site Site) Failure {
	switch e.Kind {
	case cocalc.NotSignedIn, cocalc.CapabilityMissing:
		return *NewFailure(FailKey, "told", notified)
	case cocalc.CaptchaRequired:
		return *NewFailure(FailNotSold, "why", "captcha", "told", notified)
	case cocalc.InsufficientCredit:
		return *NewFailure(FailNoCredit, "missing", ArgSomeCents(e.Need), "told", notified)
	case cocalc.Throttled:
		return *NewFailure(FailUnreachable, "why", "throttled")
	case cocalc.CartBroken:
		return *NewFailure(FailCart, "why", "blocked", "item", ArgSomeID(e.ItemID), "cart", site.Cart())
	case cocalc.NotSoldHere, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return *NewFailure(FailNotSold, "why", "no-licenses", "told", notified)
	case cocalc.Redirected:
		return *NewFailure(FailNotSold, "why", "redirected", "told", notified)
	default:
		if e.Outcome == cocalc.Rejected {
			return *NewFailure(FailRefused, "told", notified)
		}
		return *NewFailure(FailUnreachable)
	}
}

// WaitFor returns the cause for which an order waits after an error of CoCalc. notified is Policy.AdminsNotified.
func WaitFor(e *cocalc.Error, keyName, notified string) Cause {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return NewCause(WaitsForKey, "key", keyName, "told", notified)
	case cocalc.Throttled:
		return Cause{Code: WaitsForTurn}
	case cocalc.CartBroken:
		return Cause{Code: WaitsForCart}
	default:
		return Cause{Code: WaitsForCoCalc}
	}
}

// UserMessage returns the refusal for a person who asked for something that could not be read. A list that could not be
// read must not be shown as empty. If err contains a [*Refusal], that is the result.
func (p Policy) UserMessage(err error) *Refusal {
	var no *Refusal
	if errors.As(err, &no) {
		return no
	}
	if e := AsCoCalc(err); e != nil {
		return readingRefusal(e, p.AdminsNotified())
	}
	return NewRefusal(NotRead)
}

// RenewalsMessage returns the refusal for a person when the renewals of the CoCalc account could not be read.
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

// readingRefusal returns the refusal for an error of CoCalc to a read request. notified is Policy.AdminsNotified.
func readingRefusal(e *cocalc.Error, notified string) *Refusal {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return NewRefusal(NotRead, "why", "key-refused", "told", notified)
	case cocalc.NotFound:
		return NewRefusal(NotRead, "why", "unknown-license")
	case cocalc.NotSoldHere:
		return NewRefusal(NotRead, "why", "no-licenses")
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return NewRefusal(NotRead, "why", "not-for-keys")
	case cocalc.CapabilityMissing:
		return NewRefusal(NotRead, "why", "capability", "told", notified)
	case cocalc.Redirected:
		return NewRefusal(NotRead, "why", "redirected", "told", notified)
	case cocalc.Throttled:
		return NewRefusal(NotRead, "why", "throttled", "seconds", ArgSeconds(e.Wait))
	default:
		return NewRefusal(NotRead, "why", "no-answer")
	}
}

// AsCoCalc returns the *cocalc.Error in err's chain; nil if there is none.
func AsCoCalc(err error) *cocalc.Error {
	var e *cocalc.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// NewFailure returns a failure with arguments, given as alternating names and values. Empty values are left out.
func NewFailure(code FailureCode, pairs ...string) *Failure {
	return &Failure{Cause: NewCause(code, pairs...)}
}

// FailureOf returns a failure with a refusal as its underlying cause.
func FailureOf(code FailureCode, no *Refusal) *Failure {
	return &Failure{Cause: Cause{Code: code, Causes: []Cause{no.Cause}}}
}

// KindOf returns the kind of a CoCalc error; cocalc.Other for any other error, and for nil.
func KindOf(err error) cocalc.Kind {
	if e := AsCoCalc(err); e != nil {
		return e.Kind
	}
	return cocalc.Other
}

// Buyers read what happened and what they can do. Admins get a notification, once per incident, with the names of
// settings and keys and with CoCalc's own message.

// TroubleInterval is the time after which the admins are notified again of a trouble that lasts.
const TroubleInterval = 24 * time.Hour

// AdminsNotified returns the argument that says whether the admins are notified of a trouble: "yes", or "no" if the
// policy has no admins, so that the buyer has to report it.
func (p Policy) AdminsNotified() string {
	if len(p.Admins) == 0 {
		return "no"
	}
	return "yes"
}

// TroubleFor returns the cause of a notification to the admins about an error of CoCalc; the zero Cause if no admin
// could fix it. keyName is the API key's display name, never the key.
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

// OnProject is what CoCalc returned about the license's project when the order was created.
type OnProject struct {
	Title string `json:"title,omitempty"` // written by the project's collaborators
	// Collaborator is set if the CoCalc account is a collaborator of the project and not its owner.
	Collaborator bool `json:"collaborator,omitempty"`
}

// ProjectUnusable refuses a project that the account does not belong to, and a deleted one. p and err are what
// cocalc.Client.Project returned; other errors are not refused.
func ProjectUnusable(spec Spec, p cocalc.Project, err error) *Refusal {
	switch {
	case KindOf(err) == cocalc.NotFound:
		return NewRefusal(NoSuchProject, "project", spec.ProjectID)
	case err == nil && p.Deleted:
		return NewRefusal(NoSuchProject, "project", spec.ProjectID, "deleted", ArgFlag(true))
	}
	return nil
}

// MaxBroken is the maximum number of broken items that AccountState.Broken remembers.
const MaxBroken = 20

// ItemCause returns a cause about a cart item: item, product (if it is not a license), title, added.
func ItemCause(code CauseCode, item cocalc.CartItem) Cause {
	var d struct {
		Title  string          `json:"title"`
		Type   json.RawMessage `json:"type"`
		Period json.RawMessage `json:"period"`
	}
	_ = json.Unmarshal(item.Description, &d) // a broken description may not be an object; then it has no title
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

// The results when an admin asks to remove an item from the cart: item.
const (
	ItemTakenOut CauseCode = "item-taken-out" // cart: its address
	ItemGone     CauseCode = "item-gone"      // it was no longer in the cart
	ItemBought   CauseCode = "item-bought"    // it was no longer in the cart, because it had been bought
)
