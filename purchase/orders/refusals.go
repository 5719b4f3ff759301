package orders

import (
	"errors"
	"maps"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

// Unusable returns the refusal of everything while the ledger can't be used any more; nil for other errors.
func Unusable(err error) *purchase.Refusal {
	if errors.Is(err, purchase.ErrStopped) || errors.Is(err, purchase.ErrUncertain) {
		return purchase.NewRefusal(purchase.ShuttingDown)
	}
	return nil
}

func refuseUnknownOrder() *purchase.Refusal {
	return purchase.NewRefusal(purchase.NoSuchOrder)
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

// recordRefusal records a refusal in the caller's transaction, or counts it. recorded keeps that decision across
// repeated runs of the transaction.
func (svc *Service) recordRefusal(w purchase.Writer, recorded *recording, no *purchase.Refusal, id purchase.OrderID,
	who purchase.Actor, at purchase.Channel,
) error {
	if recorded.code != no.Code {
		*recorded = recording{code: no.Code, single: svc.recordsSingly(no, who)}
	}
	if !recorded.single {
		return nil
	}
	return w.AppendEvent(svc.refusalEvent(no, id, who, at))
}

// recording is the decision whether a refusal gets its own record.
type recording struct {
	code   purchase.RefusalCode
	single bool
}

// recordsSingly reports whether a refusal gets its own record; otherwise it is counted, and recorded later.
func (svc *Service) recordsSingly(no *purchase.Refusal, who purchase.Actor) bool {
	single, first := svc.rateLimiter.recordSingly(who, no.Code, svc.now())
	if first {
		register.Nudge(svc.counted)
	}
	return single
}

type refusalCount struct {
	since   time.Time // of the first refusal of this period
	single  int       // recorded one by one
	counted map[purchase.RefusalCode]tally
}

// tally is a number of refusals that are recorded together.
type tally struct {
	n   int
	who purchase.Actor
}

// recordSingly reports whether a refusal gets its own record; otherwise it is counted. first is set for the first one
// counted.
func (p *rateLimiter) recordSingly(who purchase.Actor, code purchase.RefusalCode, now time.Time) (single, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.people == nil {
		p.people = map[string]*refusalCount{}
	}
	key := who.Key()
	r := p.people[key]
	if past := refusalsFor; r == nil || len(r.counted) == 0 && (now.Sub(r.since) >= past || now.Before(r.since)) {
		if len(p.people) > maxPaced {
			maps.DeleteFunc(p.people, func(_ string, r *refusalCount) bool {
				return len(r.counted) == 0 && now.Sub(r.since) >= past
			})
		}
		r = &refusalCount{since: now, counted: map[purchase.RefusalCode]tally{}}
		p.people[key] = r
	}
	if len(r.counted) == 0 && r.single < maxRefusals {
		r.single++
		return true, false
	}
	first = len(r.counted) == 0
	t := r.counted[code]
	r.counted[code] = tally{t.n + 1, who}
	return false, first
}

// restore counts refusals again that could not be recorded.
func (p *rateLimiter) restore(events []purchase.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		who := purchase.Actor{ID: e.By}
		r := p.people[who.Key()]
		if r == nil {
			r = &refusalCount{since: e.Time, single: maxRefusals, counted: map[purchase.RefusalCode]tally{}}
			p.people[who.Key()] = r
		}
		t := r.counted[purchase.RefusalCode(e.Note)]
		r.counted[purchase.RefusalCode(e.Note)] = tally{t.n + e.Count, who}
	}
}
