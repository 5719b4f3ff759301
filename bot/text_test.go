package bot

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"licensebot/internal/goldenfile"
	"licensebot/purchase"
)

// The golden file has the words of every example, for a buyer and, where they differ, for an admin; and, where it
// differs, as plain text.
func TestWords_Golden(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, noun := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&b, "# %s\n\n", noun)
		for _, c := range examples[noun] {
			place := Marked
			if quotesPeople(c) {
				place = Plain
			}
			if noun == Notices {
				place = Plain
			}
			buyer := Words(noun, c, Reader{Zone: vienna, Place: place})
			fmt.Fprintf(&b, "%s\n  %s\n", c, buyer)
			if admin := Words(noun, c, Reader{Zone: vienna, Place: place, Admin: true}); admin != buyer {
				fmt.Fprintf(&b, "  admin: %s\n", admin)
			}
			if plain := Words(noun, c, Reader{Zone: vienna}); plain != buyer {
				fmt.Fprintf(&b, "  plain: %s\n", plain)
			}
			b.WriteString("\n")
		}
	}
	goldenfile.Compare(t, filepath.Join("testdata", "text.golden"), b.String())
}

// Every code that package purchase declares has words, and every one of these has an example.
func TestWords_EveryCode(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "purchase", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files (error %v), want at least one", len(files), err)
	}
	told := map[string]bool{}
	for noun, words := range table {
		for code := range words {
			told[string(code)] = true
			if !slices.ContainsFunc(examples[noun], func(c purchase.Cause) bool { return c.Code == code }) {
				t.Errorf("got no example of the %s %s, want one", noun, code)
			}
		}
	}
	codes := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for code, name := range declaredCodes(t, file) {
			codes++
			if !told[code] && !slices.Contains([]string{"Untranslated", "AcceptsNewLedger", "ServerFound"}, name) {
				t.Errorf("got no words for %s (%s), want them", name, code)
			}
		}
	}
	if codes < 60 {
		t.Errorf("codes: got %d, want at least 60", codes)
	}
}

// declaredCodes returns the constants of a file that are codes of causes, by their values.
func declaredCodes(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); ok && len(spec.Values) == 1 &&
			slices.Contains([]string{"CauseCode", "RefusalCode", "FailureCode", "FindingCode", "NoticeKind"}, of.Name) {
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				code, _ := strconv.Unquote(literal.Value)
				codes[code] = spec.Names[0].Name
			}
		}
		return true
	})
	return codes
}

var (
	// dialect are words that the product does not use for people (docs/architecture.md, "Words").
	dialect = regexp.MustCompile(`(?i)\b(whoever|nobody|somebody|promised?|agree(d|s)? to|said yes|your ` +
		`yes|mend(ed|ing|s)?|blanks|is told|bought once)\b`)
	// aboutMoney are the ways of saying that none was spent.
	aboutMoney = regexp.MustCompile(`(?i)(nothing|not|n't)( \w+)? (be |been |was |were |is )?(bought|charged|spent|paid)`)
	// ofSettings are names that buyers don't read.
	ofSettings = regexp.MustCompile(`\b[A-Z]{3,}_[A-Z_]+\b|\bPERIODS\b|\bBUYERS\b|\bCHANNELS\b`)
)

// Words are whole sentences of the product's own, that speak of money at most once, and that show settings to admins
// alone.
func TestWords_ArePlain(t *testing.T) {
	for noun, causes := range examples {
		for _, c := range causes {
			for _, admin := range []bool{false, true} {
				said := Words(noun, c, Reader{Admin: admin})
				if word := dialect.FindString(said); word != "" && !strings.Contains(c.String(), word) {
					t.Errorf("got %q, want plain words in: %s", word, said)
				}
				if about := aboutMoney.FindAllString(said, -1); len(about) > 1 && noun != Evidence && noun != Notices &&
					!strings.Contains(said, "and nothing was charged") {
					t.Errorf("got %d clauses about money (%q), want at most 1 in: %s", len(about), about, said)
				}
				if !strings.HasSuffix(said, ".") && noun != Holds && noun != Findings {
					t.Errorf("got half a sentence, want a whole one: %s", said)
				}
				if name := ofSettings.FindString(said); !admin && name != "" && noun != Notices { // notices go to admins

					t.Errorf("got the setting %s in a buyer's text, want none: %s", name, said)
				}
				if strings.Contains(said, "`") && !strings.Contains(c.String(), "`") {
					t.Errorf("got marks of code, want plain text: %s", said)
				}
			}
		}
	}
}

// What a server that sells no licenses, or that leads elsewhere, answers does not change by asking again.
func TestWords_ServerThatSellsNothing(t *testing.T) {
	again := regexp.MustCompile(`(?i)try again|again later|in a (moment|minute)|keep trying`)
	for noun, causes := range map[Noun][]purchase.Cause{
		Failures: {
			cause(purchase.FailKey, "told", "yes"), cause(purchase.FailNotSold, "why", "no-licenses", "told", "yes"),
			cause(purchase.FailNotSold, "why", "redirected", "told", "yes"),
			cause(purchase.FailNotSold, "why", "server", "condition", string(purchase.HasMoved)),
		},
		Refusals: {
			cause(purchase.NotRead, "why", "no-licenses"), cause(purchase.NotRead, "why", "not-for-keys"),
			cause(purchase.NotRead, "why", "capability", "told", "yes"),
			cause(purchase.NotRead, "why", "redirected", "told", "yes"),
			cause(purchase.NoRenewals, "why", "not-for-keys"), cause(purchase.NoRenewals, "why", "no-list"),
		},
		Waits: {cause(purchase.WaitsForServer, "condition", string(purchase.SellsMemberships), "told", "yes")},
	} {
		for _, c := range causes {
			if said := Words(noun, c, Reader{}); again.MatchString(said) {
				t.Errorf("%s: got %s, want no match of %s", c, said, again)
			}
		}
	}
}

// What people wrote stays what it is: in plain text letter for letter, in mrkdwn without what could become a mention.
func TestWords_Arguments(t *testing.T) {
	c := cause(purchase.IncidentOther, "text", "A `tick`, <@U1> & more.")
	for place, want := range map[Place]string{
		Plain:  "A `tick`, <@U1> & more.",
		Form:   "A `tick`, <@U1> & more.",
		Marked: "A tick, &lt;@U1&gt; &amp; more.",
	} {
		if got := Words(Incidents, c, Reader{Admin: true, Place: place}); got != want {
			t.Errorf("in place %d: got %q, want %q", place, got, want)
		}
	}
	limit := cause(purchase.WrongPeriod, "setting", "PERIODS", "period", "monthly", "allowed", "range")
	if got, want := Words(Refusals, limit, Reader{Place: Form}),
		"e.g. "+withLabels("`days=30`"); !strings.Contains(got, strings.ReplaceAll(want, "`", "")) {
		t.Errorf("in a form: got %q, want %q in it", got, want)
	}
}

// People's text stands in quotes that it can't leave.
func TestQuote_OneLine(t *testing.T) {
	for words, want := range map[string]string{
		"the budget is checked":           "“the budget is checked”",
		" it was.\n":                      "“it was”",
		"x”. bob resumed buying. “":       "“x'. bob resumed buying. '”",
		"one\ntwo\r\n\tthree":             "“one two three”",
		`"quoted" «so» „oder so“ 〝or so〞`: "“'quoted' 'so' 'oder so' 'or so'”",
	} {
		if got := quote(words); got != want {
			t.Errorf("%q: got %s, want %s", words, got, want)
		}
	}
}

// A pause with many reasons tells the first and the last ones.
func TestReasonsText_Many(t *testing.T) {
	var why []purchase.Cause
	for i := range 9 {
		why = append(why, cause(purchase.IncidentSaid, "reason", fmt.Sprintf("reason %d", i)))
	}
	got := Words(Refusals, paused(purchase.Paused, "UDANA", "dana", why...), Reader{})
	for _, want := range []string{"“reason 0”.", "5 more incidents.", "“reason 6”.", "“reason 8”."} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if strings.Contains(got, "“reason 1”") {
		t.Errorf("got %q with all reasons; want no %q", got, "“reason 1”")
	}
}

// A refusal because of a pause mentions who paused buying and has a Slack date; the reason stands in plain text. A
// pause by the bot itself has no mention.
func TestPauseBlocks(t *testing.T) {
	person := paused(purchase.Paused, "UDANA", "dana", incidents[0])
	for name, no := range map[string]*purchase.Refusal{
		"refusal-paused":              {Cause: person.With("uncharged", "true")},
		"refusal-paused-for-an-admin": {Cause: person, ToAdmin: true},
		"refusal-paused-by-the-bot":   {Cause: paused(purchase.Paused, purchase.BotName, "", incidents[3])},
		"refusal-paused-already": {
			Cause: paused(purchase.AlreadyDone, "UDANA", "dana", incidents[0]).With("doing", "pause"), ToAdmin: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&Handler{}).refusalMessage(no)
			checkGolden(t, name, got)
		})
	}
	if blocks := pauseBlocks(&purchase.Refusal{Cause: cause(purchase.NotABuyer)}, nil); blocks != nil {
		t.Errorf("got %v for a refusal without a pause, want none", blocks)
	}
}
