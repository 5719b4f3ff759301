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

// ErrOverwritten says that other bytes stand in the ledger's file than this program wrote: for example, because a backup
// was copied over it with cp.
var ErrOverwritten = errors.New("the ledger's file was overwritten while it was open")

// commits makes changes durable, several with one fsync, and decides what a failed commit means. bbolt's own Batch would
// let the next transaction begin before that decision: it would see what the failed one left in the page cache, and its
// own fsync would succeed, since the kernel reports a failed write only once.
type commits struct {
	gathering sync.Mutex
	next      *batch // of changes that wait for their commit; nil when there are none

	writing sync.Mutex // held from the beginning of a commit until its outcome is known

	mu      sync.Mutex
	pending chan struct{} // closed when the commit under way has its outcome; nil when there is none
	failed  error         // why the file is not used any more
	down    chan struct{} // closed with failed

	known atomic.Pointer[state]
}

// state identifies what the file holds after the last commit.
type state struct {
	tx   int
	meta [metaLength]byte // the meta record of that transaction
}

const metaLength = pageHeader + metaHashed + 8

// batch is changes that will share a commit.
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

// errAlone sends a change that failed beside others back to its caller, to be run alone.
var errAlone = errors.New("run it alone")

// together runs a change in one transaction with others that arrive within batchDelay.
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

// run commits a batch. A change that fails, or panics, is run again by its caller, alone; the others are run again
// without it.
func (b *Bolt) run(batch *batch) {
	batch.begin.Do(func() {
		b.gathering.Lock()
		batch.timer.Stop()
		if b.next == batch {
			b.next = nil
		}
		b.gathering.Unlock()
		for calls := batch.calls; len(calls) > 0; {
			wrong := -1
			err := b.write(func(tx *bbolt.Tx) error {
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

// write runs a change in a transaction of its own. The error is the change's, or says what became of the commit: it wraps
// purchase.ErrFull when the disk is full and certainly nothing was changed; purchase.ErrUncertain when nobody can say
// whether the transaction is in the file; purchase.ErrStopped when it was not tried.
func (b *Bolt) write(change func(*bbolt.Tx) error) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	if err := b.usable(); err != nil {
		return err
	}
	tx, err := b.begin(true)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		if open { // the change failed, or panics
			_ = guarded(tx.Rollback) // its only error says that it is closed
		}
	}()
	if err := change(tx); err != nil {
		return err
	}
	open = false
	return b.commit(tx)
}

// view runs read against the last committed state. A state whose commit is still under way is waited for before read's
// result counts: what was read and is not durable may be gone after the next start.
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

// begin begins a transaction. Where the file was cut short, bbolt reads behind its end.
func (b *Bolt) begin(writable bool) (tx *bbolt.Tx, err error) {
	err = guarded(func() (err error) {
		tx, err = b.db.Begin(writable)
		return err
	})
	if _, fault := errors.AsType[faulted](err); fault {
		return nil, b.fail(fmt.Errorf("%w: %w", ErrDamaged, err), purchase.ErrStopped)
	}
	if errors.Is(err, bolterrors.ErrInvalidMapping) { // the mapping could not be made anew when the file grew
		return nil, b.fail(err, purchase.ErrStopped)
	}
	return tx, err
}

// commit makes a transaction durable. Readers that saw its state before that wait for the outcome.
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

// untouched reports whether a commit failed for lack of room before anything of it could count: a page did not fit, or the
// file could not grow. Its pages are free in the last state, and only a changed meta page would lead to them. An fsync that
// failed is no such case, whatever the reason: the kernel drops what it could not write, and the next fsync succeeds.
func (b *Bolt) untouched(err error, size int64) bool {
	path, known := errors.AsType[*fs.PathError](err)
	errno, bare := errors.AsType[syscall.Errno](err)
	switch {
	case known && path.Op == "write" && isFull(errno):
	case !known && !bare && asFull(err) != err && b.size() == size: // bbolt keeps why a file does not grow as text
	default:
		return false
	}
	return b.familiar()
}

// size is the file's; -1 when it cannot be asked.
func (b *Bolt) size() int64 {
	info, err := b.file.Stat()
	if err != nil {
		return -1
	}
	return info.Size()
}

// learn notes the state after a commit, by which an overwritten file is told.
func (b *Bolt) learn(id int) error {
	now := &state{tx: id}
	if _, err := b.file.ReadAt(now.meta[:], b.metaAt(id)); err != nil {
		return b.fail(err, purchase.ErrUncertain)
	}
	b.known.Store(now)
	return nil
}

// metaAt is where the meta page of a transaction is: bbolt writes its two in turn.
func (b *Bolt) metaAt(id int) int64 { return int64(id%2) * b.pageSize }

// familiar reports whether the file still has the meta page of the last commit.
func (b *Bolt) familiar() bool {
	for {
		want := b.known.Load()
		var is [metaLength]byte
		_, err := b.file.ReadAt(is[:], b.metaAt(want.tx))
		switch {
		case err == nil && is == want.meta, errors.Is(err, os.ErrClosed): // bbolt refuses what comes after Close
			return true
		case b.known.Load() == want: // else two commits came in between, of which the second takes the same page
			return false
		}
	}
}

// usable answers why the file is not to be used any more, and nil as long as it is.
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

// fail stops all work with the file, because of cause. It answers an error of the kind that the caller has to report.
func (b *Bolt) fail(cause, kind error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = cause
		close(b.down)
	}
	return fmt.Errorf("%w: %w", kind, cause)
}

// Failed is closed when the file cannot be used any more, as Failure says: after a commit of which nobody can say whether
// it is durable, and after the file was overwritten. Every method answers an error then, nothing is read from the file, and
// the program has to end: only a new start learns what the file holds.
func (b *Bolt) Failed() <-chan struct{} { return b.down }

// Failure says why the file cannot be used any more; nil as long as it can.
func (b *Bolt) Failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// faulted is a panic of bbolt, which trusts what it reads.
type faulted struct{ reason any }

func (f faulted) Error() string { return fmt.Sprintf("bbolt: %v", f.reason) }

// guarded turns bbolt's panics, and faults of memory behind the end of the file, into a faulted error.
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
