package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"licensebot/cocalc"
)

// checkCoCalc checks what the server is, whose the key is, and whether the account can buy.
func (k *checker) checkCoCalc(ctx context.Context) {
	if !k.usable("COCALC_URL") {
		return
	}
	if !k.usable("COCALC_API_KEY", "COCALC_API_KEY_FILE") {
		k.unchecked("CoCalc", "", "there is no API key to ask with")
		return
	}
	way := http.DefaultTransport.(*http.Transport).Clone()
	defer way.CloseIdleConnections()
	client, err := cocalc.New(cocalc.Options{BaseURL: k.CoCalcURL, Key: k.CoCalcAPIKey, Retries: -1, Transport: k.clocks.watch("CoCalc", way)})
	if err != nil {
		k.fail("COCALC_URL", "", "%v", err)
		return
	}
	defer client.Close()
	if here := string(client.Site()); k.noted != "" && k.noted != here {
		k.warn("COCALC_URL", "If the account's server has a new address, do nothing: the bot notes it. Otherwise, set COCALC_URL="+k.noted+".",
			"%s, but the ledger's purchases were made on %s", here, k.noted)
	}
	d := client.Diagnose(ctx)
	k.checkServer(d)
	k.checkKey(client.KeyName(), d)
	if d.Condition == cocalc.SellsLicenses && d.Key == cocalc.KeyValid {
		k.checkStore(ctx, client, d.Store)
	}
}

// checkStore checks that the cart works and that there is credit.
func (k *checker) checkStore(ctx context.Context, client *cocalc.Client, store cocalc.Store) {
	const subject = "CoCalc store"
	if _, err := client.Cart(ctx, cocalc.InCart); err != nil {
		if e, ok := errors.AsType[*cocalc.Error](err); ok && e.Kind == cocalc.CartBroken {
			k.warn("CoCalc cart", fmt.Sprintf("Remove the item at %s/store/cart. Otherwise the first order reports it to your admins.", k.CoCalcURL), "a broken item in it blocks every purchase")
		} else {
			k.cocalcTrouble("CoCalc cart", err)
		}
	}
	if store == cocalc.StoreOlder {
		k.pass(subject, "an older version: no prices before checkout, no list of purchases")
		return
	}
	balance, err := client.Balance(ctx)
	least := k.policy().LeastCredit
	switch {
	case err != nil:
		k.cocalcTrouble(subject, err)
	case balance <= 0 || balance <= least:
		k.warn(subject, "Add credit to the account.", "%s in credit, of which %s must remain, so nothing can be bought", balance, least)
	default:
		k.pass(subject, "%s in credit", balance)
	}
}

// cocalcTrouble adds a line about a wrong or missing answer of CoCalc.
func (k *checker) cocalcTrouble(subject string, err error) {
	text, remedy, passing := cocalcWords(k.CoCalcURL, err)
	if passing {
		k.unchecked(subject, remedy, "%s", text)
	} else {
		k.fail(subject, remedy, "%s", text)
	}
}

// cocalcWords returns why CoCalc did not answer a question, and what to do. passing is set if the cause may pass by
// itself.
func cocalcWords(address string, err error) (text, remedy string, passing bool) {
	refusal, ok := errors.AsType[*cocalc.Error](err)
	switch {
	case !ok:
		return err.Error(), "", false
	case refusal.Kind == cocalc.NotSignedIn:
		return "CoCalc doesn't accept the key, or its database is down", "Create a key in the account's settings, under API Keys, and set COCALC_API_KEY.", false
	case refusal.Reason == cocalc.DatabaseDown:
		return "CoCalc has lost its database", "Try again later.", true
	case refusal.Kind == cocalc.KeyNotAllowed || refusal.Kind == cocalc.SignInRequired:
		return "CoCalc doesn't let API keys see this", "", false
	case refusal.Kind == cocalc.Throttled:
		return fmt.Sprintf("CoCalc limits the rate; try again in %.0f s", refusal.Wait.Seconds()), "", true
	case refusal.Status == 0:
		return unreached(address, refusal)
	case refusal.Status >= 500:
		return fmt.Sprintf("%s reports a problem: %s", address, refusal.Text), "Try again later.", true
	}
	return "CoCalc answered: " + refusal.Text, "", false
}
