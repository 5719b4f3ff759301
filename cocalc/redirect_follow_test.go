package cocalc

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"
)

// everyRequest calls all methods of a client that send something.
func everyRequest(t *testing.T, c *Client) map[string]error {
	ctx := t.Context()
	errs := map[string]error{}
	keep := func(name string, err error) { errs[name] = err }
	_, err := c.WhoAmI(ctx)
	keep("WhoAmI", err)
	_, err = c.readProfile(ctx)
	keep("readProfile", err)
	_, err = c.Store(ctx)
	keep("Store", err)
	_, err = c.Balance(ctx)
	keep("Balance", err)
	keep("AddToCart", c.AddToCart(ctx, []byte(`{}`), ""))
	_, err = c.Cart(ctx, InCart)
	keep("Cart", err)
	_, err = c.CartItem(ctx, 1)
	keep("CartItem", err)
	_, err = c.SetChecked(ctx, 1, true)
	keep("SetChecked", err)
	_, err = c.RemoveFromCart(ctx, 1)
	keep("RemoveFromCart", err)
	_, err = c.DeleteFromCart(ctx, 1)
	keep("DeleteFromCart", err)
	_, err = c.CheckoutParams(ctx)
	keep("CheckoutParams", err)
	for name, store := range map[string]Store{
		"Checkout": StoreCurrent, "the older Checkout": StoreOlder,
		"Checkout of an unknown store": storeUnknown,
	} {
		c.store = store
		keep(name, c.Checkout(ctx))
	}
	_, err = c.Licenses(ctx)
	keep("Licenses", err)
	_, err = c.License(ctx, "f05ae633-48de-49e3-a653-26c58d2fadf0")
	keep("License", err)
	_, err = c.Purchases(ctx, PurchaseFilter{})
	keep("Purchases", err)
	_, err = c.Subscriptions(ctx)
	keep("Subscriptions", err)
	_, err = c.Project(ctx, "6dd2fd2a-2b2b-4a3b-9a7c-6d1f3a3f5a11")
	keep("Project", err)
	_, err = c.FindBrokenItem(ctx)
	keep("FindBrokenItem", err)
	_, err = c.MembershipTiers(ctx)
	keep("MembershipTiers", err)
	keep("Diagnose", c.Diagnose(ctx).Err)
	return errs
}

// Wherever a server leads, by whatever status, the host there is not even dialed: it gets no request and no key. What
// nonIdempotent and was answered so may have been done.
func TestClient_Redirect_OtherHost(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	var dialed atomic.Int64
	go func() {
		for {
			conn, err := target.Accept()
			if err != nil {
				return
			}
			dialed.Add(1)
			_ = conn.Close()
		}
	}()
	elsewhere := target.Addr().String()
	for _, status := range []int{300, 301, 302, 303, 305, 307, 308} {
		var log bytes.Buffer
		location := fmt.Sprintf("http://user:%s@%s/api/v2/user-query?key=%s", testKey, elsewhere, testKey)
		c, s := serve(t, map[string][]reply{anyEndpoint: {{status: status, header: map[string]string{"Location": location}}}},
			func(o *Options) { o.Log = zerolog.New(&log).Level(zerolog.DebugLevel) })
		for name, err := range everyRequest(t, c) {
			e := asError(t, err)
			want := Transient
			switch name {
			case "AddToCart", "SetChecked", "RemoveFromCart", "DeleteFromCart", "Checkout", "the older Checkout":
				want = Unknown
			}
			if e.Kind != Redirected || e.Outcome != want || e.Redirect.Host != elsewhere || !e.Redirect.Elsewhere ||
				e.Redirect.Status != status {
				t.Errorf("%d, %s: got %v, kind %v, %+v; want %v", status, name, e, e.Kind, e.Redirect, want)
			}
			if text := e.Error(); strings.Contains(text, testKey) || strings.Contains(text, "user:") ||
				strings.Contains(text, "key=") {
				t.Errorf("%d, %s: got %q, want an error without secrets", status, name, text)
			}
		}
		for _, request := range s.requests() {
			if n := strings.Count(strings.Join(s.requests(), "\n")+"\n", request+"\n"); strings.Contains(request, "cart/add ") &&
				n != 1 {
				t.Errorf("%d: got %s %d times, want once", status, request, n)
			}
		}
		if strings.Contains(log.String(), testKey) || strings.Contains(log.String(), "user:") {
			t.Errorf("got the secrets of the header in the log, want none: %s", log.String())
		}
	}
	if n := dialed.Load(); n != 0 {
		t.Errorf("got %d connections to the other host, want none", n)
	}
	if response, err := http.Get("http://" + elsewhere); err == nil { // the host would have noticed
		_ = response.Body.Close()
	}
	if dialed.Load() != 1 {
		t.Error("got no connection noticed by the other host, want one")
	}
}
