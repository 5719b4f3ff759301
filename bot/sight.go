package bot

import (
	"context"

	"licensebot/bot/socket"
	"licensebot/purchase"
)

// reveal answers a command that shows licenses or money, after Slack has confirmed that the person may see them. Only
// this person sees the answer, so it shows whole ids.
func (a *App) reveal(at reach, click purchase.Click, find func(context.Context, purchase.Sight) content) socket.Reply {
	return a.revealFrom(socket.LaneRead, at, click, find)
}

// revealFrom is reveal in a lane of its kind.
func (a *App) revealFrom(lane socket.Lane, at reach, click purchase.Click,
	find func(context.Context, purchase.Sight) content,
) socket.Reply {
	return a.reading(lane, at, func(ctx context.Context) answer {
		click.Who = a.people.LookUp(ctx, click.Who)
		sight, err := a.desk.MaySee(ctx, click)
		if err != nil {
			return a.telling(at, a.no(err), false)
		}
		return a.telling(at, find(ctx, sight), false)
	})
}
