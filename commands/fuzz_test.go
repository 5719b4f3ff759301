package commands_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"licensebot/commands"
)

// checkSentences checks what every sentence promises to those who show it.
func checkSentences(t *testing.T, mistakes []commands.Mistake) {
	t.Helper()
	if len(mistakes) > 21 {
		t.Errorf("%d mistakes are more than a message can tell", len(mistakes))
	}
	for _, m := range mistakes {
		s := m.Sentence
		switch {
		case s == "":
			t.Error("a mistake has no sentence")
		case !utf8.ValidString(s) || !utf8.ValidString(m.Text):
			t.Errorf("bad UTF-8: %q", s)
		case utf8.RuneCountInString(s) > 300 || utf8.RuneCountInString(m.Text) > 40:
			t.Errorf("too long: %q", s)
		case strings.ContainsAny(s, "<>\n") || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) }):
			t.Errorf("not safe to show: %q", s)
		case strings.Count(s, "`")%2 != 0 || strings.Contains(s, "``"):
			t.Errorf("code marks that do not pair: %q", s)
		case !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?"):
			t.Errorf("no sentence: %q", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "help", "help ram", "list all page=2", "history", "show " + license, "order " + order, "cancel order " + order,
		"settle " + order, `pause reason="a \\ \"b\"" <@U1|“\u200dé> 'c'`, "resume \"a\u200d\\\u200d“b”\"", "pause \\\"", "pause \"a\" \"b\"",
		`buy ram=16 cpu=2 title="a \"b\" \\" description='it''s' --boost —no-member`,
		"buy ram = 16 GB, cpu:2 cores run limit=1,000 uptime=always running period=per month",
		"quote start=2027-01-01 end=2027-01-31 reason=“R&amp;D <@U1|bob> <#C1|x> <https://a.example|label>” project=" + project,
		"byu rma=16 ram=1.5 ram=2 users=3 title=my license \"open", "ram=16", "buy =:= ,;`'", "\u200d\u00a0é\u200dé <!here>",
		"buy title=<@U1|\u200d\"> x=<http://a|a>", "buy title=\"\xff\xfe\" days=1 period=range",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		command, mistakes := commands.Parse(text)
		checkSentences(t, mistakes)
		if command == nil {
			t.Fatal("no command")
		}
		printed := commands.Format(command)
		if len(mistakes) == 0 && len(printed) < 10_000 {
			checkPrintedParsesBack(t, command)
		}
		fields, mistakes := commands.ParseFields(text)
		checkSentences(t, mistakes)
		if len(mistakes) == 0 && len(printed) < 10_000 {
			checkPrintedParsesBack(t, commands.Buy{Fields: fields})
		}
	})
}

// FuzzSet does for forms what FuzzParse does for commands: what was set is printed so that it parses back.
func FuzzSet(f *testing.F) {
	f.Add("title", "a \"b\" <@U1> &amp;")
	f.Add("ram", "16 GB")
	f.Add("project", "https://cocalc.com/projects/"+project+"/files")
	f.Add("end", "2027-01-31")
	f.Fuzz(func(t *testing.T, key, text string) {
		var fields commands.Fields
		m, ok := fields.Set(key, text)
		if !ok {
			checkSentences(t, []commands.Mistake{m})
			return
		}
		if mistakes := fields.Settle(); len(mistakes) == 0 && len(text) < 5_000 {
			checkPrintedParsesBack(t, commands.Quote{Fields: fields})
		}
	})
}

// Whatever fields a form may hold together, what is printed of them parses to them.
func TestAnyFieldsPrintAndParseBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var fields commands.Fields
		for _, info := range commands.AllFields() {
			if !rapid.Bool().Draw(rt, "say "+info.Key) {
				continue
			}
			var text string
			switch info.Kind {
			case commands.KindNumber:
				text = rapid.StringMatching(`[0-9]{1,9}`).Draw(rt, info.Key)
			case commands.KindYesNo:
				text = rapid.SampledFrom([]string{"yes", "no"}).Draw(rt, info.Key)
			case commands.KindChoice:
				text = rapid.SampledFrom(info.Choices).Draw(rt, info.Key).Value
			case commands.KindText:
				text = rapid.String().Draw(rt, info.Key)
			case commands.KindDate:
				text = rapid.StringMatching(`20[0-9]{2}-0[1-9]-[12][0-8]`).Draw(rt, info.Key)
			case commands.KindProject:
				text = rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).Draw(rt, info.Key)
			}
			if m, ok := fields.Set(info.Key, text); !ok {
				rt.Fatalf("Set(%q, %q): %s", info.Key, text, m.Sentence)
			}
		}
		if len(fields.Settle()) > 0 {
			return // contradicts itself
		}
		want := commands.Buy{Fields: fields}
		got, mistakes := commands.Parse(commands.Format(want))
		if len(mistakes) > 0 {
			rt.Fatalf("%q has mistakes: %v", commands.Format(want), mistakes)
		}
		if diff := cmp.Diff(commands.Command(want), got); diff != "" {
			rt.Fatalf("%q parses to something else, -was +is:\n%s", commands.Format(want), diff)
		}
	})
}
