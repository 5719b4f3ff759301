package bot

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// noticeHeads are the first lines of the notices, with their sign.
var noticeHeads = map[purchase.NotificationKind]struct{ sign, head string }{
	purchase.NotificationForeign:               {":information_source:", "A purchase made outside this bot"},
	purchase.NotificationUnexplained:           {":rotating_light:", "A purchase I can't explain: buying is paused"},
	purchase.NotificationDoubleBuy:             {":rotating_light:", "A license was bought more than once"},
	purchase.NotificationChargedTwice:          {":rotating_light:", "CoCalc charged twice"},
	purchase.NotificationSubscriptionEnded:     {":white_check_mark:", "A subscription was ended"},
	purchase.NotificationSubscriptionKept:      {":white_check_mark:", "A subscription was kept"},
	purchase.NotificationSubscriptionUnchanged: {":warning:", "A subscription wasn't changed"},
	purchase.NotificationBrokenItem:            {":warning:", "An item blocks the CoCalc cart"},
	purchase.NotificationHead:                  {":lock:", "Daily ledger checkpoint"},
	purchase.NotificationPaused:                {":double_vertical_bar:", "Buying is paused"},
	purchase.NotificationResumed:               {":arrow_forward:", "Buying is back on"},
	purchase.NotificationSettled:               {":scales:", "An order was resolved"},
	purchase.NotificationReminder:              {":hourglass:", "An order is waiting for approval"},
	purchase.NotificationRestored:              {":floppy_disk:", "The ledger was restored from a backup"},
	purchase.NotificationInconsistent:          {":rotating_light:", "Ledger check failed: buying is paused"},
	purchase.NotificationLedgerAway:            {":rotating_light:", "The ledger file is missing: buying is paused"},
	purchase.NotificationLedgerBack:            {":arrow_forward:", "The ledger file is back"},
	purchase.NotificationUncertain:             {":warning:", "My disk failed"},
	purchase.NotificationTrouble:               {":warning:", "CoCalc doesn't sell to this bot"},
	purchase.NotificationServer:                {":warning:", "CoCalc can't sell licenses now"},
	purchase.NotificationServerBack:            {":arrow_forward:", "CoCalc sells licenses again"},
	purchase.NotificationReleased:              {":grey_question:", "CoCalc can't tell whether an order was bought"},
	purchase.NotificationUndelivered:           {":warning:", "Some admins haven't been told yet"},
	purchase.NotificationOutsiders:             {":warning:", "A channel gets no prices"},
	purchase.NotificationAsk:                   {":raised_hand:", "An order needs your approval"},
	purchase.NotificationRenewals:              {":warning:", "Renewals cost more than the monthly budget"},
}

// headOf returns the first line of a notice, with its sign.
func headOf(kind purchase.NotificationKind) struct{ sign, head string } {
	if h, ok := noticeHeads[kind]; ok {
		return h
	}
	return struct{ sign, head string }{":information_source:", "About the CoCalc account"}
}

func noticeHead(kind purchase.NotificationKind) slack.Block {
	h := headOf(kind)
	return section(h.sign + " *" + h.head + "*")
}

// shortenIDs shortens the ids in a notice that everyone in a channel reads.
func shortenIDs(words string, r Reader) string {
	if r.Admin {
		return words
	}
	return purchase.ShortenIDs(words)
}

// noticeMessage is a message about the account. It is a function of the notice and its reader: several readers get the
// same text.
func noticeMessage(n purchase.Notification, r Reader) content {
	blocks := []slack.Block{noticeHead(n.Kind)}
	fallback := headOf(n.Kind).head + "."
	switch n.Kind {
	case purchase.NotificationPaused, purchase.NotificationResumed, purchase.NotificationSettled,
		purchase.NotificationBrokenItem,
		purchase.NotificationReminder,
		purchase.NotificationUndelivered, purchase.NotificationTrouble, purchase.NotificationAsk, purchase.NotificationServer:
		// These repeat what people wrote, or what a server answered.
		r.Place = Plain
		for _, paragraph := range NoticeWords(n, r) {
			blocks = append(blocks, plainSection(shortenIDs(paragraph, r)))
		}
	default:
		r.Place = Marked
		for _, paragraph := range NoticeWords(n, r) {
			paragraph = shortenIDs(paragraph, r)
			blocks = append(blocks, section(paragraph))
			fallback += " " + strings.ReplaceAll(paragraph, "`", "")
		}
	}
	if n.Kind == purchase.NotificationBrokenItem && n.Item != 0 {
		out := button(actionTakeOut, strconv.FormatInt(n.Item, 10), fmt.Sprintf("Remove item %d from the cart", n.Item))
		out.Confirm = slack.NewConfirmationBlockObject(plain(cut(fmt.Sprintf("Remove item %d from the cart?", n.Item), 100)),
			plain("Someone put it there; they can add it again in CoCalc's store."), plain("Remove item"), plain("Keep it"))
		blocks = append(blocks, slack.NewActionBlock("notice_actions", out))
	}
	if n.Kind == purchase.NotificationChargedTwice && n.License != "" {
		blocks = append(blocks, slack.NewActionBlock("notice_actions",
			button(actionRefund, refundValue(n.License, n.Item), "I requested the refund")))
	}
	switch {
	case n.Kind == purchase.NotificationAsk:
		blocks = append(blocks,
			contextBlock(mrkdwn(
				fmt.Sprintf("Type `/license approve %s`, or `/license deny %s` with a reason. `/license order %s` shows the order.",
					n.Order, n.Order, n.Order))))
	case n.Channel != "":
		blocks = append(blocks, contextBlock(mrkdwn("Channel: <#"+n.Channel+">")))
	case n.Kind == purchase.NotificationReminder:
		blocks = append(blocks,
			contextBlock(mrkdwn(
				fmt.Sprintf("Order `%s` · use its card above, `/license approve %s`, or `/license deny %s` with a reason", n.Order,
					n.Order, n.Order))))
	case n.Order != "":
		blocks = append(blocks,
			contextBlock(mrkdwn("Order `"+string(n.Order)+"` · see `/license order "+string(n.Order)+"`")))
	}
	return content{fallback, blocks}
}

// noticeHeadOnly is a notice for a channel in which no prices are posted: what happened, without amounts, ids and what
// people wrote.
func noticeHeadOnly(n purchase.Notification, loc *time.Location) content {
	if n.Kind == purchase.NotificationHead { // a checksum, useful where many people see it
		return noticeMessage(n, Reader{Zone: loc})
	}
	return bareNotice(n,
		"Details aren't posted in this channel, since guests or people of other organizations may read it.")
}

// unverifiedNotice is a notice for a person whom Slack can't confirm as a member of the workspace.
func unverifiedNotice(n purchase.Notification) content {
	return bareNotice(n,
		"Slack can't confirm at the moment that you're a full member of this workspace, so the details are missing here.")
}

// bareNotice states what happened and why there are no details.
func bareNotice(n purchase.Notification, why string) content {
	blocks := []slack.Block{noticeHead(n.Kind), contextBlock(plain(why))}
	if n.Order != "" {
		blocks = append(blocks,
			contextBlock(mrkdwn("Order `"+string(n.Order)+"` · see `/license order "+string(n.Order)+"`")))
	}
	return content{headOf(n.Kind).head + ".", blocks}
}
