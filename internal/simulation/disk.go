package simulation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"licensebot/purchase"
)

// Sync is a commit whose fsync fails. The program ends, and only its next start learns whether the commit is in the
// ledger.
type Sync struct {
	After        time.Duration
	Transactions int           // that are committed before it
	Kept         bool          // it is in the ledger
	Down         time.Duration // until the program is started again
}

// disk plans a failing commit in every second run, and sometimes one of the next start's too. It has dice of its own.
func (p *planner) disk() {
	d := &planner{Rand: dice(p.plan.Seed, "disk", 0), plan: p.plan}
	for d.one(2) && len(p.plan.Syncs) < 4 {
		s := Sync{After: d.tense(), Transactions: d.IntN(12), Kept: d.one(2), Down: d.between(time.Second, 2*time.Minute)}
		p.plan.Syncs = append(p.plan.Syncs, s)
		for d.one(4) { // and again while it recovers
			s = Sync{
				After: s.After + time.Millisecond, Transactions: d.IntN(6), Kept: d.one(2),
				Down: d.between(time.Second, time.Minute),
			}
			p.plan.Syncs = append(p.plan.Syncs, s)
		}
	}
}

// errLost rolls back a transaction that is not in the ledger after all.
var errLost = errors.New("the commit is not in the ledger")

// uncertain returns the failing fsync of this transaction; nil if it succeeds.
func (w *world) uncertain() *Sync {
	now := w.sinceBegun()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed >= len(w.plan.Syncs) || now >= w.plan.Latest || now < w.plan.Syncs[w.failed].After {
		return nil
	}
	s := &w.plan.Syncs[w.failed]
	w.committed++
	if w.committed <= s.Transactions {
		return nil
	}
	w.failed++
	w.committed = 0
	w.summary.Uncertain++
	return s
}

// fails ends all work with the ledger until the next start.
func (p *process) fails(s *Sync) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sync == nil {
		p.sync = s
		close(p.broken)
	}
}

// unusable returns the error of a ledger that has failed; nil as long as it has not.
func (p *process) unusable() error {
	select {
	case <-p.broken:
		return fmt.Errorf("%w, says the simulation", purchase.ErrStopped)
	default:
		return nil
	}
}

// doubt is the outcome of an act whose transaction was being written when the disk failed.
type doubt struct {
	counts  bool // the ledger has it, and it is no refusal
	at      time.Time
	program int // the number of the program that wrote it
}

// What people read about a doubt.
const (
	unsure      = "I don't know yet whether "
	promised    = "counted. I'll tell you."
	diskVerdict = "My disk failed"
	didCount    = "counted."
	didNotCount = "didn't count"
	diskFull    = "My disk is full"
)

// checkDoubts: a person whose act was being written when the disk failed reads that it is not known yet whether it
// counts, or nothing, but never that it did not go through; after the next start those who were promised an answer read
// the true one, unless the audit says that Slack did not take it. An act that Slack delivers more than once can meet a
// full disk with one delivery, which certainly did not go through, and a failing one with another.
func (w *world) checkDoubts(b books) {
	w.slack.mu.Lock()
	defer w.slack.mu.Unlock()
	for _, a := range w.slack.acts {
		if a.doubt == nil {
			continue
		}
		asked := false
		for _, said := range a.said {
			asked = asked || strings.Contains(said, unsure) && strings.Contains(said, promised)
			met := a.deliveries > 1 && strings.Contains(said, diskFull)
			if !met && (strings.Contains(said, "didn't go through") || strings.Contains(said, "wasn't created")) {
				w.wrong("%s's %q was being written when the disk failed, and they read: %s", a.who, a.what, headline(said))
			}
		}
		if !asked {
			continue // killed before the answer, or Slack lost it
		}
		informed, right := slices.ContainsFunc(b.events, func(e purchase.Event) bool {
			return e.Kind == "untold" && name(e.Place) == a.who && strings.HasPrefix(e.Note, "uncertain-") &&
				e.Time.After(a.doubt.at)
		}), true
		for _, m := range w.slack.messages {
			if m.reader != a.who || !strings.Contains(m.text, diskVerdict) || m.shown.Before(a.doubt.at) {
				continue
			}
			if !informed {
				informed, right = true, false
			}
			right = right || strings.Contains(m.text, didNotCount) != a.doubt.counts &&
				(strings.Contains(m.text, didCount) || strings.Contains(m.text, didNotCount))
		}
		switch {
		case !informed:
			w.wrong("%s's %q was being written when the disk failed, and they never read whether it counted", a.who, a.what)
		case !right:
			w.wrong("%s's %q was being written when the disk failed; it counts: %t; and they read otherwise", a.who, a.what,
				a.doubt.counts)
		}
	}
}
