package cocalc

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Bounds of a specification, inclusive. The server documents the maxima but does not enforce them: it sells 17 GB or 4
// cores, which then do not work as intended, so they are refused here.
const (
	MinRAM      = 1 // GB
	MaxRAM      = 16
	MinCPU      = 1 // cores
	MaxCPU      = 3
	MinDisk     = 1 // GB
	MaxDisk     = 20
	MinRunLimit = 1 // projects
	MaxRunLimit = 10_000

	// Lengths of title and description in characters. The server accepts any length, and repeats both in every answer
	// about the cart and the licenses; these limits keep the answers small.
	MaxTitle       = 200
	MaxDescription = 1000

	// MinTerm is the shortest fixed term: the cart lengthens a shorter one, and charges for that.
	MinTerm = time.Hour
	// MaxTermYears is the length of the longest fixed term, and how far in the future it may begin. The server has no
	// limit.
	MaxTermYears = 10
)

// Mistake is one fault of a specification.
type Mistake struct {
	Field    string // the name of the field as people write it: "ram", "end"
	Sentence string // one sentence for people, which names the field in backquotes
}

// Mistakes are all faults of a specification. As an error, its text is its sentences.
type Mistakes []Mistake

func (m Mistakes) Error() string { return strings.Join(m.Sentences(), " ") }

// Sentences returns the sentences, in the order of the fields.
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

// Validate returns every fault of the specification; nil if it can be bought at now, with which the dates of a fixed
// term are compared. A specification that is not valid must not reach the cart: the server accepts almost anything
// there, and one odd item blocks every purchase of the account.
func (s LicenseSpec) Validate(now time.Time) Mistakes {
	var m Mistakes
	m.checkNumber("ram", "GB", s.RAM, MinRAM, MaxRAM)
	m.checkNumber("cpu", "cores", s.CPU, MinCPU, MaxCPU)
	m.checkNumber("disk", "GB", s.Disk, MinDisk, MaxDisk)
	m.checkNumber("run_limit", "projects", s.RunLimit, MinRunLimit, MaxRunLimit)
	m.checkWord("uptime", string(s.Uptime), string(UptimeShort), string(UptimeMedium), string(UptimeDay),
		string(UptimeAlways))
	m.checkWord("user", string(s.User), string(UserAcademic), string(UserBusiness))
	m.checkWord("period", string(s.Period), string(PeriodMonthly), string(PeriodYearly), string(PeriodRange))
	if s.Uptime == UptimeDay && !s.Member {
		// The server would charge for member hosting and sell a license without it.
		m.add("member", "`uptime=day` needs member hosting. Use `member=yes`, or choose a shorter `uptime`.")
	}
	m.checkTerm(s, now)
	m.checkText("title", s.Title, MaxTitle)
	m.checkText("description", s.Description, MaxDescription)
	if s.ProjectID != "" && (len(s.ProjectID) != 36 || uuid.Validate(s.ProjectID) != nil) {
		// The server silently drops an invalid ID, and no project would get the license.
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

// checkTerm checks the dates of a fixed term, and that other periods have none.
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

// Notes returns sentences that people should read before they buy, although the specification is valid.
func (s LicenseSpec) Notes() []string {
	var notes []string
	if s.Boost {
		notes = append(notes, "A boost adds to another license on the same project; on its own it does nothing.")
	} else if s.RAM == 1 {
		notes = append(notes, "CoCalc recommends at least 2 GB of memory.")
	}
	return notes
}

// DateStyle is the layout of dates for people, for [time.Time.Format].
const DateStyle = "Jan 2, 2006"
