package bot

import (
	"sync"
	"time"
)

// formUpdates keeps the updates of open forms in order. Changes arrive one after the other, each with all values of the
// form, and the person must see the update for the last one. Slack's own guard, the view's hash, would keep the first
// one.
type formUpdates struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*formView
}

// formView is one open form.
type formView struct {
	updating sync.Mutex
	newest   int // the last change that arrived; formUpdates.mu is held
	at       time.Time
}

const (
	// maxForms is how many forms are kept. Beyond it, those that have not changed for formLife are dropped.
	maxForms = 1000
	formLife = time.Hour
)

// change notes that a form changed and returns its update. The update does nothing when a newer change has arrived.
func (f *formUpdates) change(id string) (update func(show func())) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[string]*formView{}
	}
	v := f.by[id]
	if v == nil {
		f.prune()
		v = &formView{}
		f.by[id] = v
	}
	v.newest++
	v.at = f.now()
	mine := v.newest
	return func(show func()) {
		v.updating.Lock()
		defer v.updating.Unlock()
		f.mu.Lock()
		newest := v.newest
		f.mu.Unlock()
		if mine == newest {
			show()
		}
	}
}

// prune drops forms that were closed long ago. f.mu is held.
func (f *formUpdates) prune() {
	if len(f.by) < maxForms {
		return
	}
	for id, v := range f.by {
		if f.now().Sub(v.at) > formLife {
			delete(f.by, id)
		}
	}
}
