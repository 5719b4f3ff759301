package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"licensebot/internal/step"
	"licensebot/purchase"
)

// ErrOverwritten reports that the ledger's file holds other bytes than this program wrote, for example because a backup
// was copied over it with cp.
var ErrOverwritten = errors.New("the ledger's file was overwritten while it was open")

// commits makes changes durable, several with one fsync, and decides what a failed commit means. bbolt's own Batch
// would begin the next transaction before that decision. That transaction would see the failed one's pages in the page
// cache, and its fsync would succeed, since the kernel reports a failed write only once.
type commits struct {
	gathering sync.Mutex
	next      *batch // changes that wait for their commit; nil if there are none

	writing sync.Mutex // held from the beginning of a commit until its outcome is known

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

// mostTogether is how many changes share a commit at most.
const mostTogether = 1000

// errAlone returns a change that failed in a batch to its caller, to be run alone.
var errAlone = errors.New("run it alone")

// together runs a change in one transaction with others that arrive within batchDelay, or while another commit is under
// way.
func (b *Bolt) together(change func(*bbolt.Tx) error) error {
	c := &call{change, make(chan error, 1)}
	b.gathering.Lock()
	if b.next == nil || len(b.next.calls) >= mostTogether {
		next := &batch{}
		next.timer = time.AfterFunc(batchDelay, func() { b.run(next) })
		b.next = next
	}
	b.next.calls = append(b.next.calls, c)
	if full := b.next; len(full.calls) == mostTogether {
		go b.run(full)
	}
	b.gathering.Unlock()
	if err := <-c.done; !errors.Is(err, errAlone) {
		return err
	}
	return b.write(change)
}

// run commits a batch, once the commit before has its outcome: until then others join it. A change that fails, or
// panics, is run again alone by its caller; the others are run again without it.
func (b *Bolt) run(batch *batch) {
	batch.begin.Do(func() {
		b.writing.Lock()
		defer b.writing.Unlock()
		b.gathering.Lock()
		batch.timer.Stop()
		if b.next == batch {
			b.next = nil
		}
		b.gathering.Unlock()
		for calls := batch.calls; len(calls) > 0; {
			wrong := -1
			err := b.transact(func(tx *bbolt.Tx) error {
				for i, c := range calls {
					if !succeeds(c.change, tx) {
						wrong = i
						return errAlone
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
			calls[wrong].done <- errAlone
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
// purchase.ErrFull if the disk is full and nothing was changed for certain, purchase.ErrUncertain if it is unknown
// whether the transaction is in the file, and purchase.ErrStopped if it was not tried.
func (b *Bolt) write(change func(*bbolt.Tx) error) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	return b.transact(change)
}

// transact is write for a caller that holds b.writing.
func (b *Bolt) transact(change func(*bbolt.Tx) error) error {
	if err := b.usable(); err != nil {
		return err
	}
	tx, err := b.begin(true)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		if open { // the change failed or panicked
			_ = guarded(tx.Rollback) // its only error reports that it is closed
		}
	}()
	if err := change(tx); err != nil {
		return err
	}
	open = false
	return b.commit(tx)
}

// view runs read against the last committed state. If that state's commit is still running, view waits for it before it
// returns: what was read and is not durable may be gone after the next start.
func (b *Bolt) view(read func(*bbolt.Tx) error) error {
	if err := b.usable(); err != nil {
		return err
	}
	tx, err := b.begin(false)
	if err != nil {
		return err
	}
	id := tx.ID()
	defer func() { _ = guarded(tx.Rollback) }()
	err = read(tx)
	if unsettled := b.settle(id); unsettled != nil {
		return unsettled
	}
	if errors.Is(err, ErrDamaged) {
		return errors.Join(b.usable(), err) // the file may have been overwritten meanwhile
	}
	return err
}

// begin begins a transaction. If the file was cut short, bbolt reads beyond its end.
func (b *Bolt) begin(writable bool) (tx *bbolt.Tx, err error) {
	err = guarded(func() (err error) {
		tx, err = b.db.Begin(writable)
		return err
	})
	if _, fault := errors.AsType[faulted](err); fault {
		return nil, b.fail(fmt.Errorf("%w: %w", ErrDamaged, err), purchase.ErrStopped)
	}
	if errors.Is(err, bolterrors.ErrInvalidMapping) { // the file grew and could not be mapped again
		return nil, b.fail(err, purchase.ErrStopped)
	}
	return tx, err
}

// commit makes a transaction durable. Readers that saw its state earlier wait for the outcome.
func (b *Bolt) commit(tx *bbolt.Tx) error {
	settled := make(chan struct{})
	b.mu.Lock()
	b.pending = settled
	b.mu.Unlock()
	id, size := tx.ID(), b.size()
	err := guarded(func() error { return step.Commit(tx.Commit, tx.Rollback) })
	if err == nil {
		err = b.learn(id)
	} else if b.untouched(err, size) {
		err = asFull(err)
	} else {
		_ = guarded(tx.Rollback) // closes what a panic left open
		err = b.fail(err, purchase.ErrUncertain)
	}
	b.mu.Lock()
	b.pending = nil
	b.mu.Unlock()
	close(settled)
	return err
}

// untouched reports whether a commit failed for lack of room before it could have an effect: a page did not fit, or the
// file could not grow. Its pages are free in the last state, and only a changed meta page would refer to them. A failed
// fsync never counts, whatever the reason: the kernel drops what it could not write, and the next fsync succeeds.
func (b *Bolt) untouched(err error, size int64) bool {
	path, known := errors.AsType[*fs.PathError](err)
	errno, bare := errors.AsType[syscall.Errno](err)
	switch {
	case known && path.Op == "write" && isFull(errno):
	case !known && !bare && asFull(err) != err && b.size() == size: // bbolt returns only a text about why a file does not grow
	default:
		return false
	}
	return b.familiar()
}

// size returns the file's size; -1 if it is unknown.
func (b *Bolt) size() int64 {
	info, err := b.file.Stat()
	if err != nil {
		return -1
	}
	return info.Size()
}

// learn notes the state after a commit, to detect an overwritten file.
func (b *Bolt) learn(id int) error {
	now := &state{tx: id}
	if _, err := b.file.ReadAt(now.meta[:], b.metaAt(id)); err != nil {
		return b.fail(err, purchase.ErrUncertain)
	}
	b.known.Store(now)
	return nil
}

// metaAt returns the offset of a transaction's meta page: bbolt writes its two in turn.
func (b *Bolt) metaAt(id int) int64 { return int64(id%2) * b.pageSize }

// familiar reports whether the file still has the meta page of the last commit.
func (b *Bolt) familiar() bool {
	for {
		want := b.known.Load()
		var is [metaLength]byte
		_, err := b.file.ReadAt(is[:], b.metaAt(want.tx))
		switch {
		case err == nil && is == want.meta, errors.Is(err, os.ErrClosed): // bbolt refuses everything after Close
			return true
		case b.known.Load() == want: // otherwise two commits came in between, and the second used the same page
			return false
		}
	}
}

// usable returns why the file must no longer be used; nil while it can be.
func (b *Bolt) usable() error {
	if err := b.Failure(); err != nil {
		return fmt.Errorf("%w: %w", purchase.ErrStopped, err)
	}
	if b.readOnly || b.familiar() {
		return nil
	}
	return b.fail(ErrOverwritten, purchase.ErrStopped)
}

// settle waits until a state that was read is durable.
func (b *Bolt) settle(id int) error {
	b.mu.Lock()
	pending, failed := b.pending, b.failed
	b.mu.Unlock()
	if pending != nil && id > b.known.Load().tx {
		<-pending
		failed = b.Failure()
	}
	if failed != nil {
		return fmt.Errorf("%w: %w", purchase.ErrStopped, failed)
	}
	return nil
}

// fail stops all work with the file because of cause. It returns an error of the kind that the caller has to report.
func (b *Bolt) fail(cause, kind error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = cause
		close(b.down)
	}
	return fmt.Errorf("%w: %w", kind, cause)
}

// Failed is closed when the file must no longer be used; see Failure. That is after a commit whose outcome is unknown,
// and after the file was overwritten. Every method then returns an error and reads nothing from the file, and the
// program has to end: only a new start learns what the file holds.
func (b *Bolt) Failed() <-chan struct{} { return b.down }

// Failure returns why the file must no longer be used; nil while it can be.
func (b *Bolt) Failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// faulted is a panic of bbolt, which trusts what it reads.
type faulted struct{ reason any }

func (f faulted) Error() string { return fmt.Sprintf("bbolt: %v", f.reason) }

// guarded turns bbolt's panics, and memory faults beyond the end of the file, into a faulted error.
func guarded(do func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			err = faulted{r}
		}
	}()
	return do()
}
