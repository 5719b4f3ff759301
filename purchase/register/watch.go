package register

import "time"

// WatchUntil is the end of a watch that begins now. Ends are rounded up, so that the watches of a busy hour end
// together, and share their looks at the list of purchases, which CoCalc throttles.
func (reg *Register) WatchUntil() time.Time {
	step := reg.WatchStep()
	return reg.now().Add(reg.timing.Settle + step - 1).Truncate(step)
}

// WatchStep is the unit that the ends of watches are rounded to.
func (reg *Register) WatchStep() time.Duration { return max(reg.timing.Settle/10, 1) }
