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
)

// Action answers a click, or a change in a form. What the click decides is durable when Action returns; only then is
// the click acknowledged to Slack. What is shown follows after the acknowledgement.
func (a *App) Action(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	if len(cb.ActionCallback.BlockActions) == 0 {
		return socket.Reply{}
	}
	action := cb.ActionCallback.BlockActions[0]
	if cb.View.CallbackID == callbackEditor {
		return a.formChanged(cb)
	}
	kind, _, _ := strings.Cut(action.ActionID, ":") // what follows only tells buttons of one block apart
	argument := action.Value
	at := reach{cb.User.ID, cb.Channel.ID, cb.ResponseURL, cb.TriggerID}
	click := purchase.Click{
		Who: a.submitter(cb), At: place(cb.Channel.ID, cb.Channel.Name),
		Card: a.cardAt(cb.ResponseURL),
	}
	if !cb.Container.IsEphemeral {
		click.On = cb.Container.MessageTs
	}
	if decides[kind] {
		click.Who = a.people.LookUp(ctx, click.Who)
	}
	id := purchase.OrderID(argument)
	switch kind {
	case actionBuy:
		_, err := a.desk.Confirm(ctx, id, click)
		return a.confirmed(at, cb.TriggerID, remembered(id, click), err)
	case actionNewPrice:
		_, err := a.desk.ConfirmNewPrice(ctx, id, click)
		a.outdated(ctx, id, click, err)
		remember := remembered(id, click)
		remember.NewPrice = true
		return a.confirmed(at, cb.TriggerID, remember, err)
	case actionApprove:
		_, err := a.desk.Approve(ctx, id, click)
		return a.decided(at, err)
	case actionDeny:
		return a.askDenial(ctx, at, id, click, cb.TriggerID)
	case actionCancel:
		_, err := a.desk.Cancel(ctx, id, click)
		return a.decided(at, err)
	case actionRefresh:
		return a.refresh(ctx, at, id, click)
	case actionEdit:
		return a.edit(ctx, at, id, click, cb.TriggerID)
	case actionAgain:
		return a.once(ctx, cb.TriggerID, func() socket.Reply { return a.again(ctx, at, id, click) })
	case actionBought:
		return a.askVerdict(ctx, at, id, purchase.WasBought, click, cb.TriggerID)
	case actionNotBought:
		return a.askVerdict(ctx, at, id, purchase.WasNotBought, click, cb.TriggerID)
	case actionTakeOut:
		return a.takeOut(at, argument, click, cb)
	case actionBuyForm:
		if err := a.desk.Proposable(ctx, click); err != nil {
			return a.notFromHome(at, err)
		}
		return a.openEditor(ctx, at, cb.TriggerID, click.Who, a.defaults, "",
			editing{Channel: cb.Channel.ID, ChannelName: cb.Channel.Name, ResponseURL: cb.ResponseURL})
	case actionListPage, actionLicense, actionLicenseAgain, actionHistoryPage:
		return a.once(ctx, cb.TriggerID, func() socket.Reply { return a.browse(kind, argument, at, click) })
	case actionLink:
		return socket.Reply{}
	}
	return a.answer(at, "This button has expired. Please use `/license` again.")
}

// decides names the buttons that spend or decide, before which Slack is asked who clicked.
var decides = map[string]bool{
	actionBuy: true, actionBuyForm: true, actionNewPrice: true, actionCancel: true, actionEdit: true, actionAgain: true,
	actionApprove: true, actionDeny: true, actionBought: true, actionNotBought: true,
}

// submitter is who clicked, or sent a form.
func (a *App) submitter(cb slack.InteractionCallback) purchase.Person {
	who := purchase.Person{ID: cb.User.ID, Team: cb.User.TeamID, Name: cb.User.Name}
	if who.Team == "" {
		who.Team = cb.Team.ID
	}
	return who
}

// decided answers a decision: the card follows by itself, a refusal is said beside it.
func (a *App) decided(at reach, err error) socket.Reply {
	if err == nil {
		return socket.Reply{}
	}
	return a.refuse(at, err)
}

// answer says a sentence to the person who clicked, after the click was acknowledged.
func (a *App) answer(at reach, sentence string) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) { a.tell(ctx, at, say(sentence), false) }}
}

// refuse says no to the person who clicked, after the click was acknowledged.
func (a *App) refuse(at reach, err error) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) { a.tell(ctx, at, a.no(err), false) }}
}

// refusal is the sentence for an error of the desk, in mrkdwn.
func (a *App) refusal(err error) string {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return RefusalText(no, a.loc)
	}
	return a.sentence(err)
}

// RefusalText is what a person reads who is refused, in mrkdwn, with links to the channels that would accept it.
func RefusalText(no *purchase.Refusal, zone *time.Location) string {
	return RefusalWords(no, Reader{Zone: zone, Place: Marked}) + channelWords(no.Channels())
}

// sentence is what an error of the desk says, where there is no format: beside the field of a form.
func (a *App) sentence(err error) string {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return RefusalWords(no, a.reader(Plain))
	}
	if no = purchase.Unusable(err); no != nil {
		return RefusalWords(no, a.reader(Plain))
	}
	if errors.Is(err, purchase.ErrFull) {
		a.log.Error().Err(err).Msg("fail to make a decision durable")
		return diskFull
	}
	a.log.Error().Err(err).Msg("fail to make a decision durable")
	return "Something went wrong, so that didn't go through. Please try again, and tell your admins if it keeps happening."
}

// mostChannels is how many channels a refusal names.
const mostChannels = 5

// channelWords name the channels in which something would not be refused.
func channelWords(ids []string) string {
	var links []string
	for _, id := range ids[:min(len(ids), mostChannels)] {
		links = append(links, "<#"+id+">")
	}
	switch {
	case len(links) == 0:
		return ""
	case len(ids) > mostChannels:
		return fmt.Sprintf(" You can use %s and %s.", strings.Join(links, ", "),
			plural(len(ids)-mostChannels, "other channel"))
	}
	return " You can use " + strings.Join(links, ", ") + "."
}

// namesChannels reports whether a refusal is answered with channels where it would be none.
func namesChannels(err error) bool {
	var no *purchase.Refusal
	return errors.As(err, &no) && len(no.Channels()) > 0
}

// diskFull is the answer to a click, command or form whose decision could not be stored.
const diskFull = "My disk is full, so that didn't go through. Your admins have to free some space; then try again."

// refresh shows the card as the order is now, by the click's fresh response URL.
func (a *App) refresh(ctx context.Context, at reach, id purchase.OrderID, click purchase.Click) socket.Reply {
	click.Who = a.people.LookUp(ctx, click.Who)
	order, err := a.desk.Asked(ctx, id, click)
	for err == nil && order.ReplacedBy != "" { // its card is its successor's by now
		id = order.ReplacedBy
		order, err = a.desk.Order(ctx, id)
	}
	if err != nil {
		return a.refuse(at, err)
	}
	click.Card.Kind = purchase.MessageCard
	if err := a.desk.ShowAt(ctx, id, click.Card); err != nil {
		return a.refuse(at, err)
	}
	return socket.Reply{}
}

// edit opens the form with the proposal's specification.
func (a *App) edit(ctx context.Context, at reach, id purchase.OrderID, click purchase.Click,
	trigger string,
) socket.Reply {
	order, err := a.desk.Editable(ctx, id, click)
	if err == nil && unsold(a.desk) != "" {
		err = a.desk.Proposable(ctx, click)
		a.outdated(ctx, id, click, err)
	}
	if err != nil {
		return a.refuse(at, err)
	}
	return a.openEditor(ctx, at, trigger, click.Who, order.Spec, order.Reason, editing{
		Order: id, Channel: order.Place.Channel, ChannelName: order.Place.Name, ResponseURL: at.responseURL,
		Replace: true,
	})
}

// again proposes what an order asked for once more, in the place of its card.
func (a *App) again(ctx context.Context, at reach, id purchase.OrderID, click purchase.Click) socket.Reply {
	old, err := a.desk.Asked(ctx, id, click)
	if err != nil {
		return a.refuse(at, err)
	}
	began := old.Confirmed
	if began.IsZero() {
		began = old.Created
	}
	p, err := a.proposeAnew(ctx, at, click, alike(old.Spec, a.now(), began, a.loc), old.Reason)
	a.outdated(ctx, id, click, err)
	return p
}

func (a *App) proposeAnew(ctx context.Context, at reach, click purchase.Click, spec purchase.Spec,
	reason string,
) (socket.Reply, error) {
	p, err := a.desk.Propose(ctx,
		purchase.Ask{Requester: click.Who, Place: click.At, Spec: spec, Reason: reason, Trigger: at.trigger})
	if err != nil {
		return socket.Reply{After: func(ctx context.Context) { a.tell(ctx, at, a.notProposed(err, nil), false) }}, err
	}
	return socket.Reply{After: func(ctx context.Context) { a.tell(ctx, at, a.proposal(p), false) }}, nil
}

// openEditor opens the form. Slack's trigger lives for three seconds, so nothing slow comes before.
func (a *App) openEditor(ctx context.Context, at reach, trigger string, who purchase.Person, spec purchase.Spec,
	reason string, remember editing,
) socket.Reply {
	metadata, _ := json.Marshal(remember) // a struct of strings: cannot fail
	facts := a.formFacts(ctx, purchase.Ask{
		Requester: who, Place: place(remember.Channel, remember.ChannelName),
		Spec: spec, Reason: reason,
	}, nil)
	return a.openView(at, trigger, editorView(spec, reason, string(metadata), facts),
		"Slack didn't open the form in time. Please try again.")
}

// formFacts returns the price of the form's current values.
func (a *App) formFacts(ctx context.Context, ask purchase.Ask, wrong map[string]string) formFacts {
	f := formFacts{offer: a.desk.Offer(), wrong: wrong, loc: a.loc}
	f.preview, f.err = a.desk.Preview(ctx, ask)
	return f
}

// openView opens a form after the acknowledgement, and says so when Slack does not.
func (a *App) openView(at reach, trigger string, view slack.ModalViewRequest, otherwise string) socket.Reply {
	return socket.Reply{Lane: socket.LaneForm, After: func(ctx context.Context) {
		if _, err := a.slack.OpenViewContext(ctx, trigger, view); err != nil {
			a.log.Warn().Err(err).Str("form", view.CallbackID).Msg("fail to open a form")
			a.tell(ctx, at, say(notOpened(err, otherwise)), false)
		}
	}}
}

// formChanged updates the form: the price of its current values, and the fields that apply. Slack keeps what was filled
// in.
func (a *App) formChanged(cb slack.InteractionCallback) socket.Reply {
	if len(cb.View.Blocks.BlockSet) == 0 {
		return socket.Reply{} // a form without a place for its price is not ours
	}
	update := a.forms.change(cb.View.ID)
	return socket.Reply{After: func(ctx context.Context) { update(func() { a.showForm(ctx, cb) }) }}
}

func (a *App) showForm(ctx context.Context, cb slack.InteractionCallback) {
	var remember editing
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &remember); err != nil {
		a.log.Error().Err(err).Msg("refuse a form without its private metadata")
		return
	}
	f, wrong := formFields(cb.View.State)
	ask := a.asked(cb, remember, f)
	if ask.Spec.Period != "range" { // hidden fields are not checked
		delete(wrong, "start")
		delete(wrong, "end")
	}
	ask.Requester = a.people.LookUp(ctx, ask.Requester)
	view := editorView(ask.Spec, ask.Reason, cb.View.PrivateMetadata, a.formFacts(ctx, ask, wrong))
	if no := a.unsold(ctx, ask.Requester); no != "" {
		view = unsoldView(no)
	}
	if _, err := a.slack.UpdateViewContext(ctx, view, "", "", cb.View.ID); err != nil {
		a.log.Debug().Err(err).Msg("fail to update a form")
	}
}

// asked returns the form's current values as an order.
func (a *App) asked(cb slack.InteractionCallback, remember editing, f commands.Fields) purchase.Ask {
	ask := purchase.Ask{
		Requester: a.submitter(cb), Place: place(remember.Channel, remember.ChannelName),
		Spec: Specify(a.defaults, f, a.now(), a.loc), Trigger: cb.TriggerID,
	}
	if f.Reason != nil {
		ask.Reason = *f.Reason
	}
	return ask
}

// Submission answers a form that was sent.
func (a *App) Submission(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	switch cb.View.CallbackID {
	case callbackEditor:
		return a.once(ctx, cb.TriggerID, func() socket.Reply { return a.specified(ctx, cb) })
	case callbackSettle:
		return a.settled(ctx, cb)
	case callbackDeny:
		return a.denied(ctx, cb)
	case callbackReason:
		return a.reasoned(ctx, cb)
	}
	return socket.Reply{}
}

// specified answers the form of a license: mistakes beside their fields, or the card.
func (a *App) specified(ctx context.Context, cb slack.InteractionCallback) socket.Reply {
	var remember editing
	if err := json.Unmarshal([]byte(cb.View.PrivateMetadata), &remember); err != nil {
		a.log.Error().Err(err).Msg("refuse a form without its private metadata")
		return wrongField("ram", "Something went wrong with this form. Please close it and use /license buy again.")
	}
	f, wrong := formFields(cb.View.State)
	ask := a.asked(cb, remember, f)
	if unsold(a.desk) != "" { // what was filled in would be no better without mistakes
		ask.Requester = a.people.LookUp(ctx, ask.Requester)
		if err := a.desk.Proposable(ctx, purchase.Click{Who: ask.Requester, At: ask.Place}); err != nil {
			return a.closing(err)
		}
	}
	shown := func(field string) bool { return cb.View.State == nil || cb.View.State.Values[field] != nil }
	if _, err := a.desk.Quote(ask.Spec); err != nil || len(wrong) > 0 {
		return socket.Reply{Payload: slack.NewErrorsViewSubmissionResponse(formErrors(err, wrong, shown, a.loc))}
	}
	ask.Requester = a.people.LookUp(ctx, ask.Requester)
	var p purchase.Proposal
	var err error
	if remember.Order != "" {
		p, err = a.desk.Amend(ctx, remember.Order, ask)
	} else {
		p, err = a.desk.Propose(ctx, ask)
	}
	at := reach{cb.User.ID, remember.Channel, remember.ResponseURL, cb.TriggerID}
	if isUnsold(err) {
		return a.closing(err)
	}
	if err != nil {
		reply := socket.Reply{Payload: slack.NewErrorsViewSubmissionResponse(formErrors(err, nil, shown, a.loc))}
		if namesChannels(err) { // a form cannot link to them
			reply.After = func(ctx context.Context) { a.tell(ctx, at, a.no(err), false) }
		}
		return reply
	}
	return socket.Reply{After: func(ctx context.Context) { a.tell(ctx, at, a.proposal(p), remember.Replace) }}
}
