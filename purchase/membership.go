package purchase

// Membership says why a person is not a full member of the team's workspace. People with a Standing can neither buy nor
// decide, whatever the policy's lists say.
type Membership string

// What Slack says of people.
const (
	Member      Membership = ""            // a full member
	Guest       Membership = "guest"       // a guest of one or a few channels
	Robot       Membership = "bot"         // another app
	Deactivated Membership = "deactivated" // whose account was closed
	Foreign     Membership = "foreign"     // of another workspace or organization
	Unverified  Membership = "unverified"  // Slack could not be asked
)

// RefuseOutsider refuses people who are not full members.
func RefuseOutsider(who Actor) *Refusal {
	switch {
	case who.Membership == Member:
		return nil
	case who.Membership == Unverified && who.NoAccess:
		return RefuseNoAccess()
	}
	return NewRefusal(Outsider, "doing", "buy", "standing", string(who.Membership))
}

// RefuseNonMember refuses those who are known not to be members. It lets through people of whom Slack doesn't say who
// they are.
func RefuseNonMember(who Actor) *Refusal {
	if who.Membership == Unverified {
		return nil
	}
	return RefuseOutsider(who)
}
