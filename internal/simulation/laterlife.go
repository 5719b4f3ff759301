package simulation

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"licensebot/cocalc/cocalctest"
)

// What happens at CoCalc to licenses that were bought before: by people in CoCalc's settings, by the server's own job,
// and by the server's admins.
const (
	Renews    Action = "renews a license"
	Cancels   Action = "cancels a subscription"
	Reopens   Action = "resumes a subscription"
	Changes   Action = "changes a license"
	AtOnce    Action = "renews and changes a license at once"
	Refunds   Action = "refunds a purchase"
	Collects  Action = "runs its renewal job"
	WeeksPass Action = "weeks pass"
)

// laterLife plans what happens to licenses after they were bought. It has dice of its own.
func (p *planner) laterLife() {
	d := &planner{Rand: dice(p.plan.Seed, "later life", 0), plan: p.plan}
	if p.plan.Older || d.one(3) { // an older server charges nothing later
		return
	}
	for range 2 + d.IntN(12) {
		at := d.moment()
		if d.one(2) { // soon after a purchase, or during it
			at = d.tense() + d.between(0, 3*time.Minute)
		}
		d.step(d.later(at))
	}
	for range d.IntN(3) { // CoCalc doesn't list what it has just charged
		w := FaultWindow{
			From: d.tense(), At: []string{getPurchases, getSubscriptions}[d.IntN(2)], Percent: 50 + d.IntN(51),
			Fault: []Fault{LostBefore, Fails, Throttles}[d.IntN(3)], Wait: d.between(time.Second, time.Minute),
		}
		w.To = w.From + d.between(time.Minute, 20*time.Minute)
		d.plan.FaultWindows = append(d.plan.FaultWindows, w)
	}
	if d.one(4) {
		d.step(Step{At: d.moment(), Who: stranger, Action: WeeksPass, Takes: d.between(3, 7) * 7 * 24 * time.Hour})
	}
	p.plan.Steps, p.plan.FaultWindows = d.plan.Steps, d.plan.FaultWindows
}

// later is something that happens to a license.
func (p *planner) later(at time.Duration) Step {
	actions := []Action{Renews, Renews, Renews, Cancels, Reopens, Changes, Changes, Changes, AtOnce, Refunds, Collects}
	return Step{
		At: at, Who: stranger, Action: actions[p.IntN(len(actions))], Nth: p.IntN(8), Twice: p.one(3),
		Text: fmt.Sprintf(`"quantity":%d`, 1+p.IntN(4)),
	}
}

// live performs a step of the later life of licenses. What people ask for can be refused, for want of credit.
func (w *world) live(s Step) {
	switch s.Action {
	case WeeksPass:
		w.passWeeks(s)
		return
	case Collects:
		if s.Twice {
			defer w.server.Inject(cocalctest.Fault{Effect: cocalctest.DoubleRenewals, Times: 1}).Clear()
		}
		if n := w.server.RunRenewals(); n > 0 {
			w.trace.Log("CoCalc %s: %d charges", s.Action, n)
			w.tally(func(sum *Summary) { sum.Later += n })
		}
		return
	case Refunds:
		w.refund(s)
		return
	default: // people do the rest
	}
	all := w.account.Licenses()
	if len(all) == 0 {
		return
	}
	license := all[s.Nth%len(all)]
	subscription := fmt.Sprintf(`{"subscription_id":%d}`, license.SubscriptionID)
	changes := s.Text
	if license.SubscriptionID == 0 && s.Nth%2 == 0 {
		changes = fmt.Sprintf(`"end":%q`, license.Expires.AddDate(0, 0, 7+s.Nth).UTC().Format(time.RFC3339))
	}
	changed := fmt.Sprintf(`{"license_id":%q,"changes":{%s}}`, license.ID, changes)
	before := len(w.account.Purchases())
	switch {
	case s.Action == Changes:
		w.ask(s, "purchases/edit-license", changed)
	case license.SubscriptionID == 0:
		return
	case s.Action == AtOnce:
		other := make(chan struct{})
		w.behind(0, func() {
			defer close(other)
			w.ask(s, "purchases/edit-license", changed)
		})
		w.ask(s, "purchases/renew-subscription", subscription)
		<-other
	default:
		w.ask(s, map[Action]string{
			Renews: "purchases/renew-subscription", Cancels: "purchases/cancel-subscription",
			Reopens: "purchases/resume-subscription",
		}[s.Action], subscription)
	}
	n := len(w.account.Purchases()) - before
	w.trace.Log("a person %s, twice: %t: %s, %d charges", s.Action, s.Twice, license.ID, n)
	w.tally(func(sum *Summary) { sum.Later += n })
}

// ask sends a person's request to CoCalc, twice at the same moment if the step says so.
func (w *world) ask(s Step, endpoint, body string) {
	if s.Twice {
		defer w.server.Inject(cocalctest.Fault{Endpoint: endpoint, Effect: cocalctest.Twice, Times: 1}).Clear()
	}
	req, err := http.NewRequest(http.MethodPost, "http://cocalc.test/api/v2/"+endpoint, strings.NewReader(body))
	if err != nil {
		w.wrong("a person's request: %v", err)
		return
	}
	req.SetBasicAuth(w.account.Key(), "")
	req.Header.Set("Content-Type", "application/json")
	if resp, err := w.server.Transport().RoundTrip(req); err == nil {
		_ = resp.Body.Close()
	}
}

// refund lets CoCalc's admins refund one of the charges for licenses.
func (w *world) refund(s Step) {
	var rows []cocalctest.Purchase
	for _, row := range w.account.Purchases() {
		if row.LicenseID != "" && row.Service != "refund" {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return
	}
	row := rows[s.Nth%len(rows)]
	if err := w.server.Refund(row.ID); err == nil {
		w.trace.Log("CoCalc's admins refund purchase %d of license %s", row.ID, row.LicenseID)
		w.tally(func(sum *Summary) { sum.Later++ })
	}
}

// passWeeks stops the program for weeks, in which CoCalc goes on. The plan's clock stands still meanwhile.
func (w *world) passWeeks(s Step) {
	select {
	case w.restarts <- Step{Takes: s.Takes}:
	default: // it is being restarted
		return
	}
	w.mu.Lock()
	w.stoodFrom, w.stood = time.Now(), s.Takes
	w.mu.Unlock()
	w.trace.Log("%s pass, in which the program does not run", s.Takes)
	rest := &planner{Rand: dice(w.plan.Seed, "weeks", 0)}
	for left := s.Takes; left > 0; {
		pause := min(left, 24*time.Hour)
		time.Sleep(pause)
		left -= pause
		w.live(Step{Action: Collects, Twice: rest.one(3)})
		if rest.one(6) {
			w.live(rest.later(0))
		}
	}
}
