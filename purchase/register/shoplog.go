package register

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// retold is the pause between two log lines about the same outage or refusal.
const retold = time.Minute

// loggedShop is a shop that logs refusals with CoCalc's words, and outages with one line at the start, one a minute and
// one at the end.
type loggedShop struct {
	purchase.Shop
	log zerolog.Logger
	now func() time.Time
	// heardOf gets every error of CoCalc's, and nil for an answer that proves that CoCalc works. It must not block.
	heardOf func(*cocalc.Error)

	mu        sync.Mutex
	down      time.Time // since when CoCalc is down; zero when it is not
	told      time.Time // when it was logged last
	refusal   string    // the last one, and when it was logged
	refusedAt time.Time
}

// noteAnswer logs what an answer of CoCalc shows about it, and returns err. proof means that an answer without an error
// shows that CoCalc works; some lists are empty when it doesn't.
func (s *loggedShop) noteAnswer(ctx context.Context, proof bool, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := errors.AsType[*cocalc.Error](err)
	if ok && !errors.Is(err, context.Canceled) || err == nil && proof {
		s.heardOf(e)
	}
	switch {
	case err == nil:
		if proof && !s.down.IsZero() {
			s.log.Info().Int64("down_ms", s.now().Sub(s.down).Milliseconds()).Msg("reach CoCalc again")
			s.down, s.told = time.Time{}, time.Time{}
		}
	case !ok || errors.Is(err, context.Canceled):
	case IsDown(e):
		s.logOutage(e)
	case e.Outcome == cocalc.Rejected && e.Kind != cocalc.NotFound:
		s.logRefusal(ctx, e)
	}
	return err
}

// IsDown reports whether CoCalc, or the connection to it, does not work. A wrong key looks like a database that is
// down.
func IsDown(e *cocalc.Error) bool {
	return e.Kind == cocalc.NotSignedIn || e.Kind != cocalc.Throttled && e.Outcome != cocalc.Rejected
}

// logOutage logs that CoCalc is down. s.mu must be held.
func (s *loggedShop) logOutage(e *cocalc.Error) {
	now := s.now()
	message := "wait for CoCalc: it is still down"
	if s.down.IsZero() {
		s.down, message = now, "lose CoCalc: it is down, or does not accept the key"
	} else if past := now.Sub(s.told); past >= 0 && past < retold {
		return
	}
	s.told = now
	s.log.Warn().Err(e).Str("endpoint", e.Op).Int64("down_ms", now.Sub(s.down).Milliseconds()).Msg(message)
}

// logRefusal logs a refusal with CoCalc's words. s.mu must be held.
func (s *loggedShop) logRefusal(ctx context.Context, e *cocalc.Error) {
	now := s.now()
	log := zerolog.Ctx(ctx) // the order's, if there is one
	if log.GetLevel() == zerolog.Disabled {
		log = &s.log
	}
	key := e.Op + " " + e.Text
	if past := now.Sub(s.refusedAt); key == s.refusal && past >= 0 && past < retold {
		log.Debug().Str("endpoint", e.Op).Str("words", purchase.ShortenIDs(e.Text)).Msg("read the same refusal from CoCalc")
		return
	}
	s.refusal, s.refusedAt = key, now
	log.Warn().Str("endpoint", e.Op).Str("words", purchase.ShortenIDs(e.Text)).Int("status", e.Status).
		Msg("read a refusal from CoCalc")
}

// WhoAmI implements Shop, like all methods below.
func (s *loggedShop) WhoAmI(ctx context.Context) (cocalc.Account, error) {
	a, err := s.Shop.WhoAmI(ctx)
	return a, s.noteAnswer(ctx, true, err)
}

func (s *loggedShop) Store(ctx context.Context) (cocalc.Store, error) {
	store, err := s.Shop.Store(ctx)
	return store, s.noteAnswer(ctx, false, err) // the client caches it
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

// Diagnose logs nothing: the desk logs what changed.
func (s *loggedShop) Diagnose(ctx context.Context) cocalc.Diagnosis { return s.Shop.Diagnose(ctx) }
