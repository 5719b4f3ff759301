package purchase

// RefuseNoAccess returns the refusal while the bot has no access to Slack.
func RefuseNoAccess() *Refusal {
	return NewRefusal(AccessLost)
}
