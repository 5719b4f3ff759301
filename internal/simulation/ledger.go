package simulation

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"slices"
	"time"

	"licensebot/purchase"
	"licensebot/storage"
)

// ledger is the real one for a program that can die before or after each transaction, and whose disk can be full. Every
// transaction is checked from inside, by an observer.
type ledger struct {
	*storage.Ledger
	process *process
}

// compactAfter is how many transactions there are until the ledger is compacted again, far more often than in a bot.
const compactAfter = 11

func (l *ledger) View(ctx context.Context, read func(purchase.Reader) error) error {
	if l.process.ctx.Err() != nil {
		return errDead
	}
	if err := l.process.unusable(); err != nil {
		return err
	}
	if err := l.Ledger.View(ctx, read); err != nil {
		return err
	}
	return l.process.unusable() // what was read may be the transaction with an unknown outcome
}

// Room returns an error if the disk is full. The desk calls it before it makes an order.
func (l *ledger) Room(ctx context.Context) error {
	l.process.apart(ctx, 0)
	if err := l.process.unusable(); err != nil {
		return err
	}
	if l.process.w.faultWindow("ledger", Full, time.Now()) != nil {
		return purchase.ErrFull
	}
	return l.Ledger.Room(ctx)
}

func (l *ledger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	turn := site()
	l.process.apart(ctx, turn)
	if err := l.process.meet("before a transaction"); err != nil {
		return err
	}
	if full := l.process.w.faultWindow("ledger", Full, time.Now()); full != nil &&
		l.process.w.faultRNG("ledger", nil).IntN(100) < full.Percent {
		l.process.w.tally(func(s *Summary) { s.Faults++ })
		return fmt.Errorf("%w, says the simulation", purchase.ErrFull)
	}
	n := l.process.w.count("transactions")
	var seen *observer
	var fails *Sync // at this transaction
	looked := false // whether it does
	err := l.Ledger.Update(ctx, func(w purchase.Writer) error {
		if fails == nil {
			if err := l.process.unusable(); err != nil {
				return err
			}
		}
		seen = &observer{Writer: w, process: l.process}
		if err := change(seen); err != nil {
			return err
		}
		if err := seen.check(); err != nil {
			return err
		}
		if !looked { // it may be run again, alone
			looked, fails = true, l.process.w.uncertain()
		}
		if fails != nil {
			l.process.fails(fails)
			if !fails.Kept {
				return errLost
			}
		}
		return nil
	})
	if errors.Is(err, errLost) || err == nil && l.process.unusable() != nil {
		// those that shared the commit are in doubt with it
		l.doubts(ctx, seen, err == nil)
		return fmt.Errorf("%w, says the simulation", purchase.ErrUncertain)
	}
	if err != nil {
		return err
	}
	for _, wrong := range seen.wrongs {
		l.process.w.wrong("%s", wrong)
	}
	if n%compactAfter == 0 {
		if _, err := l.Compact(context.WithoutCancel(ctx)); err != nil {
			l.process.w.wrong("the ledger can't be compacted: %v", err)
		}
	}
	l.process.apart(ctx, uint64(n)) // those that shared a commit go on one after the other
	return l.process.meet("after a transaction")
}

// Here returns an error if the ledger has failed. The desk calls it before it reserves or spends money.
func (l *ledger) Here(ctx context.Context) error {
	if err := l.process.unusable(); err != nil {
		return err
	}
	return l.Ledger.Here(ctx)
}

// doubts notes that an act is in doubt.
func (l *ledger) doubts(ctx context.Context, seen *observer, kept bool) {
	for _, wrong := range seen.wrongs {
		if kept {
			l.process.w.wrong("%s", wrong)
		}
	}
	a := answering(ctx).act
	if a == nil {
		return
	}
	counts := kept && slices.ContainsFunc(seen.events, func(e purchase.Event) bool { return e.Kind != "refused" })
	l.process.w.slack.note(func() {
		// of two deliveries in one commit, the first counts and the second is refused, or neither is in the ledger
		if a.doubt != nil && a.doubt.program == l.process.number {
			counts = counts || a.doubt.counts
		}
		a.doubt = &doubt{counts, time.Now(), l.process.number}
	})
	l.process.w.trace.Log("the disk fails while %s's %q is being written, which is in the ledger: %t", a.who, a.what, kept)
}

// site returns a number for the place in the code that begins a transaction.
func site() uint64 {
	var callers [3]uintptr
	h := fnv.New64a()
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		_, _ = h.Write([]byte(f.Function))
	}
	return h.Sum64()
}

// apart lets a few microseconds pass, so that goroutines which run in the same instant get an order that does not
// depend on Go's scheduler.
func (p *process) apart(ctx context.Context, turn uint64) {
	_ = p.sleep(ctx, time.Duration(1+turn%197)*time.Microsecond+time.Duration(answering(ctx).delivery%500)*1013)
}
