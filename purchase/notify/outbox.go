package notify

import (
	"context"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Outbox holds what people have to be shown: which messages show which revision of an order, and notices until each
// recipient has them. All methods may be called at the same time.
type Outbox struct {
	reg     *register.Register
	ledger  purchase.Ledger
	policy  purchase.Policy
	now     func() time.Time
	changed func(purchase.OrderID)

	purchasesChannel string
	approvalsChannel string
}

// New makes an Outbox.
func New(reg *register.Register) *Outbox {
	o := reg.Options
	return &Outbox{
		reg: reg, ledger: o.Ledger, policy: o.Policy, now: o.Now, changed: o.Changed,
		purchasesChannel: o.PurchasesChannel, approvalsChannel: o.ApprovalsChannel,
	}
}

// Run announces the head of the audit chain once a day, until ctx is done. The machine's clock can be set, so it looks
// every hour whether the day is another one.
func (box *Outbox) Run(ctx context.Context) {
	day := ""
	box.reg.Repeat(ctx, nil, func(ctx context.Context) (time.Duration, error) {
		pause, err := box.publishAuditHead(ctx, &day)
		return min(pause, register.Idle), err
	})
}
