package page

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

type fewNames struct{}

func (fewNames) UserName(id string) string    { return map[string]string{"U1": "Ana <b>"}[id] }
func (fewNames) ChannelName(id string) string { return map[string]string{"C1": "general"}[id] }
func (fewNames) GroupName(id string) string   { return map[string]string{"S1": "finance"}[id] }

const anchor = `" target="_blank" rel="noopener noreferrer">`

func TestMrkdwn_Markup(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"bold", "*Buy* now", "<strong>Buy</strong> now"},
		{"italic", "_maybe_", "<em>maybe</em>"},
		{"strike", "~gone~", "<del>gone</del>"},
		{"nested marks", "*_both_* and ~*x*~", "<strong><em>both</em></strong> and <del><strong>x</strong></del>"},
		{"a mark between letters is a letter", "snake_case_name 2*3*4", "snake_case_name 2*3*4"},
		{"a mark before a space does not open", "* a *b*", "* a <strong>b</strong>"},
		{"a mark after a space does not close", "*a * b", "*a * b"},
		{"a mark without an end stays", "*open _and_ so on", "*open <em>and</em> so on"},
		{"marks do not cross lines", "*a\nb*", "*a<br>b*"},
		{"crossing marks stay balanced", "*a _b* c_", "<strong>a _b</strong> c_"},
		{"doubled marks are no marks", "**x**", "**x**"},
		{"code", "`a *b* c`", "<code>a *b* c</code>"},
		{"code is not bold", "*`x*y`*", "<strong><code>x*y</code></strong>"},
		{"a link in code reads as its text", "`<https://a.example|a>`", "<code>a</code>"},
		{"pre", "so:\n```\na  b\n<x>\n```\nend", "so:<pre>a  b\n&lt;x&gt;</pre>end"},
		{"pre without an end", "```abc", "```abc"},
		{"quote", "&gt; a\n> b\nc", "<blockquote>a<br>b</blockquote>c"},
		{"quote to the end", ">>> a\nb\n> c", "<blockquote>a<br>b<br>&gt; c</blockquote>"},
		{"lists are text", "• one\n• two", "• one<br>• two"},
		{"entities", "a &lt; b &amp;&amp; c &gt; d &quot;", "a &lt; b &amp;&amp; c &gt; d &amp;quot;"},
		{"an escaped entity stays escaped", "&amp;lt;", "&amp;lt;"},
		{"emoji", ":white_check_mark: 12:30:45 :nope:", "✅ 12:30:45 :nope:"},
		{
			"link", "<https://a.example/x?a=1&amp;b=2|the *x*>",
			`<a href="https://a.example/x?a=1&amp;b=2` + anchor + `the *x*</a>`,
		},
		{"link without a label", "<https://a.example>", `<a href="https://a.example` + anchor + `https://a.example</a>`},
		{"mail", "<mailto:a@b.example>", `<a href="mailto:a@b.example` + anchor + `a@b.example</a>`},
		{
			"bare address ends before the full stop", "see https://a.example/b.",
			`see <a href="https://a.example/b` + anchor + `https://a.example/b</a>.`,
		},
		{
			"mention", "<@U1> <@U2|bob> <@U3> <#C1> <#C9|gone>",
			`<span class="mention">@Ana &lt;b&gt;</span> <span class="mention">@bob</span> <span class="mention">@U3</span>` +
				` <span class="mention">#general</span> <span class="mention">#gone</span>`,
		},
		{
			"broadcast", "<!here> <!channel|channel>",
			`<span class="mention broadcast">@here</span> <span class="mention broadcast">@channel</span>`,
		},
		{"group", "<!subteam^S1>", `<span class="mention">@finance</span>`},
		{"unknown command", "<!magic|label> <!magic>", `label &lt;!magic&gt;`},
		{
			"date", "<!date^1392734382^{date_short_pretty} at {time}|Feb 18>",
			`<time data-epoch="1392734382" data-format="{date_short_pretty} at {time}">Feb 18</time>`,
		},
		{
			"date with a link", "<!date^0^{date}^https://a.example|then>",
			`<a href="https://a.example` + anchor + `<time data-epoch="0" data-format="{date}">then</time></a>`,
		},
		{"date that is none", "<!date^soon^{date}|later>", "later"},

		{"script", "<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
		{"escaped script", "&lt;script&gt;", "&lt;script&gt;"},
		{"javascript link", "<javascript:alert(1)|click>", "&lt;javascript:alert(1)|click&gt;"},
		{"javascript link in disguise", "<\tJaVaScRiPt:alert(1)|x>", "&lt;\tJaVaScRiPt:alert(1)|x&gt;"},
		{
			"quotes leave no attribute", `<https://a.example/"onclick="x|l>`,
			`<a href="https://a.example/&#34;onclick=&#34;x` + anchor + `l</a>`,
		},
		{"quotes in a date's format", `<!date^1^"&gt;&lt;b|f>`, `<time data-epoch="1" data-format="&#34;&gt;&lt;b">f</time>`},
		{"mention label with markup", "<@U9|&lt;img src=x&gt;>", `<span class="mention">@&lt;img src=x&gt;</span>`},
		{"angle that never ends", "a < b *c*", "a &lt; b <strong>c</strong>"},
		{"empty angle", "<>", "&lt;&gt;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(Mrkdwn(c.in, fewNames{})); got != c.want {
				t.Errorf("\n in   %q\n got  %s\n want %s", c.in, got, c.want)
			}
		})
	}
}

func TestPlainText_Emoji(t *testing.T) {
	for _, c := range []struct {
		name, in string
		emoji    bool
		want     string
	}{
		{"no markup", "*R&amp;D* <@U1>", true, "*R&amp;D* &lt;@U1&gt;"},
		{"emoji", ":moneybag: now", true, "💰 now"},
		{"no emoji", ":moneybag: now", false, ":moneybag: now"},
		{"lines", "a\nb", true, "a<br>b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(plainText(c.in, c.emoji)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Hostile texts of the greatest length that Slack accepts don't block the page.
func TestMrkdwn_Duration(t *testing.T) {
	for _, unit := range []string{
		"*a ", "*_~", "<", "`", "a:", "```", "> ", ">>> \n", "https://a", "<a|*", "*a _b ~c `d ",
	} {
		text := strings.Repeat(unit, 40000/len(unit))
		start := time.Now()
		Mrkdwn(text, fewNames{})
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%q repeated: got %v, want at most 2 s", unit, took)
		}
	}
}

func FuzzMrkdwn(f *testing.F) {
	for _, s := range []string{
		"*a* _b_ ~c~ `d`", "```x```", "> q\n>>> r", "<https://a.example|l>", "<!date^1^{date}^https://x.example|f>",
		"<@U1|x>",
		"<script>", "*<a*b>*", "`*`*`", "&lt;b&gt; &amp;lt;", "<javascript:x|y>", "\x00\xff*a\xff*", "<!date^1^'\"|<>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := string(Mrkdwn(text, fewNames{}))
		checkSafe(t, out, "")
		checkSafe(t, string(plainText(text, true)), "")
	})
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{
		"**a** [l](https://a.example \"t\")", "<b>x</b>", "<script>\n\nx", "|a|b|\n|:-|-:|\n|1|2|", "- [x] done\n1. one",
		"![i](javascript:x)",
		"<https://a.example> <a@b.example>", "```go\nx\n```", "# h\n---\n> q", "[a]: javascript:x\n[a]", "~~x~~ \\<b>",
		"<!-- x -->", "<?x?>", "&#106;avascript:",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkSafe(t, string(markdown(text)), "p h1 h2 h3 h4 h5 h6 ul ol li table thead tbody tr th td hr input")
	})
}

// checkSafe checks that out is well-formed, and has only tags and attributes that the renderer writes, or tags in
// besides.
func checkSafe(t *testing.T, out, besides string) {
	t.Helper()
	allowed := map[string]string{
		"strong": "", "em": "", "del": "", "code": "", "pre": "", "blockquote": "", "br": "",
		"a": "href target rel", "span": "class", "time": "data-epoch data-format",
	}
	for _, tag := range strings.Fields(besides) {
		allowed[tag] = "align start type checked disabled"
	}
	if besides != "" {
		allowed["code"] = "class"
	}
	var open []string
	z := html.NewTokenizer(strings.NewReader(out))
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("got open tags %v, want none in %q", open, out)
			}
			return
		case html.StartTagToken:
			attributes, ok := allowed[token.Data]
			if !ok {
				t.Fatalf("got tag <%s>, want none of its kind in %q", token.Data, out)
			}
			for _, a := range token.Attr {
				if !strings.Contains(attributes, a.Key) {
					t.Errorf("got attribute %s of <%s>, want only %q in %q", a.Key, token.Data, attributes, out)
				}
				if a.Key == "href" && !linkable(a.Val) {
					t.Errorf("got a link to %q, want only web and mail addresses in %q", a.Val, out)
				}
			}
			if token.DataAtom != atom.Br && token.DataAtom != atom.Hr && token.DataAtom != atom.Input {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("got </%s> without an open tag, want balanced tags in %q", token.Data, out)
			}
			open = open[:len(open)-1]
		case html.CommentToken, html.DoctypeToken, html.SelfClosingTagToken:
			t.Fatalf("got %s, want no such token in %q", kind, out)
		case html.TextToken: // any text
		}
	}
}
