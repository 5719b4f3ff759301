package register

import (
	"context"
	"fmt"
	"maps"
	"time"

	"licensebot/purchase"
)

// ReportTrouble notifies the admins of a trouble, once as long as it lasts. o is the order that met it, if any.
func (reg *Register) ReportTrouble(ctx context.Context, o purchase.Order, code purchase.FailureCode,
	detail purchase.Cause,
) error {
	if detail.Code == "" || len(reg.policy.Admins) == 0 {
		return nil
	}
	var account purchase.AccountState
	err := reg.ledger.View(ctx, func(r purchase.Reader) (err error) { account, err = r.Account(); return err })
	if err != nil || reg.hasTrouble(account, code) {
		return err
	}
	if err := reg.ledger.Update(ctx, func(w purchase.Writer) error {
		return reg.AddTrouble(w, o, code,
			detail)
	}); err != nil {
		return fmt.Errorf("tell the admins of a trouble: %w", err)
	}
	reg.changed("")
	return nil
}

// hasTrouble reports whether the admins have been notified of the trouble.
func (reg *Register) hasTrouble(a purchase.AccountState, code purchase.FailureCode) bool {
	return reg.now().Sub(a.Troubles[code]).Abs() < purchase.TroubleInterval
}

// AddTrouble adds TellTrouble's notice in the caller's transaction: a statement that the admins know must not be
// durable without it.
func (reg *Register) AddTrouble(w purchase.Writer, o purchase.Order, code purchase.FailureCode,
	detail purchase.Cause,
) error {
	if detail.Code == "" || len(reg.policy.Admins) == 0 {
		return nil
	}
	account, err := w.Account()
	if err != nil || reg.hasTrouble(account, code) {
		return err
	}
	now := reg.now()
	account.Troubles = maps.Clone(account.Troubles)
	if account.Troubles == nil {
		account.Troubles = map[purchase.FailureCode]time.Time{}
	}
	account.Troubles[code] = now
	if err := w.PutAccount(account); err != nil {
		return err
	}
	if err := w.AppendEvent(purchase.Event{
		Time: now, Kind: string(purchase.NotificationTrouble), Order: o.ID,
		By: purchase.BotName, Cause: detail,
	}); err !=
		nil {
		return err
	}
	return AddNotification(w, reg.NewNotification(purchase.NotificationTrouble, NotificationID("trouble-"+string(code),
		now), detail, o, ""))
}

// ClearTroubles drops the troubles after a purchase: the next one is a new incident.
func ClearTroubles(w purchase.Writer, codes ...purchase.FailureCode) error {
	account, err := w.Account()
	if err != nil || len(account.Troubles) == 0 {
		return err
	}
	account.Troubles = maps.Clone(account.Troubles)
	if len(codes) == 0 {
		account.Troubles = nil
	}
	for _, code := range codes {
		delete(account.Troubles, code)
	}
	return w.PutAccount(account)
}

// ForReader returns the refusal for this reader: admins get the names of settings.
func (reg *Register) ForReader(no *purchase.Refusal, who purchase.Actor) *purchase.Refusal {
	if no == nil || !reg.IsAdmin(who) {
		return no
	}
	detailed := *no
	detailed.ToAdmin = true
	return &detailed
}
