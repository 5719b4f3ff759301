package cocalctest

import (
	"encoding/json"
	"testing"
)

// The input that checkout-params reports for the price of items with fields that the store does not write. CoCalc's
// price code (packages/util/licenses/store/compute-cost) calls every such item a quota, and keeps always_running.
func TestServer_CheckoutParams_CostInput(t *testing.T) {
	const rest = `"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","user":"academic","boost":false,` +
		`"period":"monthly","run_limit":1`
	for _, c := range []struct {
		name, more, kind, running string // running: custom_always_running; empty: it is not there
	}{
		{"an ordinary one", `,"type":"quota"`, `"quota"`, ``},
		{"without a type", ``, `"quota"`, ``},
		{"null as its type", `,"type":null`, `"quota"`, ``},
		{"an unknown type", `,"type":"nonsense"`, `"quota"`, ``},
		{"a number as its type", `,"type":7`, `"quota"`, ``},
		{"always running", `,"type":"quota","always_running":true`, `"quota"`, `true`},
		{"not always running", `,"type":"quota","always_running":false`, `"quota"`, `false`},
		{"null for always running", `,"type":"quota","always_running":null`, `"quota"`, `null`},
		{"text for always running", `,"type":"x","always_running":"yes"`, `"quota"`, `"yes"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Config{Unthrottled: true})
			account := s.Add(NewAccount{Credit: 10000})
			account.AddToCart(siteLicense, `{`+rest+c.more+`}`)
			var answer struct {
				Cart []struct {
					Cost struct {
						Cost  float64
						Input map[string]json.RawMessage
					}
				}
			}
			body := post(s, account.Key(), "purchases/get-shopping-cart-checkout-params", `{}`)
			if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Cart) != 1 {
				t.Fatalf("got %v: %s, want one item", err, body)
			}
			input := answer.Cart[0].Cost.Input
			running, there := input["custom_always_running"]
			if string(input["type"]) != c.kind || string(running) != c.running || there != (c.running != "") {
				t.Errorf("got the input %s, want type %s and custom_always_running %q", body, c.kind, c.running)
			}
			if answer.Cart[0].Cost.Cost <= 0 {
				t.Errorf("got the cost %v, want one above 0", answer.Cart[0].Cost.Cost)
			}
		})
	}
}
