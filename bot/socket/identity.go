package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"licensebot/internal/backoff"
)

// Identity is what Slack says about the bot token.
type Identity struct {
	TeamID, Team string
	UserID       string   // of the bot's user
	BotID        string   // of its app in this workspace
	URL          string   // of the workspace
	Scopes       []string // granted ones; nil when Slack does not say
}

// MissingScopes returns the needed scopes that are not granted, so that the bot can report them at its start. It
// returns none if Slack does not list the granted ones.
func (i Identity) MissingScopes(needed ...string) []string {
	if i.Scopes == nil {
		return nil
	}
	var missing []string
	for _, scope := range needed {
		if !slices.Contains(i.Scopes, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// ExtraScopes returns the granted scopes that are not needed.
func (i Identity) ExtraScopes(needed ...string) []string {
	var more []string
	for _, scope := range i.Scopes {
		if !slices.Contains(needed, scope) {
			more = append(more, scope)
		}
	}
	return more
}

// IdentifyOnce asks Slack once which bot the token belongs to. It returns a [*FatalError] if a setting is wrong.
func IdentifyOnce(ctx context.Context, api *slack.Client) (Identity, error) {
	who, err := api.AuthTestContext(ctx)
	if err != nil {
		if fatal := fatalError(methodTest, err, false); fatal != nil {
			return Identity{}, fatal
		}
		return Identity{}, fmt.Errorf("ask Slack who the bot is: %w", err)
	}
	return Identity{
		TeamID: who.TeamID, Team: who.Team, UserID: who.UserID, BotID: who.BotID, URL: who.URL,
		Scopes: scopes(who.Header),
	}, nil
}

// Identify asks Slack which bot the token belongs to. It repeats the request, with the waits of cfg, until Slack
// answers or ctx is done. It returns a [*FatalError] when the token or a setting is wrong.
func Identify(ctx context.Context, cfg Config) (Identity, error) {
	orDuration(&cfg.FirstRetry, 500*time.Millisecond)
	orDuration(&cfg.MaxRetry, time.Minute)
	if cfg.Jitter == nil {
		cfg.Jitter = randomJitter
	}
	retries := backoff.Policy{First: cfg.FirstRetry, Max: cfg.MaxRetry, Jitter: cfg.Jitter}
	logged := ""
	for failures := 0; ; failures++ {
		who, err := IdentifyOnce(ctx, cfg.API)
		if err == nil {
			return who, nil
		}
		if ctx.Err() != nil {
			return Identity{}, ctx.Err()
		}
		if fatal, ok := errors.AsType[*FatalError](err); ok {
			return Identity{}, fatal
		}
		if kind := reasonOf(err); kind != logged {
			logged = kind
			cfg.Log.Warn().Str("trouble", kind).Str("cause", redact(err.Error())).
				Msg("retry asking Slack whose the bot token is")
		}
		if backoff.Sleep(ctx, retryDelay(retries, failures, err)) != nil {
			return Identity{}, ctx.Err()
		}
	}
}

// scopes reads the header in which Slack lists what a token may do.
func scopes(header http.Header) []string {
	if len(header.Values("X-OAuth-Scopes")) == 0 {
		return nil
	}
	list := []string{}
	for scope := range strings.SplitSeq(strings.Join(header.Values("X-OAuth-Scopes"), ","), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			list = append(list, scope)
		}
	}
	return list
}

// CheckSocketMode asks Slack for a socket's address, which is good once and is not used, to see that the app-level
// token is right and Socket Mode is on. It returns a [*FatalError] when a setting is wrong.
func CheckSocketMode(ctx context.Context, api *slack.Client) error {
	_, _, err := api.StartSocketModeContext(ctx)
	if err == nil {
		return nil
	}
	if fatal := fatalError(methodOpen, err, false); fatal != nil {
		return fatal
	}
	return fmt.Errorf("ask Slack for a socket: %w", err)
}

// CountConnections returns how many sockets are open for the app. It opens one itself until Slack's greeting arrives. A
// command that Slack sends to that socket is not acknowledged: it has no effect, and Slack tells the person.
func CountConnections(ctx context.Context, api *slack.Client) (int, error) {
	_, address, err := api.StartSocketModeContext(ctx)
	if err != nil {
		if fatal := fatalError(methodOpen, err, false); fatal != nil {
			return 0, fatal
		}
		return 0, fmt.Errorf("ask Slack for a socket: %w", err)
	}
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 15 * time.Second}
	conn, response, err := dialer.DialContext(ctx, address, nil)
	if err != nil {
		return 0, fmt.Errorf("open a socket: %w", withoutTicket(err))
	}
	if response.Body != nil {
		defer response.Body.Close()
	}
	defer conn.Close()
	conn.SetReadLimit(readLimit)
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(end); err != nil {
			return 0, err
		}
	}
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			return 0, fmt.Errorf("read Slack's greeting: %w", err)
		}
		var hello struct {
			Type           string `json:"type"`
			NumConnections int    `json:"num_connections"`
		}
		if err := json.Unmarshal(message, &hello); err != nil || hello.Type != "hello" {
			continue
		}
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		return hello.NumConnections, conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	}
}

// withoutTicket removes the address from an error, since its ticket opens a socket.
func withoutTicket(err error) error { return errWithoutTicket{redact(err.Error()), err} }

type errWithoutTicket struct {
	text  string
	cause error
}

func (e errWithoutTicket) Error() string { return e.text }

func (e errWithoutTicket) Unwrap() error { return e.cause }
