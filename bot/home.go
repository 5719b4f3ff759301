package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// actionBuyForm opens the form for a new license, from the Home tab.
const actionBuyForm = "home_buy"

// HomeOpened shows the Home tab: what can be done, and what was bought last.
func (h *Handler) HomeOpened(_ context.Context, ev *slackevents.AppHomeOpenedEvent) socket.Reply {
	if ev.Tab != "" && ev.Tab != "home" {
		return socket.Reply{}
	}
	return socket.Reply{After: func(ctx context.Context) { h.showHome(ctx, ev.User) }}
}

func (h *Handler) showHome(ctx context.Context, user string) {
	view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: h.homeBlocks(ctx, user)}}
	err := retryLimited(ctx, func() error {
		_, err := h.slack.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: user, View: view})
		return err
	})
	if err != nil {
		h.log.Warn().Err(err).Str("user", user).Msg("fail to show the Home tab")
	}
}

// The first lines of the Home tab, for people who can buy and for people who see licenses alone.
const (
	homeOfBuyers = "Buy and manage your team's CoCalc licenses. Type `/license buy ram=16 cpu=2`, or use the form. " +
		"You always see the price before you pay."
	homeOfViewers = "Your team's CoCalc licenses, and what was spent on them. You can't buy licenses here; your admins " +
		"can add you."
)

func (h *Handler) homeBlocks(ctx context.Context, user string) []slack.Block {
	buy := button(actionBuyForm, "", "Buy a license")
	buy.Style = slack.StylePrimary
	list := button(actionHistoryPage+":home", "1", "Purchase history")
	head := slack.NewHeaderBlock(plain("CoCalc licenses"))
	who := h.people.LookUp(ctx, purchase.Actor{ID: user})
	queue, err := h.desk.Queue(ctx)
	if err != nil {
		h.log.Error().Err(err).Msg("fail to read which orders wait, and what stops buying")
	}
	rights := who.Rights(h.desk.Rules().Policy)
	waiting := waitingBlocks(queue.Waiting, who, rights.Approve, unsold(h.desk) != "")
	if rights.Unseen != nil {
		return append([]slack.Block{head, section(h.refusalText(rights.Unseen))}, waiting...)
	}
	text, buttons := homeOfViewers, []slack.BlockElement{list}
	if rights.Buy {
		text, buttons = homeOfBuyers, []slack.BlockElement{buy, list}
	}
	no := h.unsold(ctx, who)
	if no != "" {
		text, buttons = no, []slack.BlockElement{list}
	}
	if report, err := h.desk.Budgets(ctx, 1); err == nil && no == "" {
		if left, limited := report.Left(); limited {
			text += fmt.Sprintf("\n*%s* of this month's budget is left.", max(left, 0))
		}
	}
	blocks := []slack.Block{head, section(text)}
	stop := queue.Stoppage
	if stop.Pause != nil || stop.Restored != nil || len(stop.Held) > 0 {
		blocks = append(blocks, stopBlocks(stop, rights.Administer, no != "", h.loc)...)
	}
	blocks = append(blocks, waiting...)
	blocks = append(blocks, slack.NewActionBlock("home_actions", buttons...), slack.NewDividerBlock())
	return append(blocks, h.showHistory(ctx, 1, rights.Sight).blocks...)
}

// maxHeld is how many held orders the Home tab names.
const maxHeld = 5

// stopBlocks say why nothing is bought right now, and to admins what they can do about it.
func stopBlocks(stop purchase.Stoppage, admin, unsold bool, loc *time.Location) []slack.Block {
	var blocks []slack.Block
	if p := stop.Pause; p != nil {
		text := ":double_vertical_bar: *Buying is paused* since " + formatTime(p.Since) + "."
		if admin {
			text += " Use `/license resume` to continue."
		}
		blocks = append(blocks, section(text), userText("Reason", ReasonsWords(p, Reader{Admin: admin, Zone: loc})))
	}
	if stop.Restored != nil {
		blocks = append(blocks, section(
			":floppy_disk: *Orders are on hold for a few minutes* while I compare a restored backup with CoCalc."))
	}
	if len(stop.Held) == 0 {
		return blocks
	}
	if unsold {
		return append(blocks, unresolvableBlocks(stop.Held, admin)...)
	}
	if !admin {
		return append(blocks, section(
			":hourglass_flowing_sand: *Orders are waiting* while I confirm the last purchase with CoCalc. It won't be "+
				"charged twice."))
	}
	for _, o := range stop.Held[:min(len(stop.Held), maxHeld)] {
		text := fmt.Sprintf(":hourglass_flowing_sand: *On hold*: %s by <@%s>, %s.", o.Price, o.Requester.ID,
			summary(o.Spec))
		if o.Unresolved != nil {
			text += fmt.Sprintf(" %s, since %s; I'm checking until at least %s.",
				mrkdwnWords(Holds, o.Unresolved.Cause, Reader{}), formatTime(o.Unresolved.Since), formatTime(o.Unresolved.Until))
		}
		blocks = append(blocks, section(
			text+" `/license settle "+string(o.ID)+"` shows what CoCalc reports and lets you resolve it."))
	}
	return blocks
}

// maxWaiting is how many waiting orders the Home tab names, of one's own and of those that one can decide on.
const maxWaiting = 5

// waitingBlocks show a person their own orders that wait for an approval, and to approvers those of others, oldest
// first. A requester's card is gone when they reload Slack.
func waitingBlocks(orders []purchase.Order, who purchase.Actor, approver, unsold bool) []slack.Block {
	var own, others []slack.Block
	for _, o := range orders {
		what := fmt.Sprintf("%s%s, %s. Expires %s.", o.Price, perPeriod(string(o.Spec.Period)), summary(o.Spec),
			formatTime(o.ApproveBy))
		switch {
		case who.Is(o.Requester):
			own = append(own, section(
				fmt.Sprintf(
					":raised_hand: *Waiting for approval*: %s See `/license order %s`, or withdraw it with `/license cancel %s`.",
					what, o.ID, o.ID)))
		case approver:
			decide := fmt.Sprintf("To decide, use `/license approve %s`, or `deny` with a reason.", o.ID)
			if unsold {
				decide = fmt.Sprintf("It can't be bought now. To close it, use `/license deny %s` with a reason.", o.ID)
			}
			others = append(others, section(fmt.Sprintf(
				":raised_hand: *<@%s> requests approval*: %s See `/license order %s`. %s", o.Requester.ID, what, o.ID, decide)))
		}
	}
	return append(limitWaiting(own), limitWaiting(others)...)
}

func limitWaiting(blocks []slack.Block) []slack.Block {
	if len(blocks) <= maxWaiting {
		return blocks
	}
	return append(blocks[:maxWaiting:maxWaiting], contextBlock(mrkdwn(fmt.Sprintf("and %d more", len(blocks)-maxWaiting))))
}
