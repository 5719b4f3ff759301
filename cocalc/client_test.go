package cocalc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testKey          = "sk-abcdefghijklmnop00007P"
	successorTestKey = "sk-cc-v2.Ab3dEf6hIj9lMn2p.0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wZm4_x-9Q"
)

// reply is one answer of a scripted server.
type reply struct {
	status int // 0: 200
	body   string
	header map[string]string
}

// scriptedServer answers each endpoint with its replies in turn, and repeats the last one. It records the requests. An
// endpoint without replies has those of anyEndpoint, and if there are none, the page of a missing route.
type scriptedServer struct {
	t        testing.TB
	answers  map[string][]reply
	mu       sync.Mutex
	received []string // "endpoint body"
	slept    []time.Duration
}

func (s *scriptedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	endpoint := strings.TrimPrefix(r.URL.Path, "/api/v2/")
	user, password, ok := r.BasicAuth()
	if r.Method != http.MethodPost || !ok || user != testKey || password != "" ||
		r.Header.Get("Content-Type") != "application/json" ||
		r.Header.Get("Idempotency-Key")+r.Header.Get("X-Idempotency-Key")+r.Header.Get("If-None-Match") != "" ||
		r.URL.RawQuery != "" {
		s.t.Errorf("got %s %s with %v, want a POST with the key, JSON and no condition", r.Method, r.URL, r.Header)
	}
	s.mu.Lock()
	s.received = append(s.received, endpoint+" "+string(body))
	answers := s.answers[endpoint]
	if len(answers) == 0 {
		answers = s.answers[anyEndpoint]
	} else if len(answers) > 1 {
		s.answers[endpoint] = answers[1:]
	}
	s.mu.Unlock()
	if len(answers) == 0 {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<!DOCTYPE html><html>404: This page could not be found</html>")
		return
	}
	a := answers[0]
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
}

// anyEndpoint is the key of the replies for endpoints without their own.
const anyEndpoint = "*"

func (s *scriptedServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.received...)
}

// clientOption changes the options of a test's client.
type clientOption func(*Options)

func serve(t testing.TB, answers map[string][]reply, changes ...clientOption) (*Client, *scriptedServer) {
	t.Helper()
	s := &scriptedServer{t: t, answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	o := Options{
		BaseURL: server.URL, Key: testKey, Now: func() time.Time { return testNow },
		Sleep: func(_ context.Context, d time.Duration) error { s.slept = append(s.slept, d); return nil },
	}
	for _, change := range changes {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, s
}

// always returns replies that are always the same, with status 200.
func always(body string) []reply { return []reply{{body: body}} }

// asError finds the *Error in err, which every method of the client returns.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a *cocalc.Error", err)
	}
	return e
}

func TestNew_Errors(t *testing.T) {
	for name, o := range map[string]Options{
		"no key":             {BaseURL: "https://cocalc.com"},
		"key with a blank":   {BaseURL: "https://cocalc.com", Key: "sk- 1"},
		"key with a colon":   {BaseURL: "https://cocalc.com", Key: "sk:1"},
		"no address":         {Key: testKey},
		"no scheme":          {BaseURL: "cocalc.com", Key: testKey},
		"other scheme":       {BaseURL: "ftp://cocalc.com", Key: testKey},
		"secret in address":  {BaseURL: "https://user:secret@cocalc.com", Key: testKey},
		"query in address":   {BaseURL: "https://cocalc.com?x=1", Key: testKey},
		"control characters": {BaseURL: "https://coc\x00alc.com/secret", Key: testKey},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), testKey) {
			t.Errorf("%s: got error %v, want one without secrets", name, err)
		}
	}
	for _, base := range []string{
		"https://cocalc.com", "https://cocalc.com/", "https://cocalc.com/api/v2",
		"https://cocalc.com/api/v2/",
	} {
		c, err := New(Options{BaseURL: base, Key: testKey + "\n"})
		if err != nil || c.base != "https://cocalc.com/api/v2/" || c.key != testKey {
			t.Errorf("%s: got %v, %v, want the base https://cocalc.com/api/v2/ and the trimmed key", base, c, err)
		}
	}
	if c, err := New(Options{BaseURL: "http://127.0.0.1:5000/some/port", Key: testKey}); err != nil ||
		c.base != "http://127.0.0.1:5000/some/port/api/v2/" {
		t.Errorf("got %v, %v, want the base http://127.0.0.1:5000/some/port/api/v2/", c, err)
	}
}

func TestRedactKey(t *testing.T) {
	for key, want := range map[string]string{
		testKey: "sk-…00007P", "": "…", "sk-short": "…", "a-long-key-of-another-kind": "…kind",
		// As the successor's own list shows them: five characters and the last eight.
		successorTestKey: "sk-cc...Zm4_x-9Q", "sk-cocalc" + successorTestKey[5:]: "sk-co...Zm4_x-9Q",
		"sk-cc-v2.short.secret": "…cret",
	} {
		if got := RedactKey(key); got != want {
			t.Errorf("RedactKey(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestIsOlderKey(t *testing.T) {
	for key, want := range map[string]bool{
		testKey: true, testKey + "\n": true, successorTestKey: false, "": false, "sk-": false, testKey + "x": false,
		"sk-abcdefghijklmnop0000_P": false,
	} {
		if got := IsOlderKey(key); got != want {
			t.Errorf("IsOlderKey(%q): got %t, want %t", key, got, want)
		}
	}
}

func TestClient_Requests_Contract(t *testing.T) {
	c, s := serve(t, map[string][]reply{
		userQuery: always(`{"query":{"accounts":{"account_id":"u","email_address":null}}}`),
		cartAdd:   always(`1`), cartGet: {{body: `[]`}, {body: `[]`}, {body: `[]`}, {body: `[]`}, {body: `{"id":7}`}},
		cartChecked: always(`1`), cartRemove: always(`0`), cartDelete: always(`1`),
		checkoutParams: always(`{"balance":1,"amountDue":0,"total":0,"cart":[]}`), getManaged: always(`[{"id":"x"}]`),
		currentCheckout: always(`{"success":true}`), getBalance: always(`87.399994`), getSubscriptions: always(`[]`),
		getPurchases: always(`{"purchases":[],"balance":0}`), getLicense: always(`{"id":"x","is_manager":true}`),
	})
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	_, err := c.WhoAmI(ctx)
	check(err)
	check(c.AddToCart(ctx, []byte(`{"title":"<&>"}`), ""))
	check(c.AddToCart(ctx, []byte(`{}`), "p"))
	for _, which := range []CartFilter{InCart, Purchased, Removed, PurchasedAndRemoved} {
		_, err = c.Cart(ctx, which)
		check(err)
	}
	_, err = c.CartItem(ctx, 7)
	check(err)
	changed, err := c.SetChecked(ctx, 7, false)
	check(err)
	removed, err := c.RemoveFromCart(ctx, 7)
	check(err)
	deleted, err := c.DeleteFromCart(ctx, 7)
	check(err)
	if !changed || removed || !deleted {
		t.Errorf("got changed %t, removed %t, deleted %t, want true, false, true", changed, removed, deleted)
	}
	_, err = c.CheckoutParams(ctx)
	check(err)
	check(c.Checkout(ctx))
	check(c.Checkout(ctx))
	if balance, err := c.Balance(ctx); err != nil || balance != 8740 {
		t.Errorf("got the balance %s, %v, want $87.40", balance, err)
	}
	_, err = c.Subscriptions(ctx)
	check(err)
	_, err = c.Purchases(ctx, PurchaseFilter{Service: "license", Limit: 9999, Offset: 3, Since: testNow})
	check(err)
	_, err = c.License(ctx, "x")
	check(err)
	want := []string{
		userQuery + ` {"query":{"accounts":{"account_id":null,"email_address":null}}}`,
		cartAdd + ` {"product":"site-license","description":{"title":"<&>"}}`,
		cartAdd + ` {"product":"site-license","description":{},"project_id":"p"}`,
		cartGet + ` {}`, cartGet + ` {"purchased":true}`, cartGet + ` {"removed":true}`, cartGet +
			` {"purchased":true,"removed":true}`,
		cartGet + ` {"id":7}`, cartChecked + ` {"checked":false,"id":7}`, cartRemove + ` {"id":7}`, cartDelete + ` {"id":7}`,
		checkoutParams + ` {}`,
		checkoutParams + ` {}`, getManaged + ` {"limit":1}`, currentCheckout + ` {}`, // which store it is, requested once
		currentCheckout + ` {}`,
		getBalance + ` {}`, getSubscriptions + ` {"limit":500}`,
		getPurchases + ` {"cutoff":"2026-11-22T12:00:00.000Z","limit":500,"offset":3,"service":"license"}`,
		getLicense + ` {"license_id":"x"}`,
	}
	if diff := cmp.Diff(want, s.requests()); diff != "" {
		t.Error(diff)
	}
}

// No id would change every item of the cart, so nothing is sent.
func TestClient_SetChecked_WithoutItem(t *testing.T) {
	c, s := serve(t, nil)
	_, err1 := c.SetChecked(t.Context(), 0, false)
	_, err2 := c.RemoveFromCart(t.Context(), -1)
	_, err3 := c.CartItem(t.Context(), 0)
	err4 := c.AddToCart(t.Context(), []byte(`"text"`), "")
	for _, err := range []error{err1, err2, err3, err4} {
		if e := asError(t, err); e.Outcome != Rejected {
			t.Errorf("got %v, want rejected", e)
		}
	}
	if got := s.requests(); len(got) != 0 {
		t.Errorf("got the requests %q, want none", got)
	}
}

func TestClient_Errors_RedactKey(t *testing.T) {
	var log bytes.Buffer
	echo := `Authorization: Basic c2stYWJjZGVmZ2hpamtsbW5vcDAwMDA3UDo= is ` + testKey
	quoted, _ := json.Marshal(map[string]string{"error": echo})
	c, _ := serve(t, map[string][]reply{
		userQuery: always(string(quoted)), getBalance: {{status: 500, body: echo}},
		cartGet: always(`[{"id":"` + testKey + `"}]`),
		cartAdd: always(echo), cartRemove: always(`"` + echo + `"`), getPurchases: always(testKey),
	}, func(o *Options) { o.Log = zerolog.New(&log).Level(zerolog.DebugLevel) })
	ctx := t.Context()
	var errs []error
	collect := func(err error) { errs = append(errs, err) }
	_, err := c.WhoAmI(ctx)
	collect(err)
	_, err = c.Balance(ctx)
	collect(err)
	_, err = c.Cart(ctx, InCart)
	collect(err)
	collect(c.AddToCart(ctx, []byte(`{}`), ""))
	_, err = c.RemoveFromCart(ctx, 1)
	collect(err)
	_, err = c.Purchases(ctx, PurchaseFilter{})
	collect(err)
	secrets := []string{testKey, strings.TrimPrefix(c.auth, "Basic ")}
	for i, err := range errs {
		e := asError(t, err)
		for _, secret := range secrets {
			if strings.Contains(e.Error()+e.Text, secret) || (e.Err != nil && strings.Contains(e.Err.Error(), secret)) {
				t.Errorf("error %d: got the key in %v, want it redacted", i, err)
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(log.String(), secret) {
			t.Errorf("got the key in the log, want it redacted: %s", log.String())
		}
	}
	if !strings.Contains(log.String(), `"endpoint":"user-query"`) {
		t.Errorf("got no endpoint in the log, want user-query: %s", log.String())
	}
}

// Links for people lead to the server of COCALC_URL, however its address is written.
func TestSite_Links(t *testing.T) {
	for address, want := range map[string]string{
		"https://cocalc.com":                   "https://cocalc.com/store/cart",
		"https://cocalc.example/":              "https://cocalc.example/store/cart",
		"https://math.example/cocalc/api/v2":   "https://math.example/cocalc/store/cart",
		" http://127.0.0.1:5000/base/api/v2/ ": "http://127.0.0.1:5000/base/store/cart",
	} {
		client, err := New(Options{BaseURL: address, Key: "sk-abcdefghijklmnop00007P"})
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Site().Cart(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
		client.Close()
	}
	for got, want := range map[string]string{
		Site("").License("1-2"):                "/settings/licenses?id=1-2",
		Site("https://a.example").Payments():   "https://a.example/settings/payments",
		Site("https://a/b/").Subscriptions():   "https://a/b/settings/subscriptions",
		Site("https://a.example/").License(""): "https://a.example/settings/licenses?id=",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
