package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"licensebot/purchase"
	"licensebot/purchase/orders"
	"licensebot/purchase/reconcile"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// ordersPerTransaction is how many new orders share a transaction of the ledger, which is compacted after each: as many
// as a team makes in an hour that makes a million in two years. So the ledger has as many free pages as a bot's, which
// compacts it every hour: what was single before a compaction is free after it.
const ordersPerTransaction = 200

// The end of a history is calm, so that the bot that opens the ledger has only people to wait for.
const (
	// calm is how long before the end the last trouble begins: an unknown outcome, or a pause.
	calm = 72 * time.Hour
	// rest is how long before the end the last orders are made that are decided and bought.
	rest = 3 * time.Hour
)

// errNotNew means that the ledger has records already.
var errNotNew = errors.New("a history begins with a new ledger")

// errRepeated means that the ledger runs a transaction again. The history can't make the same orders again.
var errRepeated = errors.New("the ledger could not store a part of the history")

// history is a team at work.
type history struct {
	Options

	ctx      context.Context
	random   *rand.Rand
	now      time.Time
	ledger   batch
	agenda   agenda
	calendar calendar

	reg  *register.Register
	desk *orders.Service
	rec  *reconcile.Reconciler

	rare  rarity
	made  int
	begin time.Time // of the ledger
	last  time.Time // when the last orders are made that are decided
	step  time.Duration

	waits map[purchase.OrderID]bool // orders that wait for a person
	queue []purchase.OrderID        // approved, in the order in which they are bought
	busy  bool                      // an order is being bought
}

// rarity says how rare things are: once in how many orders.
type rarity struct {
	ignored, withdrawn, edited int // cards
	meddled                    int // items in the cart that another person edits
	lost                       int // answers to a checkout
	unlisted                   int // purchases that the list of purchases lacks at first
}

// Create creates a ledger at path and writes a history into it. The ledger must not exist.
func Create(ctx context.Context, path string, o Options) error {
	ledger, err := storage.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(Write(ctx, ledger, o), ledger.Close())
}

// Write writes a history into a new ledger. After an error, the ledger holds a part of the history and is of no use.
func Write(ctx context.Context, ledger purchase.Ledger, o Options) error {
	if o.Orders < 1 || o.Months < 1 || o.Until.IsZero() {
		return fmt.Errorf("a history of %d orders in %d months until %v: all three are needed", o.Orders, o.Months, o.Until)
	}
	return newHistory(ctx, o).write(ledger)
}

// write writes the history into a new ledger, in large transactions.
func (h *history) write(ledger purchase.Ledger) error {
	for done := false; !done; {
		ran := false
		err := ledger.Update(h.ctx, func(w purchase.Writer) error {
			if ran {
				return errRepeated
			}
			ran = true
			h.ledger.begin(w)
			var err error
			if done, err = h.run(); err != nil {
				return err
			}
			return h.ledger.flush()
		})
		if err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
		if err := compact(h.ctx, ledger); err != nil {
			return err
		}
		if h.Progress != nil {
			h.Progress(h.made)
		}
	}
	return nil
}

// compact bundles older records if the ledger does so, as a bot's ledger is: it would be many times larger otherwise.
func compact(ctx context.Context, ledger purchase.Ledger) error {
	l, ok := ledger.(*storage.Ledger)
	if !ok {
		return nil
	}
	_, err := l.Compact(ctx)
	return err
}

func newHistory(ctx context.Context, o Options) *history {
	h := &history{
		Options: o.withDefaults(), ctx: ctx, random: rand.New(rand.NewPCG(o.Seed, 0x1ed6e7)),
		waits: map[purchase.OrderID]bool{},
	}
	h.Until = h.Until.UTC().Truncate(time.Millisecond)
	h.begin = h.Until.AddDate(0, -h.Months, 0)
	h.last = h.Until.Add(-rest)
	h.calendar = newCalendar(h.begin.Add(time.Minute), h.last)
	h.now = h.begin
	h.rare = rarity{ignored: 30, withdrawn: 40, edited: 40, meddled: 150, lost: 1500, unlisted: 100}
	// A purchase has five steps. However many orders there are, buying keeps up with them.
	h.step = min(800*time.Millisecond, h.calendar.total/time.Duration(h.Orders)/10)
	if h.Store == nil {
		h.Store = &forgetful{random: h.random}
	}
	h.reg = register.New(register.Options{
		Ledger: &h.ledger, Shop: account{id: h.AccountID, now: h.clock}, Policy: h.Policy, Timing: h.Timing, Site: h.Site,
		Now: h.clock, NewID: h.newID, Log: zerolog.Nop(), ApprovalsChannel: h.ApprovalsChannel,
	})
	h.desk = orders.New(h.reg)
	h.rec = reconcile.New(h.reg, register.NewSpans(h.reg), nil)
	return h
}

func (h *history) clock() time.Time { return h.now }

// newID returns the id of an order that is made now.
func (h *history) newID() purchase.OrderID {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(h.now)) // fails in the year 10889
	for i := 6; i < len(id); i++ {
		id[i] = byte(h.random.Uint32())
	}
	return purchase.OrderID(id.String())
}

// run continues until it has made as many orders as share a transaction; done is set at the end of the history.
func (h *history) run() (done bool, err error) {
	if h.agenda.added == 0 {
		if err := h.start(); err != nil {
			return false, err
		}
	}
	for most := h.made + ordersPerTransaction; h.made < most; {
		if err := h.ctx.Err(); err != nil {
			return false, err
		}
		next, ok := h.agenda.next(h.Until)
		if !ok {
			return true, h.finish()
		}
		if next.at.After(h.now) {
			h.now = next.at
		}
		if err := next.do(); err != nil {
			return false, fmt.Errorf("%s: %w", h.now.Format(time.RFC3339), err)
		}
		if err := h.deliver(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// start records the account, as the bot does at its first start, and plans the first order and the pauses.
func (h *history) start() error {
	head, err := h.ledger.Head()
	if err != nil {
		return err
	}
	if head.Number > 0 {
		return errNotNew
	}
	if err := h.compare(); err != nil {
		return err
	}
	h.planRequest(h.begin)
	for month := h.begin; month.Before(h.Until.Add(-calm)); month = month.AddDate(0, 3, 0) {
		at := time.Date(month.Year(), month.Month(), 15, 12, h.random.IntN(60), 0, 0, time.UTC)
		if at.Before(h.begin) || at.After(h.Until.Add(-calm)) {
			continue
		}
		h.agenda.add(at, func() error { return h.pause("the books of the quarter are being closed") })
	}
	return nil
}

// finish compares the account with the ledger for the last time.
func (h *history) finish() error {
	if h.busy || len(h.queue) > 0 {
		return fmt.Errorf("%d orders were not bought by the end of the history", len(h.queue)+1)
	}
	if h.made < h.Orders {
		return fmt.Errorf("%d of %d orders were refused: the team is too small for so many in %d months", h.Orders-h.made,
			h.Orders, h.Months)
	}
	h.now = h.Until
	return h.compare()
}

// compare compares the account with the ledger, which explains all of its purchases.
func (h *history) compare() error {
	if _, err := h.rec.VerifyAccount(h.ctx); err != nil {
		return err
	}
	return h.rec.Reconcile(h.ctx)
}

// after plans what happens after a while.
func (h *history) after(pause time.Duration, do func() error) { h.agenda.add(h.now.Add(pause), do) }

// soon returns a random duration.
func (h *history) soon(low, high time.Duration) time.Duration {
	return low + time.Duration(h.random.Int64N(int64(high-low)+1))
}

// odds reports true once in n times.
func (h *history) odds(n int) bool { return h.random.IntN(n) == 0 }

// isCalm reports whether it is too late for trouble that takes long to end.
func (h *history) isCalm() bool { return h.now.After(h.Until.Add(-calm)) }

// refused reports whether an error is a refusal, which the desk has recorded.
func refused(err error) bool { return errors.As(err, new(*purchase.Refusal)) }
