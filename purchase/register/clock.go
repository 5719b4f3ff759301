package register

import (
	"time"

	"licensebot/purchase"
)

// Three clocks are kept apart, since any of them may be wrong or jump:
//
//   - now, the machine's clock: what people read, and the day and month in which an order counts. It can be set at any
//     time.
//   - elapsed, the monotonic clock of this run: how long to wait.
//   - CoCalc's clock, from the Date of its answers: everything that is compared with CoCalc's times.

// Elapsed returns how long the register has existed. Setting the machine's clock does not change it, and it stands
// still while the machine is suspended.
func (reg *Register) Elapsed() time.Duration { return time.Since(reg.Born) }

// ServerTime returns CoCalc's time; zero if it is unknown.
func (reg *Register) ServerTime() time.Time {
	now, ok := reg.shop.Time()
	if !ok {
		return time.Time{}
	}
	return now.UTC()
}

// ServerTimeOrNow returns CoCalc's time, or the machine's if CoCalc's is unknown.
func (reg *Register) ServerTimeOrNow() time.Time {
	if now := reg.ServerTime(); !now.IsZero() {
		return now
	}
	return reg.now()
}

// Span is a window that began at a stored moment: its end by the machine's clock, its end by CoCalc's clock if that is
// known, and its greatest length.
type Span struct {
	What   string
	Until  time.Time
	There  time.Time // zero: unknown
	Length time.Duration
	// Careful spans begin anew in a run that cannot tell how much of them is left: what they wait for may still be at
	// work.
	Careful bool
}

// spanKey tells the spans of an order apart. A span that begins again has another end.
type spanKey struct {
	what  string
	until int64
}

// Spans holds the ends, in elapsed, of the spans that one run has seen. Its methods must not be called at the same
// time.
type Spans struct {
	reg  *Register
	ends map[purchase.OrderID]map[spanKey]time.Duration
}

// NewSpans returns the spans of a run, which has seen none.
func NewSpans(reg *Register) *Spans {
	return &Spans{reg: reg, ends: map[purchase.OrderID]map[spanKey]time.Duration{}}
}

// Forget drops the spans of an order.
func (p *Spans) Forget(id purchase.OrderID) { delete(p.ends, id) }

// Ends returns the end of a span, in elapsed. The rest of the span is read from the clocks once, when this run first
// sees it, and is never longer than the span. Later jumps of a clock don't change it.
func (p *Spans) Ends(id purchase.OrderID, s Span) time.Duration {
	reg, key := p.reg, spanKey{s.What, s.Until.UnixNano()}
	end, known := p.ends[id][key]
	if !known {
		left, there := s.Until.Sub(reg.now()), reg.ServerTime()
		switch {
		case !s.There.IsZero() && !there.IsZero():
			left = s.There.Sub(there)
		case s.Careful && s.Until.Add(-s.Length).Before(reg.BornAt) &&
			(there.IsZero() || there.Sub(reg.now()).Abs() > purchase.ClocksApart):
			left = s.Length // it began before this run, and this machine's clock may have been set since
		}
		end = reg.Elapsed() + min(max(left, 0), s.Length)
		if p.ends[id] == nil {
			p.ends[id] = map[spanKey]time.Duration{}
		}
		p.ends[id][key] = end
	}
	return end
}

// Remains returns the rest of a span; 0 if it is over.
func (p *Spans) Remains(id purchase.OrderID, s Span) time.Duration {
	return max(p.Ends(id, s)-p.reg.Elapsed(), 0)
}

// After returns the moment d after at, by CoCalc's clock; zero if at is unknown.
func After(at time.Time, d time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(d)
}

// WatchUntil is the end of a watch that begins now. Ends are rounded up, so that the watches of a busy hour end
// together, and share their looks at the list of purchases, which CoCalc throttles.
func (reg *Register) WatchUntil() time.Time {
	step := reg.WatchStep()
	return reg.now().Add(reg.timing.Settle + step - 1).Truncate(step)
}

// WatchStep is the unit that the ends of watches are rounded to.
func (reg *Register) WatchStep() time.Duration { return max(reg.timing.Settle/10, 1) }
