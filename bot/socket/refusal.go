package socket

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// ErrFatal is wrapped by errors that trying again does not mend: somebody has to change a setting.
var ErrFatal = errors.New("refused by Slack")

// remedies say what to do about the errors of apps.connections.open that stay. Every other error passes by itself: an
// outage, a rate limit, a workspace that is being moved.
var remedies = map[string]string{
	"invalid_auth":            "SLACK_APP_TOKEN is not valid: create an app-level token under Basic Information, App-Level Tokens",
	"not_authed":              "SLACK_APP_TOKEN is empty: create an app-level token under Basic Information, App-Level Tokens",
	"account_inactive":        "SLACK_APP_TOKEN belongs to an app that was removed from the workspace: install the app again",
	"token_revoked":           "SLACK_APP_TOKEN was revoked: create a new app-level token under Basic Information, App-Level Tokens",
	"token_expired":           "SLACK_APP_TOKEN has expired: create a new app-level token under Basic Information, App-Level Tokens",
	"missing_scope":           "SLACK_APP_TOKEN lacks the scope connections:write: create an app-level token that has it",
	"not_allowed_token_type":  "SLACK_APP_TOKEN is a token of another kind: it must be the app-level token that begins with xapp-",
	"team_access_not_granted": "SLACK_APP_TOKEN is of an app that was not granted this workspace: ask the workspace's admins",
	"forbidden_team":          "SLACK_APP_TOKEN is of an app that may not be used in this workspace: ask the workspace's admins",
	"link_disabled":           "Socket Mode is off for the app of SLACK_APP_TOKEN: switch it on in the app's settings, under Socket Mode",
}

// Fatal says what to do about an error of apps.connections.open that trying again does not mend; nil for one that passes.
// Its error wraps ErrFatal.
func Fatal(err error) error {
	var said slack.SlackErrorResponse
	if !errors.As(err, &said) {
		return nil
	}
	code, _, _ := strings.Cut(said.Err, ":")
	if remedy, known := remedies[code]; known {
		return fmt.Errorf("%w: %s (%s)", ErrFatal, remedy, code)
	}
	return nil
}

// HTTPClient is what Slack's Web API is called with: slack-go's own has no timeout, so a hung call would hang the bot.
func HTTPClient() *http.Client { return &http.Client{Timeout: 30 * time.Second} }
