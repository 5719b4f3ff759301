package main

import (
	"errors"
	"fmt"
	"strings"

	"licensebot/cocalc"
)

// serverWords returns what a diagnosis says about the CoCalc server, and what to do. passing is set if it may pass by
// itself. A server that sells licenses needs no remedy.
func serverWords(address string, d cocalc.Diagnosis) (text, remedy string, passing bool) {
	switch d.Condition {
	case cocalc.SellsLicenses:
		return address + " sells licenses", "", false
	case cocalc.SellsMemberships:
		return address + " sells memberships and no licenses, so nothing can be bought",
			"Set COCALC_URL to a CoCalc server that sells licenses. CoCalc's documents offer the unused part of paid licenses as credit: `bot migrate-report` prints it.", false
	case cocalc.HasMoved:
		return fmt.Sprintf("%s redirects (%d) to another host, %s, so nothing can be bought. The bot doesn't follow, and sends no key there", address, d.Status, d.Redirect.Host),
			"If you trust that host, set COCALC_URL to it and run this again. CoCalc's successor sells no licenses: then use another server.", false
	case cocalc.Misaddressed:
		if d.Redirect.Address == "" {
			return fmt.Sprintf("%s redirects (%d) to another address of itself, which the bot can't use", address, d.Status), "Correct the proxy in front of it.", false
		}
		return fmt.Sprintf("%s redirects (%d) to %s", address, d.Status, d.Redirect.Address), "Set COCALC_URL=" + d.Redirect.Address + ".", false
	case cocalc.IsDown:
		return downWords(address, d)
	case cocalc.Undiagnosed:
		return address + " doesn't answer in time", "Try again later.", true
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
	return fmt.Sprintf("%s doesn't answer as a CoCalc server: %s", address, what), "Check COCALC_URL, and what is in front of the server, such as a sign-in page or a proxy.", false
}

// serverFault is the error of a command that needs another server than it found.
type serverFault struct {
	address   string
	diagnosis cocalc.Diagnosis
}

func (f *serverFault) Error() string {
	text, remedy, _ := serverWords(f.address, f.diagnosis)
	return strings.TrimSuffix(text+". "+remedy, ". ")
}

// downWords describes a server that is down or out of reach.
func downWords(address string, d cocalc.Diagnosis) (text, remedy string, passing bool) {
	if refusal, ok := errors.AsType[*cocalc.Error](d.Err); ok && refusal.Status >= 500 {
		return fmt.Sprintf("%s is down, or under maintenance (HTTP status %d)", address, refusal.Status), "Try again later.", true
	}
	return cocalcWords(address, d.Err)
}

// checkServer adds a line for the diagnosis of the server.
func (k *checker) checkServer(d cocalc.Diagnosis) {
	const subject = "CoCalc server"
	text, remedy, passing := serverWords(k.CoCalcURL, d)
	switch {
	case d.Condition == cocalc.SellsLicenses:
		k.pass(subject, "%s", text)
	case passing:
		k.unchecked(subject, remedy, "%s", text)
	default:
		k.fail(subject, remedy, "%s", text)
	}
}

// checkKey adds a line for what the server made of the key, if the server is a CoCalc.
func (k *checker) checkKey(name string, d cocalc.Diagnosis) {
	subject := "CoCalc key " + name
	const renew = "Create a key in the account's settings, under API Keys, and set COCALC_API_KEY."
	switch {
	case d.Condition != cocalc.SellsLicenses && d.Condition != cocalc.SellsMemberships:
		k.unchecked(subject, "", "only a CoCalc server can tell whether the key is good")
	case d.OlderKey:
		k.fail(subject, renew, "a key of the older CoCalc, and this server accepts none of those")
	case d.Key == cocalc.KeyLimited:
		k.warn(subject, fmt.Sprintf("To see its account, create a key with %s.", d.Capability), "good, but without the capability %s, so its account isn't known", d.Capability)
	case d.Key == cocalc.KeyRefused && d.Condition == cocalc.SellsMemberships:
		k.fail(subject, renew, "wrong or expired")
	case d.Key != cocalc.KeyValid:
		k.cocalcTrouble(subject, d.KeyErr)
	case k.account != "" && k.account != d.Account.ID:
		k.fail(subject, "Use a key of the ledger's account, or start a new ledger (DATABASE) and keep the old one.",
			"belongs to account %s, but the ledger belongs to account %s", d.Account.ID, k.account)
	default:
		k.pass(subject, "account %s", d.Account.ID)
	}
}
