package bot

import (
	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// StandingOf returns what a person is in the bot's workspace, team, according to users.info.
func StandingOf(u *slack.User, team string) purchase.Membership { return standingOf(u, team) }
