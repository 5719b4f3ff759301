package purchase

// Standing says why somebody is not a full member of the team's workspace. Whoever has one neither buys nor decides,
// whatever the lists of the policy say.
type Standing string

const (
	// Member is the standing of everybody else.
	Member      Standing = ""
	Guest       Standing = "guest"       // a guest of one or a few channels
	Robot       Standing = "bot"         // another app
	Deactivated Standing = "deactivated" // whose account was closed
	Foreign     Standing = "foreign"     // of another workspace or organization
	Unverified  Standing = "unverified"  // Slack could not be asked
)

// outsider refuses whoever is not a full member.
func outsider(who Person) *Refusal {
	var why string
	switch who.Standing {
	case Member:
		return nil
	case Guest:
		why = "Guests of this workspace can neither buy licenses nor decide on orders."
	case Robot:
		why = "Apps can neither buy licenses nor decide on orders."
	case Deactivated:
		why = "Your account in this workspace is deactivated."
	case Unverified:
		if who.NoAccess {
			return noAccess()
		}
		why = "Slack did not tell me who you are, so I could not check what you may do. Please try again in a minute."
	default:
		why = "People of other workspaces can neither buy licenses here nor decide on orders."
	}
	if who.Standing != Unverified {
		why += " A member of the workspace can do it for you."
	}
	return &Refusal{Code: Outsider, Sentence: "Nothing was bought by this. " + why}
}

// staleCard refuses a button of an approvers' card that a newer one has replaced, since the old card may be out of
// date.
func staleCard(order Order, click Click) *Refusal {
	ask := order.Message(MessageAsk)
	if ask == nil || ask.TS == "" || click.On == "" || click.On == ask.TS || click.At.Channel != ask.Channel {
		return nil
	}
	return &Refusal{Code: StaleCard, Sentence: "This card is out of date, so nothing was changed and nothing was bought. A newer one is in this channel: please decide there."}
}

// elsewhere refuses a button that was clicked where the order is not shown: such a click was made up, or its card was
// carried somewhere else. In a conversation with the bot alone everybody sees only what is theirs, and what is typed may
// be typed anywhere.
func elsewhere(order Order, click Click) *Refusal {
	if click.Typed || click.At.Direct || click.At.Channel == order.Place.Channel {
		return nil
	}
	for _, m := range order.Messages {
		if m.Channel != "" && m.Channel == click.At.Channel {
			return nil
		}
	}
	return &Refusal{Code: Elsewhere, Sentence: "This button belongs to another channel, so nothing was done by your click and nothing was bought by it. " +
		"Please decide where the order was asked for."}
}
