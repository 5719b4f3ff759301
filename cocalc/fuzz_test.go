package cocalc

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever stands in a cart, pricing it gives a price or an error.
func FuzzPriceDescription(f *testing.F) {
	for _, seed := range []string{
		`{"type":"quota","user":"business","run_limit":1,"ram":16,"cpu":2,"disk":10,"member":true,"uptime":"medium",` +
			`"period":"monthly"}`,
		`{"user":"academic","run_limit":"3","ram":"0x10","cpu":[2],"disk":1e308,"uptime":"constructor","period":"range",` +
			`"range":["2031-01-01T24:00:00+05:30",1e15]}`,
		`{"type":"cash-voucher","amount":"5e99","numVouchers":-1}`,
		`{"user":"academic","run_limit":"-.5e-999999","period":["yearly"]}`,
		`null`, `5`, `"x"`, `[]`, `{}`, `{"period":"range","range":"ab","run_limit":true,"user":"business"}`, ``,
		`{"run_limit":{},"user":"business","period":"monthly"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, description []byte) {
		cost, err := PriceDescription(description, testNow)
		if err == nil && (cost.CheckoutTotal < cost.LineItemAmount ||
			cost.CheckoutTotal > cost.LineItemAmount+1) && cost.LineItemAmount < 1<<40 && cost.LineItemAmount > -1<<40 {
			t.Errorf("%s: got %+v, want a total at most a cent above the charge", description, cost)
		}
		item := CartItem{ID: 1, Product: "site-license", Description: description}
		if item.Problem(testNow) == "" && err != nil {
			t.Errorf("%s: got no problem and the error %v, want both or neither", description, err)
		}
		_, _ = item.Text(), item.Title()
		if json.Valid(description) && strings.HasPrefix(string(description), "{") {
			if err := DescriptionMatches(description, description); err != nil {
				t.Errorf("%s: got %v, want it to match itself", description, err)
			}
		}
	})
}

// fixedAnswer answers every request with one body.
type fixedAnswer struct {
	status int
	body   []byte
}

func (a fixedAnswer) RoundTrip(*http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Code = a.status
	w.Body.Write(a.body)
	return w.Result(), nil
}

// Whatever a server answers, no method panics, every error is classified, and only the two words of success are one.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`1`, `{"success":true}`, `{"error":"must be signed in"}`, `[]`, `null`, `[{"id":1,"purchased":{"time":5}}]`,
		`{"purchases":[{"id":1}]}`, `<html>`,
		`{"balance":1,"amountDue":0,"total":0,"cart":[{"id":1,"lineItemAmount":5}]}`,
		`{"query":{"accounts":{"account_id":"u"}}}`, `[{"id":"x","expires":1e99}]`,
	} {
		f.Add(uint16(200), []byte(seed))
	}
	f.Add(uint16(404), []byte(`<html>`))
	f.Add(uint16(308), []byte(``))
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		if status < 200 || status > 599 {
			status = 200
		}
		c, err := New(Options{
			BaseURL: "http://cocalc.test", Key: testKey, Transport: fixedAnswer{int(status), body},
			Retries: -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		check := func(err error) {
			if err != nil && (asError(t, err).Op == "" || strings.Contains(err.Error(), testKey)) {
				t.Errorf("got %v, want an error with an endpoint and without the key", err)
			}
		}
		reading := func(err error) {
			check(err)
			if err != nil && asError(t, err).Outcome == Unknown {
				t.Errorf("got the outcome unknown of a read, want another: %v", err)
			}
		}
		reading(errorOf(c.WhoAmI(ctx)))
		reading(errorOf(c.Cart(ctx, InCart)))
		reading(errorOf(c.CartItem(ctx, 1)))
		reading(errorOf(c.CheckoutParams(ctx)))
		reading(errorOf(c.Licenses(ctx)))
		reading(errorOf(c.License(ctx, "x")))
		reading(errorOf(c.Purchases(ctx, PurchaseFilter{})))
		reading(errorOf(c.Balance(ctx)))
		reading(errorOf(c.Subscriptions(ctx)))
		reading(errorOf(c.Store(ctx)))
		reading(errorOf(c.FindBrokenItem(ctx)))
		check(errorOf(c.SetChecked(ctx, 1, true)))
		check(c.AddToCart(ctx, []byte(`{}`), ""))
		c.store = StoreCurrent
		err = c.Checkout(ctx)
		check(err)
		var answer struct{ Success, Error any }
		if err == nil && (status != 200 || json.Unmarshal(body, &answer) != nil || answer.Success != true) {
			t.Errorf("%d %q: got a successful checkout, want an error", status, body)
		}
	})
}
