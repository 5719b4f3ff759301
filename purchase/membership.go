package purchase

// Standing says why a person is not a full member of the team's workspace. People with a Standing can neither buy nor
// decide, whatever the policy's lists say.
type Standing string

// What Slack says of people.
const (
	Member      Standing = ""            // a full member
	Guest       Standing = "guest"       // a guest of one or a few channels
	Robot       Standing = "bot"         // another app
	Deactivated Standing = "deactivated" // whose account was closed
	Foreign     Standing = "foreign"     // of another workspace or organization
	Unverified  Standing = "unverified"  // Slack could not be asked
)

// outsider refuses people who are not full members.
func outsider(who Person) *Refusal {
	switch {
	case who.Standing == Member:
		return nil
	case who.Standing == Unverified && who.NoAccess:
		return noAccess()
	}
	return refuse(Outsider, "doing", "buy", "standing", string(who.Standing))
}

// foreigner refuses those who are known not to be members. It lets through people of whom Slack doesn't say who they
// are.
func foreigner(who Person) *Refusal {
	if who.Standing == Unverified {
		return nil
	}
	return outsider(who)
}

// staleCard refuses a button of an approvers' card that a newer one has replaced, since the old card may be out of
// date. A card that is newer than the one in the ledger is the current one: people see a message before Slack has told
// its timestamp to the bot.
func staleCard(order Order, click Click) *Refusal {
	ask := order.Message(MessageAsk)
	if ask == nil || ask.TS == "" || click.On == "" || !isOlder(click.On, ask.TS) || click.At.Channel != ask.Channel {
		return nil
	}
	return refuse(StaleCard)
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
	return refuse(Elsewhere)
}
