package socket

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"licensebot/internal/backoff"
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

// errorCodes are Slack's error codes that mean more than the refusal of one request. In the remedies, {token} is the
// name of the token, {begins} its first letters, {page} the page of the app's settings on api.slack.com/apps that has
// it, {needed} the missing scope, and {scopes} the scopes that the token needs.
var errorCodes = map[string]struct {
	outcome Outcome
	remedy  string // for OutcomeFatal and OutcomeAccessLost: whole sentences for the operator
}{
	"not_authed": {
		OutcomeAccessLost,
		"no token was sent. Set {token}; it begins with {begins} and is shown under {page}.",
	},
	"invalid_auth": {OutcomeAccessLost, "Slack does not know {token}. Copy it again from {page}; it begins " +
		"with {begins}. If the workspace restricts addresses, this machine's must be allowed."},
	"account_inactive": {OutcomeAccessLost, "{token} belongs to an app that was removed, or to a closed " +
		"workspace. Install the app again under Install App and copy the token from {page}."},
	"token_revoked": {
		OutcomeAccessLost,
		"{token} was revoked. Make a new one under {page}; for the bot token, install the app again under Install App.",
	},
	"token_expired": {OutcomeAccessLost, "{token} has expired. Token rotation must be off (OAuth & " +
		"Permissions); then install the app again and copy the token from {page}."},
	"team_disabled": {OutcomeAccessLost, "the workspace of {token} is disabled. Its owners have to " +
		"reactivate it; then install the app again under Install App and copy the token from {page}."},
	"user_removed_from_team": {OutcomeAccessLost, "the bot's user was removed from the workspace. Install the app " +
		"again under Install App and copy {token} from {page}."},
	"missing_scope": {OutcomeAccessLost, "{token} lacks the scope {needed}. Add it under {page} and, for the " +
		"bot token, install the app again under Install App."},
	"not_allowed_token_type": {
		OutcomeAccessLost,
		"{token} is a token of another kind. The right one begins with {begins} and is shown under {page}.",
	},
	"org_login_required": {OutcomeAccessLost, "the workspace is being moved into an organization, or asks for the " +
		"organization's login. Ask the organization's admins to approve the app, then install it again under Install App."},
	"team_access_not_granted": {OutcomeAccessLost, "the organization has not given the app access to this workspace. " +
		"An admin of the organization adds it under Manage apps; then copy {token} from {page}."},
	"enterprise_is_restricted": {
		OutcomeAccessLost,
		"the organization does not allow this method. Ask its admins to approve the app under Manage apps.",
	},
	"ekm_access_denied": {
		OutcomeAccessLost,
		"the organization's key management denies access. Only its admins can give it.",
	},
	"access_denied": {
		OutcomeAccessLost,
		"{token} may not do this. Ask the workspace's admins to approve the app, then install it again under Install App.",
	},
	"no_permission": {
		OutcomeAccessLost,
		"{token} may not do this. Install the app again under Install App, so that it has {scopes}.",
	},
	"accesslimited": {
		OutcomeAccessLost,
		"the organization does not allow this method from this machine's network. Its admins can allow the address.",
	},
	"two_factor_setup_required": {OutcomeAccessLost, "the account behind {token} has to set up two-factor " +
		"authentication. Do that, then install the app again under Install App."},

	"unknown_method": {
		OutcomeFatal,
		"the server does not know the method. Check SLACK_API_URL; Slack's own is https://slack.com/api/.",
	},
	"method_deprecated":   {OutcomeFatal, "Slack has removed the method. This version of the bot is too old for it."},
	"deprecated_endpoint": {OutcomeFatal, "Slack has removed the method. This version of the bot is too old for it."},

	"ratelimited":  {OutcomeRateLimited, ""},
	"rate_limited": {OutcomeRateLimited, ""},

	"internal_error":      {OutcomeTransient, ""},
	"fatal_error":         {OutcomeTransient, ""}, // Slack's code for its own failures
	"service_unavailable": {OutcomeTransient, ""},
	"request_timeout":     {OutcomeTransient, ""},
	"team_added_to_org":   {OutcomeTransient, ""},
}

// messageLostCodes are the codes with which Slack finally refuses to update a message.
var messageLostCodes = map[string]bool{
	"message_not_found": true, "cant_update_message": true, "edit_window_closed": true,
}

// noSlackRemedy is the remedy for an address that isn't found.
const noSlackRemedy = "there is no Slack at this address. Check SLACK_API_URL; Slack's own is https://slack.com/api/."

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

// retryDelay returns how long to wait before the next attempt to reach Slack, after a number of failures in a row. If
// Slack names a wait, the delay comes on top of it, since other programs got the same time.
func retryDelay(p backoff.Policy, failures int, cause error) time.Duration {
	delay := p.Delay(failures)
	if answer := Classify(cause); answer.Outcome == OutcomeRateLimited {
		delay += answer.Wait
	}
	return delay
}

// endsProgram decides about an answer that waiting can't cure. It returns fatal if the program has to end, and nil
// otherwise.
func (c *Client) endsProgram(fatal *FatalError) error {
	now := time.Now()
	for _, l := range c.links {
		if c.links[0].wasGreeted() && l.refusedFor(now) < c.lostFor {
			return nil
		}
	}
	return fatal
}

// noteRefused notes since when Slack refuses the app. Other failures don't count.
func (l *link) noteRefused(now time.Time, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !refused {
		l.refusedSince = time.Time{}
	} else if l.refusedSince.IsZero() {
		l.refusedSince = now
	}
}

// refusedFor returns how long Slack has refused the app on this socket; 0 if it doesn't, or wasn't asked yet.
func (l *link) refusedFor(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusedSince.IsZero() {
		return 0
	}
	return now.Sub(l.refusedSince)
}

// logDisconnect logs why the socket is closed, once per kind of cause.
func (l *link) logDisconnect(cause error) {
	kind := reasonOf(cause)
	l.mu.Lock()
	logged := l.loggedReason
	l.state.Trouble, l.loggedReason = kind, kind
	l.mu.Unlock()
	if logged != kind {
		l.log.Warn().Str("trouble", kind).Str("cause", redact(cause.Error())).Msg("retry connecting to Slack until it works")
	}
}
