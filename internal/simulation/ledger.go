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
// transaction is checked inside, by a witness.
type ledger struct {
	*storage.Ledger
	life *life
}

func (l *ledger) View(ctx context.Context, read func(purchase.Reader) error) error {
	if l.life.ctx.Err() != nil {
		return errDead
	}
	if err := l.life.unusable(); err != nil {
		return err
	}
	if err := l.Ledger.View(ctx, read); err != nil {
		return err
	}
	return l.life.unusable() // what was read may be the transaction with an unknown outcome
}

// Room is asked before an order is made.
func (l *ledger) Room(ctx context.Context) error {
	l.life.apart(ctx, 0)
	if err := l.life.unusable(); err != nil {
		return err
	}
	if l.life.w.weather("ledger", Full, time.Now()) != nil {
		return purchase.ErrFull
	}
	return l.Ledger.Room(ctx)
}

func (l *ledger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	turn := site()
	l.life.apart(ctx, turn)
	if err := l.life.meet("before a transaction"); err != nil {
		return err
	}
	if full := l.life.w.weather("ledger", Full, time.Now()); full != nil &&
		l.life.w.luck("ledger", nil).IntN(100) < full.Percent {
		l.life.w.tally(func(s *Summary) { s.Faults++ })
		return fmt.Errorf("%w, says the simulation", purchase.ErrFull)
	}
	n := l.life.w.count("transactions")
	var seen *witness
	var fails *Sync // at this transaction
	looked := false // whether it does
	err := l.Ledger.Update(ctx, func(w purchase.Writer) error {
		if fails == nil {
			if err := l.life.unusable(); err != nil {
				return err
			}
		}
		seen = &witness{Writer: w, life: l.life}
		if err := change(seen); err != nil {
			return err
		}
		if err := seen.look(); err != nil {
			return err
		}
		if !looked { // it may be run again, alone
			looked, fails = true, l.life.w.uncertain()
		}
		if fails != nil {
			l.life.fails(fails)
			if !fails.Kept {
				return errLost
			}
		}
		return nil
	})
	if errors.Is(err, errLost) || err == nil && l.life.unusable() != nil {
		// those that shared the commit are in doubt with it
		l.doubts(ctx, seen, err == nil)
		return fmt.Errorf("%w, says the simulation", purchase.ErrUncertain)
	}
	if err != nil {
		return err
	}
	for _, wrong := range seen.wrongs {
		l.life.w.wrong("%s", wrong)
	}
	l.life.apart(ctx, uint64(n)) // those that shared a commit go on one after the other
	return l.life.meet("after a transaction")
}

// Here is asked before money is promised or spent.
func (l *ledger) Here(ctx context.Context) error {
	if err := l.life.unusable(); err != nil {
		return err
	}
	return l.Ledger.Here(ctx)
}

// doubts notes whose act is in doubt.
func (l *ledger) doubts(ctx context.Context, seen *witness, kept bool) {
	for _, wrong := range seen.wrongs {
		if kept {
			l.life.w.wrong("%s", wrong)
		}
	}
	a := answering(ctx).act
	if a == nil {
		return
	}
	counts := kept && slices.ContainsFunc(seen.events, func(e purchase.Event) bool { return e.Kind != "refused" })
	l.life.w.slack.note(func() { a.doubt = &doubt{counts, time.Now()} })
	l.life.w.story.Tell("the disk fails while %s's %q is being written, which is in the ledger: %t", a.who, a.what, kept)
}

// site tells the places in the code from which transactions are asked for apart.
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
func (l *life) apart(ctx context.Context, turn uint64) {
	_ = l.sleep(ctx, time.Duration(1+turn%197)*time.Microsecond+time.Duration(answering(ctx).delivery%500)*1013)
}
