package bot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/purchase"
)

// noticeHeads are the first lines of the notices, with their sign.
var noticeHeads = map[purchase.NoticeKind]struct{ sign, head string }{
	purchase.NoticeForeign:     {":information_source:", "A purchase that is not mine"},
	purchase.NoticeUnexplained: {":rotating_light:", "A purchase that I cannot explain"},
	purchase.NoticeDoubleBuy:   {":rotating_light:", "A license was bought more than once"},
	purchase.NoticeBrokenItem:  {":warning:", "An item blocks the CoCalc cart"},
	purchase.NoticeHead:        {":lock:", "The head of the ledger"},
	purchase.NoticePaused:      {":double_vertical_bar:", "Buying is paused"},
	purchase.NoticeResumed:     {":arrow_forward:", "Buying goes on"},
	purchase.NoticeSettled:     {":scales:", "An order was settled"},
	purchase.NoticeReminder:    {":hourglass:", "An order waits for an approval"},
	purchase.NoticeRestored:    {":floppy_disk:", "The ledger was restored from a backup"},
	purchase.NoticeBooks:       {":rotating_light:", "My ledger is not in order"},
	purchase.NoticeAway:        {":rotating_light:", "The ledger's file is not in its place"},
	purchase.NoticeBack:        {":arrow_forward:", "The ledger's file is back"},
	purchase.NoticeUncertain:   {":warning:", "My disk failed"},
	purchase.NoticeUntold:      {":warning:", "Some admins were not told yet"},
}

// notice is a message about the account. It is a function of the notice alone: told to several, it says the same.
func notice(n purchase.Notice) content {
	h := noticeHeads[n.Kind]
	if h.head == "" {
		h.sign, h.head = ":information_source:", "Something about the CoCalc account"
	}
	blocks := []slack.Block{section(h.sign + " *" + h.head + "*")}
	told := h.head + ". " + escape(strings.ReplaceAll(n.Text, "`", ""))
	switch n.Kind {
	case purchase.NoticePaused, purchase.NoticeResumed, purchase.NoticeSettled, purchase.NoticeBrokenItem, purchase.NoticeReminder, purchase.NoticeUntold:
		// These repeat what people wrote: a reason, the title of an item, how they call themselves.
		blocks = append(blocks, quoting(n.Text))
		told = h.head + "."
	default:
		blocks = append(blocks, section(escape(n.Text)))
	}
	if n.Kind == purchase.NoticeBrokenItem && n.Item != 0 {
		out := button(actionTakeOut, strconv.FormatInt(n.Item, 10), fmt.Sprintf("Take item %d out of the cart", n.Item))
		out.Confirm = slack.NewConfirmationBlockObject(plain(cut(fmt.Sprintf("Take item %d out?", n.Item), 100)),
			plain("It belongs to somebody, who can put it back in CoCalc's store. Nothing is bought by this."), plain("Take it out"), plain("Leave it"))
		blocks = append(blocks, slack.NewActionBlock("notice_actions", out))
	}
	switch {
	case n.Kind == purchase.NoticeReminder:
		blocks = append(blocks, small(mrkdwn(fmt.Sprintf("Order `%s` · decide on its card above, or with `/license approve %s` or `/license deny %s` and why", n.Order, n.Order, n.Order))))
	case n.Order != "":
		blocks = append(blocks, small(mrkdwn("Order `"+string(n.Order)+"` · `/license order "+string(n.Order)+"` shows it")))
	}
	return content{told, blocks}
}
