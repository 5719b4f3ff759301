package cocalctest

import "sync"

// underWay counts requests under way. Unlike a sync.WaitGroup it may be waited for while the next one begins.
type underWay struct {
	mu    sync.Mutex
	n     int
	ended chan struct{} // closed when n is 0 again; nil while nothing waits
}

// Add counts more requests, or fewer.
func (u *underWay) Add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n += n; u.n == 0 && u.ended != nil {
		close(u.ended)
		u.ended = nil
	}
}

// Done counts one request less.
func (u *underWay) Done() { u.Add(-1) }

// Wait returns when no request is under way.
func (u *underWay) Wait() {
	u.mu.Lock()
	if u.n == 0 {
		u.mu.Unlock()
		return
	}
	if u.ended == nil {
		u.ended = make(chan struct{})
	}
	ended := u.ended
	u.mu.Unlock()
	<-ended
}
