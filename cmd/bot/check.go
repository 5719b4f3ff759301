package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"licensebot/internal/cli"
	"licensebot/internal/config"
)

// checkPatience is how long each side may take to answer all questions.
const checkPatience = 20 * time.Second

// checkOptions are the options of bot check.
type checkOptions struct{ strict, json bool }

// newCheckCommand checks everything that the bot needs.
func newCheckCommand(c stdio) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use: "check [--strict] [--json]", Args: cli.NoArguments,
		Short: "validate the settings, Slack, CoCalc and the ledger; spends nothing",
		Long: "Each line is PASS, WARN or FAIL, and says what to do. " +
			"The exit code is 0 with PASS and WARN, 1 with a FAIL,\n" +
			"and 2 when a check couldn't run. With --strict, a WARN is 1 too.",
	}
	cmd.Flags().BoolVar(&o.strict, "strict", false, "exit with 1 for warnings too")
	cmd.Flags().BoolVar(&o.json, "json", false, "print a JSON object per line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		found := check(cmd.Context(), config.Load(), checkPatience)
		if err := found.print(c.out, o.json); err != nil {
			return err
		}
		return found.err(o.strict)
	}
	return cmd
}

// check finds the faults on which the bot's start or its first order would fail. It changes and spends nothing. Each
// side gets the patience to answer. A wrong setting skips only the checks that need it.
func check(ctx context.Context, settings config.Settings, patience time.Duration) (found findings) {
	k := checker{Settings: settings, clocks: newClocks(time.Now)}
	if findServer(ctx, &k.Settings, k.Database) {
		k.warn("COCALC_URL", "Set COCALC_URL="+k.CoCalcURL+".", "not set, so the bot uses %s, which the ledger notes",
			k.CoCalcURL)
	}
	for _, side := range []func(context.Context){
		k.checkSettings, k.checkLedger, k.checkSlack, k.checkCoCalc,
		k.checkClock,
	} {
		ask, cancel := context.WithTimeout(ctx, patience)
		side(ask)
		cancel()
	}
	return k.findings
}

// checker is one run of bot check.
type checker struct {
	config.Settings
	findings
	clocks *clocks

	inUse   bool   // a bot runs with the ledger
	account string // the CoCalc account of the ledger; empty when it has none, or was not read
	noted   string // the address of that account's server; empty when the ledger notes none, or was not read
}

// usable reports whether these settings can be used. Those that can't be have a line already.
func (k *checker) usable(settings ...string) bool {
	return len(k.Settings.Faults.Of(settings...)) == 0 && len(k.CheckSecrets().Of(settings...)) == 0
}
