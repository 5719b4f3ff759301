package bot

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/commands"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The forms that ask for a reason: an approver's for a denial, and a requester's for an order that needs approval.
const (
	callbackDeny   = "order_deny_why"
	callbackReason = "order_reason"
)

// formAction returns the action of the person who sent the form, in the channel of the button that opened the form. The
// card is updated through the button's response URL, which came with that click.
func (h *Handler) formAction(ctx context.Context, cb slack.InteractionCallback, remember reasonState) purchase.Action {
	return purchase.Action{Actor: h.people.LookUp(ctx, h.actor(cb)), Channel: newPlace(remember.Channel,
		remember.ChannelName)}
}

// reasonView asks a requester what an order is for.
func reasonView(remember reasonState) slack.ModalViewRequest {
	reason := textInput(inputReason, "Reason", "Approvers see this, and it's kept on record.", "", maxShownText, true)
	reason.Optional = false
	return decidingView(callbackReason, remember, "Request approval", "Request approval",
		section("This order needs approval. Tell the approvers why you need it. You won't be charged unless they approve."),
		reason)
}

// submitReason reads the requester's reason from the form and confirms the order with it.
func (h *Handler) submitReason(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	remember, broken := h.readState(cb)
	if broken != nil {
		return *broken
	}
	action := h.formAction(ctx, cb, remember)
	confirm := orders.Decision{Kind: orders.Confirm, Reason: typed(cb.View.State, inputReason)}
	if confirm.Reason == "" {
		return wrongField(inputReason, "Please enter a reason.")
	}
	if remember.NewPrice {
		confirm.Kind = orders.ConfirmNewPrice
	}
	if _, err := h.desk.Decide(ctx, action, remember.Order, confirm); isUnsold(err) {
		return h.replaceForm(err)
	} else if err != nil {
		return wrongField(inputReason, h.plainRefusal(err))
	}
	return socket.Reply{}
}

// openDenial opens the form in which an approver gives the reason for a denial.
func (h *Handler) openDenial(ctx context.Context, at replyTarget, id purchase.OrderID, action purchase.Action,
	trigger string,
) socket.Reply {
	o, err := h.desk.Allowed(ctx, action, id, orders.Deny)
	if err != nil {
		return h.replyRefusal(at, err)
	}
	return h.openView(at, trigger, denyView(o, newReasonState(id, action)),
		"Slack didn't open the form in time. Please click again.")
}

func denyView(o purchase.Order, remember reasonState) slack.ModalViewRequest {
	reason := textInput(inputReason, "Reason", "The requester sees this, and it's kept on record.", "",
		commands.MaxReason, true)
	reason.Optional = false
	return decidingView(callbackDeny, remember, "Deny order", "Deny",
		section(fmt.Sprintf("<@%s> requests a license for %s%s: %s. Denying closes the order and releases %s to the budget.",
			o.Requester.ID, o.Price, perPeriod(string(o.Spec.Period)), summary(o.Spec), o.Price)), reason)
}

// submitDenial denies an order with the reason in the form. A refusal is shown beside the form's field.
func (h *Handler) submitDenial(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	remember, broken := h.readState(cb)
	if broken != nil {
		return *broken
	}
	if _, err := h.desk.Decide(ctx, h.formAction(ctx, cb, remember), remember.Order, orders.Decision{
		Kind:   orders.Deny,
		Reason: typed(cb.View.State, inputReason),
	}); err != nil {
		return wrongField(inputReason, h.plainRefusal(err))
	}
	return socket.Reply{}
}

func decidingView(callback string, remember reasonState, title, submit string,
	blocks ...slack.Block,
) slack.ModalViewRequest {
	metadata, _ := json.Marshal(remember) // a struct of strings: cannot fail
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callback, PrivateMetadata: string(metadata),
		Title: plain(title), Submit: plain(submit), Close: plain("Cancel"), Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// readState decodes the private metadata of a form. broken is the answer to a form whose metadata can't be decoded.
func (h *Handler) readState(cb slack.InteractionCallback) (remember reasonState, broken *socket.Reply) {
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &remember); err != nil {
		h.log.Error().Err(err).Msg("refuse a form without its private metadata")
		reply := wrongField(inputReason,
			"Something went wrong with this form. Please close it and click the button again.")
		return remember, &reply
	}
	return remember, nil
}

// approve is a typed approval.
func (h *Handler) approve(ctx context.Context, id purchase.OrderID, action purchase.Action) socket.Reply {
	o, err := h.desk.Decide(ctx, action, id, orders.Decision{Kind: orders.Approve})
	if err != nil {
		return ackReply(h.refusalMessage(err))
	}
	whose := fmt.Sprintf("<@%s>'s license for %s", o.Requester.ID, o.Price)
	switch {
	case o.State == purchase.AwaitingApproval:
		return ackReply(textMessage(fmt.Sprintf("You approved %s. It needs %s.", whose,
			plural(h.desk.Rules().Policy.Approvals-len(o.Approvals), "more approval"))))
	case o.State == purchase.Failed && o.Failure != nil:
		return ackReply(
			textMessage(fmt.Sprintf("You approved %s, but it wasn't bought. %s", whose, requesterFailure(o, h.loc))))
	}
	return ackReply(textMessage(fmt.Sprintf("You approved %s. It's being bought now.", whose)))
}

// deny is a typed denial.
func (h *Handler) deny(ctx context.Context, id purchase.OrderID, action purchase.Action, reason string) socket.Reply {
	o, err := h.desk.Decide(ctx, action, id, orders.Decision{Kind: orders.Deny, Reason: reason})
	if err != nil {
		return ackReply(h.refusalMessage(err))
	}
	return ackReply(textMessage(fmt.Sprintf("Denied. <@%s> gets your reason, and %s is back in the budget.",
		o.Requester.ID, o.Price)))
}
