package bot

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"licensebot/purchase"
)

const (
	// shelfFresh is how long a list of licenses is shown before it is read again. Nothing is bought or decided from it.
	shelfFresh = 5 * time.Second
	// shelfWithin is how long CoCalc may take for it.
	shelfWithin = 30 * time.Second
	// mostShelved is how many single licenses are kept.
	mostShelved = 100
)

// licenseCache shares reads of the account's licenses between people who ask at the same time: in an outage in which
// everyone looks at the list, CoCalc gets one request, not a hundred.
type licenseCache struct {
	desk *purchase.Desk
	now  func() time.Time
	same singleflight.Group

	mu   sync.Mutex
	all  shelved[[]purchase.Owned]
	ones map[string]shelved[purchase.Owned]
}

// shelved is an answer of CoCalc, with the number of the ledger's last purchase at that time.
type shelved[V any] struct {
	said   V
	at     time.Time
	bought uint64
}

func (s shelved[V]) fresh(now time.Time, bought uint64) bool {
	past := now.Sub(s.at)
	return !s.at.IsZero() && past >= 0 && past < shelfFresh && s.bought == bought
}

func newLicenseCache(desk *purchase.Desk, now func() time.Time) *licenseCache {
	return &licenseCache{desk: desk, now: now, ones: map[string]shelved[purchase.Owned]{}}
}

// list returns all licenses of the account. The caller must not change them.
func (s *licenseCache) list(ctx context.Context) ([]purchase.Owned, error) {
	bought, err := s.desk.LastPurchase(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	known := s.all
	s.mu.Unlock()
	if known.fresh(s.now(), bought) {
		return known.said, nil
	}
	all, err, _ := s.same.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shelfWithin)
		defer cancel()
		all, err := s.desk.Licenses(ctx)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = shelved[[]purchase.Owned]{all, s.now(), bought}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return all.([]purchase.Owned), nil
}

// one returns one license of the account.
func (s *licenseCache) one(ctx context.Context, id string) (purchase.Owned, error) {
	bought, err := s.desk.LastPurchase(ctx)
	if err != nil {
		return purchase.Owned{}, err
	}
	s.mu.Lock()
	known := s.ones[id]
	s.mu.Unlock()
	if known.fresh(s.now(), bought) {
		return known.said, nil
	}
	one, err, _ := s.same.Do(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shelfWithin)
		defer cancel()
		one, err := s.desk.License(ctx, id)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.ones) >= mostShelved {
			clear(s.ones)
		}
		s.ones[id] = shelved[purchase.Owned]{one, s.now(), bought}
		return one, nil
	})
	if err != nil {
		return purchase.Owned{}, err
	}
	return one.(purchase.Owned), nil
}

// maxReads is how many reads of one kind a person can wait for at a time.
const maxReads = 2

// readLimiter counts how many reads each person waits for.
type readLimiter struct {
	mu      sync.Mutex
	waiting map[string]int // by the kind of read and the person
}

// run runs a read for a person and counts it meanwhile. It does nothing if the person waits for mostReads already.
func (r *readLimiter) run(user string, read func()) {
	if !r.begin(user) {
		return
	}
	defer r.end(user)
	read()
}

// begin counts a read of a person. It returns false if they wait for mostReads already.
func (r *readLimiter) begin(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[user] >= maxReads {
		return false
	}
	r.waiting[user]++
	return true
}

func (r *readLimiter) end(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[user]--; r.waiting[user] == 0 {
		delete(r.waiting, user)
	}
}

// tooManyReadsText is the answer to a person who asks for more.
const tooManyReadsText = "I'm still working on your last requests. Please wait for them before you ask for more."
