package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilSignal returns a context that ends on Ctrl-C, on SIGTERM, or on SIGHUP when the terminal or session goes away. A
// program started with nohup ignores SIGHUP. A second Ctrl-C or SIGTERM ends the program at once, which the ledger
// survives. A second SIGHUP doesn't, since closing terminals send several.
func UntilSignal() context.Context {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
		// A second receiver, which stays: a SIGHUP that comes while stop removes the first one, or while signal.Ignore sets
		// the signal to be ignored, would end the program.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop)
	return ctx
}

// OutliveReaders keeps the program running when the reader of its output or log goes away. Without it, the Go runtime
// ends a program that writes to such a pipe: a bot would stop in the middle of a purchase when a person stops reading
// its log. Commands that print and end don't call it, so that `bot audit | head` ends quietly.
func OutliveReaders() { signal.Ignore(syscall.SIGPIPE) }
