package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"licensebot/purchase/orders"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/desk"
	"licensebot/purchase/reconcile"
)

// confirmAtOnce lets people, each with their own card, click Buy twice in the same instant, with a budget for some of
// them: exactly these get a reservation, each once, and the others read why not.
func confirmAtOnce(t *testing.T, l purchase.Ledger, people, enough int) {
	ctx := context.Background()
	spec := cocalc.DefaultSpec()
	spec.RAM, spec.CPU = 4, 1
	price, err := desk.New(desk.Options{Ledger: l}).Quote(spec)
	if err != nil {
		t.Fatal(err)
	}
	// A cent less than one more would cost.
	limit := price.Total*purchase.Cents(enough+1) - 1
	desk := desk.New(desk.Options{Ledger: l, Policy: purchase.Policy{
		Everyone:   true,
		OrderLimit: purchase.Limit{None: true}, MonthlyBudget: purchase.Limit{Max: limit},
	}})
	place := purchase.Channel{ID: "C1"}
	var all []purchase.Order
	for n := range people {
		p, err := desk.Propose(ctx, purchase.Request{
			Requester: purchase.Actor{ID: fmt.Sprint("U", n)}, Channel: place,
			Spec: spec,
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Order)
	}
	var promised, late, short atomic.Int32
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for _, o := range all {
		for range 2 {
			wg.Go(func() {
				<-begin
				_, err := desk.Decide(ctx, purchase.Action{Actor: o.Requester, Channel: place}, o.ID,
					orders.Decision{Kind: orders.Confirm})
				var no *purchase.Refusal
				switch {
				case err == nil:
					promised.Add(1)
				case errors.As(err, &no) && no.Code == purchase.AlreadyDone:
					late.Add(1)
				case errors.As(err, &no) && no.Code == purchase.OverBudget:
					short.Add(1)
				default:
					t.Errorf("order %s: %v", o.ID, err)
				}
			})
		}
	}
	close(begin)
	wg.Wait()
	if int(promised.Load()) != enough || int(late.Load()) != enough || int(short.Load()) != 2*(people-enough) {
		t.Errorf("%d were promised, %d clicks came second, and %d were over the budget; want %d, %d and %d",
			promised.Load(), late.Load(), short.Load(), enough, enough, 2*(people-enough))
	}
	err = l.View(ctx, func(r purchase.Reader) error {
		months, err := r.Budgets(10)
		if len(months) != 1 || months[0].Reserved != price.Total*purchase.Cents(enough) {
			t.Errorf("the budgets say %+v", months)
		}
		findings, err2 := reconcile.CheckConsistency(r)
		for _, f := range findings {
			t.Error(f)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
}
