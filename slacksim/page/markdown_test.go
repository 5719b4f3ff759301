package page

import (
	"testing"
)

func TestMarkdown_HTML(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"bold is doubled", "**a** *b*", "<p><strong>a</strong> <em>b</em></p>\n"},
		{"html is text", "a <b>x</b>", "<p>a &lt;b&gt;x&lt;/b&gt;</p>\n"},
		{"a block of html is text", "<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"},
		{"link", "[a](https://a.example/?x=1&y=2)", `<p><a href="https://a.example/?x=1&amp;y=2` + anchor + "a</a></p>\n"},
		{"a link that would run is its text", "[a](javascript:alert(1)) [b](data:text/html,x)", "<p>a b</p>\n"},
		{
			"an image is a link to it", "![cup](https://a.example/cup.png)",
			`<p><a href="https://a.example/cup.png` + anchor + "cup</a></p>\n",
		},
		{"bare address", "https://a.example/", `<p><a href="https://a.example/` + anchor + "https://a.example/</a></p>\n"},
		{
			"table", "|a|\n|-:|\n|1|",
			"<table>\n<thead>\n<tr>\n<th align=\"right\">a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"right\">1</td>\n" +
				"</tr>\n</tbody>\n</table>\n",
		},
		{"list", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(markdown(c.in)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
