package bot

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/commands"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

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

// formUpdates keeps the updates of open forms in order. Changes arrive one after the other, each with all values of the
// form, and the person must see the update for the last one. Slack's own guard, the view's hash, would keep the first
// one.
type formUpdates struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*formView
}

// formView is one open form.
type formView struct {
	updating sync.Mutex
	newest   int // the last change that arrived; formUpdates.mu is held
	at       time.Time
}

// formLife is how long a form that has not changed counts as open.
const formLife = time.Hour

// change notes that a form changed and returns its update. The update does nothing when a newer change has arrived.
func (f *formUpdates) change(id string) (update func(show func())) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[string]*formView{}
	}
	v := f.by[id]
	if v == nil {
		f.prune()
		v = &formView{}
		f.by[id] = v
	}
	v.newest++
	v.at = f.now()
	mine := v.newest
	return func(show func()) {
		v.updating.Lock()
		defer v.updating.Unlock()
		f.mu.Lock()
		newest := v.newest
		f.mu.Unlock()
		if mine == newest {
			show()
		}
	}
}

// prune drops forms that were closed long ago. f.mu is held.
func (f *formUpdates) prune() {
	maps.DeleteFunc(f.by, func(_ string, v *formView) bool { return f.now().Sub(v.at) > formLife })
}

// formErrors puts every mistake beside its field, and mistakes of the whole order beside the first field. shown reports
// whether the form shows a field.
func formErrors(err error, wrong map[string]string, shown func(field string) bool,
	zone *time.Location,
) map[string]string {
	out := map[string]string{}
	var mistakes purchase.Mistakes
	var no *purchase.Refusal
	switch {
	case errors.As(err, &mistakes):
		for _, m := range mistakes {
			field := m.Field
			if !shown(field) {
				field = "period" // decides which fields the form shows
			}
			if _, twice := out[field]; !twice {
				out[field] = stripCode(withLabels(m.Sentence))
			}
		}
	case errors.As(err, &no) && (no.Code == purchase.NoSuchProject || no.Code == purchase.ProjectUnread):
		out["project"] = RefusalWords(no, Reader{Zone: zone})
	case errors.As(err, &no):
		out["ram"] = RefusalWords(no, Reader{Zone: zone, Place: Form})
		if len(no.Channels()) > 0 {
			out["ram"] += " I've sent you a message with the channels you can use."
		}
	case orders.Unusable(err) != nil:
		out["ram"] = RefusalWords(orders.Unusable(err), Reader{Zone: zone})
	case errors.Is(err, purchase.ErrFull):
		out["ram"] = diskFullText
	case err != nil:
		out["ram"] = "Something went wrong and your order wasn't created. Please try again."
	}
	for field, sentence := range wrong {
		out[field] = sentence
	}
	return out
}

// readTerm reads the dates of a fixed term into f. Dates of a license that renews are mistakes.
func readTerm(state *slack.ViewState, f *commands.Fields, wrong map[string]string) {
	fixed := f.Period != nil && *f.Period == "range"
	for field, to := range map[string]**commands.Date{"start": &f.Start, "end": &f.End} {
		v, ok := formValue(state, field)
		if !ok || v == "" {
			continue
		}
		d, valid := commands.ParseDate(v)
		switch {
		case !fixed:
			wrong[field] = "Only a fixed term has this. Choose a fixed term under Billing, or clear it."
		case !valid:
			wrong[field] = "Enter a date."
		default:
			*to = &d
		}
	}
}
