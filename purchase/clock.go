package purchase

import "time"

// Three clocks are kept apart, since any of them may be wrong or step:
//
//   - now, the machine's: what people read, and in which day and month an order counts. It may be set at any moment.
//   - elapsed, the monotonic clock of this run: how long something is waited for.
//   - CoCalc's own, from the Date of its answers: whatever is compared with times that CoCalc writes.

// elapsed is how long the desk has existed. A step of the machine's clock does not move it, and it stands still while the
// machine is suspended.
func (d *Desk) elapsed() time.Duration { return time.Since(d.born) }

// there is CoCalc's time; zero when it is not known.
func (d *Desk) there() time.Time {
	now, ok := d.shop.Time()
	if !ok {
		return time.Time{}
	}
	return now.UTC()
}

// nowThere is CoCalc's time, or the machine's where CoCalc does not tell its own.
func (d *Desk) nowThere() time.Time {
	if now := d.there(); !now.IsZero() {
		return now
	}
	return d.now()
}

// span is a stretch of time that began at a stored moment: when it ends by the machine's clock, and by CoCalc's where that
// is known, and how long it is at most.
type span struct {
	what   string
	until  time.Time
	there  time.Time // zero: not known
	length time.Duration
}

// spanKey tells the spans of an order apart. One that begins anew has another end.
type spanKey struct {
	what  string
	until int64
}

// spans are when, in elapsed, the spans of orders end that this run has seen.
type spans map[OrderID]map[spanKey]time.Duration

// ends answers when a span ends, in elapsed. What is left of it is taken from the clocks once, when this run first sees it,
// and is never more than its length: after that no step of a clock makes it shorter or longer.
func (b *buyer) ends(id OrderID, s span) time.Duration {
	key := spanKey{s.what, s.until.UnixNano()}
	end, known := b.spans[id][key]
	if !known {
		left := s.until.Sub(b.now())
		if there := b.there(); !s.there.IsZero() && !there.IsZero() {
			left = s.there.Sub(there)
		}
		end = b.elapsed() + min(max(left, 0), s.length)
		if b.spans[id] == nil {
			b.spans[id] = map[spanKey]time.Duration{}
		}
		b.spans[id][key] = end
	}
	return end
}

// remains is what is left of a span, 0 when it is over.
func (b *buyer) remains(id OrderID, s span) time.Duration {
	return max(b.ends(id, s)-b.elapsed(), 0)
}

// after is a moment by CoCalc's clock and as long afterwards; zero when the moment is not known.
func after(at time.Time, d time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(d)
}

// watchSpan is the time for which an order that has ended is watched.
func (b *buyer) watchSpan(o Order) span {
	return span{what: "watch", until: o.WatchUntil, length: b.timing.Settle + b.watchStep()}
}

// patience is for how long a trouble that began then is waited out.
func (b *buyer) patience(what string, since time.Time) span {
	return span{what: what, until: since.Add(b.timing.Patience), length: b.timing.Patience}
}
