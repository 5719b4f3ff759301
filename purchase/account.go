package purchase

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"licensebot/cocalc"
)

// proven makes sure, once in a run, that the key is of the account that the ledger tells of. With the key of another
// one nothing is bought, and nothing that is or is not found there says anything about an order. It answers how long to
// wait otherwise; 0: not at all, with the error of a CoCalc that does not say.
func (b *buyer) proven(ctx context.Context) (time.Duration, error) {
	if b.isProven {
		return 0, nil
	}
	who, err := b.shop.WhoAmI(ctx)
	if err != nil {
		return 0, err
	}
	before, newest, err := b.beforeTheLedger(ctx)
	if err != nil {
		return 0, err
	}
	var told, foreign bool
	err = b.ledger.Update(ctx, func(w Writer) error {
		told, foreign = false, false
		account, err := w.Account()
		if err != nil {
			return err
		}
		if account.CoCalc == who.ID {
			return b.noteAddress(w, account)
		}
		if account.CoCalc == "" { // the ledger has just begun, or is from before this was kept
			account.CoCalc, account.Address = who.ID, string(b.site)
			if account.Restored == nil { // purchases that a restored backup lacks are entered or reported
				account.Earlier = newest
			}
			if err := w.PutAccount(account); err != nil {
				return err
			}
			err := w.AppendEvent(Event{
				Time: b.now(), Kind: "account", By: BotName,
				Note: fmt.Sprintf("the ledger belongs to CoCalc account %s on %s", who.ID, b.site),
			})
			if err != nil || before == 0 {
				return err
			}
			told, err = b.alarm(w, Order{}, Cause{Code: IncidentNewLedger, Args: Args{"purchases": strconv.Itoa(before)}})
			return err
		}
		foreign = true
		told, err = b.alarm(w, Order{},
			Cause{Code: IncidentForeignKey, Args: Args{"key": b.keyName, "account": who.ID, "ledger": account.CoCalc}})
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case told && !foreign:
		b.log.Error().Int("purchases", before).Msg("pause buying: the ledger is new and empty, and the account has " +
			"purchases with tags of this bot; a ledger is missing")
		b.changed("")
	case told:
		b.log.Error().Str("account", who.ID).Msg("pause buying: the key is of another CoCalc account than the ledger")
		b.changed("")
	}
	if foreign {
		return b.timing.PollMax, nil
	}
	b.isProven = true
	if told {
		return b.timing.Poll, nil // buying is paused now: look at the orders again
	}
	return 0, nil
}

// noteAddress notes the address of the server on which the key was proven, if the ledger has another one or none.
func (b *buyer) noteAddress(w Writer, account AccountState) error {
	before := account.Address
	if before == string(b.site) || b.site == "" {
		return nil
	}
	account.Address = string(b.site)
	if err := w.PutAccount(account); err != nil {
		return err
	}
	note := fmt.Sprintf("the CoCalc server is %s", b.site)
	if before != "" {
		note = fmt.Sprintf("the CoCalc server changed from %s to %s", before, b.site)
	}
	return w.AppendEvent(Event{Time: b.now(), Kind: "address", By: BotName, Note: note})
}

// beforeTheLedger returns, for a new and empty ledger, how many purchases with the bot's tags the account has, and when
// CoCalc sold the newest; 0 for any other ledger.
func (b *buyer) beforeTheLedger(ctx context.Context) (n int, newest time.Time, err error) {
	begins := false
	err = b.ledger.View(ctx, func(r Reader) error {
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
	sold, err := b.soldSince(ctx, time.Time{})
	for _, row := range sold.rows {
		if _, ours := tagged(row.Text); ours {
			n++
			if row.Time.After(newest) {
				newest = row.Time
			}
		}
	}
	return n, newest, err
}

// unproven says what to do with an order as long as CoCalc does not say whose the key is.
func (b *buyer) unproven(ctx context.Context, o Order, err error) (time.Duration, error) {
	var e *cocalc.Error
	if !errors.As(err, &e) {
		return 0, err // the ledger failed, not CoCalc
	}
	switch o.State {
	case Approved, Adding, Carted:
		return b.troubled(ctx, o, err)
	default:
		b.log.Debug().Err(err).Str("order", string(o.ID)).Msg("wait for CoCalc to say whose the key is")
		return b.pause(o.ID), nil
	}
}
