package register

import (
	"fmt"
	"slices"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// NoteSubscription takes over a license's subscription as CoCalc shows it, in the caller's transaction, with an audit
// record if it changed. A change that a person decided here is the outcome of that decision, and nothing else. It
// returns the license, which the caller stores.
func (reg *Register) NoteSubscription(w purchase.Writer, l purchase.OwnedLicense, s cocalc.Subscription,
) (purchase.OwnedLicense, error) {
	l, changed := l.Subscribe(s)
	switch {
	case l.Decision.MayBeOf(s) && (changed != "" || l.Decision.IsPending()):
		return reg.EndDecision(w, l, reg.Met(l, s))
	case changed == "":
		return l, nil
	}
	return l, w.AppendEvent(purchase.Event{
		Time: reg.now(), Kind: string(changed), Order: l.Order, By: purchase.BotName, Amount: s.Cost,
		Cause: purchase.NewCause(changed, "license", l.ID, "subscription", purchase.ArgSomeID(s.ID), "amount",
			purchase.ArgCents(s.Cost), "period", s.Interval, "until", purchase.ArgTime(s.CurrentPeriodEnd)),
	})
}

// Met returns the outcome of a license's decision whose subscription is as wished: already is set if nothing was sent.
func (reg *Register) Met(l purchase.OwnedLicense, s cocalc.Subscription) purchase.Cause {
	code := purchase.SubscriptionEnded
	if l.Decision.Wish == purchase.WishKeep {
		code = purchase.SubscriptionKept
	}
	c := reg.outcome(l, code, s)
	if l.Decision.Sent.IsZero() {
		c = c.With("already", purchase.ArgFlag(true))
	}
	return c
}

// Unmet returns the outcome of a license's decision that was not carried out, and why. s is the subscription as CoCalc
// showed it; the zero Subscription if it wasn't read.
func (reg *Register) Unmet(l purchase.OwnedLicense, s cocalc.Subscription, why string) purchase.Cause {
	return reg.outcome(l, purchase.SubscriptionUnchanged, s).With("why", why)
}

func (reg *Register) outcome(l purchase.OwnedLicense, code purchase.CauseCode, s cocalc.Subscription) purchase.Cause {
	c := l.Decision.Cause(code, l.ID)
	if s.ID == 0 {
		return c
	}
	return c.With("until", purchase.ArgTime(s.CurrentPeriodEnd)).With("amount", purchase.ArgCents(s.Cost)).
		With("period", s.Interval)
}

// EndDecision ends a license's decision with its outcome, in the caller's transaction: with an audit record, and a
// notice to the person who decided and to the requester; of one that was not carried out, also to the admins. It
// returns the license, which the caller stores.
func (reg *Register) EndDecision(w purchase.Writer, l purchase.OwnedLicense, outcome purchase.Cause,
) (purchase.OwnedLicense, error) {
	d := *l.Decision
	d.Done, d.Outcome = reg.now(), outcome.Code
	l.Decision = &d
	if err := SetDecided(w, l.ID, false); err != nil {
		return l, err
	}
	err := w.AppendEvent(purchase.Event{
		Time: reg.now(), Kind: string(outcome.Code), Order: l.Order, By: purchase.BotName, Cause: outcome,
	})
	if err != nil {
		return l, err
	}
	n := reg.NewNotification(outcome.Code, fmt.Sprintf("%s-%s-%d", outcome.Code, l.ID, d.Number), outcome,
		purchase.Order{}, "")
	people := []string{d.By}
	if bought, ok, err := w.PurchaseOf(l.ID); err != nil {
		return l, err
	} else if who := bought.Requester.ID; ok && who != purchase.Unattributed.ID && !slices.Contains(people, who) {
		people = append(people, who)
	}
	if outcome.Code == purchase.SubscriptionUnchanged {
		n = n.WithMembers(people)
	} else {
		n.Pending, n.Delivered = people, nil
	}
	n.License = l.ID
	return l, AddNotification(w, n)
}

// SetDecided notes whether a license has a decision without an outcome.
func SetDecided(w purchase.Writer, license string, pending bool) error {
	account, err := w.Account()
	if err != nil || slices.Contains(account.Decided, license) == pending {
		return err
	}
	account.Decided = slices.DeleteFunc(slices.Clone(account.Decided), func(id string) bool { return id == license })
	if pending {
		account.Decided = append(account.Decided, license)
	}
	return w.PutAccount(account)
}

// endDecisionsAfterRestore ends the decisions that a backup had open: what became of them was in the ledger that it
// replaced, and people may have decided otherwise since.
func (reg *Register) endDecisionsAfterRestore(w purchase.Writer) error {
	account, err := w.Account()
	if err != nil {
		return err
	}
	for _, id := range account.Decided {
		l, ok, err := w.Owned(id)
		if err == nil && ok && l.Decision.IsPending() {
			if l, err = reg.EndDecision(w, l, reg.Unmet(l, cocalc.Subscription{}, "restored")); err == nil {
				err = w.PutOwned(l)
			}
		}
		if err != nil {
			return fmt.Errorf("license %s: %w", purchase.ShortID(id), err)
		}
	}
	return nil
}
