package purchasetest

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"licensebot/cocalc/cocalctest"
	"licensebot/purchase"
	"licensebot/purchase/register"
	"licensebot/storage"
)

// CopyInState copies the ledger when a new order is in the state; "" copies it before the order is made. With paid, the
// order is bought afterwards. It returns the id of the order and the path of the copy.
func (env *Env) CopyInState(state purchase.State, paid bool) (purchase.OrderID, string) {
	env.T.Helper()
	old := filepath.Join(filepath.Dir(env.Path), "old.db")
	keep := func() {
		env.T.Helper()
		env.Close()
		if err := CopyFile(env.Path, old); err != nil {
			env.T.Fatal(err)
		}
		env.Open()
	}
	if state == "" {
		keep()
	}
	o := env.Propose(Spec())
	if state == purchase.Proposed {
		keep()
		if !paid {
			return o.ID, old
		}
	}
	env.SwitchOn("outage")
	if state == purchase.Carted {
		env.Server.ClearFaults()
		env.Server.Inject(cocalctest.Fault{Endpoint: ParamsEndpoint, Effect: cocalctest.Fail, Times: 1000})
	}
	if err := env.Confirm(o.ID); err != nil {
		env.T.Fatal(err)
	}
	if state != "" && state != purchase.Proposed {
		env.Until(o.ID, state)
		keep()
	}
	if paid {
		env.Server.ClearFaults()
		env.Until(o.ID, purchase.Purchased)
	}
	return o.ID, old
}

// MarkRestored marks the ledger of a closed Env as an older copy that was restored.
func (env *Env) MarkRestored() error {
	ledger, err := storage.Open(env.Path)
	if err != nil {
		return err
	}
	err = ledger.Update(context.Background(), func(w purchase.Writer) error {
		return register.AfterRestore(w, time.Now(), "UDANA", env.Timing.Settle)
	})
	return errors.Join(err, ledger.Close())
}

// RestoreFrom restores an older copy of the ledger and starts the bot again. known reports whether the replaced ledger
// could be read.
func (env *Env) RestoreFrom(old string, known bool) {
	env.T.Helper()
	ctx := context.Background()
	var orders []purchase.Order
	var pause *purchase.Pause
	err := env.Ledger.View(ctx, func(r purchase.Reader) error {
		for o, err := range purchase.AllOrders(r) {
			if err != nil {
				return err
			}
			orders = append(orders, o)
		}
		account, err := r.Account()
		pause = account.Pause
		return err
	})
	env.Close()
	env.Path = old
	ledger, err2 := storage.Open(old)
	if err := errors.Join(err, err2); err != nil {
		env.T.Fatal(err)
	}
	err = ledger.Update(ctx, func(w purchase.Writer) error {
		if err := register.AfterRestore(w, time.Now(), "UDANA", env.Timing.Settle); err != nil || !known {
			return err
		}
		return errors.Join(register.KeepOrders(w, orders), register.KeepPause(w, pause))
	})
	if err := errors.Join(err, ledger.Close()); err != nil {
		env.T.Fatal(err)
	}
	env.Open()
}
