package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/commands"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// The buttons with which an admin resolves an order of unknown outcome, and the form that asks for the reason.
const (
	actionBought    = "order_was_bought"
	actionNotBought = "order_was_not_bought"
	callbackSettle  = "order_settle"
	inputReason     = "reason"
	inputLicense    = "license"
)

// resolveState is the private metadata of the form: Slack returns it with the form.
type resolveState struct {
	Order       purchase.OrderID `json:"order"`
	Verdict     purchase.Verdict `json:"verdict"`
	Channel     string           `json:"channel,omitempty"`
	ChannelName string           `json:"channel_name,omitempty"`
	ResponseURL string           `json:"response_url,omitempty"` // of the message that held the button
}

// resolve shows an admin an order of unknown outcome, with what CoCalc reports about it and the buttons to resolve it.
func (h *Handler) resolve(ctx context.Context, at replyTarget, id purchase.OrderID,
	action purchase.Action,
) socket.Reply {
	if _, err := h.desk.Allowed(ctx, action, id, orders.Resolve); err != nil {
		return ackReply(h.refusalMessage(err))
	}
	return h.replyAfter(at, func(ctx context.Context) content { return h.unresolvedOrder(ctx, id, action.Actor) })
}

// unresolvedOrder shows an order of unknown outcome: its status, what CoCalc shows of it now, and to admins the buttons
// to resolve it. The order is read last, since it may have ended meanwhile.
func (h *Handler) unresolvedOrder(ctx context.Context, id purchase.OrderID, who purchase.Actor) content {
	gone := unsold(h.desk) != ""
	var found purchase.Evidence
	if !gone {
		var err error
		if found, err = h.evidence.get(ctx, id); err != nil {
			return h.refusalMessage(err)
		}
	}
	who = h.people.LookUp(ctx, who)
	v, err := h.desk.View(ctx, id)
	if err != nil {
		return h.refusalMessage(err)
	}
	o, c := v.Order, h.orderStatus(v)
	admin := who.Rights(h.desk.Rules().Policy).Administer
	resolves := admin && !who.Is(o.Requester)
	switch {
	case o.State != purchase.Unknown:
	case gone && resolves:
		c.blocks = append(c.blocks, unresolvableEvidence(o)...)
	case gone:
	default:
		c.blocks = append(c.blocks, evidenceBlocks(o, found, Reader{Admin: admin, Zone: h.loc}, resolves)...)
	}
	return c
}

// evidenceBlocks say what CoCalc shows of an order, to admins with the account of the key. With resolves they ask what
// became of it.
func evidenceBlocks(o purchase.Order, e purchase.Evidence, reader Reader, resolves bool) []slack.Block {
	lines := []string{fmt.Sprintf("*What CoCalc shows*, as of %s", formatTime(e.At))}
	for _, c := range e.For(reader.Admin) {
		lines = append(lines, "• "+mrkdwnWords(Evidence, c, reader))
	}
	blocks := []slack.Block{section(strings.Join(lines, "\n"))}
	if !resolves {
		return blocks
	}
	return append(blocks,
		section("If you know more than CoCalc shows, you can resolve this order. Your answer and reason are kept on record. "+
			"These buttons don't buy anything and don't contact CoCalc."),
		settleButtons(o))
}

func settleButtons(o purchase.Order) *slack.ActionBlock {
	return slack.NewActionBlock("settle_actions",
		button(actionBought, string(o.ID), "Mark as bought"),
		button(actionNotBought, string(o.ID), "Mark as not bought"))
}

// openVerdict opens the form in which an admin gives the reason for resolving an order.
func (h *Handler) openVerdict(ctx context.Context, at replyTarget, id purchase.OrderID, verdict purchase.Verdict,
	action purchase.Action, trigger string,
) socket.Reply {
	o, err := h.desk.Allowed(ctx, action, id, orders.Resolve)
	if err != nil {
		return h.replyRefusal(at, err)
	}
	view := settleView(o, resolveState{o.ID, verdict, action.Channel.ID, action.Channel.Name, at.responseURL},
		unsold(h.desk) != "")
	return h.openView(at, trigger, view, "Slack didn't open the form in time. Please click again.")
}

// settleView asks for an admin's reason, and for the license if there is one.
func settleView(o purchase.Order, remember resolveState, unsold bool) slack.ModalViewRequest {
	metadata, _ := json.Marshal(remember) // a struct of strings: cannot fail
	title, submit := "Mark as not bought", "Mark as not bought"
	says := fmt.Sprintf("Mark order `%s` as *not bought*: releases %s and lets other orders continue. ", o.ID, o.Price)
	if !o.IsReserved() {
		says = fmt.Sprintf("Mark order `%s` as *not bought*. Its %s is no longer reserved. ", o.ID, o.Price)
	}
	if unsold {
		says += "Check the CoCalc account's statements first."
	} else {
		says += "Check CoCalc first. If CoCalc shows a purchase later, I'll record it."
	}
	reason := textInput(inputReason, "How do you know?", "Kept on record, and shown to the requester.", "",
		commands.MaxReason, true)
	reason.Optional = false
	blocks := []slack.Block{section(says), reason}
	if remember.Verdict == purchase.WasBought {
		title, submit = "Mark as bought", "Mark as bought"
		says = fmt.Sprintf("Mark order `%s` as *bought*: counts %s as spent. This doesn't charge anything.", o.ID, o.Price)
		if !unsold {
			says += " If CoCalc shows the purchase later, I'll add its details."
		}
		license := textInput(inputLicense, "License id", "The id or link from CoCalc, if you know it.", "", 300, false)
		blocks = []slack.Block{section(says), reason, license}
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callbackSettle, PrivateMetadata: string(metadata),
		Title: plain(title), Submit: plain(submit), Close: plain("Cancel"), Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// submitVerdict reads an admin's decision from the form. A refusal is shown beside its field, so that nothing has to be
// typed again.
func (h *Handler) submitVerdict(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	var remember resolveState
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &remember); err != nil {
		h.log.Error().Err(err).Msg("refuse a form without its private metadata")
		return wrongField(inputReason,
			"Something went wrong with this form. Please close it and use /license settle again.")
	}
	s := orders.Decision{Kind: orders.Resolve, Verdict: remember.Verdict, Reason: typed(cb.View.State, inputReason)}
	if text := typed(cb.View.State, inputLicense); text != "" {
		var ok bool
		if s.LicenseID, ok = commands.LicenseID(text); !ok {
			return wrongField(inputLicense, "This isn't a license id. Leave it empty if you don't know it.")
		}
	}
	// The way here began with a command that names the order, which may be typed anywhere.
	action := purchase.Action{Actor: h.actor(cb), Channel: newPlace(remember.Channel, remember.ChannelName), Typed: true}
	action.Actor = h.people.LookUp(ctx, action.Actor)
	o, err := h.desk.Decide(ctx, action, remember.Order, s)
	if err != nil {
		return wrongField(inputReason, h.plainRefusal(err))
	}
	at := replyTarget{cb.User.ID, remember.Channel, remember.ResponseURL, cb.TriggerID}
	return socket.Reply{After: func(ctx context.Context) {
		h.reply(ctx, at, verdictMessage(o, s, unsold(h.desk) != ""), true)
	}}
}

// verdictMessage describes what an admin's decision has changed.
func verdictMessage(o purchase.Order, s orders.Decision, unsold bool) content {
	back := fmt.Sprintf(" %s is back in the budget.", o.Price)
	if !o.Released.IsZero() { // it was so before
		back = ""
	}
	text, later := fmt.Sprintf(":white_check_mark: Marked as *not bought*.%s I've told <@%s>", back, o.Requester.ID),
		", and I'll keep checking CoCalc for a while"
	if s.Verdict == purchase.WasBought {
		text, later = fmt.Sprintf(":white_check_mark: Marked as *bought*. %s counts as spent. I've told <@%s>",
			o.Price, o.Requester.ID), ", and I'll add the details when CoCalc shows them"
	}
	if !unsold {
		text += later
	}
	text += "."
	return content{strings.ReplaceAll(text, "*", ""), []slack.Block{section(text), orderFooter(o)}}
}

// typed returns the text in an input of a form, without spaces around it.
func typed(state *slack.ViewState, block string) string {
	if state == nil {
		return ""
	}
	return strings.TrimSpace(state.Values[block][inputOf].Value)
}

// wrongField keeps a form open, with a sentence beside one of its fields.
func wrongField(block, sentence string) socket.Reply {
	return socket.Reply{Payload: slack.NewErrorsViewSubmissionResponse(map[string]string{block: stripCode(sentence)})}
}
