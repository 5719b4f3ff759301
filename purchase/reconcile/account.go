package reconcile

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"licensebot/purchase"
)

// VerifyAccount makes sure, once in a run, that the key is of the account that the ledger tells of. With the key of
// another one nothing is bought, and nothing that is or is not found there says anything about an order. It answers how
// long to wait otherwise; 0: not at all, with the error of a CoCalc that does not say.
func (rc *Reconciler) VerifyAccount(ctx context.Context) (time.Duration, error) {
	if rc.isProven {
		return 0, nil
	}
	who, err := rc.shop.WhoAmI(ctx)
	if err != nil {
		return 0, err
	}
	before, newest, err := rc.beforeTheLedger(ctx)
	if err != nil {
		return 0, err
	}
	var told, foreign bool
	err = rc.ledger.Update(ctx, func(w purchase.Writer) error {
		told, foreign = false, false
		account, err := w.Account()
		if err != nil {
			return err
		}
		if account.CoCalc == who.ID {
			return rc.noteAddress(w, account)
		}
		if account.CoCalc == "" { // the ledger has just begun, or is from before this was kept
			account.CoCalc, account.Address = who.ID, string(rc.site)
			if account.Restored == nil { // purchases that a restored backup lacks are entered or reported
				account.Earlier = newest
			}
			if err := w.PutAccount(account); err != nil {
				return err
			}
			err := w.AppendEvent(purchase.Event{
				Time: rc.now(), Kind: "account", By: purchase.BotName,
				Note: fmt.Sprintf("the ledger belongs to CoCalc account %s on %s", who.ID, rc.site),
			})
			if err != nil || before == 0 {
				return err
			}
			told, err = rc.reg.RaiseAlarm(w, purchase.Order{}, purchase.Cause{
				Code: purchase.IncidentNewLedger,
				Args: purchase.Args{"purchases": strconv.Itoa(before)},
			})
			return err
		}
		foreign = true
		told, err = rc.reg.RaiseAlarm(w, purchase.Order{},
			purchase.Cause{Code: purchase.IncidentForeignKey, Args: purchase.Args{
				"key": rc.keyName, "account": who.ID,
				"ledger": account.CoCalc,
			}})
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case told && !foreign:
		rc.log.Error().Int("purchases", before).Msg("pause buying: the ledger is new and empty, and the account has " +
			"purchases with tags of this bot; a ledger is missing")
		rc.changed("")
	case told:
		rc.log.Error().Str("account", who.ID).Msg("pause buying: the key is of another CoCalc account than the ledger")
		rc.changed("")
	}
	if foreign {
		return rc.timing.PollMax, nil
	}
	rc.isProven = true
	if told {
		return rc.timing.Poll, nil // buying is paused now: look at the orders again
	}
	return 0, nil
}

// noteAddress notes the address of the server on which the key was proven, if the ledger has another one or none.
func (rc *Reconciler) noteAddress(w purchase.Writer, account purchase.AccountState) error {
	before := account.Address
	if before == string(rc.site) || rc.site == "" {
		return nil
	}
	account.Address = string(rc.site)
	if err := w.PutAccount(account); err != nil {
		return err
	}
	note := fmt.Sprintf("the CoCalc server is %s", rc.site)
	if before != "" {
		note = fmt.Sprintf("the CoCalc server changed from %s to %s", before, rc.site)
	}
	return w.AppendEvent(purchase.Event{Time: rc.now(), Kind: "address", By: purchase.BotName, Note: note})
}

// beforeTheLedger returns, for a new and empty ledger, how many purchases with the bot's tags the account has, and when
// CoCalc sold the newest; 0 for any other ledger.
func (rc *Reconciler) beforeTheLedger(ctx context.Context) (n int, newest time.Time, err error) {
	begins := false
	err = rc.ledger.View(ctx, func(r purchase.Reader) error {
		account, err := r.Account()
		if err != nil || account.CoCalc != "" || !account.Watching.IsZero() {
			return err
		}
		orders, err := r.Orders("", 1)
		begins = len(orders) == 0
		return err
	})
	if err != nil || !begins {
		return 0, time.Time{}, err
	}
	sold, err := rc.readAccount(ctx, time.Time{})
	for _, row := range sold.Rows {
		if _, ours := purchase.ParseTag(row.Text); ours {
			n++
			if row.Time.After(newest) {
				newest = row.Time
			}
		}
	}
	return n, newest, err
}
