package reconcile

import (
	"context"
	"fmt"
	"strconv"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// PauseInconsistent pauses buying because CheckConsistency found contradictions in the ledger, and announces the pause.
// It does so once for the same findings, which must not be empty: an admin who resumed buying has seen them. It reports
// whether it paused.
func (rc *Reconciler) PauseInconsistent(ctx context.Context, findings []purchase.Finding) (bool, error) {
	cause := purchase.Cause{
		Code: purchase.IncidentBooks, Causes: []purchase.Cause{findings[0].Cause()},
		Args: purchase.Args{
			"finding": string(findings[0].Code), "record": findings[0].Record,
			"more": strconv.Itoa(len(findings) - 1), "digest": purchase.Digest(findings),
		},
	}
	paused := false
	err := rc.ledger.Update(ctx, func(w purchase.Writer) error {
		paused = false
		for e, err := range purchase.AllEvents(w) {
			if err != nil || e.Reports(findings) {
				return err
			}
		}
		now := rc.now()
		if err := w.AppendEvent(purchase.Event{
			Time: now, Kind: string(purchase.NotificationInconsistent), By: purchase.BotName,
			Cause: cause,
		}); err != nil {
			return err
		}
		paused = true
		if _, err := register.PauseBuying(w, register.BotPause(now, cause), ""); err != nil {
			return err
		}
		return register.AddNotification(w, rc.reg.NewNotification(purchase.NotificationInconsistent,
			register.NotificationID("books", now),
			cause.With("told", rc.policy.AdminsNotified()), purchase.Order{}, ""))
	})
	if err != nil {
		return false, fmt.Errorf("pause buying: %w", err)
	}
	rc.changed("")
	return paused, nil
}
