package page

import (
	"html"
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names finds the names for the ids in mentions. For an id that it doesn't know it returns "", and people read the id,
// as in Slack if they may not see the person or channel.
type Names interface {
	UserName(id string) string
	ChannelName(id string) string
	GroupName(id string) string
}

// Mrkdwn renders Slack's markup as HTML: *bold*, _italic_, ~strike~, `code`, ```pre```, quotes, links, mentions, dates
// and emoji (https://docs.slack.dev/messaging/formatting-message-text). names may be nil. The text need not be trusted:
// everything else is escaped, tags are always balanced, and only web and mail addresses become links.
func Mrkdwn(text string, names Names) template.HTML {
	if names == nil {
		names = noNames{}
	}
	w := &mrkdwnWriter{names: names}
	w.blocks(text)
	return template.HTML(w.out.String())
}

// plainText renders a plain_text object: emoji if the object allows them, and the three entities that Slack decodes
// everywhere.
func plainText(text string, emoji bool) template.HTML {
	w := &mrkdwnWriter{}
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			w.out.WriteString("<br>")
		}
		w.plain(line, emoji)
	}
	return template.HTML(w.out.String())
}

type mrkdwnWriter struct {
	out   strings.Builder
	names Names
}

// text writes s with Slack's escapes decoded.
func (w *mrkdwnWriter) text(s string) { w.out.WriteString(html.EscapeString(unescape(s))) }

var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// unescape decodes the three entities that Slack decodes. Others stay as they are.
func unescape(s string) string { return entities.Replace(s) }

func (w *mrkdwnWriter) plain(s string, emoji bool) {
	for emoji {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			break
		}
		char, n := emojiAt(s[i:])
		if n == 0 {
			w.text(s[:i+1])
			s = s[i+1:]
			continue
		}
		w.text(s[:i])
		w.out.WriteString(char)
		s = s[i+n:]
	}
	w.text(s)
}

// blocks writes text of several lines, with preformatted text and quotes.
func (w *mrkdwnWriter) blocks(s string) {
	for {
		i := strings.Index(s, "```")
		if i < 0 {
			w.lines(s, false)
			return
		}
		n := strings.Index(s[i+3:], "```")
		if n < 1 { // not closed, or empty: no markup
			w.lines(s, false)
			return
		}
		w.lines(strings.TrimSuffix(s[:i], "\n"), false)
		w.out.WriteString("<pre>")
		w.code(strings.Trim(s[i+3:i+3+n], "\n"))
		w.out.WriteString("</pre>")
		s = strings.TrimPrefix(s[i+3+n+3:], "\n")
		if s == "" {
			return
		}
	}
}

// quoted removes the quote mark from a line. Apps send the mark both raw and escaped.
func quoted(line string) (string, bool) {
	for _, mark := range []string{"&gt;", ">"} {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			return strings.TrimPrefix(rest, " "), true
		}
	}
	return line, false
}

// lines writes lines and their quotes. all is true inside of a quote.
func (w *mrkdwnWriter) lines(s string, all bool) {
	if s == "" {
		return
	}
	inQuote, fresh := false, true
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		for _, mark := range []string{"&gt;&gt;&gt;", ">>>"} {
			if rest, ok := strings.CutPrefix(line, mark); ok && !inQuote && !all { // quotes all that follows
				w.out.WriteString("<blockquote>")
				w.lines(strings.TrimPrefix(strings.Join(append([]string{rest}, lines[i+1:]...), "\n"), " "), true)
				w.out.WriteString("</blockquote>")
				return
			}
		}
		rest, quote := quoted(line)
		if all {
			rest, quote = line, false
		}
		if quote != inQuote {
			if quote {
				w.out.WriteString("<blockquote>")
			} else {
				w.out.WriteString("</blockquote>")
			}
			inQuote, fresh = quote, true
		}
		if !fresh {
			w.out.WriteString("<br>")
		}
		fresh = false
		w.inline(rest, "")
	}
	if inQuote {
		w.out.WriteString("</blockquote>")
	}
}

var markTags = map[byte]string{'*': "strong", '_': "em", '~': "del"}

// inline writes one line. inside has the marks that are open: none of them opens a second time, which also limits the
// depth.
func (w *mrkdwnWriter) inline(s, inside string) {
	plain := 0 // start of the text that is not yet written
	flush := func(to int) { w.text(s[plain:to]) }
	unclosed := map[byte]bool{} // marks without an end in the rest of s
	for i := 0; i < len(s); {
		c := s[i]
		var n int
		switch {
		case c == '`':
			if end := strings.IndexByte(s[i+1:], '`'); end > 0 {
				flush(i)
				w.out.WriteString("<code>")
				w.code(s[i+1 : i+1+end])
				w.out.WriteString("</code>")
				n = end + 2
			}
		case c == '<':
			if end := strings.IndexByte(s[i:], '>'); end > 1 {
				flush(i)
				w.angle(s[i+1 : i+end])
				n = end + 1
			}
		case c == ':':
			if char, length := emojiAt(s[i:]); length > 0 {
				flush(i)
				w.out.WriteString(char)
				n = length
			}
		case c == 'h' && boundaryBefore(s, i):
			if length := bareURL(s[i:]); length > 0 {
				flush(i)
				w.link(unescape(s[i:i+length]), "")
				n = length
			}
		case markTags[c] != "" && !within(inside, c) && !unclosed[c] && opens(s, i):
			end := closing(s, i)
			if end < 0 {
				unclosed[c] = true
				break
			}
			flush(i)
			w.out.WriteString("<" + markTags[c] + ">")
			w.inline(s[i+1:end], inside+string(c))
			w.out.WriteString("</" + markTags[c] + ">")
			n = end + 1 - i
		}
		if n == 0 {
			i++
			continue
		}
		i += n
		plain = i
	}
	flush(len(s))
}

func within(inside string, c byte) bool { return strings.IndexByte(inside, c) >= 0 }

// boundaryBefore reports whether s[i] follows a space, punctuation or the start. Marks open only there, so that
// snake_case and 2*3 stay as they are.
func boundaryBefore(s string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return i == 0 || !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

func boundaryAfter(s string, i int) bool {
	if i >= len(s) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

// opens reports whether the mark at s[i] may open: not before a space, and not beside the same mark.
func opens(s string, i int) bool {
	return i+1 < len(s) && s[i+1] != ' ' && s[i+1] != s[i] && (i == 0 || s[i-1] != s[i]) && boundaryBefore(s, i)
}

// closing returns the index of the mark that closes the one at s[open], or -1. A mark doesn't close after a space or
// the same mark, and not in code or a link.
func closing(s string, open int) int {
	c := s[open]
	for i := open + 1; i < len(s); i++ {
		switch s[i] {
		case '`':
			if end := strings.IndexByte(s[i+1:], '`'); end > 0 {
				i += end + 1
			}
		case '<':
			if end := strings.IndexByte(s[i:], '>'); end > 1 {
				i += end
			}
		case c:
			if i > open+1 && s[i-1] != ' ' && s[i-1] != c && boundaryAfter(s, i+1) {
				return i
			}
		}
	}
	return -1
}

// code writes the text between backticks: without markup, but with the labels of links and mentions.
func (w *mrkdwnWriter) code(s string) {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		end := strings.IndexByte(s[i:], '>')
		if end < 2 {
			break
		}
		inner := s[i+1 : i+end]
		target, label, has := strings.Cut(inner, "|")
		w.text(s[:i])
		switch {
		case has && label != "":
			w.text(label)
		case linkable(unescape(target)):
			w.text(target)
		default:
			w.text("<" + inner + ">")
		}
		s = s[i+end+1:]
	}
	w.text(s)
}

// angle writes the content of <…>: a mention, a special command or a link.
func (w *mrkdwnWriter) angle(inner string) {
	target, label, _ := strings.Cut(inner, "|")
	switch {
	case strings.HasPrefix(target, "@"):
		w.mention("@", target[1:], label, w.names.UserName)
	case strings.HasPrefix(target, "#"):
		w.mention("#", target[1:], label, w.names.ChannelName)
	case strings.HasPrefix(target, "!"):
		w.special(target[1:], label)
	case linkable(unescape(target)):
		w.link(unescape(target), label)
	default: // not Slack's markup
		w.text("<" + inner + ">")
	}
}
