// Package diagnosis explains to operators why a server can't be used, and what to do: Slack or CoCalc can't be reached,
// or the server is no CoCalc, or one that sells no licenses. The texts are for logs, errors and `bot check`.
//
// Start with [Unreached] for the error of a request that got no answer, and [OfServer] for a diagnosis by CoCalc's
// client. A [ServerError] carries such a text as an error.
package diagnosis

import (
	"errors"
	"fmt"
	"strings"

	"licensebot/cocalc"
)

// OfServer returns what a diagnosis says about the CoCalc server at address, and what to do. passing is set if it may
// pass by itself. A server that sells licenses needs no remedy.
func OfServer(address string, d cocalc.Diagnosis) (text, remedy string, passing bool) {
	switch d.Condition {
	case cocalc.SellsLicenses:
		return address + " sells licenses", "", false
	case cocalc.SellsMemberships:
		return address + " sells memberships and no licenses, so nothing can be bought",
			"Set COCALC_URL to a CoCalc server that sells licenses. CoCalc's documents offer the unused part of paid " +
				"licenses as credit: `bot migrate-report` prints it.", false
	case cocalc.HasMoved:
		return fmt.Sprintf("%s redirects (%d) to another host, %s, so nothing can be bought. "+
				"The bot doesn't follow, and sends no key there", address, d.Status, d.Redirect.Host),
			"If you trust that host, set COCALC_URL to it and run this again. " +
				"CoCalc's successor sells no licenses: then use another server.", false
	case cocalc.Misaddressed:
		if d.Redirect.Address == "" {
			return fmt.Sprintf("%s redirects (%d) to another address of itself, which the bot can't use", address, d.Status),
				"Correct the proxy in front of it.", false
		}
		return fmt.Sprintf("%s redirects (%d) to %s", address, d.Status, d.Redirect.Address),
			"Set COCALC_URL=" + d.Redirect.Address + ".", false
	case cocalc.IsDown:
		return ofDown(address, d)
	case cocalc.Undiagnosed:
		return address + " doesn't answer in time", "Try again later.", true
	case cocalc.IsForeign: // below
	}
	what := map[cocalc.Reason]string{
		cocalc.NoEndpoint:    "it has none of CoCalc's pages",
		cocalc.Page:          "it answers with a page for people",
		cocalc.NotJSON:       "its answer isn't JSON",
		cocalc.RedirectsPage: "it redirects to a page of its own, such as a sign-in page",
		cocalc.RedirectsOdd:  "it redirects to an address that can't be read",
	}[d.Reason]
	if what == "" {
		what = "the bot doesn't know its answers"
	}
	if d.Status != 0 {
		what += fmt.Sprintf(" (HTTP status %d)", d.Status)
	}
	return fmt.Sprintf("%s doesn't answer as a CoCalc server: %s", address, what),
		"Check COCALC_URL, and what is in front of the server, such as a sign-in page or a proxy.", false
}

// ServerError is the error of a command that needs another server than it found.
type ServerError struct {
	Address   string
	Diagnosis cocalc.Diagnosis
}

func (e *ServerError) Error() string {
	text, remedy, _ := OfServer(e.Address, e.Diagnosis)
	return strings.TrimSuffix(text+". "+remedy, ". ")
}

// ofDown describes a server that is down or out of reach.
func ofDown(address string, d cocalc.Diagnosis) (text, remedy string, passing bool) {
	if refusal, ok := errors.AsType[*cocalc.Error](d.Err); ok && refusal.Status >= 500 {
		return fmt.Sprintf("%s is down, or under maintenance (HTTP status %d)", address, refusal.Status),
			"Try again later.", true
	}
	return OfAnswer(address, d.Err)
}

// OfAnswer returns why CoCalc did not answer a question, and what to do. passing is set if the cause may pass by
// itself.
func OfAnswer(address string, err error) (text, remedy string, passing bool) {
	refusal, ok := errors.AsType[*cocalc.Error](err)
	switch {
	case !ok:
		return err.Error(), "", false
	case refusal.Kind == cocalc.NotSignedIn:
		return "CoCalc doesn't accept the key, or its database is down",
			"Create a key in the account's settings, under API Keys, and set COCALC_API_KEY.", false
	case refusal.Reason == cocalc.DatabaseDown:
		return "CoCalc has lost its database", "Try again later.", true
	case refusal.Kind == cocalc.KeyNotAllowed || refusal.Kind == cocalc.SignInRequired:
		return "CoCalc doesn't let API keys see this", "", false
	case refusal.Kind == cocalc.Throttled:
		return fmt.Sprintf("CoCalc limits the rate; try again in %.0f s", refusal.Wait.Seconds()), "", true
	case refusal.Status == 0:
		return Unreached(address, refusal)
	case refusal.Status >= 500:
		return fmt.Sprintf("%s reports a problem: %s", address, refusal.Text), "Try again later.", true
	}
	return "CoCalc answered: " + refusal.Text, "", false
}
