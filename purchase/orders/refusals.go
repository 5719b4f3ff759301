package orders

import (
	"context"
	"errors"
	"fmt"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// The sentences of a refused click or command. Each says what happened and what to do; whether money moved is said
// where a click was to pay (uncharged).

// Unusable returns what a person reads while the ledger cannot be used any more; nil for other errors.
func Unusable(err error) *purchase.Refusal {
	if errors.Is(err, purchase.ErrStopped) || errors.Is(err, purchase.ErrUncertain) {
		return purchase.NewRefusal(purchase.ShuttingDown)
	}
	return nil
}

// errStopping refuses what was certainly not done.
func errStopping() *purchase.Refusal {
	return purchase.NewRefusal(purchase.ShuttingDown, "undone", purchase.ArgFlag(true))
}

func noSuchOrder() *purchase.Refusal {
	return purchase.NewRefusal(purchase.NoSuchOrder)
}

// full refuses new orders while the ledger has too little room to bring them to their end. It is not recorded: that
// would take of the room that is left.
func (svc *Service) full(ctx context.Context) error {
	err := svc.ledger.Room(ctx)
	if err == nil {
		return nil
	}
	svc.log.Error().Err(err).Msg("refuse all orders")
	if !errors.Is(err, purchase.ErrFull) {
		return fmt.Errorf("ask for room in the ledger: %w", err)
	}
	return purchase.NewRefusal(purchase.DiskFull)
}

// uncharged adds to the refusal of a click that was to pay that nothing was charged, where that is certain: the order
// is a card still, or has failed. What was decided, or came too late, says itself what became of the money; a reason is
// asked for first.
func uncharged(order purchase.Order, err error) error {
	var no *purchase.Refusal
	if !errors.As(err, &no) || no.Code == purchase.AlreadyDone || no.Code == purchase.TooLate ||
		no.Code == purchase.NoReason ||
		order.State != purchase.Proposed && order.State != purchase.Failed || order.MayBeCharged() {
		return err
	}
	said := *no
	said.Cause = said.With("uncharged", purchase.ArgFlag(true))
	return &said
}

func cardExpired(order purchase.Order) *purchase.Refusal {
	return purchase.NewRefusal(purchase.TooLate, "doing", "confirm", "state", string(purchase.Proposed), "price",
		purchase.ArgCents(order.Price))
}

// offerExpired refuses a confirmation of a new price that comes too late.
func offerExpired(order purchase.Order) *purchase.Refusal {
	return purchase.NewRefusal(purchase.TooLate, "doing", "confirm", "new-price",
		purchase.ArgCents(order.Failure.NewPrice))
}

// alreadyDecided answers a second, late or redelivered yes.
func alreadyDecided(order purchase.Order) *purchase.Refusal {
	charged := ""
	if order.MayBeCharged() {
		charged = "maybe"
	}
	code := purchase.AlreadyDone
	if order.State == purchase.Expired || order.State == purchase.Cancelled {
		code = purchase.TooLate
	}
	return purchase.NewRefusal(code, "doing", "confirm", "state", string(order.State), "charged", charged,
		"replaced", string(order.ReplacedBy))
}

// tooLateTo answers a cancellation or an edit ("cancel", "change") that comes after the fact.
func (svc *Service) tooLateTo(doing string, order purchase.Order) *purchase.Refusal {
	subscriptions := ""
	if order.State == purchase.Purchased && order.Spec.Period != cocalc.PeriodRange {
		subscriptions = svc.rules.Site.Subscriptions()
	}
	return purchase.NewRefusal(purchase.TooLate, "doing", doing, "state", string(order.State), "order", string(order.ID),
		"replaced", string(order.ReplacedBy), "subscriptions", subscriptions)
}

// refused records a refusal in the audit and returns it. When even that cannot be written the person still gets
// the refusal: it is the true answer.
func (svc *Service) refused(ctx context.Context, no *purchase.Refusal, id purchase.OrderID, who purchase.Actor,
	at purchase.Channel,
) error {
	ctx = context.WithoutCancel(ctx) // also when the time for the answer is over
	if !svc.takes(no, who) {
		return svc.reg.ForReader(no, who)
	}
	err := svc.ledger.Update(ctx, func(w purchase.Writer) error { return w.AppendEvent(svc.refusal(no, id, who, at)) })
	if err != nil {
		svc.log.Error().Err(err).Str("code", string(no.Code)).Msg("fail to record a refusal")
	}
	return svc.reg.ForReader(no, who)
}

// refusal is the audit record of a refusal.
func (svc *Service) refusal(no *purchase.Refusal, id purchase.OrderID, who purchase.Actor,
	at purchase.Channel,
) purchase.Event {
	return purchase.Event{
		Time: svc.now(), Kind: "refused", Order: purchase.OrderID(purchase.TruncateID(string(id))),
		By:    purchase.TruncateID(who.ID),
		Place: purchase.TruncateID(at.ID),
		Note:  string(no.Code),
	}
}

// staleCard refuses a button of an approvers' card that a newer one has replaced, since the old card may be out of
// date. A card that is newer than the one in the ledger is the current one: people see a message before Slack has told
// its timestamp to the bot.
func staleCard(order purchase.Order, action purchase.Action) *purchase.Refusal {
	ask := order.Message(purchase.MessageAsk)
	if ask == nil || ask.TS == "" || action.MessageTS == "" || !isOlder(action.MessageTS, ask.TS) ||
		action.Channel.ID != ask.Channel {
		return nil
	}
	return purchase.NewRefusal(purchase.StaleCard)
}

// isOlder reports whether a message was posted before another one of its channel. Timestamps are seconds, a dot and six
// digits (Slack's reference of message payloads).
func isOlder(ts, other string) bool {
	if len(ts) != len(other) {
		return len(ts) < len(other)
	}
	return ts < other
}

// elsewhere refuses a button that was clicked where the order is not shown: such a click was forged, or its card was
// carried to another place. In a direct message with the bot people see only what is theirs, and commands may be typed
// anywhere.
func elsewhere(order purchase.Order, action purchase.Action) *purchase.Refusal {
	if action.Typed || action.Channel.Direct || action.Channel.ID == order.Channel.ID {
		return nil
	}
	for _, m := range order.Messages {
		if m.Channel != "" && m.Channel == action.Channel.ID {
			return nil
		}
	}
	return purchase.NewRefusal(purchase.Elsewhere)
}

// unlessNotSold returns a refusal, or, if it would tell people to order again where no licenses are sold, that one.
func (svc *Service) unlessNotSold(order purchase.Order, no *purchase.Refusal) *purchase.Refusal {
	switch order.State {
	case purchase.Proposed, purchase.Failed, purchase.Cancelled, purchase.Expired:
		if unsold := svc.reg.RefuseNotSold(svc.reg.Diagnosed.Load()); unsold != nil {
			return unsold
		}
	default: // no refusal tells to order it again
	}
	return no
}
