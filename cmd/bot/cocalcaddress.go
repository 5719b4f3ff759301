package main

import (
	"context"
	"os"

	"licensebot/internal/config"
	"licensebot/purchase"
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
	var account purchase.AccountState
	begun, bought := false, false
	_, err := os.Stat(ledger)
	if err == nil {
		err = readLedger(ctx, ledger, func(r purchase.Reader) (err error) {
			if account, err = r.Account(); err != nil {
				return err
			}
			head, err := r.Head()
			if err != nil {
				return err
			}
			entries, err := r.Purchases(0, 1)
			begun, bought = head.Number > 0, len(entries) > 0
			return err
		})
	}
	switch {
	case err != nil && ledger != "" && !isMissing(err):
		c.Faults.Add(setting, "not set, and the ledger, which may note it, can't be read: %v", err)
	case bought && account.Address != "":
		c.CoCalcURL = account.Address
		return true
	case account.Address != "":
		c.Faults.Add(setting, "not set; the ledger notes %s", account.Address)
	case begun || bought:
		c.Faults.Add(setting, "not set, and it has no default any more. Until now, the bot used %s without it. Use the "+
			"address of the CoCalc server "+
			"that sells you licenses (%[1]s most likely sells none any more)", formerServer)
	default:
		c.Faults.Add(setting,
			"not set; use the address of the CoCalc server that sells you licenses, such as https://cocalc.example")
	}
	return false
}
