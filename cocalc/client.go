package cocalc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Options say how to reach a CoCalc. BaseURL and Key are needed; the zero value of every other field means its default.
type Options struct {
	BaseURL string // "https://cocalc.example"; a path is kept, "/api/v2" at its end may be left out
	Key     string // API key of the account that pays

	// Transport carries the requests; default: one of net/http with keep-alive a little shorter than the server's. An
	// *http.Transport is copied, and the calls that spend get a copy without keep-alive (see [Client.Checkout]).
	Transport http.RoundTripper

	Timeout         time.Duration // of every request but checkout: 30 s
	CheckoutTimeout time.Duration // of a checkout, which is still a checkout when it is slow: 2 min
	MaxAnswer       int64         // bytes of one answer: 32 MiB; a cart with many long titles is large
	Retries         int           // further tries of a request that is safe to repeat: 2; negative: none
	MaxWait         time.Duration // the longest wait that a throttled read accepts: 65 s

	// Sleep waits between tries; default: a timer. It returns early with the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Now is the clock; default: time.Now. It dates the log and decides what is in the past.
	Now func() time.Time
	// Log gets a line per request at debug level: endpoint, status, duration. Never a body, never the key.
	Log zerolog.Logger
}

// Client speaks CoCalc's API v2 with one account's key. It is safe for concurrent use. Its errors are [*Error].
type Client struct {
	base    string // ends with "/api/v2/"
	key     string
	auth    string
	options Options

	reading  *http.Client
	spending *http.Client
	paying   chan struct{} // holds a token while a checkout runs
	clock    serverClock

	mu       sync.Mutex
	store    Store
	inCart   []int64 // the unpurchased items of the last cart that could be read
	newestID int64   // the largest item id ever seen
}

// New makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := apiBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	key := strings.TrimSpace(o.Key)
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		return nil, errors.New("the API key is empty or has characters that no key has")
	}
	def := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	def(&o.Timeout, 30*time.Second)
	def(&o.CheckoutTimeout, 2*time.Minute)
	def(&o.MaxWait, 65*time.Second)
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = 32 << 20
	}
	if o.Retries == 0 {
		o.Retries = 2
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	reading, spending := transports(o.Transport)
	return &Client{
		base: base, key: key, auth: "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":")), options: o,
		reading: httpClient(reading), spending: httpClient(spending), paying: make(chan struct{}, 1),
	}, nil
}

func apiBase(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil:
		return "", errors.New("CoCalc's address is not a URL") // the cause would repeat it, secrets in it included
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "", errors.New("CoCalc's address must begin with https:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("CoCalc's address must not have a user, query or fragment")
	}
	path := strings.TrimSuffix(strings.TrimRight(u.EscapedPath(), "/"), "/api/v2")
	return u.Scheme + "://" + u.Host + path + "/api/v2/", nil
}

// transports are the ways for calls that are safe to repeat and for those that spend.
//
// net/http repeats a request by itself when a kept connection turns out to be dead: a POST only while nothing of it was
// written or with an Idempotency-Key header, but it cannot always know. A call that spends therefore never shares a
// connection: on a fresh one net/http never repeats anything. HTTP/2, which has rules of its own, stays off there.
func transports(given http.RoundTripper) (reading, spending http.RoundTripper) {
	if given == nil {
		given = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 2,
			IdleConnTimeout:     4 * time.Second, // the server closes after 5
		}
	}
	t, ok := given.(*http.Transport)
	if !ok {
		return given, given
	}
	fresh := t.Clone()
	fresh.DisableKeepAlives = true
	fresh.ForceAttemptHTTP2 = false
	fresh.Protocols = new(http.Protocols)
	fresh.Protocols.SetHTTP1(true)
	return t.Clone(), fresh
}

// httpClient follows no redirects: a POST would become a GET, and a GET of checkout buys.
func httpClient(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: legible{t}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Close lets go of idle connections.
func (c *Client) Close() {
	c.reading.CloseIdleConnections()
	c.spending.CloseIdleConnections()
}

// scrub removes the key from a text, wherever it comes from.
func (c *Client) scrub(text string) string {
	text = strings.ReplaceAll(text, c.key, c.KeyName())
	return strings.ReplaceAll(text, strings.TrimPrefix(c.auth, "Basic "), "…")
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait %s: %w", d, ctx.Err())
	}
}
