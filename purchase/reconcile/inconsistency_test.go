package reconcile_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"licensebot/purchase"
	"licensebot/purchase/purchasetest"
)

// auditLedger counts how many audit records are read. Several goroutines use the ledger.
type auditLedger struct {
	purchase.Ledger
	records atomic.Int64
}

func (l *auditLedger) View(ctx context.Context, read func(purchase.Reader) error) error {
	return l.Ledger.View(ctx, func(r purchase.Reader) error { return read(auditReader{r, &l.records}) })
}

type auditReader struct {
	purchase.Reader
	records *atomic.Int64
}

func (r auditReader) EventFacts(first uint64, limit int) ([]purchase.EventFacts, error) {
	page, err := r.Reader.EventFacts(first, limit)
	r.records.Add(int64(len(page)))
	return page, err
}

// The same findings pause buying once, also if other findings did in between. Only a ledger of an older version, whose
// account says nothing about it, has its audit records read to find out.
func TestReconciler_PauseInconsistent_Once(t *testing.T) {
	a := []purchase.Finding{purchase.NewFinding("entry 1", purchase.FoundEntriesOfOnePurchase, 1, 2, 2)}
	b := []purchase.Finding{purchase.NewFinding("order 01J", purchase.FoundNoReceipt, "01J")}
	var ledger *auditLedger
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		ctx := context.Background()
		pause := func(what string, findings []purchase.Finding, want, wantRead bool) {
			t.Helper()
			before := ledger.records.Load()
			got, err := env.Desk.PauseInconsistent(ctx, findings)
			if read := ledger.records.Load() > before; got != want || err != nil || read != wantRead {
				t.Errorf("%s: got paused %t, audit records read %t, %v; want %t, %t", what, got, read, err, want, wantRead)
			}
			if !got {
				return
			}
			if err := env.Desk.SetPaused(ctx, purchasetest.AdminAction, false, "checked"); err != nil {
				t.Error(err)
			}
		}
		env.Propose(purchasetest.Spec())
		pause("the first findings", a, true, true)
		pause("the same again", a, false, false)
		pause("others", b, true, false)
		pause("the first once more", a, false, false)
		err := env.Ledger.Update(ctx, func(w purchase.Writer) error {
			account, err := w.Account()
			account.ReportedFindings = nil
			return errors.Join(err, w.PutAccount(account))
		})
		if err != nil {
			t.Fatal(err)
		}
		pause("in an older ledger", a, false, true)
		pause("in a ledger that was an older one", a, false, false)
	}, func(env *purchasetest.Env) {
		env.Wrap = func(l purchase.Ledger, shop purchase.Shop) (purchase.Ledger, purchase.Shop) {
			ledger = &auditLedger{Ledger: l}
			return ledger, shop
		}
	})
}

// The channel's message about a pause omits the keys and entries, which only the admins read.
func TestReconciler_PauseInconsistent_InChannel(t *testing.T) {
	purchasetest.Run(t, 10000, func(env *purchasetest.Env) {
		finding := purchase.NewFinding("entry 1", purchase.FoundEntriesOfOnePurchase, 1, 2, 2)
		if _, err := env.Desk.PauseInconsistent(context.Background(), []purchase.Finding{finding}); err != nil {
			t.Fatal(err)
		}
		notices, err := env.Desk.Outbox.PendingNotifications(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notices {
			if n.Kind == purchase.NotificationInconsistent &&
				(n.Code != purchase.IncidentBooks || !n.Causes[0].Is(finding.Cause()) || n.Args["told"] != "yes") {
				t.Errorf("got %s, want the finding %s and that the admins are told", n.Cause, finding)
			}
		}
	}, func(env *purchasetest.Env) { env.PurchasesChannel = "CPURCHASES" })
}
