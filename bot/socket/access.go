package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/slack-go/slack"
)

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

// Loss is one access that was lost.
type Loss struct {
	Method string // the method that was refused last
	Code   string // Slack's error code
	Remedy string // whole sentences for the operator
	Since  time.Time
	Last   time.Time // of the newest refusal
	// Refused is how long Slack has refused, without the times in which it did not answer.
	Refused time.Duration
	needed  []string // any of these scopes restores it; empty if Slack named none
}

// maxRefusalGap is how far two refusals may be apart for the time between them to count as refused. While access is
// lost, Slack is asked every ten seconds.
const maxRefusalGap = 30 * time.Second

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

// recordLoss notes a loss. The loss of a token that Slack has never accepted is not logged here: it ends the start of
// the program.
func (a *Access) recordLoss(of, token, method string, answer Answer, err error) {
	fatal := fatalError(method, err, true)
	a.mu.Lock()
	loss, known := a.losses[of]
	first := len(a.losses) == 0
	now := a.now()
	if !known {
		loss.Since = now
	} else if gap := now.Sub(loss.Last); gap > 0 && gap <= maxRefusalGap {
		loss.Refused += gap
	}
	loss.Last = now
	said := known && loss.Code == answer.Code || !a.accepted[token]
	loss.Method, loss.Code, loss.Remedy, loss.needed = method, answer.Code, fatal.Remedy, nil
	if answer.Needed != "" {
		loss.needed = strings.Split(answer.Needed, ",")
	}
	a.losses[of] = loss
	a.mu.Unlock()
	if !said {
		a.log.Error().Str("method", method).Str("code", answer.Code).Str("remedy", fatal.Remedy).
			Msg("pause buying until Slack gives the bot its access back")
	}
	if first {
		a.changed()
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

// methodLossLife is how long the refusal of one method counts if it named no scope. After that, the next call shows
// whether it still holds.
const methodLossLife = time.Minute

// Probe asks Slack whether access is back. It is needed because without access nothing is shown, so no click shows it.
func (a *Access) Probe(ctx context.Context, api interface {
	AuthTestContext(context.Context) (*slack.AuthTestResponse, error)
},
) {
	who, err := api.AuthTestContext(ctx)
	a.Observe(methodTest, err)
	if err != nil {
		return
	}
	granted := scopes(who.Header)
	a.clearLosses(func(of string, l Loss) bool {
		switch {
		case of == methodOpen, !methodCodes[l.Code]: // the sockets ask themselves
			return false
		case len(l.needed) > 0 && granted != nil:
			return slices.ContainsFunc(l.needed, func(scope string) bool {
				return slices.Contains(granted, strings.TrimSpace(scope))
			})
		}
		return a.now().Sub(l.Since) >= methodLossLife
	})
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
	method, ours := strings.CutPrefix(address, l.base)
	if err != nil || !ours || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var said struct {
		OK     bool   `json:"ok"`
		Error  string `json:"error"`
		Needed string `json:"needed"`
	}
	switch {
	case json.Unmarshal(body, &said) != nil:
	case said.OK:
		l.access.Observe(method, nil)
	case said.Error != "":
		l.access.Observe(method, slack.SlackErrorResponse{Err: said.Error, Needed: said.Needed})
	}
	return resp, nil
}

// CloseIdleConnections closes idle connections, for [http.Client.CloseIdleConnections].
func (l observer) CloseIdleConnections() {
	if c, ok := l.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
