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
// what happened, that no money was spent, and what to do. told says whether admins know (troubleWords).
func explain(e *cocalc.Error, told string, site Site) Failure {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return *failure(FailKey, "CoCalc isn't accepting orders from this bot. Nothing was bought. "+told)
	case cocalc.CaptchaRequired:
		return *failure(FailNotSold, "CoCalc doesn't sell to this bot's account. Nothing was bought. "+told)
	case cocalc.InsufficientCredit:
		return *failure(FailNoCredit, "The CoCalc account doesn't have enough credit"+missingWords(e.Need)+". Nothing was bought. "+told)
	case cocalc.Throttled:
		return *failure(FailUnreachable, "CoCalc had too many requests, and refused to go on. Nothing was bought. Please try again in a minute.")
	case cocalc.CartBroken:
		which := "An item"
		if e.ItemID != 0 {
			which = fmt.Sprintf("Item %d", e.ItemID)
		}
		return *failure(FailCart, which+" in the CoCalc cart is broken and blocks every purchase of the account. Nothing was bought. "+
			"An admin can take it out at "+site.Cart()+"; then ask again.")
	case cocalc.NotSoldHere:
		return *failure(FailNotSold, "This CoCalc server doesn't sell licenses. Nothing was bought. "+told)
	}
	if e.Outcome == cocalc.Rejected {
		return *failure(FailRefused, "CoCalc refused the order. Nothing was bought. "+told)
	}
	return *failure(FailUnreachable, "CoCalc could not be reached, or did not work. Nothing was bought. Please try again later.")
}

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
		return "Buying is paused. Nothing was bought yet; the order is bought when buying is resumed."
	case WaitsForLedger:
		return "Buying is on hold until an admin has put my records back in their place. Nothing was bought yet; the order is bought then."
	case WaitsForCheckout:
		return "CoCalc's answer to the checkout of another order was lost, so it may still be at work. " +
			"Nothing was bought yet; the order is bought when that is certainly over, within minutes."
	case WaitsForSlack:
		return "Slack does not tell me whether you may still buy. Nothing was bought yet; the order is bought as soon as Slack does."
	case WaitsForKey:
		return strings.TrimSpace("CoCalc isn't accepting orders right now. Nothing was bought yet; I keep trying. " + w.Args["told"])
	case WaitsForTurn:
		if seconds, err := strconv.Atoi(w.Args["seconds"]); err == nil {
			return fmt.Sprintf("CoCalc asks to wait %s before the next item is added. Nothing was bought yet; the order goes on then.",
				people(time.Duration(seconds)*time.Second))
		}
		return "CoCalc asks to wait before the next item is added. Nothing was bought yet; I keep trying."
	case WaitsForCart:
		return "Another item in the CoCalc cart is broken and blocks it. Nothing was bought yet; I keep trying."
	}
	return "CoCalc does not answer properly right now. Nothing was bought yet; I keep trying."
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

// explainReading says why something could not be read. Reading spends nothing, and an unread list is not an empty one.
func explainReading(e *cocalc.Error, told string) string {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return "CoCalc isn't accepting requests from this bot, so I can't say what the account has. Nothing was spent. " + told
	case cocalc.NotFound:
		return "CoCalc knows no license with that id. Nothing was spent. `/license list` shows those of the account."
	case cocalc.NotSoldHere:
		return "This CoCalc server has no licenses (any more). Nothing was spent."
	case cocalc.Throttled:
		return "CoCalc asks to wait " + people(e.Wait) + ". Nothing was spent; please try again then."
	}
	return "CoCalc could not be reached, or did not work. Nothing was spent; please try again in a moment."
}

func asCoCalc(err error) *cocalc.Error {
	var e *cocalc.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
