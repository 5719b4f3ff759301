package purchase

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"licensebot/cocalc"
)

// explain turns a refusal of CoCalc, after which nothing was bought for certain, into a sentence for the requester:
// what happened, and what to do. The card says "Not bought". told says whether admins know (troubleWords).
func explain(e *cocalc.Error, told string, site Site) Failure {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return *failure(FailKey, lostCoCalc+told)
	case cocalc.CaptchaRequired:
		return *failure(FailNotSold, "CoCalc doesn't sell to this bot's account. "+told)
	case cocalc.InsufficientCredit:
		return *failure(FailNoCredit, "The CoCalc account doesn't have enough credit"+missingWords(e.Need)+". "+told)
	case cocalc.Throttled:
		return *failure(FailUnreachable, "CoCalc is limiting requests right now. Please try again in a few minutes.")
	case cocalc.CartBroken:
		which := "An item"
		if e.ItemID != 0 {
			which = fmt.Sprintf("Item %d", e.ItemID)
		}
		return *failure(FailCart, which+" in the CoCalc cart is broken and blocks every purchase on the account. "+
			"An admin can remove it at "+site.Cart()+". Then try again.")
	case cocalc.NotSoldHere, cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return *failure(FailNotSold, "This CoCalc server doesn't sell licenses. "+told)
	case cocalc.CapabilityMissing:
		return *failure(FailKey, lostCoCalc+told)
	case cocalc.Redirected:
		return *failure(FailNotSold, goneCoCalc+told)
	}
	if e.Outcome == cocalc.Rejected {
		return *failure(FailRefused, "CoCalc refused the order. "+told)
	}
	return *failure(FailUnreachable, "CoCalc isn't responding. Please try again later.")
}

// lostCoCalc is what people read while CoCalc does not accept the key. Trying again does not help.
const lostCoCalc = "I've lost access to CoCalc. "

// goneCoCalc is what buyers read of a server that leads elsewhere. Admins read where to: a network's sign-in page leads
// to another host just as a server that has moved does, so a buyer who read its name could take it for CoCalc.
const goneCoCalc = "I can't reach CoCalc where it was. "

// waiting returns why an order waits for CoCalc.
func waiting(e *cocalc.Error, keyName, told string) Cause {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return Cause{WaitsForKey, Args{"key": keyName, "told": told}}
	case cocalc.Throttled:
		return Cause{Code: WaitsForTurn}
	case cocalc.CartBroken:
		return Cause{Code: WaitsForCart}
	}
	return Cause{Code: WaitsForCoCalc}
}

// words returns why the order waits, for its card.
func (w *Wait) words() string {
	switch w.Code {
	case WaitsForResume:
		return "Buying is paused. I'll buy this as soon as it resumes."
	case WaitsForLedger:
		return "Buying is on hold until an admin puts my records back. I'll buy this then."
	case WaitsForCheckout:
		return "I'm still confirming another order with CoCalc. I'll buy this after it, usually within a few minutes."
	case WaitsForSlack:
		return "I'm waiting for Slack to confirm that you can still buy. I'll buy this as soon as it does."
	case WaitsForKey:
		return strings.TrimSpace(lostCoCalc + "I'll keep trying. " + w.Args["told"])
	case WaitsForTurn:
		if seconds, err := strconv.Atoi(w.Args["seconds"]); err == nil {
			return fmt.Sprintf("CoCalc asked me to wait %s before adding the next item. I'll continue then.", people(time.Duration(seconds)*time.Second))
		}
		return "CoCalc asked me to wait before adding the next item. I'll keep trying."
	case WaitsForServer:
		return w.serverWords()
	case WaitsForCart:
		return "A broken item is blocking the CoCalc cart. I'll keep trying."
	}
	return "CoCalc isn't responding properly right now. I'll keep trying."
}

// holdsFor says that an order is on hold for what the server is.
func holdsFor(c Condition) string {
	switch c {
	case SellsMemberships:
		return "This CoCalc server no longer sells licenses, so this order is on hold."
	case IsDown:
		return "CoCalc is down, so this order is on hold."
	}
	return goneCoCalc + "This order is on hold."
}

// people prints a duration as people say it.
func people(d time.Duration) string {
	unit := func(n int, one string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %ss", n, one)
	}
	d = max(d, time.Second)
	switch {
	case d < 2*time.Minute:
		return unit(int((d+time.Second-1)/time.Second), "second")
	case d < 2*time.Hour:
		return unit(int(d.Round(time.Minute)/time.Minute), "minute")
	}
	return unit(int(d.Round(time.Hour)/time.Hour), "hour")
}

// explainReading says why something could not be read: an unread list is not an empty one.
func explainReading(e *cocalc.Error, told string) string {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return lostCoCalc + told
	case cocalc.NotFound:
		return "CoCalc doesn't know a license with that id. Use `/license list` to see the account's licenses."
	case cocalc.NotSoldHere:
		return "This CoCalc server no longer sells licenses, so they can't be read there. " + stillHere
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return "CoCalc doesn't let API keys see this. " + stillHere
	case cocalc.CapabilityMissing:
		return "CoCalc doesn't let this bot see this. " + told
	case cocalc.Redirected:
		return goneCoCalc + told
	case cocalc.Throttled:
		return "CoCalc asked me to wait " + people(e.Wait) + ". Please try again then."
	}
	return "CoCalc isn't responding. Please try again in a few minutes."
}

// stillHere says what can be read without CoCalc.
const stillHere = "Your purchase history is still here: `/license history`."

// RenewalsTrouble returns why the renewals on the CoCalc account are not shown.
func (d *Desk) RenewalsTrouble(err error) string {
	if e := asCoCalc(err); e != nil && kindOf(err) != cocalc.NotSignedIn {
		return explainRenewals(e, d.policy.told())
	}
	return "I couldn't check renewals. " + d.Trouble(err)
}

func explainRenewals(e *cocalc.Error, told string) string {
	switch e.Kind {
	case cocalc.KeyNotAllowed, cocalc.SignInRequired:
		return "CoCalc doesn't let API keys see renewals."
	case cocalc.NotSoldHere: // a server of the older kind sells licenses, and has none either
		return "This CoCalc server has no list of renewals."
	}
	return "I couldn't check renewals. " + explainReading(e, told)
}

func asCoCalc(err error) *cocalc.Error {
	var e *cocalc.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
