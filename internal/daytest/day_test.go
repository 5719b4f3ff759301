package daytest_test

import (
	"flag"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
)

var (
	days = flag.Int("days", 1, "how many days the team uses the bot")
	seed = flag.Uint64("seed", 1, "what people do")
)

// profileRate is how many bytes are allocated for one sample of the memory profile, on average.
const profileRate = 4096

func TestMain(m *testing.M) {
	flag.Parse()
	runtime.MemProfileRate = profileRate // before anything is allocated that is measured
	os.Exit(m.Run())
}

// A team uses the bot around the clock, through outages of CoCalc and Slack. In the last six hours of the day there is
// no more in memory than in the six hours that lie half a day before.
func TestBot_BusyDay_NothingGrows(t *testing.T) {
	withTeam(t, *seed, func(tm *team) {
		time.Sleep(8 * time.Hour) // so that midnight is in the middle
		began := time.Now()
		var all []rest
		for hour := range 24 * *days {
			tm.run(began, append(tm.planHour(hour), tm.takeHour(hour)...))
			tm.acting.Wait()
			tm.slack.ForgetMessages(time.Now().Add(-6 * time.Hour)) // no card is open for so long
			tm.shop.ForgetRequests()
			time.Sleep(time.Until(began.Add(time.Duration(hour+1)*time.Hour - 3*time.Minute)))
			tm.look(4, "help") // what came before is dropped when something comes
			tm.openForm(5, "32")
			tm.acting.Wait()
			time.Sleep(time.Until(began.Add(time.Duration(hour+1)*time.Hour - time.Minute)))
			all = append(all, tm.measure())
			time.Sleep(time.Until(began.Add(time.Duration(hour+1) * time.Hour)))
		}
		n := len(all)
		tm.checkGrowth(all[n-halfDay-6:n-halfDay], all[n-6:])
		tm.checkLedger()
		t.Logf("people saw: %v", tm.counts)
	})
}

// rest is what there is at the end of an hour, after some quiet minutes.
type rest struct {
	goroutines int
	memory     memory
	containers containers
	open       int // orders that are not closed
}

// measure measures three times within seconds, since the bot also works by itself, and keeps the least.
func (tm *team) measure() (least rest) {
	for n := range 3 {
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if running := runtime.NumGoroutine(); n == 0 || running < least.goroutines {
			least.goroutines = running
		}
	}
	least.memory, least.containers = readMemory(), containers{}
	if !raceDetector { // it can't know that nothing else runs meanwhile
		least.containers.count(tm.service)
	}
	orders := 0
	tm.must(tm.service.Ledger.View(tm.ctx, func(r purchase.Reader) error {
		queue, err := r.Queue()
		least.open = len(queue)
		if err != nil {
			return err
		}
		for _, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			orders++
		}
		return nil
	}))
	size := tm.fileSize()
	if most := emptyLedger + int64(orders)*bytesPerOrder; size > most {
		tm.t.Errorf("ledger of %d orders: got %d bytes, want at most %d", orders, size, most)
	}
	tm.t.Logf("%s: %d goroutines, %.0f kB, %d orders, %d open, ledger %d kB", time.Now().Format("Jan 2, 15:04"),
		least.goroutines, least.memory.total()/1000, orders, least.open, size/1000)
	return least
}

const (
	// The file grows in steps, and has room for the next one. bytesPerOrder is what an order takes in a ledger of a few
	// hundred: most of its records are too recent to be bundled.
	emptyLedger   = 640_000
	bytesPerOrder = 5_000
	// moreGoroutines are some that happen to be at work.
	moreGoroutines = 3
	// moreByFunction and moreMemory are how many bytes more than half a day before are no growth: the memory profile is
	// an estimate from samples, with an error of about the root of the bytes times profileRate; measured is half of this.
	// About a hundred orders are made in that time, so what is kept of each shows from some hundred bytes on.
	moreByFunction = 50_000
	moreMemory     = 150_000
)

// checkGrowth compares what there was at rest, hour by hour, with what there was half a day before.
func (tm *team) checkGrowth(before, after []rest) {
	tm.t.Helper()
	var had, have rest
	had.containers, have.containers = containers{}, containers{}
	for _, part := range []struct {
		sum *rest
		all []rest
	}{{&had, before}, {&have, after}} {
		var memories []memory
		for _, r := range part.all {
			part.sum.goroutines = max(part.sum.goroutines, r.goroutines)
			part.sum.open = max(part.sum.open, r.open)
			part.sum.containers.raise(r.containers)
			memories = append(memories, r.memory)
		}
		part.sum.memory = mean(memories)
	}
	if have.goroutines > had.goroutines+moreGoroutines {
		tm.t.Errorf("goroutines at rest: got %d, after %d; want no more", have.goroutines, had.goroutines)
	}
	for _, name := range have.containers.grown(had.containers, have.open) {
		tm.t.Errorf("elements at rest: got %s; want no more", name)
	}
	grown := 0.0
	for by, bytes := range have.memory {
		if strings.HasPrefix(by, "storage.unpackBundle") { // the decoder keeps its buffers, from the first bundle on
			continue
		}
		if grown += bytes - had.memory[by]; bytes > had.memory[by]+moreByFunction {
			tm.t.Errorf("memory of %s at rest: got %.0f kB, after %.0f kB; want no more", by, bytes/1000, had.memory[by]/1000)
		}
	}
	if grown > moreMemory {
		tm.t.Errorf("memory at rest: got %.0f kB more, want no more than %d", grown/1000, moreMemory/1000)
	}
	tm.t.Logf("the functions that hold more than before:\n%s", have.memory.growth(had.memory))
}

// checkLedger checks that the day was busy, and that the ledger is in order after it.
func (tm *team) checkLedger() {
	tm.t.Helper()
	ended := map[purchase.State]int{}
	tm.must(tm.service.Ledger.View(tm.ctx, func(r purchase.Reader) error {
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			ended[o.State]++
		}
		return nil
	}))
	findings, err := reconcile.CheckConsistency(tm.ctx, tm.service.Ledger, nil)
	if tm.must(err); len(findings) > 0 {
		tm.t.Errorf("the books: got %v, want no contradictions", findings)
	}
	if _, err := tm.service.Ledger.Verify(tm.ctx, nil); err != nil {
		tm.t.Errorf("verify the ledger: %v", err)
	}
	total := 0
	for _, n := range ended {
		total += n
	}
	tm.t.Logf("orders: %v", ended)
	for _, state := range []purchase.State{purchase.Purchased, purchase.Cancelled, purchase.Expired, purchase.Denied} {
		if ended[state] == 0 {
			tm.t.Errorf("orders that ended as %s: got none, want some", state)
		}
	}
	if ended[purchase.Purchased] < total/3 || total < 60 {
		tm.t.Errorf("orders: got %d, %d of them purchased; want 60 or more, and a third", total, ended[purchase.Purchased])
	}
}
