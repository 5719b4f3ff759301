package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"licensebot/purchase"
)

// ErrOverwritten means that the ledger's file holds other bytes than this program wrote, for example because a backup
// was copied over it with cp.
var ErrOverwritten = errors.New("the ledger's file was overwritten while it was open")

// committer commits changes, several with one fsync, and classifies a failed commit. bbolt's own Batch
// would begin the next transaction before that decision. That transaction would see the failed one's pages in the page
// cache, and its fsync would succeed, since the kernel reports a failed write only once.
type committer struct {
	finish func(commit, rollback func() error) error // see WithCommit

	gathering sync.Mutex
	next      *batch // changes that wait for their commit; nil if there are none

	writing sync.Mutex     // held from the beginning of a commit until its outcome is known
	changed changedBudgets // by the transaction that is being written; guarded by writing

	mu      sync.Mutex
	pending chan struct{} // closed when the running commit has its outcome; nil if none runs
	failed  error         // why the file is no longer used
	down    chan struct{} // closed with failed

	known atomic.Pointer[state]
}

// state identifies the file's content after the last commit.
type state struct {
	tx   int
	meta [metaLength]byte // the meta record of that transaction
}

const metaLength = pageHeader + metaHashed + 8

// batch is a set of changes that share a commit.
type batch struct {
	calls []*call
	begin sync.Once
	timer *time.Timer
}

type call struct {
	change func(*bbolt.Tx) error
	done   chan error
}

// maxBatch is the largest number of changes that share a commit.
const maxBatch = 1000

// errRunAlone tells the caller of enqueue to run its change alone: it failed in a batch.
var errRunAlone = errors.New("run it alone")

// enqueue runs a change in one transaction with others that arrive within batchDelay, or while another commit runs. Its
// errors are those of write.
func (l *Ledger) enqueue(change func(*bbolt.Tx) error) error {
	c := &call{change, make(chan error, 1)}
	l.gathering.Lock()
	if l.next == nil || len(l.next.calls) >= maxBatch {
		next := &batch{}
		next.timer = time.AfterFunc(batchDelay, func() { l.run(next) })
		l.next = next
	}
	l.next.calls = append(l.next.calls, c)
	if full := l.next; len(full.calls) == maxBatch {
		go l.run(full)
	}
	l.gathering.Unlock()
	if err := <-c.done; !errors.Is(err, errRunAlone) {
		return err
	}
	return l.write(change)
}

// run commits a batch after the previous commit; until then more changes can join. A change that fails or panics is run
// again alone by its caller, and the others are run again without it.
func (l *Ledger) run(batch *batch) {
	batch.begin.Do(func() {
		l.writing.Lock()
		defer l.writing.Unlock()
		l.gathering.Lock()
		batch.timer.Stop()
		if l.next == batch {
			l.next = nil
		}
		l.gathering.Unlock()
		for calls := batch.calls; len(calls) > 0; {
			wrong := -1
			err := l.transact(func(tx *bbolt.Tx) error {
				for i, c := range calls {
					if !succeeds(c.change, tx) {
						wrong = i
						return errRunAlone
					}
				}
				return nil
			})
			if wrong < 0 {
				for _, c := range calls {
					c.done <- err
				}
				return
			}
			calls[wrong].done <- errRunAlone
			calls = append(calls[:wrong:wrong], calls[wrong+1:]...)
		}
	})
}

func succeeds(change func(*bbolt.Tx) error, tx *bbolt.Tx) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return change(tx) == nil
}

// write runs a change in a transaction of its own. The error is the change's, or describes the commit: it wraps
// purchase.ErrFull if the disk is full and certainly nothing was changed, purchase.ErrUncertain if the transaction may
// be in the file, and purchase.ErrStopped if it was not attempted.
func (l *Ledger) write(change func(*bbolt.Tx) error) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.transact(change)
}

// transact is write for a caller that holds l.writing.
func (l *Ledger) transact(change func(*bbolt.Tx) error) error {
	if err := l.checkUsable(); err != nil {
		return err
	}
	tx, err := l.begin(true)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		if open { // the change failed or panicked
			_ = recoverPanics(tx.Rollback) // its only error reports that it is closed
		}
	}()
	l.changed = changedBudgets{}
	if err = change(tx); err == nil {
		err = l.budgets.write(tx, l.changed)
	}
	if errors.Is(err, ErrDamaged) {
		return errors.Join(l.checkUsable(), err) // the file may have been overwritten meanwhile
	}
	if err != nil {
		return err
	}
	open = false
	return l.commit(tx)
}

// view runs read against the last committed state. If that state's commit is still running, view waits for it before it
// returns: what was read and is not durable may be gone after the next start.
func (l *Ledger) view(read func(*bbolt.Tx) error) error {
	if err := l.checkUsable(); err != nil {
		return err
	}
	tx, err := l.begin(false)
	if err != nil {
		return err
	}
	id := tx.ID()
	defer func() { _ = recoverPanics(tx.Rollback) }()
	err = read(tx)
	if unsettled := l.awaitDurable(id); unsettled != nil {
		return unsettled
	}
	if errors.Is(err, ErrDamaged) {
		return errors.Join(l.checkUsable(), err) // the file may have been overwritten meanwhile
	}
	return err
}

// begin begins a transaction. It stops the ledger if the file was truncated or can't be mapped.
func (l *Ledger) begin(writable bool) (tx *bbolt.Tx, err error) {
	err = recoverPanics(func() (err error) {
		tx, err = l.db.Begin(writable)
		return err
	})
	if _, fault := errors.AsType[bboltPanic](err); fault {
		return nil, l.fail(fmt.Errorf("%w: %w", ErrDamaged, err), purchase.ErrStopped)
	}
	if errors.Is(err, bolterrors.ErrInvalidMapping) { // the file grew and could not be mapped again
		return nil, l.fail(err, purchase.ErrStopped)
	}
	return tx, err
}

// commit commits a transaction and classifies the error. Readers that saw its state earlier wait for the outcome.
func (l *Ledger) commit(tx *bbolt.Tx) error {
	settled := make(chan struct{})
	l.mu.Lock()
	l.pending = settled
	l.mu.Unlock()
	id, size := tx.ID(), l.size()
	err := recoverPanics(func() error { return l.finish(tx.Commit, tx.Rollback) })
	if err == nil {
		err = l.rememberState(id, true)
	} else if l.untouched(err, size) {
		err = wrapNoSpace(err)
	} else {
		_ = recoverPanics(tx.Rollback) // closes what a panic left open
		err = l.fail(err, purchase.ErrUncertain)
	}
	l.mu.Lock()
	l.pending = nil
	l.mu.Unlock()
	close(settled)
	return err
}

// untouched reports whether a commit failed for lack of space before it had an effect: a page did not fit, or the file
// could not grow. Its pages are free in the last state, and only a changed meta page would refer to them. A failed
// fsync never counts, whatever the reason: the kernel drops what it could not write, and the next fsync succeeds.
func (l *Ledger) untouched(err error, size int64) bool {
	path, known := errors.AsType[*fs.PathError](err)
	errno, bare := errors.AsType[syscall.Errno](err)
	switch {
	case known && path.Op == "write" && isNoSpace(errno):
	case !known && !bare && meansNoSpace(err) && l.size() == size:
		// bbolt returns only a text about why a file does not grow
	default:
		return false
	}
	return l.isUnchanged()
}

// size returns the file's size; -1 if it is unknown.
func (l *Ledger) size() int64 {
	info, err := l.file.Stat()
	if err != nil {
		return -1
	}
	return info.Size()
}

// rememberState stores the state after a commit, so that isUnchanged can detect an overwritten file. If this program
// has just written the meta page, but it is another transaction's, the file was overwritten since.
func (l *Ledger) rememberState(id int, isWritten bool) error {
	now := &state{tx: id}
	if _, err := l.file.ReadAt(now.meta[:], l.metaAt(id)); err != nil {
		return l.fail(err, purchase.ErrUncertain)
	}
	if isWritten && u64(now.meta[:], metaSum-8) != uint64(id) { // in a backup, one page can have the other's place
		return l.fail(ErrOverwritten, purchase.ErrUncertain)
	}
	l.known.Store(now)
	return nil
}

// Commits returns the number of the last durable transaction. Each transaction waits for the disk twice: for its pages,
// and for the page that refers to them.
func (l *Ledger) Commits() int { return l.known.Load().tx }

// metaAt returns the offset of a transaction's meta page: bbolt writes its two in turn.
func (l *Ledger) metaAt(id int) int64 { return int64(id%2) * l.pageSize }

// isUnchanged reports whether the file still has the meta page of the last commit.
func (l *Ledger) isUnchanged() bool {
	for {
		want := l.known.Load()
		var is [metaLength]byte
		_, err := l.file.ReadAt(is[:], l.metaAt(want.tx))
		switch {
		case err == nil && is == want.meta, errors.Is(err, os.ErrClosed): // bbolt refuses everything after Close
			return true
		case l.known.Load() == want: // otherwise two commits came in between, and the second used the same page
			return false
		}
	}
}

// checkUsable returns an error that wraps purchase.ErrStopped if the file must no longer be used.
func (l *Ledger) checkUsable() error {
	if err := l.Failure(); err != nil {
		return fmt.Errorf("%w: %w", purchase.ErrStopped, err)
	}
	if l.readOnly || l.isUnchanged() {
		return nil
	}
	return l.fail(ErrOverwritten, purchase.ErrStopped)
}

// awaitDurable waits until the transaction with that number is durable. It returns an error if that failed.
func (l *Ledger) awaitDurable(id int) error {
	l.mu.Lock()
	pending, failed := l.pending, l.failed
	l.mu.Unlock()
	if pending != nil && id > l.known.Load().tx {
		<-pending
		failed = l.Failure()
	}
	if failed != nil {
		return fmt.Errorf("%w: %w", purchase.ErrStopped, failed)
	}
	return nil
}

// fail stops all work with the file because of cause, and returns cause wrapped in kind.
func (l *Ledger) fail(cause, kind error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = cause
		close(l.down)
	}
	return fmt.Errorf("%w: %w", kind, cause)
}

// Failed returns a channel that is closed when the file must no longer be used: after a commit whose outcome is
// unknown, and after the file was overwritten. Every method then returns an error without reading the file, and the
// program has to end: only a new start can find out what the file holds. [Ledger.Failure] returns the cause.
func (l *Ledger) Failed() <-chan struct{} { return l.down }

// Failure returns the reason why the file must no longer be used; nil while it can be used.
func (l *Ledger) Failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Doubts stores, in a file beside the ledger, the decisions of which the ledger can't say whether they were stored,
// because its disk failed. It implements purchase.Doubts and is safe for concurrent use.
type Doubts struct {
	path string
	mu   sync.Mutex
}

// DoubtsOf returns the doubts of the ledger at path, which are in the file path + ".doubts". It opens nothing.
func DoubtsOf(path string) *Doubts { return &Doubts{path: path + ".doubts"} }

// Keep implements purchase.Doubts.
func (d *Doubts) Keep(doubt purchase.Doubt) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.all()
	if err != nil {
		return err
	}
	temp, err := createTemp(d.path, "new")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after the rename, no file has that name
	to := json.NewEncoder(temp)
	for _, each := range append(all, doubt) {
		err = errors.Join(err, to.Encode(each))
	}
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), d.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(d.path))
}

// All implements purchase.Doubts.
func (d *Doubts) All() ([]purchase.Doubt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all()
}

func (d *Doubts) all() (all []purchase.Doubt, err error) {
	data, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for lines := json.NewDecoder(bytes.NewReader(data)); lines.More(); {
		var doubt purchase.Doubt
		if err := lines.Decode(&doubt); err != nil {
			return nil, fmt.Errorf("read %s: %w", d.path, err)
		}
		all = append(all, doubt)
	}
	return all, nil
}

// Clear implements purchase.Doubts.
func (d *Doubts) Clear() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := os.Remove(d.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(d.path))
}
