package bot

import (
	"context"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// reveal answers a command that shows licenses or money, to people who may see them: Slack is asked who they are first. What
// find answers is for their eyes alone, so it names whole ids.
func (a *App) reveal(at reach, click purchase.Click, find func(context.Context, purchase.Sight) content) socket.Reply {
	return a.later(at, func(ctx context.Context) content {
		click.Who = a.people.LookUp(ctx, click.Who)
		sight, err := a.desk.MaySee(ctx, click)
		if err != nil {
			return a.no(err)
		}
		return find(ctx, sight)
	})
}
