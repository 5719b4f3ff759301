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

// told returns whether the admins know of what a buyer meets, as an argument of a cause: "yes", or "no" if there are none
// to notify, so the buyer has to tell them.
func (p Policy) told() string {
	if len(p.Admins) == 0 {
		return "no"
	}
	return "yes"
}

// toldWords says to a buyer whether the admins know.
func (p Policy) toldWords() string {
	if p.told() == "no" {
		return "Please tell your admins."
	}
	return "Your admins have been told."
}

// troubleWords describes, for admins, what is wrong between the bot and CoCalc and what to do; empty if no admin could
// change it. keyName is the API key's name, never the key.
func troubleWords(e *cocalc.Error, keyName string, site Site) string {
	switch e.Kind {
	case cocalc.NotSignedIn:
		return fmt.Sprintf("CoCalc doesn't accept the API key %s, or its database is down. Check `COCALC_API_KEY`. Orders continue once CoCalc accepts the key.", keyName)
	case cocalc.CaptchaRequired:
		return fmt.Sprintf("CoCalc sells only to people in its store, not to the account of the API key %s. Ask CoCalc to add the account to its partner group.", keyName)
	case cocalc.InsufficientCredit:
		return "The CoCalc account doesn't have enough credit for an order" + missingWords(e.Need) + ". Add credit at " + site.Payments() + "."
	case cocalc.NotSoldHere:
		return "The CoCalc server at `COCALC_URL` doesn't sell licenses. Check that setting."
	case cocalc.NotFound, cocalc.Throttled, cocalc.CartBroken:
		return ""
	}
	if e.Outcome == cocalc.Rejected {
		if e.Text == "" {
			return "CoCalc refused an order and didn't say why."
		}
		return "CoCalc refused an order. It said: " + quoted(cutRunes(e.Text, 300)) + "."
	}
	return ""
}

func missingWords(need Cents) string {
	if need <= 0 {
		return ""
	}
	return fmt.Sprintf(" (%s short)", need)
}

// tellTrouble notifies the admins of a trouble, once as long as it lasts. o is the order that met it, if any.
func (d *Desk) tellTrouble(ctx context.Context, o Order, code FailureCode, detail string) error {
	if detail == "" || len(d.policy.Admins) == 0 {
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
func (d *Desk) addTrouble(w Writer, o Order, code FailureCode, detail string) error {
	if detail == "" || len(d.policy.Admins) == 0 {
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
	if err := w.AppendEvent(Event{Time: now, Kind: string(NoticeTrouble), Order: o.ID, By: botName, Note: detail}); err != nil {
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
func (b *buyer) meets(ctx context.Context, o Order, code FailureCode, detail string) {
	if err := b.tellTrouble(ctx, o, code, detail); err != nil {
		b.log.Error().Err(err).Str("order", string(o.ID)).Msg("fail to tell the admins about a problem")
	}
}

// publicWords describes an incident for people who are no admins: without other people's money, keys and ledger
// entries.
func (in Incident) publicWords() string {
	if in.By != botName {
		return quoted(in.Text) + "."
	}
	switch in.Code {
	case IncidentForeignKey:
		return "I'm connected to a different CoCalc account than before."
	case IncidentUnknown:
		return "CoCalc left two purchases unconfirmed within a day."
	case IncidentCharged:
		return "CoCalc charged a different amount than agreed."
	case IncidentUnexplained:
		return "I can't explain a purchase that has my tag."
	case IncidentDoubleBuy:
		return "CoCalc sold a license more than once."
	case IncidentBooks:
		return "My records don't add up."
	}
	return "An admin needs to look at the CoCalc account."
}

// PublicReason returns why buying is paused, for people who are no admins.
func (p *Pause) PublicReason() string {
	text := ""
	for i, in := range p.incidents() {
		switch reason := in.publicWords(); {
		case i == 0 && in.By != botName:
			text = in.Text
		case i == 0:
			text = reason
		case i <= mostTold:
			text += " Since then: " + reason
		}
	}
	return ShortenIDs(text)
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
