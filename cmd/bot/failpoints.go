package main

import (
	"time"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/internal/failpoint"
	"licensebot/storage"
)

// addFailpoints wraps what a bot sends, stores and acknowledges, so that a kill test can end the program before and
// after it; it changes nothing unless failpoints are enabled.
func addFailpoints(c *app.Config) {
	if !failpoint.Enabled() {
		return
	}
	c.VerifyAfter = time.Millisecond
	c.CoCalc.Wrap = cocalc.WithFailpoints
	c.Slack.Socket = socket.WithFailpoints(c.Slack.Socket)
	c.Decorators = app.Decorators{
		Commit: failpoint.Commit,
		Ledger: storage.WithFailpoints,
		API:    bot.WithFailpoints,
		Bot:    bot.RespondWithFailpoints,
	}
}
