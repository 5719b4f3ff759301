package socket

import (
	"context"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
)

// Handler answers what people do. Its methods are called by several workers at once.
//
// The context of Action, Submission and HomeOpened ends at the deadline for the acknowledgement (Options.AckWithin
// after the envelope came). A command may take a minute, since it can be acknowledged without its answer. All other
// contexts end when the program has to stop.
type Handler interface {
	Command(context.Context, slack.SlashCommand) Reply
	Action(context.Context, slack.InteractionCallback) Reply     // block_actions
	Submission(context.Context, slack.InteractionCallback) Reply // view_submission
	HomeOpened(context.Context, *slackevents.AppHomeOpenedEvent) Reply

	// Unsent gives an answer whose acknowledgement could not carry it: too late, too large, or the socket broke.
	Unsent(ctx context.Context, to Origin, payload any)
	// Busy is the acknowledgement of a command for which there is no room, or that comes while the program stops.
	// Nothing was done. It is called by the goroutine that reads, so it must not wait.
	Busy() any
	// Failed tells somebody that answering them went wrong inside the bot; ref finds it in the log.
	Failed(ctx context.Context, to Origin, ref string)
}

// Reply is a Handler's answer.
type Reply struct {
	// Payload goes with the acknowledgement: the message that answers a command, or what a modal does. Nil: nothing.
	Payload any
	// After runs once the acknowledgement is on its way; it may take its time.
	After func(context.Context)
}

// Origin is who is answered, and how.
type Origin struct{ User, Channel, ResponseURL string }

func origin(data any) Origin {
	switch d := data.(type) {
	case slack.SlashCommand:
		return Origin{d.UserID, d.ChannelID, d.ResponseURL}
	case slack.InteractionCallback:
		return Origin{d.User.ID, d.Channel.ID, d.ResponseURL}
	case slackevents.EventsAPIEvent:
		if opened, ok := d.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent); ok {
			return Origin{User: opened.User}
		}
	}
	return Origin{}
}
