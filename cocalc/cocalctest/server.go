package cocalctest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Generation is the kind of CoCalc that a server is.
type Generation int

const (
	// Current sells licenses for the account's credit, through purchases/shopping-cart-checkout.
	Current Generation = iota
	// Older is CoCalc until November 2024: checkout is shopping/cart/checkout, charges a card item by item, and
	// requires a captcha unless the account is a partner's. It has no purchases endpoints.
	Older
	// WithoutLicenses is a CoCalc that replaced licenses by memberships: it has no endpoints for the cart and licenses.
	WithoutLicenses
	// Successor is CoCalc's successor: it sells memberships to people who are signed in, and API keys have no access to
	// money.
	Successor
	// Moved is a server that redirects every request to another host: see Config.MovedTo.
	Moved
)

// Config configures a new server. The zero value is a current CoCalc on the real clock.
type Config struct {
	Now           func() time.Time // nil: time.Now, which is the fake clock under testing/synctest
	Seed          uint64           // of the IDs, keys and UUIDs: the same seed gives the same ones
	CheckoutTakes time.Duration    // from reading the cart to the commit, when another checkout buys twice; 0: 40 ms
	// EditTakes is the time from reading a license to writing it, when another edit, renewal or resumption is charged
	// for the same; 0: 20 ms.
	EditTakes  time.Duration
	Generation Generation
	// Keep is called with a Snapshot after every change of it, before the caller gets an answer; nil: snapshots are not
	// kept.
	Keep        func(snapshot []byte)
	MovedTo     string // Moved: the address to which it redirects; empty: "https://cocalc.ai"
	Unthrottled bool   // no rate limits: for tests in which minutes pass within seconds
	// Renewals lets the server run its renewal job every 5 minutes: each request first runs the rounds that were due
	// since the one before. Without it, only RunRenewals does.
	Renewals bool
}

// defaultCheckoutTakes is within the measured range of 15 to 60 ms.
const defaultCheckoutTakes = 40 * time.Millisecond

// Server is a CoCalc. It is an http.Handler, and safe for concurrent use.
type Server struct {
	now         func() time.Time
	generation  Generation
	unthrottled bool
	movedTo     string
	endpoints   map[string]endpoint
	successors  map[string]successorRoute

	zippers sync.Pool // of *gzip.Writer: creating one costs more than what it compresses here
	keeper  func([]byte)
	keeping sync.Mutex // held while a snapshot is passed to Keep, so that snapshots stay in order
	kept    []byte

	quit    chan struct{} // closed by Close, which ends all waits
	once    sync.Once
	running underWay // running requests, including those whose caller is gone

	mu            sync.Mutex // guards the fields below; never held during a wait
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
	sessions      map[string]*account // by the value of their cookie; only of a successor
	tiers         []MembershipTier    // only of a successor
	checkoutTakes []time.Duration     // used in turn; the last one repeats
	editTakes     time.Duration
	renewals      bool
	lastRound     time.Time // of the renewal job
}

// New returns a server without accounts.
func New(config Config) *Server {
	now := config.Now
	if now == nil {
		now = time.Now
	}
	s := &Server{
		// The server's times have a resolution of milliseconds.
		now:    func() time.Time { return now().UTC().Truncate(time.Millisecond) },
		keeper: config.Keep, generation: config.Generation, unthrottled: config.Unthrottled, quit: make(chan struct{}),
		ids:     newIDSource(config.Seed),
		movedTo: config.MovedTo, sessions: map[string]*account{}, tiers: membershipTiers(),
		throttles: map[throttleKey][]time.Time{}, checkoutTakes: []time.Duration{config.CheckoutTakes},
		editTakes: cmp.Or(config.EditTakes, defaultEditTakes),
	}
	if config.CheckoutTakes == 0 {
		s.checkoutTakes[0] = defaultCheckoutTakes
	}
	s.renewals, s.lastRound = config.Renewals, s.now()
	s.endpoints, s.successors = s.table(), s.successorRoutes()
	return s
}

// SetCheckoutTakes sets how long the next checkouts take from reading the cart to the commit, in turn; the last
// duration is used for all that follow. It panics without a duration.
func (s *Server) SetCheckoutTakes(durations ...time.Duration) {
	if len(durations) == 0 {
		panic("cocalctest: SetCheckoutTakes needs a duration")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkoutTakes = append([]time.Duration(nil), durations...)
}

// takeCheckoutTime returns how long this checkout takes. The caller holds the lock.
func (s *Server) takeCheckoutTime() time.Duration {
	d := s.checkoutTakes[0]
	if len(s.checkoutTakes) > 1 {
		s.checkoutTakes = s.checkoutTakes[1:]
	}
	return d
}

// Close ends all waits, and returns once no request is running. Work that a waiting request had not begun is not done.
func (s *Server) Close() {
	s.once.Do(func() { close(s.quit) })
	s.running.Wait()
}

// Wait returns once no request is running, including those whose callers hung up.
func (s *Server) Wait() { s.running.Wait() }

// sleep waits; it returns false if the server is closing.
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

// Start serves on a free port of the loopback interface until the test ends, and returns the address:
// "http://127.0.0.1:1234".
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

// underWay counts running requests. Unlike with a sync.WaitGroup, a request may begin during Wait.
type underWay struct {
	mu    sync.Mutex
	n     int
	ended chan struct{} // closed when n is 0 again; nil if nothing waits
}

// Add adds n running requests; n may be negative.
func (u *underWay) Add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n += n; u.n == 0 && u.ended != nil {
		close(u.ended)
		u.ended = nil
	}
}

// Done removes one running request.
func (u *underWay) Done() { u.Add(-1) }

// Wait returns when no request is running.
func (u *underWay) Wait() {
	u.mu.Lock()
	if u.n == 0 {
		u.mu.Unlock()
		return
	}
	if u.ended == nil {
		u.ended = make(chan struct{})
	}
	ended := u.ended
	u.mu.Unlock()
	<-ended
}

// idSource generates everything that must be unique. The same seed gives the same sequence.
type idSource struct {
	random                                *rand.Rand
	item, purchase, subscription, keyRows int64
}

func newIDSource(seed uint64) *idSource {
	return &idSource{random: rand.New(rand.NewPCG(seed, 0xc0ca1c))}
}

// next increments a sequence and returns its number.
func next(sequence *int64) int64 {
	*sequence++
	return *sequence
}

// uuid returns a random UUID (version 4).
func (s *idSource) uuid() string {
	hi, lo := s.random.Uint64(), s.random.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1))
}

const base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// key returns the secret of a new API key: "sk-", 16 random characters, and the ID of its row in six digits of base 62.
func (s *idSource) key(row int64) string {
	secret := []byte("sk-")
	for range 16 {
		secret = append(secret, base62[s.random.IntN(len(base62))])
	}
	return string(secret) + keySuffix(row)
}

const base64URL = base62 + "-_"

// successorKey returns the secret of a new API key of the successor: its prefix, an ID of 16 characters, and 43 random
// characters.
func (s *idSource) successorKey() string {
	secret := []byte(successorPrefix)
	for _, n := range []int{16, 43} {
		secret = append(secret, '.')
		for range n {
			secret = append(secret, base64URL[s.random.IntN(len(base64URL))])
		}
	}
	return string(secret)
}

func keySuffix(row int64) string {
	suffix := []byte("000000")
	for i := len(suffix) - 1; row > 0 && i >= 0; i-- {
		suffix[i] = base62[row%62]
		row /= 62
	}
	return string(suffix)
}
