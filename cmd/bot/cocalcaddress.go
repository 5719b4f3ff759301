package main

import (
	"context"
	"os"

	"licensebot/internal/config"
	"licensebot/internal/records"
)

// formerServer is the CoCalc server that versions of the bot used which did not require COCALC_URL.
const formerServer = "https://cocalc.com"

// findServer sets an empty COCALC_URL to the address that the ledger notes, if the ledger has purchases, and reports
// whether it did. Otherwise, the settings have a fault that says what to write.
func findServer(ctx context.Context, c *config.Settings, ledger string) bool {
	const setting = "COCALC_URL"
	if c.CoCalcURL != "" || len(c.Faults.Of(setting)) > 0 {
		return false
	}
	var found records.Summary
	_, err := os.Stat(ledger)
	if err == nil {
		found, err = readSummary(ctx, ledger)
	}
	switch {
	case err != nil && ledger != "" && !isMissing(err):
		c.Faults.Add(setting, "not set, and the ledger, which may note it, can't be read: %v", err)
	case found.Entries > 0 && found.Address != "":
		c.CoCalcURL = found.Address
		return true
	case found.Address != "":
		c.Faults.Add(setting, "not set; the ledger notes %s", found.Address)
	case found.Records > 0 || found.Entries > 0:
		c.Faults.Add(setting, "not set, and it has no default any more. Until now, the bot used %s without it. Use the "+
			"address of the CoCalc server "+
			"that sells you licenses (%[1]s most likely sells none any more)", formerServer)
	default:
		c.Faults.Add(setting,
			"not set; use the address of the CoCalc server that sells you licenses, such as https://cocalc.example")
	}
	return false
}
