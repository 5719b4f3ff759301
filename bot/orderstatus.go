package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// cancel calls off an order by its id.
func (h *Handler) cancel(ctx context.Context, id purchase.OrderID, action purchase.Action) socket.Reply {
	if _, err := h.desk.Decide(ctx, action, id, orders.Decision{Kind: orders.Cancel}); err != nil {
		return ackReply(h.refusalMessage(err))
	}
	return ackReply(textMessage("Order cancelled. Nothing was charged."))
}

// order shows an order's status to its requester and to people who may see all. If its outcome is unknown, it first
// asks CoCalc and shows what CoCalc has.
func (h *Handler) order(ctx context.Context, at replyTarget, id purchase.OrderID, action purchase.Action) socket.Reply {
	action.Actor = h.people.LookUp(ctx, action.Actor)
	o, err := h.desk.Allowed(ctx, action, id, orders.See)
	if err != nil {
		return ackReply(h.orderRefusal(err))
	}
	if o.State == purchase.Unknown {
		return h.replyAfter(at, func(ctx context.Context) content { return h.unresolvedOrder(ctx, id, action.Actor) })
	}
	return ackReply(h.readOrderStatus(ctx, id))
}

// orderRefusal returns why an order is not shown.
func (h *Handler) orderRefusal(err error) content {
	if errors.Is(err, purchase.ErrPruned) {
		return textMessage("There's no order with that id. Orders of that time that were never confirmed have been " +
			"removed. `/license history` shows past purchases.")
	}
	if errors.Is(err, purchase.ErrNoOrder) {
		return textMessage("There's no order with that id. `/license history` shows past purchases.")
	}
	return h.refusalMessage(err)
}

// orderStatus shows an order's status to a person who can't decide on it.
func (h *Handler) orderStatus(v orders.View) content {
	v.Allowance = orders.Allowance{} // it matters to the person who confirms
	return orderFacts(v.Order, factsOf(v, h.desk, h.now(), h.loc))
}

// orderFacts are an order's card without its buttons, and what else is known of it.
func orderFacts(o purchase.Order, f cardFacts) content {
	c := withoutActions(card(o, f))
	var facts []string
	facts = append(facts, fmt.Sprintf("%s requested it %s.", mention(o.Requester.ID), formatTime(o.Created)))
	if !o.Confirmed.IsZero() {
		facts = append(facts, fmt.Sprintf("Confirmed %s, for at most %s.", formatTime(o.Confirmed), o.Price))
	}
	if o.ItemID != 0 {
		facts = append(facts, fmt.Sprintf("Cart item %d.", o.ItemID))
	}
	if !o.CheckoutSent.IsZero() {
		facts = append(facts, fmt.Sprintf("Checkout sent %s (once); answer: %s.", formatTime(o.CheckoutSent),
			answerWord(o.Answer)))
	}
	if o.Unresolved != nil {
		facts = append(facts, fmt.Sprintf("On hold since %s: %s.", formatTime(o.Unresolved.Since),
			mrkdwnWords(Holds, o.Unresolved.Cause, Reader{})))
	}
	if o.Unresolved != nil && !o.Unresolved.Removed.IsZero() {
		facts = append(facts, fmt.Sprintf("Its cart item was removed %s and is being watched.",
			formatTime(o.Unresolved.Removed)))
	}
	if o.Receipt != nil && o.Receipt.PurchaseID != 0 {
		facts = append(facts, fmt.Sprintf("CoCalc purchase %d.", o.Receipt.PurchaseID))
	}
	if o.ReplacedBy != "" {
		facts = append(facts, fmt.Sprintf("Replaced by order `%s`.", o.ReplacedBy))
	}
	c.blocks = append(c.blocks, contextBlock(mrkdwn(strings.Join(facts, " "))))
	return c
}

func answerWord(answer purchase.CheckoutAnswer) string {
	if answer == purchase.AnswerNone {
		return "none yet"
	}
	return string(answer)
}

// withoutActions removes the buttons of a card, for a person who can't decide on it.
func withoutActions(c content) content {
	var kept []slack.Block
	for _, b := range c.blocks {
		if b.BlockType() != slack.MBTAction {
			kept = append(kept, b)
		}
	}
	return content{c.text, kept}
}

// Licenses and orders can be named by the first or last characters of their ids. These are searched only among those
// that the person may see, so that the answer reveals no other ids.

// licenseNamed shows the license whose id begins or ends with part. The person may see licenses.
func (h *Handler) licenseNamed(ctx context.Context, part string, s purchase.Sight) content {
	all, err := h.licenses.list(ctx)
	if err != nil {
		h.log.Warn().Err(err).Msg("fail to list the licenses")
		return textMessage(RefusalText(h.desk.Rules().Policy.UserMessage(err), h.loc))
	}
	var ids []string
	found := ""
	for _, o := range all {
		if id := strings.ToLower(o.License.ID); strings.HasPrefix(id, part) || strings.HasSuffix(id, part) {
			found, ids = o.License.ID, append(ids, o.License.ID)
		}
	}
	switch len(ids) {
	case 0:
		return textMessage(
			fmt.Sprintf("No license has an id that begins or ends with %s. `/license list all` shows all licenses.",
				codeSpan(part)))
	case 1:
		return h.showLicense(ctx, found, nil, s)
	}
	return ambiguous("license", "show", part, ids)
}

// orderNamed shows the order whose id begins or ends with part, among those that the person may see.
func (h *Handler) orderNamed(ctx context.Context, part string, action purchase.Action) content {
	action.Actor = h.people.LookUp(ctx, action.Actor)
	found, err := h.desk.Find(ctx, action.Actor, part)
	if err != nil {
		return h.refusalMessage(err)
	}
	switch len(found) {
	case 0:
		return textMessage(
			fmt.Sprintf("I found no order whose id begins or ends with %s. `/license history` shows past purchases.",
				codeSpan(part)))
	case 1:
		o, err := h.desk.Allowed(ctx, action, found[0], orders.See)
		if err != nil {
			return h.orderRefusal(err)
		}
		if o.State == purchase.Unknown {
			return h.unresolvedOrder(ctx, o.ID, action.Actor)
		}
		return h.readOrderStatus(ctx, o.ID)
	}
	var ids []string
	for _, id := range found {
		ids = append(ids, string(id))
	}
	return ambiguous("order", "order", part, ids)
}

// maxListed is how many ids are listed if several match.
const maxListed = 5

// ambiguous lists ids that begin or end with the same part.
func ambiguous(what, command, part string, ids []string) content {
	lines := []string{fmt.Sprintf("More than one %s id begins or ends with %s. Type more of it:", what, codeSpan(part))}
	for _, id := range ids[:min(len(ids), maxListed)] {
		lines = append(lines, "• `/license "+command+" "+escape(id)+"`")
	}
	return textMessage(strings.Join(lines, "\n"))
}
