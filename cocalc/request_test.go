package cocalc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The outcome of an answer depends on whether the request reads, may be repeated, or spends. The table holds the
// recorded answers and the failures of the network.
func TestClassify(t *testing.T) {
	const (
		params = iota
		remove
		add
		pay
	)
	page := map[string]string{"Content-Type": "text/html"}
	type expect struct {
		outcome Outcome
		kind    Kind
	}
	same := func(o Outcome, k Kind) [4]expect { return [4]expect{{o, k}, {o, k}, {o, k}, {o, k}} }
	// lostOutcome is the outcome of a request that may have been carried out.
	lostOutcome := [4]expect{{Transient, Other}, {Unknown, Other}, {Unknown, Other}, {Unknown, Other}}
	led := [4]expect{{Transient, Redirected}, {Unknown, Redirected}, {Unknown, Redirected}, {Unknown, Redirected}}
	blocks := [4]expect{{Rejected, CartBroken}, {Rejected, Other}, {Rejected, Other}, {Rejected, CartBroken}}
	for _, test := range []struct {
		name   string
		answer reply
		want   [4]expect
	}{
		{"wrong key", reply{body: `{"error":"must be signed in"}`}, same(Rejected, NotSignedIn)},
		{
			"wrong key, cart",
			reply{body: `{"error":"must be signed in to get shopping cart information"}`},
			same(Rejected, NotSignedIn),
		},
		{
			"wrong key, user-query",
			reply{body: `{"error":"FATAL: anonymous get queries not allowed for table 'accounts'"}`},
			same(Rejected, NotSignedIn),
		},
		{
			"no right to one license",
			reply{body: `{"error":"must be signed in as a manager of the license"}`},
			same(Rejected, Other),
		},
		{"captcha", reply{body: `{"error":"reCaptcha token must be provided"}`}, same(Rejected, CaptchaRequired)},
		{
			"no credit",
			reply{body: `{"error":"Insufficient credit on your account to complete the purchase (you need $43.75). Please ` +
				`refresh"}`},
			same(Rejected, InsufficientCredit),
		},
		{"throttled", reply{body: `{"error":"too many requests to shopping/cart/add; try again in 54 seconds (rule: at ` +
			`most 15 requests per minute)"}`}, same(Transient, Throttled)},
		{"unknown item", reply{body: `{"error":"no item with id 73"}`}, same(Rejected, NotFound)},
		{"a past date in the cart", reply{body: `{"error":"Invalid time value"}`}, blocks},
		{"an item without a price", reply{body: `{"error":"bug cost must not be null"}`}, blocks},
		{"an item with words for numbers", reply{body: `{"error":"[DecimalError] Invalid argument: NaN"}`}, blocks},
		{"an item that checkout refuses", reply{body: `{"error":"field \"custom_ram\" must be number"}`}, blocks},
		{"half a project", reply{body: `{"error":"invalid input syntax for type integer: \"0.5\""}`}, blocks},
		{"another refusal", reply{body: `{"error":"something new"}`}, same(Rejected, Other)},
		{"an error that is no text", reply{body: `{"error":{"code":7}}`}, same(Rejected, Other)},
		{"the database went away while acting", reply{body: `{"error":"Connection terminated unexpectedly"}`}, lostOutcome},
		{"missing route", reply{status: 404, body: "<html>404</html>", header: page}, same(Rejected, NotSoldHere)},
		{"404 that is no page", reply{status: 404, body: `{}`}, lostOutcome},
		{"broken JSON", reply{status: 400, body: "Invalid JSON"}, same(Rejected, Other)},
		{"too large", reply{status: 413, body: "Body exceeded 1mb limit"}, same(Rejected, Other)},
		{"a development server", reply{status: 415, body: "{}"}, same(Rejected, Other)},
		{"forbidden by something in front", reply{status: 403, body: "<html>", header: page}, same(Rejected, Other)},
		// What stands before a redirect may have handed the request on first: what spends may be done.
		{"redirect", reply{status: 308, header: map[string]string{"Location": "/elsewhere"}}, led},
		{"redirect that would become a GET", reply{status: 302, header: map[string]string{"Location": "/elsewhere"}}, led},
		{
			"redirect to another host",
			reply{status: 301, header: map[string]string{"Location": "https://cocalc.ai/api/v2/x"}},
			led,
		},
		{"redirect after a POST", reply{status: 303, header: map[string]string{"Location": "/receipt"}}, led},
		{"redirect to nowhere", reply{status: 302}, led},
		{"redirect that cannot be read", reply{status: 307, header: map[string]string{"Location": "https://%zz:x/"}}, led},
		{"a choice of pages", reply{status: 300, body: `{"error":"choose"}`}, led},
		{"use a proxy", reply{status: 305}, led},
		{
			"a key may not",
			reply{body: `{"error":"API keys are not allowed to access billing account details"}`},
			same(Rejected, KeyNotAllowed),
		},
		{"a person has to sign in", reply{body: `{"error":"browser sign-in is required"}`}, same(Rejected, SignInRequired)},
		{
			"a key that lacks a right",
			reply{body: `{"error":"API key lacks required capability 'project:list'"}`},
			same(Rejected, CapabilityMissing),
		},
		{"a key that lacks a right in a project", reply{body: `{"error":"API key lacks required capability 'file:write' ` +
			`for project 6dd2fd2a","code":"api_key_project_capability_denied"}`}, same(Rejected, CapabilityMissing)},
		{
			"a key that is not valid",
			reply{body: `{"error":"must be signed in with a valid account API key"}`},
			same(Rejected, NotSignedIn),
		},
		{
			"the successor's database is down",
			reply{body: `{"error":"connect ENOENT /run/postgresql/.s.PGSQL.5432"}`},
			lostOutcome,
		},
		{"another method", reply{status: 405, body: `{"error":"method_not_allowed"}`}, same(Rejected, Other)},
		{"missing route of the successor", reply{
			status: 404, body: "<!DOCTYPE html><pre>Cannot POST /api/v2/x</pre>",
			header: page,
		}, same(Rejected, NotSoldHere)},
		{"not modified", reply{status: 304}, lostOutcome},
		{
			"too many requests, in front",
			reply{status: 429, body: "slow down"},
			[4]expect{{Transient, Throttled}, {Unknown, Other}, {Unknown, Other}, {Unknown, Other}},
		},
		{"server error", reply{status: 500, body: "Internal Server Error"}, lostOutcome},
		{"bad gateway", reply{status: 502, body: "<html>", header: page}, lostOutcome},
		{"unavailable", reply{status: 503}, lostOutcome},
		{"gateway timeout", reply{status: 504}, lostOutcome},
		{"created", reply{status: 201, body: `{"success":true}`}, lostOutcome},
		{"a page with 200", reply{body: "<!DOCTYPE html><html>maintenance</html>", header: page}, lostOutcome},
		{"truncated JSON", reply{body: `{"success":tr`}, lostOutcome},
		{"two answers", reply{body: `{"success":true}{"success":true}`}, lostOutcome},
		{"empty answer", reply{}, lostOutcome},
		{"null", reply{body: "null"}, lostOutcome},
		{"no success", reply{body: `{"success":false}`}, lostOutcome},
		{"success that is no boolean", reply{body: `{"success":"true"}`}, lostOutcome},
		{"another object", reply{body: `{"done":false}`}, lostOutcome},
		{"a word", reply{body: `"ok"`}, lostOutcome},
		{"a list", reply{body: `[]`}, lostOutcome},
		{"a negative number", reply{body: `-1`}, lostOutcome},
		{"broken headers", reply{body: "1", header: map[string]string{"Content-Length": "5"}}, lostOutcome},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, s := serve(t, map[string][]reply{
				checkoutParams: {test.answer}, cartRemove: {test.answer}, cartAdd: {test.answer},
				currentCheckout: {test.answer},
			})
			calls := [4]func() error{
				params: func() error { _, err := c.CheckoutParams(t.Context()); return err },
				remove: func() error { _, err := c.RemoveFromCart(t.Context(), 1); return err },
				add:    func() error { return c.AddToCart(t.Context(), []byte(`{}`), "") },
				pay:    func() error { return c.Checkout(t.Context()) },
			}
			for i, call := range calls {
				c.store = StoreCurrent // so that no other request is sent
				before := len(s.requests())
				e := asError(t, call())
				if e.Outcome != test.want[i].outcome || e.Kind != test.want[i].kind {
					t.Errorf("%s: got outcome %v, kind %v (%v); want %v, %v", e.Op, e.Outcome, e.Kind, e, test.want[i].outcome,
						test.want[i].kind)
				}
				if sent := len(s.requests()) - before; (i == add || i == pay) && sent != 1 {
					t.Errorf("got %s %d times, want once", e.Op, sent)
				}
			}
		})
	}
}

func TestClassifyText_Details(t *testing.T) {
	const credit = `{"error":"Insufficient credit on your account to complete the purchase (you need $562,495,011.48). ` +
		`Please refresh"}`
	c, _ := serve(t, map[string][]reply{
		currentCheckout: always(credit),
		cartAdd: always(
			`{"error":"too many requests to shopping/cart/add; try again in 1 second (rule: at most 3 requests per second)"}`),
	})
	c.store = StoreCurrent
	if e := asError(t, c.Checkout(t.Context())); e.Need != 56249501148 || !strings.Contains(e.Text, "$562,495,011.48") ||
		e.Status != 200 {
		t.Errorf("got %+v, want the needed $562,495,011.48 and status 200", e)
	}
	if e := asError(t, c.AddToCart(t.Context(), []byte(`{}`), "")); e.Wait != time.Second || e.Op != cartAdd {
		t.Errorf("got %+v, want a wait of a second", e)
	}
	for text, want := range map[string]time.Duration{
		"try again in 54 seconds": 54 * time.Second, "try again in 2 minutes": 2 * time.Minute,
		"try again in 1 hour": time.Hour,
		"try later":           time.Minute, "try again in 99999999999999999999 seconds": time.Minute,
	} {
		if got := statedWait(text); got != want {
			t.Errorf("statedWait(%q) = %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]Cents{
		"(you need $3.10)": 310, "(you need $7)": 700, "(you need -$1.05)": -105,
		"you need money": 0,
	} {
		if got := neededAmount(text); got != want {
			t.Errorf("neededAmount(%q) = %v, want %v", text, got, want)
		}
	}
	for value, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "": 0, "-1": 0,
		"Sun, 22 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sun, 22 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(value, testNow); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestClient_Reads_Repeated(t *testing.T) {
	bad := reply{status: 502}
	c, s := serve(t, map[string][]reply{
		getBalance:  {bad, bad, {body: "12.5"}},
		cartChecked: {bad, {body: "1"}},
		getPurchases: {
			{body: `{"error":"too many requests to purchases/get-purchases; try again in 54 seconds (rule: x)"}`},
			{body: `{"purchases":[]}`},
		},
	})
	if got, err := c.Balance(t.Context()); err != nil || got != 1250 {
		t.Errorf("got the balance %v, %v, want $12.50", got, err)
	}
	if changed, err := c.SetChecked(t.Context(), 1, true); err != nil || !changed {
		t.Errorf("got changed %t, %v, want true", changed, err)
	}
	if _, err := c.Purchases(t.Context(), PurchaseFilter{}); err != nil {
		t.Error(err)
	}
	want := []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, 250 * time.Millisecond, 54 * time.Second}
	if len(s.slept) != len(want) {
		t.Fatalf("got the waits %v, want %v", s.slept, want)
	}
	for i := range want {
		if s.slept[i] != want[i] {
			t.Errorf("got the waits %v, want %v", s.slept, want)
		}
	}
}

func TestClient_Reads_GiveUp(t *testing.T) {
	hour := `{"error":"too many requests to purchases/get-purchases; try again in 1800 seconds (rule: at most 200 ` +
		`requests per hour)"}`
	c, s := serve(t, map[string][]reply{
		getBalance: {{status: 503}}, getPurchases: always(hour),
		cartGet: always(`[` + strings.Repeat(" ", 2000) + `]`),
	},
		func(o *Options) { o.MaxAnswer = 1000 })
	if e := asError(t, errorOf(c.Balance(t.Context()))); e.Outcome != Transient || e.Status != 503 ||
		len(s.requests()) != 3 {
		t.Errorf("got %v after %q, want status 503 after three requests", e, s.requests())
	}
	if e := asError(t, errorOf(c.Purchases(t.Context(), PurchaseFilter{}))); e.Kind != Throttled ||
		e.Wait != 30*time.Minute || len(s.requests()) != 4 {
		t.Errorf("got %v after %q, want a wait of 30 minutes after one more request", e, s.requests())
	}
	e := asError(t, errorOf(c.Cart(t.Context(), InCart)))
	if e.Outcome != Transient || !errors.Is(e, errTooLarge) || len(s.requests()) != 5 {
		t.Errorf("got %v after %q, want errTooLarge after one more request", e, s.requests())
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if e := asError(t, errorOf(c.Balance(canceled))); e.Outcome != Transient || !errors.Is(e, context.Canceled) ||
		len(s.requests()) != 5 {
		t.Errorf("got %v after %q, want context.Canceled without a request", e, s.requests())
	}
}

func errorOf[T any](_ T, err error) error { return err }

// A change whose first answer was lost may have been made, even if the second answer is a refusal.
func TestClient_RemoveFromCart_LostAnswer(t *testing.T) {
	c, _ := serve(t, map[string][]reply{cartRemove: {{status: 502}, {body: `{"error":"must be signed in"}`}}})
	if e := asError(t, errorOf(c.RemoveFromCart(t.Context(), 1))); e.Outcome != Unknown || e.Kind != NotSignedIn {
		t.Errorf("got %v, kind %v, want the outcome unknown, kind NotSignedIn", e, e.Kind)
	}
}

func TestClient_Redirect_NotFollowed(t *testing.T) {
	c, s := serve(t, map[string][]reply{
		getBalance:  {{status: http.StatusTemporaryRedirect, header: map[string]string{"Location": "/api/v2/" + userQuery}}},
		userQuery:   always(`{"query":{}}`),
		cartDelete:  {{status: http.StatusSeeOther, header: map[string]string{"Location": "/api/v2/" + userQuery}}},
		cartChecked: always(`2`),
	})
	_ = errorOf(c.Balance(t.Context()))
	_ = errorOf(c.DeleteFromCart(t.Context(), 1))
	for _, request := range s.requests() {
		if strings.HasPrefix(request, userQuery) {
			t.Errorf("got the requests %q, want no redirect followed", s.requests())
		}
	}
	if e := asError(t, errorOf(c.SetChecked(t.Context(), 1, true))); e.Outcome != Unknown {
		t.Errorf("two items changed: got %v, want the outcome unknown", e)
	}
	if e := asError(t, errorOf(c.WhoAmI(t.Context()))); e.Outcome != Transient {
		t.Errorf("no account: got %v, want the outcome transient", e)
	}
}

// A request that adds or buys is sent once, whatever the answer: only a caller that has read the result may repeat it.
func TestClient_Spending_NotRepeated(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308, 429, 500, 502, 503, 304} {
		c, s := serve(t, map[string][]reply{currentCheckout: {{status: status}}, cartAdd: {{status: status}}})
		c.store = StoreCurrent
		_ = c.Checkout(t.Context())
		_ = c.AddToCart(t.Context(), []byte(`{}`), "")
		if n := len(s.requests()); n != 2 {
			t.Errorf("after %d: got the requests %q, want two", status, s.requests())
		}
	}
}
