package socket

import (
	"encoding/json"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
)

// read turns an event of slack-go into a delivery. The kind is empty for envelopes without a handler; they are only
// acknowledged.
func read(ev socketmode.Event, now time.Time) Delivery {
	del := Delivery{EnvelopeID: ev.Request.EnvelopeID, Received: now}
	switch data := ev.Data.(type) {
	case slack.SlashCommand:
		del.Kind, del.Command = KindCommand, &data
	case slack.InteractionCallback:
		if kind, ok := interactions[data.Type]; ok {
			del.Kind, del.Interaction = kind, &data
		}
	case slackevents.EventsAPIEvent:
		// The event comes for the Messages tab as well, where there is nothing to draw.
		if home, ok := data.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); ok && home.Tab == "home" {
			del.Kind, del.Home = KindHome, home
		}
	}
	return del
}

var interactions = map[slack.InteractionType]Kind{
	slack.InteractionTypeBlockActions:    KindAction,
	slack.InteractionTypeViewSubmission:  KindSubmission,
	slack.InteractionTypeViewClosed:      KindClosed,
	slack.InteractionTypeBlockSuggestion: KindSuggestion,
}

// readUnparsed takes out of a message that slack-go could not read whatever answers the person: the id to acknowledge,
// who it was, and the response_url. Each part is read for itself, so that a wrong one does not hide the others.
func readUnparsed(raw json.RawMessage, now time.Time) Delivery {
	envelope := fields(raw)
	del := Delivery{EnvelopeID: text(envelope["envelope_id"]), Received: now}
	payload := fields(envelope["payload"])
	switch text(envelope["type"]) {
	case socketmode.RequestTypeSlashCommands:
		del.Kind = KindCommand
		del.Command = &slack.SlashCommand{
			TeamID:      text(payload["team_id"]),
			ChannelID:   text(payload["channel_id"]),
			UserID:      text(payload["user_id"]),
			Command:     text(payload["command"]),
			Text:        text(payload["text"]),
			ResponseURL: text(payload["response_url"]),
			TriggerID:   text(payload["trigger_id"]),
		}
	case socketmode.RequestTypeInteractive:
		kind, ok := interactions[slack.InteractionType(text(payload["type"]))]
		if !ok {
			return del
		}
		del.Kind = kind
		del.Interaction = &slack.InteractionCallback{
			Type:        slack.InteractionType(text(payload["type"])),
			ResponseURL: text(payload["response_url"]),
			TriggerID:   text(payload["trigger_id"]),
			User:        slack.User{ID: text(fields(payload["user"])["id"])},
			Team:        slack.Team{ID: text(fields(payload["team"])["id"])},
		}
		del.Interaction.Channel.ID = text(fields(payload["channel"])["id"])
	}
	return del
}

// fields reads an object one level deep; anything else has none.
func fields(raw json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// text reads a string; anything else is empty.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
