package bot

import (
	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// StandingOf says what a person is in the bot's workspace, team, by what users.info says of them.
func StandingOf(u *slack.User, team string) purchase.Standing { return standingOf(u, team) }
