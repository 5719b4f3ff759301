package config

import (
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/internal/app"
	"licensebot/purchase"
)

// AppConfig returns the configuration of a bot with these settings. The error names missing secrets and wrong defaults.
func (c Settings) AppConfig(log zerolog.Logger) (app.Config, error) {
	if err := c.CheckSecrets().Err(); err != nil {
		return app.Config{}, err
	}
	defaults, wrong := c.LicenseSpec()
	if err := wrong.Err(); err != nil {
		return app.Config{}, err
	}
	return app.Config{
		Database: c.Database,
		CoCalc:   cocalc.Options{BaseURL: c.CoCalcURL, Key: c.CoCalcAPIKey, CheckoutTimeout: c.CheckoutTimeout},
		Slack:    app.Slack{URL: c.SlackAPIURL, BotToken: c.SlackBotToken, AppToken: c.SlackAppToken},
		Policy:   c.Policy(), Timing: purchase.Timing{Settle: c.SettleAfter, Approval: c.ApprovalTTL},
		PurchasesChannel: c.PurchasesChannel, ApprovalsChannel: c.ApprovalsChannel,
		Defaults: defaults, Location: c.Timezone.Location, Limits: c.InForce(), Log: log,
		PruneAfter: time.Duration(c.PruneAfter),
	}, nil
}
