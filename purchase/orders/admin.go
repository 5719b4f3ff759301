package orders

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
	"licensebot/purchase/register"
)

func (svc *Service) checkResolve(order purchase.Order, who purchase.Actor) *purchase.Refusal {
	if no := svc.policy.MayAdminister(who); no != nil {
		return no
	}
	if who.Is(order.Requester) {
		return purchase.NewRefusal(purchase.OwnOrder, "doing", "settle", "watched", purchase.ArgFlag(!order.Unresolvable()))
	}
	if order.State != purchase.Unknown {
		return purchase.NewRefusal(purchase.TooLate, "doing", "settle", "state", string(order.State))
	}
	return nil
}

// resolve ends an order whose outcome is unknown with an admin's verdict.
func (svc *Service) resolve(ctx context.Context, action purchase.Action, id purchase.OrderID,
	s Decision,
) (purchase.Order, error) {
	s.Reason = strings.TrimSpace(s.Reason)
	// the card is the requester's, and admins may resolve an order in any channel
	action.Card, action.Typed = purchase.Message{}, true
	order, err := svc.transact(ctx, id, action, toResolve, func(w purchase.Writer, o *purchase.Order) (
		*purchase.Refusal, error,
	) {
		no := svc.checkResolve(*o, action.Actor)
		if no == nil && s.Verdict != purchase.WasBought && s.Verdict != purchase.WasNotBought {
			no = purchase.NewRefusal(purchase.Unreadable, "what", "verdict")
		}
		if no == nil && s.Reason == "" {
			no = purchase.NewRefusal(purchase.NoReason, "doing", "settle")
		}
		if no == nil && s.LicenseID != "" {
			p, ok, err := w.PurchaseOf(s.LicenseID)
			if err != nil {
				return nil, err
			}
			if ok {
				no = purchase.NewRefusal(purchase.Unreadable, "what", "license", "license", s.LicenseID, "order", string(p.Order))
			}
		}
		if no != nil {
			return no, nil
		}
		note := string(s.Verdict)
		if s.LicenseID != "" {
			note += ", license " + s.LicenseID
		}
		err := w.AppendEvent(purchase.Event{
			Time: svc.now(), Kind: "settled", Order: id, By: action.Actor.ID, Place: action.Channel.ID,
			Amount: o.Price, Note: note + ": " + s.Reason,
		})
		if err != nil {
			return nil, err
		}
		word := purchase.NewCause(purchase.SettledByAdmin, "by", action.Actor.ID, "name", action.Actor.DisplayName(),
			"verdict", string(s.Verdict), "reason", s.Reason)
		notice := purchase.NewCause(purchase.NotificationSettled, "order", string(id), "price", purchase.ArgCents(o.Price))
		notice.Causes = []purchase.Cause{word}
		if s.Verdict == purchase.WasBought {
			r := purchase.NewReceipt(*o, cocalc.CartItem{Purchased: &cocalc.CartPurchase{
				LicenseID: s.LicenseID,
				Time:      o.CheckoutSent,
			}}, nil)
			r.Settled, r.Unchecked = &word, true // if CoCalc lists the purchase later, the entry is corrected
			if err := svc.reg.Complete(w, o, r, true, action.Actor.ID); err != nil {
				return nil, err
			}
		} else {
			if !o.Unresolvable() {
				word = word.With("watched", purchase.ArgFlag(true))
			}
			e := purchase.OrderEvent{
				Kind: purchase.Fail, By: action.Actor.ID, Note: s.Reason, Failure: &purchase.Failure{Cause: word},
				WatchUntil: svc.reg.WatchUntil(),
			}
			if err := svc.reg.Apply(w, o, e); err != nil {
				return nil, err
			}
		}
		return nil, register.AddNotification(w, svc.reg.NewNotification(purchase.NotificationSettled, "settled-"+string(id),
			notice, *o, action.Actor.ID))
	})
	if err == nil {
		register.Nudge(svc.reg.Wake)
	}
	return order, err
}

// SetPaused stops all buying until an admin resumes it, or resumes it. While it is stopped, nothing new is reserved or
// begun; what was paid is still finished and recorded. A pause needs a reason, a resume doesn't. A [*purchase.Refusal]
// says why not; it is recorded.
func (svc *Service) SetPaused(ctx context.Context, action purchase.Action, paused bool, reason string) error {
	if paused {
		return svc.pause(ctx, action, reason)
	}
	return svc.resume(ctx, action, reason)
}

// pause stops all buying.
func (svc *Service) pause(ctx context.Context, action purchase.Action, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" && svc.reg.IsAdmin(action.Actor) {
		return svc.refuse(ctx, purchase.NewRefusal(purchase.NoReason, "doing", "pause"), "", action.Actor, action.Channel)
	}
	return svc.adminTx(ctx, action, func(w purchase.Writer, now time.Time) (*purchase.Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause != nil {
			return &purchase.Refusal{Cause: account.Pause.CauseOf(purchase.AlreadyDone).With("doing", "pause")}, nil
		}
		p := purchase.Pause{
			Since: now, By: action.Actor.ID, Name: action.Actor.DisplayName(),
			Incidents: []purchase.Incident{{Cause: purchase.PersonSaid(reason), Time: now, By: action.Actor.ID}},
		}
		if _, err := register.PauseBuying(w, p, action.Channel.ID); err != nil {
			return nil, err
		}
		return nil, register.AddNotification(w, svc.reg.NewNotification(purchase.NotificationPaused,
			register.NotificationID("paused", now), p.CauseOf(purchase.NotificationPaused), purchase.Order{}, action.Actor.ID))
	})
}

// resume ends a pause of buying; the reason may be left out.
func (svc *Service) resume(ctx context.Context, action purchase.Action, reason string) error {
	reason = strings.TrimSpace(reason)
	err := svc.adminTx(ctx, action, func(w purchase.Writer, now time.Time) (*purchase.Refusal, error) {
		account, err := w.Account()
		if err != nil {
			return nil, err
		}
		if account.Pause == nil {
			return purchase.NewRefusal(purchase.AlreadyDone, "doing", "resume"), nil
		}
		leftOut := account.Pause.LeftOut()
		if err := resumeBuying(w, action.Actor.ID, action.Channel.ID, reason, now); err != nil {
			return nil, err
		}
		why := resumeCause(purchase.Actor{ID: action.Actor.ID, Name: action.Actor.DisplayName()}, reason, leftOut)
		return nil, register.AddNotification(w, svc.reg.NewNotification(purchase.NotificationResumed,
			register.NotificationID("resumed", now), why, purchase.Order{}, action.Actor.ID))
	})
	register.Nudge(svc.reg.Wake)
	return err
}

// adminTx runs an admin's decision about all buying in one transaction, and records a refusal.
func (svc *Service) adminTx(ctx context.Context, action purchase.Action,
	decision func(purchase.Writer, time.Time) (*purchase.Refusal, error),
) error {
	no := svc.policy.MayAdminister(action.Actor)
	if no == nil {
		doubt := purchase.Doubt{Began: svc.now(), Run: svc.reg.BornAt, Who: action.Actor.ID, Typed: action.Typed}
		defer svc.inFlight.begin(doubt)()
		err := svc.ledger.Update(ctx, func(w purchase.Writer) (err error) {
			no, err = decision(w, svc.now())
			return err
		})
		if err != nil {
			return svc.keepDoubt(fmt.Errorf("pause or resume buying: %w", err), doubt)
		}
	}
	if no != nil {
		return svc.refuse(ctx, no, "", action.Actor, action.Channel)
	}
	svc.changed("")
	return nil
}

// resumeBuying ends a pause. by is the person, place the channel of the command.
func resumeBuying(w purchase.Writer, by, place, reason string, now time.Time) error {
	account, err := w.Account()
	if err != nil || account.Pause == nil {
		return err
	}
	var accepts purchase.Cause
	if slices.ContainsFunc(account.Pause.AllIncidents(),
		func(in purchase.Incident) bool { return in.Code == purchase.IncidentNewLedger }) {
		accepts = purchase.Cause{Code: purchase.AcceptsNewLedger}
		reason = strings.TrimSpace(reason + " (accepts this new ledger in place of the missing one)")
	}
	account.Pause = nil
	if err := w.PutAccount(account); err != nil {
		return err
	}
	return w.AppendEvent(purchase.Event{Time: now, Kind: "resumed", By: by, Place: place, Note: reason, Cause: accepts})
}

// ResumeBuying ends a pause in the ledger while no bot runs, and has the next start announce it. It returns the pause;
// nil if there was none.
func ResumeBuying(w purchase.Writer, by, reason string, now time.Time) (was *purchase.Pause, err error) {
	account, err := w.Account()
	if err != nil || account.Pause == nil {
		return nil, err
	}
	was = account.Pause
	if err := resumeBuying(w, by, "", reason, now); err != nil {
		return nil, err
	}
	if account, err = w.Account(); err != nil {
		return nil, err
	}
	account.ResumedOffline = &purchase.OfflineResume{At: now, By: by, Reason: reason, LeftOut: was.LeftOut()}
	return was, w.PutAccount(account)
}

// resumeCause is the cause of a resume: by, name, reason, and beneath it what is in no budget. A person on the bot's
// own machine is named by the name of that user.
func resumeCause(who purchase.Actor, reason string, leftOut purchase.Cause) purchase.Cause {
	c := purchase.NewCause(purchase.NotificationResumed, "by", who.ID, "name", who.Name, "reason", reason)
	if leftOut.Code != "" {
		c.Causes = []purchase.Cause{leftOut}
	}
	return c
}

// Resume ends a pause for a person on the bot's own machine, who need not be in Slack: `bot resume` calls it
// while a bot runs. It returns the pause; nil if there was none.
func (p *Process) Resume(ctx context.Context, by, reason string) (was *purchase.Pause, err error) {
	err = p.svc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if was = account.Pause; err != nil || was == nil {
			return err
		}
		now := p.svc.now()
		if err := resumeBuying(w, by, "", reason, now); err != nil {
			return err
		}
		return register.AddNotification(w,
			p.svc.reg.NewNotification(purchase.NotificationResumed, register.NotificationID("resumed", now),
				resumeCause(purchase.Actor{ID: by, Name: by}, reason, was.LeftOut()), purchase.Order{},
				""))
	})
	if err != nil {
		return nil, fmt.Errorf("resume buying: %w", err)
	}
	p.svc.changed("")
	register.Nudge(p.svc.reg.Wake)
	return was, nil
}

// RemoveItem removes a broken item from the cart for an admin, and returns what was done. Only an item that blocks the
// cart is removed. A [*purchase.Refusal] says why not; it is recorded.
func (a *Account) RemoveItem(ctx context.Context, action purchase.Action, id int64) (purchase.Cause, error) {
	svc := a.svc
	if no := svc.policy.MayAdminister(action.Actor); no != nil {
		return purchase.Cause{}, svc.refuse(ctx, no, "", action.Actor, action.Channel)
	}
	item, err := svc.shop.CartItem(ctx, id)
	switch {
	case err == nil && item.Purchased != nil:
		return purchase.NewCause(purchase.ItemBought, "item", purchase.ArgSomeID(id)), nil
	case purchase.KindOf(err) == cocalc.NotFound, err == nil && !item.Removed.IsZero():
		return purchase.NewCause(purchase.ItemGone, "item", purchase.ArgSomeID(id)), nil
	case err != nil:
		return purchase.Cause{}, a.failed(ctx, fmt.Errorf("read item %d: %w", id, err))
	}
	if now := svc.now(); !item.BreaksCart(now) && item.Problem(now) == "" {
		return purchase.Cause{}, svc.refuse(ctx, purchase.NewRefusal(purchase.NotBroken, "item", purchase.ArgSomeID(id)), "",
			action.Actor, action.Channel)
	}
	// The record comes first: it says who decided this even if CoCalc's answer is lost.
	err = svc.ledger.Update(ctx, func(w purchase.Writer) error {
		return w.AppendEvent(purchase.Event{
			Time: svc.now(), Kind: "item-taken-out", By: action.Actor.ID, Place: action.Channel.ID,
			Cause: purchase.ItemCause(purchase.CartItem, item),
		})
	})
	if err != nil {
		return purchase.Cause{}, fmt.Errorf("record the removal of item %d: %w", id, err)
	}
	if _, err := svc.shop.RemoveFromCart(ctx, id); err != nil {
		return purchase.Cause{}, a.failed(ctx, fmt.Errorf("remove item %d from the cart: %w", id, err))
	}
	register.Nudge(svc.reg.Wake)
	return purchase.NewCause(purchase.ItemTakenOut, "item", purchase.ArgSomeID(id), "cart", svc.rules.Site.Cart()), nil
}
