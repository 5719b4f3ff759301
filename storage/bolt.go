package storage

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"licensebot/internal/step"
	"licensebot/purchase"
)

// Why a file is refused.
var (
	ErrLocked  = errors.New("another licensebot is running with this ledger")
	ErrNewer   = errors.New("the ledger was written by a newer licensebot")
	ErrForeign = errors.New("the file is not a licensebot ledger")
	ErrDamaged = errors.New("the ledger is damaged")
)

// SchemaVersion is what this program writes. Versions so far: 1.
const SchemaVersion = 1

const (
	lockTimeout = time.Second
	// batchDelay is how long an Update waits for others to share its fsync. Each one costs a few milliseconds of
	// disk; a burst of confirmations is made durable by a handful of them.
	batchDelay = time.Millisecond
	fileMode   = 0o600 // people's names and reasons, and addresses that let Slack messages be changed
	// mapped is how much address space (not memory) a writable ledger gets at once. bbolt can move the mapping only
	// while no transaction reads, so a mapping that has to grow would wait for a running backup, and one that can't be
	// made again leaves the file unusable until it is reopened.
	mapped = 1 << 30
	growth = 256 << 10 // the file grows in steps of this size
)

var application = []byte("licensebot ledger")

// The buckets. Keys of orders are their ULIDs, so that byte order is order of creation; keys of numbered records
// are big-endian.
var (
	bucketMeta        = []byte("meta")
	bucketOrders      = []byte("orders")
	bucketOpen        = []byte("open")        // order id: the orders with Order.Open
	bucketUnpublished = []byte("unpublished") // order id: the orders with Order.Unpublished
	bucketPurchases   = []byte("purchases")
	bucketLicenses    = []byte("licenses") // license id: number of its purchase
	bucketBudgets     = []byte("budgets")
	bucketAccount     = []byte("account")
	bucketEvents      = []byte("events")

	buckets = [][]byte{
		bucketMeta, bucketOrders, bucketOpen, bucketUnpublished, bucketPurchases, bucketLicenses,
		bucketBudgets, bucketAccount, bucketEvents,
	}

	keyApplication = []byte("application")
	keySchema      = []byte("schema")
	keyAccount     = []byte("account")
)

// Bolt is a ledger in a bbolt file. It implements purchase.Ledger.
type Bolt struct {
	db       *bbolt.DB
	file     *os.File // the file that bbolt works with
	path     string
	pageSize int64
	readOnly bool
	room     func(dir string) (free uint64, err error)
	commits
}

// Open opens the ledger at path, or creates it: in a temporary file beside it that is renamed when it is whole, so
// that a crash leaves no half-made ledger. The errors are ErrLocked (after a second), ErrNewer, ErrForeign and
// ErrDamaged, wrapped with the path; the file is then as it was.
func Open(path string) (*Bolt, error) {
	b, err := open(path, false)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", path, withRemedy(err, path))
	}
	return b, nil
}

// OpenReadOnly opens an existing ledger for reading. Several readers may share it, but none with a running bot.
func OpenReadOnly(path string) (*Bolt, error) {
	b, err := open(path, true)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", path, err)
	}
	return b, nil
}

func open(path string, readOnly bool) (*Bolt, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !readOnly:
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create it: %w", asFull(err))
		}
		if info, err = os.Stat(path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%w: it is a directory", ErrForeign)
	case info.Size() == 0:
		// bbolt would make a database of it. An empty file is no ledger of ours: those are never empty.
		return nil, fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	if err := checkPages(path, info); err != nil {
		return nil, err
	}
	// A first look for reading only: a file that is not ours is not touched, not even its free list.
	inspected := -1
	if !readOnly {
		if inspected, err = inspect(path, info); err != nil {
			return nil, err
		}
		// Names, reasons and addresses are for this user only; an older copy may have been made with other rights.
		if info.Mode().Perm()&0o077 != 0 {
			if err := os.Chmod(path, fileMode); err != nil {
				return nil, fmt.Errorf("other users can read it, and its permissions can't be changed: %w", err)
			}
		}
	}
	db, file, err := openFile(path, readOnly, info)
	if err != nil {
		return nil, err
	}
	b := &Bolt{db: db, file: file, path: path, pageSize: int64(db.Info().PageSize), readOnly: readOnly, room: freeSpace}
	b.down = make(chan struct{})
	err = db.View(func(tx *bbolt.Tx) error {
		if err := b.learn(tx.ID()); err != nil || tx.ID() == inspected { // no other program wrote to it since
			return err
		}
		return checkMeta(tx)
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	return b, nil
}

// inspect reads all of a ledger once, and answers its last transaction.
func inspect(path string, info fs.FileInfo) (last int, err error) {
	db, _, err := openFile(path, true, info)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		last = tx.ID()
		return checkMeta(tx)
	})
	return last, err
}

// openFile opens with bbolt, which panics on some damaged files and returns errors for others. info is of the file that was
// looked at before.
func openFile(path string, readOnly bool, info fs.FileInfo) (db *bbolt.DB, file *os.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	options := &bbolt.Options{
		Timeout: lockTimeout, ReadOnly: readOnly, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			return file, err
		},
	}
	if !readOnly {
		options.InitialMmapSize = mapped
	}
	db, err = bbolt.Open(path, fileMode, options)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, nil, ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, nil, fmt.Errorf("%w: %w", ErrForeign, err)
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(syscall.Errno)): // no rights, a read-only file system
		return nil, nil, err
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !named(file, path, info) {
		db.Close()
		return nil, nil, errReplaced
	}
	db.AllocSize = growth
	return db, file, nil
}

// errReplaced says that another ledger was put in the place of the one that is being opened.
var errReplaced = fmt.Errorf("%w: it was replaced just now", ErrLocked)

// named reports whether the open file still has that name, and is the one that info describes. During a wait for the
// lock, another ledger may have taken its place; writes to the old file would be lost.
func named(file *os.File, path string, info fs.FileInfo) bool {
	opened, err1 := file.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(opened, there) && os.SameFile(opened, info)
}

// checkMeta refuses files that this program must not write to. It reads a page of every bucket, so that a file that
// was cut short is found before anything is built upon it.
func checkMeta(tx *bbolt.Tx) (err error) {
	defer orDamage(&err)()
	meta := tx.Bucket(bucketMeta)
	if meta == nil || string(meta.Get(keyApplication)) != string(application) {
		return ErrForeign
	}
	version, err := schema(tx)
	if err != nil {
		return err
	}
	if version > SchemaVersion {
		return fmt.Errorf("%w: it has schema version %d, but this program supports %d", ErrNewer, version, SchemaVersion)
	}
	if version < 1 {
		return fmt.Errorf("%w: schema version %d", ErrDamaged, version)
	}
	for _, name := range buckets {
		b := tx.Bucket(name)
		if b == nil {
			return fmt.Errorf("%w: it has no %s", ErrDamaged, name)
		}
	}
	return checkContents(tx)
}

// schema is the version of the file, which is plain JSON in every version, so that each program can tell a newer one.
func schema(tx *bbolt.Tx) (version int, err error) {
	if err := json.Unmarshal(tx.Bucket(bucketMeta).Get(keySchema), &version); err != nil {
		return 0, fmt.Errorf("%w: its schema version can't be read", ErrDamaged)
	}
	return version, nil
}

// create makes an empty ledger whole before it gets its name.
func create(path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("the folder %s doesn't exist: create it, or set DATABASE to another path", filepath.Dir(path))
	}
	temp, err := tempBeside(path, "new")
	if err != nil {
		return err
	}
	name := temp.Name()
	defer os.Remove(name) // after the rename there is nothing of that name
	if err := temp.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(name, fileMode, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, bucket := range buckets {
			if _, err := tx.CreateBucket(bucket); err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		if err := meta.Put(keyApplication, application); err != nil {
			return err
		}
		return meta.Put(keySchema, strconv.AppendInt(nil, SchemaVersion, 10))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	// Of two programs that create the same ledger at once, one makes it.
	if err := giveName(name, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Close waits for transactions and releases the file.
func (b *Bolt) Close() error {
	if b.Failure() != nil {
		// bbolt would wait for locks that a fault inside it left behind. The mapping would keep the file's lock.
		return errors.Join(syscall.Flock(int(b.file.Fd()), syscall.LOCK_UN), b.file.Close())
	}
	return b.db.Close()
}

// View implements purchase.Ledger. A panic of read is the caller's.
func (b *Bolt) View(ctx context.Context, read func(purchase.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.view(func(tx *bbolt.Tx) error { return read(&transaction{tx: tx}) })
}

// Update implements purchase.Ledger. Updates that arrive together share one fsync; each sees the writes of those before
// it, and one that fails, or panics, is undone without the others. If the disk is full, the error wraps
// purchase.ErrFull, nothing was changed, and the ledger works again once there is room. After any other failure of the
// disk the error wraps purchase.ErrUncertain, and the ledger is not used any more: see Failed.
func (b *Bolt) Update(ctx context.Context, change func(purchase.Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var own error
	var deed step.What
	err := b.together(func(tx *bbolt.Tx) error {
		t := &transaction{tx: tx, deeds: observe()}
		if own = change(t); own == nil {
			deed = t.deeds.name()
			passes(step.Before, deed)
		}
		return own
	})
	if err == nil {
		passes(step.After, deed)
	}
	if err != nil && own == nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return err
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
