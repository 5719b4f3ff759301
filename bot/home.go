package bot

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"licensebot/bot/socket"
)

// actionBuyForm opens the form for a new license, from the Home tab.
const actionBuyForm = "home_buy"

// HomeOpened shows the Home tab: what can be done, and what was bought last.
func (a *App) HomeOpened(_ context.Context, ev *slackevents.AppHomeOpenedEvent) socket.Reply {
	if ev.Tab != "" && ev.Tab != "home" {
		return socket.Reply{}
	}
	return socket.Reply{After: func(ctx context.Context) {
		view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: a.home(ctx)}}
		if _, err := a.slack.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: ev.User, View: view}); err != nil {
			a.log.Warn().Err(err).Str("user", ev.User).Msg("the Home tab could not be shown")
		}
	}}
}

func (a *App) home(ctx context.Context) []slack.Block {
	buy := button(actionBuyForm, "", "Buy a license")
	buy.Style = slack.StylePrimary
	list := button(actionHistoryPage+":home", "1", "What was bought")
	text := "Buy and look after the team's CoCalc licenses. Type `/license buy ram=16 cpu=2` in any channel, or use the form. " +
		"Nothing is bought before you have seen the price and said so."
	left, limited, err := a.desk.BudgetNow(ctx)
	if err == nil && limited {
		text += fmt.Sprintf("\n*%s* of this month's budget is left.", max(left, 0))
	}
	blocks := []slack.Block{
		slack.NewHeaderBlock(plain("CoCalc licenses")), section(text),
		slack.NewActionBlock("home_actions", buy, list), slack.NewDividerBlock(),
	}
	return append(blocks, a.history(ctx, 1).blocks...)
}
