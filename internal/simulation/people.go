package simulation

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/bot"
	"licensebot/bot/socket"
	"licensebot/purchase"
)

// user returns a person's id in Slack, and name the reverse.
func user(name string) string { return "U" + strings.ToUpper(name) }
func name(user string) string { return strings.ToLower(strings.TrimPrefix(user, "U")) }

const (
	team    = "T1"
	channel = "CMATH"
)

// perform starts a step. What follows from it happens in the background.
func (w *world) perform(s Step) {
	switch s.Action {
	case Types:
		w.types(s)
	case Clicks:
		w.clicks(s)
	case Submits:
		w.submits(s)
	case Leaves, Joins, Closes, ComeBack:
		w.rightsChange(s)
	case Resumes:
		w.resume()
	case Settles:
		w.settle(s)
	case Credits:
		w.account.AddCredit(s.Cents, "changed by dave")
		w.trace.Log("dave changes CoCalc's credit by %s", dollars(s.Cents))
	case SlowPay:
		w.server.SetCheckoutTakes(s.Takes, 40*time.Millisecond)
		w.trace.Log("the next checkout at CoCalc will take %s", s.Takes)
	case Restart:
		select {
		case w.restarts <- s:
		default: // it is being restarted
		}
	case Renews, Cancels, Reopens, Changes, AtOnce, Refunds, Collects, WeeksPass:
		w.live(s)
	default:
		w.interfere(s)
	}
}

func (w *world) types(s Step) {
	text := s.Text
	for word, who := range map[string]string{"ORDER": s.Who, "ASKED": approvals} {
		if before, after, ok := strings.Cut(text, word); ok {
			text = before + w.slack.known(who) + after
		}
	}
	verb, _, _ := strings.Cut(text, " ")
	a := w.slack.mint(&act{
		who: s.Who, what: "/license " + text, action: verb,
		order: purchase.OrderID(orderID.FindString(text)),
	})
	w.trace.Log("%s types /license %s%s", s.Who, headline(text), times(s.Deliveries))
	w.tally(func(sum *Summary) { sum.Commands++ })
	cmd := slack.SlashCommand{
		Command: "/license", Text: text, UserID: user(s.Who), UserName: s.Who, TeamID: team,
		ChannelID: channel, ChannelName: "math", ResponseURL: a.url, TriggerID: a.trigger,
	}
	w.deliver(a, s.Deliveries, socket.Delivery{Kind: socket.KindCommand, Command: &cmd},
		func(ctx context.Context, h *bot.Handler) socket.Reply {
			return h.Command(ctx, cmd)
		})
}

func (w *world) clicks(s Step) {
	m, b, ok := w.slack.holding(s.Whose, s.Button, s.Nth)
	if !ok {
		return
	}
	a := &act{who: s.Who, what: b.label, action: b.action, message: m, card: m.text}
	if strings.HasPrefix(b.action, "order_") {
		a.order = purchase.OrderID(b.value)
	}
	if s.Who != s.Whose && m.channel != approvals {
		a.message = nil // a forged click: people don't see others' cards
	}
	w.slack.mint(a)
	whose, where := "", ""
	if s.Who != s.Whose && s.Whose != approvals {
		whose = s.Whose + "'s "
	}
	at := m.channel
	if s.Elsewhere {
		at, where = "CELSEWHERE", " from another channel"
	}
	w.trace.Log("%s clicks %q on %sorder %s%s%s", s.Who, b.label, whose, short(a.order), where, times(s.Deliveries))
	w.tally(func(sum *Summary) { sum.Clicks++ })
	cb := slack.InteractionCallback{
		Type: slack.InteractionTypeBlockActions, User: slack.User{ID: user(s.Who), Name: s.Who, TeamID: team},
		Team: slack.Team{ID: team}, ResponseURL: a.url, TriggerID: a.trigger,
		ActionCallback: slack.ActionCallbacks{BlockActions: []*slack.BlockAction{{ActionID: b.action, Value: b.value}}},
	}
	cb.Channel.ID, cb.Channel.Name = at, "math"
	cb.Message.Timestamp, cb.Message.Channel = m.ts, at
	if s.Button == "order_buy" && s.Who == s.Whose {
		w.mu.Lock()
		w.agreed[a.order] = b.label
		w.mu.Unlock()
	}
	w.deliver(a, s.Deliveries, socket.Delivery{Kind: socket.KindAction, Interaction: &cb},
		func(ctx context.Context, h *bot.Handler) socket.Reply {
			return h.Action(ctx, cb)
		})
}

// submits sends the form that a person has open, with other memory in it.
func (w *world) submits(s Step) {
	w.slack.mu.Lock()
	view, ok := w.slack.forms[s.Who]
	delete(w.slack.forms, s.Who)
	w.slack.mu.Unlock()
	if !ok {
		return
	}
	state := &slack.ViewState{Values: map[string]map[string]slack.BlockAction{}}
	for _, block := range view.Blocks.BlockSet {
		in, ok := block.(*slack.InputBlock)
		if !ok {
			continue
		}
		id, value := filled(in.Element)
		if in.BlockID == "ram" {
			value.Value = []string{"2", "6", "12", "64"}[s.Nth%4]
		}
		if in.BlockID == "reason" && view.CallbackID != "license_editor" && s.Nth != 3 { // a person forgets to give a reason
			value.Value = "because of the winter school"
		}
		state.Values[in.BlockID] = map[string]slack.BlockAction{id: value}
	}
	a := w.slack.mint(&act{
		who: s.Who, what: "the form", action: view.CallbackID,
		order: purchase.OrderID(orderID.FindString(view.PrivateMetadata)),
	})
	w.trace.Log("%s submits the form %q%s", s.Who, view.Title.Text, times(s.Deliveries))
	cb := slack.InteractionCallback{
		Type: slack.InteractionTypeViewSubmission, User: slack.User{ID: user(s.Who), Name: s.Who, TeamID: team},
		Team: slack.Team{ID: team}, TriggerID: a.trigger,
		View: slack.View{CallbackID: view.CallbackID, PrivateMetadata: view.PrivateMetadata, State: state},
	}
	w.deliver(a, s.Deliveries, socket.Delivery{Kind: socket.KindSubmission, Interaction: &cb},
		func(ctx context.Context, h *bot.Handler) socket.Reply {
			return h.Submission(ctx, cb)
		})
}

// filled returns the initial value of an input.
func filled(element slack.BlockElement) (action string, value slack.BlockAction) {
	switch e := element.(type) {
	case *slack.NumberInputBlockElement:
		return e.ActionID, slack.BlockAction{Value: e.InitialValue}
	case *slack.PlainTextInputBlockElement:
		return e.ActionID, slack.BlockAction{Value: e.InitialValue}
	case *slack.DatePickerBlockElement:
		return e.ActionID, slack.BlockAction{SelectedDate: e.InitialDate}
	case *slack.SelectBlockElement:
		if e.InitialOption != nil {
			value.SelectedOption = *e.InitialOption
		}
		return e.ActionID, value
	}
	return "", value
}

// deliver hands something to the program, as often and as late as the plan says.
func (w *world) deliver(a *act, delays []time.Duration, d socket.Delivery,
	handle func(context.Context, *bot.Handler) socket.Reply,
) {
	a.deliveries = len(delays)
	for _, delay := range delays {
		// What happens in the same instant happens within a millisecond, and in the order of the plan.
		n := w.count("deliveries")
		w.behind(delay+time.Duration(n%500)*time.Microsecond, func() { w.handOver(answer{a, n}, d, handle) })
	}
}

// ackWithin is how long Slack waits for the program's acknowledgement.
const ackWithin = 3 * time.Second

func (w *world) handOver(which answer, d socket.Delivery, handle func(context.Context, *bot.Handler) socket.Reply) {
	l, a := w.current(), which.act
	note := w.slack.note
	if l == nil || !l.handles() {
		note(func() { a.sorry = true })
		w.trace.Log("no program receives %s's %q: Slack says that it did not work", a.who, a.what)
		return
	}
	defer l.busy.Done()
	begun := time.Now()
	note(func() {
		if a.handled.IsZero() {
			a.handled = begun
		}
	})
	base := acting(l.ctx, which)
	ctx, cancel := context.WithTimeout(base, 2500*time.Millisecond)
	defer cancel()
	reply := handle(ctx, l.handler)
	if l.ctx.Err() != nil || time.Since(begun) > ackWithin {
		note(func() { a.sorry = true })
		w.trace.Log("no thanks for %s's %q: Slack says that it did not work", a.who, a.what)
		if l.ctx.Err() != nil {
			return
		}
	}
	if reply.Payload != nil || reply.After != nil {
		note(func() { a.spoke = true })
	}
	w.acknowledge(l, which, d, reply.Payload)
	if reply.After != nil {
		reply.After(base)
	} else if reply.Payload == nil {
		note(func() { a.silent = true })
	}
	if l.ctx.Err() != nil {
		note(func() { a.died = true })
	}
}

// acknowledge shows the payload of an acknowledgement to the person.
func (w *world) acknowledge(l *process, which answer, d socket.Delivery, payload any) {
	a := which.act
	switch p := payload.(type) {
	case slack.Msg:
		if fault, _ := w.fault("slack ack", w.faultRNG("slack ack "+a.url, nil)); fault == LostBefore || fault == LostAfter {
			w.trace.Log("the answer to %s's command is lost with its socket", a.who)
			l.handler.Unsent(acting(l.ctx, which), d, payload)
			return
		}
		blocks, _ := json.Marshal(p.Blocks)
		w.slack.post(channel, a.who, blocks, p.Text)
		w.slack.note(func() { a.hears(p.Text) })
		w.trace.Log("%s reads: %s", a.who, headline(p.Text))
	case nil:
		if d.Kind == socket.KindSubmission {
			w.slack.note(func() { a.answers++ }) // the form closes
		}
	default:
		text, _ := json.Marshal(p)
		w.slack.note(func() { a.hears(string(text)) }) // mistakes beside the fields
		w.trace.Log("%s reads in the form: %s", a.who, headline(string(text)))
	}
}
