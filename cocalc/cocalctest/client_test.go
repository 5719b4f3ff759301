package cocalctest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"licensebot/cocalc/cocalctest"
)

const (
	add      = "shopping/cart/add"
	get      = "shopping/cart/get"
	params   = "purchases/get-shopping-cart-checkout-params"
	checkout = "purchases/shopping-cart-checkout"

	success = `{"success":true}`

	// cheap costs $6.30 a month, example $63.75.
	cheap = `{"ram":2,"cpu":1,"disk":3,"member":true,"uptime":"short","type":"quota","user":"academic","boost":false,` +
		`"period":"monthly","run_limit":1,"title":"cheap"}`
	example = `{"ram":16,"cpu":2,"disk":10,"member":true,"uptime":"medium","type":"quota","user":"business",` +
		`"boost":false,"period":"monthly","run_limit":1,"title":"my title","description":"my desc"}`
)

// client is a program with an account's key.
type client struct {
	t       testing.TB
	server  *cocalctest.Server
	account *cocalctest.Account
	key     string
}

// newClient returns a client of an in-process server with one account that has $100.
func newClient(t testing.TB, config cocalctest.Config) *client {
	s := cocalctest.New(config)
	a := s.Add(cocalctest.NewAccount{Credit: 10000})
	return &client{t, s, a, a.Key()}
}

// send posts and returns status and body. It returns an error for a dropped connection or an ended context.
func (c *client) send(ctx context.Context, path, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://cocalc.test/api/v2/"+path,
		strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.SetBasicAuth(c.key, "")
	request.Header.Set("Content-Type", "application/json")
	response, err := c.server.Transport().RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

// post is send for requests whose status must be 200. It returns the body.
func (c *client) post(path, body string) string {
	c.t.Helper()
	status, answer, err := c.send(context.Background(), path, body)
	if err != nil || status != http.StatusOK {
		c.t.Fatalf("%s %s: got status %d, %v, want 200", path, body, status, err)
	}
	return answer
}

// want posts and compares the answer.
func (c *client) want(path, body, answer string) {
	c.t.Helper()
	if got := c.post(path, body); got != answer {
		c.t.Errorf("%s %s: got %s, want %s", path, body, got, answer)
	}
}

// bought checks the numbers of licenses, charges and subscriptions, and the balance in cents.
func (c *client) bought(licenses int, balance int64) {
	c.t.Helper()
	charges := 0
	for _, p := range c.account.Purchases() {
		if p.Service == "license" {
			charges++
		}
	}
	if n := len(c.account.Licenses()); n != licenses || charges != licenses {
		c.t.Errorf("got %d licenses and %d charges, want %d of each", n, charges, licenses)
	}
	if got := c.account.Balance(); got != balance {
		c.t.Errorf("got the balance of %d cents, want %d", got, balance)
	}
}

func item(description string) string {
	return `{"product":"site-license","description":` + description + `}`
}
