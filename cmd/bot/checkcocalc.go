package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"licensebot/cocalc"
	"licensebot/internal/diagnosis"
)

// checkCoCalc checks what kind of server it is, which account the key belongs to, and whether that account can buy.
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
	client, err := cocalc.New(cocalc.Options{
		BaseURL: k.CoCalcURL, Key: k.CoCalcAPIKey, Retries: -1,
		Transport: k.clocks.watch("CoCalc", way),
	})
	if err != nil {
		k.fail("COCALC_URL", "", "%v", err)
		return
	}
	defer client.Close()
	if here := string(client.Site()); k.noted != "" && k.noted != here {
		k.warn("COCALC_URL",
			"If the account's server has a new address, do nothing: the bot notes it. Otherwise, set COCALC_URL="+k.noted+".",
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
			k.warn("CoCalc cart",
				fmt.Sprintf("Remove the item at %s/store/cart. Otherwise the first order reports it to your admins.", k.CoCalcURL),
				"a broken item in it blocks every purchase")
		} else {
			k.cocalcTrouble("CoCalc cart", err)
		}
	}
	if store == cocalc.StoreOlder {
		k.pass(subject, "an older version: no prices before checkout, no list of purchases")
		return
	}
	balance, err := client.Balance(ctx)
	least := k.Policy().LeastCredit
	switch {
	case err != nil:
		k.cocalcTrouble(subject, err)
	case balance <= 0 || balance <= least:
		k.warn(subject, "Add credit to the account.", "%s in credit, of which %s must remain, so nothing can be bought",
			balance, least)
	default:
		k.pass(subject, "%s in credit", balance)
	}
}

// cocalcTrouble adds a line about a wrong or missing answer of CoCalc.
func (k *checker) cocalcTrouble(subject string, err error) {
	text, remedy, passing := diagnosis.OfAnswer(k.CoCalcURL, err)
	if passing {
		k.unchecked(subject, remedy, "%s", text)
	} else {
		k.fail(subject, remedy, "%s", text)
	}
}
