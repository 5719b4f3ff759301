package cocalctest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/cocalc/cocalctest"
)

// The effect of every named fault on a purchase of $6.30 with $100 of credit.
func TestFaults_Named(t *testing.T) {
	for name, check := range map[string]func(t *testing.T, c *client){
		"lost-answer": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			c.dropped(checkout)
			c.bought(1, 9370)
			c.want(checkout, "{}", success) // only once
			c.bought(1, 9370)
		},
		"late-checkout": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			c.dropped(checkout)
			time.Sleep(19 * time.Second)
			c.bought(0, 10000)
			time.Sleep(2 * time.Second)
			c.bought(1, 9370)
		},
		"server-error": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			c.page(checkout, http.StatusBadGateway)
			c.bought(0, 10000)
		},
		"error-after-buying": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			c.page(checkout, http.StatusInternalServerError)
			c.bought(1, 9370)
		},
		"refused": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			c.want(checkout, "{}", `{"error":"checkout is temporarily disabled"}`)
			c.bought(0, 10000)
			c.want(checkout, "{}", success)
			c.bought(1, 9370)
		},
		"throttled": func(t *testing.T, c *client) {
			c.want(add, item(cheap), `{"error":"too many requests to shopping/cart/add; try again in 5 seconds (rule: at most `+
				`15 requests per minute)"}`)
			c.want(get, "{}", "[]")
			c.want(add, item(cheap), "1")
		},
		"lost-add": func(t *testing.T, c *client) {
			if _, _, err := c.send(context.Background(), add, item(cheap)); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v from add, want a lost answer", err)
			}
			if n := len(c.account.Cart()); n != 1 {
				t.Errorf("got %d items in the cart, want 1", n)
			}
		},
		"cart-stranger": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			if cart := c.account.Cart(); len(cart) != 2 || cart[1].Title != "Another program's license" || !cart[1].Checked {
				t.Errorf("got the cart %+v, want another program's item checked too", cart)
			}
			c.want(checkout, "{}", success)
			c.bought(2, 8740)
		},
		"cart-broken": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			for _, path := range []string{get, params, checkout} {
				c.want(path, "{}", `{"error":"Invalid time value"}`)
			}
			if got := c.post(get, `{"id":2}`); !strings.Contains(got, "Another program") {
				t.Errorf("got %s by the item's id, want another program's item", got)
			}
			c.want("shopping/cart/remove", `{"id":2}`, "1")
			c.want(checkout, "{}", success)
			c.bought(1, 9370)
		},
		"double-checkout": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			c.want(checkout, "{}", success)
			c.server.Wait()
			c.bought(2, 8740)
		},
		"price-moved": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			if got := c.post(params, "{}"); !strings.Contains(got, `"total":6.93,`) ||
				!strings.Contains(got, `"lineItemAmount":6.93}`) {
				t.Errorf("got the params %s, want 6.93", got)
			}
			c.want(checkout, "{}", success)
			c.bought(1, 9307)
		},
		"no-credit": func(t *testing.T, c *client) {
			c.want(add, item(cheap), "1")
			c.want("purchases/get-balance", "{}", "0")
			if got := c.post(checkout, "{}"); !strings.Contains(got, "you need $6.30") {
				t.Errorf("got %s from checkout, want that $6.30 are needed", got)
			}
			c.bought(0, 10000)
		},
		"key-revoked": func(t *testing.T, c *client) {
			c.want("purchases/get-balance", "{}", `{"error":"must be signed in"}`)
			c.want("licenses/get-managed", "{}", "[]")
		},
		"outage": func(t *testing.T, c *client) {
			c.want("purchases/get-balance", "{}", `{"error":"must be signed in"}`)
			c.want("licenses/get-managed", "{}", "[]")
			c.want(checkout, "{}", `{"error":"must be signed in"}`)
			c.want("licenses/get-license", `{"license_id":"00000000-0000-4000-8000-000000000000"}`,
				`{"error":"connect ECONNREFUSED"}`)
		},
		"slow": func(t *testing.T, c *client) {
			start := time.Now()
			c.want("purchases/get-balance", "{}", "100")
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("got the answer after %v, want it after 3s", took)
			}
		},
		"older-server": func(t *testing.T, c *client) {
			c.page(params, http.StatusNotFound)
			c.page(checkout, http.StatusNotFound)
			c.want(add, item(cheap), "1")
			c.want("shopping/cart/checkout", "{}", `{"error":"reCaptcha token must be provided"}`)
			c.bought(0, 10000)
		},
		"no-licenses-sold": func(t *testing.T, c *client) {
			for _, path := range []string{add, get, params, checkout, "licenses/get-managed"} {
				c.page(path, http.StatusNotFound)
			}
			c.want("purchases/get-balance", "{}", "100")
		},
		"successor": func(t *testing.T, c *client) {
			for _, path := range []string{add, get, params, checkout, "licenses/get-managed"} {
				c.page(path, http.StatusNotFound)
			}
			c.want("user-query", "{}", `{"error":"API keys are not allowed to use user-query"}`)
			c.want("accounts/profile", "{}", `{"profile":{}}`) // the account's key has the older form
			c.key = c.account.NewSuccessorKey("bot", cocalctest.AccountRead)
			if got := c.post("accounts/profile", "{}"); !strings.Contains(got, c.account.ID()) {
				t.Errorf("got the profile %s, want the account's id", got)
			}
			c.key = c.account.Key()
		},
		"moved": func(t *testing.T, c *client) {
			for _, path := range []string{add, get, params, checkout, "user-query", "no/such/route"} {
				c.page(path, http.StatusFound)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, cocalctest.Config{})
				if err := c.server.SwitchOn(name); err != nil {
					t.Fatal(err)
				}
				if on := c.server.SwitchedOn(); !slices.Equal(on, []string{name}) {
					t.Errorf("got %v switched on, want %s", on, name)
				}
				check(t, c)
				c.server.SwitchOff(name)
				if on := c.server.SwitchedOn(); len(on) != 0 {
					t.Errorf("got %v still switched on, want none", on)
				}
				c.want("purchases/get-min-balance", "{}", "0") // the fault has no effect anymore
				c.server.Wait()
			})
		})
	}
}

// A new name in Faults needs a test above.
func TestFaults_AllTested(t *testing.T) {
	const tested = 19
	named := cocalctest.Faults()
	if len(named) != tested {
		t.Errorf("got %d named faults and %d tested ones, want as many", len(named), tested)
	}
	for _, n := range named {
		if !strings.HasSuffix(n.Description, ".") || n.Name == "" {
			t.Errorf("%q: got the description %q, want a sentence", n.Name, n.Description)
		}
	}
	if err := cocalctest.New(cocalctest.Config{}).SwitchOn("earthquake"); err == nil {
		t.Error("got an unknown fault switched on, want an error")
	}
}

// dropped posts {} and checks that the connection is lost.
func (c *client) dropped(path string) {
	c.t.Helper()
	if status, answer, err := c.send(context.Background(), path, "{}"); !errors.Is(err, io.ErrUnexpectedEOF) {
		c.t.Errorf("%s: got %d %s (%v), want a lost connection", path, status, answer, err)
	}
}

// page posts {} and checks that the answer is an HTML page.
func (c *client) page(path string, status int) {
	c.t.Helper()
	got, answer, err := c.send(context.Background(), path, "{}")
	if err != nil || got != status || !strings.Contains(answer, "<html") {
		c.t.Errorf("%s: got %d %q (%v), want a page with status %d", path, got, answer, err, status)
	}
}

func TestFaults_Count(t *testing.T) {
	c := newClient(t, cocalctest.Config{})
	twice := c.server.Inject(cocalctest.Fault{
		Endpoint: "purchases/*", Effect: cocalctest.Refuse, Text: "not now",
		Times: 2,
	})
	c.want(get, "{}", "[]") // another endpoint does not count
	c.want("purchases/get-balance", "{}", `{"error":"not now"}`)
	c.want("purchases/get-min-balance", "{}", `{"error":"not now"}`)
	c.want("purchases/get-balance", "{}", "100")
	if twice.Hits() != 2 {
		t.Errorf("got %d hits, want 2", twice.Hits())
	}

	always := c.server.Inject(cocalctest.Fault{Effect: cocalctest.KeyRevoked})
	for range 5 {
		c.want("purchases/get-balance", "{}", `{"error":"must be signed in"}`)
	}
	always.Clear()
	c.want("purchases/get-balance", "{}", "100")

	c.server.Inject(cocalctest.Fault{Effect: cocalctest.KeyRevoked})
	c.server.ClearFaults()
	c.want("purchases/get-balance", "{}", "100")
}

// The price changes between the preview and the checkout.
func TestFaults_PriceMoved(t *testing.T) {
	c := newClient(t, cocalctest.Config{})
	c.server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.PriceMoved, Percent: 200})
	c.want(add, item(cheap), "1")
	if got := c.post(params, "{}"); !strings.Contains(got, `"lineItemAmount":6.3}`) {
		t.Errorf("got the params %s, want 6.3", got)
	}
	c.want(checkout, "{}", success)
	c.bought(1, 8740)
}

// Another person acts at a certain moment, here between the preview and the checkout.
func TestFaults_OtherPerson(t *testing.T) {
	c := newClient(t, cocalctest.Config{})
	c.want(add, item(cheap), "1")
	c.server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.Call, Do: func(a *cocalctest.Account) {
		a.SetChecked(1, false)
	}, Times: 1})
	c.want(checkout, "{}", success) // and bought nothing
	c.bought(0, 10000)
}

// A delayed request is carried out although its caller gave up.
func TestFaults_DelayedRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, cocalctest.Config{})
		c.account.AddToCart("site-license", cheap)
		c.server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.Delay, Wait: 5 * time.Minute, Times: 1})
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if _, _, err := c.send(ctx, checkout, "{}"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want context.DeadlineExceeded", err)
		}
		c.bought(0, 10000)
		c.server.Wait()
		c.bought(1, 9370)
	})
}

// Close ends waiting requests, which have no effect.
func TestServer_Close_DelayedRequests(t *testing.T) {
	c := newClient(t, cocalctest.Config{})
	c.account.AddToCart("site-license", cheap)
	c.server.Inject(cocalctest.Fault{Endpoint: checkout, Effect: cocalctest.ActLate, Wait: time.Hour, Times: 1})
	c.dropped(checkout)
	c.server.Close()
	c.bought(0, 10000)
}

// Over a socket a lost answer is a closed connection, which net/http does not repeat for a POST.
func TestFaults_LostAnswerOverSocket(t *testing.T) {
	c := newClient(t, cocalctest.Config{})
	base := c.server.Start(t)
	c.account.AddToCart("site-license", cheap)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	post := func(path string) error {
		request, _ := http.NewRequest(http.MethodPost, base+"/api/v2/"+path, strings.NewReader("{}"))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+c.key)
		response, err := transport.RoundTrip(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		return err
	}
	if err := post("purchases/get-balance"); err != nil {
		t.Fatal(err)
	}
	_ = c.server.SwitchOn("lost-answer")
	if err := post(checkout); err == nil {
		t.Error("got an answer to the checkout, want none")
	}
	c.bought(1, 9370)
	if n := c.server.Count(checkout); n != 1 {
		t.Errorf("got %d checkouts, want 1", n)
	}
}
