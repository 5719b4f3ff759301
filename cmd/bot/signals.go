package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilTold returns a context that ends when the program is told to stop: by Ctrl-C, SIGTERM, or SIGHUP when its terminal or
// session goes away. A program that was started with nohup goes on after a SIGHUP. A second Ctrl-C or SIGTERM ends the program
// at once, which the ledger can bear; terminals that close send several SIGHUPs, so a second one of these does not.
func untilTold() context.Context {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	nohup := signal.Ignored(syscall.SIGHUP)
	if !nohup {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() {
		stop()
		if !nohup {
			signal.Ignore(syscall.SIGHUP)
		}
	})
	return ctx
}

// outliveReaders keeps the program running when what reads its output or log goes away. Without it the Go runtime ends a
// program that writes to such a pipe: a bot would stop in the middle of a purchase because its log was being looked at.
// Commands that print and end keep that behavior, so that `bot audit | head` ends quietly.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }
