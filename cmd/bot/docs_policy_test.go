package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"licensebot/internal/config"
	"licensebot/internal/goldenfile"
)

// unrelatedSettings are the settings that have nothing to do with spending. Every other one has its section in
// docs/policy.md.
var unrelatedSettings = []string{
	"SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_FILE", "SLACK_APP_TOKEN", "SLACK_APP_TOKEN_FILE",
	"SLACK_API_URL", "LOG_LEVEL", "LOG_FORMAT", "PRUNE_AFTER",
}

// directingSettings are the settings that direct spending and refuse nothing, with what they do.
var directingSettings = map[string]string{
	"PURCHASES_CHANNEL":   "It refuses nothing. Incidents and the daily head of the audit chain are posted there too.",
	"COCALC_API_KEY_FILE": "The key determines which account pays.",
	"COCALC_URL":          "It determines where licenses are bought, and at what prices.",
	"DATABASE":            "Budgets count what this ledger holds: a bot with a new ledger starts at $0.00.",
	"LICENSE_DEFAULTS": "The limits apply to these defaults too: the bot doesn't start with a default that a limit " +
		"refuses.",
	"CHECKOUT_TIMEOUT": "An order never gets a second checkout, no matter how long the first one takes.",
	"SETTLE_AFTER":     "Until then, the price stays reserved, and no other order is bought.",
}

// docs/policy.md has every setting that limits or directs spending, with its default and the refusal's text, which the
// desk itself renders. go test ./cmd/bot -run Docs_Policy -update writes it.
func TestDocs_Policy_IsCurrent(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(policyIntro)
	for _, field := range policyFields() {
		name := field.Tag.Get("envconfig")
		def := field.Tag.Get("default")
		if def == "" {
			def = "empty"
		}
		about := fmt.Sprintf("Default: `%s`. %s.", def, capitalized(config.Description(field)))
		if does := directingSettings[name]; does != "" {
			about += " " + does
		}
		fmt.Fprintf(&doc, "\n## %s\n\n%s\n", name, wrapText(about))
		for _, r := range refusals {
			setting, besides, _ := strings.Cut(r.setting, " ")
			if named, _, _ := strings.Cut(setting, "="); named != name {
				continue
			}
			if besides != "" {
				besides = " with `" + strings.ReplaceAll(besides, " ", "` and `") + "`"
			}
			fmt.Fprintf(&doc, "\n`%s`%s, and %s:\n\n%s\n", strings.TrimPrefix(setting, "COCALC_API_KEY="), besides, r.when,
				quoteText(refusalText(t, r)))
		}
	}
	path := filepath.Join("..", "..", "docs", "policy.md")
	text := strings.ReplaceAll(doc.String(), "\n``, and ", "\nWhen ")
	goldenfile.Compare(t, path, text)
}

// policyFields returns the settings of the document: the limiting ones in the order of the code, then the others.
func policyFields() (fields []reflect.StructField) {
	for _, limiting := range []bool{true, false} {
		for _, f := range config.Fields() {
			_, limits := reflect.TypeFor[config.PolicySettings]().FieldByName(f.Name)
			if limits == limiting && !slices.Contains(unrelatedSettings, f.Tag.Get("envconfig")) {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// A new setting that limits or directs spending has a section in the document with an example of a refusal; all others
// are on the list of unrelated settings.
func TestDocs_Policy_HasEverySetting(t *testing.T) {
	doc := string(read(t, filepath.Join("..", "..", "docs", "policy.md")))
	refuses, there := map[string]bool{}, map[string]bool{}
	for _, r := range refusals {
		name, _, _ := strings.Cut(r.setting, "=")
		refuses[name] = true
	}
	for _, f := range config.Fields() {
		name := f.Tag.Get("envconfig")
		there[name] = true
		switch in := strings.Contains(doc, "\n## "+name+"\n"); {
		case in == slices.Contains(unrelatedSettings, name):
			t.Errorf("%s: got a section: %t, listed as unrelated to spending: %t; want one of the two", name, in, !in)
		case in && refuses[name] == (directingSettings[name] != ""):
			t.Errorf("%s: got an example of a refusal: %t, a text instead: %t; want one of the two", name, refuses[name],
				directingSettings[name] != "")
		}
	}
	for name := range directingSettings {
		if !there[name] {
			t.Errorf("got %s on a list, want a setting of that name", name)
		}
	}
	for _, name := range unrelatedSettings {
		if !there[name] {
			t.Errorf("got %s on a list, want a setting of that name", name)
		}
	}
}

// wrapText breaks a text into lines of at most 120 characters.
func wrapText(text string) string { return strings.Join(linesOf(text, 120), "\n") }

// quoteText returns a text as a Markdown quotation.
func quoteText(text string) string { return "> " + strings.Join(linesOf(text, 118), "\n> ") }

// linesOf breaks a text into lines of at most columns characters, but not within code.
func linesOf(text string, columns int) []string {
	const unbroken = "\u00a0"
	text = code.ReplaceAllStringFunc(text, func(span string) string { return strings.ReplaceAll(span, " ", unbroken) })
	lines := []string{""}
	for word := range strings.SplitSeq(text, " ") {
		word = strings.ReplaceAll(word, unbroken, " ")
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= columns:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

var code = regexp.MustCompile("`[^`]*`")

func capitalized(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

const policyIntro = `# Who may spend how much

This page lists every setting that limits or directs spending, with its default and the message that a refused person
reads. Each example shows the message with only that setting changed, for a license of $63.75 a month, on Nov 23, 2026.
The page is generated from the code, and a test fails when it is out of date. To update it, run
` + "`go test ./cmd/bot -run Docs_Policy -update`" + `.

- All limits are checked four times: when the card is made, when its button is clicked, at the final approval, and when
  buying begins.
- Reserved money counts as spent.
- Renewals of licenses bought here count in the months in which CoCalc charges them, 5 days before each paid period
  ends. A month bought on one of the first days of a month is renewed in that month already. Money that CoCalc gives
  back makes no room for orders.
- A limit that changes while an order waits applies to the order.
- No order is taken, and none approved, while the CoCalc server sells no licenses. An order that waits for the server
  ends after an hour; its reservation is released then.
- An order counts in the month and on the day of its requester's click, in ` + "`TIMEZONE`" +
	`. If it is requested on January 31
  and approved or bought on February 1, it counts in January's budget, and not in February's.
- Every refusal, and every change of one of these settings, is an audit record: ` + "`bot audit`" + ` prints them.
`
