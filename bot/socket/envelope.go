package socket

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
)

// Types of what Slack sends, and the reason of a disconnect that comes ahead of the end.
const (
	typeHello       = "hello"
	typeDisconnect  = "disconnect"
	typeCommand     = "slash_commands"
	typeInteractive = "interactive"
	typeEvent       = "events_api"

	reasonWarning = "warning"
)

// envelope is what Slack sends over a socket. The payload is read later, by a worker.
type envelope struct {
	Type    string          `json:"type"`
	ID      string          `json:"envelope_id"`
	Reason  string          `json:"reason"` // of a disconnect
	Payload json.RawMessage `json:"payload"`
}

// contents reads the payload: a slack.SlashCommand, a slack.InteractionCallback or a slackevents.EventsAPIEvent; nil
// for an envelope of a type that we know nothing of.
func (e envelope) contents() (any, error) {
	switch e.Type {
	case typeCommand:
		var command slack.SlashCommand
		err := json.Unmarshal(e.Payload, &command)
		return command, err
	case typeInteractive:
		var callback slack.InteractionCallback
		err := json.Unmarshal(e.Payload, &callback)
		return callback, err
	case typeEvent:
		// The token that it would check is of the days before Socket Mode: the socket itself is authenticated.
		return slackevents.ParseEvent(e.Payload, slackevents.OptionNoVerifyToken())
	}
	return nil, nil
}

// ackFrame is an acknowledgement as Slack reads it. It is an error if Slack would drop it without a word.
func ackFrame(id string, payload any) ([]byte, error) {
	frame, err := json.Marshal(struct {
		ID      string `json:"envelope_id"`
		Payload any    `json:"payload,omitempty"`
	}{id, payload})
	if err != nil {
		return nil, fmt.Errorf("write the acknowledgement: %w", err)
	}
	if len(frame) >= maxAck {
		return nil, fmt.Errorf("the acknowledgement is too large: %d bytes, and Slack takes less than %d", len(frame), maxAck)
	}
	return frame, nil
}

// bareAck is an acknowledgement without an answer.
func bareAck(id string) []byte {
	frame, err := ackFrame(id, nil)
	if err != nil {
		return nil // an id of 20 KB, which Slack does not send
	}
	return frame
}

// Status is how the connection to Slack is.
type Status struct {
	Sockets int       // open now
	Last    time.Time // when the last envelope came; zero: none yet
}

// Status reports how the connection is.
func (s *Server) Status() Status {
	st := Status{Sockets: s.links.count()}
	if n := s.last.Load(); n != 0 {
		st.Last = time.Unix(0, n)
	}
	return st
}
