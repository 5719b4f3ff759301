package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"licensebot/purchase"
	"licensebot/storage"
)

// checkLedger checks the ledger's folder and file, and verifies the ledger as the bot's start does.
func (k *checker) checkLedger(ctx context.Context) {
	if !k.usable("DATABASE") {
		return
	}
	if !k.checkFolder() {
		return
	}
	const subject = "ledger"
	ledger, err := storage.OpenReadOnly(k.Database)
	switch {
	case errors.Is(err, storage.ErrLocked):
		k.inUse = true
		k.pass(subject, "%s is in use by a running bot, which verified it", k.Database)
		k.readLedger(ctx)
		return
	case isMissing(err):
		k.pass(subject, "%s does not exist yet; the bot makes it", k.Database)
		return
	case err == nil:
		if err := ledger.Close(); err != nil {
			k.fail(subject, "", "%v", err)
			return
		}
	case errors.Is(err, fs.ErrPermission):
		k.fail(subject, "Run this as the bot's user, or give it the file.", "%s cannot be read by this user", k.Database)
		return
	default:
		k.fail(subject, damagedAdvice, "%v", err)
		return
	}
	if unix.Access(k.Database, unix.W_OK) != nil {
		k.fail(subject, "Run this as the bot's user, or give it the file.", "%s cannot be written by this user", k.Database)
		return
	}
	var found []purchase.Finding
	report, err := storage.Verify(ctx, k.Database, func(r purchase.Reader) (err error) {
		found, err = purchase.CheckBooks(r)
		return err
	})
	switch {
	case ctx.Err() != nil:
		k.unchecked(subject, "`bot verify` takes its time.", "%s is too large to be verified here", k.Database)
	case err != nil:
		k.fail(subject, damagedAdvice, "%v", err)
	case len(found) > 0:
		k.fail(subject, "`bot verify` shows all of it; the bot starts and buys nothing until an admin resumes it.", "%s contradicts itself: %s", k.Database, found[0])
	default:
		k.pass(subject, "%s holds %s, and is in order", k.Database, contents(report))
	}
	k.readLedger(ctx)
}

// checkFolder reports whether the folder can hold a ledger.
func (k *checker) checkFolder() bool {
	const subject = "ledger's folder"
	path, err := filepath.Abs(k.Database)
	if err != nil {
		k.fail(subject, "", "%v", err)
		return false
	}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	switch {
	case isMissing(err):
		k.fail(subject, "Make it, or name another file in DATABASE.", "there is no folder %s", folder)
		return false
	case err != nil:
		k.fail(subject, "", "%v", cause(err))
		return false
	case !info.IsDir():
		k.fail(subject, "Name another file in DATABASE.", "%s isn't a folder", folder)
		return false
	case unix.Access(folder, unix.W_OK|unix.X_OK) != nil:
		k.fail(subject, "Give it to this user (chown), or name another file in DATABASE.", "user %d cannot write in %s", os.Getuid(), folder)
		return false
	}
	if info.Mode().Perm()&0o002 != 0 {
		k.warn(subject, "Type: chmod o-w "+folder, "every user of this machine can write in %s and replace your ledger", folder)
	}
	if free, err := storage.Free(folder); err == nil && free < storage.LeastFree {
		k.fail(subject, "Make room.", "%.1f MB free at %s, but an order needs %d MB", float64(free)/(1<<20), folder, storage.LeastFree>>20)
		return false
	}
	return true
}

// readLedger notes the ledger's account, and warns about a pause.
func (k *checker) readLedger(ctx context.Context) {
	var account purchase.AccountState
	err := readLedger(ctx, k.Database, func(r purchase.Reader) (err error) {
		account, err = r.Account()
		return err
	})
	if err != nil {
		return // the ledger has a line already
	}
	k.account = account.CoCalc
	if p := account.Pause; p != nil {
		k.warn("buying", "Once fixed: `bot resume REASON`.", "it is paused since %s: %s", p.Since.In(k.Timezone.Location).Format("Jan 2, 2006, 3:04 PM"), p.Reason)
	}
}
