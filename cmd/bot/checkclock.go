package main

import (
	"context"
	"fmt"
	"time"
)

// checkClock compares this machine's clock with Slack's and CoCalc's.
func (k *checker) checkClock(context.Context) {
	const subject = "clock"
	off := false
	read := k.clocks.readings()
	for _, r := range read {
		if r.ahead.Abs() > clockTolerance {
			off = true
			k.warn(subject, "Turn on time synchronization (NTP).",
				"this machine's clock is %s; days, months and approval times depend on it", r)
		}
	}
	switch {
	case len(read) == 0:
		k.unchecked(subject, "", "neither Slack nor CoCalc answered with a date")
	case !off:
		k.pass(subject, "agrees with %s", servers(read))
	}
}

// String returns how far off this machine's clock is.
func (r clockReading) String() string {
	way := "ahead of"
	if r.ahead < 0 {
		way = "behind"
	}
	return fmt.Sprintf("%s %s %s's", r.ahead.Abs().Round(time.Second), way, r.server)
}

func servers(read []clockReading) (names string) {
	for i, r := range read {
		if i > 0 {
			names += " and "
		}
		names += r.server + "'s"
	}
	return names
}
