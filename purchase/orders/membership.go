package orders

import "licensebot/purchase"

// staleCard refuses a button of an approvers' card that a newer one has replaced, since the old card may be out of
// date. A card that is newer than the one in the ledger is the current one: people see a message before Slack has told
// its timestamp to the bot.
func staleCard(order purchase.Order, click purchase.Click) *purchase.Refusal {
	ask := order.Message(purchase.MessageAsk)
	if ask == nil || ask.TS == "" || click.On == "" || !isOlder(click.On, ask.TS) || click.At.Channel != ask.Channel {
		return nil
	}
	return purchase.NewRefusal(purchase.StaleCard)
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
func elsewhere(order purchase.Order, click purchase.Click) *purchase.Refusal {
	if click.Typed || click.At.Direct || click.At.Channel == order.Place.Channel {
		return nil
	}
	for _, m := range order.Messages {
		if m.Channel != "" && m.Channel == click.At.Channel {
			return nil
		}
	}
	return purchase.NewRefusal(purchase.Elsewhere)
}
