package storage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"licensebot/purchase"
)

// appendFill is the fill percentage of pages that only grow at their end. bbolt's default of a half leaves space for
// records in between.
const appendFill = 0.95

// transaction implements purchase.Reader and purchase.Writer.
type transaction struct {
	bundleReader
	budgets *budgetCache
	changed changedBudgets // nil if the transaction only reads
	texts   texts
}

// View implements purchase.Ledger: it calls read with the last committed state. It returns read's error, an error that
// wraps [ErrDamaged] if a record can't be read, or one that wraps purchase.ErrStopped after a failure. A panic of read
// passes to the caller.
func (l *Ledger) View(ctx context.Context, read func(purchase.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.view(func(tx *bbolt.Tx) error {
		return read(&transaction{bundleReader: bundleReader{tx: tx}, budgets: &l.budgets})
	})
}

// Update implements purchase.Ledger: it calls change in a transaction, and returns when that is durable. Updates that
// arrive at the same time share one fsync. Each sees the writes of those before it, and one that fails or panics is
// undone without the others; its change may be called twice.
//
// If the disk is full, the error wraps purchase.ErrFull, nothing was changed, and the ledger works again once there is
// space. After any other failure of the disk the error wraps purchase.ErrUncertain, and the ledger is no longer used:
// see [Ledger.Failed].
func (l *Ledger) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var own error
	err := l.enqueue(func(tx *bbolt.Tx) error {
		own = change(&transaction{bundleReader: bundleReader{tx: tx}, budgets: &l.budgets, changed: l.changed})
		return own
	})
	if err != nil && own == nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return err
}

// MinFree is the free space, in bytes, that the ledger's disk must have before an order is accepted. It is a reserve
// for the orders that were accepted: completing one takes a few pages of 4 KB.
const MinFree = 16 << 20

// Room implements purchase.Ledger. It returns an error that wraps purchase.ErrFull if the ledger's disk has less than
// [MinFree] bytes for another order.
func (l *Ledger) Room(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.checkUsable(); err != nil {
		return err
	}
	free, err := l.room(filepath.Dir(l.path))
	if err != nil {
		return fmt.Errorf("check the free space on the ledger's disk: %w", err)
	}
	if free < MinFree {
		return fmt.Errorf("%w: %.1f MB are free in %s, but a new order needs %d MB", purchase.ErrFull, float64(free)/(1<<20),
			l.path, MinFree>>20)
	}
	return nil
}

// Here implements purchase.Ledger. It returns an error that wraps purchase.ErrAway if the ledger's path no longer leads
// to the open file, by device and inode.
func (l *Ledger) Here(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.checkUsable(); err != nil {
		return err
	}
	if info, err := l.file.Stat(); err != nil || !sameFile(l.file, l.path, info) {
		return fmt.Errorf("%w: %s", purchase.ErrAway, l.path)
	}
	return nil
}

// Free returns how many bytes a program without special rights can still write to the file system of a folder.
func Free(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

func (t *transaction) Order(id purchase.OrderID) (order purchase.Order, err error) {
	defer recoverDamage(&err)()
	order, ok, err := find[purchase.Order](&t.bundleReader, collectionOrders, []byte(id))
	if err == nil && !ok {
		err = t.noOrder(id)
	}
	return order, err
}

// noOrder returns the error about an id without an order.
func (t *transaction) noOrder(id purchase.OrderID) error {
	pruned, ok, err := getJSON[purchase.Pruned](t.tx, bucketMeta, keyPruned)
	switch {
	case err != nil:
		return err
	case ok && pruned.Covers(id):
		return fmt.Errorf("%w: %q", purchase.ErrPruned, id)
	}
	return fmt.Errorf("%w: %q", purchase.ErrNoOrder, id)
}

// find reads a record of a collection; ok is false if there is none.
func find[T any](b *bundleReader, c collection, key []byte) (value T, ok bool, err error) {
	data, ok, err := b.get(c, key)
	if err != nil || !ok {
		return value, false, err
	}
	value, err = unmarshal[T](c.recent, key, data)
	return value, err == nil, err
}

func (t *transaction) OpenOrders() (open []purchase.Order, err error) {
	defer recoverDamage(&err)()
	err = t.tx.Bucket(bucketOpen).ForEach(func(id, _ []byte) error {
		order, ok, err := getJSON[purchase.Order](t.tx, bucketOrders, id)
		if err == nil && !ok {
			err = recordError(bucketOrders, id, "is missing, and the list of %s orders names it", bucketOpen)
		}
		open = append(open, order)
		return err
	})
	return open, err
}

func (t *transaction) Unpublished() (ids []purchase.OrderID, err error) {
	defer recoverDamage(&err)()
	err = t.tx.Bucket(bucketUnpublished).ForEach(func(id, _ []byte) error {
		ids = append(ids, purchase.OrderID(id))
		return nil
	})
	return ids, err
}

func (t *transaction) Orders(before purchase.OrderID, limit int) (orders []purchase.Order, err error) {
	defer recoverDamage(&err)()
	return newestFirst[purchase.Order](t, collectionOrders, []byte(before), limit)
}

// OrdersNamed finds ids that begin with part in their order. Those that end with it are found among the keys of single
// orders, and with the index of ids.
func (t *transaction) OrdersNamed(part string, limit int) (ids []purchase.OrderID, err error) {
	defer recoverDamage(&err)()
	c := t.tx.Bucket(bucketOrders).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if bytes.HasSuffix(k, []byte(part)) {
			ids = insertNewer(ids, purchase.OrderID(k))
		}
	}
	beginning := 0
	for r, err := range t.descend(collectionOrders, append([]byte(part), 0xFF)) {
		if err != nil {
			return nil, err
		}
		if beginning >= limit || !bytes.HasPrefix(r.key, []byte(part)) {
			break
		}
		beginning++
		ids = insertNewer(ids, purchase.OrderID(r.key))
	}
	bundled, err := ending(t.tx, part)
	if err != nil {
		return nil, err
	}
	for _, id := range bundled {
		ids = insertNewer(ids, id)
	}
	return ids[:min(len(ids), limit)], nil
}

// insertNewer inserts an id into a list of ids with the newest first, unless it is there.
func insertNewer(ids []purchase.OrderID, id purchase.OrderID) []purchase.OrderID {
	at, found := slices.BinarySearchFunc(ids, id, func(a, b purchase.OrderID) int { return cmp.Compare(b, a) })
	if found {
		return ids
	}
	return slices.Insert(ids, at, id)
}

func (t *transaction) Purchases(before uint64, limit int) (entries []purchase.Purchase, err error) {
	defer recoverDamage(&err)()
	var key []byte
	if before > 0 {
		key = number(before)
	}
	return newestFirst[purchase.Purchase](t, collectionPurchases, key, limit)
}

func (t *transaction) Budgets(limit int) (budgets []purchase.Budget, err error) {
	defer recoverDamage(&err)()
	if err := t.budgets.write(t.tx, t.changed); err != nil {
		return nil, err
	}
	return newestFirst[purchase.Budget](t, collectionBudgets, nil, limit)
}

// newestFirst returns at most limit records with keys below before (any key if before is empty), last key first.
func newestFirst[T any](t *transaction, c collection, before []byte, limit int) (out []T, err error) {
	if limit <= 0 {
		return nil, nil
	}
	for r, err := range t.descend(c, before) {
		if err != nil {
			return nil, err
		}
		value, err := unmarshal[T](c.recent, r.key, r.data)
		if err != nil {
			return nil, err
		}
		if out = append(out, value); len(out) == limit {
			break
		}
	}
	return out, nil
}

func (t *transaction) PurchaseOf(licenseID string) (p purchase.Purchase, ok bool, err error) {
	defer recoverDamage(&err)()
	if licenseID == "" {
		return purchase.Purchase{}, false, nil
	}
	if key := t.tx.Bucket(bucketLicenses).Get([]byte(licenseID)); key != nil {
		p, ok, err = getJSON[purchase.Purchase](t.tx, bucketPurchases, key)
		if err == nil && p.LicenseID != licenseID {
			err = recordError(bucketLicenses, []byte(licenseID), "leads to a purchase of another license")
		}
		return p, ok, err
	}
	return t.bundledPurchaseOf(licenseID)
}

// bundledPurchaseOf returns the first log entry of a license if that is bundled.
func (b *bundleReader) bundledPurchaseOf(licenseID string) (p purchase.Purchase, ok bool, err error) {
	numbers, err := licensed(b.tx, licenseID)
	if err != nil {
		return purchase.Purchase{}, false, err
	}
	for _, n := range numbers {
		p, ok, err := find[purchase.Purchase](b, collectionPurchases, number(n))
		if err == nil && !ok {
			err = recordError(bucketPurchases, number(n), "is missing, and the index of licenses names it")
		}
		if err != nil || p.LicenseID == licenseID {
			return p, err == nil, err
		}
	}
	return purchase.Purchase{}, false, nil
}

func (t *transaction) Budget(month string) (budget purchase.Budget, err error) {
	defer recoverDamage(&err)()
	if changed, ok := t.changed[month]; ok {
		return changed.Budget, nil
	}
	return t.budgets.read(t.tx, month)
}

func (t *transaction) Account() (account purchase.AccountState, err error) {
	defer recoverDamage(&err)()
	account, _, err = getJSON[purchase.AccountState](t.tx, bucketAccount, keyAccount)
	return account, err
}

func (t *transaction) Events(first uint64, limit int) (events []purchase.Event, err error) {
	defer recoverDamage(&err)()
	if limit <= 0 {
		return nil, nil
	}
	for r, err := range t.ascend(collectionEvents, number(first)) {
		if err != nil {
			return nil, err
		}
		e, err := unmarshal[purchase.Event](bucketEvents, r.key, r.data)
		if err != nil {
			return nil, err
		}
		// The record's own number may have been edited. Verify reports that; readers of all records continue.
		if e.Number, err = numberOf(bucketEvents, r.key); err != nil {
			return nil, err
		}
		if events = append(events, e); len(events) == limit {
			break
		}
	}
	return events, nil
}

func (t *transaction) Head() (head purchase.Event, err error) {
	defer recoverDamage(&err)()
	for r, err := range t.descend(collectionEvents, nil) {
		if err != nil {
			return head, err
		}
		return unmarshal[purchase.Event](bucketEvents, r.key, r.data)
	}
	return head, nil
}

func (t *transaction) PutOrder(o purchase.Order) (err error) {
	defer recoverDamage(&err)()
	id := []byte(o.ID)
	if err := putJSON(t.tx, bucketOrders, id, o); err != nil {
		return err
	}
	if err := t.index(bucketOpen, id, o.Open(), queueValue(o)); err != nil {
		return err
	}
	return t.index(bucketUnpublished, id, o.Stale(), nil)
}

func (t *transaction) index(bucket, key []byte, present bool, value []byte) error {
	if present {
		return t.tx.Bucket(bucket).Put(key, value)
	}
	return t.tx.Bucket(bucket).Delete(key)
}

// queueValue returns the value of an order in the index of open orders: the time of its confirmation in nanoseconds
// since 1970 (0 if it was not confirmed), big-endian, and its state.
func queueValue(o purchase.Order) []byte {
	var confirmed int64
	if !o.Confirmed.IsZero() {
		confirmed = o.Confirmed.UnixNano()
	}
	return append(number(uint64(confirmed)), o.State...)
}

func (t *transaction) Queue() (queue []purchase.QueueEntry, err error) {
	defer recoverDamage(&err)()
	err = t.tx.Bucket(bucketOpen).ForEach(func(id, value []byte) error {
		q := purchase.QueueEntry{ID: purchase.OrderID(id)}
		if len(value) < 8 { // written by an older version, whose index had no values
			order, err := t.Order(q.ID)
			q.State, q.Confirmed = order.State, order.Confirmed
			queue = append(queue, q)
			return err
		}
		if at := int64(binary.BigEndian.Uint64(value)); at != 0 {
			q.Confirmed = time.Unix(0, at)
		}
		q.State = purchase.State(value[8:])
		queue = append(queue, q)
		return nil
	})
	return queue, err
}

func (t *transaction) AddPurchase(p purchase.Purchase) (_ purchase.Purchase, err error) {
	defer recoverDamage(&err)()
	b := t.tx.Bucket(bucketPurchases)
	b.FillPercent = appendFill
	n, err := b.NextSequence()
	if err != nil {
		return p, err
	}
	p.Number = n
	if err := put(b, number(n), p); err != nil {
		return p, err
	}
	if p.LicenseID == "" || t.tx.Bucket(bucketLicenses).Get([]byte(p.LicenseID)) != nil {
		return p, nil // no license, or a correction of the entry that the index names
	}
	if _, known, err := t.bundledPurchaseOf(p.LicenseID); err != nil || known {
		return p, err
	}
	return p, t.tx.Bucket(bucketLicenses).Put([]byte(p.LicenseID), number(n))
}

func (t *transaction) BudgetForChange(month string) (purchase.Budget, error) {
	b, err := t.Budget(month)
	if err == nil && !t.changed[month].owned {
		b.People = maps.Clone(b.People)
		t.changed[month] = changedBudget{b, true}
	}
	return b, err
}

func (t *transaction) PutBudget(b purchase.Budget) error {
	if b.Month == "" { // the commit would fail, for all changes in it
		return errors.New("the budget has no month")
	}
	before := t.changed[b.Month]
	t.changed[b.Month] = changedBudget{b, before.owned && sameMap(before.People, b.People)}
	return nil
}

func (t *transaction) PutAccount(a purchase.AccountState) (err error) {
	defer recoverDamage(&err)()
	return putJSON(t.tx, bucketAccount, keyAccount, a)
}

func (t *transaction) AppendEvent(e purchase.Event) (err error) {
	defer recoverDamage(&err)()
	b := t.tx.Bucket(bucketEvents)
	b.FillPercent = appendFill
	before, err := t.Head()
	if err != nil {
		return err
	}
	e = e.Legible()
	e.Prev = before.Hash
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	e.Number = n
	if e.Hash, err = Hash(e); err != nil {
		return err
	}
	return put(b, number(n), e)
}
