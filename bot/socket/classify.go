package socket

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slack-go/slack"
)

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
