package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// cache keeps answers of Slack or CoCalc by key. Concurrent callers with the same key share one request. It may be used
// concurrently.
type cache[K comparable, V any] struct {
	fetch func(ctx context.Context, key K) (V, error) // asks
	now   func() time.Time
	life  cacheLife

	calls singleflight.Group

	mu           sync.Mutex
	entries      map[K]cacheEntry[V]
	failed       map[K]time.Time // the last question without an answer
	limitedUntil time.Time       // Slack limits the rate: no questions before
	sweeping     bool            // a sweep is planned
}

// cacheLife says how long a cache uses answers.
type cacheLife struct {
	fresh   time.Duration // an answer is used without another question
	kept    time.Duration // an answer is used while there is no newer one; not shorter than fresh
	timeout time.Duration // of a question
	retry   time.Duration // the pause after a question without an answer
	max     int           // answers kept before those that are too old to use are dropped at once
	// fromAnswer counts these times from the answer, not from the question. It is for answers that may take longer than
	// they are fresh.
	fromAnswer bool
}

// cacheEntry is an answer.
type cacheEntry[V any] struct {
	value V
	began time.Time // the time of the question: later changes may be missing
	at    time.Time // its age counts from here
}

var (
	// errTooSlow says that a question had no answer within the timeout of its cache.
	errTooSlow = errors.New("no answer in time")
	// errNotAsked says that a question has to wait for the end of a pause or of a rate limit.
	errNotAsked = errors.New("no question may be asked yet")
)

func newCache[K comparable, V any](fetch func(context.Context, K) (V, error), now func() time.Time,
	life cacheLife,
) *cache[K, V] {
	return &cache[K, V]{
		fetch: fetch, now: now, life: life, entries: map[K]cacheEntry[V]{}, failed: map[K]time.Time{},
	}
}

// get returns a fresh answer. It waits for the answer to a question that is under way, or asks one itself. The error is
// that of fetch, which wraps errTooSlow after a timeout, or errNotAsked.
func (c *cache[K, V]) get(ctx context.Context, key K) (V, error) {
	if value, ok := c.recent(key, c.life.fresh); ok {
		return value, nil
	}
	value, err, _ := c.calls.Do(fmt.Sprint(key), func() (any, error) { return c.ask(ctx, key) })
	if err != nil {
		var none V
		return none, err
	}
	return value.(V), nil
}

// answered is the channel of a question that needs no waiting.
var answered = func() <-chan singleflight.Result {
	c := make(chan singleflight.Result)
	close(c)
	return c
}()

// refresh begins a question unless there is a fresh answer, one is under way, or none may be asked now. The channel
// can be read once there is an answer, or none. A caller reads it once.
func (c *cache[K, V]) refresh(ctx context.Context, key K) <-chan singleflight.Result {
	if _, ok := c.recent(key, c.life.fresh); ok {
		return answered
	}
	return c.calls.DoChan(fmt.Sprint(key), func() (any, error) { return c.ask(ctx, key) })
}

// ask asks about a key and keeps the answer. It returns a fresh answer that has come meanwhile, and errNotAsked while
// no question may be asked. It runs once for a key at a time.
func (c *cache[K, V]) ask(ctx context.Context, key K) (value V, err error) {
	if value, ok := c.recent(key, c.life.fresh); ok {
		return value, nil
	}
	if !c.mayAsk(key) {
		return value, errNotAsked
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.life.timeout)
	defer cancel()
	began := c.now()
	value, err = c.fetch(ctx, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.prune()
	if err != nil {
		c.failed[key] = c.now()
		if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRateLimited {
			c.limitedUntil = c.now().Add(answer.Wait)
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", errTooSlow, err)
		}
		return value, err
	}
	at := began
	if c.life.fromAnswer {
		at = c.now()
	}
	c.store(key, cacheEntry[V]{value, began, at})
	return value, nil
}

// mayAsk reports whether a question may be asked now: not soon after one without an answer, nor while Slack limits the
// rate.
func (c *cache[K, V]) mayAsk(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := c.now().Sub(c.failed[key])
	return (age < 0 || age >= c.life.retry) && !c.now().Before(c.limitedUntil)
}

// learn keeps an answer that came with an answer about many, whose question began at a time.
func (c *cache[K, V]) learn(key K, value V, began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(key, cacheEntry[V]{value, began, began})
}

// store keeps an answer, unless there is the answer to a later question. c.mu is held.
func (c *cache[K, V]) store(key K, e cacheEntry[V]) {
	delete(c.failed, key)
	if old, ok := c.entries[key]; ok && old.began.After(e.began) && !old.began.After(c.now()) {
		return
	}
	c.entries[key] = e
	c.planSweep()
}

// planSweep plans to drop what will be too old, also if nothing is asked then: a list of all licenses is large. c.mu is
// held.
func (c *cache[K, V]) planSweep() {
	if c.sweeping {
		return
	}
	c.sweeping = true
	time.AfterFunc(c.life.kept, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sweeping = false
		c.dropOld()
		if len(c.entries) > 0 {
			c.planSweep()
		}
	})
}

// dropOld drops answers that are too old to be used. c.mu is held.
func (c *cache[K, V]) dropOld() {
	maps.DeleteFunc(c.entries, func(_ K, e cacheEntry[V]) bool { return !c.isWithin(e, c.life.kept) })
}

// last returns the last answer, unless it is too old to be used.
func (c *cache[K, V]) last(key K) (value V, ok bool) { return c.recent(key, c.life.kept) }

// recent returns the last answer if it is younger than age.
func (c *cache[K, V]) recent(key K, age time.Duration) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok || !c.isWithin(e, age) {
		return value, false
	}
	return e.value, true
}

// isWithin reports whether an answer is younger than age. An answer with a time in the future (the clock was set back)
// is not.
func (c *cache[K, V]) isWithin(e cacheEntry[V], age time.Duration) bool {
	past := c.now().Sub(e.at)
	return past >= 0 && past < age
}

// limited returns how long to send no questions to Slack; 0 if there is no limit.
func (c *cache[K, V]) limited() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.limitedUntil.Sub(c.now()), 0)
}

// forget drops the answer about a key, which something has changed.
func (c *cache[K, V]) forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// prune drops answers that are too old to be used, when there are many. c.mu is held.
func (c *cache[K, V]) prune() {
	if len(c.entries) > c.life.max {
		c.dropOld()
	}
	if len(c.failed) > c.life.max {
		clear(c.failed)
	}
}

// waitAll waits until all questions have been answered, for answerWait at most, and not longer than half of the time
// that ctx has left: the other half is for what is decided then.
func waitAll(ctx context.Context, questions ...<-chan singleflight.Result) {
	wait := answerWait
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end)/2)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for _, q := range questions {
		select {
		case <-q:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// licenseCache shares reads of the account's licenses between people who ask at the same time: in an outage in which
// everyone looks at the list, CoCalc gets one request, not a hundred. Nothing is bought or decided from it.
type licenseCache struct {
	desk  Desk
	lists *cache[licenseKey, []purchase.LicenseEntry]
	ones  *cache[licenseKey, purchase.LicenseEntry]
}

// licenseKey is a license, or the whole list without an id. The number of the ledger's last purchase is a part of it:
// an answer from before a purchase is not shown after it.
type licenseKey struct {
	id     string
	bought int
}

// newLicenseCache returns an empty cache. An answer is shown for five seconds, and CoCalc may take 30 s for it.
func newLicenseCache(desk Desk, account Account, now func() time.Time) *licenseCache {
	life := cacheLife{fresh: 5 * time.Second, kept: 5 * time.Second, timeout: 30 * time.Second, fromAnswer: true}
	forOne := life
	forOne.max = 100
	return &licenseCache{
		desk: desk,
		lists: newCache(func(ctx context.Context, _ licenseKey) ([]purchase.LicenseEntry, error) {
			return account.Licenses(ctx)
		}, now, life),
		ones: newCache(func(ctx context.Context, k licenseKey) (purchase.LicenseEntry, error) {
			return account.License(ctx, k.id)
		}, now, forOne),
	}
}

// list returns all licenses of the account. The caller must not change them.
func (c *licenseCache) list(ctx context.Context) ([]purchase.LicenseEntry, error) {
	log, err := c.desk.History(ctx, 1, 0)
	if err != nil {
		return nil, err
	}
	return c.lists.get(ctx, licenseKey{bought: log.Total})
}

// one returns one license of the account.
func (c *licenseCache) one(ctx context.Context, id string) (purchase.LicenseEntry, error) {
	log, err := c.desk.History(ctx, 1, 0)
	if err != nil {
		return purchase.LicenseEntry{}, err
	}
	return c.ones.get(ctx, licenseKey{id, log.Total})
}

// newRenewals caches what CoCalc says of subscriptions.
func newRenewals(account Account, now func() time.Time) *cache[struct{}, purchase.Renewals] {
	return newCache(func(ctx context.Context, _ struct{}) (purchase.Renewals, error) {
		return account.Renewals(ctx)
	}, now, renewalsLife)
}

// renewalsLife is how long CoCalc's list of subscriptions is shown, and how long the budget report waits for it.
var renewalsLife = cacheLife{fresh: time.Minute, kept: time.Minute, timeout: 5 * time.Second, max: 1}

// newSimilar caches which active licenses give the same as one that is asked for, by similarTo. Many orders for the
// same ask CoCalc once.
func newSimilar(account Account, now func() time.Time) *cache[purchase.Spec, []purchase.License] {
	return newCache(account.Similar, now, similarLife)
}

// similarLife is how long a list of similar licenses is shown, and how long approvers wait for it.
var similarLife = cacheLife{fresh: time.Minute, kept: time.Minute, timeout: 5 * time.Second, max: 100}

// similarTo returns what licenses have in common with one that is asked for, if they give the same.
func similarTo(spec purchase.Spec) purchase.Spec {
	return purchase.Spec{RAM: spec.RAM, CPU: spec.CPU, Member: spec.Member, Uptime: spec.Uptime}
}

// newEvidence caches what CoCalc shows of orders, since its list of purchases may be read fifteen times a minute only,
// and the buyer needs that.
func newEvidence(desk Desk, now func() time.Time) *cache[purchase.OrderID, purchase.Evidence] {
	return newCache(func(ctx context.Context, id purchase.OrderID) (purchase.Evidence, error) {
		v, err := desk.View(ctx, id)
		if err != nil {
			return purchase.Evidence{}, err
		}
		return desk.Evidence(ctx, v.Order), nil
	}, now, evidenceLife)
}

// evidenceLife is how long the same evidence is shown, and how long CoCalc may take for it.
var evidenceLife = cacheLife{fresh: 10 * time.Second, kept: 10 * time.Second, timeout: 20 * time.Second, max: 100}
