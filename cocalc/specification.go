package cocalc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Uptime is the idle timeout of projects that run on a license.
type Uptime string

// The uptimes that CoCalc sells.
const (
	UptimeShort  Uptime = "short"          // 30 minutes
	UptimeMedium Uptime = "medium"         // 2 hours
	UptimeDay    Uptime = "day"            // 1 day; only with member hosting
	UptimeAlways Uptime = "always_running" // never stops
)

// User is the kind of customer, which determines the discount.
type User string

// The kinds of customer.
const (
	UserAcademic User = "academic" // 40 % off
	UserBusiness User = "business"
)

// Period is how a license is paid for.
type Period string

// The periods.
const (
	PeriodMonthly Period = "monthly" // renews every month until cancelled
	PeriodYearly  Period = "yearly"  // renews every year until cancelled
	PeriodRange   Period = "range"   // a fixed term from Start to End; never renews
)

// LicenseSpec specifies a license. The zero value is not valid: start from [DefaultSpec], and check it with
// [LicenseSpec.Validate].
type LicenseSpec struct {
	RAM         int    `json:"ram"`  // GB per running project, 1-16
	CPU         int    `json:"cpu"`  // cores per running project, 1-3
	Disk        int    `json:"disk"` // GB per project, 1-20
	Member      bool   `json:"member"`
	Uptime      Uptime `json:"uptime"`
	User        User   `json:"user"`
	Boost       bool   `json:"boost"`
	Period      Period `json:"period"`
	RunLimit    int    `json:"run_limit"` // projects running at the same time, 1-10,000
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	ProjectID   string `json:"project_id,omitempty"` // UUID of the project that gets the license when it is bought

	// Start and End of a fixed term, only with PeriodRange. A zero Start means that the term begins when the license is
	// added to the cart, so the price can fall while the order waits, but not rise.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// DefaultSpec returns a specification with the defaults of CoCalc. RAM and CPU have no default and are 0.
func DefaultSpec() LicenseSpec {
	return LicenseSpec{
		Disk: 10, Member: true, Uptime: UptimeMedium, User: UserBusiness, Period: PeriodMonthly, RunLimit: 1,
	}
}

// Summary describes the license in words, without its price and term: "16 GB RAM, 2 cores, 10 GB disk, member hosting,
// idle timeout 2 hours, business, 1 running project".
func (s LicenseSpec) Summary() string {
	parts := []string{
		fmt.Sprintf("%d GB RAM", s.RAM), plural(s.CPU, "core"), fmt.Sprintf("%d GB disk", s.Disk),
		memberWords(s.Member), s.Uptime.Words(), string(s.User), plural(s.RunLimit, "running project"),
	}
	if s.Boost {
		parts = append(parts, "boost")
	}
	return strings.Join(parts, ", ")
}

// Words describes the uptime: "idle timeout 2 hours".
func (u Uptime) Words() string {
	switch u {
	case UptimeShort:
		return "idle timeout 30 minutes"
	case UptimeMedium:
		return "idle timeout 2 hours"
	case UptimeDay:
		return "idle timeout 1 day"
	case UptimeAlways:
		return "always running"
	}
	return fmt.Sprintf("uptime %q", string(u))
}

func memberWords(member bool) string {
	if member {
		return "member hosting"
	}
	return "no member hosting"
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(int64(n)) + " " + noun + "s"
}

// isoMillis is the format of CoCalc's times: ISO 8601 in UTC with milliseconds.
const isoMillis = "2006-01-02T15:04:05.000Z"

// parseDate parses a date of a description: ISO 8601, in UTC unless it has an offset, or milliseconds since 1970.
func parseDate(v any) (time.Time, bool) {
	switch v := v.(type) {
	case float64:
		return millisDate(v)
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999", "2006-01-02T15:04", time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC().Truncate(time.Millisecond), true
			}
		}
	}
	return time.Time{}, false
}

// millisDate returns the date at ms milliseconds since 1970; false beyond the dates that JavaScript has.
func millisDate(ms float64) (time.Time, bool) {
	const limit = 8.64e15
	if !(math.Abs(ms) <= limit) { // also for NaN
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)).UTC(), true
}

// cartDescription is the description of a site-license item, with the fields of CoCalc's documentation.
type cartDescription struct {
	RAM         int        `json:"ram"`
	CPU         int        `json:"cpu"`
	Disk        int        `json:"disk"`
	Member      bool       `json:"member"`
	Uptime      Uptime     `json:"uptime"`
	Type        string     `json:"type"`
	User        User       `json:"user"`
	Boost       bool       `json:"boost"`
	Period      Period     `json:"period"`
	Range       *[2]string `json:"range,omitempty"`
	RunLimit    int        `json:"run_limit"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
}

// CartDescription returns the description of the license for [Client.AddToCart]. A fixed term begins at now unless its
// start is in the future: the server would move a start in the past, and the end with it.
func (s LicenseSpec) CartDescription(now time.Time) json.RawMessage {
	d := cartDescription{
		RAM: s.RAM, CPU: s.CPU, Disk: s.Disk, Member: s.Member, Uptime: s.Uptime, Type: "quota", User: s.User,
		Boost: s.Boost, Period: s.Period, RunLimit: s.RunLimit, Title: s.Title, Description: s.Description,
	}
	if s.Period == PeriodRange {
		d.Range = &[2]string{s.startAt(now).UTC().Format(isoMillis), s.End.UTC().Format(isoMillis)}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		panic(err) // numbers, booleans and strings always have a JSON form
	}
	return bytes.TrimSpace(out.Bytes())
}

// startAt returns when a fixed term begins that is bought at now.
func (s LicenseSpec) startAt(now time.Time) time.Time {
	if s.Start.After(now) {
		return s.Start
	}
	return now
}

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
