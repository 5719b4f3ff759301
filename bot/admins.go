package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/bot/socket"
	"licensebot/purchase"
	"licensebot/purchase/orders"
)

// actionTakeOut takes a broken item out of the cart. Its value is the item's id.
const actionTakeOut = "item_take_out"

// pause stops all buying, as an admin decided.
func (h *Handler) pause(ctx context.Context, action purchase.Action, reason string) socket.Reply {
	if err := h.desk.SetPaused(ctx, action, true, reason); err != nil {
		return ackReply(h.refusalMessage(err))
	}
	return ackReply(
		textMessage(
			"Buying is paused. Payments already in progress will finish. Anyone who tries to buy will see your reason. " +
				"Use `/license resume` to continue."))
}

// resume ends a pause of buying, as an admin decided.
func (h *Handler) resume(ctx context.Context, action purchase.Action, reason string) socket.Reply {
	queue, err := h.desk.Queue(ctx)
	if err == nil {
		err = h.desk.SetPaused(ctx, action, false, reason)
	}
	if err != nil {
		return ackReply(h.refusalMessage(err))
	}
	said := "Buying is back on. Orders that were waiting are being bought now."
	if no := h.unsold(ctx, action.Actor); no != "" {
		said = "The pause is over. " + no
	}
	if leftOut := queue.Stoppage.Pause.LeftOut(); leftOut.Code != "" {
		said += " " + Words(Results, leftOut, h.reader(Marked))
	}
	if reason != "" {
		said += " Your reason is kept on record."
	}
	return ackReply(textMessage(said))
}

// removeItem takes a broken item out of the cart after a click on its notice. What was done is written under the
// notice, in place of the button.
func (h *Handler) removeItem(at replyTarget, argument string, action purchase.Action,
	cb slack.InteractionCallback,
) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) {
		item, err := strconv.ParseInt(argument, 10, 64)
		if err != nil || item <= 0 {
			h.reply(ctx, at, textMessage("This button has expired. Nothing was removed from the cart."), false)
			return
		}
		action.Actor = h.people.LookUp(ctx, action.Actor)
		done, err := h.account.RemoveItem(ctx, action, item)
		if err != nil {
			h.reply(ctx, at, textMessage(h.removeItemFailure(err, item)), false)
			return
		}
		h.finishNotice(ctx, at, action, cb, Words(Results, done, h.reader(Marked)))
	}}
}

// finishNotice writes what was done under a notice, in place of its button; if that is impossible, as an answer.
func (h *Handler) finishNotice(ctx context.Context, at replyTarget, action purchase.Action,
	cb slack.InteractionCallback, sentence string,
) {
	if blocks := cb.Message.Blocks.BlockSet; len(blocks) > 0 {
		notice := withoutActions(content{cb.Message.Text, blocks})
		notice.blocks = append(notice.blocks, contextBlock(mrkdwn(fmt.Sprintf("<@%s>: %s", action.Actor.ID, sentence))))
		if _, _, _, err := h.slack.UpdateMessageContext(ctx, cb.Channel.ID, cb.Message.Timestamp,
			messageOptions(notice)...); err == nil {
			return
		}
	}
	h.reply(ctx, at, textMessage(sentence), false)
}

// actionRefund notes that an admin asked CoCalc for a refund. Its value is the license and CoCalc's number of the later
// of two charges.
const actionRefund = "refund_requested"

func refundValue(license string, row int64) string { return fmt.Sprintf("%s %d", license, row) }

// requestRefund notes a click on the notice of a double charge: an admin asked CoCalc for a refund.
func (h *Handler) requestRefund(ctx context.Context, c click, cb slack.InteractionCallback) socket.Reply {
	license, number, _ := strings.Cut(c.argument, " ")
	row, err := strconv.ParseInt(number, 10, 64)
	if err != nil || row <= 0 || license == "" {
		return h.replyText(c.at, "This button has expired. Nothing was changed.")
	}
	said, err := h.account.RequestRefund(ctx, c.action, license, row)
	if err != nil {
		return h.replyRefusal(c.at, err)
	}
	return socket.Reply{After: func(ctx context.Context) {
		h.finishNotice(ctx, c.at, c.action, cb, Words(Results, said, h.reader(Marked)))
	}}
}

func (h *Handler) removeItemFailure(err error, item int64) string {
	var no *purchase.Refusal
	if errors.As(err, &no) || errors.Is(err, purchase.ErrFull) || orders.Unusable(err) != nil {
		return h.refusalText(err)
	}
	h.log.Warn().Err(err).Int64("item", item).Msg("fail to take an item out of the cart")
	return RefusalText(h.desk.Rules().Policy.UserMessage(err),
		h.loc) + " To see whether the item is still in the cart, go to " +
		h.desk.Rules().Site.Cart() + "."
}
