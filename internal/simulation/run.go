package simulation

import (
	"context"
	"path/filepath"
	"time"

	"github.com/slack-go/slack"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// Outcome is the result of a run.
type Outcome struct {
	Wrong   []string // violated invariants; empty if the run is fine
	Trace   string
	Summary Summary
}

// aftermath is how long all is quiet before the last look.
const aftermath = 100 * time.Minute

// Run plays a plan to its end, with the ledger in the folder dir. It must be called in a testing/synctest bubble, which
// gives it the clock.
func Run(plan Plan, dir string) Outcome {
	time.Sleep(plan.Begin)
	w := &world{
		plan: plan, dir: dir, trace: &Trace{start: time.Now()}, over: make(chan struct{}), restarts: make(chan Step, 1),
		rules:  plan.Rules[0],
		counts: map[string]int{}, checkouts: map[purchase.OrderID]int{}, agreed: map[purchase.OrderID]string{},
		bought: map[sale]int{}, touched: map[int64][]time.Time{}, left: map[int64]bool{}, lookedPercent: 100,
		dearer: map[int64]bool{},
	}
	w.slack = &workspace{
		trace: w.trace, urls: map[string]*answerURL{}, forms: map[string]slack.ModalViewRequest{},
		people: newDirectory(),
	}
	if plan.Tells {
		w.purchasesChannel = "CPURCHASES"
	}
	generation := cocalctest.Current
	if plan.Older {
		generation = cocalctest.Older
	}
	w.server = cocalctest.New(cocalctest.Config{Seed: plan.Seed, Generation: generation})
	w.account = w.server.Add(cocalctest.NewAccount{Credit: plan.Credit, Partner: true})
	w.trace.Log("%s", plan)

	kept := make(chan struct{})
	go func() {
		defer close(kept)
		w.supervise()
	}()
	w.outages()
	w.play()
	w.calm()
	w.compare()
	close(w.over)
	<-kept
	w.server.Close()
	w.after.Wait()
	w.checkLedgerAgain()
	w.summary.Seeds = 1
	return Outcome{Wrong: w.wrongs, Trace: w.trace.String(), Summary: w.summary}
}

// play performs the steps of the plan.
func (w *world) play() {
	for _, s := range w.plan.Steps {
		for s.At-w.sinceBegun() > time.Minute {
			time.Sleep(time.Minute)
			w.check()
		}
		if wait := s.At - w.sinceBegun(); wait > 0 {
			time.Sleep(wait)
		}
		w.perform(s)
		w.check()
	}
	for !w.quiet() {
		time.Sleep(min(time.Minute, w.plan.Latest-w.sinceBegun()))
		w.check()
	}
}

// calm is the quiet end: everything works again, dave repairs what needs it, and hours pass.
func (w *world) calm() {
	w.server.ClearFaults()
	w.server.SetCheckoutTakes(40 * time.Millisecond)
	w.trace.Log("everything works again, strangers leave the cart alone, and time passes")
	for end := w.sinceBegun() + aftermath; w.sinceBegun() < end; {
		w.repairCart()
		w.resume()
		time.Sleep(10 * time.Minute)
		w.check()
	}
}

// checkLedgerAgain opens the ledger once more, as a program that starts would, and checks everything.
func (w *world) checkLedgerAgain() {
	l, err := storage.Open(filepath.Join(w.dir, "ledger.db"))
	if err != nil {
		w.wrong("the ledger does not open any more: %v", err)
		return
	}
	defer l.Close()
	b, err := readBooks(l, true)
	if err != nil {
		w.wrong("the ledger cannot be read: %v", err)
		return
	}
	w.checkEnd(b)
	findings, err := reconcile.CheckConsistency(context.Background(), l, nil)
	for _, f := range findings {
		w.wrong("the books do not agree: %s", f)
	}
	if err != nil {
		w.wrong("the books cannot be checked: %v", err)
	}
	w.summary.Orders, w.summary.Purchases = len(b.orders), len(b.purchases)
	for _, e := range b.events {
		for kind, n := range map[string]*int{
			string(purchase.Unknown): &w.summary.Unknown, string(purchase.AwaitingApproval): &w.summary.Asked,
			"agreed": &w.summary.Agreed, string(purchase.Denied): &w.summary.Denied, "paused": &w.summary.Paused,
		} {
			if e.Kind == kind {
				*n++
			}
		}
	}
}
