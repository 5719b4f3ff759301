package purchase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"licensebot/cocalc"
)

// The sentences of a refused click or command. Each says what happened and what to do; whether money moved is said
// where a click was to pay (uncharged).

// Unusable returns what a person reads while the ledger cannot be used any more; nil for other errors.
func Unusable(err error) *Refusal {
	if errors.Is(err, ErrStopped) || errors.Is(err, ErrUncertain) {
		return refuse(ShuttingDown)
	}
	return nil
}

// errStopping refuses what was certainly not done.
func errStopping() *Refusal {
	return refuse(ShuttingDown, "undone", flag(true))
}

func noSuchOrder() *Refusal {
	return refuse(NoSuchOrder)
}

// closed refuses new orders while buying is stopped.
func (p Policy) closed(account AccountState) *Refusal {
	if no := restoring(account); no != nil {
		return no
	}
	if account.Pause == nil {
		return nil
	}
	return &Refusal{Cause: account.Pause.cause(Paused)}
}

// full refuses new orders while the ledger has too little room to bring them to their end. It is not recorded: that
// would take of the room that is left.
func (d *Desk) full(ctx context.Context) error {
	err := d.ledger.Room(ctx)
	if err == nil {
		return nil
	}
	d.log.Error().Err(err).Msg("refuse all orders")
	if !errors.Is(err, ErrFull) {
		return fmt.Errorf("ask for room in the ledger: %w", err)
	}
	return refuse(DiskFull)
}

// BotName is how the bot names itself in the ledger, where people have ids.
const BotName = "licensebot"

func onlyRequester(order Order, who Person) *Refusal {
	if who.Is(order.Requester) && (order.Requester.Team == "" || who.Team == "" || order.Requester.Team == who.Team) {
		return nil
	}
	return refuse(NotYours)
}

// mayWithdraw refuses everyone but the requester. While Slack doesn't say who a person is, their workspace isn't known
// either, so the id decides.
func mayWithdraw(order Order, who Person) *Refusal {
	if who.Standing == Unverified && who.Is(order.Requester) {
		return nil
	}
	return onlyRequester(order, who)
}

// uncharged adds to the refusal of a click that was to pay that nothing was charged, where that is certain: the order
// is a card still, or has failed. What was decided, or came too late, says itself what became of the money; a reason is
// asked for first.
func uncharged(order Order, err error) error {
	var no *Refusal
	if !errors.As(err, &no) || no.Code == AlreadyDone || no.Code == TooLate || no.Code == NoReason ||
		order.State != Proposed && order.State != Failed || order.mayBeCharged() {
		return err
	}
	said := *no
	said.Cause = said.With("uncharged", flag(true))
	return &said
}

func cardExpired(order Order) *Refusal {
	return refuse(TooLate, "doing", "confirm", "state", string(Proposed), "price", cents(order.Price))
}

// offerExpired refuses a confirmation of a new price that comes too late.
func offerExpired(order Order) *Refusal {
	return refuse(TooLate, "doing", "confirm", "new-price", cents(order.Failure.NewPrice))
}

// mayBeCharged reports whether CoCalc may still show that an order which counts as not bought was bought: since the
// backup that was restored, or against an admin's word.
func (o *Order) mayBeCharged() bool {
	return o.Restored || o.Failure != nil && (o.Failure.Code == FailRestored || o.Failure.Code == FailByAdmin)
}

// alreadyDecided answers a second, late or redelivered yes.
func alreadyDecided(order Order) *Refusal {
	charged := ""
	if order.mayBeCharged() {
		charged = "maybe"
	}
	code := AlreadyDone
	if order.State == Expired || order.State == Cancelled {
		code = TooLate
	}
	return refuse(code, "doing", "confirm", "state", string(order.State), "charged", charged,
		"replaced", string(order.ReplacedBy))
}

// tooLateTo answers a cancellation or an edit ("cancel", "change") that comes after the fact.
func (d *Desk) tooLateTo(doing string, order Order) *Refusal {
	subscriptions := ""
	if order.State == Purchased && order.Spec.Period != cocalc.PeriodRange {
		subscriptions = d.site.Subscriptions()
	}
	return refuse(TooLate, "doing", doing, "state", string(order.State), "order", string(order.ID),
		"replaced", string(order.ReplacedBy), "subscriptions", subscriptions)
}

// called is how people call the person: their name, as far as it is letters and what stands between letters. People
// choose their names themselves.
func (p Person) called() string {
	var words []string
	for _, word := range strings.Fields(cutRunes(p.Name, 80)) {
		word = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune(joins, r) {
				return r
			}
			return -1
		}, word)
		if word = strings.Trim(word, joins); word != "" {
			words = append(words, word)
		}
	}
	return cmp.Or(strings.Join(words, " "), p.ID)
}

// joins stand between the letters of a name, and mean nothing there.
const joins = "._-'’"

// refused records a refusal in the audit and returns it. When even that cannot be written the person still gets
// the refusal: it is the true answer.
func (d *Desk) refused(ctx context.Context, no *Refusal, id OrderID, who Person, at Place) error {
	ctx = context.WithoutCancel(ctx) // also when the time for the answer is over
	if !d.takes(no, who) {
		return d.forReader(no, who)
	}
	err := d.ledger.Update(ctx, func(w Writer) error { return w.AppendEvent(d.refusal(no, id, who, at)) })
	if err != nil {
		d.log.Error().Err(err).Str("code", string(no.Code)).Msg("fail to record a refusal")
	}
	return d.forReader(no, who)
}

// refusal is the audit record of a refusal.
func (d *Desk) refusal(no *Refusal, id OrderID, who Person, at Place) Event {
	return Event{
		Time: d.now(), Kind: "refused", Order: OrderID(brief(string(id))), By: brief(who.ID), Place: brief(at.Channel),
		Note: string(no.Code),
	}
}

// brief shortens an id that came from outside. Real ids are shorter; a made-up one gets enough room in the audit to
// show what it was.
func brief(id string) string {
	const most = 64
	if len(id) <= most {
		return id
	}
	return strings.ToValidUTF8(id[:most], "") + "…"
}
