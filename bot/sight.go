package bot

import (
	"context"

	"licensebot/bot/socket"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// reveal answers a command that shows licenses or money, after Slack has confirmed that the person may see them. Only
// this person sees the answer, so it shows whole ids.
func (h *Handler) reveal(
	at replyTarget, action purchase.Action, find func(context.Context, purchase.Sight) content,
) socket.Reply {
	return h.revealFrom(socket.LaneRead, at, action, find)
}

// revealFrom is reveal in a lane of its kind.
func (h *Handler) revealFrom(lane socket.Lane, at replyTarget, action purchase.Action,
	find func(context.Context, purchase.Sight) content,
) socket.Reply {
	return h.read(lane, at, func(ctx context.Context) answer {
		action.Actor = h.people.LookUp(ctx, action.Actor)
		sight, err := h.mayView(ctx, action)
		if err != nil {
			return h.replyFunc(at, h.refusalMessage(err), false)
		}
		return h.replyFunc(at, find(ctx, sight), false)
	})
}

// mayView returns what a person may see of licenses and money. A refusal is recorded.
func (h *Handler) mayView(ctx context.Context, action purchase.Action) (purchase.Sight, error) {
	if _, err := h.desk.Allowed(ctx, action, "", orders.See); err != nil {
		return purchase.Sight{}, err
	}
	return action.Actor.Rights(h.desk.Rules().Policy).Sight, nil
}
