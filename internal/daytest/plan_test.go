package daytest_test

import (
	"cmp"
	"slices"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/slacksim"
)

// event is something that happens at a time since the beginning of the test.
type event struct {
	at time.Duration
	do func()
}

// busy says how many orders people make in each hour. A day has two such halves, since the team works on two
// continents; so what there is at the end of an hour can be compared with twelve hours before. The race detector makes
// the same work several times as long.
var busy = map[bool][halfDay]int{
	false: {3, 4, 6, 9, 13, 16, 16, 13, 10, 8, 6, 5},
	true:  {2, 2, 3, 4, 6, 7, 7, 6, 5, 4, 3, 3},
}[raceDetector]

// halfDay is how many hours pass before the same begins again.
const halfDay = 12

// People act in the first part of each hour. The rest of it is quiet, so that what is measured then is at rest.
const active = 38 * time.Minute

// soon returns a random time in an active part of an hour, at least so long after a time.
func (tm *team) soon(after time.Duration) time.Duration {
	if hour := after.Truncate(time.Hour); after-hour >= active {
		after = hour + time.Hour + tm.within(active)
	}
	return after
}

func (tm *team) within(d time.Duration) time.Duration {
	return time.Duration(tm.random.Int64N(int64(d)))
}

// planHour returns what happens in an hour of the test, and in later hours because of it.
func (tm *team) planHour(hour int) (plan []event) {
	begin := time.Duration(hour) * time.Hour
	add := func(at time.Duration, do func()) { plan = append(plan, event{at, do}) }
	anyTime := func() time.Duration { return begin + tm.within(active-3*time.Minute) }
	orders := busy[hour%halfDay]
	for range orders {
		at := anyTime()
		w := wish{
			person: tm.random.IntN(teamSize), after: 5*time.Second + tm.within(time.Minute),
			fate: fates[tm.random.IntN(len(fates))], decider: tm.random.IntN(3),
			command: buyCommand(8<<tm.random.IntN(2), 1+tm.random.IntN(2)) + " end=" +
				time.Now().AddDate(0, 0, 5+tm.random.IntN(30)).Format(time.DateOnly),
		}
		if tm.random.IntN(3) == 0 { // it renews, so it needs approval
			w.command = buyCommand(8<<tm.random.IntN(2), 1+tm.random.IntN(2))
		}
		switch tm.random.IntN(20) {
		case 0:
			w.person = teamSize - 1 // who orders more than one person may in a day
		case 1:
			w.command = buyCommand(64, 16) // above the limit of an order
		}
		if w.decider == w.person {
			w.decider = (w.person + 1) % 3
		}
		w.decided = tm.soon(at + 4*time.Minute + tm.within(90*time.Minute))
		add(at, func() { tm.order(w) })
	}
	looks := []string{"help", "list", "history", "budget", "quote ram=16 cpu=2", "help buy", "list expired", "order x"}
	for range 2 * orders {
		person, look := tm.random.IntN(teamSize), looks[tm.random.IntN(len(looks))]
		add(anyTime(), func() { tm.look(person, look) })
	}
	for range orders / 2 {
		person := tm.random.IntN(teamSize)
		add(anyTime(), func() { tm.openHome(person) })
	}
	for range orders / 6 {
		person := 4 + tm.random.IntN(teamSize-4) // an approver would see its form in place of that for a denial
		add(anyTime(), func() { tm.openForm(person, "32") })
	}
	if hour == 0 { // everyone is known from the beginning
		for person := range teamSize {
			add(begin+tm.within(active/2), func() { tm.openHome(person) })
			add(begin+active/2+tm.within(active/2), func() { tm.look(person, "help") })
		}
	}
	return append(plan, tm.planFaults(hour)...)
}

// planFaults returns what goes wrong in an hour: another kind of trouble in each of six hours.
func (tm *team) planFaults(hour int) (plan []event) {
	begin := time.Duration(hour) * time.Hour
	at := begin + 5*time.Minute + tm.within(10*time.Minute)
	during := func(length time.Duration, begin, end func()) {
		plan = append(plan, event{at, begin}, event{at + length, end})
	}
	cocalcFault := func(length time.Duration, faults ...cocalctest.Fault) {
		during(length, func() {
			for _, f := range faults {
				tm.shop.Inject(f)
			}
		}, tm.shop.ClearFaults)
	}
	slackFault := func(length time.Duration, f slacksim.Faults) {
		during(length, func() { tm.slack.SetFaults(f) }, func() { tm.slack.SetFaults(slacksim.Faults{}) })
	}
	method := func(name string, f slacksim.MethodFault) slacksim.Faults {
		return slacksim.Faults{Methods: map[string]slacksim.MethodFault{name: f}}
	}
	switch hour % halfDay {
	case 1:
		cocalcFault(6*time.Minute, cocalctest.Fault{Effect: cocalctest.Outage})
	case 2:
		slackFault(5*time.Minute, method("*", slacksim.MethodFault{RetryAfter: 20 * time.Second, Times: 20}))
	case 3:
		cocalcFault(8*time.Minute, cocalctest.Fault{Effect: cocalctest.Fail, Status: 502})
	case 4:
		slackFault(10*time.Minute, slacksim.Faults{Duplicate: true})
	case 5:
		cocalcFault(20*time.Minute, cocalctest.Fault{
			Endpoint: "purchases/shopping-cart-checkout", When: cocalctest.After, Effect: cocalctest.LoseAnswer, Times: 2,
		})
	case 6:
		slackFault(4*time.Minute, method("*", slacksim.MethodFault{Status: 500}))
	case 7:
		during(10*time.Minute, func() { tm.administer("pause an audit") }, func() { tm.administer("resume it is done") })
	case 8:
		slackFault(5*time.Minute, method("response_url", slacksim.MethodFault{Error: "expired_url", Times: 10}))
	case 9:
		cocalcFault(5*time.Minute, cocalctest.Fault{Effect: cocalctest.Delay, Wait: 40 * time.Second})
	case 10:
		slackFault(5*time.Minute, method("chat.postMessage", slacksim.MethodFault{LoseAnswer: true, Times: 5}))
	case 11:
		during(time.Minute, func() { tm.slack.DropSockets() }, func() { tm.slack.DropSockets() })
	}
	if hour%3 == 0 { // as Slack does every few hours
		const between = 20 * time.Minute
		at := begin + tm.within(active-between)
		plan = append(plan, event{at, func() { tm.slack.Disconnect(slacksim.Warning) }},
			event{at + between, func() { tm.slack.Disconnect(slacksim.RefreshRequested) }})
	}
	return plan
}

// run lets an hour of the plan happen. What it adds for later hours is returned by takeHour then.
func (tm *team) run(began time.Time, plan []event) {
	sortEvents(plan)
	for _, e := range plan {
		time.Sleep(time.Until(began.Add(e.at)))
		e.do()
	}
}

// takeHour returns what earlier events have added for an hour, in which people then act too.
func (tm *team) takeHour(hour int) (plan []event) {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	end := time.Duration(hour+1) * time.Hour
	tm.later = slices.DeleteFunc(tm.later, func(e event) bool {
		if e.at < end {
			plan = append(plan, e)
		}
		return e.at < end
	})
	return plan
}

func sortEvents(plan []event) {
	slices.SortStableFunc(plan, func(a, b event) int { return cmp.Compare(a.at, b.at) })
}
