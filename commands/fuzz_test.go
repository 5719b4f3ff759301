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
		t.Errorf("got %d mistakes, want at most 21", len(mistakes))
	}
	for _, m := range mistakes {
		s := m.Sentence
		switch {
		case s == "":
			t.Error("got a mistake without a sentence, want one")
		case !utf8.ValidString(s) || !utf8.ValidString(m.Text):
			t.Errorf("got the sentence %q, want valid UTF-8", s)
		case utf8.RuneCountInString(s) > 300 || utf8.RuneCountInString(m.Text) > 40:
			t.Errorf("got the sentence %q, want at most 300 characters", s)
		case strings.ContainsAny(s, "<>\n") || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) }):
			t.Errorf("got the sentence %q, want nothing in it that Slack would format", s)
		case strings.Count(s, "`")%2 != 0 || strings.Contains(s, "``"):
			t.Errorf("got the sentence %q, want its code marks in pairs", s)
		case !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?"):
			t.Errorf("got %q, want a sentence", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "help", "help ram", "list all page=2", "history", "show " + license, "order " + order, "cancel order " + order,
		"settle " + order, `pause reason="a \\ \"b\"" <@U1|“\u200dé> 'c'`, "resume \"a\u200d\\\u200d“b”\"", "pause \\\"",
		"pause \"a\" \"b\"",
		`buy ram=16 cpu=2 title="a \"b\" \\" description='it''s' --boost —no-member`,
		"buy ram = 16 GB, cpu:2 cores run limit=1,000 uptime=always running period=per month",
		"quote start=2027-01-01 end=2027-01-31 reason=“R&amp;D <@U1|bob> <#C1|x> <https://a.example|label>” project=" +
			project,
		"byu rma=16 ram=1.5 ram=2 users=3 title=my license \"open", "ram=16", "buy =:= ,;`'", "\u200d\u00a0é\u200dé <!here>",
		"• buy ram＝１６\n‣ cpu：٢، end=31. 12. 2027. title=「１６ – 2.」", "buy 1. ram=1٬000\n2) run‑limit=𝟏", "show …5c6e.",
		"order id：０１ｊｄ８",
		"renew", "export csv", "list mine", "history <@U1|bob>", "buy gpu=1", "buy end=2027‑12–31 start=2027−1ー1", "ｌｉｓｔ　ａｌｌ",
		"buy title=<@U1|\u200d\"> x=<http://a|a>", "buy title=\"\xff\xfe\" days=1 period=range",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		command, mistakes := commands.Parse(text)
		checkSentences(t, mistakes)
		if command == nil {
			t.Fatal("got no command, want one")
		}
		checkParts(t, command)
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

// checkParts checks what a part of an id promises to those who look it up: it can begin or end an id, is long enough,
// and never stands beside a whole id.
func checkParts(t *testing.T, command commands.Command) {
	t.Helper()
	id, part, alphabet, whole := "", "", "", 0
	switch c := command.(type) {
	case commands.Show:
		id, part, alphabet, whole = c.ID, c.Part, "0123456789abcdef-", 36
	case commands.Order:
		id, part, alphabet, whole = c.ID, c.Part, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26
	}
	if part == "" {
		return
	}
	if id != "" || len(part) < 4 || len(part) >= whole || strings.Trim(part, alphabet) != "" {
		t.Errorf("got %#v, want a part of an id", command)
	}
}

// FuzzDisguises types fields as other keyboards, phones and documents do, and expects the same fields.
func FuzzDisguises(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(disguised))
}

func TestParse_Disguises(t *testing.T) { rapid.Check(t, disguised) }

func disguised(rt *rapid.T) {
	var zeros []rune // of every script that has decimal digits
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.Is(unicode.Nd, r) && (len(zeros) == 0 || r > zeros[len(zeros)-1]+9) {
			zeros = append(zeros, r)
		}
	}
	pick := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, what) }
	disguise := func(text string, title bool) string {
		var b strings.Builder
		zero := rapid.SampledFrom(zeros).Draw(rt, "script")
		wide := rapid.Bool().Draw(rt, "fullwidth")
		dash := pick("dash", "-", "‐", "‑", "‒", "–", "—", "−", "－", "ー")
		for _, r := range text {
			switch {
			case title:
				b.WriteRune(r)
			case '0' <= r && r <= '9':
				b.WriteRune(zero + r - '0')
			case r == '-':
				b.WriteString(dash)
			case wide && ('a' <= r && r <= 'z' || r == '_' || r == '/'):
				b.WriteRune(r - '!' + '！')
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	date := rapid.StringMatching(`20[0-9]{2}-0[1-9]-[12][0-8]`)
	end := date.Draw(rt, "end")
	values := []struct{ key, value string }{
		{"ram", rapid.StringMatching(`[0-9]{1,9}`).Draw(rt, "ram")},
		{"run_limit", rapid.StringMatching(`[0-9]{1,9}`).Draw(rt, "run_limit")},
		{"uptime", pick("uptime", "short", "always_running", "24/7")},
		{"boost", pick("boost", "yes", "no")},
		{"end", end},
		{"project", rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).Draw(rt, "project")},
		{"title", rapid.StringMatching(`[0-9a-z１-９–.，。-]{1,8}`).Draw(rt, "title")},
	}
	var want commands.Fields
	typed := ""
	for _, v := range values {
		if m, ok := want.Set(v.key, v.value); !ok {
			rt.Fatalf("Set(%q, %q): got %q, want no mistake", v.key, v.value, m.Sentence)
		}
		value := disguise(v.value, v.key == "title")
		switch v.key {
		case "title":
			value = pick("quotes", `"%"`, "“%”", "「%」", "＂%＂", "«%»")
			value = strings.Replace(value, "%", v.value, 1)
		case "end":
			if rapid.Bool().Draw(rt, "day first") {
				value = disguise(end[8:]+"."+end[5:7]+"."+end[:4], false)
			}
			value += pick("stop", "", ".", "。", "!")
		default:
			value += pick("stop", "", ".", "．", "…", "!", ")")
		}
		typed += pick("bullet", "\n• ", "\n- ", "\n•", "\n1. ", ", ", "、", "； ", " | ", " – ", "　") +
			disguise(v.key, false) + pick("mark", "=", " = ", "＝", ":", "：", "﹦") + value
	}
	if mistakes := want.Settle(); len(mistakes) > 0 {
		rt.Fatalf("got the mistakes %v, want none", mistakes)
	}
	got, mistakes := commands.ParseFields(typed)
	if len(mistakes) > 0 {
		rt.Fatalf("%q: got the mistakes %v, want none", typed, mistakes)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("%q parses to something else, -want +got:\n%s", typed, diff)
	}
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
func TestFormatFields_RoundTrip(t *testing.T) {
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
				rt.Fatalf("Set(%q, %q): got %q, want no mistake", info.Key, text, m.Sentence)
			}
		}
		if len(fields.Settle()) > 0 {
			return // contradicts itself
		}
		want := commands.Buy{Fields: fields}
		got, mistakes := commands.Parse(commands.Format(want))
		if len(mistakes) > 0 {
			rt.Fatalf("%q: got mistakes %v, want none", commands.Format(want), mistakes)
		}
		if diff := cmp.Diff(commands.Command(want), got); diff != "" {
			rt.Fatalf("%q: got another command (-want +got):\n%s", commands.Format(want), diff)
		}
	})
}
