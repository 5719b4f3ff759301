package simulation

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"licensebot/cocalc"
	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
)

// world is everything of one run.
type world struct {
	plan             Plan
	dir              string
	rules            Rules // that are in force from the next start on
	purchasesChannel string
	trace            *Trace
	server           *cocalctest.Server
	account          *cocalctest.Account
	slack            *workspace

	// What check has seen: it is called by one goroutine.
	checkedHead uint64
	checkedSold int
	rows        []cocalc.PurchaseRow // of renewals, edits and refunds, at the end
	noted       []purchase.Cause     // by the comparison of ledger and account at the end

	over     chan struct{} // closed when the run has ended, which ends all waits
	after    sync.WaitGroup
	restarts chan Step

	mu            sync.Mutex
	alive         *process // nil while the program is down
	counts        map[string]int
	killed        int       // of plan.Kills
	moments       int       // since the next kill was due
	failed        int       // of plan.Syncs
	committed     int       // since the next failing commit was due
	stoodFrom     time.Time // when the plan's clock stood still
	stood         time.Duration
	looked        time.Time // when CoCalc was last asked what a checkout would buy
	pays          []pay
	lookedPercent int
	dearer        map[int64]bool              // when a checkout was carried out late, and its price had risen
	checkouts     map[purchase.OrderID]int    // that were sent
	agreed        map[purchase.OrderID]string // what the button said that was clicked
	wrongs        []string
	summary       Summary

	// What strangers did.
	bought  map[sale]int          // by their checkouts
	touched map[int64][]time.Time // items that they added or checked
	left    map[int64]bool        // whether an item must be checked at the end; missing if it is unknown
}

// pay is a checkout of the bot: when it was sent, and the last preview before it.
type pay struct{ sent, looked time.Time }

// sale is an item that a checkout bought, by the moment at which the checkout began.
type sale struct {
	began int64 // milliseconds
	item  int64
}

// Summary is what happened in a run, or in many.
type Summary struct {
	Seeds, Clicks, Commands, Orders, Purchases, Kills, Restarts, Faults, DoubleBuys, Unknown int
	// Of the orders: how many approvers were asked about, how often they agreed and denied, and how often buying was
	// paused.
	Asked, Agreed, Denied, Paused int
	Uncertain                     int // commits whose fsync failed
	Later, Upkeep, ChargedTwice   int // charges and refunds after a purchase; those in the log; pairs with one effect
}

// Add adds the figures of another run.
func (s *Summary) Add(o Summary) {
	s.Seeds += o.Seeds
	s.Clicks += o.Clicks
	s.Commands += o.Commands
	s.Orders += o.Orders
	s.Purchases += o.Purchases
	s.Kills += o.Kills
	s.Restarts += o.Restarts
	s.Faults += o.Faults
	s.DoubleBuys += o.DoubleBuys
	s.Unknown += o.Unknown
	s.Asked += o.Asked
	s.Agreed += o.Agreed
	s.Denied += o.Denied
	s.Paused += o.Paused
	s.Uncertain += o.Uncertain
	s.Later += o.Later
	s.Upkeep += o.Upkeep
	s.ChargedTwice += o.ChargedTwice
}

func (s Summary) String() string {
	return fmt.Sprintf("%d seeds: %d commands, %d clicks, %d orders, %d purchases, %d kills, %d failed commits, %d "+
		"restarts, %d faults, %d double buys found, %d unknown orders settled; %d orders before approvers, who agreed %d "+
		"times and denied %d; %d pauses; %d later charges and refunds, %d of them in the log, %d double charges",
		s.Seeds, s.Commands, s.Clicks, s.Orders, s.Purchases, s.Kills, s.Uncertain, s.Restarts, s.Faults, s.DoubleBuys,
		s.Unknown, s.Asked, s.Agreed, s.Denied, s.Paused, s.Later, s.Upkeep, s.ChargedTwice)
}

func (w *world) tally(add func(*Summary)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add(&w.summary)
}

// wrong records a violated invariant.
func (w *world) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.mu.Lock()
	known := slices.Contains(w.wrongs, text)
	if !known {
		w.wrongs = append(w.wrongs, text)
	}
	w.mu.Unlock()
	if !known {
		w.trace.Log("WRONG: %s", text)
	}
}

func (w *world) sinceBegun() time.Duration { return w.planned(time.Now()) }

// planned returns a moment by the plan's clock, which stands still while weeks pass.
func (w *world) planned(at time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := at.Sub(w.trace.start)
	if !w.stoodFrom.IsZero() && at.After(w.stoodFrom) {
		since -= min(w.stood, at.Sub(w.stoodFrom))
	}
	return since
}

// until waits for a moment of the plan. It returns false if the run is over.
func (w *world) until(moment time.Duration) bool {
	for left := moment - w.sinceBegun(); left > 0; left = moment - w.sinceBegun() {
		if !w.sleep(left) {
			return false
		}
	}
	return true
}

func (w *world) quiet() bool { return w.sinceBegun() >= w.plan.Latest }

// current returns the running program, or nil.
func (w *world) current() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alive
}

// count numbers the requests to an endpoint.
func (w *world) count(endpoint string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[endpoint]++
	return w.counts[endpoint]
}

// behind runs do in the background after a wait, unless the run is over by then.
func (w *world) behind(wait time.Duration, do func()) {
	w.after.Go(func() {
		if wait > 0 && !w.sleep(wait) {
			return
		}
		do()
	})
}

// sleep waits. It returns false if the run is over.
func (w *world) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.over:
		return false
	}
}

// fault decides the fault of a request; empty: none.
func (w *world) fault(endpoint string, rng faultRNG) (Fault, time.Duration) {
	now := w.sinceBegun()
	if w.quiet() {
		return "", 0
	}
	side := "cocalc"
	if len(endpoint) > 5 && endpoint[:5] == "slack" {
		side = "slack"
	}
	for _, each := range w.plan.FaultWindows {
		if each.From > now || now >= each.To || (each.At != side && each.At != endpoint) {
			continue
		}
		switch each.Fault {
		case Outage, NoKey, Closed, Unsold, Moved, Dearer, Cheaper, ShutOut, Full:
			continue // the server's own doing, or that of others
		default: // requests fail
		}
		if rng.IntN(100) < each.Percent {
			return each.Fault, each.Wait
		}
	}
	return "", 0
}

// faultWindow returns the window of a fault at a place and moment; nil if there is none.
func (w *world) faultWindow(at string, fault Fault, when time.Time) *FaultWindow {
	since := w.planned(when)
	for i, each := range w.plan.FaultWindows {
		if each.At == at && each.Fault == fault && each.From <= since && since < min(each.To, w.plan.Latest) {
			return &w.plan.FaultWindows[i]
		}
	}
	return nil
}

func (w *world) shutOut(at time.Time) bool { return w.faultWindow(approvals, ShutOut, at) != nil }

// fatal decides whether the program is killed at this moment.
func (w *world) fatal(where string) bool {
	now := w.sinceBegun()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killed >= len(w.plan.Kills) || now >= w.plan.Latest || now < w.plan.Kills[w.killed].After {
		return false
	}
	w.moments++
	if w.moments <= w.plan.Kills[w.killed].Moments {
		return false
	}
	w.killed++
	w.moments = 0
	w.summary.Kills++
	return true
}

// outages injects the faults of CoCalc's server itself.
func (w *world) outages() {
	effects := map[Fault]cocalctest.Fault{
		Outage: {Effect: cocalctest.Outage}, NoKey: {Effect: cocalctest.KeyRevoked},
		Closed: {Effect: cocalctest.Fail, Status: 503}, Unsold: {Effect: cocalctest.SuccessorServer},
		Moved: {Effect: cocalctest.MovedServer},
	}
	for _, each := range w.plan.FaultWindows {
		effect, ok := effects[each.Fault]
		if !ok {
			continue
		}
		w.behind(0, func() {
			if !w.until(each.From) {
				return
			}
			w.trace.Log("CoCalc %s, for %s", each.Fault, each.To-each.From)
			fault := w.server.Inject(effect)
			w.until(min(each.To, w.plan.Latest))
			fault.Clear()
			w.trace.Log("CoCalc works again")
		})
	}
}

// supervise runs the program until the run is over, and starts it again after a kill or a restart.
func (w *world) supervise() {
	for number := 0; ; number++ {
		l, err := w.begin(number)
		if err != nil {
			w.wrong("the program does not start: %v", err)
			return
		}
		w.mu.Lock()
		w.alive = l
		w.mu.Unlock()
		if number > 0 {
			w.trace.Log("licensebot is started again")
		}
		down := time.Duration(0)
		select {
		case <-l.ctx.Done():
			w.mu.Lock()
			down = w.plan.Kills[w.killed-1].Down
			w.mu.Unlock()
			w.trace.Log("licensebot is killed %s; it is down for %s", l.where, down)
		case <-l.broken:
			down = l.sync.Down
			w.trace.Log("the disk of the ledger fails, in the ledger: %t; licensebot ends and is down for %s", l.sync.Kept,
				down)
		case s := <-w.restarts:
			down = s.Takes
			w.trace.Log("licensebot is told to stop")
			if s.Rules > 0 {
				w.rules = w.plan.Rules[s.Rules]
				w.trace.Log("the settings are changed: %s", w.rules)
			}
			w.tally(func(s *Summary) { s.Restarts++ })
		case <-w.over:
		}
		l.end()
		w.mu.Lock()
		w.alive = nil
		w.mu.Unlock()
		select {
		case <-w.over:
			return
		default:
		}
		if !w.sleep(down) {
			return
		}
	}
}
