package main

import (
	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/purchase"
)

// wiring is what a bot with these settings is built from. The error names missing secrets and wrong defaults.
func (c config) wiring(log zerolog.Logger) (app.Config, error) {
	if err := c.secrets().err(); err != nil {
		return app.Config{}, err
	}
	defaults, wrong := c.defaults()
	if err := wrong.err(); err != nil {
		return app.Config{}, err
	}
	return app.Config{
		Database: c.Database,
		CoCalc:   cocalc.Options{BaseURL: c.CoCalcURL, Key: c.CoCalcAPIKey, CheckoutTimeout: c.CheckoutTimeout},
		Slack:    app.Slack{URL: c.SlackAPIURL, BotToken: c.SlackBotToken, AppToken: c.SlackAppToken},
		Policy:   c.policy(), Timing: purchase.Timing{Settle: c.SettleAfter, Approval: c.ApprovalTTL},
		PurchasesChannel: c.PurchasesChannel, ApprovalsChannel: c.ApprovalsChannel,
		Defaults: defaults, Location: c.Timezone.Location, Limits: c.inForce(), Log: log,
	}, nil
}
