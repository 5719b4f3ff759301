package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
)

const checkoutPath = "purchases/shopping-cart-checkout"

// Every fault that the simulated CoCalc has, as the person at the card meets it: what they read at the end, what was
// spent, and that the cart is left as it was.
func TestConversation_CoCalcFaults(t *testing.T) {
	const bought = "Bought for $63.75"
	cases := []struct {
		fault    string
		reads    string // on the card at the end
		licenses int
		spent    purchase.Cents
		cart     int // items in the cart at the end, all of them a stranger's
	}{
		{"lost-answer", bought, 1, 6375, 0},
		{"late-checkout", bought, 1, 6375, 0},
		{"server-error", "Not bought. CoCalc's answer to the checkout was lost. I kept checking for ", 0, 0, 0},
		{"error-after-buying", bought, 1, 6375, 0},
		{"refused", "Not bought. CoCalc refused the order. Please tell your admins.", 0, 0, 0},
		{"throttled", bought, 1, 6375, 0},
		{"lost-add", bought, 1, 6375, 0},
		{"cart-stranger", bought, 1, 6375, 1},
		{
			"cart-broken", " in the CoCalc cart is broken and blocks every purchase on the account. An admin can remove it at ",
			0, 0, 0,
		},
		{"double-checkout", "CoCalc sold this more than once", 2, 2 * 6375, 0},
		{"price-moved", "Not bought. CoCalc's price went up from $63.75 to $70.13.", 0, 0, 0},
		{
			"no-credit", "Not bought. The CoCalc account doesn't have enough credit ($63.75 short). Please tell your admins.", 0,
			0, 0,
		},
		{"key-revoked", "Not bought. I've lost access to CoCalc. Please tell your admins.", 0, 0, 0},
		{"outage", "Not bought. I've lost access to CoCalc. Please tell your admins.", 0, 0, 0},
		{"slow", bought, 1, 6375, 0},
		{"older-server", bought, 1, 6375, 0},
		// These orders wait, and are bought when the server sells licenses again.
		{"no-licenses-sold", "This CoCalc server no longer sells licenses, so this order is on hold. If nothing changes " +
			"within an hour, I'll close it and release what's reserved. Please tell your admins.", 1, 6375, 0},
		{"successor", "This CoCalc server no longer sells licenses, so this order is on hold. If nothing changes within an " +
			"hour, I'll close it and release what's reserved. Please tell your admins.", 1, 6375, 0},
		{
			"moved",
			"I can't reach CoCalc where it was. This order is on hold. If nothing changes within an hour, I'll close it", 1,
			6375, 0,
		},
	}
	tested := map[string]bool{}
	for _, c := range cases {
		tested[c.fault] = true
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, nil)
			card := env.card()
			env.inject(c.fault)
			env.clicks(slacksim.Alice, card, "Buy for $63.75")
			if c.fault == "cart-broken" { // the bot names such an item and does not touch it: a person takes it out
				env.until(func() bool { return len(env.account.Cart()) == 2 })
				env.until(func() bool { return env.hasOpenOrder(func(o purchase.Order) bool { return o.Failure != nil }) })
				env.account.Remove(env.foreignItem())
			}
			now := env.becomes(card, strings.ReplaceAll(c.reads, "Not bought.", "*Not bought.*"))
			if waits := strings.Contains(c.reads, "on hold"); waits {
				for endpoint, n := range env.cocalc.Counts() {
					if strings.HasPrefix(endpoint, "shopping/") && endpoint != "shopping/cart/get" || endpoint == checkoutPath {
						t.Errorf("got %d requests to %s, want none: the server sells no licenses", n, endpoint)
					}
				}
				env.cocalc.ClearFaults()
				now = env.becomes(card, bought)
			}
			env.cocalc.ClearFaults()
			// the card comes before that
			env.until(func() bool { return !env.hasOpenOrder(func(o purchase.Order) bool { return len(o.HeldItems) > 0 }) })
			if text := now.ContentText(); !strings.Contains(text, "*Not bought.*") && !strings.Contains(text, "Bought for") &&
				!strings.Contains(text, "sold") {
				t.Errorf("got this card, want it to say whether money was spent:\n%s", now.ContentText())
			}
			env.checkSpent(c.licenses, c.spent)
			inCart := 0
			for _, item := range env.account.Cart() {
				if item.Removed.IsZero() && item.PurchasedAt.IsZero() {
					inCart++
					if !item.Checked {
						t.Errorf("got item %d of someone else unchecked, want it checked", item.ID)
					}
				}
			}
			if inCart != c.cart {
				t.Errorf("items in the cart: got %d, want %d", inCart, c.cart)
			}
		})
	}
	for _, f := range cocalctest.Faults() {
		if !tested[f.Name] {
			t.Errorf("got no test of the fault %s, want one", f.Name)
		}
	}
}

// inject switches a fault on, with waits as short as those of the test's env.
func (env *testEnv) inject(name string) {
	env.t.Helper()
	switch name {
	case "late-checkout":
		env.cocalc.Inject(cocalctest.Fault{
			Endpoint: checkoutPath, Effect: cocalctest.ActLate, Wait: 500 * time.Millisecond,
			Times: 1,
		})
	case "slow":
		env.cocalc.Inject(cocalctest.Fault{When: cocalctest.After, Effect: cocalctest.Delay, Wait: 50 * time.Millisecond})
	case "throttled":
		env.cocalc.Inject(cocalctest.Fault{
			Endpoint: "shopping/cart/add", Effect: cocalctest.ThrottleNow, Wait: time.Second,
			Times: 1,
		})
	default:
		env.must(env.cocalc.SwitchOn(name))
	}
}

// until waits until done reports true.
func (env *testEnv) until(done func() bool) {
	env.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-env.ctx.Done():
			env.t.Fatalf("waiting for the condition: got error %v, want it true", env.ctx.Err())
		case <-tick.C:
		}
	}
}

// hasOpenOrder reports whether there is such an open order.
func (env *testEnv) hasOpenOrder(such func(purchase.Order) bool) (found bool) {
	env.t.Helper()
	err := env.ledger.View(env.ctx, func(r purchase.Reader) error {
		open, err := r.OpenOrders()
		found = slices.ContainsFunc(open, such)
		return err
	})
	env.must(err)
	return found
}

// foreignItem returns the cart item that is not the bot's.
func (env *testEnv) foreignItem() int64 {
	env.t.Helper()
	for _, item := range env.account.Cart() {
		if !strings.Contains(string(item.Description), "order ") {
			return item.ID
		}
	}
	env.t.Fatal("item of another person: got none, want one")
	return 0
}

// A price that moved is confirmed on the same card, and then bought at the new price.
func TestConversation_NewPrice(t *testing.T) {
	env := newEnv(t, nil)
	card := env.card()
	env.inject("price-moved")
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	card = env.becomes(card, "went up from $63.75 to $70.13")
	env.clicks(slacksim.Alice, card, "Buy for $70.13")
	env.becomes(card, "Bought for $70.13")
	env.checkSpent(1, 7013)
}

// Lists say what is wrong instead of showing an empty list: an outage looks like an account without licenses.
func TestHandler_ShowLicenses_NoProofOfKey(t *testing.T) {
	for _, fault := range []string{"outage", "key-revoked"} {
		t.Run(fault, func(t *testing.T) {
			env := newEnv(t, nil)
			env.inject(fault)
			env.says(slacksim.Alice, "list")
			env.sees(slacksim.Alice, "I've lost access to CoCalc. Please tell your admins.")
		})
	}
}
