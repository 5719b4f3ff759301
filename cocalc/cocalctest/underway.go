package cocalctest

import "sync"

// underWay counts running requests. Unlike with a sync.WaitGroup, a request may begin during Wait.
type underWay struct {
	mu    sync.Mutex
	n     int
	ended chan struct{} // closed when n is 0 again; nil if nothing waits
}

// Add adds n running requests; n may be negative.
func (u *underWay) Add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n += n; u.n == 0 && u.ended != nil {
		close(u.ended)
		u.ended = nil
	}
}

// Done removes one running request.
func (u *underWay) Done() { u.Add(-1) }

// Wait returns when no request is running.
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
