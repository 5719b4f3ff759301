package orders

import (
	"context"
	"fmt"
	"time"

	"licensebot/purchase"
	"licensebot/purchase/register"
)

// AllowedRenewal returns nil if a person may end or keep the subscription of a license: before anything about it is
// shown. A [*purchase.Refusal] says why not; it is recorded. See [purchase.Policy.MayDecideRenewal].
func (a *Account) AllowedRenewal(ctx context.Context, action purchase.Action, license string) error {
	svc := a.svc
	no := svc.reg.RefuseNotSold(svc.reg.Diagnosed.Load())
	if no == nil {
		err := svc.ledger.View(ctx, func(r purchase.Reader) (err error) {
			no, err = svc.refuseRenewal(r, action.Actor, license)
			return err
		})
		if err != nil {
			return fmt.Errorf("read license %s: %w", purchase.ShortID(license), err)
		}
	}
	return svc.firstRefusal(ctx, "", action, no)
}

func (svc *Service) refuseRenewal(r purchase.Reader, who purchase.Actor, license string) (*purchase.Refusal, error) {
	bought, err := purchaseOf(r, license)
	if err != nil {
		return nil, err
	}
	return svc.policy.MayDecideRenewal(bought, who), nil
}

// Renewal is what a person decides about the subscription of a license, with what they saw of it.
type Renewal struct {
	Wish         purchase.Wish
	License      string
	Subscription int64     // CoCalc's number
	PaidTo       time.Time // the end of the paid period
	Seen         int       // purchase.OwnedLicense.LastDecision
}

// DecideRenewal stores a person's decision about the subscription of a license, and returns what to answer; see
// purchase.OwnedLicense.Decide. The decision is durable when DecideRenewal returns, and upkeep.Worker carries it out. A
// [*purchase.Refusal] says why not; it is recorded.
func (a *Account) DecideRenewal(ctx context.Context, action purchase.Action, r Renewal) (said purchase.Cause,
	err error,
) {
	svc := a.svc
	if svc.reg.Stopping.Load() {
		return said, svc.keepDoubt(purchase.ErrStopped, svc.renewalDoubt(action))
	}
	doubt := svc.renewalDoubt(action)
	defer svc.inFlight.begin(doubt)()
	var no *purchase.Refusal
	err = svc.ledger.Update(ctx, func(w purchase.Writer) error {
		account, err := w.Account()
		if err != nil {
			return err
		}
		if no = svc.reg.RefuseNotSold(svc.reg.DiagnosisOf(account)); no != nil {
			return nil
		}
		if no, err = svc.refuseRenewal(w, action.Actor, r.License); err != nil || no != nil {
			return err
		}
		said, err = svc.decideRenewal(w, action, purchase.SubscriptionDecision{
			Number: r.Seen, Wish: r.Wish, By: action.Actor.ID, Name: action.Actor.DisplayName(), At: svc.now(),
			Place: action.Channel.ID, Subscription: r.Subscription, PaidTo: r.PaidTo,
		}, r.License)
		return err
	})
	if err != nil {
		return said, svc.keepDoubt(fmt.Errorf("decide about license %s: %w", purchase.ShortID(r.License), err), doubt)
	}
	if no != nil {
		return said, svc.refuse(ctx, no, "", action.Actor, action.Channel)
	}
	register.Nudge(svc.reg.Decided)
	return said, nil
}

// decideRenewal stores a decision in the caller's transaction.
func (svc *Service) decideRenewal(w purchase.Writer, action purchase.Action, d purchase.SubscriptionDecision,
	license string,
) (said purchase.Cause, err error) {
	bought, err := purchaseOf(w, license)
	if err != nil {
		return said, err
	}
	l, known, err := w.Owned(license)
	switch {
	case err != nil:
		return said, err
	case !known && bought != nil:
		l = purchase.NewOwnedLicense(*bought)
	case !known:
		l = purchase.OwnedLicense{ID: license}
	}
	var changed bool
	if l, said, changed = l.Decide(d); !changed {
		return said, nil
	}
	if err := w.PutOwned(l); err != nil {
		return said, err
	}
	if err := register.SetDecided(w, license, true); err != nil {
		return said, err
	}
	requested, _ := d.Wish.Records()
	return said, w.AppendEvent(purchase.Event{
		Time: d.At, Kind: string(requested), Order: l.Order, By: action.Actor.ID, Place: action.Channel.ID,
		Cause: l.Decision.Cause(requested, license),
	})
}

// renewalDoubt is the doubt about a decision that a failing disk interrupts.
func (svc *Service) renewalDoubt(action purchase.Action) purchase.Doubt {
	return purchase.Doubt{Began: svc.now(), Run: svc.reg.BornAt, Who: action.Actor.ID, Typed: action.Typed}
}
