package cocalc

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// The recorded odd items: each stood in a cart beside a good one. An item is a problem exactly when checkout refused
// the two, and it breaks the cart exactly when the cart could not be listed.
func TestCartItem_Problem_Recorded(t *testing.T) {
	data, err := os.ReadFile("testdata/nonsense.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Case, Product, Add string
		CartGet            string `json:"cart_get"`
		Params, Checkout   string
		Description        json.RawMessage
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	recorded := time.Date(2026, time.November, 22, 21, 5, 0, 0, time.UTC)
	problems := 0
	for _, each := range cases {
		if each.Add != "1" || each.Product == "" {
			continue // never came into the cart
		}
		if string(each.Description) == `"(absent)"` {
			each.Description = json.RawMessage("null")
		}
		item := CartItem{ID: 1, Product: each.Product, Checked: true, Description: each.Description}
		if each.Case == "range reversed" || each.Case == "range a string" {
			continue // the cart makes both an hour long whenever it is read, so they are never seen as they were sent
		}
		refused := strings.Contains(each.Checkout, "error") && !strings.Contains(each.Checkout, "Insufficient credit")
		if got := item.Problem(recorded); (got != "") != refused {
			t.Errorf("%s: got the problem %q, want one if checkout refuses: %s", each.Case, got, each.Checkout)
		}
		if got, want := item.BreaksCart(recorded), strings.Contains(each.CartGet, "error"); got != want {
			t.Errorf("%s: got that it breaks the cart %t, want %t: %s", each.Case, got, want, each.CartGet)
		}
		if refused {
			problems++
			e := classifyText(currentCheckout, nonIdempotent, checkoutError(t, each.Checkout))
			if e.Kind != CartBroken || e.Outcome != Rejected {
				t.Errorf("%s: %s: got kind %v, outcome %v, want a rejection of kind CartBroken", each.Case, each.Checkout, e.Kind,
					e.Outcome)
			}
		}
	}
	if problems < 20 {
		t.Errorf("got %d recorded problems, want at least 20", problems)
	}
}

func checkoutError(t *testing.T, answer string) string {
	t.Helper()
	text, ok := errorText([]byte(answer))
	if !ok {
		t.Fatalf("got no error in %s, want one", answer)
	}
	return text
}
