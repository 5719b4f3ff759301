package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/commands"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// click is a click on a button.
type click struct {
	kind     string // of the button
	argument string // its value: for a button of an order, the order's id
	trigger  string
	at       replyTarget
	action   purchase.Action
}

// newClick returns the first click of an interaction. For a button that spends or decides, it asks Slack who clicked.
func (h *Handler) newClick(ctx context.Context, cb slack.InteractionCallback) click {
	press := cb.ActionCallback.BlockActions[0]
	c := click{
		argument: press.Value, trigger: cb.TriggerID,
		at: replyTarget{cb.User.ID, cb.Channel.ID, cb.ResponseURL, cb.TriggerID},
		action: purchase.Action{
			Actor: h.actor(cb), Channel: newPlace(cb.Channel.ID, cb.Channel.Name),
			Card: h.cardMessage(cb.ResponseURL),
		},
	}
	c.kind, _, _ = strings.Cut(press.ActionID, ":") // what follows only tells buttons of one block apart
	if !cb.Container.IsEphemeral {
		c.action.MessageTS = cb.Container.MessageTs
	}
	if decidingActions[c.kind] {
		c.action.Actor = h.people.LookUp(ctx, c.action.Actor)
	}
	return c
}

// Action answers a click, or a change in a form. What the click decides is durable when Action returns; only then is
// the click acknowledged to Slack. What is shown follows after the acknowledgement.
func (h *Handler) Action(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	if len(cb.ActionCallback.BlockActions) == 0 {
		return socket.Reply{}
	}
	if cb.View.CallbackID == callbackEditor {
		return h.updateForm(cb)
	}
	c := h.newClick(ctx, cb)
	switch c.kind {
	case actionTakeOut:
		return h.removeItem(c.at, c.argument, c.action, cb)
	case actionBuyForm:
		if _, err := h.desk.Allowed(ctx, c.action, "", orders.Buy); err != nil {
			return h.refuseOnHome(c.at, err)
		}
		return h.openEditor(ctx, c.at, c.trigger, c.action.Actor, h.defaults, "",
			editState{Channel: cb.Channel.ID, ChannelName: cb.Channel.Name, ResponseURL: cb.ResponseURL})
	case actionListPage, actionLicense, actionLicenseAgain, actionHistoryPage:
		return h.onlyOnce(ctx, c.trigger, func() socket.Reply { return h.showPage(c.kind, c.argument, c.at, c.action) })
	case actionLink:
		return socket.Reply{}
	}
	return h.clickOrder(ctx, c)
}

// clickOrder answers a click on a button of an order.
func (h *Handler) clickOrder(ctx context.Context, c click) socket.Reply {
	id := purchase.OrderID(c.argument)
	decide := func(kind orders.DecisionKind) error {
		_, err := h.desk.Decide(ctx, c.action, id, orders.Decision{Kind: kind})
		return err
	}
	switch c.kind {
	case actionBuy:
		return h.replyConfirmation(c.at, c.trigger, newReasonState(id, c.action), decide(orders.Confirm))
	case actionNewPrice:
		err := decide(orders.ConfirmNewPrice)
		h.dropButtons(ctx, id, c.action, err)
		remember := newReasonState(id, c.action)
		remember.NewPrice = true
		return h.replyConfirmation(c.at, c.trigger, remember, err)
	case actionApprove:
		return h.replyDecision(c.at, decide(orders.Approve))
	case actionCancel:
		return h.replyDecision(c.at, decide(orders.Cancel))
	case actionDeny:
		return h.openDenial(ctx, c.at, id, c.action, c.trigger)
	case actionRefresh:
		return h.refresh(ctx, c.at, id, c.action)
	case actionEdit:
		return h.edit(ctx, c.at, id, c.action, c.trigger)
	case actionAgain:
		return h.onlyOnce(ctx, c.trigger, func() socket.Reply { return h.orderAgain(ctx, c.at, id, c.action) })
	case actionBought:
		return h.openVerdict(ctx, c.at, id, purchase.WasBought, c.action, c.trigger)
	case actionNotBought:
		return h.openVerdict(ctx, c.at, id, purchase.WasNotBought, c.action, c.trigger)
	}
	return h.replyText(c.at, "This button has expired. Please use `/license` again.")
}

// decidingActions names the buttons that spend or decide, before which Slack is asked who clicked.
var decidingActions = map[string]bool{
	actionBuy: true, actionBuyForm: true, actionNewPrice: true, actionCancel: true, actionEdit: true, actionAgain: true,
	actionApprove: true, actionDeny: true, actionBought: true, actionNotBought: true,
}

// actor is who clicked, or sent a form.
func (h *Handler) actor(cb slack.InteractionCallback) purchase.Actor {
	who := purchase.Actor{ID: cb.User.ID, Team: cb.User.TeamID, Name: cb.User.Name}
	if who.Team == "" {
		who.Team = cb.Team.ID
	}
	return who
}

// replyDecision answers a decision: the card follows by itself, a refusal is said beside it.
func (h *Handler) replyDecision(at replyTarget, err error) socket.Reply {
	if err == nil {
		return socket.Reply{}
	}
	return h.replyRefusal(at, err)
}

// replyText says a sentence to the person who clicked, after the click was acknowledged.
func (h *Handler) replyText(at replyTarget, sentence string) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, at, textMessage(sentence), false) }}
}

// replyRefusal sends a refusal to the person who clicked, after the click was acknowledged.
func (h *Handler) replyRefusal(at replyTarget, err error) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, at, h.refusalMessage(err), false) }}
}

// refusalText is the sentence for an error of the desk, in mrkdwn.
func (h *Handler) refusalText(err error) string {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return RefusalText(no, h.loc)
	}
	return h.plainRefusal(err)
}

// RefusalText is what a person reads who is refused, in mrkdwn, with links to the channels that would accept it.
func RefusalText(no *purchase.Refusal, zone *time.Location) string {
	return RefusalWords(no, Reader{Zone: zone, Place: Marked}) + channelWords(no.Channels())
}

// plainRefusal is what an error of the desk says, where there is no format: beside the field of a form.
func (h *Handler) plainRefusal(err error) string {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return RefusalWords(no, h.reader(Plain))
	}
	if no = orders.Unusable(err); no != nil {
		return RefusalWords(no, h.reader(Plain))
	}
	if errors.Is(err, purchase.ErrFull) {
		h.log.Error().Err(err).Msg("fail to make a decision durable")
		return diskFullText
	}
	h.log.Error().Err(err).Msg("fail to make a decision durable")
	return "Something went wrong, so that didn't go through. Please try again, and tell your admins if it keeps happening."
}

// maxChannels is how many channels a refusal names.
const maxChannels = 5

// channelWords name the channels in which something would not be refused.
func channelWords(ids []string) string {
	var links []string
	for _, id := range ids[:min(len(ids), maxChannels)] {
		links = append(links, "<#"+id+">")
	}
	switch {
	case len(links) == 0:
		return ""
	case len(ids) > maxChannels:
		return fmt.Sprintf(" You can use %s and %s.", strings.Join(links, ", "),
			plural(len(ids)-maxChannels, "other channel"))
	}
	return " You can use " + strings.Join(links, ", ") + "."
}

// namesChannels reports whether a refusal is answered with channels where it would be none.
func namesChannels(err error) bool {
	var no *purchase.Refusal
	return errors.As(err, &no) && len(no.Channels()) > 0
}

// diskFullText is the answer to a click, command or form whose decision could not be stored.
const diskFullText = "My disk is full, so that didn't go through. Your admins have to free some space; then try again."

// refresh shows the card as the order is now, by the click's fresh response URL.
func (h *Handler) refresh(ctx context.Context, at replyTarget, id purchase.OrderID,
	action purchase.Action,
) socket.Reply {
	action.Actor = h.people.LookUp(ctx, action.Actor)
	order, err := h.desk.Allowed(ctx, action, id, orders.Repeat)
	for err == nil && order.ReplacedBy != "" { // its card is its successor's by now
		id = order.ReplacedBy
		order, err = h.outbox.Order(ctx, id)
	}
	if err != nil {
		return h.replyRefusal(at, err)
	}
	action.Card.Kind = purchase.MessageCard
	if err := h.outbox.SetMessage(ctx, id, action.Card); err != nil {
		return h.replyRefusal(at, err)
	}
	return socket.Reply{}
}

// edit opens the form with the proposal's specification.
func (h *Handler) edit(ctx context.Context, at replyTarget, id purchase.OrderID, action purchase.Action,
	trigger string,
) socket.Reply {
	order, err := h.desk.Allowed(ctx, action, id, orders.Edit)
	if err == nil && unsold(h.desk) != "" {
		_, err = h.desk.Allowed(ctx, action, "", orders.Buy)
		h.dropButtons(ctx, id, action, err)
	}
	if err != nil {
		return h.replyRefusal(at, err)
	}
	return h.openEditor(ctx, at, trigger, action.Actor, order.Spec, order.Reason, editState{
		Order: id, Channel: order.Channel.ID, ChannelName: order.Channel.Name, ResponseURL: at.responseURL,
		Replace: true,
	})
}

// orderAgain proposes what an order asked for once more, in the place of its card.
func (h *Handler) orderAgain(ctx context.Context, at replyTarget, id purchase.OrderID,
	action purchase.Action,
) socket.Reply {
	old, err := h.desk.Allowed(ctx, action, id, orders.Repeat)
	if err != nil {
		return h.replyRefusal(at, err)
	}
	began := old.Confirmed
	if began.IsZero() {
		began = old.Created
	}
	p, err := h.propose(ctx, at, action, repeatSpec(old.Spec, h.now(), began, h.loc), old.Reason)
	h.dropButtons(ctx, id, action, err)
	return p
}

func (h *Handler) propose(ctx context.Context, at replyTarget, action purchase.Action, spec purchase.Spec,
	reason string,
) (socket.Reply, error) {
	p, err := h.desk.Propose(ctx,
		purchase.Request{Requester: action.Actor, Channel: action.Channel, Spec: spec, Reason: reason, Trigger: at.trigger})
	if err != nil {
		return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, at, h.notProposed(err, nil), false) }}, err
	}
	return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, at, h.proposalMessage(p), false) }}, nil
}

// openEditor opens the form. Slack's trigger lives for three seconds, so nothing slow comes before.
func (h *Handler) openEditor(ctx context.Context, at replyTarget, trigger string, who purchase.Actor,
	spec purchase.Spec,
	reason string, remember editState,
) socket.Reply {
	metadata, _ := json.Marshal(remember) // a struct of strings: cannot fail
	facts := h.formFacts(ctx, purchase.Request{
		Requester: who, Channel: newPlace(remember.Channel, remember.ChannelName),
		Spec: spec, Reason: reason,
	}, nil)
	return h.openView(at, trigger, editorView(spec, reason, string(metadata), facts),
		"Slack didn't open the form in time. Please try again.")
}

// formFacts returns the price of the form's current values.
func (h *Handler) formFacts(ctx context.Context, ask purchase.Request, wrong map[string]string) formFacts {
	f := formFacts{offer: h.desk.Rules().Offer, wrong: wrong, loc: h.loc}
	f.preview, f.err = h.desk.Preview(ctx, ask)
	return f
}

// openView opens a form after the acknowledgement, and says so when Slack does not.
func (h *Handler) openView(at replyTarget, trigger string, view slack.ModalViewRequest, otherwise string) socket.Reply {
	return socket.Reply{Lane: socket.LaneForm, After: func(ctx context.Context) {
		if _, err := h.slack.OpenViewContext(ctx, trigger, view); err != nil {
			h.log.Warn().Err(err).Str("form", view.CallbackID).Msg("fail to open a form")
			h.reply(ctx, at, textMessage(notOpenedReason(err, otherwise)), false)
		}
	}}
}

// updateForm updates the form: the price of its current values, and the fields that apply. Slack keeps what was filled
// in.
func (h *Handler) updateForm(cb slack.InteractionCallback) socket.Reply {
	if len(cb.View.Blocks.BlockSet) == 0 {
		return socket.Reply{} // a form without a place for its price is not ours
	}
	update := h.formUpdates.change(cb.View.ID)
	return socket.Reply{After: func(ctx context.Context) { update(func() { h.renderForm(ctx, cb) }) }}
}

func (h *Handler) renderForm(ctx context.Context, cb slack.InteractionCallback) {
	var remember editState
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &remember); err != nil {
		h.log.Error().Err(err).Msg("refuse a form without its private metadata")
		return
	}
	f, wrong := formFields(cb.View.State)
	ask := h.formRequest(cb, remember, f)
	if ask.Spec.Period != "range" { // hidden fields are not checked
		delete(wrong, "start")
		delete(wrong, "end")
	}
	ask.Requester = h.people.LookUp(ctx, ask.Requester)
	view := editorView(ask.Spec, ask.Reason, cb.View.PrivateMetadata, h.formFacts(ctx, ask, wrong))
	if no := h.unsold(ctx, ask.Requester); no != "" {
		view = unsoldView(no)
	}
	if _, err := h.slack.UpdateViewContext(ctx, view, "", "", cb.View.ID); err != nil {
		h.log.Debug().Err(err).Msg("fail to update a form")
	}
}

// formRequest returns the form's current values as an order.
func (h *Handler) formRequest(cb slack.InteractionCallback, remember editState, f commands.Fields) purchase.Request {
	ask := purchase.Request{
		Requester: h.actor(cb), Channel: newPlace(remember.Channel, remember.ChannelName),
		Spec: Specify(h.defaults, f, h.now(), h.loc), Trigger: cb.TriggerID,
	}
	if f.Reason != nil {
		ask.Reason = *f.Reason
	}
	return ask
}

// Submission answers a form that was sent.
func (h *Handler) Submission(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	switch cb.View.CallbackID {
	case callbackEditor:
		return h.onlyOnce(ctx, cb.TriggerID, func() socket.Reply { return h.submitEditor(ctx, cb) })
	case callbackSettle:
		return h.submitVerdict(ctx, cb)
	case callbackDeny:
		return h.submitDenial(ctx, cb)
	case callbackReason:
		return h.submitReason(ctx, cb)
	}
	return socket.Reply{}
}

// submitEditor answers the form of a license: mistakes beside their fields, or the card.
func (h *Handler) submitEditor(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	var remember editState
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &remember); err != nil {
		h.log.Error().Err(err).Msg("refuse a form without its private metadata")
		return wrongField("ram", "Something went wrong with this form. Please close it and use /license buy again.")
	}
	f, wrong := formFields(cb.View.State)
	ask := h.formRequest(cb, remember, f)
	if unsold(h.desk) != "" { // what was filled in would be no better without mistakes
		ask.Requester = h.people.LookUp(ctx, ask.Requester)
		if _, err := h.desk.Allowed(ctx, purchase.Action{Actor: ask.Requester, Channel: ask.Channel}, "",
			orders.Buy); err != nil {
			return h.replaceForm(err)
		}
	}
	shown := func(field string) bool { return cb.View.State == nil || cb.View.State.Values[field] != nil }
	if _, err := purchase.PriceOf(ask.Spec, h.now()); err != nil || len(wrong) > 0 {
		return socket.Reply{Payload: slack.NewErrorsViewSubmissionResponse(formErrors(err, wrong, shown, h.loc))}
	}
	ask.Requester = h.people.LookUp(ctx, ask.Requester)
	ask.Replaces = remember.Order
	p, err := h.desk.Propose(ctx, ask)
	at := replyTarget{cb.User.ID, remember.Channel, remember.ResponseURL, cb.TriggerID}
	if isUnsold(err) {
		return h.replaceForm(err)
	}
	if err != nil {
		reply := socket.Reply{Payload: slack.NewErrorsViewSubmissionResponse(formErrors(err, nil, shown, h.loc))}
		if namesChannels(err) { // a form cannot link to them
			reply.After = func(ctx context.Context) { h.reply(ctx, at, h.refusalMessage(err), false) }
		}
		return reply
	}
	return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, at, h.proposalMessage(p), remember.Replace) }}
}
