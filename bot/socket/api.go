package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
)

// HTTPClient returns a client for Slack's Web API and its response URLs. slack-go's default client has no timeout, so
// one request without an answer would keep a socket closed forever. Every 429 becomes a *slack.RateLimitedError.
func HTTPClient() *http.Client { return httpClient(time.Now) }

func httpClient(now func() time.Time) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		// Slack answers within seconds, an upload included.
		Timeout: 30 * time.Second,
		Transport: retryAfterFixer{now: now, Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 25 * time.Second,
			IdleConnTimeout:       90 * time.Second,
			// People who are asked about in a burst come from all workers at once.
			MaxIdleConns:        2 * defaultWorkers,
			MaxIdleConnsPerHost: defaultWorkers,
		}},
	}
}

// retryAfterFixer rewrites the Retry-After of every 429 in whole seconds, the only form that slack-go reads: without
// the header it returns a StatusCodeError, and with a date an error of strconv.
type retryAfterFixer struct {
	*http.Transport
	now func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (l retryAfterFixer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		wait := parseRetryAfter(resp.Header.Get("Retry-After"), l.now())
		resp.Header.Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
	return resp, err
}

const (
	// defaultRetryAfter is how long to wait for a rate limit that names no time.
	defaultRetryAfter = 30 * time.Second
	// maxRetryAfter bounds a Retry-After: a wrong one must not silence the bot for a day.
	maxRetryAfter = 10 * time.Minute
)

// parseRetryAfter parses a Retry-After: seconds, or an HTTP date. It returns whole seconds, rounded up, at least one.
func parseRetryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	rest := defaultRetryAfter
	if seconds, err := strconv.ParseFloat(header, 64); err == nil {
		rest = time.Duration(min(max(seconds, 0), maxRetryAfter.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(header); err == nil {
		rest = at.Sub(now)
	}
	rest = min(max(rest, time.Second), maxRetryAfter)
	return (rest + time.Second - 1).Truncate(time.Second)
}

// NewAPI returns a client of Slack's Web API. base is the address of the API, https://slack.com/api/ for Slack itself.
// The client repeats no request: the caller decides whether to wait for a rate limit, since a form can be opened for
// three seconds only.
func NewAPI(base, botToken, appToken string, client *http.Client, log zerolog.Logger) *slack.Client {
	if !strings.HasSuffix(base, "/") {
		base += "/" // slack-go appends the method to it as it is
	}
	return slack.New(botToken,
		slack.OptionAppLevelToken(appToken),
		slack.OptionAPIURL(base),
		slack.OptionHTTPClient(client),
		slack.OptionLog(libraryLog{log}),
	)
}

// libraryLog lets slack-go write to our log. Its debug mode stays off at every log level: it logs whole payloads, and
// makes Slack close each socket after six minutes.
type libraryLog struct{ log zerolog.Logger }

// Output is the method that slack.OptionLog and socketmode.OptionLog ask for.
func (l libraryLog) Output(_ int, line string) error {
	l.log.Debug().Str("from", "slack-go").Msg(redact(strings.TrimSpace(line)))
	return nil
}

// secrets are Slack's tokens, and the secret parts of its URLs: the ticket of a socket, and the path of a response_url,
// with which anyone can post.
var secrets = regexp.MustCompile(`\bx(?:ox[a-z]|app)[-.][\w.%-]+|(?:ticket|token)=[^&\s"']+|https?://hooks\.[^\s"']+|` +
	`/(?:commands|actions|response)/[\w%-]+/[^\s"']+`)

// redact takes secrets out of a text for the log.
func redact(text string) string {
	return secrets.ReplaceAllString(text, "[secret]")
}

// Outcome is what an answer of Slack's Web API means for the request and for later ones.
type Outcome string

const (
	// OutcomeTaken means that Slack did what was asked.
	OutcomeTaken Outcome = "taken"
	// OutcomeFatal means that this program and this address don't fit together; repeating the request doesn't help.
	OutcomeFatal Outcome = "fatal"
	// OutcomeAccessLost means that Slack doesn't let the app in, or not to this method. A person has to change something
	// in Slack or in the settings.
	OutcomeAccessLost Outcome = "access lost"
	// OutcomeRateLimited means that nothing was done, and the same request can be sent again after Answer.Wait.
	OutcomeRateLimited Outcome = "rate limited"
	// OutcomeTransient means that the same request may succeed later. Whether this one was carried out is unknown.
	OutcomeTransient Outcome = "transient"
	// OutcomeRefused means that Slack refuses this request, now and later. Other requests are not affected.
	OutcomeRefused Outcome = "refused"
)

// Answer is what Slack said to a request.
type Answer struct {
	Outcome Outcome
	Code    string        // Slack's error code, or "HTTP 503"; empty without an answer
	Needed  string        // missing scopes, separated by commas, if Slack names them
	Wait    time.Duration // with OutcomeRateLimited
	// MessageLost is set if the message can't be updated any more, or is gone. A new message in its place may succeed.
	MessageLost bool
}

// Classify returns what the error of a Web API call means. It is the only place that decides about Slack's error codes.
func Classify(err error) Answer {
	if err == nil {
		return Answer{Outcome: OutcomeTaken}
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return Answer{Outcome: OutcomeRateLimited, Code: "ratelimited", Wait: max(limited.RetryAfter, time.Second)}
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		a := Answer{Outcome: OutcomeTransient, Code: fmt.Sprintf("HTTP %d", status.Code)}
		if status.Code == http.StatusNotFound {
			a.Outcome = OutcomeFatal
		}
		return a
	}
	said, ok := errors.AsType[slack.SlackErrorResponse](err)
	if !ok {
		return Answer{Outcome: OutcomeTransient}
	}
	a := Answer{Outcome: OutcomeRefused, Code: said.Err, Needed: said.Needed}
	if known, ok := errorCodes[said.Err]; ok {
		a.Outcome = known.outcome
	}
	if a.Outcome == OutcomeRateLimited {
		a.Wait = defaultRetryAfter
	}
	a.MessageLost = messageLostCodes[said.Err]
	return a
}

// Access is what Slack lets the app do, as its answers show. It sees every answer of the Web API, see
// [Access.ObserveClient]. It may be used concurrently.
type Access struct {
	log zerolog.Logger
	now func() time.Time

	mu       sync.Mutex
	losses   map[string]Loss // by token, or by method if only that method is affected
	accepted map[string]bool // tokens that Slack has accepted once
	changed  func()
}

// NewAccess returns an Access without losses. A nil now is the system's clock.
func NewAccess(now func() time.Time, log zerolog.Logger) *Access {
	if now == nil {
		now = time.Now
	}
	return &Access{log: log, now: now, losses: map[string]Loss{}, accepted: map[string]bool{}, changed: func() {}}
}

// OnChange sets a function to call when access is lost and when all of it is back. It must not block.
func (a *Access) OnChange(changed func()) { a.changed = changed }

// Lost returns the loss that has lasted longest, if there is one. A nil Access has none.
func (a *Access) Lost() (longest Loss, lost bool) {
	if a == nil {
		return Loss{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.losses {
		if !lost || l.Since.Before(longest.Since) {
			longest, lost = l, true
		}
	}
	return longest, lost
}

// botToken is the key of losses that concern every method of the bot token.
const botToken = "bot token"

// LostFor returns a [*FatalError] when Slack has answered every call with the bot token by refusing the token, for at
// least after. Time without answers does not count.
func (a *Access) LostFor(after time.Duration) error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	l, lost := a.losses[botToken]
	if !lost || l.Refused < after {
		return nil
	}
	return &FatalError{Method: l.Method, Code: l.Code, Remedy: l.Remedy, Err: slack.SlackErrorResponse{Err: l.Code}}
}

// methodCodes are the codes that say nothing about other methods.
var methodCodes = map[string]bool{
	"missing_scope": true, "not_allowed_token_type": true, "no_permission": true, "access_denied": true,
	"enterprise_is_restricted": true, "accesslimited": true,
}

// optional are methods that the bot can do without: a token without their scopes is no loss of access.
var optional = map[string]bool{"conversations.info": true, "conversations.members": true}

// Observe notes Slack's answer to a call of a method. It logs the first loss as an error, with its remedy, and its end.
func (a *Access) Observe(method string, err error) {
	answer := Classify(err)
	token := botToken
	if method == methodOpen {
		token = "app-level token"
	}
	if answer.Outcome == OutcomeTaken || answer.Outcome == OutcomeRefused {
		a.mu.Lock()
		a.accepted[token] = true
		a.mu.Unlock()
	}
	switch answer.Outcome {
	case OutcomeTaken:
		a.clearLosses(func(of string, _ Loss) bool { return of == method || of == token })
	case OutcomeRefused: // the token itself was accepted
		a.clearLosses(func(of string, _ Loss) bool { return of == token })
	case OutcomeAccessLost:
		of := token
		if methodCodes[answer.Code] && method != methodTest { // which every token may call
			if optional[method] {
				return
			}
			of = method
		}
		a.recordLoss(of, token, method, answer, err)
	default: // says nothing about what Slack lets the app do
	}
}

// clearLosses drops losses that are over.
func (a *Access) clearLosses(over func(of string, l Loss) bool) {
	a.mu.Lock()
	before := len(a.losses)
	for of, l := range a.losses {
		if over(of, l) {
			delete(a.losses, of)
		}
	}
	back := before > 0 && len(a.losses) == 0
	a.mu.Unlock()
	if back {
		a.log.Info().Msg("resume buying: Slack lets the bot in again")
		a.changed()
	}
}

// ObserveClient makes a see every answer that an HTTP client receives. base is the address of the Web API.
func (a *Access) ObserveClient(client *http.Client, base string) {
	if !strings.HasSuffix(base, "/") {
		base += "/"
	}
	carrier := client.Transport
	if carrier == nil {
		carrier = http.DefaultTransport
	}
	client.Transport = observer{access: a, base: base, next: carrier}
}

// observer passes the answers of the Web API to an Access.
type observer struct {
	access *Access
	base   string
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l observer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	address, _, _ := strings.Cut(req.URL.String(), "?")
	method, ofAPI := strings.CutPrefix(address, l.base)
	if err != nil || !ofAPI || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		OK     bool   `json:"ok"`
		Error  string `json:"error"`
		Needed string `json:"needed"`
	}
	switch {
	case json.Unmarshal(body, &answer) != nil:
	case answer.OK:
		l.access.Observe(method, nil)
	case answer.Error != "":
		l.access.Observe(method, slack.SlackErrorResponse{Err: answer.Error, Needed: answer.Needed})
	}
	return resp, nil
}

// CloseIdleConnections closes idle connections, for [http.Client.CloseIdleConnections].
func (l observer) CloseIdleConnections() {
	if c, ok := l.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

const (
	// probeInterval is the pause between two questions to Slack whether lost access is back.
	probeInterval = 10 * time.Second
	// recordLossAfter is how long access must be lost before the audit records it. Shorter losses are only logged.
	recordLossAfter = time.Minute
	// exitAfter is how long Slack must refuse the bot token, and answer nothing else, before the program ends.
	exitAfter = 5 * time.Minute
)

// AccessAudit records in the audit that the bot has lost its access to Slack, with Slack's error code; or, with an
// empty code, that access is back. *orders.Process is one.
type AccessAudit interface {
	NoteAccess(ctx context.Context, code string) error
}

// AccessWatch waits for lost access to Slack to come back: it asks Slack, and records the loss and its end in the
// audit.
type AccessWatch struct {
	Access *Access
	Slack  interface {
		AuthTestContext(context.Context) (*slack.AuthTestResponse, error)
	}
	Audit AccessAudit
	Log   zerolog.Logger
	Every time.Duration    // between two questions; 10 s when it is 0
	Now   func() time.Time // nil is the system's clock
}

// Run watches until ctx is done, and returns nil. It returns a [*FatalError] if Slack has refused the bot token
// for five minutes: without the token, people get no answers.
func (w AccessWatch) Run(ctx context.Context) error {
	if w.Every == 0 {
		w.Every = probeInterval
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	tick := time.NewTicker(w.Every)
	defer tick.Stop()
	noted := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, lost := w.Access.Lost(); lost {
			w.Access.Probe(ctx, w.Slack)
		}
		if err := w.Access.LostFor(exitAfter); err != nil {
			return err
		}
		loss, lost := w.Access.Lost()
		if lost == noted || lost && w.Now().Sub(loss.Since) < recordLossAfter {
			continue
		}
		code := ""
		if lost {
			code = loss.Code
		}
		if err := w.Audit.NoteAccess(ctx, code); err != nil {
			w.Log.Error().Err(err).Msg("retry recording the access to Slack in the audit")
			continue
		}
		noted = lost
	}
}
