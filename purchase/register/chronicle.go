package register

import (
	"context"
	"maps"
	"sync"
	"time"

	"licensebot/purchase"

	"github.com/rs/zerolog"
)

// loggedLedger is a ledger that logs what it stores: one line for every audit record about an order, a pause or a
// refusal, once the transaction is durable. One search of the log for an order's id shows it from its card to its end.
type loggedLedger struct {
	purchase.Ledger
	log zerolog.Logger

	mu    sync.Mutex
	since map[purchase.OrderID]time.Time // when each open order entered its state
}

func newLoggedLedger(ledger purchase.Ledger, log zerolog.Logger) *loggedLedger {
	return &loggedLedger{Ledger: ledger, log: log, since: map[purchase.OrderID]time.Time{}}
}

// Update implements Ledger.
func (c *loggedLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	var kept *loggedWriter
	err := c.Ledger.Update(ctx, func(w purchase.Writer) error {
		kept = &loggedWriter{Writer: w, before: c.startedAt, orders: map[purchase.OrderID]keptOrder{}}
		return change(kept)
	})
	if err == nil && kept != nil {
		for _, e := range kept.events {
			c.logEvent(e, kept.orders[e.Order])
		}
	}
	return err
}

// startedAt returns when the order entered its present state, if this run saw it.
func (c *loggedLedger) startedAt(id purchase.OrderID) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.since[id]
	return at, ok
}

// logEvent logs one audit record, with the order as the transaction left it.
func (c *loggedLedger) logEvent(e purchase.Event, k keptOrder) {
	state := purchase.State(e.Kind)
	line := c.log.Info()
	message := "record event"
	switch {
	case e.Kind == "paused":
		message = "pause buying"
	case e.Kind == "resumed":
		message = "resume buying"
	case e.Kind == "refused":
		c.log.Info().Str("person", e.By).Str("channel", e.Place).Str("order", string(e.Order)).Str("code", e.Note).
			Msg("refuse request")
		return
	case state.Known() && e.Order != "":
		message = "move order"
		line = line.Str("state", e.Kind).Int64("ms", c.stateDuration(e, k, state).Milliseconds())
	case e.Order == "":
		line = c.log.Debug()
	}
	if message == "record event" {
		line = line.Str("event", e.Kind)
	}
	if e.Order != "" {
		line = line.Str("order", string(e.Order))
	}
	if k.order.ID != "" {
		line = line.Str("person", k.order.Requester.ID).Stringer("price", k.order.Price)
		if r := k.order.Receipt; r != nil && state == purchase.Purchased {
			line = line.Str("license", purchase.ShortID(r.LicenseID))
		}
	}
	if e.Note != "" {
		line = line.Str("note", purchase.ShortenIDs(e.Note))
	} else if e.Code != "" {
		why := e.Cause
		why.Args = maps.Clone(why.Args)
		delete(why.Args, "said") // CoCalc's words have a line of their own
		line = line.Str("cause", purchase.ShortenIDs(why.String()))
	}
	line.Str("by", e.By).Msg(message)
}

// stateDuration returns how long the order was in its previous state, and notes when it entered the present one.
func (c *loggedLedger) stateDuration(e purchase.Event, k keptOrder, state purchase.State) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state.Final() {
		delete(c.since, e.Order)
	} else {
		c.since[e.Order] = e.Time
	}
	if k.changed.IsZero() {
		return 0
	}
	return max(e.Time.Sub(k.changed), 0)
}

// loggedWriter is a transaction that remembers its orders and audit records.
type loggedWriter struct {
	purchase.Writer
	before func(purchase.OrderID) (time.Time, bool)
	orders map[purchase.OrderID]keptOrder
	events []purchase.Event
}

// keptOrder is an order as a transaction left it, and when it had changed before.
type keptOrder struct {
	order   purchase.Order
	changed time.Time
}

// PutOrder implements Writer.
func (s *loggedWriter) PutOrder(o purchase.Order) error {
	k, again := s.orders[o.ID]
	if !again {
		at, known := s.before(o.ID)
		if !known {
			if old, err := s.Writer.Order(o.ID); err == nil { // an order of an earlier run; a new one has none
				at = old.Updated
			}
		}
		k.changed = at
	}
	k.order = o
	s.orders[o.ID] = k
	return s.Writer.PutOrder(o)
}

// AppendEvent implements Writer.
func (s *loggedWriter) AppendEvent(e purchase.Event) error {
	s.events = append(s.events, e)
	return s.Writer.AppendEvent(e)
}
