package main

import (
	"strings"
	"testing"

	"licensebot/slacksim"
)

// unsold is the play on CoCalc's successor: wherever Alice looks for a license, she reads that none are sold and where
// her history is; Carol reads once what an admin can do. CoCalc gets no request that could spend money.
func unsold(t *testing.T, d *demo) {
	const no = "This CoCalc server no longer sells licenses. Your purchase history is still here: /license history."
	carol := d.open("?as=" + slacksim.Carol)
	reads(t, carol, "A CoCalc that sells no licenses.", "This CoCalc sells only memberships")
	carol.Visit("licensebot")
	carol.WaitText("memberships") // the bot has detected it, and informs the admins
	carol.Until("one row about all requests", `[...document.querySelectorAll('.facts')].some(f => `+
		`(f.innerText.match(/Successor/g) || []).length === 1 && /requests: \d+/.test(f.innerText))`)
	d.picture(carol, "unsold-admin.png")

	alice := d.open("")
	for _, command := range []string{"buy ram=16 cpu=2", "buy", "buy rma=16", "quote ram=16 cpu=2"} {
		alice.Send("/license " + command)
		alice.WaitText(no)
		if text := alice.Text(); strings.Contains(text, "Buy for") || strings.Contains(text, "Review order") ||
			strings.Contains(text, "$63.75") {
			t.Errorf("/license %s: got something to buy, want none:\n%s", command, text)
		}
	}
	alice.Send("/license list")
	alice.WaitText("I can't read the account's licenses.")
	alice.Send("/license history")
	alice.WaitText("No purchases yet.")
	alice.Send("/license budget")
	alice.WaitText("CoCalc doesn't let API keys see renewals.")
	d.picture(alice, "unsold.png")
	d.pictureOnPhone(alice, "unsold-phone.png")
	alice.Visit("licensebot")
	alice.Home()
	alice.WaitText(no)
	if alice.Has("Buy a license") {
		t.Error("got a button to buy on the Home tab, want none")
	}
	d.picture(alice, "unsold-home.png")
	if strings.Contains(alice.Text(), "ry again") {
		t.Errorf("got an advice to try again, want none:\n%s", alice.Text())
	}
	for endpoint, n := range d.sims.cocalc.Counts() {
		if spends(endpoint) {
			t.Errorf("requests to %s: got %d, want none", endpoint, n)
		}
	}
	d.sold(0)
}

// spends reports whether a request to the endpoint could buy something, or change a cart.
func spends(endpoint string) bool {
	return strings.HasPrefix(endpoint, "shopping/") && endpoint != "shopping/cart/get" ||
		endpoint == "purchases/shopping-cart-checkout"
}
