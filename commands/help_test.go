package commands_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"licensebot/commands"
	"licensebot/internal/goldenfile"
)

// topics are all there is help for: everything, each command, each field.
func topics() []string {
	all := []string{""}
	for _, c := range commands.HelpText("").Commands {
		all = append(all, c.Name)
	}
	for _, f := range commands.AllFields() {
		all = append(all, f.Key)
	}
	return append(all, "until") // the field "end", whose key is also a command
}

func TestHelpText_Golden(t *testing.T) {
	for _, topic := range topics() {
		page := commands.HelpText(topic)
		name := topic
		if name == "" {
			name = "all"
		}
		for suffix, got := range map[string]string{".txt": page.Plain(), ".mrkdwn": page.Mrkdwn()} {
			t.Run(name+suffix, func(t *testing.T) {
				goldenfile.Compare(t, filepath.Join("testdata", "help", name+suffix), got)
			})
		}
	}
}

// Slack refuses a section of more than 3,000 characters.
func TestHelpPage_Mrkdwn_Length(t *testing.T) {
	for _, topic := range topics() {
		if n := utf8.RuneCountInString(commands.HelpText(topic).Mrkdwn()); n > 3000 {
			t.Errorf("help on %q: got %d characters, want at most 3000", topic, n)
		}
	}
}

func TestHelpTopic_Pages(t *testing.T) {
	for _, word := range append(topics(), "xyzzy", "Buy", "run-limit", "help buy", "\n", "memory") {
		if got, want := commands.HelpTopic(word), commands.HelpText(word).Topic; got != want {
			t.Errorf("topic of %q: got %q, want that of its page, %q", word, got, want)
		}
	}
}

func TestHelpText_UnknownTopic(t *testing.T) {
	if diff := cmp.Diff(commands.HelpText(""), commands.HelpText("xyzzy")); diff != "" {
		t.Errorf("help on an unknown topic, want (-) and got (+):\n%s", diff)
	}
}

// The table says what the parser does: whatever the help promises parses.
func TestHelpText_ExamplesParse(t *testing.T) {
	parses := func(t *testing.T, text string) commands.Command {
		t.Helper()
		command, mistakes := commands.Parse(text)
		for _, m := range mistakes {
			t.Errorf("%q: got the mistake %q, want none", text, m.Sentence)
		}
		checkPrintedParsesBack(t, command)
		return command
	}
	for _, topic := range topics() {
		page := commands.HelpText(topic)
		for _, e := range page.Examples {
			parses(t, e.Text)
		}
		for _, c := range page.Commands {
			if got := parses(t, "help "+c.Name); got != (commands.Help{Topic: c.Name}) {
				t.Errorf("help %s: got %v, want its topic", c.Name, got)
			}
		}
	}
	value := func(t *testing.T, key, word, text string) string {
		t.Helper()
		others := ""
		switch key {
		case "start":
			others = " days=1"
		case "period":
			if text == "range" {
				others = " days=1"
			}
		}
		fields, mistakes := commands.ParseFields(word + "=" + text + others)
		for _, m := range mistakes {
			t.Errorf("%s=%s: got the mistake %q, want none", word, text, m.Sentence)
		}
		got, given := fields.Get(key)
		if !given {
			t.Errorf("%s=%s: got no %s, want it", word, text, key)
		}
		return got
	}
	for _, f := range commands.AllFields() {
		for _, word := range append([]string{f.Key, strings.ToUpper(f.Key)}, f.Aliases...) {
			if got := value(t, f.Key, word, f.Example); got != strings.Trim(f.Example, `"`) {
				t.Errorf("%s=%s: got %s, want the example", word, f.Example, got)
			}
		}
		for _, choice := range f.Choices {
			for _, word := range append([]string{choice.Value}, choice.Aliases...) {
				fields := commands.Fields{}
				if m, ok := fields.Set(f.Key, word); !ok {
					t.Errorf("%s=%s: got the mistake %q, want none", f.Key, word, m.Sentence)
				}
				if got, _ := fields.Get(f.Key); got != choice.Value {
					t.Errorf("%s=%s is %s, want %s", f.Key, word, got, choice.Value)
				}
			}
		}
		if f.Default != "" {
			if got := value(t, f.Key, f.Key, f.Default); got != f.Default {
				t.Errorf("%s: got the default %s, want %s", f.Key, got, f.Default)
			}
		}
	}
}

func TestFieldTable_UniqueWords(t *testing.T) {
	of := map[string]string{}
	for _, f := range commands.AllFields() {
		for _, word := range append([]string{f.Key}, f.Aliases...) {
			word = strings.ReplaceAll(word, "_", "")
			if before, taken := of[word]; taken {
				t.Errorf("%s: got the fields %s and %s, want one", word, before, f.Key)
			}
			of[word] = f.Key
		}
	}
}

func TestAllFields_ReturnsCopies(t *testing.T) {
	before, fields := commands.AllFields(), commands.AllFields()
	for i := range fields {
		fields[i].Key = "x"
		for j := range fields[i].Aliases {
			fields[i].Aliases[j] = "x"
		}
		for j := range fields[i].Choices {
			fields[i].Choices[j].Value = "x"
		}
	}
	if diff := cmp.Diff(before, commands.AllFields()); diff != "" {
		t.Errorf("the table after a change of the copy, want (-) and got (+):\n%s", diff)
	}
}

func TestFieldNamed(t *testing.T) {
	if f, ok := commands.FieldNamed("Memory"); !ok || f.Key != "ram" || f.Label != "RAM" {
		t.Errorf("got %v, %t for Memory, want ram", f, ok)
	}
	if f, ok := commands.FieldNamed("gpu"); ok {
		t.Errorf("got %v for gpu, want none", f)
	}
}
