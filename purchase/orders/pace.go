package orders

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Commands cost nothing, and the ledger keeps everything forever. So a person's cards are limited, and so are the
// refusals that are recorded one by one. Further cards are refused, and further refusals become one record per reason,
// with their number.

const (
	// maxCards is how many cards a person gets at once; then one every cardEvery.
	maxCards  = 40
	cardEvery = time.Minute
	// maxRefusals is how many refusals of a person are recorded one by one within refusalsFor. The rest are recorded
	// together at its end.
	maxRefusals = 20
	refusalsFor = 10 * time.Minute
	// maxPaced is how many people are remembered. Beyond it, those without recent activity are dropped.
	maxPaced = 10_000
)

// rateLimiter counts recent cards and refusals of people, by their keys.
type rateLimiter struct {
	mu     sync.Mutex
	cards  map[string]*cardAllowance
	people map[string]*refusalCount
}

type cardAllowance struct {
	left float64
	at   time.Time
}

type refusalCount struct {
	since   time.Time // of the first refusal of this period
	single  int       // recorded one by one
	counted map[purchase.RefusalCode]tally
}

// tally is a number of refusals that are recorded together.
type tally struct {
	n   int
	who purchase.Actor
}

// allowCard reports whether a person may have another card now, and counts it.
func (p *rateLimiter) allowCard(key string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cards == nil || len(p.cards) > maxPaced {
		maps.DeleteFunc(p.cards, func(_ string, c *cardAllowance) bool { return now.Sub(c.at).Abs() > maxCards*cardEvery })
		if p.cards == nil {
			p.cards = map[string]*cardAllowance{}
		}
	}
	c := p.cards[key]
	if c == nil {
		c = &cardAllowance{left: maxCards, at: now}
		p.cards[key] = c
	}
	past := max(now.Sub(c.at), 0) // a clock that was set back earns nothing
	c.left, c.at = min(c.left+float64(past)/float64(cardEvery), maxCards), now
	if c.left < 1 {
		return false
	}
	c.left--
	return true
}

// recordSingly reports whether a refusal gets its own record; otherwise it is counted. first is set for the first one
// counted.
func (p *rateLimiter) recordSingly(who purchase.Actor, code purchase.RefusalCode, now time.Time) (single, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.people == nil {
		p.people = map[string]*refusalCount{}
	}
	key := who.Key()
	r := p.people[key]
	if past := refusalsFor; r == nil || len(r.counted) == 0 && (now.Sub(r.since) >= past || now.Before(r.since)) {
		if len(p.people) > maxPaced {
			maps.DeleteFunc(p.people, func(_ string, r *refusalCount) bool {
				return len(r.counted) == 0 && now.Sub(r.since) >= past
			})
		}
		r = &refusalCount{since: now, counted: map[purchase.RefusalCode]tally{}}
		p.people[key] = r
	}
	if len(r.counted) == 0 && r.single < maxRefusals {
		r.single++
		return true, false
	}
	first = len(r.counted) == 0
	t := r.counted[code]
	r.counted[code] = tally{t.n + 1, who}
	return false, first
}

// due takes the counted refusals whose period is over, or all of them, and returns the time until the next are due.
func (p *rateLimiter) due(now time.Time, everything bool) (events []purchase.Event, next time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next = register.Idle
	for _, key := range slices.Sorted(maps.Keys(p.people)) {
		r := p.people[key]
		if len(r.counted) == 0 {
			continue
		}
		if left := r.since.Add(refusalsFor).Sub(now); left > 0 && left <= refusalsFor && !everything {
			next = min(next, left)
			continue
		}
		for _, code := range slices.Sorted(maps.Keys(r.counted)) {
			t := r.counted[code]
			events = append(events, purchase.Event{
				Time: now, Kind: "refused", By: purchase.TruncateID(t.who.ID), Note: string(code),
				Count: t.n,
			})
		}
		delete(p.people, key)
	}
	return events, next
}

// restore counts refusals again that could not be recorded.
func (p *rateLimiter) restore(events []purchase.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		who := purchase.Actor{ID: e.By}
		r := p.people[who.Key()]
		if r == nil {
			r = &refusalCount{since: e.Time, single: maxRefusals, counted: map[purchase.RefusalCode]tally{}}
			p.people[who.Key()] = r
		}
		t := r.counted[purchase.RefusalCode(e.Note)]
		r.counted[purchase.RefusalCode(e.Note)] = tally{t.n + e.Count, who}
	}
}

// recordCounted records the counted refusals whose period is over, and returns the time until the next are due.
func (svc *Service) recordCounted(ctx context.Context, everything bool) (time.Duration, error) {
	events, next := svc.rateLimiter.due(svc.now(), everything)
	if len(events) == 0 {
		return next, nil
	}
	err := svc.ledger.Update(ctx, func(w purchase.Writer) error {
		for _, e := range events {
			if err := w.AppendEvent(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		svc.rateLimiter.restore(events)
		return 0, fmt.Errorf("record %d counted refusals: %w", len(events), err)
	}
	return next, nil
}

// recordRefusal records a refusal in the caller's transaction, or counts it. recorded keeps that decision across
// repeated runs of the transaction.
func (svc *Service) recordRefusal(w purchase.Writer, recorded *recording, no *purchase.Refusal, id purchase.OrderID,
	who purchase.Actor, at purchase.Channel,
) error {
	if recorded.code != no.Code {
		*recorded = recording{code: no.Code, single: svc.recordsSingly(no, who)}
	}
	if !recorded.single {
		return nil
	}
	return w.AppendEvent(svc.refusalEvent(no, id, who, at))
}

// recording is the decision whether a refusal gets its own record.
type recording struct {
	code   purchase.RefusalCode
	single bool
}

// recordsSingly reports whether a refusal gets its own record; otherwise it is counted, and recorded later.
func (svc *Service) recordsSingly(no *purchase.Refusal, who purchase.Actor) bool {
	single, first := svc.rateLimiter.recordSingly(who, no.Code, svc.now())
	if first {
		register.Nudge(svc.counted)
	}
	return single
}

// refuseTooFast refuses a card to a person who got too many in too short a time.
func refuseTooFast() *purchase.Refusal {
	return purchase.NewRefusal(purchase.TooFast, "cards", strconv.Itoa(maxCards))
}
