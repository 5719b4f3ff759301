package purchasetest

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/reconcile"
	"licensebot/storage"
)

// NewLedger opens an empty ledger and closes it at the end of the test.
func NewLedger(t testing.TB) purchase.Ledger {
	l, err := storage.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// OpenLedger opens the ledger of a closed Env.
func (env *Env) OpenLedger() *storage.Ledger {
	env.T.Helper()
	ledger, err := storage.Open(env.Path)
	if err != nil {
		env.T.Fatal(err)
	}
	return ledger
}

// Order reads an order.
func (env *Env) Order(id purchase.OrderID) purchase.Order {
	env.T.Helper()
	o, err := env.Desk.Outbox.Order(context.Background(), id)
	if err != nil {
		env.T.Fatal(err)
	}
	return o
}

// OpenOrder returns the id of the only open order.
func (env *Env) OpenOrder() purchase.OrderID {
	env.T.Helper()
	var open []purchase.QueueEntry
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		open, err = r.Queue()
		return err
	})
	if err != nil || len(open) != 1 {
		env.T.Fatalf("open orders: got %+v (error %v), want one", open, err)
	}
	return open[0].ID
}

// EditOrder changes an order in the ledger of a closed Env.
func (env *Env) EditOrder(id purchase.OrderID, change func(*purchase.Order)) {
	env.T.Helper()
	ctx := context.Background()
	ledger := env.OpenLedger()
	err := ledger.Update(ctx, func(w purchase.Writer) error {
		o, err := w.Order(id)
		if err != nil {
			return err
		}
		change(&o)
		return w.PutOrder(o)
	})
	if err != nil {
		env.T.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		env.T.Fatal(err)
	}
}

// AccountState reads the state of the account from the ledger.
func (env *Env) AccountState() (account purchase.AccountState) {
	env.T.Helper()
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		account, err = r.Account()
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
	return account
}

// Budget reads the budget of a month, such as "2026-11".
func (env *Env) Budget(name string) (b purchase.Budget) {
	env.T.Helper()
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		b, err = r.Budget(name)
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
	return b
}

// Events returns the audit records of the kinds, oldest first.
func (env *Env) Events(kinds ...string) (found []purchase.Event) {
	env.T.Helper()
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) error {
		events, err := r.Events(1, 10000)
		found = slices.DeleteFunc(events, func(e purchase.Event) bool { return !slices.Contains(kinds, e.Kind) })
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
	return found
}

// Notifications returns the pending notifications of a kind for the recipient, and marks them as delivered.
func (env *Env) Notifications(recipient string, kind purchase.NotificationKind) (causes []string) {
	env.T.Helper()
	ctx := context.Background()
	notices, err := env.Desk.Outbox.PendingNotifications(ctx)
	if err != nil {
		env.T.Fatal(err)
	}
	for _, n := range notices {
		if n.Kind != kind || !slices.Contains(n.Pending, recipient) {
			continue
		}
		causes = append(causes, n.Cause.String())
		if err := env.Desk.Outbox.MarkDelivered(ctx, n.ID, recipient, ""); err != nil {
			env.T.Fatal(err)
		}
	}
	return causes
}

// ServerNotifications returns the pending notifications about the server for the admin, and marks them as delivered.
func (env *Env) ServerNotifications() []string {
	env.T.Helper()
	return append(env.Notifications(Dana.ID, purchase.NotificationServer), env.Notifications(Dana.ID,
		purchase.NotificationServerBack)...)
}

// Findings returns the contradictions in the ledger.
func (env *Env) Findings() (findings []purchase.Finding) {
	env.T.Helper()
	findings, err := reconcile.CheckConsistency(context.Background(), env.Ledger, nil)
	if err != nil {
		env.T.Error(err)
	}
	return findings
}

// Claims reads which purchases the ledger claims.
func (env *Env) Claims() (v *reconcile.LedgerView) {
	env.T.Helper()
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		v, err = reconcile.ReadLedgerView(r, time.Now())
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
	return v
}

// Owned returns what the ledger knows of a license's later life; it fails the test if that is nothing.
func (env *Env) Owned(license string) (l purchase.OwnedLicense) {
	env.T.Helper()
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		var ok bool
		if l, ok, err = r.Owned(license); err == nil && !ok {
			env.T.Errorf("got no record of license %s, want one", license)
		}
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
	return l
}

// Entries returns the purchase log, oldest entry first.
func (env *Env) Entries() (log []purchase.Purchase) {
	env.T.Helper()
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) (err error) {
		log, err = r.Purchases(0, 10000)
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
	slices.Reverse(log)
	return log
}

// WantNotOwned checks that the ledger has no record of a license's later life.
func (env *Env) WantNotOwned(license string) {
	env.T.Helper()
	err := env.Ledger.View(context.Background(), func(r purchase.Reader) error {
		l, ok, err := r.Owned(license)
		if ok {
			env.T.Errorf("got %+v, want no record of the license", l)
		}
		return err
	})
	if err != nil {
		env.T.Fatal(err)
	}
}

// Update changes the ledger beside the running bot.
func (env *Env) Update(change func(purchase.Writer) error) {
	env.T.Helper()
	if err := env.Ledger.Update(context.Background(), change); err != nil {
		env.T.Fatal(err)
	}
}
