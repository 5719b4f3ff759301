package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"licensebot/internal/config"
	"licensebot/internal/control"
	"licensebot/storage"
)

// newBackupCommand copies the ledger to a new file. The running bot makes the copy; if none runs, this program does.
func newBackupCommand(c stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "write a verified copy of the ledger to a new file, also while the bot runs",
		Args: oneFile("the name of a new file"),
		RunE: func(cmd *cobra.Command, args []string) error { return runBackup(cmd.Context(), args[0], c) },
	}
	cmd.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	return cmd
}

func runBackup(ctx context.Context, file string, c stdio) error {
	settings, err := config.ReadFor("DATABASE")
	if err != nil {
		return err
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	report, err := backUp(ctx, settings.Database, to)
	if err != nil {
		return err
	}
	if report.Unproven != "" {
		return fmt.Errorf("the ledger's audit chain is broken: %s. %s%s is an unverified copy: it doesn't prove what "+
			"happened, and `bot restore` refuses it. "+
			"Keep your last good backup", report.Unproven, to, storage.UnprovenEnding)
	}
	if report.Away {
		return fmt.Errorf("the ledger %s was moved, deleted or replaced while the bot runs. %s is a verified copy of the "+
			"one that the bot has open: %s. "+
			"Move the file back under its name; if you can't, stop the bot and run: bot restore %s", settings.Database, to,
			contents(report), to)
	}
	fmt.Fprintf(c.out, "%s is a verified copy of the ledger: %s.\n", to, contents(report))
	if report.Head.Number > 0 {
		fmt.Fprintf(c.out, "Its last record is %s\n", headOf(report.Head))
	}
	return nil
}

// backUp has the running bot make the backup, or copies the ledger itself if no bot runs.
func backUp(ctx context.Context, database, to string) (storage.Report, error) {
	socket := control.Path(database)
	report, err := byBotOrAlone(ctx,
		func() (storage.Report, error) { return control.Backup(ctx, socket, to) },
		func() (storage.Report, error) {
			if _, err := os.Stat(database); isMissing(err) {
				return storage.Report{}, noLedger(database)
			}
			return storage.Backup(ctx, database, to)
		})
	if err != nil {
		return report, err
	}
	// In a container, or with a private /tmp, the bot sees other folders than this program.
	if report.Unproven != "" {
		to += storage.UnprovenEnding
	}
	if info, err := os.Stat(to); err != nil || info.Size() < report.Size {
		return report, fmt.Errorf("the running bot wrote %s, but the file isn't here: the bot sees other folders than you. "+
			"Run this where the bot runs", to)
	}
	return report, nil
}

const (
	startTries = 3 // of reaching a bot that has its ledger but does not listen yet, or that is about to end
	startPause = 300 * time.Millisecond
)

// byBotOrAlone has a running bot do something with the ledger that it holds, or does it alone. Between the two is a
// moment in which a bot that starts or ends holds the ledger and does not answer.
func byBotOrAlone[T any](ctx context.Context, byBot, alone func() (T, error)) (done T, err error) {
	for try := 1; ; try++ {
		if done, err = byBot(); !errors.Is(err, control.ErrNotRunning) {
			return done, err
		}
		if done, err = alone(); !errors.Is(err, storage.ErrLocked) {
			return done, err
		}
		if try == startTries {
			return done,
				fmt.Errorf(
					"%w, but it doesn't answer: it may be starting or stopping, or be an older version. If it is upgrading "+
						"the ledger, its log shows how far it is. Try again, or stop it first", err)
		}
		select {
		case <-ctx.Done():
			return done, ctx.Err()
		case <-time.After(startPause):
		}
	}
}
