package bot

import (
	"fmt"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

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

// getsDirectMessage reports whether the requester gets the outcome of an order as a direct message. Those who waited
// for approval do: their card is gone when they reload Slack, and its updates send no notification. A requester who
// withdrew the order needs none.
func getsDirectMessage(o purchase.Order) bool {
	switch o.State {
	case purchase.Unknown, purchase.Purchased, purchase.Failed, purchase.Denied, purchase.Expired:
		return !o.ApproveBy.IsZero() && o.Message(purchase.MessageNote) == nil
	default:
		return false
	}
}
