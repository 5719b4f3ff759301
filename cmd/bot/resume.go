package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/bot"
	"licensebot/internal/cli"
	"licensebot/internal/config"
	"licensebot/internal/control"
	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/storage"
)

// newResumeCommand ends a pause of buying. The running bot does it; if none runs, this program does. Every user of the
// machine who can write to the ledger may do it; the audit records who did it and why.
func newResumeCommand(c stdio) *cobra.Command {
	cmd := &cobra.Command{Use: "resume REASON", Short: "resume buying after a pause"}
	cmd.Flags().SetInterspersed(false) // a reason is plain text
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if strings.TrimSpace(strings.Join(args, " ")) == "" {
			return fmt.Errorf("a reason is required: %w", cli.ErrUsage)
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runResume(cmd.Context(), strings.TrimSpace(strings.Join(args, " ")), c)
	}
	return cmd
}

func runResume(ctx context.Context, reason string, c stdio) error {
	settings, err := config.ReadFor("DATABASE", "TIMEZONE")
	if err != nil {
		return err
	}
	if _, err := os.Stat(settings.Database); isMissing(err) {
		return noLedger(settings.Database)
	}
	socket := control.Path(settings.Database)
	was, err := byBotOrAlone(ctx,
		func() (*purchase.Pause, error) { return control.Resume(ctx, socket, operator(), reason) },
		func() (*purchase.Pause, error) {
			return resumeAlone(ctx, c, settings.Database, operator(), reason)
		})
	if err != nil {
		return err
	}
	if was == nil {
		_, err = fmt.Fprintln(c.out, "Buying wasn't paused.")
		return err
	}
	_, err = fmt.Fprintf(c.out, "Buying is back on. It had been paused since %s: %s\n",
		was.Since.In(settings.Timezone.Location).Format(purchase.MomentStyle),
		bot.ReasonsWords(was, bot.Reader{Admin: true, Zone: settings.Timezone.Location}))
	if leftOut := was.LeftOut(); leftOut.Code != "" && err == nil {
		_, err = fmt.Fprintln(c.out, bot.Words(bot.Results, leftOut, bot.Reader{}))
	}
	return err
}

// resumeAlone ends a pause in the ledger of a bot that is not running.
func resumeAlone(ctx context.Context, c stdio, database, by, reason string) (was *purchase.Pause, err error) {
	ledger, err := storage.Open(database, storage.WithProgress(upgradeProgress(c.err, time.Now)))
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	if kept := ledger.Kept(); kept != "" {
		fmt.Fprintf(c.err, "The ledger was upgraded. A copy from before is kept as %s.\n", kept)
	}
	err = ledger.Update(ctx, func(w purchase.Writer) error {
		was, err = orders.ResumeBuying(w, by, reason, time.Now())
		return err
	})
	return was, err
}

// upgradeProgressEvery is how often the progress of an upgrade is printed.
const upgradeProgressEvery = 5 * time.Second

// upgradeProgress returns a function that prints how far the upgrade of a large ledger is. A short upgrade prints
// nothing.
func upgradeProgress(w io.Writer, now func() time.Time) func(done, total int) {
	last := now()
	return func(done, total int) {
		if now().Sub(last) < upgradeProgressEvery {
			return
		}
		last = now()
		fmt.Fprintf(w, "Upgrading the ledger: %d of %d records.\n", done, total)
	}
}

// operator returns the ledger's name for the person who uses the bot's machine.
func operator() string {
	if u, err := user.Current(); err == nil {
		return "operator " + u.Username
	}
	return "operator"
}
