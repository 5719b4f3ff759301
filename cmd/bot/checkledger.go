package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"licensebot/bot"
	"licensebot/internal/app"
	"licensebot/internal/diagnosis"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
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
		k.pass(subject, "%s is in use by a running bot, which verifies it", k.Database)
		k.readLedger(ctx)
		return
	case isMissing(err):
		k.pass(subject, "%s doesn't exist yet; the bot creates it", k.Database)
		return
	case err == nil:
		if err := ledger.Close(); err != nil {
			k.fail(subject, "", "%v", err)
			return
		}
	case errors.Is(err, fs.ErrPermission):
		k.fail(subject, "Run this as the bot's user, or give this user access to the file.", "this user can't read %s",
			k.Database)
		return
	default:
		k.fail(subject, app.DamagedAdvice, "%v", err)
		return
	}
	if unix.Access(k.Database, unix.W_OK) != nil {
		k.fail(subject, "Run this as the bot's user, or give this user access to the file.", "this user can't write to %s",
			k.Database)
		return
	}
	var found []purchase.Finding
	report, err := storage.Verify(ctx, k.Database, func(r purchase.Reader) (err error) {
		found, err = reconcile.CheckConsistency(ctx, reconcile.Snapshot{Reader: r}, nil)
		return err
	})
	switch {
	case ctx.Err() != nil:
		k.unchecked(subject, "Run `bot verify`, which has no time limit.", "%s is too large to verify here", k.Database)
	case err != nil:
		k.fail(subject, app.DamagedAdvice, "%v", err)
	case len(found) > 0:
		k.fail(subject, "Run `bot verify` for details. The bot starts, but won't buy until an admin resumes buying.",
			"%s contradicts itself: %s", k.Database, bot.FindingWords(found[0], bot.Reader{}))
	default:
		k.pass(subject, "%s is in order: %s", k.Database, contents(report))
	}
	k.readLedger(ctx)
}

// checkFolder reports whether the folder can hold a ledger.
func (k *checker) checkFolder() bool {
	const subject = "ledger folder"
	path, err := filepath.Abs(k.Database)
	if err != nil {
		k.fail(subject, "", "%v", err)
		return false
	}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	switch {
	case isMissing(err):
		k.fail(subject, "Create it, or set DATABASE to another path.", "the folder %s doesn't exist", folder)
		return false
	case err != nil:
		k.fail(subject, "", "%v", diagnosis.Cause(err))
		return false
	case !info.IsDir():
		k.fail(subject, "Set DATABASE to another path.", "%s is not a folder", folder)
		return false
	case unix.Access(folder, unix.W_OK|unix.X_OK) != nil:
		k.fail(subject, "Give it to this user (chown), or set DATABASE to another path.", "user %d can't write in %s",
			os.Getuid(), folder)
		return false
	}
	if info.Mode().Perm()&0o002 != 0 {
		k.warn(subject, "Run: chmod o-w "+folder, "every user of this machine can write in %s, and could replace your ledger",
			folder)
	}
	if free, err := storage.Free(folder); err == nil && free < storage.MinFree {
		k.fail(subject, "Free up space.", "%.1f MB are free in %s, but an order needs %d MB", float64(free)/(1<<20), folder,
			storage.MinFree>>20)
		return false
	}
	return true
}

// readLedger notes the ledger's account and its server, and warns about a pause.
func (k *checker) readLedger(ctx context.Context) {
	found, err := readSummary(ctx, k.Database)
	if err != nil {
		return // the ledger has a line already
	}
	k.account, k.noted = found.CoCalc, found.Address
	if p := found.Pause; p != nil {
		k.warn("buying", "Once fixed, run `bot resume REASON`.", "paused since %s: %s",
			p.Since.In(k.Timezone.Location).Format("Jan 2, 2006, 3:04 PM"),
			bot.ReasonsWords(p, bot.Reader{Admin: true, Zone: k.Timezone.Location}))
	}
}
