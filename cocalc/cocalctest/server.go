package cocalctest

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// Generation says which CoCalc a server is.
type Generation int

const (
	// Current sells licenses for credit on the account, through purchases/shopping-cart-checkout.
	Current Generation = iota
	// Older is CoCalc until November 2024: checkout is shopping/cart/checkout, charges a card item after item, wants a
	// captcha of everybody who is no partner, and has no purchases endpoints.
	Older
	// WithoutLicenses is a CoCalc that replaced licenses by memberships: the endpoints of cart and licenses are gone.
	WithoutLicenses
	// Successor is CoCalc's successor: it sells memberships to people who are signed in, and API keys see nothing of
	// money.
	Successor
	// Moved is a server that leads everybody to another host: see Config.MovedTo.
	Moved
)

// Config is how a server begins. The zero value is a current CoCalc on the real clock.
type Config struct {
	Now           func() time.Time // nil: time.Now, which is the fake clock under testing/synctest
	Seed          uint64           // of the ids, keys and uuids: the same seed gives the same ones
	CheckoutTakes time.Duration    // from reading the cart to the commit, the window of the double buy; 0: 40 ms
	Generation    Generation
	// Keep is called with a Snapshot after every change of it, before the caller gets an answer. Nil: nothing is
	// stored.
	Keep        func(snapshot []byte)
	MovedTo     string // Moved: the address that it leads to; empty: "https://cocalc.ai"
	Unthrottled bool   // no rate limit: for tests that let minutes pass in seconds
}

// defaultCheckoutTakes lies in what was measured: 15 to 60 ms.
const defaultCheckoutTakes = 40 * time.Millisecond

// Server is a CoCalc. It is an http.Handler, and safe for use by several goroutines.
type Server struct {
	now         func() time.Time
	generation  Generation
	unthrottled bool
	movedTo     string
	endpoints   map[string]endpoint
	successors  map[string]successorRoute

	zippers sync.Pool // of *gzip.Writer: creating one costs more than what it compresses here
	keeper  func([]byte)
	keeping sync.Mutex // held while a snapshot is kept, so that they are kept in order
	kept    []byte

	quit    chan struct{} // closed by Close, which ends all waits
	once    sync.Once
	running underWay // requests under way, including those whose caller is gone

	mu            sync.Mutex // guards all that follows; never held while something waits
	ids           *idSource
	accounts      []*account
	keys          []*apiKey
	items         []*cartItem // by id
	licenses      []*license
	purchases     []*purchase
	subscriptions []*subscription
	throttles     map[throttleKey][]time.Time
	faults        []*ArmedFault
	requests      []*Request
	strikes       []Strike
	sessions      map[string]*account // by the value of their cookie; of a successor
	tiers         []MembershipTier    // of a successor
	checkoutTakes []time.Duration     // used in turn, the last one for ever
}

// New makes a server without accounts.
func New(config Config) *Server {
	now := config.Now
	if now == nil {
		now = time.Now
	}
	s := &Server{
		// What the server shows of a moment ends at its milliseconds.
		now:    func() time.Time { return now().UTC().Truncate(time.Millisecond) },
		keeper: config.Keep, generation: config.Generation, unthrottled: config.Unthrottled, quit: make(chan struct{}),
		ids:     newIDSource(config.Seed),
		movedTo: config.MovedTo, sessions: map[string]*account{}, tiers: membershipTiers(),
		throttles: map[throttleKey][]time.Time{}, checkoutTakes: []time.Duration{config.CheckoutTakes},
	}
	if config.CheckoutTakes == 0 {
		s.checkoutTakes[0] = defaultCheckoutTakes
	}
	s.endpoints, s.successors = s.table(), s.successorRoutes()
	return s
}

// SetCheckoutTakes says how long the coming checkouts take from reading the cart to the commit, in turn; the last
// duration holds for all that follow. It panics without a duration.
func (s *Server) SetCheckoutTakes(durations ...time.Duration) {
	if len(durations) == 0 {
		panic("cocalctest: SetCheckoutTakes needs a duration")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkoutTakes = append([]time.Duration(nil), durations...)
}

// takeCheckoutTime is how long this checkout takes. The caller holds the lock.
func (s *Server) takeCheckoutTime() time.Duration {
	d := s.checkoutTakes[0]
	if len(s.checkoutTakes) > 1 {
		s.checkoutTakes = s.checkoutTakes[1:]
	}
	return d
}

// Close wakes everything that waits and returns when no request is under way any more. What a waiting request wanted to
// do does not happen.
func (s *Server) Close() {
	s.once.Do(func() { close(s.quit) })
	s.running.Wait()
}

// Wait returns when no request is under way, including those whose callers hung up.
func (s *Server) Wait() { s.running.Wait() }

// sleep waits; false says that the server is closing.
func (s *Server) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.quit:
		return false
	}
}

// TB is the part of testing.TB that Start needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start serves on a free port of the loopback until the test ends, and returns the address ("http://127.0.0.1:1234").
func (s *Server) Start(tb TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listen for the simulated CoCalc: %v", err)
	}
	// The recorded server closed idle connections after five seconds.
	server := &http.Server{Handler: s, IdleTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		_ = server.Close()
		s.Close()
		<-ended
	})
	return "http://" + listener.Addr().String()
}
