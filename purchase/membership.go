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

// RefuseOutsider refuses people who are not full members.
func RefuseOutsider(who Person) *Refusal {
	switch {
	case who.Standing == Member:
		return nil
	case who.Standing == Unverified && who.NoAccess:
		return RefuseNoAccess()
	}
	return NewRefusal(Outsider, "doing", "buy", "standing", string(who.Standing))
}

// Foreigner refuses those who are known not to be members. It lets through people of whom Slack doesn't say who they
// are.
func Foreigner(who Person) *Refusal {
	if who.Standing == Unverified {
		return nil
	}
	return RefuseOutsider(who)
}
