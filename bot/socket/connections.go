package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
)

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
