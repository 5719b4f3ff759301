package simulation

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// Plan is everything that a seed decides before the run begins.
type Plan struct {
	Seed   uint64
	Begin  time.Duration // when the program first starts, after midnight of 1 January 2000 UTC
	Rules  []Rules       // the settings at the beginning, and those of the restarts that change them
	TTL    time.Duration // how long approvers can decide
	Credit int64         // cents on CoCalc's account at the beginning
	Older  bool          // CoCalc is one of the older kind, without a list of purchases
	Latest time.Duration // when the quiet end begins, counted from Begin like all that follows

	Tells bool // there is a channel for all purchases

	Steps           []Step           // by time
	FaultWindows    []FaultWindow    // faults that last for a while
	TriggeredFaults []TriggeredFault // steps at the moment of a request
	Kills           []Kill           // by time
	Syncs           []Sync           // by time
}

// Action is what a step does.
type Action string

// What steps do: in Slack, in CoCalc's cart, in the workspace's directory, and what operators do.
const (
	Types   Action = "types"
	Clicks  Action = "clicks"
	Submits Action = "submits"

	Adds      Action = "adds an item"
	AddsOdd   Action = "adds an odd item"
	Breaks    Action = "breaks the cart"
	Unchecks  Action = "unchecks"
	Checks    Action = "checks"
	Removes   Action = "removes"
	Deletes   Action = "deletes"
	Edits     Action = "edits"
	ChecksOut Action = "checks out"

	Leaves   Action = "leaves their user group"
	Joins    Action = "is in their user group again"
	Closes   Action = "is deactivated"
	ComeBack Action = "is back in the workspace"

	Resumes Action = "resumes buying"
	Settles Action = "settles an unknown order"
	Credits Action = "changes the credit"
	SlowPay Action = "slow checkout"
	Restart Action = "restart"
)

// Step is something that a person does at a moment.
type Step struct {
	At     time.Duration
	Who    string
	Action Action
	// Text is what is typed. ORDER stands for the id of an order that the person knows, ASKED for that of the newest one
	// about which approvers are asked.
	Text string
	// Button is the action id that is clicked, on the Nth newest of Whose messages that have one.
	Button string
	Whose  string
	Nth    int
	// Elsewhere is set if the click claims to come from another channel than the card's.
	Elsewhere bool
	// Twice is set if it happens twice at the same moment, as by two programs.
	Twice bool
	// Ours is set if a stranger's action is about an item of the bot's, and not about one of their own.
	Ours bool
	// Deliveries are when Slack delivers it, after At: more than once, or late.
	Deliveries []time.Duration
	Cents      int64         // Credits
	Takes      time.Duration // SlowPay: the next checkout; Restart: how long the program is down
	Rules      int           // Restart: which of the plan's are in force from then on; 0: those that are
}

// Fault is what happens to a request, or to a server.
type Fault string

// What goes wrong, as the trace prints it.
const (
	LostBefore Fault = "is lost on its way"
	LostAfter  Fault = "is carried out, its answer lost"
	Late       Fault = "is carried out late, its caller long gone"
	Slow       Fault = "is slow"
	Fails      Fault = "gets a 502 and is not carried out"
	FailsAfter Fault = "gets a 500 and was carried out"
	Throttles  Fault = "is throttled"
	Refused    Fault = "is refused" // by Slack, in a definite answer
	Limited    Fault = "is limited" // 429
	Outage     Fault = "is down"    // CoCalc's database: valid keys look wrong, lists are empty
	NoKey      Fault = "takes no key"
	Closed     Fault = "is closed for maintenance"
	Unsold     Fault = "is its successor, and sells no licenses"
	Moved      Fault = "has moved to another host"
	Dearer     Fault = "wants a higher price"
	Cheaper    Fault = "wants a lower price"
	ShutOut    Fault = "does not let the bot in" // the approvers' channel
	Full       Fault = "is full"                 // the ledger's disk
)

// FaultWindow is a fault that part of the requests have for a while.
type FaultWindow struct {
	From, To time.Duration
	// an endpoint of CoCalc's, "cocalc" or "slack" for all of one side; "ledger", or the approvers' channel
	At      string
	Fault   Fault
	Percent int // of the requests
	Wait    time.Duration
}

// TriggeredFault is a step that is performed right before or after the Nth request to an endpoint.
type TriggeredFault struct {
	Endpoint string
	Nth      int // from 1
	After    bool
	Do       Step
}

// Kill ends the program after a moment, when it has passed so many moments more: transactions, requests and what lies
// before and after each.
type Kill struct {
	After   time.Duration
	Moments int
	Down    time.Duration // until it is started again
}

// The people. Alice, bob and carol may buy; bob, frank and heidi may agree to others' orders; erin may do neither; gwen
// is on both lists, but a guest of the workspace; dave runs the bot.
var (
	buyers = []string{"alice", "bob", "carol"}
	people = []string{"alice", "bob", "carol", "erin", guest, "frank"}
)

const (
	guest    = "gwen"
	admin    = "dave"
	stranger = "stranger"
)

// dice returns the random numbers for one decision. They follow from the seed, the thing and n.
func dice(seed uint64, thing string, n int) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(thing))
	return rand.New(rand.NewPCG(seed, h.Sum64()+uint64(n)*0x9e3779b97f4a7c15))
}

// planner makes a Plan.
type planner struct {
	*rand.Rand
	plan     Plan
	severity int // from 0, no kills and few faults, to 3, everything at once
}

// NewPlan makes the plan of a seed.
func NewPlan(seed uint64) Plan {
	p := &planner{Rand: dice(seed, "plan", 0)}
	p.plan = Plan{
		Seed: seed, Begin: time.Duration(p.IntN(20*24)) * time.Hour, Credit: 1000_00, Older: p.one(10),
		Latest: time.Duration(12+p.IntN(28)) * time.Minute,
	}
	p.severity = p.IntN(4)
	if p.one(4) { // the end of a month is near
		p.plan.Begin = 31*24*time.Hour - time.Duration(1+p.IntN(25))*time.Minute
	}
	p.rules()
	if p.one(4) {
		p.plan.Credit = int64(20_00 + p.IntN(150_00))
	}
	for range 4 + p.IntN(9) {
		p.errand(p.moment(), buyers[p.IntN(len(buyers))])
	}
	if p.one(2) { // everyone at once
		at := p.moment()
		for _, who := range buyers {
			p.errand(at, who)
		}
	}
	for range p.IntN(6) {
		p.noise()
	}
	p.adminActions()
	p.strangers()
	p.operations()
	p.faultWindows()
	p.closeCalls()
	p.laterLife()
	if p.plan.Older {
		p.forOlderServer()
	}
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int { return int(a.At - b.At) })
	p.disk()
	slices.SortStableFunc(p.plan.Syncs, func(a, b Sync) int { return int(a.After - b.After) })
	slices.SortStableFunc(p.plan.Kills, func(a, b Kill) int { return int(a.After - b.After) })
	return p.plan
}

func (p *planner) one(in int) bool { return p.IntN(in) == 0 }

// moment returns a random moment before the quiet end, in whole milliseconds.
func (p *planner) moment() time.Duration {
	return time.Duration(p.Int64N(int64(p.plan.Latest/time.Millisecond))) * time.Millisecond
}

// tense returns a random moment at which a purchase is likely to be under way: mostly right after a confirmation.
func (p *planner) tense() time.Duration {
	var clicks []time.Duration
	for _, s := range p.plan.Steps {
		if (s.Button == "order_buy" || s.Button == "order_approve") && s.At < p.plan.Latest {
			clicks = append(clicks, s.At+s.Deliveries[0])
		}
	}
	if len(clicks) == 0 || p.one(3) {
		return p.moment()
	}
	return max(0, clicks[p.IntN(len(clicks))]+p.between(-5*time.Second, 5*time.Second)/time.Duration(1+p.IntN(10)))
}

// between returns a random duration from low to high, in whole milliseconds.
func (p *planner) between(low, high time.Duration) time.Duration {
	return low + time.Duration(p.Int64N(int64((high-low)/time.Millisecond)+1))*time.Millisecond
}

func (p *planner) step(s Step) { p.plan.Steps = append(p.plan.Steps, s) }

// wishes are the commands of people who buy: cheap and expensive licenses, renewing and for a term, also one that is
// nearly over.
var wishes = []string{
	"buy ram=4 cpu=1", "buy ram=16 cpu=2", "buy ram=2 cpu=1 user=academic",
	"buy ram=8 cpu=1 user=academic run_limit=3 days=90 title=\"Statistics 101\"",
	"buy ram=4 cpu=1 days=1", "buy ram=4 cpu=1 period=yearly", "buy ram=2 cpu=1 run_limit=2 reason=\"winter school\"",
	"buy ram=1 cpu=1 user=academic days=30",
	"buy ram=16 cpu=3 run_limit=4", "buy ram=4 cpu=2 description=\"for the *lab* <!channel>\"",
}

// errand plans a person who wants a license: they ask, look and click, mostly on Buy, and often more than once.
func (p *planner) errand(at time.Duration, who string) {
	p.step(Step{At: at, Who: who, Action: Types, Text: wishes[p.IntN(len(wishes))], Deliveries: p.deliveries()})
	at += p.between(2*time.Second, 40*time.Second)
	click := func(button string) {
		p.step(Step{
			At: at, Who: who, Action: Clicks, Button: button, Whose: who, Nth: p.IntN(2) * p.IntN(2),
			Deliveries: p.deliveries(),
		})
	}
	switch p.IntN(12) {
	case 0:
		click("order_edit")
		at += p.between(time.Second, 20*time.Second)
		p.step(Step{At: at, Who: who, Action: Submits, Nth: p.IntN(4), Deliveries: p.deliveries()})
		at += p.between(2*time.Second, 10*time.Second)
	case 1:
		click("order_cancel")
		return
	case 2:
		return // lets the card expire
	case 3:
		at += p.between(28*time.Minute, 32*time.Minute) // nearly too late, or too late
	}
	click("order_buy")
	if p.one(3) {
		at += p.between(0, time.Second)
		click("order_buy")
	}
	if p.one(25) {
		p.pauses(at + p.between(0, 300*time.Millisecond))
	}
	if p.plan.Rules[0].Asks {
		p.asked(at, who)
	}
	if p.one(4) { // another person clicks the same button in the same instant
		other := people[p.IntN(len(people))]
		p.step(Step{At: at, Who: other, Action: Clicks, Button: "order_buy", Whose: who, Deliveries: p.deliveries()})
	}
	for range p.IntN(3) {
		at += p.between(0, 3*time.Minute)
		click([]string{"order_cancel", "order_refresh", "order_buy", "order_again", "order_buy_new_price"}[p.IntN(5)])
	}
}

// deliveries returns when Slack delivers an act: mostly once and at once.
func (p *planner) deliveries() []time.Duration {
	d := []time.Duration{p.between(5*time.Millisecond, 300*time.Millisecond)}
	switch p.IntN(10) {
	case 0:
		d = append(d, d[0])
	case 1:
		d = append(d, d[0]+p.between(0, 2*time.Second))
	case 2:
		d = append(d, p.between(10*time.Second, 5*time.Minute))
	case 3:
		d[0] = p.between(time.Second, 5*time.Minute)
	}
	return d
}

// noise plans what people do besides buying.
func (p *planner) noise() {
	who := people[p.IntN(len(people))]
	s := Step{At: p.moment(), Who: who, Action: Types, Deliveries: p.deliveries()}
	switch p.IntN(11) {
	case 0:
		s.Text = "order ORDER"
	case 1:
		s.Text = "cancel ORDER"
	case 2:
		s.Text = "history"
	case 3:
		s.Text = "list"
	case 4:
		s.Text = []string{"buy ram=64 cpu=9", "byu ram=4", "help buy", "quote ram=4 cpu=1", "buy"}[p.IntN(5)]
	case 5:
		p.errand(s.At, []string{"erin", guest}[p.IntN(2)])
		return
	case 6:
		s.Text = "budget"
	case 7:
		s.Text = []string{
			"pause I want to", "resume me", "settle ORDER", "approve ASKED", "deny ASKED too dear",
			"approve ORDER",
		}[p.IntN(6)]
	default:
		s.Action, s.Whose, s.Nth = Clicks, buyers[p.IntN(len(buyers))], p.IntN(3)
		s.Button = []string{
			"order_buy", "order_cancel", "order_edit", "order_again", "order_refresh",
			"order_buy_new_price",
		}[p.IntN(6)]
		s.Elsewhere = p.one(2)
	}
	p.step(s)
}

// operations plans what the bot's operator does: restarts, credit, repairs.
func (p *planner) operations() {
	for n := range max(p.IntN(3), len(p.plan.Rules)-1) {
		s := Step{At: p.tense(), Who: admin, Action: Restart, Takes: p.between(time.Second, 2*time.Minute)}
		if n+1 < len(p.plan.Rules) {
			s.Rules = n + 1
			if p.one(2) { // an order waits for CoCalc's cart meanwhile
				p.plan.FaultWindows = append(p.plan.FaultWindows,
					FaultWindow{
						From: max(0, s.At-5*time.Second), To: s.At + s.Takes + 90*time.Second, At: cartGet, Fault: Fails,
						Percent: 100,
					})
				s.At += p.between(time.Second, 30*time.Second)
			}
		}
		p.step(s)
	}
	if p.one(3) {
		p.step(Step{At: p.moment(), Who: admin, Action: Credits, Cents: int64(-20_00 - p.IntN(900_00))})
		p.step(Step{At: p.moment(), Who: admin, Action: Credits, Cents: int64(p.IntN(900_00))})
	}
	for at := p.moment(); at < p.plan.Latest; at += p.between(2*time.Minute, 20*time.Minute) {
		p.step(Step{
			At: at, Who: admin, Action: Clicks, Button: "item_take_out", Whose: admin, Nth: p.IntN(2),
			Deliveries: p.deliveries(),
		})
		p.step(Step{At: at + time.Second, Who: admin, Action: Resumes})
	}
	for range p.IntN(4) {
		p.step(Step{At: p.tense() + time.Minute, Who: admin, Action: Settles, Deliveries: p.deliveries()})
	}
	p.plan.Tells = p.one(2)
	for range p.IntN(3) {
		p.step(Step{At: p.tense(), Who: stranger, Action: SlowPay, Takes: p.between(time.Second, slowest)})
	}
	if p.severity == 0 {
		return
	}
	for range p.IntN(2 + p.severity) {
		k := Kill{After: p.tense(), Moments: p.IntN(70), Down: p.between(time.Second, time.Minute)}
		p.plan.Kills = append(p.plan.Kills, k)
		for p.one(3) { // and again while it recovers
			k = Kill{After: k.After + time.Millisecond, Moments: p.IntN(30), Down: p.between(time.Second, 5*time.Minute)}
			p.plan.Kills = append(p.plan.Kills, k)
		}
	}
}

func (p Plan) String() string {
	older := ""
	if p.Older {
		older = ", CoCalc is of the older kind"
	}
	return fmt.Sprintf("seed %d: %d steps, %d fault windows, %d triggered steps, %d kills, %d failing commits; %s; "+
		"approvers have %s; credit %s%s, quiet from %s",
		p.Seed, len(p.Steps), len(p.FaultWindows), len(p.TriggeredFaults), len(p.Kills), len(p.Syncs), p.Rules[0], p.TTL,
		dollars(p.Credit), older, p.Latest)
}
