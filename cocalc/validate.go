package cocalc

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Bounds of a specification. The server documents the maxima and does not enforce them: 17 GB or 4 cores are sold and
// then do not work as meant, so they are kept out of the cart here.
const (
	MinRAM, MaxRAM           = 1, 16 // GB
	MinCPU, MaxCPU           = 1, 3  // cores
	MinDisk, MaxDisk         = 1, 20 // GB
	MinRunLimit, MaxRunLimit = 1, 10_000

	// Title and description are stored exactly, up to the size of a request, and repeated in every answer about the
	// cart and the licenses. These lengths, in characters, keep the answers small.
	MaxTitle       = 200
	MaxDescription = 1000

	// MinTerm is the shortest fixed term: the cart stretches a shorter one, and charges for it.
	MinTerm = time.Hour
	// MaxTermYears is the longest fixed term, and how far ahead it may begin. The server sells any.
	MaxTermYears = 10
)

// Mistake is one thing that is wrong with a specification.
type Mistake struct {
	Field    string // the name of the field as people write it: "ram", "end"
	Sentence string // one plain sentence, which names the field in backquotes
}

// Mistakes are all the mistakes of a specification. As an error it reads as its sentences.
type Mistakes []Mistake

func (m Mistakes) Error() string { return strings.Join(m.Sentences(), " ") }

// Sentences are the sentences alone, in the order of the fields.
func (m Mistakes) Sentences() []string {
	var out []string
	for _, mistake := range m {
		out = append(out, mistake.Sentence)
	}
	return out
}

func (m *Mistakes) add(field, format string, args ...any) {
	*m = append(*m, Mistake{Field: field, Sentence: fmt.Sprintf(format, args...)})
}

// Validate finds every mistake of the specification. Nonsense must not reach the cart, where the server accepts almost
// anything and one odd item blocks every purchase of the account. now is the moment against which the dates of a
// fixed term are judged.
func (s LicenseSpec) Validate(now time.Time) Mistakes {
	var m Mistakes
	m.checkNumber("ram", "GB", s.RAM, MinRAM, MaxRAM)
	m.checkNumber("cpu", "cores", s.CPU, MinCPU, MaxCPU)
	m.checkNumber("disk", "GB", s.Disk, MinDisk, MaxDisk)
	m.checkNumber("run_limit", "projects", s.RunLimit, MinRunLimit, MaxRunLimit)
	m.checkWord("uptime", string(s.Uptime), string(UptimeShort), string(UptimeMedium), string(UptimeDay), string(UptimeAlways))
	m.checkWord("user", string(s.User), string(UserAcademic), string(UserBusiness))
	m.checkWord("period", string(s.Period), string(PeriodMonthly), string(PeriodYearly), string(PeriodRange))
	if s.Uptime == UptimeDay && !s.Member {
		// The server would price it with member hosting all the same, and sell a license without.
		m.add("member", "`uptime=day` needs member hosting. Use `member=yes`, or choose a shorter `uptime`.")
	}
	m.checkTerm(s, now)
	m.checkText("title", s.Title, MaxTitle)
	m.checkText("description", s.Description, MaxDescription)
	if s.ProjectID != "" && (len(s.ProjectID) != 36 || uuid.Validate(s.ProjectID) != nil) {
		// The server drops an id that is none without a word, and the license would be on no project.
		m.add("project", "`project` must be a project's id, e.g. 01234567-89ab-cdef-0123-456789abcdef.")
	}
	return m
}

func (m *Mistakes) checkNumber(field, unit string, n, low, high int) {
	if n < low || n > high {
		m.add(field, "`%s` must be between %d and %s %s.", field, low, thousands(int64(high)), unit)
	}
}

func (m *Mistakes) checkWord(field, word string, words ...string) {
	for _, w := range words {
		if word == w {
			return
		}
	}
	list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	m.add(field, "`%s` must be %s.", field, list)
}

func (m *Mistakes) checkText(field, text string, limit int) {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		m.add(field, "`%s` contains characters that can't be read.", field)
	case strings.ContainsRune(text, 0):
		m.add(field, "`%s` contains a NUL character, which CoCalc doesn't accept.", field)
	case n > limit:
		m.add(field, "`%s` can have up to %s characters; yours has %s.", field, thousands(int64(limit)), thousands(int64(n)))
	}
}

// checkTerm checks the dates of a fixed term, and that nothing else has any.
func (m *Mistakes) checkTerm(s LicenseSpec, now time.Time) {
	if s.Period != PeriodRange {
		if !s.Start.IsZero() {
			m.add("start", "`start` is for fixed terms only. Use `period=range`, or leave it out.")
		}
		if !s.End.IsZero() {
			m.add("end", "`end` is for fixed terms only. Use `period=range`, or leave it out.")
		}
		return
	}
	start := s.startAt(now)
	tooFar := now.AddDate(MaxTermYears, 0, 0)
	if start.After(tooFar) {
		m.add("start", "`start` must be within the next %d years.", MaxTermYears)
	}
	switch {
	case s.End.IsZero():
		m.add("end", "`end` is required for a fixed term.")
	case !s.End.After(now):
		m.add("end", "`end` must be in the future.")
	case !s.End.After(start):
		m.add("end", "`end` must be after `start`.")
	case s.End.Sub(start) < MinTerm:
		m.add("end", "A fixed term must be at least an hour.")
	case s.End.After(start.AddDate(MaxTermYears, 0, 0)):
		m.add("end", "A fixed term can be up to %d years.", MaxTermYears)
	}
}

// Notes are things that a person should know before they buy, though nothing is wrong.
func (s LicenseSpec) Notes() []string {
	var notes []string
	if s.Boost {
		notes = append(notes, "A boost adds to another license on the same project; on its own it does nothing.")
	} else if s.RAM == 1 {
		notes = append(notes, "CoCalc recommends at least 2 GB of memory.")
	}
	return notes
}

// DateStyle is how dates are written for people.
const DateStyle = "Jan 2, 2006"
