package cocalc

import (
	"fmt"
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

const whoami = `{"query":{"accounts":{"account_id":"u","email_address":"bot@example.com"}}}`

func TestClient_Licenses_EmptyNeedsProof(t *testing.T) {
	for _, test := range []struct {
		name     string
		licenses []reply
		whoami   []reply
		want     int  // licenses
		kind     Kind // of the error, if there is one
		fails    bool
	}{
		{"there are some", always(`[{"id":"a"},{"id":"b"}]`), nil, 2, 0, false},
		{"there are none", always(`[]`), always(whoami), 0, 0, false},
		{
			"wrong key", always(`[]`), always(`{"error":"FATAL: anonymous get queries not allowed for table 'accounts'"}`),
			0,
			NotSignedIn, true,
		},
		{"an outage that ended in between", []reply{{body: `[]`}, {body: `[{"id":"a"}]`}}, always(whoami), 1, 0, false},
		{"nobody answers the proof", always(`[]`), []reply{{status: 502}}, 0, Other, true},
		{"no list", always(`{}`), nil, 0, Other, true},
		{"null", always(`null`), nil, 0, Other, true},
		{"a license without an id", always(`[{"title":"x"}]`), nil, 0, Other, true},
	} {
		c, _ := serve(t, map[string][]reply{getManaged: test.licenses, userQuery: test.whoami})
		got, err := c.Licenses(t.Context())
		if len(got) != test.want || (err != nil) != test.fails {
			t.Errorf("%s: got %d licenses, error %v, want %d, an error %t", test.name, len(got), err, test.want, test.fails)
		}
		if test.fails {
			if e := asError(t, err); e.Kind != test.kind {
				t.Errorf("%s: got kind %v of %v, want %v", test.name, e.Kind, e, test.kind)
			}
		}
	}
}

// A whole page of licenses, named by their numbers.
func licensePage(numbers []int) reply {
	var list []string
	for _, n := range numbers {
		list = append(list, fmt.Sprintf(`{"id":"license %d","created":1795381581970}`, n))
	}
	return reply{body: "[" + strings.Join(list, ",") + "]"}
}

func numbersFrom(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

func TestClient_Licenses_Pages(t *testing.T) {
	first, rest := numbersFrom(0, 500), numbersFrom(500, 620)
	// Licenses 7 and 510 have the same creation time: the second request sees them in the other order.
	shuffled := append([]int{7}, slices.DeleteFunc(slices.Clone(rest), func(n int) bool { return n == 510 })...)
	for _, test := range []struct {
		name     string
		pages    []reply
		want     int
		requests int
		fails    bool
	}{
		{"less than a page", []reply{licensePage(rest)}, 120, 1, false},
		{"two pages", []reply{licensePage(first), licensePage(rest)}, 620, 2, false},
		{"exactly a page", []reply{licensePage(first), {body: "[]"}}, 500, 4, false}, // the empty page needs a proof
		{
			"order changes once",
			[]reply{licensePage(first), licensePage(shuffled), licensePage(first), licensePage(rest)},
			620,
			4, false,
		},
		{
			"put together of two passes",
			[]reply{
				licensePage(first), licensePage(shuffled), licensePage(append(numbersFrom(0, 499), 510)),
				licensePage(append([]int{499}, rest[:119]...)),
			},
			620, 4, false,
		},
		{
			"something twice and something never, in every pass",
			slices.Repeat([]reply{licensePage(first), licensePage(shuffled)}, maxPasses), 0, 2 * maxPasses, true,
		},
		{"a server that knows no pages", []reply{licensePage(first)}, 0, 2 * maxPasses, true},
	} {
		c, s := serve(t, map[string][]reply{getManaged: test.pages, userQuery: always(whoami)})
		got, err := c.Licenses(t.Context())
		if len(got) != test.want || (err != nil) != test.fails || len(s.requests()) != test.requests {
			t.Errorf("%s: got %d licenses, error %v, %d requests, want %d, an error %t and %d", test.name, len(got), err,
				len(s.requests()), test.want, test.fails, test.requests)
		}
		seen := map[string]bool{}
		for _, l := range got {
			if seen[l.ID] {
				t.Errorf("%s: got %s twice, want it once", test.name, l.ID)
			}
			seen[l.ID] = true
		}
	}
}

func TestClient_License(t *testing.T) {
	const id = "f05ae633-48de-49e3-a653-26c58d2fadf0"
	reduced, missing := `{"title":"x","run_limit":1,"is_manager":false}`, `{"error":"no license with id `+id+`"}`
	full := `{"id":"` + id + `","title":"x","is_manager":true,"subscription_id":469}`
	wrongKey := always(`{"error":"FATAL: anonymous get queries not allowed for table 'accounts'"}`)
	for _, test := range []struct {
		name    string
		answers []reply
		whoami  []reply
		manager bool
		fails   bool
		kind    Kind
	}{
		{"managed", always(full), nil, true, false, 0},
		{"somebody else's", always(reduced), always(whoami), false, false, 0},
		{"reduced for a wrong key", always(reduced), wrongKey, false, true, NotSignedIn},
		{"unknown", always(missing), always(whoami), false, true, NotFound},
		{
			"no uuid", always(`{"error":"invalid input syntax for type uuid: \"abc\""}`), always(whoami), false, true,
			NotFound,
		},
		{"unknown to a wrong key", always(missing), wrongKey, false, true, NotSignedIn},
		{"missing during an outage", []reply{{body: missing}, {body: full}}, always(whoami), true, false, 0},
		{"another license", always(`{"id":"0","is_manager":true}`), nil, false, true, Other},
		{"null", always(`null`), nil, false, true, Other},
	} {
		c, _ := serve(t, map[string][]reply{getLicense: test.answers, userQuery: test.whoami})
		got, err := c.License(t.Context(), strings.ToUpper(id))
		if got.IsManager != test.manager || (err != nil) != test.fails {
			t.Errorf("%s: got %+v, %v, want a manager %t, an error %t", test.name, got, err, test.manager, test.fails)
		}
		if test.fails {
			if e := asError(t, err); e.Kind != test.kind {
				t.Errorf("%s: got kind %v of %v, want %v", test.name, e.Kind, e, test.kind)
			}
		} else if !strings.EqualFold(got.ID, id) {
			t.Errorf("%s: got id %q, want %q", test.name, got.ID, id)
		}
	}
}
