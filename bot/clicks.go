package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
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
	c.kind, _, _ = strings.Cut(press.ActionID, ":") // the rest only makes ids unique in a block
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
	case actionRefund:
		return h.requestRefund(ctx, c, cb)
	case actionAskEnd:
		return h.askRenewal(c.at, c.action, purchase.WishEnd, c.argument, "")
	case actionAskKeep:
		return h.askRenewal(c.at, c.action, purchase.WishKeep, c.argument, "")
	case actionEnd, actionKeep:
		return h.onlyOnce(ctx, c.trigger, func() socket.Reply { return h.decideRenewal(ctx, c) })
	case actionLeave:
		return socket.Reply{After: func(ctx context.Context) {
			h.reply(ctx, c.at, textMessage("Nothing was changed."), true)
		}}
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

// decidingActions lists the buttons that spend or decide. Before these, the bot asks Slack who clicked.
var decidingActions = map[string]bool{
	actionBuy: true, actionBuyForm: true, actionNewPrice: true, actionCancel: true, actionEdit: true, actionAgain: true,
	actionApprove: true, actionDeny: true, actionBought: true, actionNotBought: true, actionRefund: true,
	actionEnd: true, actionKeep: true,
}

// actor returns the person who clicked or sent a form.
func (h *Handler) actor(cb slack.InteractionCallback) purchase.Actor {
	who := purchase.Actor{ID: cb.User.ID, Team: cb.User.TeamID, Name: cb.User.Name}
	if who.Team == "" {
		who.Team = cb.Team.ID
	}
	return who
}

// replyDecision answers a decision. After success it sends nothing, since the publisher updates the card; a refusal
// becomes a message beside the card.
func (h *Handler) replyDecision(at replyTarget, err error) socket.Reply {
	if err == nil {
		return socket.Reply{}
	}
	return h.replyRefusal(at, err)
}

// replyText sends a sentence to the person who clicked, after the acknowledgement.
func (h *Handler) replyText(at replyTarget, sentence string) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, at, textMessage(sentence), false) }}
}

// refresh shows the card as the order is now, by the click's fresh response URL.
func (h *Handler) refresh(ctx context.Context, at replyTarget, id purchase.OrderID,
	action purchase.Action,
) socket.Reply {
	action.Actor = h.people.LookUp(ctx, action.Actor)
	order, err := h.desk.Allowed(ctx, action, id, orders.Repeat)
	for err == nil && order.ReplacedBy != "" { // the card now shows the successor
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

func newReasonState(id purchase.OrderID, action purchase.Action) reasonState {
	return reasonState{Order: id, Channel: action.Channel.ID, ChannelName: action.Channel.Name}
}

// reasonState is the private metadata of the forms that ask for a reason: Slack returns it with the form.
type reasonState struct {
	Order       purchase.OrderID `json:"order"`
	NewPrice    bool             `json:"new_price,omitempty"` // the requester confirms the new price of a failed order
	Channel     string           `json:"channel,omitempty"`   // where the button was clicked
	ChannelName string           `json:"channel_name,omitempty"`
}

// replyConfirmation answers a requester's confirmation. If the order needs approval and a reason, it opens a form.
func (h *Handler) replyConfirmation(at replyTarget, trigger string, remember reasonState, err error) socket.Reply {
	var no *purchase.Refusal
	if !errors.As(err, &no) || no.Code != purchase.NoReason {
		return h.replyDecision(at, err)
	}
	return h.openView(at, trigger, reasonView(remember), "Slack didn't open the form in time. Please click again.")
}

// responder posts to the response URL of a command or a click, for the person's eyes alone. With replace, the post
// takes the place of the message that holds the clicked button.
type responder interface {
	respond(ctx context.Context, url string, c content, replace bool) error
}

// responseURLs posts through an HTTP client. It is a responder.
type responseURLs struct{ client *http.Client }

// newResponder returns a responder that posts to Slack alone.
func newResponder(o Options) responder { return responseURLs{restrictToSlack(o.HTTP, o.SlackURL)} }

func (r responseURLs) respond(ctx context.Context, url string, c content, replace bool) error {
	return slack.PostWebhookCustomHTTPContext(ctx, url, r.client, &slack.WebhookMessage{
		Text: cut(c.text, limitFallback), Blocks: &slack.Blocks{BlockSet: c.blocks},
		ResponseType: slack.ResponseTypeEphemeral, ReplaceOriginal: replace,
	})
}

// The hosts of Slack's response URLs: of Slack, and of Slack for governments.
const (
	hooksHost    = "hooks.slack.com"
	govHooksHost = "hooks.slack-gov.com"
)

// slackOnly carries requests to response URLs. Such a URL comes with every payload, and stays in forms and in the
// ledger, so it is checked: it leads to Slack, or nothing is sent. That holds for redirects too, since each of them
// comes through here.
type slackOnly struct {
	api  *url.URL // of Slack's Web API
	next http.RoundTripper
}

// restrictToSlack returns a copy of the client that sends only to Slack's response URLs. api is the address of Slack's
// Web API, which may be another server's.
func restrictToSlack(client *http.Client, api string) *http.Client {
	h := slackOnly{api: &url.URL{}, next: http.DefaultTransport}
	if u, err := url.Parse(api); err == nil {
		h.api = u
	}
	if client == nil {
		client = &http.Client{}
	}
	guarded := *client
	if client.Transport != nil {
		h.next = client.Transport
	}
	guarded.Transport = h
	return &guarded
}

// RoundTrip implements http.RoundTripper.
func (h slackOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	if !h.leadsToSlack(req.URL) {
		if req.Body != nil {
			_ = req.Body.Close() // the request is not sent, so the transport does not close it
		}
		return nil, fmt.Errorf("a response URL leads to %q, which is not Slack: nothing was sent there", req.URL.Host)
	}
	return h.next.RoundTrip(req)
}

// leadsToSlack reports whether a URL leads to Slack.
func (h slackOnly) leadsToSlack(u *url.URL) bool {
	switch {
	case u.Scheme == "https" && (u.Host == hooksHost || u.Host == govHooksHost):
		return true
	case h.api.Host == "":
		return false
	}
	return u.Scheme == h.api.Scheme && u.Host == h.api.Host
}
