package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"licensebot/purchase"
	"licensebot/storage"
)

// runResume ends a pause of buying in the ledger of a bot that is not running. Whoever can write the ledger may do it;
// who and why is kept in the audit.
func runResume(ctx context.Context, args []string, c console) error {
	reason := strings.TrimSpace(strings.Join(args, " "))
	if reason == "" {
		return fmt.Errorf("a reason is needed, for the audit: %w", errUsage)
	}
	settings, err := readConfig()
	if err != nil {
		return err
	}
	if _, err := os.Stat(settings.Database); isMissing(err) {
		return noLedger(settings.Database)
	}
	ledger, err := storage.Open(settings.Database)
	if errors.Is(err, storage.ErrLocked) {
		return fmt.Errorf("%w: stop it, run this again, and start it", err)
	}
	if err != nil {
		return err
	}
	defer ledger.Close()
	who := "operator"
	if u, err := user.Current(); err == nil {
		who += " " + u.Username
	}
	var was *purchase.Pause
	err = ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		was = account.Pause
		return purchase.ResumeBuying(w, who, reason, time.Now())
	})
	if err != nil {
		return err
	}
	if was == nil {
		_, err = fmt.Fprintln(c.out, "Buying was not paused.")
		return err
	}
	_, err = fmt.Fprintf(c.out, "Buying is resumed. It had been paused since %s: %s\n", was.Since.Format(time.RFC3339), was.Reason)
	return err
}
