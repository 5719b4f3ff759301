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

// mostWrote is how many characters of people's text are shown: as many as a form takes. The ledger has all of it.
const mostWrote = 1000

// wrote shows people's text behind a label that says what it is.
func wrote(label, text string) *slack.SectionBlock {
	if text = commands.OneLine(text); text == "" {
		text = "(nothing that can be shown)"
	}
	return slack.NewSectionBlock(plain(label+": "+cut(text, mostWrote)), nil, nil)
}

// named returns a title that a person gave, or an empty string if none of it is visible.
func named(title string) string { return cut(commands.OneLine(title), 150) }

// quoting is a sentence that repeats what people wrote, as a section.
func quoting(sentence string) *slack.SectionBlock {
	return slack.NewSectionBlock(plain(sentence), nil, nil)
}

// unmarked is a sentence of the grammar where there is no format, and the marks of code would be seen.
func unmarked(sentence string) string {
	return commands.OneLine(strings.ReplaceAll(sentence, "`", ""))
}

// code is an id, or another word from elsewhere, between marks of code, which it cannot leave.
func code(word string) string {
	return "`" + escape(cut(commands.OneLine(strings.ReplaceAll(word, "`", "")), 100)) + "`"
}

// formless takes out what formats in mrkdwn, for the text of notifications, which has no plain form.
var formless = strings.NewReplacer("*", "", "_", " ", "~", "", "`", "")

// no answers a person whose click or command failed.
func (h *Handler) no(err error) content {
	var no *purchase.Refusal
	if !errors.As(err, &no) || !quotes(no.Cause) {
		return say(h.refusal(err))
	}
	sentence := RefusalWords(no, h.reader(Plain))
	if paused := pauseBlocks(no, h.loc); paused != nil {
		return content{formless.Replace(escape(sentence)), paused}
	}
	return content{formless.Replace(escape(sentence)), []slack.Block{quoting(sentence)}}
}
