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

// Access is what Slack lets the app do, as its answers tell. It hears every answer of the Web API on the way of an HTTP
// client, see [Access.Listen]. It may be used by many at once.
type Access struct {
	log zerolog.Logger
	now func() time.Time

	mu      sync.Mutex
	losses  map[string]Loss // by the token, or by the method that alone is concerned
	letIn   map[string]bool // the tokens that Slack has taken once
	changed func()
}

// Loss is one access that was lost.
type Loss struct {
	Method string // the one that was refused last
	Code   string // Slack's error code
	Remedy string // whole sentences for the person who runs the bot
	Since  time.Time
	needed []string // any of these scopes gives it back; empty where Slack named none
}

// NewAccess makes an Access that has lost nothing. now is the system's clock when it is nil.
func NewAccess(now func() time.Time, log zerolog.Logger) *Access {
	if now == nil {
		now = time.Now
	}
	return &Access{log: log, now: now, losses: map[string]Loss{}, letIn: map[string]bool{}, changed: func() {}}
}

// OnChange has a function called when access is lost and when all of it is back. It must not wait.
func (a *Access) OnChange(changed func()) { a.changed = changed }

// Lost returns what has been lost for longest, if anything is. A nil Access has lost nothing.
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

// ofTheMethod are the codes that say nothing of the token's other methods.
var ofTheMethod = map[string]bool{"missing_scope": true, "not_allowed_token_type": true, "no_permission": true, "access_denied": true,
	"enterprise_is_restricted": true, "accesslimited": true}

// Hear notes Slack's answer to a call of a method. The first loss is logged as an error, with its remedy; its end too.
func (a *Access) Hear(method string, err error) {
	answer := Classify(err)
	token := "bot token"
	if method == methodOpen {
		token = "app-level token"
	}
	if answer.Outcome == OutcomeTaken || answer.Outcome == OutcomeRefused {
		a.mu.Lock()
		a.letIn[token] = true
		a.mu.Unlock()
	}
	switch answer.Outcome {
	case OutcomeTaken:
		a.regain(func(of string, _ Loss) bool { return of == method || of == token })
	case OutcomeRefused: // by a Slack that knew the token
		a.regain(func(of string, _ Loss) bool { return of == token })
	case OutcomeAccessLost:
		of := token
		if ofTheMethod[answer.Code] {
			of = method
		}
		a.lose(of, token, method, answer, err)
	}
}

// lose notes a loss. A token that Slack has never taken is not logged here: it ends the program at its start.
func (a *Access) lose(of, token, method string, answer Answer, err error) {
	fatal := diagnose(method, err, true)
	a.mu.Lock()
	loss, known := a.losses[of]
	first := len(a.losses) == 0
	if !known {
		loss.Since = a.now()
	}
	said := known && loss.Code == answer.Code || !a.letIn[token]
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

// regain forgets losses that are over.
func (a *Access) regain(over func(of string, l Loss) bool) {
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

// forgiven is after how long the refusal of one method counts no more that named no scope: whether it still holds, its next
// call tells.
const forgiven = time.Minute

// Probe asks Slack whether access is back. Nothing else may ask: without access nothing is shown, and nobody clicks.
func (a *Access) Probe(ctx context.Context, api interface {
	AuthTestContext(context.Context) (*slack.AuthTestResponse, error)
}) {
	who, err := api.AuthTestContext(ctx)
	a.Hear(methodTest, err)
	if err != nil {
		return
	}
	granted := scopes(who.Header)
	a.regain(func(of string, l Loss) bool {
		switch {
		case of == methodOpen, !ofTheMethod[l.Code]: // the sockets ask for themselves
			return false
		case len(l.needed) > 0 && granted != nil:
			return slices.ContainsFunc(l.needed, func(scope string) bool { return slices.Contains(granted, strings.TrimSpace(scope)) })
		}
		return a.now().Sub(l.Since) >= forgiven
	})
}

// Listen has every answer that comes through an HTTP client heard. base is the address of the Web API.
func (a *Access) Listen(client *http.Client, base string) {
	if !strings.HasSuffix(base, "/") {
		base += "/"
	}
	carrier := client.Transport
	if carrier == nil {
		carrier = http.DefaultTransport
	}
	client.Transport = listening{access: a, base: base, carrier: carrier}
}

// listening hears the answers of the Web API.
type listening struct {
	access  *Access
	base    string
	carrier http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l listening) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.carrier.RoundTrip(req)
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
		l.access.Hear(method, nil)
	case said.Error != "":
		l.access.Hear(method, slack.SlackErrorResponse{Err: said.Error, Needed: said.Needed})
	}
	return resp, nil
}

// CloseIdleConnections lets go of connections that are not in use, for [http.Client.CloseIdleConnections].
func (l listening) CloseIdleConnections() {
	if c, ok := l.carrier.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
