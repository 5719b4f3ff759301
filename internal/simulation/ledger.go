package simulation

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"time"

	"licensebot/purchase"
	"licensebot/storage"
)

// ledger is the real one for a program that can die before or after each transaction. Every transaction is checked
// inside: what a month has spent and promised stays within its budget.
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
	return l.Bolt.Room(ctx)
}

func (l *ledger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	turn := site()
	l.life.apart(ctx, turn)
	if err := l.life.meet("before a transaction"); err != nil {
		return err
	}
	n := l.life.w.count("transactions")
	var over []string
	err := l.Bolt.Update(ctx, func(w purchase.Writer) error {
		x := &watched{w, purchase.Cents(l.life.w.plan.Budget), nil}
		err := change(x)
		if err == nil {
			over, err = x.over()
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, wrong := range over {
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

// watched notes which budgets are written.
type watched struct {
	purchase.Writer
	limit  purchase.Cents
	months []string
}

func (x *watched) PutBudget(b purchase.Budget) error {
	x.months = append(x.months, b.Month)
	return x.Writer.PutBudget(b)
}

// over says which of them are passed at the end of the transaction.
func (x *watched) over() (wrongs []string, err error) {
	for _, month := range x.months {
		b, err := x.Budget(month)
		if err != nil {
			return nil, err
		}
		if b.Reserved < 0 {
			wrongs = append(wrongs, fmt.Sprintf("%s of %s is reserved", b.Reserved, month))
		}
		sum := b.Spent + b.Reserved
		if sum <= x.limit {
			continue
		}
		excused, err := x.unasked(month)
		if err != nil {
			return nil, err
		}
		if sum > x.limit+excused {
			wrongs = append(wrongs, fmt.Sprintf("%s is spent and %s reserved of %s, whose budget is %s (%s of it was no doing of the bot's)",
				b.Spent, b.Reserved, month, x.limit, excused))
		}
	}
	return wrongs, nil
}

// unasked is what a month has spent by others' doing, against which no reservation helps: what overlapping checkouts
// bought twice, what CoCalc charged otherwise than it said, and what was bought after its order had failed.
func (x *watched) unasked(month string) (sum purchase.Cents, err error) {
	entries, err := x.Purchases(0, 1000)
	if err != nil {
		return 0, err
	}
	for _, p := range entries {
		if p.Month != month {
			continue
		}
		o, err := x.Order(p.Order)
		if err != nil && !errors.Is(err, purchase.ErrNoOrder) {
			return 0, err
		}
		failed, err := x.hasFailed(o.ID)
		if err != nil {
			return 0, err
		}
		if p.Duplicate || p.Correction || failed {
			sum += max(p.Charged, 0)
		}
	}
	return sum, nil
}

func (x *watched) hasFailed(id purchase.OrderID) (bool, error) {
	events, err := x.Events(1, 1<<20)
	for _, e := range events {
		if e.Order == id && e.Kind == string(purchase.Failed) {
			return true, nil
		}
	}
	return false, err
}
