package socket

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// FatalError is an answer of Slack that waiting can't cure: a setting has to change. Its text says which.
type FatalError struct {
	Method string // the Web API method that was refused
	Code   string // Slack's error code, or the HTTP status
	Remedy string // whole sentences for the person who runs the bot
	Err    error
}

func (e *FatalError) Error() string {
	return fmt.Sprintf("Slack refuses %s with %s: %s", e.Method, e.Code, e.Remedy)
}

func (e *FatalError) Unwrap() error { return e.Err }

const (
	methodOpen = "apps.connections.open"
	methodTest = "auth.test"
)

// credential says how people find the token that a method needs.
type credential struct{ name, begins, page, scopes string }

var credentials = map[string]credential{
	methodOpen: {
		name:   "the app-level token (SLACK_APP_TOKEN)",
		begins: "xapp-",
		page:   "Basic Information → App-Level Tokens",
		scopes: "connections:write",
	},
	methodTest: {
		name:   "the bot token (SLACK_BOT_TOKEN)",
		begins: "xoxb-",
		page:   "OAuth & Permissions → Bot User OAuth Token",
		scopes: "the scopes of the manifest",
	},
}

// fatalError returns a *FatalError for an error that no waiting cures, and nil for one that is worth another attempt.
// reached says that Slack has answered well before: then a page that is not found is a passing fault of something
// between.
func fatalError(method string, err error, reached bool) *FatalError {
	answer := Classify(err)
	remedy := errorCodes[answer.Code].remedy
	switch {
	case answer.Outcome != OutcomeFatal && answer.Outcome != OutcomeAccessLost:
		return nil
	case remedy == "" && reached:
		return nil
	case remedy == "":
		remedy = noSlackRemedy
	}
	cred := credentials[methodTest]
	if method == methodOpen {
		cred = credentials[methodOpen]
	}
	needed := answer.Needed
	if needed == "" {
		needed = cred.scopes
	}
	remedy = strings.NewReplacer("{token}", cred.name, "{begins}", cred.begins, "{page}", cred.page,
		"{scopes}", cred.scopes, "{needed}", needed).Replace(remedy)
	return &FatalError{Method: method, Code: answer.Code, Remedy: remedy, Err: err}
}

// reasonOf names the kind of an error that is retried, without what differs from attempt to attempt (ports, request
// ids), so that a log line is written once per kind.
func reasonOf(err error) string {
	if answer := Classify(err); answer.Outcome == OutcomeRateLimited {
		return "rate limited"
	} else if answer.Code != "" {
		return answer.Code
	}
	if errors.Is(err, errShortLived) {
		return "closed soon after it was opened"
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return "timeout"
	}
	return "network"
}
