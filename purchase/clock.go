package purchase

import "time"

// Three clocks are kept apart, since any of them may be wrong or jump:
//
//   - now, the machine's clock: what people read, and the day and month in which an order counts. It can be set at any
//     time.
//   - elapsed, the monotonic clock of this run: how long to wait.
//   - CoCalc's clock, from the Date of its answers: everything that is compared with CoCalc's times.

// elapsed returns how long the desk has existed. Setting the machine's clock does not change it, and it stands still
// while the machine is suspended.
func (d *Desk) elapsed() time.Duration { return time.Since(d.born) }

// there returns CoCalc's time; zero if it is unknown.
func (d *Desk) there() time.Time {
	now, ok := d.shop.Time()
	if !ok {
		return time.Time{}
	}
	return now.UTC()
}

// nowThere returns CoCalc's time, or the machine's if CoCalc's is unknown.
func (d *Desk) nowThere() time.Time {
	if now := d.there(); !now.IsZero() {
		return now
	}
	return d.now()
}

// span is a window that began at a stored moment: its end by the machine's clock, its end by CoCalc's clock if that is
// known, and its greatest length.
type span struct {
	what   string
	until  time.Time
	there  time.Time // zero: unknown
	length time.Duration
	// careful spans begin anew in a run that cannot tell how much of them is left: what they wait for may still be at
	// work.
	careful bool
}

// spanKey tells the spans of an order apart. A span that begins again has another end.
type spanKey struct {
	what  string
	until int64
}

// spans holds the ends, in elapsed, of the spans that this run has seen.
type spans map[OrderID]map[spanKey]time.Duration

// ends returns the end of a span, in elapsed. The rest of the span is read from the clocks once, when this run first
// sees it, and is never longer than the span. Later jumps of a clock don't change it.
func (b *buyer) ends(id OrderID, s span) time.Duration {
	key := spanKey{s.what, s.until.UnixNano()}
	end, known := b.spans[id][key]
	if !known {
		left, there := s.until.Sub(b.now()), b.there()
		switch {
		case !s.there.IsZero() && !there.IsZero():
			left = s.there.Sub(there)
		case s.careful && s.until.Add(-s.length).Before(b.bornAt) &&
			(there.IsZero() || there.Sub(b.now()).Abs() > clocksApart):
			left = s.length // it began before this run, and this machine's clock may have been set since
		}
		end = b.elapsed() + min(max(left, 0), s.length)
		if b.spans[id] == nil {
			b.spans[id] = map[spanKey]time.Duration{}
		}
		b.spans[id][key] = end
	}
	return end
}

// remains returns the rest of a span; 0 if it is over.
func (b *buyer) remains(id OrderID, s span) time.Duration {
	return max(b.ends(id, s)-b.elapsed(), 0)
}

// after returns the moment d after at, by CoCalc's clock; zero if at is unknown.
func after(at time.Time, d time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(d)
}

// watchSpan returns the span for which an ended order is watched.
func (b *buyer) watchSpan(o Order) span {
	return span{what: "watch", until: o.WatchUntil, length: b.timing.Settle + b.watchStep(), careful: true}
}

// patience returns the span for which a trouble that began at since is waited out.
func (b *buyer) patience(what string, since time.Time) span {
	return span{what: what, until: since.Add(b.timing.Patience), length: b.timing.Patience}
}
