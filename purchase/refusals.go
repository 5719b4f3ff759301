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
		return &Refusal{Code: ShuttingDown, Sentence: "I'm restarting. Please try again in a minute."}
	}
	return nil
}

// errStopping refuses what was certainly not done.
func errStopping() *Refusal {
	return &Refusal{Code: ShuttingDown, Sentence: "I'm restarting, so that didn't go through. Please try again in a minute."}
}

func noSuchOrder() *Refusal {
	return &Refusal{Code: NoSuchOrder, Sentence: "There's no order with that id. `/license history` shows past purchases."}
}

// closed refuses new orders while buying is stopped.
func (p Policy) closed(account AccountState) *Refusal {
	if no := restoring(account); no != nil {
		return no
	}
	if account.Pause == nil {
		return nil
	}
	return &Refusal{
		Code: Paused, Quotes: true,
		Sentence: "Buying is paused. " + p.pauseWords(*account.Pause, false) + " An admin can resume it with `/license resume`.",
		Admin:    "Buying is paused. " + p.pauseWords(*account.Pause, true) + " You can resume it with `/license resume`.",
	}
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
	return &Refusal{Code: DiskFull, Sentence: "My disk is full, so I can't take new orders. Orders in progress will finish. " +
		"Ask your admins to free some space, then try again."}
}

// botName is how the bot names itself in the ledger.
const botName = "licensebot"

func onlyRequester(order Order, who Person) *Refusal {
	if who.Is(order.Requester) && (order.Requester.Team == "" || who.Team == "" || order.Requester.Team == who.Team) {
		return nil
	}
	return &Refusal{Code: NotYours, Sentence: "Only the person who requested this order can do that. " +
		"To order a license yourself, use `/license buy`."}
}

// uncharged adds to the refusal of a click that was to pay that nothing was charged, where that is certain: the order
// is a card still, or has failed. What was decided, or came too late, says itself what became of the money; a reason is
// asked for first.
func uncharged(order Order, err error) error {
	var no *Refusal
	if !errors.As(err, &no) || no.Code == AlreadyDone || no.Code == TooLate || no.Code == NoReason || order.State != Proposed && order.State != Failed || order.mayBeCharged() {
		return err
	}
	said := *no
	said.Sentence += " Nothing was charged."
	return &said
}

func cardExpired(order Order) *Refusal {
	return &Refusal{Code: TooLate, Sentence: fmt.Sprintf("This card has expired. Its price of %s was valid for 30 minutes, and nothing was charged. "+
		"To order again, use `/license buy`.", order.Price)}
}

// offerExpired refuses a confirmation of a new price that comes too late.
func offerExpired(order Order) *Refusal {
	return &Refusal{Code: TooLate, Sentence: fmt.Sprintf("The new price of %s was valid for 30 minutes and has expired. Nothing was charged. "+
		"To see today's price, click Try again.", order.Failure.NewPrice)}
}

// mayBeCharged reports whether CoCalc may still show that an order which counts as not bought was bought: since the
// backup that was restored, or against an admin's word.
func (o *Order) mayBeCharged() bool {
	return o.Restored || o.Failure != nil && (o.Failure.Code == FailRestored || o.Failure.Code == FailByAdmin)
}

// alreadyDecided answers a second, late or redelivered yes.
func alreadyDecided(order Order) *Refusal {
	uncharged, again := ", and nothing was charged", " To order again, use `/license buy`."
	if order.mayBeCharged() {
		uncharged = ""
	}
	var text string
	switch order.State {
	case AwaitingApproval:
		text = "You've already sent this order for approval. It won't be bought twice."
	case Approved:
		text = "You've already confirmed this order. It's waiting for its turn and won't be bought twice."
	case Adding, Carted, Paying:
		text = "You've already confirmed this order. It's being bought now and won't be bought twice."
	case Unknown:
		text = "You've already confirmed this order. CoCalc hasn't confirmed the purchase yet; you won't be charged twice."
	case Purchased:
		text = "This order was already bought. Your click didn't buy it again."
	case Failed:
		text = "This order wasn't bought" + uncharged + "." + again
	case Cancelled:
		if order.ReplacedBy != "" {
			text = changedSince
			break
		}
		text = "This order was cancelled" + uncharged + "." + again
	case Expired:
		text = "This order has expired" + uncharged + "." + again
	case Denied:
		text = "This order was denied" + uncharged + ". Its card shows who denied it and why."
	default:
		text = "This button doesn't belong to this order, so your click didn't count."
	}
	code := AlreadyDone
	if order.State == Expired || order.State == Cancelled {
		code = TooLate
	}
	return &Refusal{Code: code, Sentence: text}
}

// changedSince is said of a click on an order that its requester changed into another.
const changedSince = "You've changed this order since, so this button no longer works. Use the new card."

// tooLateTo answers a cancellation or an edit that comes after the fact.
func (d *Desk) tooLateTo(verb string, order Order) *Refusal {
	var text string
	switch order.State {
	case Adding, Carted, Paying:
		text = fmt.Sprintf("It's too late to %s this order: it's being bought now. `/license order %s` shows its status.", verb, order.ID)
	case Unknown:
		text = fmt.Sprintf("It's too late to %s this order: the checkout was sent, and CoCalc hasn't confirmed the purchase yet. You won't be charged twice.", verb)
	case Purchased:
		text = fmt.Sprintf("It's too late to %s this order: the license was bought.", verb)
		if order.Spec.Period != cocalc.PeriodRange {
			text += fmt.Sprintf(" To stop it from renewing, cancel its subscription at %s.", d.site.Subscriptions())
		}
	case Approved, AwaitingApproval:
		text = fmt.Sprintf("It's too late to %s this order: you've already confirmed it. Until it's bought, you can cancel it with `/license cancel %s`.", verb, order.ID)
	case Cancelled:
		if order.ReplacedBy != "" {
			text = changedSince
			break
		}
		fallthrough
	default:
		text = fmt.Sprintf("There's nothing to %s: %s.", verb, standing(order.State))
	}
	return &Refusal{Code: TooLate, Sentence: text}
}

// quoted returns people's text for use in a sentence: in quotes that it can't close, and in one line.
func quoted(text string) string {
	text = strings.Map(func(r rune) rune {
		switch r {
		case '“', '”', '„', '‟', '"', '«', '»', '＂', '〝', '〞', '〟', '″':
			return '\''
		}
		return r
	}, strings.TrimSuffix(strings.Join(strings.Fields(text), " "), "."))
	return "“" + text + "”"
}

// called is how people call the person: their name, as far as it is letters and what stands between letters. People choose
// their names themselves.
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

// sentence ends a person's text with a full stop, unless it ends with one.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

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
	return Event{Time: d.now(), Kind: "refused", Order: OrderID(brief(string(id))), By: brief(who.ID), Place: brief(at.Channel), Note: string(no.Code)}
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
