package page

import (
	"html"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type noNames struct{}

func (noNames) UserName(string) string    { return "" }
func (noNames) ChannelName(string) string { return "" }
func (noNames) GroupName(string) string   { return "" }

// linkable reports whether an address may become a link. Addresses that a browser would run (javascript:, data:) or
// that lead to files of the machine (file:) stay text.
func linkable(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return u.Host != ""
	case "mailto", "tel":
		return u.Opaque != ""
	}
	return false
}

// bareURL returns the length of the web address at the start of s, without the punctuation after it, or 0 if there is
// none.
func bareURL(s string) int {
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return 0
	}
	n := strings.IndexAny(s, " \t\n<>|\"`*\u00a0")
	if n < 0 {
		n = len(s)
	}
	for _, entity := range []string{"&lt;", "&gt;"} {
		if i := strings.Index(s[:n], entity); i >= 0 {
			n = i
		}
	}
	n = len(strings.TrimRight(s[:n], ".,;:!?)'_~"))
	if !linkable(unescape(s[:n])) {
		return 0
	}
	return n
}

// link writes a link. label has Slack's escapes; address has none.
func (w *mrkdwnWriter) link(address, label string) {
	w.openLink(address)
	switch {
	case label != "":
		w.plain(label, true)
	default:
		w.out.WriteString(html.EscapeString(strings.TrimPrefix(address, "mailto:")))
	}
	w.out.WriteString("</a>")
}

func (w *mrkdwnWriter) openLink(address string) {
	w.out.WriteString(`<a href="` + html.EscapeString(address) + `" target="_blank" rel="noopener noreferrer">`)
}

// mention writes a person or channel: the name for the id if it is known, else the label if there is one, else the id.
func (w *mrkdwnWriter) mention(mark, id, label string, name func(string) string) {
	read := name(id)
	if read == "" {
		read = unescape(label)
	}
	if read == "" {
		read = id
	}
	w.tag("mention", mark+strings.TrimPrefix(read, mark))
}

func (w *mrkdwnWriter) tag(class, text string) {
	w.out.WriteString(`<span class="` + class + `">` + html.EscapeString(text) + "</span>")
}

// special writes the content of <!…>: a broadcast, a group or a date.
func (w *mrkdwnWriter) special(command, label string) {
	name, rest, _ := strings.Cut(command, "^")
	switch name {
	case "here", "channel", "everyone":
		w.tag("mention broadcast", "@"+name)
	case "subteam":
		w.mention("@", rest, label, w.names.GroupName)
	case "date":
		parts := strings.SplitN(rest, "^", 3)
		if len(parts) < 2 {
			w.text(label)
			return
		}
		address := ""
		if len(parts) == 3 {
			address = unescape(parts[2])
		}
		w.date(parts[0], unescape(parts[1]), address, unescape(label))
	default:
		// Of a command that it doesn't know, Slack shows the label, or the command in angle brackets.
		if label == "" {
			label = "<!" + command + ">"
		}
		w.text(label)
	}
}

// date writes a time that the script shows in the reader's time zone. Before that, and for formats that the script
// doesn't know, people read the fallback.
func (w *mrkdwnWriter) date(seconds, format, address, fallback string) {
	s, err := strconv.ParseInt(seconds, 10, 64)
	// JavaScript has no dates beyond these.
	if err != nil || s < -8_640_000_000_000 || s > 8_640_000_000_000 {
		w.out.WriteString(html.EscapeString(fallback))
		return
	}
	if linkable(address) {
		w.openLink(address)
		defer w.out.WriteString("</a>")
	}
	t := time.Unix(s, 0).UTC()
	if fallback == "" {
		fallback = t.Format("Jan 2, 2006, 15:04 MST")
	}
	w.out.WriteString(`<time data-epoch="` + strconv.FormatInt(s, 10) + `" data-format="` + html.EscapeString(format) +
		`">` + html.EscapeString(fallback) + "</time>")
}
