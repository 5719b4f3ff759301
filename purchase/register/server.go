package register

import (
	"context"

	"licensebot/purchase"
)

// Server returns what is wrong with the CoCalc server, from memory. It never blocks.
func (reg *Register) Server() purchase.Server {
	if s := reg.Diagnosed.Load(); s != nil {
		return *s
	}
	return purchase.Server{}
}

// RecallServer reads from the ledger what is known of the server since an earlier run.
func (reg *Register) RecallServer(ctx context.Context) error {
	return reg.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err == nil {
			reg.Diagnosed.Store(reg.DiagnosisOf(account))
		}
		return err
	})
}

// DiagnosisOf returns what is wrong with the server that the settings name; nil if that isn't known.
func (reg *Register) DiagnosisOf(account purchase.AccountState) *purchase.Server {
	if s := account.Diagnosis; s != nil && s.Site == reg.site {
		return s
	}
	return nil
}

// NotSold returns why this person can't buy from the server, or see prices of what it sells; nil if orders are taken.
// It never blocks.
func (reg *Register) NotSold(who purchase.Actor) *purchase.Refusal {
	return reg.ForReader(reg.RefuseNotSold(reg.Diagnosed.Load()), who)
}

// RefuseNotSold refuses orders while the server sells no licenses. Its code is NotSold.
func (reg *Register) RefuseNotSold(s *purchase.Server) *purchase.Refusal {
	if s == nil || !s.RefusesOrders() {
		return nil
	}
	return purchase.NewRefusal(purchase.NotSold, "condition", string(s.Condition), "host", s.Host, "told",
		reg.policy.AdminsTold())
}
