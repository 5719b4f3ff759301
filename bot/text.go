package bot

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"licensebot/commands"
	"licensebot/purchase"
)

// One table has all sentences for the causes that package purchase reports. A noun is the kind of a cause, and a code
// has its sentences by noun. Each noun has a file of its own (text_refusals.go and so on), and testdata/text.golden has
// all of them.

// Noun is the kind of a cause: a refusal, a failure, a wait and so on.
type Noun string

// The nouns of the table.
const (
	Refusals  Noun = "refusal"
	Failures  Noun = "failure"
	Waits     Noun = "wait"
	Holds     Noun = "hold"
	Incidents Noun = "incident"
	Evidence  Noun = "evidence"
	Results   Noun = "result"
	Notices   Noun = "notice"
	Findings  Noun = "finding"
	Comparing Noun = "comparison"
)

// table has the sentences of every code, by noun.
var table map[Noun]map[purchase.CauseCode]wording

func init() {
	table = map[Noun]map[purchase.CauseCode]wording{
		Refusals: refusalWords, Failures: failureWords, Waits: waitWords, Holds: holdWords, Incidents: incidentWords,
		Evidence: evidenceWords, Results: resultWords, Notices: noticeWords, Findings: findingWords,
		Comparing: comparisonWords,
	}
}

// wording returns the sentences for a cause and its reader.
type wording func(renderer) text

// text is text for people, ready for the place where they read it.
type text string

// Reader describes who reads a text, and where.
type Reader struct {
	Admin bool // reads the names of settings, keys and ledger entries
	// Zone is the time zone of dates; nil is UTC.
	Zone  *time.Location
	Place Place
}

// Place is how a place shows text.
type Place int

const (
	// Plain shows text as it is.
	Plain Place = iota
	// Marked shows Slack's mrkdwn: code between marks.
	Marked
	// Form is Plain beside the fields of a form, which have labels in place of the names that people type.
	Form
	// MarkedForm is Marked in a form.
	MarkedForm
)

func (p Place) isMarked() bool { return p == Marked || p == MarkedForm }

func (p Place) isForm() bool { return p == Form || p == MarkedForm }

// Words returns the sentences for a cause of a noun, as the reader may see them. A code that the table doesn't have,
// from the ledger of a newer version, is returned as it is.
func Words(noun Noun, c purchase.Cause, r Reader) string {
	return finish(renderCause(noun, c, r), r.Place)
}

// renderCause returns the text of a cause before finish adapts it to its place.
func renderCause(noun Noun, c purchase.Cause, r Reader) string {
	return string(renderer{c, r}.render(noun))
}

func finish(words string, place Place) string {
	words = strings.ReplaceAll(words, shielded, "`")
	if !place.isMarked() {
		return commands.OneLine(words)
	}
	return strings.TrimSpace(words)
}

// render returns the text of the cause as a noun.
func (t renderer) render(noun Noun) text {
	words := table[noun][t.Code]
	switch {
	case t.Code == purchase.Untranslated:
		words = untranslated
	case words == nil:
		words = func(t renderer) text { return t.say("%s.", t.String()) }
	}
	return words(t)
}

// RefusalWords returns the sentences of a refusal.
func RefusalWords(no *purchase.Refusal, r Reader) string {
	r.Admin = no.ToAdmin
	return Words(Refusals, no.Cause, r)
}

// quotesPeople reports whether the text of a cause repeats what people wrote, which belongs in plain text.
func quotesPeople(c purchase.Cause) bool {
	switch c.Code {
	case purchase.Paused, purchase.SettledByAdmin, purchase.Untranslated:
		return true
	default:
		return c.Code == purchase.AlreadyDone && c.Args["doing"] == "pause" || slices.ContainsFunc(c.Causes, quotesPeople)
	}
}

// mrkdwnWords returns a cause as mrkdwn. It removes formatting from what people wrote.
func mrkdwnWords(noun Noun, c purchase.Cause, r Reader) string {
	if quotesPeople(c) {
		r.Place = Plain
		return stripFormat.Replace(escape(Words(noun, c, r)))
	}
	r.Place = Marked
	return Words(noun, c, r)
}

// reader returns the reader of a public place, who is no admin.
func (h *Handler) reader(place Place) Reader { return Reader{Zone: h.loc, Place: place} }

// untranslated renders a sentence that a ledger of the first schema stored, unchanged.
func untranslated(t renderer) text { return t.say("%s", t.Args["text"]) }

// renderer renders one cause for one reader.
type renderer struct {
	purchase.Cause
	Reader
}

// with returns a renderer of a cause beneath this one.
func (t renderer) with(c purchase.Cause) renderer { return renderer{c, t.Reader} }

// inner renders the first cause beneath this one as a noun. It returns an empty text if there is none.
func (t renderer) inner(noun Noun) text {
	if len(t.Causes) == 0 {
		return ""
	}
	return t.with(t.Causes[0]).render(noun)
}

// has reports whether the cause has an argument.
func (t renderer) has(name string) bool { return t.Args[name] != "" }

// is reports whether an argument has a value.
func (t renderer) is(name, value string) bool { return t.Args[name] == value }

// number returns an argument as a whole number, or 0 if it isn't one.
func (t renderer) number(name string) int {
	n, _ := strconv.Atoi(t.Args[name])
	return n
}

// money returns an argument that is an amount.
func (t renderer) money(name string) purchase.Cents { return purchase.Cents(t.number(name)) }

// at returns an argument that is a time.
func (t renderer) at(name string) time.Time {
	zone := t.Zone
	if zone == nil {
		zone = time.UTC
	}
	at, _ := time.Parse(time.RFC3339, t.Args[name])
	return at.In(zone)
}

// date and moment print an argument that is a time: "Dec 1, 2026", "Dec 1, 2026, 5:08 PM CET".
func (t renderer) date(name string) string { return t.at(name).Format(purchase.DateStyle) }

func (t renderer) dateTime(name string) string { return t.at(name).Format(purchase.MomentStyle) }

// person names a person: id and name are the arguments that do.
func (t renderer) person(id, name string) string { return displayName(t.Args[id], t.Args[name]) }

// displayName returns what people call someone: their name, or else their id.
func displayName(id, name string) string {
	if name == "" {
		return id
	}
	return name
}

// duration prints an argument that is a number of seconds.
func (t renderer) duration(name string) string {
	return formatDuration(time.Duration(t.number(name)) * time.Second)
}

// shielded stands for a mark of code in an argument while the template's own marks are dealt with.
const shielded = "\ue000"

// say fills a template, in which code stands between backticks. Arguments that are strings stay what they are, letter
// for letter: only where marks count do they lose them.
func (t renderer) say(template string, args ...any) text {
	for i, a := range args {
		if word, ok := a.(string); ok {
			args[i] = t.shield(word)
		}
	}
	said := fmt.Sprintf(template, args...)
	if t.Place.isForm() {
		said = withLabels(said)
	}
	if !t.Place.isMarked() {
		said = strings.ReplaceAll(said, "`", "")
	}
	return text(said)
}

func (t renderer) shield(word string) string {
	word = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(word) // the templates use lines as paragraphs
	if t.Place.isMarked() {
		return escape(strings.ReplaceAll(word, "`", ""))
	}
	return strings.ReplaceAll(word, "`", shielded)
}

// adminsNotified says that the admins were notified, or asks the reader to tell them; empty if neither applies.
func (t renderer) adminsNotified() text {
	switch t.Args["told"] {
	case "yes":
		return "Your admins have been told."
	case "no":
		return "Please tell your admins."
	}
	return ""
}

// sentences joins sentences, without those that are empty.
func sentences(all ...text) text {
	return text(strings.Join(slices.DeleteFunc(asStrings(all), func(s string) bool { return s == "" }), " "))
}

func asStrings(all []text) []string {
	var words []string
	for _, s := range all {
		words = append(words, string(s))
	}
	return words
}

// quote returns people's text for use in a sentence: in quotes that it can't close, and in one line.
func quote(words string) string {
	words = strings.Map(func(r rune) rune {
		switch r {
		case '“', '”', '„', '‟', '"', '«', '»', '＂', '〝', '〞', '〟', '″':
			return '\''
		}
		return r
	}, strings.TrimSuffix(strings.Join(strings.Fields(words), " "), "."))
	return "“" + words + "”"
}

// ensurePeriod adds a full stop unless the text ends a sentence.
func ensurePeriod(words string) string {
	words = strings.TrimSpace(words)
	if words == "" || strings.HasSuffix(words, ".") || strings.HasSuffix(words, "!") || strings.HasSuffix(words, "?") {
		return words
	}
	return words + "."
}

// capitalize makes the first letter a capital.
func capitalize(words string) string {
	if words == "" {
		return ""
	}
	first := []rune(words)
	first[0] = unicode.ToUpper(first[0])
	return string(first)
}

// formatDuration prints a duration as people say it.
func formatDuration(d time.Duration) string {
	d = max(d, time.Second)
	switch {
	case d < 2*time.Minute:
		return plural(int((d+time.Second-1)/time.Second), "second")
	case d < 2*time.Hour:
		return plural(int(d.Round(time.Minute)/time.Minute), "minute")
	}
	return plural(int(d.Round(time.Hour)/time.Hour), "hour")
}

// orStored renders a sentence that an older version stored as it is, and a cause without a wording as the cause beneath
// it.
func orStored(noun Noun, says wording) wording {
	return func(t renderer) text {
		if says == nil || len(t.Causes) > 0 && t.Causes[0].Code == purchase.Untranslated {
			return t.inner(noun)
		}
		return says(t)
	}
}

// template fills words with the finding's arguments, in their order.
func template(words string) wording {
	return func(t renderer) text {
		var args []any
		for i := 1; ; i++ {
			arg, ok := t.Args[strconv.Itoa(i)]
			if !ok {
				return t.say(words, args...)
			}
			args = append(args, arg)
		}
	}
}

// forAdmins shows admins the details, and others the public sentence.
func forAdmins(public text, says wording) wording {
	return func(t renderer) text {
		if t.Admin {
			return says(t)
		}
		return public
	}
}

// always returns the same sentences, without code and arguments.
func always(words text) wording { return func(renderer) text { return words } }

// withSetting adds the setting that admins can change, and whether money moved.
func withSetting(says wording) wording {
	return withUncharged(func(t renderer) text {
		if !t.Admin {
			return says(t)
		}
		return says(t) + t.say(" Setting: `%s`.", t.Args["setting"])
	})
}

// withUncharged adds to the refusal of a click that was to pay that nothing was charged.
func withUncharged(says wording) wording {
	return func(t renderer) text {
		if t.has("uncharged") {
			return says(t) + " Nothing was charged."
		}
		return says(t)
	}
}
