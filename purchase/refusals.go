package purchase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// The sentences of a refused click or command. Each says what happened, whether money was spent, and what to do.

// Unusable returns what a person reads while the ledger cannot be used any more; nil for other errors.
func Unusable(err error) *Refusal {
	if errors.Is(err, ErrStopped) || errors.Is(err, ErrUncertain) {
		return errStopping()
	}
	return nil
}

func errStopping() *Refusal {
	return &Refusal{Code: ShuttingDown, Sentence: "I'm restarting, so nothing was bought by this. Please try again in a minute."}
}

func noSuchOrder() *Refusal {
	return &Refusal{Code: NoSuchOrder, Sentence: "I know no order with that id. Nothing was bought. `/license history` lists what was bought."}
}

// closed refuses new orders while buying is stopped.
func (p Policy) closed(account AccountState) *Refusal {
	if no := restoring(account); no != nil {
		return no
	}
	if account.Pause == nil {
		return nil
	}
	return &Refusal{Code: Paused, Quotes: true,
		Sentence: "Nothing was bought. " + p.pauseWords(*account.Pause, false) + " An admin can resume it with `/license resume`.",
		Admin:    "Nothing was bought. " + p.pauseWords(*account.Pause, true) + " You can resume it with `/license resume`."}
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
	return &Refusal{Code: DiskFull, Sentence: "Nothing was bought: my disk is full, so I take no new orders. What is under way is still finished. " +
		"Please tell your admins, then try again."}
}

// botName is how the bot names itself in the ledger.
const botName = "licensebot"

func onlyRequester(order Order, who Person) *Refusal {
	if who.Is(order.Requester) && (order.Requester.Team == "" || who.Team == "" || order.Requester.Team == who.Team) {
		return nil
	}
	return &Refusal{Code: NotYours, Sentence: "Only the person who asked for this order can decide on it. Nothing was bought by your click. " +
		"To get a license yourself, use `/license buy`."}
}

func cardExpired(order Order) *Refusal {
	return &Refusal{Code: TooLate, Sentence: fmt.Sprintf("This card is too old: its price of %s was good for 30 minutes. Nothing was bought. "+
		"Please ask again with `/license buy`.", order.Price)}
}

// offerExpired refuses a confirmation of a new price that comes too late.
func offerExpired(order Order) *Refusal {
	return &Refusal{Code: TooLate, Sentence: fmt.Sprintf("The new price of %s was good for 30 minutes, and that is over. Nothing was bought. "+
		"Please ask again to see today's price.", order.Failure.NewPrice)}
}

// alreadyDecided answers a second, late or redelivered yes.
func alreadyDecided(order Order) *Refusal {
	var text string
	switch order.State {
	case AwaitingApproval:
		text = "You have already said yes; the order waits for an approval. It will be bought once."
	case Approved:
		text = "You have already said yes; the order is waiting for its turn. It will be bought once."
	case Adding, Carted, Paying:
		text = "You have already said yes; it is being bought right now, once."
	case Unknown:
		text = "You have already said yes; I am still finding out whether CoCalc carried it out. It will not be paid twice."
	case Purchased:
		text = "This was already bought, once: your click did not buy it again."
	case Failed:
		text = "This order has ended without a purchase: nothing was bought. Please ask again with `/license buy`."
	case Cancelled:
		if order.ReplacedBy != "" {
			text = changedSince
			break
		}
		text = "This order was cancelled; nothing was bought. Please ask again with `/license buy`."
	case Expired:
		text = "This card has expired; nothing was bought. Please ask again with `/license buy`."
	case Denied:
		text = "This order was denied; nothing was bought. Its card says by whom, and why."
	default:
		text = "This order cannot be confirmed any more; nothing was bought by your click."
	}
	code := AlreadyDone
	if order.State == Expired || order.State == Cancelled {
		code = TooLate
	}
	return &Refusal{Code: code, Sentence: text}
}

// changedSince is said of a click on an order that its requester changed into another.
const changedSince = "You have changed what you ask for since; the card shows it now. Nothing was bought by this click."

// tooLateTo answers a cancellation or an edit that comes after the fact.
func (d *Desk) tooLateTo(verb string, order Order) *Refusal {
	var text string
	switch order.State {
	case Adding, Carted, Paying:
		text = fmt.Sprintf("It is too late to %s this order: it is being bought right now, once. `/license order %s` shows how it goes.", verb, order.ID)
	case Unknown:
		text = fmt.Sprintf("It is too late to %s this order: the checkout was sent, and I am finding out what came of it. It will not be paid twice.", verb)
	case Purchased:
		text = fmt.Sprintf("It is too late to %s this order: the license was bought, once. To stop it from renewing, cancel its "+
			"subscription at %s.", verb, d.site.Subscriptions())
	case Approved, AwaitingApproval:
		text = fmt.Sprintf("It is too late to %s this order: you have already said yes. You can cancel it with `/license cancel %s` until it is being bought.", verb, order.ID)
	case Cancelled:
		if order.ReplacedBy != "" {
			text = changedSince
			break
		}
		fallthrough
	default:
		text = fmt.Sprintf("There is nothing left to %s: %s already. Nothing was bought.", verb, standing(order.State))
	}
	return &Refusal{Code: TooLate, Sentence: text}
}

// quoted is what somebody wrote, within a sentence of ours: in quotes, which it cannot leave, and in one line.
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
