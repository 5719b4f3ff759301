package bot

import (
	"context"
	"sync"
	"time"

	"licensebot/bot/socket"
)

// words are Slack's answers to one kind of question, by the id that each is about. They may be used concurrently: each
// id has at most one question under way, and callers wait only for answers about their own id.
type words[V any] struct {
	look func(ctx context.Context, id string) (V, error) // asks Slack
	now  func() time.Time
	rest time.Duration // how long to ask no more after a question without an answer

	mu     sync.Mutex
	until  time.Time // Slack limits the rate: no questions before
	known  map[string]word[V]
	vain   map[string]time.Time
	asking map[string]chan struct{} // closed when the question about an id was answered, or not
}

type word[V any] struct {
	said V
	at   time.Time // when the question began
}

func newWords[V any](look func(context.Context, string) (V, error), now func() time.Time,
	rest time.Duration,
) *words[V] {
	return &words[V]{
		look: look, now: now, rest: rest, known: map[string]word[V]{}, vain: map[string]time.Time{},
		asking: map[string]chan struct{}{},
	}
}

// answered is the channel of an answer that is known already.
var answered = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// ask asks Slack about an id, unless its word is fresh. The channel is closed when there is an answer, or none.
func (w *words[V]) ask(ctx context.Context, id string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.within(id, wordFresh); ok {
		return answered
	}
	if done := w.asking[id]; done != nil {
		return done
	}
	if past := w.now().Sub(w.vain[id]); past >= 0 && past < w.rest || w.now().Before(w.until) {
		return answered
	}
	done := make(chan struct{})
	w.asking[id] = done
	go w.find(context.WithoutCancel(ctx), id, done)
	return done
}

// find gets Slack's word on an id and remembers it.
func (w *words[V]) find(ctx context.Context, id string, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	began := w.now()
	said, err := w.look(ctx, id)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.vain[id] = w.now()
		if answer := socket.Classify(err); answer.Outcome == socket.OutcomeRateLimited {
			w.until = w.now().Add(answer.Wait)
		}
	} else {
		w.keep(id, said, began)
	}
	w.forget()
	delete(w.asking, id)
	close(done)
}

// learn keeps Slack's word on an id that came with an answer about many. The question about them began at a time.
func (w *words[V]) learn(id string, said V, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(id, said, began)
}

// keep keeps Slack's answer to a question that began at a time: what changed since may be missing in it. It does not
// replace the answer to a later question. w.mu is held.
func (w *words[V]) keep(id string, said V, began time.Time) {
	delete(w.vain, id)
	if k, ok := w.known[id]; ok && k.at.After(began) && !k.at.After(w.now()) {
		return
	}
	w.known[id] = word[V]{said, began}
}

// limited returns how long to send no questions to Slack; 0 if there is no limit.
func (w *words[V]) limited() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.until.Sub(w.now()), 0)
}

// last is Slack's last word on an id, as long as it may be used.
func (w *words[V]) last(id string) (said V, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.within(id, wordKept)
}

// told is Slack's last word on an id if it is not older than age.
func (w *words[V]) told(id string, age time.Duration) (said V, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.within(id, age)
}

// within is the last word on an id if it is not older than age. w.mu is held.
func (w *words[V]) within(id string, age time.Duration) (V, bool) {
	k, ok := w.known[id]
	past := w.now().Sub(k.at)
	return k.said, ok && past >= 0 && past < age
}

// forget drops words that are too old to be used, when there are many. w.mu is held.
func (w *words[V]) forget() {
	if len(w.known) > mostKnown {
		for id := range w.known {
			if _, ok := w.within(id, wordKept); !ok {
				delete(w.known, id)
			}
		}
	}
	if len(w.vain) > mostKnown {
		clear(w.vain)
	}
}

// await waits until all questions were answered, for askWithin at most, and not longer than half of the time that ctx
// has left: the other half is for what is decided then.
func await(ctx context.Context, questions ...<-chan struct{}) {
	patience := answerWait
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end)/2)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for _, q := range questions {
		select {
		case <-q:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
