package purchase

// Standing says why a person is not a full member of the team's workspace. People with a Standing can neither buy nor
// decide, whatever the policy's lists say.
type Standing string

const (
	// Member is the standing of full members.
	Member      Standing = ""
	Guest       Standing = "guest"       // a guest of one or a few channels
	Robot       Standing = "bot"         // another app
	Deactivated Standing = "deactivated" // whose account was closed
	Foreign     Standing = "foreign"     // of another workspace or organization
	Unverified  Standing = "unverified"  // Slack could not be asked
)

// outsider refuses people who are not full members.
func outsider(who Person) *Refusal {
	var why string
	switch who.Standing {
	case Member:
		return nil
	case Guest:
		why = "Guests can't buy or approve licenses. Ask a member of this workspace."
	case Robot:
		why = "Apps can't buy or approve licenses. Ask a member of this workspace."
	case Deactivated:
		why = "Your account in this workspace is deactivated. Ask a member of this workspace."
	case Unverified:
		if who.NoAccess {
			return noAccess()
		}
		why = unknownPerson
	default:
		why = "People from other workspaces can't buy or approve licenses here. Ask a member of this workspace."
	}
	return &Refusal{Code: Outsider, Sentence: why}
}

// What people read when Slack does not say who they are, or in which user groups.
const (
	unknownPerson = "Slack didn't tell me who you are, so I couldn't check your permissions. Please try again in a minute."
	unknownGroups = "Slack didn't tell me which user groups you're in, so I couldn't check your permissions. Please try again in a minute."
)

// staleCard refuses a button of an approvers' card that a newer one has replaced, since the old card may be out of
// date. A card that is newer than the one in the ledger is the current one: people see a message before Slack has told
// its timestamp to the bot.
func staleCard(order Order, click Click) *Refusal {
	ask := order.Message(MessageAsk)
	if ask == nil || ask.TS == "" || click.On == "" || !isOlder(click.On, ask.TS) || click.At.Channel != ask.Channel {
		return nil
	}
	return &Refusal{Code: StaleCard, Sentence: "This card is out of date, so your click didn't count. Use the newer one in this channel."}
}

// isOlder reports whether a message was posted before another one of its channel. Timestamps are seconds, a dot and six
// digits (Slack's reference of message payloads).
func isOlder(ts, other string) bool {
	if len(ts) != len(other) {
		return len(ts) < len(other)
	}
	return ts < other
}

// elsewhere refuses a button that was clicked where the order is not shown: such a click was forged, or its card was
// carried to another place. In a direct message with the bot people see only what is theirs, and commands may be typed
// anywhere.
func elsewhere(order Order, click Click) *Refusal {
	if click.Typed || click.At.Direct || click.At.Channel == order.Place.Channel {
		return nil
	}
	for _, m := range order.Messages {
		if m.Channel != "" && m.Channel == click.At.Channel {
			return nil
		}
	}
	return &Refusal{Code: Elsewhere, Sentence: "This order's card is in another channel, so your click didn't count. Use the buttons there."}
}
