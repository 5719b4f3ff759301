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

// replyRefusal sends a refusal to the person who clicked, after the click was acknowledged.
func (h *Handler) replyRefusal(at replyTarget, err error) socket.Reply {
	return socket.Reply{After: func(ctx context.Context) { h.reply(ctx, at, h.refusalMessage(err), false) }}
}

// refusalText is the sentence for an error of the desk, in mrkdwn.
func (h *Handler) refusalText(err error) string {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return RefusalText(no, h.loc)
	}
	return h.plainRefusal(err)
}

// RefusalText returns a refusal in mrkdwn, with links to the channels that would accept the action.
func RefusalText(no *purchase.Refusal, zone *time.Location) string {
	return RefusalWords(no, Reader{Zone: zone, Place: Marked}) + channelWords(no.Channels())
}

// plainRefusal returns the sentence for an error of the desk as plain text, for the field of a form.
func (h *Handler) plainRefusal(err error) string {
	var no *purchase.Refusal
	if errors.As(err, &no) {
		return RefusalWords(no, h.reader(Plain))
	}
	if no = orders.Unusable(err); no != nil {
		return RefusalWords(no, h.reader(Plain))
	}
	if errors.Is(err, purchase.ErrFull) {
		h.log.Error().Err(err).Msg("fail to make a decision durable")
		return diskFullText
	}
	h.log.Error().Err(err).Msg("fail to make a decision durable")
	return "Something went wrong, so that didn't go through. Please try again, and tell your admins if it keeps happening."
}

// maxChannels is how many channels a refusal names.
const maxChannels = 5

// channelWords lists the channels that would accept an action.
func channelWords(ids []string) string {
	var links []string
	for _, id := range ids[:min(len(ids), maxChannels)] {
		links = append(links, "<#"+id+">")
	}
	switch {
	case len(links) == 0:
		return ""
	case len(ids) > maxChannels:
		return fmt.Sprintf(" You can use %s and %s.", strings.Join(links, ", "),
			plural(len(ids)-maxChannels, "other channel"))
	}
	return " You can use " + strings.Join(links, ", ") + "."
}

// namesChannels reports whether the text of a refusal lists channels that would accept the action.
func namesChannels(err error) bool {
	var no *purchase.Refusal
	return errors.As(err, &no) && len(no.Channels()) > 0
}

// diskFullText is the answer to a click, command or form whose decision could not be stored.
const diskFullText = "My disk is full, so that didn't go through. Your admins have to free some space; then try again."

// Text that people wrote (titles, reasons, names) is only shown as plain text, which Slack shows unchanged: nothing in
// it becomes a mention, a link or a format. plain and userText keep it in one line and label it. Other foreign text
// that has to be in mrkdwn, such as an id, is formatted by codeSpan.

// maxShownText is how many characters of people's text are shown: as many as a form takes. The ledger has all of it.
const maxShownText = 1000

// userText shows people's text behind a label that says what it is.
func userText(label, text string) *slack.SectionBlock {
	if text = commands.OneLine(text); text == "" {
		text = "(nothing that can be shown)"
	}
	return slack.NewSectionBlock(plain(label+": "+cut(text, maxShownText)), nil, nil)
}

// plainSection is a sentence that repeats what people wrote, as a section.
func plainSection(sentence string) *slack.SectionBlock {
	return slack.NewSectionBlock(plain(sentence), nil, nil)
}

// stripCode removes the backticks from a sentence of the grammar, for places without formatting.
func stripCode(sentence string) string {
	return commands.OneLine(strings.ReplaceAll(sentence, "`", ""))
}

// stripFormat removes the formatting characters of mrkdwn, for the text of notifications, which is always mrkdwn.
var stripFormat = strings.NewReplacer("*", "", "_", " ", "~", "", "`", "")

// refusalMessage answers a person whose click or command failed.
func (h *Handler) refusalMessage(err error) content {
	var no *purchase.Refusal
	if !errors.As(err, &no) || !quotesPeople(no.Cause) {
		return textMessage(h.refusalText(err))
	}
	sentence := RefusalWords(no, h.reader(Plain))
	if paused := pauseBlocks(no, h.loc); paused != nil {
		return content{stripFormat.Replace(escape(sentence)), paused}
	}
	return content{stripFormat.Replace(escape(sentence)), []slack.Block{plainSection(sentence)}}
}
