package cocalc

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"licensebot/internal/failpoint"
)

// The running bot sends these requests, a diagnosis among them. Each has its failpoint in the list.
func TestFailpointOf_Requests(t *testing.T) {
	for _, c := range []struct {
		endpoint, params string
		want             failpoint.Name
	}{
		{cartAdd, `{"product":"site-license","description":{"checked":true}}`, failpoint.Add},
		{cartGet, `{}`, failpoint.Cart},
		{cartGet, `{"purchased":true}`, failpoint.CartBought},
		{cartGet, `{"removed":true}`, failpoint.CartRemoved},
		{cartGet, `{"purchased":true,"removed":true}`, failpoint.CartBoth},
		{cartGet, `{"id":7}`, failpoint.Item},
		{cartChecked, `{"checked":true,"id":7}`, failpoint.Check},
		{cartChecked, `{"checked":false,"id":7}`, failpoint.Park},
		{cartRemove, `{"id":7}`, failpoint.Remove},
		{checkoutParams, `{}`, failpoint.Params},
		{currentCheckout, `{}`, failpoint.Checkout},
		{olderCheckout, `{}`, failpoint.Checkout},
		{getPurchases, `{"limit":1}`, failpoint.Purchases},
		{getManaged, `{"limit":1}`, failpoint.Licenses},
		{getLicense, `{"license_id":"x"}`, failpoint.License},
		{getSubscriptions, `{}`, failpoint.Subscriptions},
		{cancelSubscription, `{"subscription_id":44}`, failpoint.CancelSubscription},
		{resumeSubscription, `{"subscription_id":44}`, failpoint.ResumeSubscription},
		{userQuery, `{"query":{}}`, failpoint.WhoAmI},
		{profile, `{}`, failpoint.WhoAmI},
	} {
		got := failpointOf(c.endpoint, []byte(c.params))
		if got != c.want || !slices.Contains(failpoint.All(), failpoint.Of(failpoint.Before, got)) {
			t.Errorf("%s %s: got the failpoint %q, want %q, which is listed", c.endpoint, c.params, got, c.want)
		}
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWithFailpoints_RoundTrip(t *testing.T) {
	const body = `{"id":7}`
	var got []byte
	transport := WithFailpoints(transportFunc(func(r *http.Request) (_ *http.Response, err error) {
		got, err = io.ReadAll(r.Body)
		return &http.Response{StatusCode: http.StatusTeapot}, err
	}))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://cocalc.example/api/v2/"+cartGet,
		io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusTeapot {
		t.Fatalf("got %+v, %v, want the answer of the transport below", response, err)
	}
	if !bytes.Equal(got, []byte(body)) {
		t.Errorf("got the body %q below, want %q", got, body)
	}
}

// Every request of a client goes through Wrap, with reads and with what spends.
func TestOptions_Wrap(t *testing.T) {
	var seen []string
	answer := func(r *http.Request) (*http.Response, error) {
		_, endpoint, _ := strings.Cut(r.URL.Path, "/api/v2/")
		seen = append(seen, endpoint)
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`1`))}, nil
	}
	c, err := New(Options{
		BaseURL: "https://cocalc.example", Key: "k",
		Wrap: func(http.RoundTripper) http.RoundTripper { return transportFunc(answer) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.RemoveFromCart(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if err := c.AddToCart(t.Context(), []byte(`{}`), ""); err != nil {
		t.Fatal(err)
	}
	if want := []string{cartRemove, cartAdd}; !slices.Equal(seen, want) {
		t.Errorf("got the requests %q through Wrap, want %q", seen, want)
	}
}
