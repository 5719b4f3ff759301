package bot

import (
	"errors"
	"strings"

	"github.com/slack-go/slack"

	"licensebot/commands"
	"licensebot/purchase"
)

// What people wrote (titles, reasons, names) stands in plain text alone, which Slack shows letter for letter: there
// nothing becomes a mention, a link or a format. That it stays in one line, and shows what it is, plain and wrote see
// to. What comes from elsewhere and has to stand in mrkdwn, such as an id, goes through code.

// maxShownText is how many characters of people's text are shown: as many as a form takes. The ledger has all of it.
const maxShownText = 1000

// userText shows people's text behind a label that says what it is.
func userText(label, text string) *slack.SectionBlock {
	if text = commands.OneLine(text); text == "" {
		text = "(nothing that can be shown)"
	}
	return slack.NewSectionBlock(plain(label+": "+cut(text, maxShownText)), nil, nil)
}

// displayTitle returns a title that a person gave, or an empty string if none of it is visible.
func displayTitle(title string) string { return cut(commands.OneLine(title), 150) }

// plainSection is a sentence that repeats what people wrote, as a section.
func plainSection(sentence string) *slack.SectionBlock {
	return slack.NewSectionBlock(plain(sentence), nil, nil)
}

// stripCode is a sentence of the grammar where there is no format, and the marks of code would be seen.
func stripCode(sentence string) string {
	return commands.OneLine(strings.ReplaceAll(sentence, "`", ""))
}

// codeSpan formats an id, or another text from elsewhere, as code that it can't break out of.
func codeSpan(word string) string {
	return "`" + escape(cut(commands.OneLine(strings.ReplaceAll(word, "`", "")), 100)) + "`"
}

// stripFormat takes out what formats in mrkdwn, for the text of notifications, which has no plain form.
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
