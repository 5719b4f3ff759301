package socket

import (
	"context"
	"sync"
	"sync/atomic"
)

// pool runs tasks on a fixed number of goroutines behind a queue of fixed length.
type pool struct {
	tasks   chan func()
	running atomic.Int64
	done    chan struct{}

	mu     sync.RWMutex // guards closed, and closing tasks against sends
	closed bool
}

// newPool starts workers goroutines; the queue holds length tasks. close ends them.
func newPool(workers, length int) *pool {
	p := &pool{tasks: make(chan func(), length), done: make(chan struct{})}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for task := range p.tasks {
				p.running.Add(1)
				task()
				p.running.Add(-1)
			}
		})
	}
	go func() {
		wg.Wait()
		close(p.done)
	}()
	return p
}

// try queues a task without waiting and reports whether there was room.
func (p *pool) try(task func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	select {
	case p.tasks <- task:
		return true
	default:
		return false
	}
}

// put queues a task, waits for room until ctx is done, and reports whether there was.
func (p *pool) put(ctx context.Context, task func()) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return false
	}
	select {
	case p.tasks <- task:
		return true
	case <-ctx.Done():
		return false
	}
}

// close takes no further tasks; what is queued still runs. It may be called again.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		close(p.tasks)
	}
}

// drain closes the pool and waits until its tasks are done or ctx is. It reports
// whether they are done.
func (p *pool) drain(ctx context.Context) bool {
	p.close()
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pool) isClosed() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.closed
}
