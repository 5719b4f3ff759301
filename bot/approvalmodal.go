package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/commands"
	"licensebot/purchase"
)

// The forms that ask for a reason: an approver's for a denial, and a requester's for an order that needs approval.
const (
	callbackDeny   = "order_deny_why"
	callbackReason = "order_reason"
)

// deciding is what these forms have to remember: Slack keeps it with the view and gives it back.
type deciding struct {
	Order       purchase.OrderID `json:"order"`
	NewPrice    bool             `json:"new_price,omitempty"` // the requester confirms the new price of a failed order
	Channel     string           `json:"channel,omitempty"`   // where the button was clicked
	ChannelName string           `json:"channel_name,omitempty"`
}

func remembered(id purchase.OrderID, click purchase.Click) deciding {
	return deciding{Order: id, Channel: click.At.Channel, ChannelName: click.At.Name}
}

// formClick returns the decision of the person who sent the form. It counts at the place of the button that opened the
// form. The card is updated through the button's response URL, which came with the first click.
func (h *Handler) formClick(ctx context.Context, cb slack.InteractionCallback, remember deciding) purchase.Click {
	return purchase.Click{Who: h.people.LookUp(ctx, h.submitter(cb)), At: place(remember.Channel, remember.ChannelName)}
}

// confirmed answers a requester's confirmation. If the order needs approval and a reason, it opens a form.
func (h *Handler) confirmed(at reach, trigger string, remember deciding, err error) socket.Reply {
	var no *purchase.Refusal
	if !errors.As(err, &no) || no.Code != purchase.NoReason {
		return h.decided(at, err)
	}
	return h.openView(at, trigger, reasonView(remember), "Slack didn't open the form in time. Please click again.")
}

// reasonView asks a requester what an order is for.
func reasonView(remember deciding) slack.ModalViewRequest {
	reason := textInput(inputReason, "Reason", "Approvers see this, and it's kept on record.", "", mostWrote, true)
	reason.Optional = false
	return decidingView(callbackReason, remember, "Request approval", "Request approval",
		section("This order needs approval. Tell the approvers why you need it. You won't be charged unless they approve."),
		reason)
}

// reasoned takes a requester's reason from the form, and with it their yes.
func (h *Handler) reasoned(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	remember, broken := h.recall(cb)
	if broken != nil {
		return *broken
	}
	click := h.formClick(ctx, cb, remember)
	if click.Reason = typed(cb.View.State, inputReason); click.Reason == "" {
		return wrongField(inputReason, "Please enter a reason.")
	}
	confirm := h.desk.Confirm
	if remember.NewPrice {
		confirm = h.desk.ConfirmNewPrice
	}
	if _, err := confirm(ctx, remember.Order, click); isUnsold(err) {
		return h.closing(err)
	} else if err != nil {
		return wrongField(inputReason, h.sentence(err))
	}
	return socket.Reply{}
}

// askDenial opens the form in which an approver says why not.
func (h *Handler) askDenial(ctx context.Context, at reach, id purchase.OrderID, click purchase.Click,
	trigger string,
) socket.Reply {
	o, err := h.desk.Decidable(ctx, id, click)
	if err != nil {
		return h.refuse(at, err)
	}
	return h.openView(at, trigger, denyView(o, remembered(id, click)),
		"Slack didn't open the form in time. Please click again.")
}

func denyView(o purchase.Order, remember deciding) slack.ModalViewRequest {
	reason := textInput(inputReason, "Reason", "The requester sees this, and it's kept on record.", "",
		commands.MaxReason, true)
	reason.Optional = false
	return decidingView(callbackDeny, remember, "Deny order", "Deny",
		section(fmt.Sprintf("<@%s> requests a license for %s%s: %s. Denying closes the order and releases %s to the budget.",
			o.Requester.ID, o.Price, each(string(o.Spec.Period)), gives(o.Spec), o.Price)), reason)
}

// denied takes an approver's no from the form. A refusal is said beside its field.
func (h *Handler) denied(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	remember, broken := h.recall(cb)
	if broken != nil {
		return *broken
	}
	if _, err := h.desk.Deny(ctx, remember.Order, h.formClick(ctx, cb, remember),
		typed(cb.View.State, inputReason)); err != nil {
		return wrongField(inputReason, h.sentence(err))
	}
	return socket.Reply{}
}

func decidingView(callback string, remember deciding, title, submit string,
	blocks ...slack.Block,
) slack.ModalViewRequest {
	metadata, _ := json.Marshal(remember) // a struct of strings: cannot fail
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callback, PrivateMetadata: string(metadata),
		Title: plain(title), Submit: plain(submit), Close: plain("Cancel"), Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// recall reads what a form had to remember.
func (h *Handler) recall(cb slack.InteractionCallback) (remember deciding, broken *socket.Reply) {
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &remember); err != nil {
		h.log.Error().Err(err).Msg("refuse a form without its private metadata")
		reply := wrongField(inputReason,
			"Something went wrong with this form. Please close it and click the button again.")
		return remember, &reply
	}
	return remember, nil
}

// approve is a typed approval.
func (h *Handler) approve(ctx context.Context, id purchase.OrderID, click purchase.Click) socket.Reply {
	o, err := h.desk.Approve(ctx, id, click)
	if err != nil {
		return now(h.no(err))
	}
	whose := fmt.Sprintf("<@%s>'s license for %s", o.Requester.ID, o.Price)
	switch {
	case o.State == purchase.AwaitingApproval:
		return now(say(fmt.Sprintf("You approved %s. It needs %s.", whose,
			plural(h.desk.ApprovalsNeeded()-len(o.Approvals), "more approval"))))
	case o.State == purchase.Failed && o.Failure != nil:
		return now(say(fmt.Sprintf("You approved %s, but it wasn't bought. %s", whose, saidToRequester(o, h.loc))))
	}
	return now(say(fmt.Sprintf("You approved %s. It's being bought now.", whose)))
}

// deny is a typed denial.
func (h *Handler) deny(ctx context.Context, id purchase.OrderID, click purchase.Click, reason string) socket.Reply {
	o, err := h.desk.Deny(ctx, id, click, reason)
	if err != nil {
		return now(h.no(err))
	}
	return now(say(fmt.Sprintf("Denied. <@%s> gets your reason, and %s is back in the budget.",
		o.Requester.ID, o.Price)))
}
