package bot

import "sync"

// maxReads is how many reads of one kind a person can wait for at a time.
const maxReads = 2

// readLimiter counts how many reads each person waits for.
type readLimiter struct {
	mu      sync.Mutex
	waiting map[string]int // by the kind of read and the person
}

// run runs a read for a person and counts it meanwhile. It does nothing if the person waits for maxReads already.
func (r *readLimiter) run(user string, read func()) {
	if !r.begin(user) {
		return
	}
	defer r.end(user)
	read()
}

// begin counts a read of a person. It returns false if they wait for maxReads already.
func (r *readLimiter) begin(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[user] >= maxReads {
		return false
	}
	r.waiting[user]++
	return true
}

func (r *readLimiter) end(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[user]--; r.waiting[user] == 0 {
		delete(r.waiting, user)
	}
}

// tooManyReadsText is the answer to a person who asks for more.
const tooManyReadsText = "I'm still working on your last requests. Please wait for them before you ask for more."
