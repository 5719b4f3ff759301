package storage

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Errors of opening and reading a file. They are wrapped with details.
var (
	// ErrLocked means that another program has the ledger open.
	ErrLocked = errors.New("another licensebot is running with this ledger")
	// ErrNewer means that the file's schema version is above [SchemaVersion].
	ErrNewer = errors.New("the ledger was written by a newer licensebot")
	// ErrForeign means that the file is not a ledger.
	ErrForeign = errors.New("the file is not a licensebot ledger")
	// ErrDamaged means that the file is a ledger whose pages or records are not as they were written.
	ErrDamaged = errors.New("the ledger is damaged")
)

// SchemaVersion is the schema version that this program writes, and the highest that it reads. Versions so far:
// 1, 2 with causes in place of sentences, 3 with bundles, and 4 with what became of licenses (see Ledger.upgrade).
const SchemaVersion = 4

const (
	lockTimeout = time.Second
	// batchDelay is how long an Update waits for others to share its fsync. An fsync costs a few milliseconds; a burst
	// of confirmations needs only a handful of them.
	batchDelay = time.Millisecond
	fileMode   = 0o600 // people's names and reasons, and addresses that let Slack messages be changed
	// initialMapSize is the address space (not memory) that a writable ledger maps when it is opened, in bytes. bbolt can
	// move the mapping only while no transaction reads, so a mapping that has to grow would wait for a running backup,
	// and one that can't be mapped again leaves the file unusable until it is reopened.
	initialMapSize = 1 << 30
	growStep       = 256 << 10 // bytes by which the file grows
	// freeList makes bbolt take the first pages of the file that fit. Single pages then fill the gaps at its beginning,
	// and the long runs of free pages behind them stay whole for the bundles. With bbolt's other kind, which takes any
	// run that is long enough, single pages divide these until no bundle fits: a ledger of 40,000 orders has five times
	// as many free pages, and bbolt keeps each in memory and writes all of them with each commit.
	freeList = bbolt.FreelistArrayType
)

var application = []byte("licensebot ledger")

// The buckets. Keys of orders are their ULIDs, so that byte order is the order of creation. Keys of numbered records
// are big-endian, for the same reason.
var (
	bucketMeta        = []byte("meta")
	bucketOrders      = []byte("orders")
	bucketOpen        = []byte("open")        // order ID: queueValue, for orders with Order.Open
	bucketUnpublished = []byte("unpublished") // order ID: nothing, for orders with Order.Unpublished
	bucketPurchases   = []byte("purchases")
	bucketLicenses    = []byte("licenses") // license ID: number of its purchase
	bucketBudgets     = []byte("budgets")
	bucketAccount     = []byte("account")
	bucketEvents      = []byte("events")

	// Since schema 3: see bundle.go and collection.go.
	bucketOrderBundles    = []byte("order-bundles")
	bucketPurchaseBundles = []byte("purchase-bundles")
	bucketEventBundles    = []byte("event-bundles")
	bucketLicenseIndex    = []byte("license-index")
	bucketIDIndex         = []byte("id-index")
	bucketItemIndex       = []byte("item-index") // see itemindex.go; ledgers written while schema 3 was new lack it

	// Since schema 4.
	bucketOwned = []byte("owned") // license ID: purchase.OwnedLicense

	buckets = [][]byte{
		bucketMeta, bucketOrders, bucketOpen, bucketUnpublished, bucketPurchases, bucketLicenses,
		bucketBudgets, bucketAccount, bucketEvents,
	}
	bundleBuckets = [][]byte{
		bucketOrderBundles, bucketPurchaseBundles, bucketEventBundles, bucketLicenseIndex, bucketIDIndex,
	}
	// largeBuckets have nearly all pages of a large ledger. They change only when it is compacted or pruned, which is
	// after it was verified.
	largeBuckets = append(slices.Clone(bundleBuckets), bucketItemIndex)

	keyApplication = []byte("application")
	keySchema      = []byte("schema")
	keyAccount     = []byte("account")
	keyPruned      = []byte("pruned") // in bucketMeta, which versions that don't know it leave as it is
)

// Ledger is a ledger in a bbolt file. It implements purchase.Ledger. [Open] makes one; it is safe for concurrent use.
type Ledger struct {
	db       *bbolt.DB
	file     *os.File // bbolt's file
	path     string
	info     fs.FileInfo // of the file, from before it was checked
	pageSize int64
	readOnly bool
	kept     string // path of the file that an upgrade kept; empty: none
	room     func(dir string) (free uint64, err error)
	progress func(done, total int) // of an upgrade, in records
	step     func(done string)     // of an upgrade, for tests that end it there
	sizes    sizes
	budgets  budgetCache
	bundling sync.Mutex // held while bundles change, and while they must not
	committer
}

// Option changes how a ledger works; [Open] takes them.
type Option func(*Ledger)

// WithCommit calls finish for each commit, in place of bbolt's own commit: finish calls commit or rollback, and returns
// an error if the disk failed. Tests of a failing disk use it, since no decorator of the ledger is called between
// bbolt's commit and its classification.
func WithCommit(finish func(commit, rollback func() error) error) Option {
	return func(l *Ledger) { l.finish = finish }
}

// WithProgress calls report from time to time while a ledger of an older schema is upgraded, with the numbers of
// records that were written and that there are.
func WithProgress(report func(done, total int)) Option {
	return func(l *Ledger) { l.progress = report }
}

// commitPlainly is the default of WithCommit.
func commitPlainly(commit, _ func() error) error { return commit() }

// Open opens the ledger at path, or creates one if there is no file. It creates the ledger in a temporary file beside
// path and renames it when it is complete, so that a crash leaves no half-made ledger. A file that other users can read
// gets mode 0600. A ledger of an older schema version is upgraded, and the earlier file is kept beside it (see
// [Ledger.Kept]).
//
// The error wraps [ErrLocked] (after a second), [ErrNewer], [ErrForeign] or [ErrDamaged] if the file is refused, and
// purchase.ErrFull if there is no space to create it or to keep the earlier file. The file is then
// unchanged. Bundles, their indexes and most of the pages of both are checked by [Ledger.Verify].
func Open(path string, options ...Option) (*Ledger, error) {
	l, err := open(path, false, largeBuckets)
	if err == nil {
		l, err = l.prepare(options)
	}
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", path, explainPermissions(err, path))
	}
	return l, nil
}

// OpenReadOnly opens an existing ledger for reading; [Ledger.Update] fails. Several readers can share a file, but not
// with a running bot, for which [ReadCopy] exists. The errors are those of [Open], and fs.ErrNotExist if there is no
// file.
func OpenReadOnly(path string) (*Ledger, error) {
	l, err := open(path, true, largeBuckets)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", path, err)
	}
	return l, nil
}

// Reopen opens a ledger for reading that was opened before, and was closed. If nothing was written to the file
// meanwhile, it is not checked again. The errors are those of [OpenReadOnly].
func (l *Ledger) Reopen() (*Ledger, error) {
	info, err := os.Stat(l.path)
	if err != nil || !os.SameFile(info, l.info) || info.Size() != l.info.Size() ||
		!info.ModTime().Equal(l.info.ModTime()) {
		return OpenReadOnly(l.path)
	}
	db, file, err := openFile(l.path, true, info)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", l.path, err)
	}
	again := newLedger(db, file, l.path, info, true)
	err = db.View(func(tx *bbolt.Tx) error { return again.rememberState(tx.ID(), false) })
	if err != nil || *again.known.Load() != *l.known.Load() {
		db.Close()
		return OpenReadOnly(l.path)
	}
	return again, nil
}

// newLedger returns the ledger of an open file.
func newLedger(db *bbolt.DB, file *os.File, path string, info fs.FileInfo, readOnly bool) *Ledger {
	l := &Ledger{
		db: db, file: file, path: path, info: info, pageSize: int64(db.Info().PageSize), readOnly: readOnly,
		room: Free, sizes: defaultSizes,
		progress: func(int, int) {}, step: func(string) {},
	}
	l.finish, l.down = commitPlainly, make(chan struct{})
	return l
}

// open opens a file; see [checkPages] for later.
func open(path string, readOnly bool, later [][]byte) (*Ledger, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !readOnly:
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create it: %w", wrapNoSpace(err))
		}
		if info, err = os.Stat(path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%w: it is a directory", ErrForeign)
	case info.Size() == 0:
		// bbolt would turn an empty file into a database. A ledger is never empty.
		return nil, fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	account, err := checkPages(path, info, later)
	if err != nil {
		return nil, err
	}
	// The file is inspected read-only first: a foreign file is not changed, not even its free list.
	inspected, accounted := -1, make(chan error, 1)
	go func() { accounted <- account() }()
	if !readOnly {
		inspected, err = inspect(path, info)
	}
	if err := cmp.Or(<-accounted, err); err != nil {
		return nil, err
	}
	if !readOnly && info.Mode().Perm()&0o077 != 0 {
		// Names, reasons and addresses are for this user only. A copy may have been made with another mode.
		if err := os.Chmod(path, fileMode); err != nil {
			return nil, fmt.Errorf("other users can read it, and its permissions can't be changed: %w", err)
		}
	}
	db, file, err := openFile(path, readOnly, info)
	if err != nil {
		return nil, err
	}
	l := newLedger(db, file, path, info, readOnly)
	err = db.View(func(tx *bbolt.Tx) error {
		if err := checkNumbered(tx); err != nil {
			return err
		}
		if err := l.rememberState(tx.ID(), false); err != nil || tx.ID() == inspected { // unchanged since the inspection
			return err
		}
		return checkMeta(tx)
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	return l, nil
}

// inspect checks a whole ledger, and returns the number of its last transaction.
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

// openFile opens a file with bbolt, which panics on some damaged files and returns errors for others. It returns
// errReplaced if the file is not the one that info describes.
func openFile(path string, readOnly bool, info fs.FileInfo) (db *bbolt.DB, file *os.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	options := &bbolt.Options{
		Timeout: lockTimeout, ReadOnly: readOnly, FreelistType: freeList,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			return file, err
		},
	}
	if !readOnly {
		options.InitialMmapSize = initialMapSize
	}
	db, err = bbolt.Open(path, fileMode, options)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, nil, ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, nil, fmt.Errorf("%w: %w", ErrForeign, err)
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(syscall.Errno)): // no permission, a read-only file system
		return nil, nil, err
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !sameFile(file, path, info) {
		db.Close()
		return nil, nil, errReplaced
	}
	db.AllocSize = growStep
	return db, file, nil
}

// lock waits, as bbolt does, until no program writes to the file. Closing the file releases the lock.
func lock(f *os.File, how int) error {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil // a file system without locks: bbolt reports it
		case time.Since(began) > lockTimeout:
			return ErrLocked
		}
	}
}

// errReplaced means that another file took the ledger's name while it was being opened.
var errReplaced = fmt.Errorf("%w: it was replaced just now", ErrLocked)

// sameFile reports whether the open file still has the name path, and is the one that info describes. During a wait for
// the lock, another ledger may have taken the name; writes to the old file would be lost.
func sameFile(file *os.File, path string, info fs.FileInfo) bool {
	opened, err1 := file.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(opened, there) && os.SameFile(opened, info)
}

// checkNumbered returns an error if the number of the last transaction doesn't say which of the two meta pages is next.
func checkNumbered(tx *bbolt.Tx) error {
	if tx.ID() < 0 {
		return fmt.Errorf("%w: transaction number %d", ErrDamaged, tx.ID())
	}
	return nil
}

// checkMeta returns an error if the file is foreign or newer, lacks a bucket, or has a damaged record.
func checkMeta(tx *bbolt.Tx) (err error) {
	defer recoverDamage(&err)()
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
	if err := checkNumbered(tx); err != nil {
		return err
	}
	needed := buckets
	if version >= 3 {
		needed = slices.Concat(buckets, bundleBuckets)
	}
	if version >= 4 {
		needed = append(needed, bucketOwned)
	}
	for _, name := range needed {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: it has no %s", ErrDamaged, name)
		}
	}
	return checkContents(tx)
}

// schema returns the schema version of the file. It is plain JSON in every version, so that older programs can read it.
func schema(tx *bbolt.Tx) (version int, err error) {
	if err := json.Unmarshal(tx.Bucket(bucketMeta).Get(keySchema), &version); err != nil {
		return 0, fmt.Errorf("%w: its schema version can't be read", ErrDamaged)
	}
	return version, nil
}

// schema returns the schema version of the open file.
func (l *Ledger) schema() (version int, err error) {
	err = l.db.View(func(tx *bbolt.Tx) (err error) {
		version, err = schema(tx)
		return err
	})
	return version, err
}

// Kept returns the path of the file that [Open] kept because it upgraded the ledger; empty if it did not. That file is
// complete: an older program, or a restore, can use it.
func (l *Ledger) Kept() string { return l.kept }

// Close waits for running transactions and closes the file. After a failure it does not wait; see [Ledger.Failed].
func (l *Ledger) Close() error {
	if l.Failure() != nil {
		// bbolt would wait for locks that its own panic left behind, and its mapping would keep the file's lock.
		return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
	}
	return l.db.Close()
}

// prepare applies the options and upgrades a ledger of an older schema. On an error it closes the ledger.
func (l *Ledger) prepare(options []Option) (*Ledger, error) {
	for _, set := range options {
		set(l)
	}
	version, err := l.schema()
	if err != nil || version == SchemaVersion {
		if err != nil {
			l.Close()
			return nil, err
		}
		return l, nil
	}
	kept, err := l.upgrade(version)
	// The lock on the earlier file is held until the new one has its name.
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, fmt.Errorf("upgrade it from schema version %d: %w", version, wrapNoSpace(err))
	}
	upgraded, err := open(l.path, false, nil)
	if err != nil {
		return nil, err
	}
	for _, set := range options {
		set(upgraded)
	}
	upgraded.kept = kept
	return upgraded, nil
}
