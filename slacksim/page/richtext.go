package page

import (
	"html"
	"html/template"
	"strconv"
	"strings"

	"github.com/slack-go/slack"
)

// richText renders the elements of a rich_text block or cell. Their texts are plain, without mrkdwn.
func richText(elements []slack.RichTextElement, names Names) template.HTML {
	w := &mrkdwnWriter{names: names}
	for i := 0; i < len(elements); i++ {
		list, ok := elements[i].(*slack.RichTextList)
		if !ok {
			w.richElement(elements[i])
			continue
		}
		// A list with several levels comes as several lists, one after another.
		w.richList(list)
	}
	return template.HTML(w.out.String())
}

func (w *mrkdwnWriter) richElement(e slack.RichTextElement) {
	wrap := func(tag string, inner []slack.RichTextSectionElement) {
		w.out.WriteString("<" + tag + ">")
		for _, s := range inner {
			w.richInline(s)
		}
		w.out.WriteString("</" + tag + ">")
	}
	switch e := e.(type) {
	case *slack.RichTextSection:
		wrap("p", e.Elements)
	case *slack.RichTextQuote:
		wrap("blockquote", e.Elements)
	case *slack.RichTextPreformatted:
		wrap("pre", e.Elements)
	case *slack.RichTextList:
		w.richList(e)
	}
}

func (w *mrkdwnWriter) richList(l *slack.RichTextList) {
	tag, start := "ul", ""
	if l.Style == slack.RTEListOrdered {
		tag = "ol"
		if l.Offset > 0 {
			start = ` start="` + strconv.Itoa(l.Offset+1) + `"`
		}
	}
	w.out.WriteString("<" + tag + start + ` class="indent-` + strconv.Itoa(min(max(l.Indent, 0), 8)) + `">`)
	for _, e := range l.Elements {
		w.out.WriteString("<li>")
		if s, ok := e.(*slack.RichTextSection); ok {
			for _, inner := range s.Elements {
				w.richInline(inner)
			}
		} else {
			w.richElement(e)
		}
		w.out.WriteString("</li>")
	}
	w.out.WriteString("</" + tag + ">")
}

// richInline writes one inline element. It writes nothing for types that it doesn't know.
func (w *mrkdwnWriter) richInline(e slack.RichTextSectionElement) {
	switch e := e.(type) {
	case *slack.RichTextSectionTextElement:
		w.styled(e.Style, func() { w.breaks(e.Text) })
	case *slack.RichTextSectionLinkElement:
		w.styled(e.Style, func() {
			text := e.Text
			if text == "" {
				text = e.URL
			}
			if !linkable(e.URL) {
				w.breaks(text)
				return
			}
			w.openLink(e.URL)
			w.breaks(text)
			w.out.WriteString("</a>")
		})
	case *slack.RichTextSectionUserElement:
		w.styled(e.Style, func() { w.mention("@", e.UserID, "", w.names.UserName) })
	case *slack.RichTextSectionChannelElement:
		w.styled(e.Style, func() { w.mention("#", e.ChannelID, "", w.names.ChannelName) })
	case *slack.RichTextSectionUserGroupElement:
		w.styled(e.Style, func() { w.mention("@", e.UsergroupID, "", w.names.GroupName) })
	case *slack.RichTextSectionBroadcastElement:
		w.tag("mention broadcast", "@"+e.Range)
	case *slack.RichTextSectionEmojiElement:
		char, _ := emojiAt(":" + e.Name + ":")
		if char == "" {
			char = ":" + e.Name + ":"
		}
		w.out.WriteString(html.EscapeString(char))
	case *slack.RichTextSectionDateElement:
		address, fallback := "", ""
		if e.URL != nil {
			address = *e.URL
		}
		if e.Fallback != nil {
			fallback = *e.Fallback
		}
		seconds := strconv.FormatInt(int64(e.Timestamp), 10)
		w.styled(e.Style, func() { w.date(seconds, e.Format, address, fallback) })
	case *slack.RichTextSectionColorElement:
		w.tag("tag", e.Value)
	case *slack.RichTextSectionTagElement:
		w.tag("tag", e.Text)
	}
}

func (w *mrkdwnWriter) breaks(s string) {
	w.out.WriteString(strings.ReplaceAll(html.EscapeString(s), "\n", "<br>"))
}

func (w *mrkdwnWriter) styled(style *slack.RichTextSectionTextStyle, inner func()) {
	if style == nil {
		inner()
		return
	}
	var closing []string
	open := func(on bool, tag string) {
		if on {
			w.out.WriteString("<" + tag + ">")
			closing = append(closing, tag)
		}
	}
	open(style.Bold, "strong")
	open(style.Italic, "em")
	open(style.Strike, "del")
	open(style.Underline, "u")
	open(style.Highlight || style.ClientHighlight, "mark")
	open(style.Code, "code")
	inner()
	for i := len(closing) - 1; i >= 0; i-- {
		w.out.WriteString("</" + closing[i] + ">")
	}
}
