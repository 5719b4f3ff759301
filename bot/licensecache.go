package bot

import (
	"context"
	"time"

	"licensebot/purchase"
)

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
