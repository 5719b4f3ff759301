package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/slacksim"
	"licensebot/slacksim/slacktest"
)

// burst is how many people act at the same moment.
const burst = 500

// BenchmarkRun_Burst lets 500 people ask for help at once, then order at once, then click Buy at once, with a real
// ledger on the disk and a CoCalc that hangs. It measures the time from each command or click to its acknowledgement,
// which comes after the order is stored and priced, or its reservation is durable. Beside the bot, in turns and in the
// same process, it measures a bare slack-go loop behind a workspace like the bot's, which acknowledges the same
// commands with the same answers, and the same clicks; and for help an app on Bolt for JavaScript, also with the same
// answer and in a process of its own, if that is installed (`make bench` does it).
//
// Each iteration is a pair of runs, and the figures are medians of the pairs: the 99th percentile in milliseconds
// (-ms), its ratio to that of the bare loop (-x-bare) and of Bolt (-x-bolt), and for the bot and the loop the processor
// time (-cpu-ms), megabytes (-MB) and allocations (-allocs) of the whole burst, which include those of the simulators,
// and for the bot the commits of its ledger (-commits). Deliveries without an acknowledgement count as 3 s, and are
// counted as late.
func BenchmarkRun_Burst(b *testing.B) {
	answers := recordAnswers(b)
	bolt := startBolt(b, answers["help"])
	var ours, bare, bolts []burstCosts
	late := 0
	for n := 0; b.Loop(); n++ {
		run := []func(){
			func() { ours = append(ours, burstsOfBot(b)) },
			func() { bare = append(bare, burstsOfLoop(b, answers)) },
		}
		if n%2 == 1 {
			slices.Reverse(run)
		}
		for _, each := range run {
			each()
		}
		if bolt != nil {
			bolts = append(bolts, burstCosts{"help": measureBurst(b, bolt.slack, func(n int) error {
				return bolt.people[n].Command(b.Context(), slacksim.General, "/order", "in ack")
			})})
		}
		for _, cost := range ours[n] {
			late += cost.late
		}
	}
	for _, kind := range []string{"help", "buy", "confirm"} {
		p99 := func(c burstCost) float64 { return c.p99.Seconds() * 1000 }
		report := func(name string, of []burstCosts) {
			b.ReportMetric(medianCost(of, kind, p99), kind+name+"-ms")
			b.ReportMetric(medianCost(of, kind, func(c burstCost) float64 { return c.cpu.Seconds() * 1000 }),
				kind+name+"-cpu-ms")
			b.ReportMetric(medianCost(of, kind, func(c burstCost) float64 { return c.bytes / 1e6 }), kind+name+"-MB")
			b.ReportMetric(medianCost(of, kind, func(c burstCost) float64 { return c.allocs }), kind+name+"-allocs")
		}
		report("", ours)
		b.ReportMetric(medianCost(ours, kind, func(c burstCost) float64 { return float64(c.commits) }), kind+"-commits")
		report("-bare", bare)
		b.ReportMetric(medianRatio(ours, bare, kind), kind+"-x-bare")
		if bolt != nil && kind == "help" {
			b.ReportMetric(medianCost(bolts, kind, p99), kind+"-bolt-ms")
			b.ReportMetric(medianRatio(ours, bolts, kind), kind+"-x-bolt")
		}
	}
	b.ReportMetric(float64(late), "late")
	b.ReportMetric(0, "ns/op")
}

// burstCost is what a burst takes.
type burstCost struct {
	p99           time.Duration // from an action to its acknowledgement
	commits       int           // of the ledger, each with two fsyncs
	cpu           time.Duration // of the whole process
	bytes, allocs float64       // allocated by the whole process
	late          int
}

// burstCosts are the costs of the bursts of one run: "help", "buy" and "confirm".
type burstCosts map[string]burstCost

// medianCost returns the median of a cost of one kind of burst.
func medianCost(runs []burstCosts, kind string, of func(burstCost) float64) float64 {
	var all []float64
	for _, run := range runs {
		all = append(all, of(run[kind]))
	}
	return median(all)
}

// medianRatio returns the median of the ratios of the 99th percentiles, run by run.
func medianRatio(runs, others []burstCosts, kind string) float64 {
	var all []float64
	for n := range runs {
		all = append(all, float64(runs[n][kind].p99)/float64(others[n][kind].p99))
	}
	return median(all)
}

func median(of []float64) float64 {
	slices.Sort(of)
	return (of[(len(of)-1)/2] + of[len(of)/2]) / 2
}

// measureBurst lets everyone act at once, and returns what their envelopes took.
func measureBurst(b *testing.B, ws *slacksim.Workspace, act func(int) error) (cost burstCost) {
	b.Helper()
	before := len(ws.Envelopes())
	runtime.GC()
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	cpu := cpuTime(b)
	concurrently(b, burst, func(n int) error {
		_ = act(n) // its envelope says whether it was acknowledged
		return nil
	})
	cost.cpu = cpuTime(b) - cpu
	runtime.ReadMemStats(&is)
	cost.bytes, cost.allocs = float64(is.TotalAlloc-was.TotalAlloc), float64(is.Mallocs-was.Mallocs)
	const slackWaits = 3 * time.Second
	times := make([]time.Duration, 0, burst)
	for _, e := range ws.Envelopes()[before:] {
		if !e.Acked || e.Late {
			cost.late++
			e.Took = slackWaits
		}
		times = append(times, e.Took)
	}
	if len(times) != burst {
		b.Fatalf("envelopes: got %d, want %d", len(times), burst)
	}
	slices.Sort(times)
	cost.p99 = times[burst*99/100-1]
	return cost
}

// cpuTime returns the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

const orderCommand = "buy ram=16 cpu=2"

// measureAll measures the three bursts behind a workspace to which an app is connected. commits counts the commits of
// its ledger, and hang makes CoCalc hang.
func (env *testEnv) measureAll(b *testing.B, commits func() int, hang func()) burstCosts {
	b.Helper()
	people := env.addPeople(burst)
	command := func(text string) func(int) error {
		return func(n int) error { return people[n].Command(b.Context(), slacksim.General, "/license", text) }
	}
	costs := burstCosts{}
	measure := func(kind string, act func(int) error) {
		before := commits()
		cost := measureBurst(b, env.slack, act)
		cost.commits = commits() - before
		costs[kind] = cost
	}
	measure("help", command("help"))
	measure("buy", command(orderCommand))
	cards := env.findCards(b, people)
	hang()
	measure("confirm", func(n int) error { return people[n].Click(b.Context(), cards[n], "Buy for $63.75") })
	return costs
}

// findCards returns everyone's newest card. People whose command was late order again.
func (env *testEnv) findCards(b *testing.B, people []*slacksim.Person) []slacksim.Message {
	b.Helper()
	cards := make([]slacksim.Message, len(people))
	for n, who := range people {
		messages := slices.DeleteFunc(who.Messages(slacksim.General), func(m slacksim.Message) bool {
			return !slices.Contains(m.Buttons(), "Buy for $63.75")
		})
		if len(messages) == 0 {
			messages = env.requestCards(b, people[n:n+1])
		}
		cards[n] = messages[len(messages)-1]
	}
	return cards
}

// burstsOfBot measures the bursts of the bot, and checks what it has promised.
func burstsOfBot(b *testing.B) burstCosts {
	b.Helper()
	env := newEnv(b)
	s, stop := env.serve(b)
	costs := env.measureAll(b, s.Ledger.Commits, func() {
		// The first order waits for CoCalc from here on, and the others stay promised.
		env.cocalc.Inject(cocalctest.Fault{Effect: cocalctest.Delay, Wait: time.Hour})
	})
	reserved, most := currentBudget(b, s.Ledger).Reserved, purchase.Cents(burst*6375)
	if least := most - purchase.Cents(costs["confirm"].late*6375); reserved < least || reserved > most {
		b.Errorf("reserved: got %s, want %s to %s", reserved, least, most)
	}
	env.cocalc.ClearFaults()
	env.cocalc.Close() // ends the hanging requests
	stop()
	return costs
}

// recordAnswers returns the bot's acknowledgements of the commands of the bursts, by the command's text.
func recordAnswers(b *testing.B) map[string]json.RawMessage {
	b.Helper()
	env := newEnv(b)
	_, stop := env.serve(b)
	defer stop()
	answers := map[string]json.RawMessage{}
	for _, text := range []string{"help", orderCommand} {
		if err := env.slack.Person(slacksim.Alice).Command(b.Context(), slacksim.General, "/license", text); err != nil {
			b.Fatal(err)
		}
		sent, _ := env.slack.LastEnvelope("slash_commands")
		answers[text] = sent.Answer
	}
	return answers
}

// orderID matches the id of an order in an answer.
var orderID = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`)

// burstsOfLoop measures the bursts of a slack-go loop that acknowledges everything at once, commands with the answers.
// Each order in them gets an id of its own, as the bot's have.
func burstsOfLoop(b *testing.B, answers map[string]json.RawMessage) burstCosts {
	b.Helper()
	env := newEnv(b)
	api := slack.New(env.slack.BotToken(), slack.OptionAppLevelToken(env.slack.AppToken()), slack.OptionAPIURL(env.api))
	client := socketmode.New(api)
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = client.RunContext(ctx) })
	texts := map[string][]string{} // what is around the ids of each answer
	for command, answer := range answers {
		texts[command] = orderID.Split(string(answer), -1)
	}
	running.Go(func() {
		for n := 0; ; n++ {
			select {
			case ev := <-client.Events:
				var err error
				switch data := ev.Data.(type) {
				case slack.SlashCommand:
					err = client.Ack(*ev.Request, json.RawMessage(strings.Join(texts[data.Text], fmt.Sprintf("%026d", n))))
				case slack.InteractionCallback:
					err = client.Ack(*ev.Request)
				}
				if err != nil {
					b.Error(err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	defer func() { cancel(); running.Wait() }()
	if err := env.slack.WaitForSocket(ctx); err != nil {
		b.Fatal(err)
	}
	return env.measureAll(b, func() int { return 0 }, func() {})
}

// boltApp is the app on Bolt behind a workspace of its own.
type boltApp struct {
	slack  *slacksim.Workspace
	people []*slacksim.Person
}

// startBolt starts the app on Bolt that slacksim's tests use, which acknowledges "in ack" with the answer; nil if it is
// not installed.
func startBolt(b *testing.B, answer json.RawMessage) *boltApp {
	b.Helper()
	app := exec.Command("node", "app.js")
	app.Env = append(os.Environ(), "ANSWER="+string(answer))
	app.Dir = filepath.Join("..", "..", "slacksim", "testdata", "bolt")
	_, err := os.Stat(filepath.Join(app.Dir, "node_modules", "@slack", "bolt"))
	if err := cmp.Or(err, app.Err); err != nil {
		b.Logf("without Bolt, which is not installed: %v", err)
		return nil
	}
	env := &testEnv{slack: slacksim.New(slacksim.Options{Rates: slacksim.Rates{Off: true}})}
	slacktest.RunApp(b, slacktest.Serve(b, env.slack), app)
	return &boltApp{env.slack, env.addPeople(burst)}
}
