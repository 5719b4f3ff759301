package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"licensebot/purchase/orders"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/reconcile"
)

// confirmAtOnce lets a number of people, each with their own order, confirm twice at the same time, with a budget for
// enough of them. It checks that exactly enough orders are approved, that the second click on each of these is refused
// as AlreadyDone, that all other clicks are refused as OverBudget, and that the budget has the approved orders alone.
func confirmAtOnce(t *testing.T, l purchase.Ledger, people, enough int) {
	ctx := context.Background()
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 4, 1
	price, err := purchase.PriceOf(spec, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	desk := desk.New(desk.Options{Ledger: l, Policy: purchase.Policy{
		Everyone:   true,
		OrderLimit: purchase.Limit{None: true},
		// a cent less than one more order would cost
		MonthlyBudget: purchase.Limit{Max: price.Total*purchase.Cents(enough+1) - 1},
	}})
	channel := purchase.Channel{ID: "C1"}
	var all []purchase.Order
	for n := range people {
		p, err := desk.Propose(ctx, purchase.Request{
			Requester: purchase.Actor{ID: fmt.Sprint("U", n)}, Channel: channel, Spec: spec,
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Order)
	}
	var approved, second, overBudget atomic.Int32
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for _, o := range all {
		for range 2 {
			wg.Go(func() {
				<-begin
				_, err := desk.Decide(ctx, purchase.Action{Actor: o.Requester, Channel: channel}, o.ID,
					orders.Decision{Kind: orders.Confirm})
				var refusal *purchase.Refusal
				switch {
				case err == nil:
					approved.Add(1)
				case errors.As(err, &refusal) && refusal.Code == purchase.AlreadyDone:
					second.Add(1)
				case errors.As(err, &refusal) && refusal.Code == purchase.OverBudget:
					overBudget.Add(1)
				default:
					t.Errorf("order %s: got the error %v, want none, AlreadyDone or OverBudget", o.ID, err)
				}
			})
		}
	}
	close(begin)
	wg.Wait()
	got := [3]int{int(approved.Load()), int(second.Load()), int(overBudget.Load())}
	if want := [3]int{enough, enough, 2 * (people - enough)}; got != want {
		t.Errorf("got %d clicks that approved, %d that came second and %d over budget, want %d, %d and %d",
			got[0], got[1], got[2], want[0], want[1], want[2])
	}
	err = l.View(ctx, func(r purchase.Reader) error {
		months, err := r.Budgets(10)
		if want := price.Total * purchase.Cents(enough); len(months) != 1 || months[0].Reserved != want {
			t.Errorf("got the budgets %+v, want one month with %s reserved", months, want)
		}
		findings, err2 := reconcile.CheckConsistency(ctx, reconcile.Snapshot{Reader: r}, nil)
		for _, f := range findings {
			t.Errorf("got the finding %v, want a consistent ledger", f)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
}
