package cocalctest

import (
	"math"
	"time"
)

// editLimits are the fields that hold a number, with the largest one that an edit accepts. The server's text names
// custom_ram, and the limit of RAM for too many CPUs.
var editLimits = []struct {
	field string
	most  float64 // 0: no limit
	shown string
}{{"quantity", 0, ""}, {"custom_ram", 16, "16"}, {"custom_cpu", 3, "16"}, {"custom_disk", 20, "20"}}

// startedLately is how long ago a term may have started that an edit treats as not started, and how long ago an end may
// be that means "stop now".
const startedLately = 5 * time.Minute

// editedInfo returns a license's specification after an edit, and what the edit costs at today's price for the
// remaining time: less than 0 for a refund, rounded away from 0. Unknown changes are ignored. A fixed term that has
// started begins now.
func editedInfo(before, changes object, now time.Time) (after object, cost float64, err error) {
	nowMS := float64(now.UnixMilli())
	recent := nowMS - float64(startedLately.Milliseconds())
	start, end := dateMillis(before.get("start")), dateMillis(before.get("end"))
	newStart, startSet := dateChange(changes, "start")
	newEnd, endSet := dateChange(changes, "end")
	if !startSet && endSet && newEnd < start {
		newStart, startSet = newEnd, true
	}
	switch {
	case startSet && start <= recent:
		return nil, 0, refusal("if you are going to change the start date, then the license can't have already started")
	case startSet && endSet && newStart > newEnd:
		return nil, 0, refusal("if you are changing both the start and end date, then start must be <= than end")
	case endSet && newEnd < recent:
		return nil, 0, refusal("if you're changing the end date, then you can't change it to be in the past")
	}
	uptime := changes.get("custom_uptime")
	if name := toText(uptime); !nullish(uptime) && uptimeFactor[name] == 0 && name != "always_running" &&
		!objectNames[name] {
		return nil, 0, refusal(`custom_uptime must be 'always_running' or one of ["short","medium","day"]`)
	}
	old := span{math.Max(start, nowMS), end}.ordered()
	changed := old
	if startSet {
		changed.start = max(newStart, nowMS)
	}
	if endSet {
		changed.end = newEnd
	}
	changed = changed.ordered()
	after, edited, err := editedFields(before, changes)
	if err != nil {
		return nil, 0, err
	}
	worthBefore, err := worth(before, old)
	if err != nil {
		return nil, 0, err
	}
	worthAfter, err := worth(after, changed)
	if err != nil {
		return nil, 0, err
	}
	if edited {
		after = after.with("cost_per_hour", undefined{})
	}
	if before.get("subscription") != "no" {
		changed.start = start
	}
	after = after.with("start", isoMillis(changed.start)).with("end", isoMillis(changed.end))
	cost = round2up(math.Abs(worthAfter - worthBefore))
	if worthAfter < worthBefore {
		cost = -cost
	}
	return jsonb(after).(object), cost, nil
}

// dateChange returns a changed date in milliseconds, NaN for one that is not a date; set is false if it stays.
func dateChange(changes object, name string) (ms float64, set bool) {
	v := changes.get(name)
	if nullish(v) {
		return 0, false
	}
	return dateMillis(v), true
}

// editedFields returns the specification with the changed fields other than dates; edited is false if there are none.
func editedFields(before, changes object) (after object, edited bool, err error) {
	after = before
	for _, limit := range editLimits {
		v := changes.get(limit.field)
		if nullish(v) || looselyEqual(before.get(limit.field), v) {
			continue
		}
		n, ok := v.(float64)
		switch {
		case !ok || n != math.Trunc(n):
			return nil, false, refusal(limit.field + " must be an integer")
		case n <= 0:
			return nil, false, refusal(limit.field + " must be positive")
		case limit.most > 0 && n > limit.most:
			return nil, false, refusal("custom_ram must be at most " + limit.shown)
		}
		after, edited = after.with(limit.field, n), true
	}
	if v := changes.get("custom_member"); !nullish(v) && truthy(v) != truthy(before.get("custom_member")) {
		if _, ok := v.(bool); !ok {
			return nil, false, refusal("custom_member must be boolean")
		}
		after, edited = after.with("custom_member", v), true
	}
	if v := changes.get("custom_uptime"); !nullish(v) && !looselyEqual(before.get("custom_uptime"), v) {
		after, edited = after.with("custom_uptime", v), true
	}
	return after, edited, nil
}

// span is the time that an edit changes, in milliseconds since 1970. A date may be NaN.
type span struct{ start, end float64 }

// ordered returns the span with an end that is not before its start.
func (t span) ordered() span {
	if t.end < t.start {
		t.end = t.start
	}
	return t
}

// worth returns what a license costs at today's price for a span of time.
func worth(info object, t span) (float64, error) {
	perMonth, err := monthDollars(infoDescription(info), toText(info.get("subscription")))
	if err != nil {
		return 0, err
	}
	exact, err := decimalMultiply(perMonth, (t.end-t.start)/monthMS)
	if err != nil {
		return 0, err
	}
	return decimalMultiply(round2up(exact), info.get("quantity"))
}

// periodDollars returns today's price of one period of a subscription.
func periodDollars(info object) (float64, error) {
	cost, err := computeDollars(infoDescription(info), time.Time{})
	return cost.cost, err
}

// infoDescription converts a license's specification to the description that the price code reads.
func infoDescription(info object) object {
	return object{
		{"type", "quota"},
		{"user", info.get("user")},
		{"run_limit", info.get("quantity")},
		{"period", info.get("subscription")},
		{"ram", info.get("custom_ram")},
		{"cpu", info.get("custom_cpu")},
		{"disk", info.get("custom_disk")},
		{"member", info.get("custom_member")},
		{"uptime", info.get("custom_uptime")},
	}
}

func isoMillis(ms float64) string { return isoText(time.UnixMilli(int64(ms))) }

// looselyEqual is JavaScript's == for values of JSON that are not lists or objects.
func looselyEqual(a, b any) bool {
	switch {
	case nullish(a) || nullish(b):
		return nullish(a) && nullish(b)
	case isText(a) && isText(b):
		return a == b
	}
	return toNumber(a) == toNumber(b)
}

func isText(v any) bool { _, ok := v.(string); return ok }
