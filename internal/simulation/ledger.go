package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"runtime"
	"time"

	"licensebot/purchase"
	"licensebot/storage"
)

// ledger is the real one for a program that can die before or after each transaction, and whose disk can be full. Every
// transaction is checked inside, by a witness.
type ledger struct {
	*storage.Bolt
	life *life
}

func (l *ledger) View(ctx context.Context, read func(purchase.Reader) error) error {
	if l.life.ctx.Err() != nil {
		return errDead
	}
	return l.Bolt.View(ctx, read)
}

// Room is asked before an order is made.
func (l *ledger) Room(ctx context.Context) error {
	l.life.apart(ctx, 0)
	if l.life.w.weather("ledger", Full, time.Now()) != nil {
		return purchase.ErrFull
	}
	return l.Bolt.Room(ctx)
}

func (l *ledger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	turn := site()
	l.life.apart(ctx, turn)
	if err := l.life.meet("before a transaction"); err != nil {
		return err
	}
	if full := l.life.w.weather("ledger", Full, time.Now()); full != nil && l.life.w.luck("ledger", nil).IntN(100) < full.Percent {
		l.life.w.tally(func(s *Summary) { s.Faults++ })
		return fmt.Errorf("%w, says the simulation", purchase.ErrFull)
	}
	n := l.life.w.count("transactions")
	var seen *witness
	err := l.Bolt.Update(ctx, func(w purchase.Writer) error {
		seen = &witness{Writer: w, life: l.life}
		if err := change(seen); err != nil {
			return err
		}
		return seen.look()
	})
	if err != nil {
		return err
	}
	for _, wrong := range seen.wrongs {
		l.life.w.wrong("%s", wrong)
	}
	l.life.apart(ctx, uint64(n)) // those that shared a commit go on one after the other
	return l.life.meet("after a transaction")
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

// apart lets a few microseconds pass, so that goroutines which run in the same instant get an order that does not depend
// on Go's scheduler.
func (l *life) apart(ctx context.Context, turn uint64) {
	_ = l.sleep(ctx, time.Duration(1+turn%197)*time.Microsecond+time.Duration(answering(ctx).delivery%500)*1013)
}
