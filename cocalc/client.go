package cocalc

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"licensebot/internal/backoff"

	"github.com/rs/zerolog"
)

// Options configure a [Client]. BaseURL and Key are required; the zero value of every other field means its default.
type Options struct {
	BaseURL string // "https://cocalc.example", with or without "/api/v2" at its end; another path is kept
	Key     string // API key of the account that pays

	// Transport sends the requests; default: an http.Transport whose keep-alive is shorter than the server's. An
	// *http.Transport is copied, and calls that spend use a copy without keep-alive (see [Client.Checkout]).
	Transport http.RoundTripper
	// Wrap decorates the transport of each request, repeated ones too; default: none. Tests pass [WithFailpoints].
	Wrap func(http.RoundTripper) http.RoundTripper

	Timeout         time.Duration // of every request except checkout; default: 30 s
	CheckoutTimeout time.Duration // of a checkout; default: 2 min
	MaxAnswer       int64         // largest answer in bytes; default: 32 MiB, since a cart may hold many long titles
	Retries         int           // further attempts of a request that is safe to repeat; default: 2; negative: none
	MaxWait         time.Duration // longest wait that a throttled read accepts; default: 65 s

	// Sleep waits between attempts; default: a timer. It returns early with ctx's error.
	Sleep func(ctx context.Context, d time.Duration) error
	// Now is the clock; default: time.Now. It decides what is in the past.
	Now func() time.Time
	// Log gets a line per request at debug level, with endpoint, status and duration, but never a body or the key.
	Log zerolog.Logger
}

// Client sends requests to CoCalc's API v2 with one account's key. [New] makes one. It is safe for concurrent use. Its
// errors are [*Error].
type Client struct {
	base    string // ends with "/api/v2/"
	key     string
	auth    string
	options Options

	reading      *http.Client
	spending     *http.Client
	checkoutSlot chan struct{} // holds a token while a checkout runs
	clock        serverClock

	mu       sync.Mutex
	store    Store
	inCart   []int64 // the unpurchased items of the last cart that could be read
	newestID int64   // the largest item ID seen
}

// New returns a client. It sends nothing. It returns an error if BaseURL is not the address of a server, or if Key is
// empty or contains characters that no key has.
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
		o.Sleep = backoff.Sleep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	reading, spending := transports(o.Transport)
	if o.Wrap != nil {
		reading, spending = o.Wrap(reading), o.Wrap(spending)
	}
	return &Client{
		base: base, key: key, auth: "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":")), options: o,
		reading: httpClient(reading), spending: httpClient(spending), checkoutSlot: make(chan struct{}, 1),
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

// transports returns the transports for calls that are safe to repeat and for those that spend.
//
// net/http repeats a request on its own if a kept connection turns out to be dead. It does so for a POST only if
// nothing of it was written or it has an Idempotency-Key header, but it cannot always know. A call that spends
// therefore never reuses a connection: on a new one, net/http repeats nothing. HTTP/2, which has its own rules, is off
// for these calls.
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

// httpClient returns a client that follows no redirects: a POST would become a GET, and a GET of checkout buys.
func httpClient(t http.RoundTripper) *http.Client {
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: locationFilter{t}, CheckRedirect: refuse}
}

// Close closes idle connections.
func (c *Client) Close() {
	c.reading.CloseIdleConnections()
	c.spending.CloseIdleConnections()
}

// redactKey replaces the key in a text by its name (see [RedactKey]).
func (c *Client) redactKey(text string) string {
	text = strings.ReplaceAll(text, c.key, c.KeyName())
	return strings.ReplaceAll(text, strings.TrimPrefix(c.auth, "Basic "), "…")
}
