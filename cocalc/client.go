package cocalc

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/internal/backoff"
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

var (
	// olderKey matches a key of the CoCalc that sells licenses: "sk-", 16 secret characters, and 6 for its row's number.
	olderKey = regexp.MustCompile(`^sk-[A-Za-z0-9]{22}$`)
	// successorKey matches a key of CoCalc's successor: a prefix, an ID of 16 characters, and a secret of 43.
	successorKey = regexp.MustCompile(`^sk-(cc|cocalc)-v2\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{40,}$`)
)

// IsOlderKey reports whether a key has the form of the older CoCalc's keys, which its successor never accepts.
func IsOlderKey(key string) bool { return olderKey.MatchString(strings.TrimSpace(key)) }

// KeyName returns a name of the client's key that people may see; see [RedactKey].
func (c *Client) KeyName() string { return RedactKey(c.key) }

// RedactKey returns a name for a key that does not reveal it, as in CoCalc's own list of keys: the last six characters
// of a key of the older form, "sk-…00007P", and the last eight of one of the successor's, "sk-cc...Zm4_x-9Q". Of any
// other text it shows the last four characters, and none if it has fewer than 16.
func RedactKey(key string) string {
	key = strings.TrimSpace(key)
	switch n := len(key); {
	case strings.HasPrefix(key, "sk-") && n == 25:
		return "sk-…" + key[n-6:]
	case successorKey.MatchString(key):
		return key[:5] + "..." + key[n-8:]
	case n >= 16:
		return "…" + key[n-4:]
	}
	return "…"
}

// redactKey replaces the key in a text by its name (see [RedactKey]).
func (c *Client) redactKey(text string) string {
	text = strings.ReplaceAll(text, c.key, c.KeyName())
	return strings.ReplaceAll(text, strings.TrimPrefix(c.auth, "Basic "), "…")
}

// locationFilter removes a Location header that is not a URL. With it, net/http would return an error that hides the
// answer and repeats the header.
type locationFilter struct{ http.RoundTripper }

func (l locationFilter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(request)
	if err != nil {
		return response, err
	}
	if location := response.Header.Get("Location"); location != "" {
		if _, broken := request.URL.Parse(location); broken != nil {
			response.Header.Del("Location")
		}
	}
	return response, nil
}

// CloseIdleConnections closes the idle connections of the transport.
func (l locationFilter) CloseIdleConnections() { closeIdle(l.RoundTripper) }

// closeIdle closes the idle connections of a transport that can do so.
func closeIdle(transport http.RoundTripper) {
	if t, ok := transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Site is the address of a CoCalc server, such as "https://cocalc.example", for links to its pages. An empty Site is
// unknown: its pages have a path only.
type Site string

// Site returns the server that the client uses.
func (c *Client) Site() Site { return Site(strings.TrimSuffix(c.base, "/api/v2/")) }

// Page returns the address of a page, such as "/settings".
func (s Site) Page(path string) string {
	return strings.TrimRight(string(s), "/") + path
}

// License returns the address of the page of one license.
func (s Site) License(id string) string { return s.Page("/settings/licenses?id=" + id) }

// Payments returns the address of the page where credit is added.
func (s Site) Payments() string { return s.Page("/settings/payments") }

// Subscriptions returns the address of the page where subscriptions are cancelled.
func (s Site) Subscriptions() string { return s.Page("/settings/subscriptions") }

// Cart returns the address of the cart.
func (s Site) Cart() string { return s.Page("/store/cart") }

// clockTolerance is the difference of the two clocks above which a warning is logged.
const clockTolerance = time.Minute

// serverClock follows CoCalc's clock through the Date header of its answers. Between two answers it uses the monotonic
// clock, so that setting this machine's clock has no effect.
type serverClock struct {
	mu       sync.Mutex
	date     time.Time // of the last answer with a Date; zero: none
	received time.Time // when it arrived, with a monotonic reading
	isOff    bool      // the difference was logged
}

// Time returns CoCalc's current time; ok is false before the first answer with a Date. The time is never ahead of the
// server's clock, and behind it by at most a second plus the time that the answer traveled.
func (c *Client) Time() (now time.Time, ok bool) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.now()
}

func (s *serverClock) now() (time.Time, bool) {
	if s.date.IsZero() {
		return time.Time{}, false
	}
	return s.date.Add(time.Since(s.received)), true
}

// ClockAhead returns by how much CoCalc's clock is ahead of this machine's (negative if it is behind), to about a
// second; ok is false before the first answer with a Date.
func (c *Client) ClockAhead() (ahead time.Duration, ok bool) {
	now, ok := c.Time()
	if !ok {
		return 0, false
	}
	return now.Sub(c.options.Now().Round(0)), true
}

// noteDate stores the Date of an answer. It logs when the clocks begin to differ by more than a minute, and when they
// agree again. It ignores redirects and HTML pages, which other programs may have sent.
func (c *Client) noteDate(status int, header http.Header) {
	if status/100 == 3 || strings.Contains(strings.ToLower(header.Get("Content-Type")), "html") {
		return
	}
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || date.Year() < 2000 || date.Year() > 2200 { // no clock shows these years
		return
	}
	s := &c.clock
	s.mu.Lock()
	s.date, s.received = date, time.Now()
	ahead := date.Sub(c.options.Now().Round(0))
	isOff, was := ahead.Abs() > clockTolerance, s.isOff
	s.isOff = isOff
	s.mu.Unlock()
	switch {
	case isOff && !was:
		c.options.Log.Warn().Int64("ahead_ms", ahead.Round(time.Second).Milliseconds()).Time("cocalc", date).
			Msg("compare clocks: this machine's clock is more than a minute off CoCalc's; check its time service")
	case was && !isOff:
		c.options.Log.Info().Msg("compare clocks: CoCalc's clock and this machine's agree again")
	}
}
