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
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"licensebot/internal/largeledger/history"
	"licensebot/purchase"
	"licensebot/storage"
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

// appendFill is how full the pages of the numbered records are: nothing is inserted between them.
const appendFill = 0.95

// growth is the size of the steps, in bytes, in which the file grows.
const growth = 256 << 10

// copier copies a ledger into a file of the first schema.
type copier struct {
	from purchase.Reader
	db   *bbolt.DB
}

// Create creates a ledger of the first schema at path, with a history. Meanwhile there is a ledger of today beside it.
func Create(ctx context.Context, path string, o history.Options) error {
	today := path + ".today"
	if err := history.Create(ctx, today, o); err != nil {
		return err
	}
	defer os.Remove(today)
	ledger, err := storage.Open(today)
	if err != nil {
		return err
	}
	err = ledger.View(ctx, func(r purchase.Reader) error { return Write(path, r) })
	return errors.Join(err, ledger.Close())
}

// Write copies a ledger into a new file of the first schema, in transactions of purchase.PageSize records. Nothing in
// the ledger may be wrong: it must not be paused, restored or in the middle of a purchase.
func Write(path string, from purchase.Reader) error {
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
	c := copier{from, db}
	for _, part := range []func() error{c.begin, c.orders, c.purchases, c.budgets, c.account, c.events} {
		if err = part(); err != nil {
			break
		}
	}
	if err == nil {
		err = db.Sync()
	}
	return errors.Join(err, db.Close())
}

// begin creates the buckets and the marks of a ledger of schema version 1.
func (c copier) begin() error {
	return c.db.Update(func(tx *bbolt.Tx) error {
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
	})
}

// orders copies the orders and their indexes, oldest first: the reader lists them newest first, page by page.
func (c copier) orders() error {
	begins := []purchase.OrderID{""} // each page's before
	for {
		ids, err := c.from.Orders(begins[len(begins)-1], purchase.PageSize)
		if err != nil {
			return err
		}
		if len(ids) < purchase.PageSize {
			break
		}
		begins = append(begins, ids[len(ids)-1].ID)
	}
	for _, before := range slices.Backward(begins) {
		page, err := c.from.Orders(before, purchase.PageSize)
		if err != nil {
			return err
		}
		err = c.db.Update(func(tx *bbolt.Tx) error {
			for _, o := range slices.Backward(page) {
				if err := putOrder(tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

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

// purchases copies the purchase log, whose entries have the same form in every schema.
func (c copier) purchases() error {
	newest, err := c.from.Purchases(0, 1)
	if err != nil || len(newest) == 0 {
		return err
	}
	for first := uint64(1); first <= newest[0].Number; first += purchase.PageSize {
		last := min(first+purchase.PageSize-1, newest[0].Number)
		page, err := c.from.Purchases(last+1, int(last-first)+1)
		if err != nil {
			return err
		}
		err = c.db.Update(func(tx *bbolt.Tx) error {
			b, licenses := tx.Bucket(bucketPurchases), tx.Bucket(bucketLicenses)
			b.FillPercent = appendFill
			for _, p := range slices.Backward(page) {
				if err := put(b, number(p.Number), p); err != nil {
					return err
				}
				if p.LicenseID == "" || licenses.Get([]byte(p.LicenseID)) != nil {
					continue
				}
				if err := licenses.Put([]byte(p.LicenseID), number(p.Number)); err != nil {
					return err
				}
			}
			return b.SetSequence(last)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c copier) budgets() error {
	all, err := c.from.Budgets(1 << 20)
	if err != nil {
		return err
	}
	return c.db.Update(func(tx *bbolt.Tx) error {
		for _, b := range slices.Backward(all) {
			if err := put(tx.Bucket(bucketBudgets), []byte(b.Month), newBudget(b)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c copier) account() error {
	a, err := c.from.Account()
	if err != nil {
		return err
	}
	if a.Pause != nil || a.Restored != nil || a.Diagnosis != nil || len(a.Notifications)+len(a.Twins) > 0 {
		return errors.New("something is wrong with the account, or it has what the first schema lacks")
	}
	old := account{a.CoCalc, a.Watching, a.Reconciled, a.LastUnknown, a.LastUnknownAt, a.Settings}
	return c.db.Update(func(tx *bbolt.Tx) error { return put(tx.Bucket(bucketAccount), []byte("account"), old) })
}

// events copies the audit records, with a chain of its own: the hashes are over the records of the first schema.
func (c copier) events() error {
	prev := ""
	for next := uint64(1); ; {
		page, err := c.from.Events(next, purchase.PageSize)
		if err != nil {
			return err
		}
		err = c.db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket(bucketEvents)
			b.FillPercent = appendFill
			for _, e := range page {
				old := newEvent(e, prev)
				data, err := json.Marshal(old)
				if err != nil {
					return err
				}
				sum := sha256.Sum256(data)
				old.Hash = hex.EncodeToString(sum[:])
				if err := put(b, number(old.Number), old); err != nil {
					return err
				}
				prev, next = old.Hash, old.Number+1
			}
			return b.SetSequence(next - 1)
		})
		if err != nil || len(page) < purchase.PageSize {
			return err
		}
	}
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
