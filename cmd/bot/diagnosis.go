package main

import (
	"fmt"

	"licensebot/cocalc"
	"licensebot/internal/diagnosis"
)

// checkServer adds a line for the diagnosis of the server.
func (k *checker) checkServer(d cocalc.Diagnosis) {
	const subject = "CoCalc server"
	text, remedy, passing := diagnosis.OfServer(k.CoCalcURL, d)
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
		k.warn(subject, fmt.Sprintf("To see its account, create a key with %s.", d.Capability),
			"good, but without the capability %s, so its account isn't known", d.Capability)
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
