package bot

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"licensebot/purchase"
)

// priority says which of the messages that wait for a rate limit goes first.
type priority int

const (
	// A person's own messages: the answer to their click, and what became of their order.
	priorityAnswer priority = iota
	// Requests for approval, before which an order can't continue.
	priorityApproval
	priorityNotice
	// Approvers' cards of orders that were decided.
	priorityEnded
	// The channel's lines about purchases.
	priorityLine
	// Steps of a purchase, of which a later one is shown as well.
	priorityProgress
)

// send is what waits to be sent: a part of an order, or the next notice for a recipient. It has no text: what is sent
// is made when its turn comes, from what the ledger has then. So a newer state replaces an older one that still waits.
type send struct {
	turn     turn
	priority priority
	limits   []limit   // of its calls
	since    time.Time // the older ones go first within a priority
	place    int       // among those of the same time
	order    purchase.OrderID
	run      func(context.Context, *permit) error
}

// sendQueue keeps what waits for Slack's rate limits. It is in memory only: what is to be shown stands in the ledger.
// It may be used concurrently.
type sendQueue struct {
	pace *pace

	mu      sync.Mutex
	waiting []send // in the sequence in which they go
}

func newSendQueue(pace *pace) *sendQueue { return &sendQueue{pace: pace} }

// put adds a send. It replaces the one with the same turn.
func (q *sendQueue) put(s send) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(old send) bool { return old.turn == s.turn })
	at, _ := slices.BinarySearchFunc(q.waiting, s, func(a, b send) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), a.since.Compare(b.since), cmp.Compare(a.place, b.place),
			cmp.Compare(a.turn, b.turn))
	})
	q.waiting = slices.Insert(q.waiting, at, s)
}

// remove drops the sends whose turns are not wanted.
func (q *sendQueue) remove(unwanted func(turn) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(s send) bool { return unwanted(s.turn) })
}

// next takes out what can be sent now, and counts it as running until [pace.end]. It also returns how long the others
// wait for a rate limit at least; 0 if none waits for one. What waits for the end of another call is taken out by a
// later next.
func (q *sendQueue) next() (ready []send, pause time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	short := map[limit]bool{} // that have no call left: nothing else is sent under them before
	left := q.waiting[:0]
	for _, s := range q.waiting {
		if slices.ContainsFunc(s.limits, func(l limit) bool { return short[l] }) {
			left = append(left, s)
			continue
		}
		without, wait, full := q.pace.begin(s.limits)
		if !full && wait == 0 {
			ready = append(ready, s)
			continue
		}
		short[without] = true
		left = append(left, s)
		if wait > 0 && (pause == 0 || wait < pause) {
			pause = wait
		}
	}
	clear(q.waiting[len(left):])
	q.waiting = left
	return ready, pause
}
