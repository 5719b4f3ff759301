package cocalctest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup is what the recording did beside the requests of a scenario, according to its notes.
type setup struct {
	credit int64         // cents that new accounts get; 0: 100 dollars
	broke  bool          // no credit at all
	gap    time.Duration // between two steps; 0: 370 ms, so that no throttle sees too many
	gaps   map[int]time.Duration
	begin  func(p *player, keys []string)
	before map[int]func(p *player)
	// atOnce has the pairs of requests that were sent at once: the first's step, and how much later the second is sent.
	atOnce map[int]time.Duration
}

func (s setup) gapAfter(next int) time.Duration {
	if gap, ok := s.gaps[next]; ok {
		return gap
	}
	if s.gap > 0 {
		return s.gap
	}
	return 370 * time.Millisecond
}

// setupOf returns the setup of a scenario by its name.
func setupOf(name string) setup {
	if strings.HasPrefix(name, "nonsense: ") {
		return setup{credit: 500000, gap: 20 * time.Millisecond}
	}
	if later, ok := laterSetups[name]; ok {
		return later
	}
	return setups[name]
}

// unknownKeys are keys that the recorded server did not know.
var unknownKeys = map[string]bool{"sk-ZbAtWx84KymW2xm4000005": true, "sk-abcdefghijklmnop00zzzz": true}

const (
	keyToDelete = "sk-kIwbctSNbzxseyV0000008"
	keyToExpire = "sk-sDm7m05I5uIoCbUX000009"
)

var setups = map[string]setup{
	"a4-key-revocation-and-expiry": {
		gap: 20 * time.Millisecond, gaps: map[int]time.Duration{5: 5 * time.Second, 6: 17 * time.Second},
		begin: func(p *player, keys []string) {
			owner := p.accounts["sk-9irHvuyFbSuTI4Tq000007"]
			for _, key := range []string{keyToDelete, keyToExpire} {
				name := map[string]string{keyToDelete: "to-delete", keyToExpire: "to-expire"}[key]
				p.mapping.keys[key] = owner.NewKey(name)
			}
			owner.ExpireKey(p.mapping.keys[keyToExpire], p.now().Add(4*time.Second))
			p.accounts["sk-MH9AQ7erqT5Xg4tI000006"].Ban(true)
		},
	},
	"b8-cart-add-throttle-second": {gap: 15 * time.Millisecond, gaps: map[int]time.Duration{6: 1100 * time.Millisecond}},
	"b9-cart-add-throttle-minute": {gap: 415 * time.Millisecond, gaps: map[int]time.Duration{20: 54 * time.Second}},
	"d1-balance-and-params":       {credit: 4000},
	"d2-no-money":                 {broke: true},
	"e2-checkout-insufficient":    {credit: 2000},
	"e5-checkout-slack":           {credit: 350},
	"e6-checkout-just-beyond-slack": {
		credit: 320, gaps: map[int]time.Duration{2: 31 * time.Second},
		before: map[int]func(p *player){2: func(p *player) { p.accounts["sk-N0dku6TZdkKx749600000t"].SetMinBalance(-1000) }},
	},
	"dbl-2-concurrent-credit-for-one": {credit: 700},
	"f1-after-purchase": {
		credit: 50000, gap: 50 * time.Millisecond,
		gaps: map[int]time.Duration{33: time.Second},
	},
	"f2-subscription": {gap: 25 * time.Millisecond, before: map[int]func(p *player){
		// its cost per hour depends on the moment
		19: func(p *player) { p.jump(time.Date(2026, 11, 22, 21, 6, 26, 165e6, time.UTC)) },
		23: func(p *player) { p.jump(time.Date(2026, 11, 22, 21, 6, 26, 262e6, time.UTC)) },
	}},
	"f3-edit-license": {credit: 6000},
	"x1-database-outage": {gaps: map[int]time.Duration{14: 13 * time.Second}, before: map[int]func(p *player){
		3:  func(p *player) { p.faults = append(p.faults, p.server.Inject(Fault{Effect: Outage})) },
		10: func(p *player) { p.faults[0].Clear() },
	}},
	"i1-get-purchases-throttle": {gap: 30 * time.Millisecond},
	"i3-float4": {broke: true, begin: func(p *player, keys []string) {
		p.accounts[keys[0]].AddCredit(123456789, "starting credit")
		p.accounts[keys[1]].AddCredit(10, "starting credit")
	}},
	"j3-recommended-flow": {begin: func(p *player, keys []string) { // the item of the scenario before it was taken out
		for _, item := range p.accounts[keys[0]].Cart() {
			p.accounts[keys[0]].Remove(item.ID)
		}
	}},
	"j1-float4-big":                   {credit: 10000000},
	"disconnect-3-timeout-then-retry": {gap: time.Millisecond},
}

// keysOf lists the valid keys of a scenario in the order in which they are used.
func keysOf(tr transcript) []string {
	var keys []string
	seen := map[string]bool{}
	for _, step := range tr.Steps {
		auth, _ := step.Request.Headers["Authorization"].(string)
		for _, key := range keySyntax.FindAllString(decodeAuthorization(auth)+" "+step.Request.Auth.Username, -1) {
			if !seen[key] && !unknownKeys[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func decodeAuthorization(value string) string {
	if secret := secretOf(value); secret != "" {
		return secret
	}
	return ""
}

// account adds the account of a recorded key, once.
func (p *player) account(key string, setup setup) {
	if p.accounts[key] != nil || key == keyToDelete || key == keyToExpire {
		return
	}
	credit := setup.credit
	switch {
	case setup.broke:
		credit = 0
	case credit == 0:
		credit = 10000
	}
	a := p.server.Add(NewAccount{Credit: credit})
	p.accounts[key], p.mapping.keys[key] = a, a.Key()
}

// concurrent is how to run the checkouts of a scenario that was recorded as trials, so that the result is the recorded
// one. Which license the cart item names was random in the recording, and depends on timing here.
type concurrent struct {
	items   int
	stagger time.Duration
	takes   []time.Duration
}

func planConcurrent(tr transcript) (plan concurrent, ok bool) {
	if !strings.HasPrefix(tr.Name, "dbl-") {
		return concurrent{items: 1}, tr.Name == "disconnect-3-timeout-then-retry"
	}
	checkouts := 0
	var bought []struct {
		Purchased struct {
			LicenseID string `json:"license_id"`
		}
	}
	var licenses []struct{ ID string }
	for _, step := range tr.Steps {
		switch {
		case strings.HasPrefix(step.Label, "concurrent checkout"):
			checkouts++
		case strings.HasPrefix(step.Label, "purchased items"):
			_ = json.Unmarshal([]byte(step.Response.Body), &bought)
		case strings.HasPrefix(step.Label, "licenses"):
			_ = json.Unmarshal([]byte(step.Response.Body), &licenses)
		}
	}
	plan = concurrent{items: len(bought), stagger: time.Millisecond}
	if len(licenses) == len(bought) { // the second came when the first was done
		plan.stagger = 60 * time.Millisecond
	}
	for range checkouts {
		plan.takes = append(plan.takes, 30*time.Millisecond)
	}
	for i, l := range licenses { // the newest first: who began as number k is at len-1-k
		if l.ID == bought[0].Purchased.LicenseID && len(licenses) > len(bought) {
			plan.takes[checkouts-1-i/len(bought)] = 50 * time.Millisecond
		}
	}
	return plan, true
}

func (plan concurrent) fillCart(a *Account) {
	for i := range plan.items {
		a.AddToCart(siteLicense, fmt.Sprintf(`{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota",`+
			`"user":"academic","boost":false,"period":"monthly","run_limit":1,"title":"trial 0 item %d",`+
			`"description":"requested in #math by U123"}`, i))
	}
}
