package purchase

import (
	"context"
	"errors"
	"time"
)

// away reports whether the ledger's file was moved, deleted or replaced. Until the file has its name back, nothing is
// reserved or begun and no checkout is sent, since the next start would not find what is stored now. The admins are
// notified of both. This pause exists in memory and in the log only.
func (d *Desk) away(ctx context.Context) bool {
	err := d.ledger.Here(ctx)
	if err != nil && !errors.Is(err, ErrAway) {
		return false // the ledger itself reports its other faults
	}
	away := err != nil
	if d.isAway.Swap(away) == away {
		return away
	}
	now := d.now()
	n := d.notice(NoticeBack, noticeID("back", now), because(NoticeBack), Order{}, "")
	if away {
		d.log.Error().Err(err).Msg("hold buying: the ledger's file is not where it belongs; rename it back")
		n = d.notice(NoticeAway, noticeID("away", now), because(NoticeAway), Order{}, "")
	} else {
		d.log.Warn().Msg("resume buying: the ledger's file has its name again")
	}
	if err := d.ledger.Update(context.WithoutCancel(ctx), func(w Writer) error { return addNotice(w, n) }); err != nil {
		d.log.Error().Err(err).Msg("fail to tell admins where the ledger's file is")
	}
	d.changed("")
	nudge(d.wake)
	return away
}

// errAway refuses what would reserve money while the ledger's file is away.
func (p Policy) errAway() *Refusal {
	return refuse(LedgerAway, "told", p.told())
}

// begins reports whether the order's next step begins something or pays, so that the next start must find it.
func (o *Order) begins() bool {
	return o.State == Approved && len(o.Parked) == 0 || o.State == Adding && o.AddSent.IsZero() || o.State == Carted &&
		o.Failure == nil
}

// untilBack returns how long to wait before the ledger's file is looked for again.
func (d *Desk) untilBack() time.Duration {
	if d.isAway.Load() {
		return d.timing.PollMax
	}
	return idle
}
