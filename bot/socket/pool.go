package socket

import (
	"context"
	"sync"
	"sync/atomic"
)

// pool runs tasks on a fixed number of goroutines behind a queue of fixed length.
type pool struct {
	tasks   chan func()
	pending atomic.Int64 // tasks from before they are queued until they are done
	done    chan struct{}
	workers int
	once    sync.Once

	mu     sync.RWMutex // guards closed, and closing tasks against sends
	closed bool
}

// newPool makes a pool whose queue holds length tasks. Its workers start with the first task, so that a client which is
// made and never run leaves nothing behind. close ends them.
func newPool(workers, length int) *pool {
	return &pool{tasks: make(chan func(), length), done: make(chan struct{}), workers: workers}
}

// start starts the workers, once.
func (p *pool) start() {
	p.once.Do(func() {
		var wg sync.WaitGroup
		for range p.workers {
			wg.Go(func() {
				for task := range p.tasks {
					task()
					p.pending.Add(-1)
				}
			})
		}
		go func() {
			wg.Wait()
			close(p.done)
		}()
	})
}

// try queues a task without waiting and reports whether there was room.
func (p *pool) try(task func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	p.start()
	p.pending.Add(1)
	select {
	case p.tasks <- task:
		return true
	default:
		p.pending.Add(-1)
		return false
	}
}

// wait queues a task, waits for room until ctx is done, and reports whether there was.
func (p *pool) wait(ctx context.Context, task func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	p.start()
	p.pending.Add(1)
	select {
	case p.tasks <- task:
		return true
	case <-ctx.Done():
		p.pending.Add(-1)
		return false
	}
}

// load returns how many tasks wait and how many run. Their sum is 0 only when there are none.
func (p *pool) load() (waiting, running int) {
	taken := int(p.pending.Load())
	waiting = min(len(p.tasks), taken)
	return waiting, taken - waiting
}

// close takes no further tasks; what is queued still runs. It may be called again.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.start() // so that done is closed also when there never was a task
		p.closed = true
		close(p.tasks)
	}
}

// drain closes the pool and waits until its tasks are done or ctx is. It reports whether they are done.
func (p *pool) drain(ctx context.Context) bool {
	p.close()
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return false
	}
}
