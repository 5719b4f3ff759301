package cocalctest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// post sends a request like a client.
func post(s *Server, key, path, body string) string {
	r := httptest.NewRequest(http.MethodPost, "/api/v2/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(key, "")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Body.String()
}

// What happens to a license later is in a snapshot too: renewals, refunds, and who may be charged.
func TestServer_Restore_LaterLife(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	config := Config{Now: func() time.Time { return now }, Unthrottled: true, Renewals: true}
	first := New(config)
	account := first.Add(NewAccount{Credit: 100000, Admin: true})
	poor := first.Add(NewAccount{NoStripeCustomer: true, Credit: 1000})
	poor.SetCreditRenewals(false)
	account.AddToCart(siteLicense, `{"ram":4,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota",`+
		`"user":"academic","boost":false,"period":"monthly","run_limit":1,"title":"A"}`)
	account.AddProject("5a6b7c8d-0000-4000-8000-000000000001", "Thesis")
	account.ChangeProject("5a6b7c8d-0000-4000-8000-000000000001", func(p *Project) { p.Broken = []string{"x"} })
	if err := account.Checkout(); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(0, 0, 29)
	if n := first.RunRenewals(); n != 1 {
		t.Fatalf("got %d renewals, want 1", n)
	}
	if err := first.Refund(3); err != nil {
		t.Fatal(err)
	}
	next := New(config)
	if err := next.Restore(first.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first.Snapshot()), string(next.Snapshot())); diff != "" {
		t.Errorf("got another snapshot after Restore (-before +after):\n%s", diff)
	}
	if err := next.Refund(3); err == nil {
		t.Error("got a purchase refunded twice, want an error")
	}
}

// A server that restores another's snapshot gives the same answers, and continues its ids.
func TestServer_Restore(t *testing.T) {
	var kept []byte
	first := New(Config{Seed: 1, Unthrottled: true, Keep: func(snapshot []byte) { kept = snapshot }})
	account := first.Add(NewAccount{Credit: 100000, Partner: true})
	account.AddProject("5a6b7c8d-0000-4000-8000-000000000001", "Thesis")
	key := account.Key()
	const item = `{"product":"site-license","description":{"ram":4,"cpu":1,"disk":3,"member":true,"uptime":"short",` +
		`"type":"quota","user":"academic",` +
		`"boost":false,"period":"monthly","run_limit":1,"title":"Ä <b>"}}`
	post(first, key, "shopping/cart/add", item)
	post(first, key, "purchases/shopping-cart-checkout", `{}`)
	post(first, key, "shopping/cart/add", item)
	if len(account.Licenses()) != 1 {
		t.Fatalf("got %d licenses, want 1", len(account.Licenses()))
	}
	next := New(Config{Seed: 2, Unthrottled: true})
	if err := next.Restore(kept); err != nil {
		t.Fatal(err)
	}
	again, ok := next.Account(account.ID())
	if !ok || again.Key() != key || again.Balance() != account.Balance() {
		t.Fatalf("got the account %v, want it with its key and balance", again)
	}
	for _, path := range []string{
		"shopping/cart/get", "licenses/get-managed", "purchases/get-purchases", "purchases/get-subscriptions",
		"purchases/get-shopping-cart-checkout-params", "shopping/cart/recent-purchases", "licenses/get-projects",
		"purchases/get-balance",
	} {
		body := `{}`
		if path == "shopping/cart/get" {
			body = `{"purchased":true}`
		}
		if diff := cmp.Diff(post(first, key, path, body), post(next, key, path, body)); diff != "" {
			t.Errorf("%s: got another answer after Restore (-before +after):\n%s", path, diff)
		}
	}
	if !json.Valid(next.Snapshot()) {
		t.Errorf("got the snapshot %q, want JSON", next.Snapshot())
	}
	post(next, key, "purchases/shopping-cart-checkout", `{}`)
	if got := again.Licenses(); len(got) != 2 || got[0].ID == got[1].ID {
		t.Errorf("got %d licenses after another purchase, want two different ones", len(got))
	}
	ids := map[int64]bool{}
	for _, p := range again.Purchases() {
		ids[p.ID] = true
	}
	if len(ids) != 3 || !ids[1] || !ids[2] || !ids[3] {
		t.Errorf("got the purchases %v, want 1 to 3: the credit and two licenses", ids)
	}
	if err := next.Restore(kept); err == nil {
		t.Error("got a server with accounts restored, want an error")
	}
	if err := New(Config{}).Restore(kept[:len(kept)/2]); err == nil {
		t.Error("got half a snapshot restored, want an error")
	}
}
