package main

import (
	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/internal/failpoint"
	"licensebot/storage"
)

// failpointDecorators returns the decorators in which a kill test ends the program; none unless failpoints are enabled.
func failpointDecorators() app.Decorators {
	if !failpoint.Enabled() {
		return app.Decorators{}
	}
	return app.Decorators{
		Transport: cocalc.WithFailpoints,
		Commit:    failpoint.Commit,
		Ledger:    storage.WithFailpoints,
		API:       bot.WithFailpoints,
		Bot:       bot.RespondWithFailpoints,
		Socket:    socket.WithFailpoints,
	}
}
