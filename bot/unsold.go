package bot

import (
	"context"
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// unsoldCard takes the place of a card's price and buttons.
func unsoldCard(o purchase.Order, f cardFacts) content {
	return content{f.unsold, []slack.Block{section(f.unsold), contextBlock(plain(summary(o.Spec))), orderFooter(o)}}
}

// plainFailures say why an order has failed without an invitation to try again, by the codes whose sentences have one.
var plainFailures = map[purchase.FailureCode]string{
	purchase.FailUnreachable: "CoCalc didn't respond.",
	purchase.FailCart:        "There was a problem with the CoCalc cart.",
	purchase.FailSettled:     "CoCalc showed no purchase.",
	purchase.FailRestored:    "My records were restored from a backup while this order was in progress, so I stopped it.",
	purchase.FailPriceMoved:  "CoCalc's price had gone up.",
}

// unresolvable says of an unknown outcome that the server cannot show it any more.
const (
	cannotTell   = "CoCalc can't tell any more whether it was bought."
	unresolvable = cannotTell + " An admin has to resolve it from the account's statements."
)

// unresolvableCard shows an order of unknown outcome on a server that no longer reports purchases.
func unresolvableCard(o purchase.Order) content {
	text := fmt.Sprintf(":grey_question: *Not confirmed*\n%s I'll tell you here. You won't be charged twice, and there's "+
		"nothing you need to do.",
		unresolvable)
	if !o.IsReserved() {
		text += fmt.Sprintf(" Its %s is no longer reserved.", o.Price)
	}
	return content{
		"CoCalc can't tell any more whether your license was bought. An admin has to resolve it.",
		[]slack.Block{section(text), contextBlock(plain(summary(o.Spec))), orderFooter(o)},
	}
}

// unresolvableBlocks name on the Home tab, for admins, the orders of unknown outcome that they have to resolve.
func unresolvableBlocks(held []purchase.Order, admin bool) []slack.Block {
	if !admin {
		return []slack.Block{section(":grey_question: *A purchase isn't confirmed.* " + unresolvable)}
	}
	var blocks []slack.Block
	for _, o := range held[:min(len(held), maxHeld)] {
		blocks = append(blocks, section(fmt.Sprintf(
			":grey_question: *Not confirmed*: %s by <@%s>, %s. %s "+
				"Look for it in the account's statements, then use `/license settle %s`.", o.Price, o.Requester.ID, summary(o.Spec),
			cannotTell, o.ID)))
	}
	return blocks
}

// unresolvableEvidence takes the place of what CoCalc shows of an order, for an admin who can resolve it. The order's
// card says to others that CoCalc can't tell.
func unresolvableEvidence(o purchase.Order) []slack.Block {
	return []slack.Block{
		section("Look for it in the CoCalc account's statements, or ask CoCalc's support. " +
			"Your answer and reason are kept on record. These buttons don't buy anything and don't contact CoCalc."),
		settleButtons(o),
	}
}

// callbackUnsold marks the modal that takes the place of a form.
const callbackUnsold = "license_unsold"

// unsoldView takes the place of a form. It has nothing to send.
func unsoldView(sentence string) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callbackUnsold, Title: plain("CoCalc license"),
		Close: plain("Close"), Blocks: slack.Blocks{BlockSet: []slack.Block{section(sentence)}},
	}
}

// isUnsold reports whether an error of the desk says that the server sells no licenses.
func isUnsold(err error) bool {
	var no *purchase.Refusal
	return errors.As(err, &no) && no.Code == purchase.NotSold
}

// replaceForm replaces a submitted form by the reason why nothing can be bought.
func (h *Handler) replaceForm(err error) socket.Reply {
	view := unsoldView(h.refusalText(err))
	return socket.Reply{Payload: slack.NewUpdateViewSubmissionResponse(&view)}
}

// dropButtons shows a card as it is now, without its buttons, after a click on it that was refused because the server
// sells no licenses.
func (h *Handler) dropButtons(ctx context.Context, id purchase.OrderID, action purchase.Action, err error) {
	if !isUnsold(err) {
		return
	}
	action.Card.Kind = purchase.MessageCard
	if err := h.outbox.SetMessage(ctx, id, action.Card); err != nil {
		h.log.Error().Err(err).Str("order", string(id)).Msg("fail to show a card without its buttons")
	}
}

// refuseOnHome refuses the form to a person on the Home tab. A tab that still offers it is updated.
func (h *Handler) refuseOnHome(at replyTarget, err error) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) {
		h.reply(ctx, at, h.refusalMessage(err), false)
		if isUnsold(err) {
			h.showHome(ctx, at.user)
		}
	}}
}
