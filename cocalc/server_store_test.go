package cocalc

import (
	"slices"
	"strings"
	"testing"
)

func TestClient_Store(t *testing.T) {
	params := always(`{"balance":1,"amountDue":0,"total":0,"cart":[]}`)
	for _, test := range []struct {
		name    string
		answers map[string][]reply
		want    Store
		checks  string // the endpoint that checkout then uses
	}{
		{"current", map[string][]reply{checkoutParams: params, getManaged: always(`[]`)}, StoreCurrent, currentCheckout},
		{"current, with a broken cart", map[string][]reply{
			checkoutParams: always(`{"error":"Invalid time value"}`),
			getManaged:     always(`[]`),
		}, StoreCurrent, currentCheckout},
		{"current, with a wrong key", map[string][]reply{
			checkoutParams: always(`{"error":"must be signed in"}`),
			getManaged:     always(`[]`),
		}, StoreCurrent, currentCheckout},
		{"older", map[string][]reply{cartGet: always(`[]`), getManaged: always(`[]`)}, StoreOlder, olderCheckout},
		{"no store at all", nil, storeUnknown, ""},
		{
			"memberships instead of licenses",
			map[string][]reply{checkoutParams: params, cartGet: always(`[]`)},
			storeUnknown, "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.checks != "" {
				test.answers[test.checks] = always(`{"success":true}`)
			}
			c, s := serve(t, test.answers)
			got, err := c.Store(t.Context())
			if got != test.want {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
			if test.want == storeUnknown {
				if e := asError(t, err); e.Kind != NotSoldHere || e.Outcome != Rejected {
					t.Errorf("got %v, want a rejection of kind NotSoldHere", e)
				}
				if e := asError(t, c.Checkout(t.Context())); e.Kind != NotSoldHere || e.Outcome != Rejected {
					t.Errorf("checkout: got %v, want a rejection of kind NotSoldHere", e)
				}
			}
			for _, request := range s.requests() {
				if strings.Contains(request, "cart/checkout ") || strings.Contains(request, "cart-checkout ") {
					t.Errorf("got the request %q of Store, want reads alone", request)
				}
			}
			if test.want == storeUnknown {
				return
			}
			before := len(s.requests())
			if err := c.Checkout(t.Context()); err != nil {
				t.Error(err)
			}
			if sent := s.requests()[before:]; len(sent) != 1 || sent[0] != test.checks+" {}" {
				t.Errorf("got the requests %q of a checkout, want %q", sent, test.checks+" {}")
			}
		})
	}
}

func TestClient_Store_NoAnswer(t *testing.T) {
	c, _ := serve(t, map[string][]reply{checkoutParams: {{status: 502}}})
	store, err := c.Store(t.Context())
	if e := asError(t, err); store != storeUnknown || e.Outcome != Transient || e.Kind != Other {
		t.Errorf("got %v, %v, want no store and the outcome transient", store, e)
	}
	// Nothing was sent that spends, so a checkout that could not even look is safe to repeat.
	if e := asError(t, c.Checkout(t.Context())); e.Outcome != Transient {
		t.Errorf("got %v, want the outcome transient", e)
	}
}

func TestClient_Store_Disappears(t *testing.T) {
	c, s := serve(t, map[string][]reply{
		cartGet: always(`[]`), getManaged: always(`[]`),
		olderCheckout: always(`{"success":true}`),
	})
	c.store = StoreCurrent
	if e := asError(t, c.Checkout(t.Context())); e.Kind != NotSoldHere || e.Outcome != Rejected {
		t.Errorf("got %v, want a rejection of kind NotSoldHere", e)
	}
	if err := c.Checkout(t.Context()); err != nil || !slices.Contains(s.requests(), olderCheckout+" {}") {
		t.Errorf("got %v after %q, want the older checkout", err, s.requests())
	}
}

// The older store charges item by item, so a refusal may come after a charge. Requests for endpoints that it does not
// have are rejected.
func TestClient_Checkout_OlderStore(t *testing.T) {
	c, _ := serve(t, map[string][]reply{
		cartGet: always(`[]`), getManaged: always(`[]`),
		olderCheckout: {
			{body: `{"error":"reCaptcha token must be provided"}`},
			{body: `{"error":"must be signed in"}`},
			{body: `{"error":"card declined"}`},
		},
	})
	if _, err := c.Store(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		outcome Outcome
		kind    Kind
	}{{Rejected, CaptchaRequired}, {Rejected, NotSignedIn}, {Unknown, Other}} {
		if e := asError(t, c.Checkout(t.Context())); e.Outcome != want.outcome || e.Kind != want.kind {
			t.Errorf("checkout %d: got %v, kind %v, want %+v", i, e, e.Kind, want)
		}
	}
	if e := asError(t, errorOf(c.Balance(t.Context()))); e.Kind != Other || e.Outcome != Rejected {
		t.Errorf("balance: got %v, kind %v, want a rejection of kind Other", e, e.Kind)
	}
}
