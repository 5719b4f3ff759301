package socket

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/slack-go/slack"
)

// FatalError is an answer of Slack that waiting does not cure: somebody has to change
// a setting. Its text says which.
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

// remedies are the codes that end the bot. In their sentences {token} is the name of the
// token, {begins} its first letters, {page} the page of the app's settings on
// api.slack.com/apps where it is found, {needed} the missing scope.
var remedies = map[string]string{
	"not_authed":                "no token was sent. Set {token}; it begins with {begins} and is shown under {page}.",
	"invalid_auth":              "Slack does not know {token}. Copy it again from {page}; it begins with {begins}. If the workspace restricts addresses, this machine's must be allowed.",
	"account_inactive":          "{token} belongs to an app that was removed, or to a closed workspace. Install the app again under Install App and copy the token from {page}.",
	"token_revoked":             "{token} was revoked. Make a new one under {page}; for the bot token, install the app again under Install App.",
	"token_expired":             "{token} has expired. Token rotation must be off (OAuth & Permissions); then install the app again and copy the token from {page}.",
	"missing_scope":             "{token} lacks the scope {needed}. Add it under {page} and, for the bot token, install the app again under Install App.",
	"not_allowed_token_type":    "{token} is a token of another kind. The right one begins with {begins} and is shown under {page}.",
	"org_login_required":        "the workspace is being moved into an organization, or asks for the organization's login. Ask the organization's admins to approve the app, then install it again under Install App.",
	"team_access_not_granted":   "the organization has not given the app access to this workspace. An admin of the organization adds it under Manage apps; then copy {token} from {page}.",
	"enterprise_is_restricted":  "the organization does not allow this method. Ask its admins to approve the app under Manage apps.",
	"ekm_access_denied":         "the organization's key management denies access. Only its admins can give it.",
	"access_denied":             "{token} may not do this. Ask the workspace's admins to approve the app, then install it again under Install App.",
	"no_permission":             "{token} may not do this. Install the app again under Install App, so that it has {scopes}.",
	"two_factor_setup_required": "the account behind {token} has to set up two-factor authentication. Do that, then install the app again under Install App.",
	"unknown_method":            "the server does not know the method. Check SLACK_API_URL; Slack's own is https://slack.com/api/.",
	"method_deprecated":         "Slack has removed the method. This version of the bot is too old for it.",
	"deprecated_endpoint":       "Slack has removed the method. This version of the bot is too old for it.",
}

// diagnose returns a *FatalError for an error that no waiting cures, and nil for one
// that is worth another attempt. reached says that Slack has answered well before: then
// a page that is not found is a passing fault of something between.
func diagnose(method string, err error, reached bool) *FatalError {
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok && status.Code == http.StatusNotFound && !reached {
		return &FatalError{Method: method, Code: "HTTP 404", Err: err,
			Remedy: "there is no Slack at this address. Check SLACK_API_URL; Slack's own is https://slack.com/api/."}
	}
	answer, ok := errors.AsType[slack.SlackErrorResponse](err)
	if !ok {
		return nil
	}
	remedy, ok := remedies[answer.Err]
	if !ok {
		return nil
	}
	cred := credentials[method]
	needed := answer.Needed
	if needed == "" {
		needed = cred.scopes
	}
	remedy = strings.NewReplacer("{token}", cred.name, "{begins}", cred.begins, "{page}", cred.page,
		"{scopes}", cred.scopes, "{needed}", needed).Replace(remedy)
	return &FatalError{Method: method, Code: answer.Err, Remedy: remedy, Err: err}
}

// trouble names the kind of an error that is retried, without what differs from attempt to
// attempt (ports, request ids), so that a log line is written once per kind.
func trouble(err error) string {
	if _, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return "rate limited"
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		return fmt.Sprintf("HTTP %d", status.Code)
	}
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		return answer.Err
	}
	if errors.Is(err, errShortLived) {
		return "closed soon after it was opened"
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return "timeout"
	}
	return "network"
}
