package bot_test

import (
	"strings"
	"testing"

	"licensebot/purchase"
	"licensebot/slacksim"
)

// A part of an id names a license or an order to people who may see it. To others it tells nothing: they read the same
// about an order of someone else as about no order at all.
func TestHandler_IDSearch_OneMatch(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) {
		withGuestInChannel(env)
		env.policy.Buyers[slacksim.Carol] = true
		env.policy.Viewers = map[string]bool{slacksim.Bob: true}
	})
	card := env.card()
	env.clicks(slacksim.Alice, card, "Buy for $63.75")
	receipt := env.becomes(card, "Bought for $63.75")
	license, order := env.account.Licenses()[0].ID, orderIDBlock.FindString(receipt.ContentText())
	says := func(who, command string) string {
		t.Helper()
		n := len(env.ephemeralMessages(who))
		env.says(who, command)
		env.until(func() bool { return len(env.ephemeralMessages(who)) > n })
		return env.ephemeralMessages(who)[n].ContentText()
	}
	for _, who := range []string{slacksim.Alice, slacksim.Bob} { // the requester, and a viewer
		for _, part := range []string{order[:20], order[22:], strings.ToLower("…" + order[20:])} {
			if said := says(who, "order "+part); !strings.Contains(said, order) || !strings.Contains(said, "$63.75") {
				t.Errorf("%s asks for order %s: got this, want the order and $63.75 in it:\n%s", who, part, said)
			}
		}
	}
	for _, part := range []string{license[:8], license[32:], "…" + strings.ToUpper(license[30:])} {
		if said := says(slacksim.Carol, "show "+part); !strings.Contains(said, license) {
			t.Errorf("a buyer's license %s: got %s\nwant %s in it", part, said, license)
		}
	}
	// A buyer sees the licenses, but not another person's order: the same answer as for a part that no id has.
	for _, part := range []string{order[:4], order[22:]} {
		other := strings.Repeat("Z", len(part))
		if mine, none := says(slacksim.Carol, "order "+part), says(slacksim.Carol, "order "+other); strings.ReplaceAll(mine,
			part, other) != none {
			t.Errorf("got for an order of someone else\n%s\nwant the answer for none\n%s", mine, none)
		}
	}
	for _, command := range []string{"show " + license[:8], "show " + license[32:], "order " + order[22:]} {
		if said := says(visitor, command); strings.Contains(said, "GB") || strings.Contains(said, order) ||
			strings.Contains(said, license) {
			t.Errorf("a guest's %s: got %s\nwant no details", command, said)
		}
	}
	env.waitForRefusal(visitor, purchase.Outsider)
}

// A part that several ids share lists those that the person may see, and no others.
func TestHandler_IDSearch_SeveralMatches(t *testing.T) {
	t.Parallel()
	env := newEnv(t, func(env *testEnv) { env.policy.Buyers[slacksim.Carol] = true })
	var alices []string
	for range 2 {
		env.says(slacksim.Alice, "buy ram=16 cpu=2")
		env.until(func() bool { return len(env.ephemeralMessages(slacksim.Alice)) > len(alices) })
		alices = append(alices, orderIDBlock.FindString(string(env.ephemeralMessages(slacksim.Alice)[len(alices)].Blocks)))
	}
	env.says(slacksim.Carol, "buy ram=4 cpu=1")
	carols := orderIDBlock.FindString(string(env.sees(slacksim.Carol, "A CoCalc license for").Blocks))
	begin := alices[0][:4]
	env.says(slacksim.Alice, "order "+begin)
	several := env.sees(slacksim.Alice, "More than one order id")
	checkContains(t, several, alices[0])
	checkContains(t, several, alices[1])
	if strings.Contains(several.ContentText(), carols) {
		t.Errorf("got %s\nwant no order of another person, %s", several.ContentText(), carols)
	}
	env.says(slacksim.Carol, "order "+begin) // of all these orders one is hers
	checkContains(t, env.sees(slacksim.Carol, "<@"+slacksim.Carol+"> requested it"), "4 GB")
}
