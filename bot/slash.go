package bot

import (
	"context"
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

// Command answers /license. What needs CoCalc is looked up after the acknowledgement; everything else is in it.
func (h *Handler) Command(ctx context.Context, cmd slack.SlashCommand) socket.Reply {
	asked, mistakes := commands.Parse(cmd.Text)
	at := replyTarget{cmd.UserID, cmd.ChannelID, cmd.ResponseURL, cmd.TriggerID}
	action := purchase.Action{
		Actor:   purchase.Actor{ID: cmd.UserID, Team: cmd.TeamID, Name: cmd.UserName},
		Channel: newPlace(cmd.ChannelID, cmd.ChannelName), Typed: true,
	}
	switch asked.(type) {
	case commands.Buy, commands.Cancel, commands.Approve, commands.Deny, commands.Settle, commands.Pause,
		commands.Resume, commands.End, commands.Keep: // commands that spend or decide
		if len(mistakes) == 0 {
			action.Actor = h.people.LookUp(ctx, action.Actor)
		}
	}
	switch c := asked.(type) {
	case commands.Buy:
		return h.onlyOnce(ctx, cmd.TriggerID, func() socket.Reply { return h.buy(ctx, cmd, action, c.Fields, mistakes) })
	case commands.Quote:
		if no := h.unsold(ctx, action.Actor); no != "" {
			return ackReply(textMessage(no))
		}
		spec := Specify(h.defaults, c.Fields, h.now(), h.loc)
		quote, err := purchase.PriceOf(spec, h.now())
		if err != nil || len(mistakes) > 0 {
			return ackReply(mistakesMessage("quote", mistakes, c.Fields, err))
		}
		return ackReply(quoteMessage(spec, quote))
	}
	if len(mistakes) > 0 {
		name, _, _ := strings.Cut(commands.Format(asked), " ")
		return ackReply(mistakesMessage(name, mistakes, commands.Fields{}, nil))
	}
	return h.runCommand(ctx, asked, at, action)
}

// runCommand answers a command without mistakes, other than buy and quote.
func (h *Handler) runCommand(ctx context.Context, asked commands.Command, at replyTarget,
	action purchase.Action,
) socket.Reply {
	switch c := asked.(type) {
	case commands.List:
		return h.reveal(at, action, h.readable(action.Actor, func(ctx context.Context, s purchase.Sight) content {
			return h.showLicenses(ctx, listState{c.Filter.String(), c.Page}, s)
		}))
	case commands.Show:
		if c.Part != "" {
			return h.reveal(at, action, h.readable(action.Actor,
				func(ctx context.Context, s purchase.Sight) content { return h.licenseNamed(ctx, c.Part, s) }))
		}
		return h.reveal(at, action, h.readable(action.Actor,
			func(ctx context.Context, s purchase.Sight) content { return h.showLicense(ctx, c.ID, nil, s) }))
	case commands.End:
		return h.askRenewal(at, action, purchase.WishEnd, c.ID, c.Part)
	case commands.Keep:
		return h.askRenewal(at, action, purchase.WishKeep, c.ID, c.Part)
	case commands.History:
		return h.revealFrom(socket.LaneLedger, at, action,
			func(ctx context.Context, s purchase.Sight) content { return h.showHistory(ctx, c.Page, s) })
	case commands.Order:
		if c.Part != "" {
			return h.replyAfter(at, func(ctx context.Context) content { return h.orderNamed(ctx, c.Part, action) })
		}
		return h.order(ctx, at, purchase.OrderID(c.ID), action)
	case commands.Cancel:
		return h.cancel(ctx, purchase.OrderID(c.ID), action)
	case commands.Approve:
		return h.approve(ctx, purchase.OrderID(c.ID), action)
	case commands.Deny:
		return h.deny(ctx, purchase.OrderID(c.ID), action, c.Reason)
	case commands.Budget:
		return h.revealFrom(socket.LaneLedger, at, action, h.showBudget)
	case commands.Settle:
		return h.resolve(ctx, at, purchase.OrderID(c.ID), action)
	case commands.Pause:
		return h.pause(ctx, action, c.Reason)
	case commands.Resume:
		return h.resume(ctx, action, c.Reason)
	case commands.Help:
		return h.help(ctx, commands.HelpTopic(c.Topic), action.Actor)
	}
	return h.help(ctx, "", action.Actor)
}

// ackReply answers in the acknowledgement itself: no second request, nothing to lose on the way.
func ackReply(c content) socket.Reply {
	return socket.Reply{Payload: ephemeral(c)}
}

func ephemeral(c content) slack.Msg {
	return slack.Msg{
		ResponseType: slack.ResponseTypeEphemeral, Text: cut(c.text, limitFallback),
		Blocks: slack.Blocks{BlockSet: c.blocks},
	}
}

// replyAfter answers through the response URL, after a read of CoCalc.
func (h *Handler) replyAfter(at replyTarget, find func(context.Context) content) socket.Reply {
	return h.read(socket.LaneRead, at, func(ctx context.Context) answer { return h.replyFunc(at, find(ctx), false) })
}

// answer sends a person what was read for them.
type answer func(context.Context)

// replyFunc returns an answer that shows a content; see reply.
func (h *Handler) replyFunc(at replyTarget, c content, replace bool) answer {
	return func(ctx context.Context) { h.reply(ctx, at, c, replace) }
}

// read answers a person after a read, with a few reads per person at a time. A read counts until its result is
// known: a person who sees it can ask again, however long Slack takes to confirm the first answer.
//
// Reads of the ledger count by themselves: they cost CoCalc nothing, and an outage of CoCalc's holds none of them up.
func (h *Handler) read(lane socket.Lane, at replyTarget, read func(context.Context) answer) socket.Reply {
	return socket.Reply{Lane: lane, After: func(ctx context.Context) {
		found := h.replyFunc(at, textMessage(tooManyReadsText), false)
		h.readLimiter.run(string(lane)+" "+at.user, func() { found = read(ctx) })
		if found != nil {
			found(ctx)
		}
	}}
}

// buy proposes an order, or opens the form if the command has no fields.
func (h *Handler) buy(ctx context.Context, cmd slack.SlashCommand, action purchase.Action, f commands.Fields,
	mistakes []commands.Mistake,
) socket.Reply {
	spec := Specify(h.defaults, f, h.now(), h.loc)
	if len(mistakes) > 0 && h.unsold(ctx, action.Actor) != "" {
		_, err := h.desk.Allowed(ctx, action, "", orders.Buy) // what was written would be no better without them
		return ackReply(h.refusalMessage(err))
	}
	if len(mistakes) > 0 {
		_, err := purchase.PriceOf(spec, h.now())
		return ackReply(mistakesMessage("buy", mistakes, f, err))
	}
	if f == (commands.Fields{}) && (spec.RAM == 0 || spec.CPU == 0) {
		if _, err := h.desk.Allowed(ctx, action, "", orders.Buy); err != nil {
			return ackReply(h.refusalMessage(err))
		}
		return h.openEditor(ctx, replyTarget{cmd.UserID, cmd.ChannelID, cmd.ResponseURL, cmd.TriggerID}, cmd.TriggerID,
			action.Actor, spec, "",
			editState{Channel: cmd.ChannelID, ChannelName: cmd.ChannelName, ResponseURL: cmd.ResponseURL})
	}
	reason := ""
	if f.Reason != nil {
		reason = *f.Reason
	}
	p, err := h.desk.Propose(ctx,
		purchase.Request{
			Requester: action.Actor, Channel: action.Channel, Spec: spec, Reason: reason,
			Trigger: cmd.TriggerID,
		})
	if err != nil {
		return ackReply(h.notProposed(err, &f))
	}
	return ackReply(h.proposalMessage(p))
}

// proposalMessage is the card of a new order.
func (h *Handler) proposalMessage(p orders.View) content {
	return card(p.Order, factsOf(p, h.desk, h.now(), h.loc))
}

// notProposed says why there is no card.
func (h *Handler) notProposed(err error, f *commands.Fields) content {
	var wrong purchase.Mistakes
	if errors.As(err, &wrong) {
		said := commands.Fields{}
		if f != nil {
			said = *f
		}
		return mistakesMessage("buy", nil, said, wrong)
	}
	return h.refusalMessage(err)
}

// mistakesMessage lists all mistakes at once: those of the grammar and those of the specification. For a field that
// could not be read it lists only the first. command is the command whose help it mentions.
func mistakesMessage(command string, grammar []commands.Mistake, f commands.Fields, err error) content {
	sentences := Sentences(grammar, f, err)
	text := escape(sentences[0])
	if len(sentences) > 1 {
		text = "A few things need fixing:\n• " + escape(strings.Join(sentences, "\n• "))
	}
	blocks := []slack.Block{section(text)}
	if !strings.Contains(text, "`/license help`") { // said already
		blocks = append(blocks, contextBlock(mrkdwn("See `"+strings.TrimSuffix("/license help "+command, " help")+"`.")))
	}
	return content{text, blocks}
}

// Sentences returns all mistakes of a specification: those of the grammar, and those in err, the error of pricing f,
// which was read from the text. If the text is only a misspelled command, it reports no missing fields.
func Sentences(grammar []commands.Mistake, f commands.Fields, err error) []string {
	if len(grammar) == 1 && (grammar[0].Nearest == "buy" || grammar[0].Nearest == "quote") && f == (commands.Fields{}) {
		return []string{grammar[0].Sentence}
	}
	var sentences []string
	unread := map[string]bool{} // fields whose own mistake, or misspelling, is listed already
	for _, m := range grammar {
		sentences = append(sentences, m.Sentence)
		unread[m.Field], unread[m.Nearest] = true, true
		// what is wrong with the end follows from it
		if m.Field == "days" || m.Field == "period" || m.Field == "start" && f.End == nil {
			unread["end"] = true
		}
	}
	var spec purchase.Mistakes
	if errors.As(err, &spec) {
		for _, m := range spec {
			switch {
			case unread[m.Field]:
			case m.Field == "ram" && f.RAM == nil || m.Field == "cpu" && f.CPU == nil:
				sentences = append(sentences, missing[m.Field])
			default:
				sentences = append(sentences, m.Sentence)
			}
		}
	}
	return sentences
}

var missing = map[string]string{
	"ram": "`ram` is required: the memory per project in GB, e.g. `ram=8`.",
	"cpu": "`cpu` is required: the cores per project, e.g. `cpu=2`.",
}

// quoteMessage is a price without an order.
func quoteMessage(spec purchase.Spec, q purchase.Quote) content {
	blocks := []slack.Block{section("*" + strings.Replace(PriceWords(spec, q), ". ", ".* ", 1))}
	blocks = append(blocks, specBlocks(spec, "")...)
	notes := append(spec.Notes(),
		fmt.Sprintf(
			"That's %s a month for each project running at once. To order it, use `/license buy` with the same fields.",
			q.PerProjectMonth))
	blocks = append(blocks, contextBlock(mrkdwn(strings.Join(notes, " "))))
	return content{fmt.Sprintf("%s%s: %s.", q.Total, perPeriod(string(spec.Period)), summary(spec)), blocks}
}

// PriceWords returns a price as people read it, such as "$63.75 a month. Renews every month at $63.75 until
// cancelled.".
func PriceWords(spec purchase.Spec, q purchase.Quote) string {
	return fmt.Sprintf("%s%s. %s%s", q.Total, perPeriod(string(spec.Period)), renewal(spec, q.RenewsAt), saving(q.Saves))
}

// readOrderStatus reads an order, and shows its status.
func (h *Handler) readOrderStatus(ctx context.Context, id purchase.OrderID) content {
	v, err := h.desk.View(ctx, id)
	if err != nil {
		return h.refusalMessage(err)
	}
	return h.orderStatus(v)
}

// help shows how a command or a field is written. Its answers are encoded once for everyone, unless nothing can be
// bought: what readers are told then depends on the reader.
func (h *Handler) help(ctx context.Context, topic string, who purchase.Actor) socket.Reply {
	if no := h.unsold(ctx, who); no != "" {
		page := h.helpPage(topic)
		page.blocks = append([]slack.Block{section(":warning: " + no)}, page.blocks...)
		return ackReply(page)
	}
	if known, ok := h.helpReplies.Load(topic); ok {
		return known.(socket.Reply)
	}
	reply := ackReply(h.helpPage(topic)).Encode()
	h.helpReplies.Store(topic, reply)
	return reply
}

// helpPage returns the help for a topic: see commands.HelpText.
func (h *Handler) helpPage(topic string) content {
	page := commands.HelpText(topic)
	text := strings.ReplaceAll(page.Mrkdwn(), commands.ExampleSite+"/", h.desk.Rules().Site.Page("/"))
	return content{page.Summary, []slack.Block{section(text)}}
}

// unsold returns why nothing can be bought, for one reader; empty while the server sells licenses. Admins also read
// where the server leads.
func (h *Handler) unsold(ctx context.Context, who purchase.Actor) string {
	policy := h.desk.Rules().Policy
	no := policy.RefuseNotSold(h.desk.Server())
	if no == nil { // the usual case asks Slack nothing
		return ""
	}
	return refusalOrEmpty(policy.ForReader(no, h.people.LookUp(ctx, who)), h.loc)
}

func refusalOrEmpty(no *purchase.Refusal, zone *time.Location) string {
	if no == nil {
		return ""
	}
	return RefusalText(no, zone)
}

// readable returns a function that shows licenses of the CoCalc account, or the reason why they can't be read now.
func (h *Handler) readable(who purchase.Actor,
	show func(context.Context, purchase.Sight) content,
) func(context.Context, purchase.Sight) content {
	return func(ctx context.Context, s purchase.Sight) content {
		if no := h.unsold(ctx, who); no != "" {
			return textMessage("I can't read the account's licenses. " + no)
		}
		return show(ctx, s)
	}
}
