package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// PauseInconsistent pauses buying because of findings about the ledger, which must not be empty, and announces the
// pause. It does so once for the same findings: an admin who resumed buying has seen them. It reports whether it
// paused.
func (rc *Reconciler) PauseInconsistent(ctx context.Context, findings []purchase.Finding) (bool, error) {
	digest := purchase.Digest(findings)
	cause := purchase.Cause{
		Code: purchase.IncidentBooks, Causes: []purchase.Cause{findings[0].Cause()},
		Args: purchase.Args{
			"finding": string(findings[0].Code), "record": findings[0].Record,
			"more": strconv.Itoa(len(findings) - 1), "digest": digest,
		},
	}
	before, err := rc.reportedBefore(ctx, findings)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil { // for example because audit records are damaged: buying is paused, maybe again
		rc.log.Warn().Err(err).Msg("fail to find out from the audit records whether the findings were reported")
	}
	paused := false
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		paused = false
		account, err := w.Account()
		if err != nil || slices.Contains(account.ReportedFindings, digest) {
			return err
		}
		reported := append(slices.Clone(account.ReportedFindings), digest)
		account.ReportedFindings = reported[max(0, len(reported)-purchase.MaxReportedFindings):]
		if err := w.PutAccount(account); err != nil || before {
			return err
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

// reportedBefore reports whether an audit record of an older version reports these findings. It looks for one only if
// the account has no reported findings. It reads the audit records in steps, each in a View of its own.
func (rc *Reconciler) reportedBefore(ctx context.Context, findings []purchase.Finding) (reported bool, err error) {
	var account purchase.AccountState
	err = rc.ledger.View(ctx, func(r purchase.Reader) (err error) { account, err = r.Account(); return err })
	if err != nil || len(account.ReportedFindings) > 0 {
		return false, err
	}
	left := 0
	audit := defaultLimits.events(&left)
	err = inSteps(ctx, rc.ledger, nil, func(r purchase.Reader) (done bool, err error) {
		for left = defaultLimits.step; left > 0; {
			e, ok, err := audit.next(r)
			if err != nil || !ok {
				return true, err
			}
			if e.Kind != string(purchase.NotificationInconsistent) {
				continue
			}
			events, err := r.Events(e.Number, 1)
			if err != nil {
				return true, err
			}
			if reported = len(events) > 0 && events[0].Reports(findings); reported {
				return true, nil
			}
		}
		return false, nil
	})
	return reported, err
}
