package bot

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"licensebot/commands"
	"licensebot/purchase"
)

// Slack's limits that the bot's texts come near to, in characters.
const (
	limitSection  = 3000
	limitField    = 2000
	limitButton   = 75
	limitFallback = 3000 // a message may have more; a notification shows less
)

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape makes text safe for mrkdwn as far as mentions and links go. Formatting characters keep their meaning, so
// what people wrote does not go through here but into plain_text, where nothing has a meaning.
func escape(text string) string { return escaper.Replace(text) }

// cut shortens text to at most n characters, never inside one. Slack counts characters, not bytes.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// mrkdwn is text of our own, with formatting. Links are only made where the text says so (verbatim).
func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, cut(text, limitSection), false, true)
}

// plain is text that may come from people: shown letter for letter, each of texts in a line of its own.
func plain(texts ...string) *slack.TextBlockObject {
	var lines []string
	for _, text := range texts {
		lines = append(lines, commands.OneLine(text))
	}
	return slack.NewTextBlockObject(slack.PlainTextType, cut(strings.Join(lines, "\n"), limitField), false, false)
}

func section(text string) *slack.SectionBlock {
	return slack.NewSectionBlock(mrkdwn(text), nil, nil)
}

func fields(pairs ...*slack.TextBlockObject) *slack.SectionBlock {
	return slack.NewSectionBlock(nil, pairs, nil)
}

// contextBlock returns a line in small print.
func contextBlock(elements ...*slack.TextBlockObject) *slack.ContextBlock {
	var mixed []slack.MixedElement
	for _, e := range elements {
		mixed = append(mixed, e)
	}
	return slack.NewContextBlock("", mixed...)
}

// button is a button whose value says what it is about. action ids are unique in a block: several buttons of one kind
// have different suffixes after a colon.
func button(action, value, label string) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(action, value, plain(cut(label, limitButton)))
}

// linkButton opens a page. Slack sends a click on it to the app as well, which answers it with nothing.
func linkButton(label, url string) *slack.ButtonBlockElement {
	b := button(actionLink, "", label)
	b.URL = url
	return b
}

// formatDate is a date in the reader's own time zone, with a fallback for clients that cannot.
func formatDate(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty}|%s>", t.Unix(), t.Format(purchase.DateStyle))
}

// formatStart and ends print the two ends of a term. An end at the beginning or end of a day is printed as that day
// alone, in the team's time zone, by its noon, which has the same date in nearly all time zones.
func formatStart(t time.Time) string {
	if hour, minute, second := t.Clock(); hour+minute+second == 0 {
		return formatDate(time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, t.Location()))
	}
	return formatTime(t)
}

func formatEnd(t time.Time) string {
	next := t.Add(time.Millisecond)
	if hour, minute, second := next.Clock(); hour+minute+second == 0 && next.Nanosecond() == 0 {
		return formatStart(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()))
	}
	return formatTime(t)
}

// formatTime is a date with its time of day in the reader's own time zone.
func formatTime(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), t.UTC().Format(purchase.MomentStyle))
}

// formatClock is a time of day in the reader's own time zone.
func formatClock(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{time}|%s>", t.Unix(), t.UTC().Format("3:04 PM MST"))
}

// perPeriod is what a price is paid for: " a month", " a year", or nothing for a fixed term.
func perPeriod(period string) string {
	switch period {
	case "monthly":
		return " a month"
	case "yearly":
		return " a year"
	}
	return ""
}

// renewal describes what is charged after the first payment.
func renewal(spec purchase.Spec, renews purchase.Cents) string {
	switch spec.Period {
	case "monthly":
		return fmt.Sprintf("Renews every month at %s until cancelled: %s a year.", renews, renews*12)
	case "yearly":
		return fmt.Sprintf("Renews every year at %s until cancelled: %s a month.", renews,
			purchase.RecurringCents(spec, renews))
	default:
		return "Fixed term. Doesn't renew."
	}
}

// firstRenewal says when a license that was just bought is charged again.
func firstRenewal(o purchase.Order) string {
	end := o.Ends()
	if end.IsZero() || o.Renews == 0 {
		return renewal(o.Spec, o.Renews)
	}
	first := purchase.Subscription{Status: purchase.StatusActive, CurrentPeriodEnd: end}.NextCharge()
	return fmt.Sprintf("Renews %s for %s, and every %s after that until cancelled.", formatDate(first), o.Renews,
		strings.TrimSuffix(string(o.Spec.Period), "ly"))
}

// saving returns what a yearly price saves; empty if it saves nothing.
func saving(saves purchase.Cents) string {
	if saves <= 0 {
		return ""
	}
	return fmt.Sprintf(" You save %s a year compared with paying monthly.", saves)
}

// termWords says from when to when a license runs, in mrkdwn.
func termWords(spec purchase.Spec) string {
	if spec.Period != "range" {
		return "from now on"
	}
	if spec.Start.IsZero() {
		return "from now until " + formatEnd(spec.End)
	}
	return "from " + formatStart(spec.Start) + " until " + formatEnd(spec.End)
}

// perProject lists what each project gets, short enough for a phone.
func perProject(spec purchase.Spec) string {
	return strings.Join(strings.Split(spec.Summary(), ", ")[:3], " · ")
}

// summary lists what a license gives: several projects are what makes it dear, so they are never left out.
func summary(spec purchase.Spec) string {
	if spec.RunLimit == 1 {
		return perProject(spec)
	}
	return perProject(spec) + " · " + plural(spec.RunLimit, "project") + " at once"
}

// plural counts things: "1 order", "2 orders".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// mention names a person so that Slack shows their name. The id of unattributed purchases belongs to no person in
// Slack.
func mention(id string) string {
	if id == purchase.Unattributed.ID {
		return "_unattributed_"
	}
	return "<@" + id + ">"
}

// Specify returns the team's defaults, with the fields that a person set in their place. Dates are days in loc: a term
// runs from the beginning of its first day to the end of its last. A term of days without a start begins when it is
// bought. A day on which the clock changes has 23 or 25 hours.
func Specify(defaults purchase.Spec, f commands.Fields, now time.Time, loc *time.Location) purchase.Spec {
	spec := defaults
	set(&spec.RAM, f.RAM)
	set(&spec.CPU, f.CPU)
	set(&spec.Disk, f.Disk)
	set(&spec.RunLimit, f.RunLimit)
	set(&spec.Member, f.Member)
	set(&spec.Boost, f.Boost)
	set(&spec.Title, f.Title)
	set(&spec.Description, f.Description)
	set(&spec.ProjectID, f.Project)
	setWord(&spec.Uptime, f.Uptime)
	setWord(&spec.User, f.User)
	setWord(&spec.Period, f.Period)
	if spec.Period != "range" {
		spec.Start, spec.End = time.Time{}, time.Time{}
	}
	if f.Start == nil && f.End == nil && f.Days == nil {
		return spec
	}
	spec.Period = "range"
	spec.Start, spec.End = time.Time{}, time.Time{}
	begin := now
	if f.Start != nil {
		if first := midnight(*f.Start, loc); first.After(now) {
			spec.Start, begin = first, first
		} else if !sameDay(first, now.In(loc)) {
			spec.Start, begin = first, first // in the past: Validate has a sentence about it when it matters
		}
	}
	switch {
	case f.End != nil:
		next := *f.End
		next.Day++ // time.Date normalises
		spec.End = midnight(next, loc).Add(-time.Millisecond)
	case f.Days != nil:
		spec.End = begin.In(loc).AddDate(0, 0, *f.Days)
		if !spec.Start.IsZero() { // whole days: "start=2027-01-01 days=31" is "end=2027-01-31"
			spec.End = spec.End.Add(-time.Millisecond)
		}
	}
	return spec
}

func set[T any](to *T, said *T) {
	if said != nil {
		*to = *said
	}
}

func setWord[W ~string](to *W, said *string) {
	if said != nil {
		*to = W(*said)
	}
}

func midnight(d commands.Date, loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// repeatSpec returns the specification of another license like spec. A fixed term begins now and lasts as many calendar
// days in loc.
func repeatSpec(spec purchase.Spec, now, began time.Time, loc *time.Location) purchase.Spec {
	if spec.Period != "range" {
		return spec
	}
	start := spec.Start
	if start.IsZero() {
		start = began
	}
	if start.After(now) {
		return spec // its term has not begun: the same term again
	}
	days, rest := purchase.CalendarDays(start, spec.End, loc)
	spec.Start, spec.End = time.Time{}, now.In(loc).AddDate(0, 0, days).Add(rest)
	return spec
}

// purchasedSpec reads a specification off a license that was bought elsewhere. What CoCalc doesn't report (the period)
// gets the default: a month, renewing. Halves of GB and cores are sold by other clients; they are rounded up.
func purchasedSpec(l purchase.License, defaults purchase.Spec) purchase.Spec {
	spec := defaults
	up := func(f float64) int {
		n := int(f)
		if float64(n) < f {
			n++
		}
		return n
	}
	spec.RAM, spec.CPU, spec.Disk = up(l.Quota.RAM), up(l.Quota.CPU), up(l.Quota.Disk)
	spec.Member, spec.Boost = l.Quota.Member, l.Quota.Boost
	spec.Period, spec.RunLimit = "monthly", l.RunLimit
	spec.Start, spec.End = time.Time{}, time.Time{}
	setWord(&spec.Uptime, &l.Quota.Uptime)
	setWord(&spec.User, &l.Quota.User)
	// another program's title may be longer than CoCalc's limit
	spec.Title = cut(commands.OneLine(l.Title), purchase.MaxTitle)
	spec.Description, spec.ProjectID = "", ""
	return spec
}

// displayTitle returns a title that a person gave, or an empty string if none of it is visible.
func displayTitle(title string) string { return cut(commands.OneLine(title), 150) }

// codeSpan formats an id, or another text from elsewhere, as code that it can't break out of.
func codeSpan(word string) string {
	return "`" + escape(cut(commands.OneLine(strings.ReplaceAll(word, "`", "")), 100)) + "`"
}
