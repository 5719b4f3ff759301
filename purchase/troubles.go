package purchase

import (
	"context"
	"fmt"
	"maps"
	"time"

	"licensebot/cocalc"
)

// Buyers read what happened and what they can do. Admins get a notice, once per incident, with the names of settings
// and keys and with CoCalc's own words.

// troubleAgain is the pause before the admins are notified again of a trouble that lasts.
const troubleAgain = 24 * time.Hour

// told returns whether the admins know of what a buyer meets, as an argument of a cause: "yes", or "no" if there are
// none to notify, so the buyer has to tell them.
func (p Policy) told() string {
	if len(p.Admins) == 0 {
		return "no"
	}
	return "yes"
}

// trouble describes, for admins, what is wrong between the bot and CoCalc; the zero Cause if no admin could change it.
// keyName is the API key's name, never the key.
func trouble(e *cocalc.Error, keyName string, site Site) Cause {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return because(NoticeTrouble, "why", "key-refused", "key", keyName)
	case cocalc.CaptchaRequired:
		return because(NoticeTrouble, "why", "captcha", "key", keyName)
	case cocalc.InsufficientCredit:
		return because(NoticeTrouble, "why", "no-credit", "missing", someCents(e.Need), "payments", site.Payments())
	case cocalc.NotSoldHere:
		return because(NoticeTrouble, "why", "no-licenses")
	case cocalc.NotFound, cocalc.Throttled, cocalc.CartBroken:
		return Cause{}
	default:
		if e.Outcome == cocalc.Rejected {
			return because(NoticeTrouble, "why", "refused", "said", cutRunes(e.Text, 300))
		}
		return Cause{}
	}
}

// tellTrouble notifies the admins of a trouble, once as long as it lasts. o is the order that met it, if any.
func (d *Desk) tellTrouble(ctx context.Context, o Order, code FailureCode, detail Cause) error {
	if detail.Code == "" || len(d.policy.Admins) == 0 {
		return nil
	}
	var account AccountState
	err := d.ledger.View(ctx, func(r Reader) (err error) { account, err = r.Account(); return err })
	if err != nil || d.knowsTrouble(account, code) {
		return err
	}
	if err := d.ledger.Update(ctx, func(w Writer) error { return d.addTrouble(w, o, code, detail) }); err != nil {
		return fmt.Errorf("tell the admins of a trouble: %w", err)
	}
	d.changed("")
	return nil
}

// knowsTrouble reports whether the admins have been notified of the trouble.
func (d *Desk) knowsTrouble(a AccountState, code FailureCode) bool {
	return d.now().Sub(a.Troubles[code]).Abs() < troubleAgain
}

// addTrouble adds tellTrouble's notice in the caller's transaction: a statement that the admins know must not be
// durable without it.
func (d *Desk) addTrouble(w Writer, o Order, code FailureCode, detail Cause) error {
	if detail.Code == "" || len(d.policy.Admins) == 0 {
		return nil
	}
	account, err := w.Account()
	if err != nil || d.knowsTrouble(account, code) {
		return err
	}
	now := d.now()
	account.Troubles = maps.Clone(account.Troubles)
	if account.Troubles == nil {
		account.Troubles = map[FailureCode]time.Time{}
	}
	account.Troubles[code] = now
	if err := w.PutAccount(account); err != nil {
		return err
	}
	if err := w.AppendEvent(Event{Time: now, Kind: string(NoticeTrouble), Order: o.ID, By: BotName, Cause: detail}); err !=
		nil {
		return err
	}
	return addNotice(w, d.notice(NoticeTrouble, noticeID("trouble-"+string(code), now), detail, o, ""))
}

// overcome drops the troubles after a purchase: the next one is a new incident.
func overcome(w Writer, codes ...FailureCode) error {
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

// meets notifies the admins of a trouble that an order met at CoCalc. It logs a failure to do so and continues.
func (b *buyer) meets(ctx context.Context, o Order, code FailureCode, detail Cause) {
	if err := b.tellTrouble(ctx, o, code, detail); err != nil {
		b.log.Error().Err(err).Str("order", string(o.ID)).Msg("fail to tell the admins about a problem")
	}
}

// forReader returns the refusal for this reader: admins get the names of settings.
func (d *Desk) forReader(no *Refusal, who Person) *Refusal {
	if no == nil || !d.IsAdmin(who) {
		return no
	}
	detailed := *no
	detailed.ToAdmin = true
	return &detailed
}
