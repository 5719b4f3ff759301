package register

import (
	"context"
	"errors"
	"time"

	"licensebot/purchase"
)

// Away reports whether the ledger's file was moved, deleted or replaced. Until the file has its name back, nothing is
// reserved or begun and no checkout is sent, since the next start would not find what is stored now. The admins are
// notified of both. This pause exists in memory and in the log only.
func (reg *Register) Away(ctx context.Context) bool {
	err := reg.ledger.Here(ctx)
	if err != nil && !errors.Is(err, purchase.ErrAway) {
		return false // the ledger itself reports its other faults
	}
	away := err != nil
	if reg.IsAway.Swap(away) == away {
		return away
	}
	now := reg.now()
	n := reg.NewNotification(purchase.NotificationLedgerBack, NotificationID("back", now),
		purchase.NewCause(purchase.NotificationLedgerBack),
		purchase.Order{}, "")
	if away {
		reg.log.Error().Err(err).Msg("hold buying: the ledger's file is not where it belongs; rename it back")
		n = reg.NewNotification(purchase.NotificationLedgerAway, NotificationID("away", now),
			purchase.NewCause(purchase.NotificationLedgerAway),
			purchase.Order{}, "")
	} else {
		reg.log.Warn().Msg("resume buying: the ledger's file has its name again")
	}
	if err := reg.ledger.Update(context.WithoutCancel(ctx), func(w purchase.Writer) error {
		return AddNotification(w,
			n)
	}); err != nil {
		reg.log.Error().Err(err).Msg("fail to tell admins where the ledger's file is")
	}
	reg.changed("")
	Nudge(reg.Wake)
	return away
}

// UntilBack returns how long to wait before the ledger's file is looked for again.
func (reg *Register) UntilBack() time.Duration {
	if reg.IsAway.Load() {
		return reg.timing.PollMax
	}
	return Idle
}
