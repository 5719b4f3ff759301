package purchase

import (
	"context"
	"errors"
	"fmt"

	"licensebot/cocalc"
)

// proven makes sure, once in a run, that the key is of the account that the ledger tells of. With the key of another one nothing
// is bought, and nothing that is or is not found there says anything about an order. It answers how long to wait otherwise; 0:
// not at all, with the error of a CoCalc that does not say.
func (b *buyer) proven(ctx context.Context) (wait, error) {
	if b.isProven {
		return 0, nil
	}
	who, err := b.shop.WhoAmI(ctx)
	if err != nil {
		return 0, err
	}
	var told, foreign bool
	err = b.ledger.Update(ctx, func(w Writer) error {
		told, foreign = false, false
		account, err := w.Account()
		if err != nil || account.CoCalc == who.ID {
			return err
		}
		if account.CoCalc == "" { // the ledger has just begun, or is from before this was kept
			account.CoCalc = who.ID
			if err := w.PutAccount(account); err != nil {
				return err
			}
			return w.AppendEvent(Event{Time: b.now(), Kind: "account", By: botName, Note: "the ledger is of CoCalc account " + who.ID})
		}
		what := fmt.Sprintf("the API key (%s) is of CoCalc account %s, and this ledger is of account %s: one ledger is for one account. "+
			"Start me with a key of that account, or with a new ledger.", b.keyName, who.ID, account.CoCalc)
		foreign = true
		told, err = b.alarm(w, Order{}, Cause{IncidentForeignKey, Args{"key": b.keyName, "account": who.ID, "ledger": account.CoCalc}}, what)
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case told:
		b.log.Error().Str("account", who.ID).Msg("the key is of another CoCalc account than the ledger; buying is paused")
		b.changed("")
	}
	if foreign {
		return b.timing.PollMax, nil
	}
	b.isProven = true
	return 0, nil
}

// unproven says what to do with an order as long as CoCalc does not say whose the key is.
func (b *buyer) unproven(ctx context.Context, o Order, err error) (wait, error) {
	var e *cocalc.Error
	if !errors.As(err, &e) {
		return 0, err // the ledger failed, not CoCalc
	}
	switch o.State {
	case Approved, Adding, Carted:
		return b.troubled(ctx, o, err)
	}
	b.log.Info().Err(err).Str("order", string(o.ID)).Msg("CoCalc does not say whose the key is")
	return b.pause(o.ID), nil
}
