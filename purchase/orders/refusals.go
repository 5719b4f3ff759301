package orders

import (
	"context"
	"errors"
	"fmt"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// Unusable returns the refusal of everything while the ledger can't be used any more; nil for other errors.
func Unusable(err error) *purchase.Refusal {
	if errors.Is(err, purchase.ErrStopped) || errors.Is(err, purchase.ErrUncertain) {
		return purchase.NewRefusal(purchase.ShuttingDown)
	}
	return nil
}

// refuseStopping refuses a decision because the program ends. It was certainly not stored.
func refuseStopping() *purchase.Refusal {
	return purchase.NewRefusal(purchase.ShuttingDown, "undone", purchase.ArgFlag(true))
}

func refuseUnknownOrder() *purchase.Refusal {
	return purchase.NewRefusal(purchase.NoSuchOrder)
}

// checkSpace refuses new orders while the ledger has too little room to finish them. The refusal is not recorded, since
// a record would use the room that is left.
func (svc *Service) checkSpace(ctx context.Context) error {
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

// markUncharged adds to the refusal of a confirmation that nothing was charged, where that is certain: the order is a
// proposal still, or has failed. AlreadyDone and TooLate say themselves what became of the money, and after NoReason
// the person confirms again.
func markUncharged(order purchase.Order, err error) error {
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

// refuseExpiredCard refuses a confirmation of a card that comes too late.
func refuseExpiredCard(order purchase.Order) *purchase.Refusal {
	return purchase.NewRefusal(purchase.TooLate, "doing", "confirm", "state", string(purchase.Proposed), "price",
		purchase.ArgCents(order.Price))
}

// refuseExpiredOffer refuses a confirmation of a new price that comes too late.
func refuseExpiredOffer(order purchase.Order) *purchase.Refusal {
	return purchase.NewRefusal(purchase.TooLate, "doing", "confirm", "new-price",
		purchase.ArgCents(order.Failure.NewPrice))
}

// refuseDecided refuses a second, late or redelivered confirmation.
func refuseDecided(order purchase.Order) *purchase.Refusal {
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

// refuseLate refuses a cancellation or an edit (doing: "cancel", "change") that comes too late.
func (svc *Service) refuseLate(doing string, order purchase.Order) *purchase.Refusal {
	subscriptions := ""
	if order.State == purchase.Purchased && order.Spec.Period != cocalc.PeriodRange {
		subscriptions = svc.rules.Site.Subscriptions()
	}
	return purchase.NewRefusal(purchase.TooLate, "doing", doing, "state", string(order.State), "order", string(order.ID),
		"replaced", string(order.ReplacedBy), "subscriptions", subscriptions)
}

// refuse records a refusal in the audit, and returns it for its reader. If the record can't be written, the refusal is
// returned all the same.
func (svc *Service) refuse(ctx context.Context, no *purchase.Refusal, id purchase.OrderID, who purchase.Actor,
	at purchase.Channel,
) error {
	ctx = context.WithoutCancel(ctx) // also when the time for the answer is over
	if !svc.recordsSingly(no, who) {
		return svc.reg.ForReader(no, who)
	}
	err := svc.ledger.Update(ctx, func(w purchase.Writer) error {
		return w.AppendEvent(svc.refusalEvent(no, id, who,
			at))
	})
	if err != nil {
		svc.log.Error().Err(err).Str("code", string(no.Code)).Msg("fail to record a refusal")
	}
	return svc.reg.ForReader(no, who)
}

// refusalEvent is the audit record of a refusal.
func (svc *Service) refusalEvent(no *purchase.Refusal, id purchase.OrderID, who purchase.Actor,
	at purchase.Channel,
) purchase.Event {
	return purchase.Event{
		Time: svc.now(), Kind: "refused", Order: purchase.OrderID(purchase.TruncateID(string(id))),
		By:    purchase.TruncateID(who.ID),
		Place: purchase.TruncateID(at.ID),
		Note:  string(no.Code),
	}
}

// checkNewestCard refuses a button of an approvers' card that a newer one has replaced, since the old card may be out
// of date. A card that is newer than the one in the ledger is the current one: people see a message before the bot has
// its timestamp.
func checkNewestCard(order purchase.Order, action purchase.Action) *purchase.Refusal {
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

// checkChannel refuses a button that was clicked where the order is not shown: the click was forged, or its card was
// copied to another place. In a direct message with the bot, people see only their own orders; commands may be typed
// anywhere.
func checkChannel(order purchase.Order, action purchase.Action) *purchase.Refusal {
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

// orNotSold returns the refusal; or, if it invites people to order again while the server sells no licenses, that one.
func (svc *Service) orNotSold(order purchase.Order, no *purchase.Refusal) *purchase.Refusal {
	switch order.State {
	case purchase.Proposed, purchase.Failed, purchase.Cancelled, purchase.Expired:
		if unsold := svc.reg.RefuseNotSold(svc.reg.Diagnosed.Load()); unsold != nil {
			return unsold
		}
	default: // no refusal of these invites people to order again
	}
	return no
}
