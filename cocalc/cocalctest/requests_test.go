package cocalctest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A strike has the description of the affected order: the item that was added, or those that were checked out.
func TestServer_Strikes(t *testing.T) {
	s := New(Config{Unthrottled: true})
	account := s.Add(NewAccount{Credit: 100000, Partner: true})
	add := func(order string) {
		post(s, account.Key(), "shopping/cart/add",
			`{"product":"site-license","description":{"ram":4,"cpu":1,"disk":3,"member":true,"uptime":"short",`+
				`"type":"quota","user":"academic","boost":false,"period":"monthly","run_limit":1,"description":"order `+order+`"}}`)
	}
	for _, name := range []string{"refused", "cart-stranger", "price-moved"} {
		if err := s.SwitchOn(name); err != nil {
			t.Fatal(err)
		}
	}
	add("A")
	s.SwitchOff("price-moved")
	add("B")
	post(s, account.Key(), "purchases/shopping-cart-checkout", `{}`)
	post(s, account.Key(), "purchases/shopping-cart-checkout", `{}`)
	var got [][]string
	for _, strike := range s.Strikes() {
		got = append(got, append([]string{strike.Fault, strike.Endpoint}, strike.About...))
	}
	want := [][]string{
		{"cart-stranger", addPath, "order A"},
		{"price-moved", addPath, "order A"},
		{"refused", checkoutPath, "order A", "added in the store", "order B"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
