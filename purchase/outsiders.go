package purchase

// Outsiders says why people who may see no prices may read a channel.
type Outsiders string

const (
	// OutsidersShared says that the channel is shared with another organization, or its people are invited.
	OutsidersShared Outsiders = "shared"
	// OutsidersGuests says that guests or people of other workspaces are in the channel.
	OutsidersGuests Outsiders = "guests"
	// OutsidersUntold says that the app may not look up who is in the channel.
	OutsidersUntold Outsiders = "untold"
)

// RequestCause returns a cause about an order that waits for approval: by, name, price, period, license (what it
// gives), expires.
func RequestCause(code CauseCode, o Order) Cause {
	return NewCause(code, "by", o.Requester.ID, "name", o.Requester.DisplayName(), "price", ArgCents(o.Price), "period",
		string(o.Spec.Period),
		"license", o.Spec.Summary(), "expires", ArgTime(o.ApproveBy))
}
