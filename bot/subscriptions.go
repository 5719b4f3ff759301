package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The action ids of buttons about subscriptions. Those of a question have renewalValue as value, the others the
// license's id.
const (
	actionAskEnd  = "subscription_ask_end"
	actionAskKeep = "subscription_ask_keep"
	actionEnd     = "subscription_end"
	actionKeep    = "subscription_keep"
	actionLeave   = "subscription_leave" // decides nothing
)

// renewalValue is the value of a question's button: what the person sees, so that a click counts for that alone.
func renewalValue(o purchase.LicenseEntry) string {
	seen := 0
	if o.Owned != nil {
		seen = o.Owned.LastDecision()
	}
	s := o.Subscription
	return fmt.Sprintf("%s %d %d %d", o.License.ID, s.ID, s.CurrentPeriodEnd.UnixMilli(), seen)
}

// renewalOf parses a renewalValue; ok is false for any other text.
func renewalOf(kind, value string) (r orders.Renewal, ok bool) {
	var paidTo int64
	n, err := fmt.Sscanf(value, "%s %d %d %d", &r.License, &r.Subscription, &paidTo, &r.Seen)
	r.Wish, r.PaidTo = purchase.WishEnd, time.UnixMilli(paidTo).UTC()
	if kind == actionKeep {
		r.Wish = purchase.WishKeep
	}
	return r, err == nil && n == 4 && r.Subscription > 0
}

// askRenewal asks a person whether to end or keep the subscription of a license. Nothing is sent to CoCalc before they
// click. part is a part of the license's id, if id is empty.
func (h *Handler) askRenewal(at replyTarget, action purchase.Action, wish purchase.Wish, id, part string) socket.Reply {
	return h.read(socket.LaneRead, at, func(ctx context.Context) answer {
		action.Actor = h.people.LookUp(ctx, action.Actor)
		return h.replyFunc(at, h.question(ctx, action, wish, id, part), false)
	})
}

func (h *Handler) question(ctx context.Context, action purchase.Action, wish purchase.Wish, id, part string) content {
	if part != "" {
		var c content
		if id, c = h.renewableNamed(ctx, action, wish, part); id == "" {
			return c
		}
	}
	if err := h.account.AllowedRenewal(ctx, action, id); err != nil {
		return h.refusalMessage(err)
	}
	o, err := h.account.License(ctx, id) // not from the cache: people decide by it
	if err != nil {
		h.log.Warn().Str("error", purchase.ShortenIDs(err.Error())).Msg("fail to read a license")
		return textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	return renewalQuestion(o, wish, h.now())
}

// renewableNamed returns the license whose id begins or ends with part, among those that this ledger bought and whose
// subscription the person may end or keep; or what to answer, with an empty id. Other licenses of the account need the
// whole id.
func (h *Handler) renewableNamed(ctx context.Context, action purchase.Action, wish purchase.Wish, part string,
) (id string, c content) {
	if no := h.unsold(ctx, action.Actor); no != "" {
		return "", textMessage(no)
	}
	if purchase.RefuseOutsider(action.Actor) != nil { // before they learn which ids there are
		return "", h.refusalMessage(h.account.AllowedRenewal(ctx, action, ""))
	}
	all, err := h.licenses.list(ctx)
	if err != nil {
		h.log.Warn().Err(err).Msg("fail to list the licenses")
		return "", textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	var found []string
	other := ""
	for _, o := range all {
		id := strings.ToLower(o.License.ID)
		switch {
		case o.Purchase == nil || !strings.HasPrefix(id, part) && !strings.HasSuffix(id, part):
		case h.desk.Rules().Policy.MayDecideRenewal(o.Purchase, action.Actor) == nil:
			found = append(found, o.License.ID)
		default:
			other = o.License.ID
		}
	}
	switch {
	case len(found) == 1:
		return found[0], c
	case len(found) > 1:
		return "", ambiguous("license", string(wish), part, found)
	case other != "":
		return other, c // which is refused
	}
	return "", textMessage(fmt.Sprintf("I bought no license with an id that begins or ends with %s. `/license list all` "+
		"shows all licenses.", codeSpan(part)))
}

// renewalQuestion asks whether to end or keep the subscription of a license, with what that changes; or says why that
// is impossible.
func renewalQuestion(o purchase.LicenseEntry, wish purchase.Wish, now time.Time) content {
	s, end := o.Subscription, formatEnd(o.Ends())
	if o.Unread {
		return textMessage("I couldn't read this license's subscription. Please try again in a minute.")
	}
	if s == nil {
		said := "This license has no subscription on the CoCalc account, so it doesn't renew."
		if !o.Ends().IsZero() {
			said += " It's paid until " + end + "."
		}
		return textMessage(said)
	}
	if o.Owned != nil && o.Owned.Decision.IsPending() {
		if d := o.Owned.Decision; d.Wish == wish || !d.Sent.IsZero() {
			return textMessage(pendingDecision(d))
		}
	} else if wish.IsMet(s.Status) {
		return alreadyMet(o, wish)
	}
	if wish == purchase.WishKeep && !now.Before(s.CurrentPeriodEnd) {
		return content{"The paid period is over.", []slack.Block{
			section("The paid period ended " + formatEnd(s.CurrentPeriodEnd) + ", so resuming this subscription would cost " +
				"money. I don't do that: buy another license instead."),
			slack.NewActionBlock("license_actions", button(actionLicenseAgain, o.License.ID, "Buy another like this")),
		}}
	}
	head, says := "End this subscription?", endWords(s, now)
	yes, no := button(actionEnd, renewalValue(o), "End subscription"), "Keep it"
	yes.Style = slack.StyleDanger
	if wish == purchase.WishKeep {
		head, says, no = "Keep this license?", keepWords(s, now), "Let it end"
		yes = button(actionKeep, renewalValue(o), "Keep subscription")
		yes.Style = slack.StylePrimary
	}
	return content{head, []slack.Block{
		section("*" + head + "*"), slack.NewSectionBlock(plain(licenseName(o.License)), nil, nil), section(says),
		slack.NewActionBlock("subscription_actions", yes, button(actionLeave, "-", no)),
		contextBlock(mrkdwn("License " + codeSpan(o.License.ID))),
	}}
}

// endWords say what ending a subscription changes.
func endWords(s *purchase.Subscription, now time.Time) string {
	saves := fmt.Sprintf("Saves %s a %s", s.Cost, s.Interval)
	at := s.NextCharge()
	if !at.After(now) {
		return fmt.Sprintf("The license runs until %s. %s, unless CoCalc charges the next %s before I reach it: that was "+
			"due %s.", formatEnd(s.CurrentPeriodEnd), saves, s.Interval, formatDate(at))
	}
	return fmt.Sprintf("The license runs until %s and isn't charged again. %s from %s.", formatEnd(s.CurrentPeriodEnd),
		saves, formatDate(at))
}

// keepWords say what keeping a subscription that was cancelled changes.
func keepWords(s *purchase.Subscription, now time.Time) string {
	active := *s
	active.Status = purchase.StatusActive
	charge := "renews " + formatDate(active.NextCharge())
	if !active.NextCharge().After(now) {
		charge = "renews within minutes"
	}
	return fmt.Sprintf("It was to end %s. Keeping it is free now. It then %s for %s, and every %s after that until its "+
		"subscription is ended.", formatEnd(s.CurrentPeriodEnd), charge, s.Cost, s.Interval)
}

// alreadyMet says that the subscription is as the person wants it.
func alreadyMet(o purchase.LicenseEntry, wish purchase.Wish) content {
	if wish == purchase.WishEnd {
		return textMessage(fmt.Sprintf("This subscription is cancelled already. The license ends %s. To keep it, use "+
			"`/license keep %s`.", formatEnd(o.Ends()), o.License.ID))
	}
	at, price := o.NextCharge()
	return textMessage(fmt.Sprintf("This subscription is active, so there's nothing to undo. It renews %s for %s.",
		formatDate(at), price))
}

// pendingDecision says that a decision about a subscription has no outcome yet.
func pendingDecision(d *purchase.SubscriptionDecision) string {
	return fmt.Sprintf(":hourglass_flowing_sand: %s asked to %s this subscription %s. CoCalc hasn't confirmed it yet.",
		mention(d.By), d.Wish, formatTime(d.At))
}

// decideRenewal stores what a person decided about a subscription, before the click is acknowledged. The answer takes
// the place of the question.
func (h *Handler) decideRenewal(ctx context.Context, c click) socket.Reply {
	r, ok := renewalOf(c.kind, c.argument)
	if !ok {
		return h.replyText(c.at, "This button has expired. Nothing was changed.")
	}
	said, err := h.account.DecideRenewal(ctx, c.action, r)
	if err != nil {
		return h.replyRefusal(c.at, err)
	}
	return socket.Reply{After: func(ctx context.Context) {
		h.reply(ctx, c.at, textMessage(Words(Results, said, h.reader(Marked))), true)
	}}
}
