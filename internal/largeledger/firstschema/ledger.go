package firstschema

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"licensebot/internal/largeledger/history"
	"licensebot/purchase"
)

// The buckets and keys of the first schema. Keys of orders are their ids; keys of numbered records are big-endian.
var (
	bucketMeta        = []byte("meta")
	bucketOrders      = []byte("orders")
	bucketOpen        = []byte("open")
	bucketUnpublished = []byte("unpublished")
	bucketPurchases   = []byte("purchases")
	bucketLicenses    = []byte("licenses")
	bucketBudgets     = []byte("budgets")
	bucketAccount     = []byte("account")
	bucketEvents      = []byte("events")

	buckets = [][]byte{
		bucketMeta, bucketOrders, bucketOpen, bucketUnpublished, bucketPurchases, bucketLicenses, bucketBudgets,
		bucketAccount, bucketEvents,
	}
)

const (
	// appendFill is how full the pages of the numbered records are: nothing is inserted between them.
	appendFill = 0.95
	// growth is the size of the steps, in bytes, in which the file grows.
	growth = 256 << 10
)

// ledger is a new ledger of the first schema while a history is written into it. Orders are written in their old form
// once they are closed; until then, and budgets and the account until the end, they are kept as they are today.
type ledger struct {
	db      *bbolt.DB
	head    purchase.Event
	open    map[purchase.OrderID]purchase.Order
	budgets map[string]purchase.Budget
	account purchase.AccountState
}

// Create creates a ledger of the first schema at path, with a history. The file must not exist. After an error, it is
// of no use.
func Create(ctx context.Context, path string, o history.Options) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	db.AllocSize = growth
	l := &ledger{db: db, open: map[purchase.OrderID]purchase.Order{}, budgets: map[string]purchase.Budget{}}
	err = db.Update(begin)
	if err == nil {
		err = history.Write(ctx, l, o)
	}
	if err == nil {
		err = db.Update(l.finish)
	}
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

// begin creates the buckets and the marks of a ledger of schema version 1.
func begin(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	if err := meta.Put([]byte("application"), []byte("licensebot ledger")); err != nil {
		return err
	}
	return meta.Put([]byte("schema"), []byte("1"))
}

// finish writes what is kept until the end.
func (l *ledger) finish(tx *bbolt.Tx) error {
	for _, id := range slices.Sorted(maps.Keys(l.open)) {
		if err := putOrder(tx, l.open[id]); err != nil {
			return err
		}
	}
	for _, month := range slices.Sorted(maps.Keys(l.budgets)) {
		if err := put(tx.Bucket(bucketBudgets), []byte(month), newBudget(l.budgets[month])); err != nil {
			return err
		}
	}
	a, err := newAccount(l.account)
	if err != nil {
		return err
	}
	return put(tx.Bucket(bucketAccount), []byte("account"), a)
}

// Update implements purchase.Ledger. After an error, the ledger is of no use.
func (l *ledger) Update(_ context.Context, change func(purchase.Writer) error) error {
	return l.db.Update(func(tx *bbolt.Tx) error {
		if err := change(&transaction{ledger: l, tx: tx}); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(l.open)) {
			o := l.open[id]
			if o.Open() {
				continue
			}
			if err := putOrder(tx, o); err != nil {
				return err
			}
			delete(l.open, id)
		}
		return nil
	})
}

// View implements purchase.Ledger.
func (l *ledger) View(_ context.Context, read func(purchase.Reader) error) error {
	return l.db.View(func(tx *bbolt.Tx) error { return read(&transaction{ledger: l, tx: tx}) })
}

// Here implements purchase.Ledger.
func (l *ledger) Here(context.Context) error { return nil }

// Room implements purchase.Ledger.
func (l *ledger) Room(context.Context) error { return nil }

// transaction is a transaction of a ledger. It has the methods that a history uses.
type transaction struct {
	purchase.Writer
	ledger *ledger
	tx     *bbolt.Tx
}

// Order implements purchase.Reader.
func (t *transaction) Order(id purchase.OrderID) (o purchase.Order, err error) {
	if o, open := t.ledger.open[id]; open {
		return o, nil
	}
	record := t.tx.Bucket(bucketOrders).Get([]byte(id))
	if record == nil {
		return o, fmt.Errorf("%w: %q", purchase.ErrNoOrder, id)
	}
	return o, json.Unmarshal(record[4:], &o)
}

// Orders implements purchase.Reader for a ledger that has no orders yet.
func (t *transaction) Orders(purchase.OrderID, int) ([]purchase.Order, error) {
	if first, _ := t.tx.Bucket(bucketOrders).Cursor().First(); first != nil || len(t.ledger.open) > 0 {
		return nil, errors.New("orders are listed at the beginning only")
	}
	return nil, nil
}

// PurchaseOf implements purchase.Reader.
func (t *transaction) PurchaseOf(licenseID string) (p purchase.Purchase, ok bool, err error) {
	at := t.tx.Bucket(bucketLicenses).Get([]byte(licenseID))
	if at == nil {
		return p, false, nil
	}
	return p, true, json.Unmarshal(t.tx.Bucket(bucketPurchases).Get(at)[4:], &p)
}

// Budget implements purchase.Reader.
func (t *transaction) Budget(month string) (purchase.Budget, error) {
	b := t.ledger.budgets[month]
	b.Month = month
	return b, nil
}

// BudgetForChange implements purchase.Writer.
func (t *transaction) BudgetForChange(month string) (purchase.Budget, error) {
	b, err := t.Budget(month)
	b.People = maps.Clone(b.People)
	return b, err
}

// Account implements purchase.Reader.
func (t *transaction) Account() (purchase.AccountState, error) { return t.ledger.account, nil }

// Events implements purchase.Reader.
func (t *transaction) Events(first uint64, limit int) (events []purchase.Event, err error) {
	c := t.tx.Bucket(bucketEvents).Cursor()
	for k, record := c.Seek(number(first)); k != nil && len(events) < limit; k, record = c.Next() {
		var e purchase.Event
		if err := json.Unmarshal(record[4:], &e); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// Head implements purchase.Reader.
func (t *transaction) Head() (purchase.Event, error) { return t.ledger.head, nil }

// PutOrder implements purchase.Writer.
func (t *transaction) PutOrder(o purchase.Order) error {
	t.ledger.open[o.ID] = o
	return nil
}

// AddPurchase implements purchase.Writer. Entries of the log have the same form in every schema.
func (t *transaction) AddPurchase(p purchase.Purchase) (purchase.Purchase, error) {
	b, licenses := t.tx.Bucket(bucketPurchases), t.tx.Bucket(bucketLicenses)
	b.FillPercent = appendFill
	n, err := b.NextSequence()
	if err != nil {
		return p, err
	}
	p.Number = n
	if err := put(b, number(n), p); err != nil {
		return p, err
	}
	if p.LicenseID == "" || licenses.Get([]byte(p.LicenseID)) != nil {
		return p, nil
	}
	return p, licenses.Put([]byte(p.LicenseID), number(n))
}

// OwnedAfter implements purchase.Reader: the first schema has no records of what became of licenses. The comparison
// with CoCalc at the beginning asks for them, and for the purchases.
func (t *transaction) OwnedAfter(string, int) ([]purchase.OwnedLicense, error) { return nil, nil }

// Purchases implements purchase.Reader: there are none at the beginning.
func (t *transaction) Purchases(uint64, int) ([]purchase.Purchase, error) { return nil, nil }

// PutBudget implements purchase.Writer.
func (t *transaction) PutBudget(b purchase.Budget) error {
	t.ledger.budgets[b.Month] = b
	return nil
}

// PutAccount implements purchase.Writer.
func (t *transaction) PutAccount(a purchase.AccountState) error {
	t.ledger.account = a
	return nil
}

// AppendEvent implements purchase.Writer. The chain's hashes are over the records of the first schema.
func (t *transaction) AppendEvent(e purchase.Event) error {
	b := t.tx.Bucket(bucketEvents)
	b.FillPercent = appendFill
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	e.Number = n
	old := newEvent(e.Legible(), t.ledger.head.Hash)
	data, err := json.Marshal(old)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	old.Hash = hex.EncodeToString(sum[:])
	e.Prev, e.Hash = old.Prev, old.Hash
	t.ledger.head = e
	return put(b, number(n), old)
}

// putOrder writes an order with the indexes.
func putOrder(tx *bbolt.Tx, o purchase.Order) error {
	old, err := newOrder(o)
	if err != nil {
		return err
	}
	id := []byte(o.ID)
	if err := put(tx.Bucket(bucketOrders), id, old); err != nil {
		return err
	}
	if o.Open() {
		var confirmed uint64
		if !o.Confirmed.IsZero() {
			confirmed = uint64(o.Confirmed.UnixNano())
		}
		if err := tx.Bucket(bucketOpen).Put(id, append(number(confirmed), o.State...)); err != nil {
			return err
		}
	}
	if o.Stale() {
		return tx.Bucket(bucketUnpublished).Put(id, nil)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// put stores a record: 4 bytes of CRC-32C over key and JSON, then the JSON.
func put(b *bbolt.Bucket, key []byte, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, data)
	return b.Put(key, append(binary.BigEndian.AppendUint32(make([]byte, 0, len(data)+4), sum), data...))
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
