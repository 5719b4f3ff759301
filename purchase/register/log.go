package register

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// loggedLedger is a ledger that logs each audit record about an order, a pause or a refusal once its transaction is
// durable. A search for an order's id finds its whole course.
type loggedLedger struct {
	purchase.Ledger
	log zerolog.Logger

	mu    sync.Mutex
	since map[purchase.OrderID]time.Time // when each open order entered its state
}

func newLoggedLedger(ledger purchase.Ledger, log zerolog.Logger) *loggedLedger {
	return &loggedLedger{Ledger: ledger, log: log, since: map[purchase.OrderID]time.Time{}}
}

// Update implements purchase.Ledger.
func (c *loggedLedger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	var kept *loggedWriter
	err := c.Ledger.Update(ctx, func(w purchase.Writer) error {
		kept = &loggedWriter{Writer: w, before: c.startedAt, orders: map[purchase.OrderID]writtenOrder{}}
		return change(kept)
	})
	if err == nil && kept != nil {
		for _, e := range kept.events {
			c.logEvent(e, kept.orders[e.Order])
		}
	}
	return err
}

// startedAt returns when the order entered its current state; ok is false if that was in an earlier run.
func (c *loggedLedger) startedAt(id purchase.OrderID) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.since[id]
	return at, ok
}

// logEvent logs an audit record, with the order as it was after the transaction.
func (c *loggedLedger) logEvent(e purchase.Event, k writtenOrder) {
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
		delete(why.Args, "said") // logRefusal logs CoCalc's message
		line = line.Str("cause", purchase.ShortenIDs(why.String()))
	}
	line.Str("by", e.By).Msg(message)
}

// stateDuration returns how long the order was in its previous state, and stores when it entered the current one.
func (c *loggedLedger) stateDuration(e purchase.Event, k writtenOrder, state purchase.State) time.Duration {
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

// loggedWriter is a transaction that collects its orders and audit records for the log.
type loggedWriter struct {
	purchase.Writer
	before func(purchase.OrderID) (time.Time, bool)
	orders map[purchase.OrderID]writtenOrder
	events []purchase.Event
}

// writtenOrder is an order as it was after a transaction, and when it entered its previous state.
type writtenOrder struct {
	order   purchase.Order
	changed time.Time
}

// PutOrder implements purchase.Writer.
func (s *loggedWriter) PutOrder(o purchase.Order) error {
	k, again := s.orders[o.ID]
	if !again {
		at, known := s.before(o.ID)
		if !known {
			if old, err := s.Writer.Order(o.ID); err == nil { // stored by an earlier run
				at = old.Updated
			}
		}
		k.changed = at
	}
	k.order = o
	s.orders[o.ID] = k
	return s.Writer.PutOrder(o)
}

// AppendEvent implements purchase.Writer.
func (s *loggedWriter) AppendEvent(e purchase.Event) error {
	s.events = append(s.events, e)
	return s.Writer.AppendEvent(e)
}

// repeatInterval is the time between two log lines about the same outage or refusal.
const repeatInterval = time.Minute

// loggedShop is a shop that logs refusals with CoCalc's message, and an outage with one line at its beginning, one per
// minute and one at its end.
type loggedShop struct {
	purchase.Shop
	log zerolog.Logger
	now func() time.Time
	// onAnswer is called with every error of CoCalc, and with nil after an answer that proves that CoCalc works. It must
	// not block.
	onAnswer func(*cocalc.Error)

	mu        sync.Mutex
	down      time.Time // when CoCalc went down; zero if it works
	logged    time.Time // when the outage was last logged
	refusal   string    // the last refusal
	refusedAt time.Time // when it was last logged
}

// noteAnswer logs an outage or a refusal that err shows, or the end of an outage, and returns err. proof is set if
// success proves that CoCalc works; some requests also return an empty list if it does not.
func (s *loggedShop) noteAnswer(ctx context.Context, proof bool, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := errors.AsType[*cocalc.Error](err)
	if ok && !errors.Is(err, context.Canceled) || err == nil && proof {
		s.onAnswer(e)
	}
	switch {
	case err == nil:
		if proof && !s.down.IsZero() {
			s.log.Info().Int64("down_ms", s.now().Sub(s.down).Milliseconds()).Msg("reach CoCalc again")
			s.down, s.logged = time.Time{}, time.Time{}
		}
	case !ok || errors.Is(err, context.Canceled):
	case IsDown(e):
		s.logOutage(e)
	case e.Outcome == cocalc.Rejected && e.Kind != cocalc.NotFound:
		s.logRefusal(ctx, e)
	}
	return err
}

// IsDown reports whether an error means that CoCalc, or the connection to it, does not work. A refused key counts too,
// since a failing database of CoCalc looks the same.
func IsDown(e *cocalc.Error) bool {
	return e.Kind == cocalc.NotSignedIn || e.Kind != cocalc.Throttled && e.Outcome != cocalc.Rejected
}

// logOutage logs that CoCalc is down. s.mu must be held.
func (s *loggedShop) logOutage(e *cocalc.Error) {
	now := s.now()
	message := "wait for CoCalc: it is still down"
	if s.down.IsZero() {
		s.down, message = now, "lose CoCalc: it is down, or does not accept the key"
	} else if past := now.Sub(s.logged); past >= 0 && past < repeatInterval {
		return
	}
	s.logged = now
	s.log.Warn().Err(e).Str("endpoint", e.Op).Int64("down_ms", now.Sub(s.down).Milliseconds()).Msg(message)
}

// logRefusal logs a refusal with CoCalc's message. s.mu must be held.
func (s *loggedShop) logRefusal(ctx context.Context, e *cocalc.Error) {
	now := s.now()
	log := zerolog.Ctx(ctx) // the logger of the order, if the context has one
	if log.GetLevel() == zerolog.Disabled {
		log = &s.log
	}
	key := e.Op + " " + e.Text
	if past := now.Sub(s.refusedAt); key == s.refusal && past >= 0 && past < repeatInterval {
		log.Debug().Str("endpoint", e.Op).Str("words", purchase.ShortenIDs(e.Text)).Msg("read the same refusal from CoCalc")
		return
	}
	s.refusal, s.refusedAt = key, now
	log.Warn().Str("endpoint", e.Op).Str("words", purchase.ShortenIDs(e.Text)).Int("status", e.Status).
		Msg("read a refusal from CoCalc")
}

// WhoAmI implements purchase.Shop, like the methods below.
func (s *loggedShop) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	a, err := s.Shop.WhoAmI(ctx)
	return a, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) Store(ctx context.Context) (cocalc.Store, error) {
	store, err := s.Shop.Store(ctx)
	return store, s.noteAnswer(ctx, false, err) // may come from the client's cache
}

func (s *loggedShop) AddToCart(ctx context.Context, description []byte, projectID string) error {
	return s.noteAnswer(ctx, true, s.Shop.AddToCart(ctx, description, projectID))
}

func (s *loggedShop) Cart(ctx context.Context, which cocalc.CartFilter) ([]cocalc.CartItem, error) {
	items, err := s.Shop.Cart(ctx, which)
	return items, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) CartItem(ctx context.Context, id int64) (cocalc.CartItem, error) {
	item, err := s.Shop.CartItem(ctx, id)
	return item, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) SetChecked(ctx context.Context, id int64, checked bool) (bool, error) {
	changed, err := s.Shop.SetChecked(ctx, id, checked)
	return changed, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) RemoveFromCart(ctx context.Context, id int64) (bool, error) {
	removed, err := s.Shop.RemoveFromCart(ctx, id)
	return removed, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) CheckoutParams(ctx context.Context) (cocalc.CheckoutParams, error) {
	params, err := s.Shop.CheckoutParams(ctx)
	return params, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) Checkout(ctx context.Context) error {
	return s.noteAnswer(ctx, true, s.Shop.Checkout(ctx))
}

func (s *loggedShop) Licenses(ctx context.Context) ([]cocalc.License, error) {
	all, err := s.Shop.Licenses(ctx)
	return all, s.noteAnswer(ctx, false, err)
}

func (s *loggedShop) License(ctx context.Context, id string) (cocalc.License, error) {
	l, err := s.Shop.License(ctx, id)
	return l, s.noteAnswer(ctx, false, err)
}

func (s *loggedShop) Purchases(ctx context.Context, filter cocalc.PurchaseFilter) ([]cocalc.PurchaseRow, error) {
	rows, err := s.Shop.Purchases(ctx, filter)
	return rows, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) FindBrokenItem(ctx context.Context) (cocalc.CartItem, error) {
	item, err := s.Shop.FindBrokenItem(ctx)
	return item, s.noteAnswer(ctx, false, err)
}

func (s *loggedShop) Subscriptions(ctx context.Context) ([]cocalc.Subscription, error) {
	all, err := s.Shop.Subscriptions(ctx)
	return all, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) CancelSubscription(ctx context.Context, id int64) error {
	return s.noteAnswer(ctx, true, s.Shop.CancelSubscription(ctx, id))
}

func (s *loggedShop) ResumeSubscription(ctx context.Context, id int64) error {
	return s.noteAnswer(ctx, true, s.Shop.ResumeSubscription(ctx, id))
}

// Diagnose logs nothing: the worker logs what changed.
func (s *loggedShop) Diagnose(ctx context.Context) cocalc.Diagnosis { return s.Shop.Diagnose(ctx) }
