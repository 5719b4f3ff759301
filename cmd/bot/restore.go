package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"licensebot/internal/config"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// newRestoreCommand replaces the ledger by a backup. It shows what would be lost, asks, and keeps the current ledger
// aside. The next start compares the backup with CoCalc before it takes orders.
func newRestoreCommand(c stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE [--yes]",
		Short: "restore a backup (stop the bot first; the current ledger is kept)", Args: oneFile("a backup file"),
	}
	cmd.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	yes := cmd.Flags().Bool("yes", false, "don't ask for confirmation")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runRestore(cmd.Context(), args[0], *yes, c) }
	return cmd
}

func runRestore(ctx context.Context, file string, yes bool, c stdio) error {
	if _, err := os.Stat(file); isMissing(err) {
		return fmt.Errorf("there is no file %s", file)
	}
	settings, err := config.ReadFor("DATABASE", "SETTLE_AFTER", "CHECKOUT_TIMEOUT")
	if err != nil {
		return err
	}
	r := restoration{
		file: file, database: settings.Database, settle: settings.SettleAfter,
		loc: settings.Timezone.Location, out: c.out,
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if !yes {
		fmt.Fprintf(c.out, "Restore it to %s? Type yes: ", r.database)
		answer, _ := bufio.NewReader(io.LimitReader(c.in, 100)).ReadString('\n')
		if strings.TrimSpace(answer) != "yes" {
			fmt.Fprintln(c.out)
			return errors.New("not confirmed, so nothing was changed")
		}
	}
	return r.replace(ctx)
}

// restoration is one run of bot restore.
type restoration struct {
	file, database string
	settle         time.Duration   // how long what was under way is watched
	pause          *purchase.Pause // of the present ledger, which stays in force: a restore must not resume buying
	lost           *loss           // nil if there is no present ledger, or none that can be read
	loc            *time.Location
	out            io.Writer
}

// look returns an error for a file that can't be restored, and prints what the backup holds and how it differs from the
// present ledger.
func (r *restoration) look(ctx context.Context) error {
	if err := r.checkStopped(); err != nil {
		return err
	}
	var findings []purchase.Finding
	report, err := storage.Verify(ctx, r.file, func(backup purchase.Reader) (err error) {
		findings, err = reconcile.CheckConsistency(ctx, reconcile.Snapshot{Reader: backup}, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("can't restore %s: %w", r.file, err)
	}
	fmt.Fprintf(r.out, "%s is in order: %s.\n", r.file, contents(report))
	if last := report.Head; last.Number > 0 {
		fmt.Fprintf(r.out, "Its last record is %s, from %s.\n", headOf(last), r.day(last.Time))
	}
	for _, f := range findings {
		fmt.Fprintf(r.out, "! %s\n", f)
	}
	if _, err := os.Stat(r.database); isMissing(err) {
		fmt.Fprintf(r.out, "There is no ledger at %s now.\n", r.database)
		return nil
	}
	var lost loss
	_, err = storage.Verify(ctx, r.database)
	if err == nil {
		err = storage.ReadCopy(ctx, r.file, func(backup purchase.Reader) error {
			return storage.ReadCopy(ctx, r.database, func(present purchase.Reader) error {
				return lost.read(present, backup)
			})
		})
	}
	if err != nil {
		fmt.Fprintf(r.out, "The current ledger can't be read, so it isn't known what the backup lacks: %v\n", err)
		return nil
	}
	r.pause, r.lost = lost.pause, &lost
	r.describe(lost)
	return nil
}

// checkStopped returns an error if a bot works with the ledger.
func (r restoration) checkStopped() error {
	ledger, err := storage.OpenReadOnly(r.database)
	if err == nil {
		return ledger.Close()
	}
	if errors.Is(err, storage.ErrLocked) {
		return fmt.Errorf("%w: stop it, run this again, then start it", err)
	}
	return nil // it may be damaged, or missing: that is what backups are for
}

// describe prints what the present ledger has and the backup lacks.
func (r restoration) describe(l loss) {
	switch {
	case l.records == 0 && l.added == 0:
		fmt.Fprintf(r.out, "The current ledger holds the same %s: nothing would be lost.\n", plural(l.common, "record"))
		return
	case l.records == 0:
		fmt.Fprintf(r.out, "The current ledger is an older copy of it, up to record %d: nothing would be lost.\n", l.common)
		return
	case l.added == 0:
		fmt.Fprintf(r.out, "The current ledger continues after that: %s would be lost, from %s to %s.\n",
			plural(l.records, "record"), r.day(l.from), r.day(l.to))
	default:
		fmt.Fprintf(r.out, "The two differ after record %d: the backup then has %s that the current ledger lacks, and %s "+
			"would be lost, from %s to %s.\n",
			l.common, plural(l.added, "record"), plural(l.records, "record"), r.day(l.from), r.day(l.to))
	}
	if l.bought > 0 {
		fmt.Fprintf(r.out, "That includes %s for %s. The bot adds them again when it compares the ledger with CoCalc.\n",
			plural(l.bought, "purchase"), l.sum)
	}
}

// replace restores the backup, and prints what happens next.
func (r restoration) replace(ctx context.Context) error {
	now := time.Now()
	done, err := storage.Replace(ctx, r.database, r.file, now, func(w purchase.Writer) error {
		if err := register.AfterRestore(w, now, operator(), r.settle); err != nil {
			return err
		}
		if r.lost != nil {
			if err := register.KeepOrders(w, r.lost.orders); err != nil {
				return err
			}
		}
		return register.KeepPause(w, r.pause)
	})
	if errors.Is(err, storage.ErrLocked) {
		return fmt.Errorf("%w: stop it, run this again, then start it", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "Restored %s from %s.\n", r.database, r.file)
	if done.Aside != "" {
		fmt.Fprintf(r.out, "The previous ledger is kept as %s\n", done.Aside)
	}
	fmt.Fprint(r.out, `When you start the bot:
- Open orders in the backup are not bought. The people who placed them are asked to order again.
- Before it takes any order, the bot compares the ledger with CoCalc's purchases. It adds its own purchases that the
  backup lacks, for the person that the previous ledger names. If that ledger can't be read, it adds them as
  "unattributed" and pauses buying until an admin resumes it. It reports purchases made outside this bot.
- "bot verify --online" shows the same comparison.
`)
	return nil
}

func (r restoration) day(t time.Time) string { return t.In(r.loc).Format(purchase.MomentStyle) }
