package page

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"licensebot/slacksim"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tagEnd is where the golden files break their lines.
var tagEnd = regexp.MustCompile(`>\s*<(article|blockquote|button|details|dialog|dd|div|dl|figure|footer|form|h\d|input|label|li|option|p|section|select|span|summary|svg|t|textarea|ul)`)

func TestBlocks(t *testing.T) {
	p := New(slacksim.New(slacksim.Options{}), Options{})
	files, err := filepath.Glob("testdata/blocks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &blockRenderer{
				id: "surface", reader: "U1", names: fewNames{}, errors: map[string]string{"why": "Say <why>."},
				inputs: map[string]map[string][]string{"kind": {"v": {"b"}}},
				conversations: func(string) []conversation {
					return []conversation{{Value: "U1", Text: "Ana"}, {Value: "U2", Text: "Ben <b>"}}
				},
			}
			out, err := p.render("blocks", s.blocks(raw))
			if err != nil {
				t.Fatal(err)
			}
			got := tagEnd.ReplaceAllString(regexp.MustCompile(`\s+`).ReplaceAllString(out, " "), ">\n<$1") + "\n"
			golden := strings.TrimSuffix(file, ".json") + ".html"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; run the test with -update and read the difference. Got:\n%s", golden, got)
			}
			for _, evil := range []string{"<script", "javascript:", "onclick", "style="} {
				if strings.Contains(strings.ReplaceAll(got, "#ZgotmplZ", ""), evil) {
					t.Errorf("%q in the page", evil)
				}
			}
		})
	}
}

func TestMarkdown(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"bold is doubled", "**a** *b*", "<p><strong>a</strong> <em>b</em></p>\n"},
		{"html is text", "a <b>x</b>", "<p>a &lt;b&gt;x&lt;/b&gt;</p>\n"},
		{"a block of html is text", "<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"},
		{"link", "[a](https://a.example/?x=1&y=2)", `<p><a href="https://a.example/?x=1&amp;y=2` + anchor + "a</a></p>\n"},
		{"a link that would run is its text", "[a](javascript:alert(1)) [b](data:text/html,x)", "<p>a b</p>\n"},
		{"an image is a link to it", "![cup](https://a.example/cup.png)", `<p><a href="https://a.example/cup.png` + anchor + "cup</a></p>\n"},
		{"bare address", "https://a.example/", `<p><a href="https://a.example/` + anchor + "https://a.example/</a></p>\n"},
		{"table", "|a|\n|-:|\n|1|", "<table>\n<thead>\n<tr>\n<th align=\"right\">a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"right\">1</td>\n</tr>\n</tbody>\n</table>\n"},
		{"list", "- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(markdown(c.in)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []float64
	}{
		{0, 240, []float64{0, 100, 200, 300}},
		{0, 4, []float64{0, 1, 2, 3, 4}},
		{0, 0, []float64{0, 0.25, 0.5, 0.75, 1}},
		{-30, 60, []float64{-50, -25, 0, 25, 50, 75}},
		{12, 9, []float64{0, 2.5, 5, 7.5, 10}},
	} {
		if got := ticks(c.low, c.high); !slices.Equal(got, c.want) {
			t.Errorf("ticks(%v, %v) = %v, want %v", c.low, c.high, got, c.want)
		}
	}
	for _, v := range []float64{math.SmallestNonzeroFloat64, 1e-300, 1e300, math.MaxFloat64, math.Inf(1), math.NaN()} {
		if got := ticks(-v, v); len(got) < 2 || len(got) > 13 {
			t.Errorf("ticks for ±%v: %v", v, got)
		}
	}
}

// TestChartsStayOnTheCanvas draws charts of odd values.
func TestChartsStayOnTheCanvas(t *testing.T) {
	point := slack.NewDataVisualizationDataPoint
	axis := slack.NewDataVisualizationAxisConfig("a", "b", "c")
	for name, c := range map[string]slack.DataVisualizationChart{
		"nothing":            slack.NewDataVisualizationPieChart(),
		"zeros":              slack.NewDataVisualizationPieChart(slack.NewDataVisualizationSegment("x", 0), slack.NewDataVisualizationSegment("y", 0)),
		"negative":           slack.NewDataVisualizationBarChart(axis, slack.NewDataVisualizationDataSeries("s", point("a", -5), point("b", 3), point("elsewhere", 9))),
		"no series":          slack.NewDataVisualizationLineChart(axis),
		"huge":               slack.NewDataVisualizationAreaChart(axis, slack.NewDataVisualizationDataSeries("s", point("a", 1e300), point("c", 1))),
		"one point, no axis": slack.NewDataVisualizationLineChart(slack.NewDataVisualizationAxisConfig(), slack.NewDataVisualizationDataSeries("s", point("a", 1))),
	} {
		out := chartOf(slack.NewDataVisualizationBlock("t", c))
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "NaN") || strings.Contains(string(text), "Inf") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
