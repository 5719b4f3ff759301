package page

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"licensebot/slacksim"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tagEnd is where the golden files break their lines.
var tagEnd = regexp.MustCompile(`>\s*<(article|blockquote|button|details|dialog|dd|div|dl|figure|footer|form|h\d|` +
	`input|label|li|option|p|section|select|span|summary|svg|t|textarea|ul)`)

func TestBlocks_Golden(t *testing.T) {
	p := New(slacksim.New(slacksim.Options{}), Options{})
	files, err := filepath.Glob("testdata/blocks/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v; want test data", len(files), err)
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
				t.Errorf("%s: got\n%s\nwant\n%s\nRun the test with -update and read the difference", golden, got, want)
			}
			for _, evil := range []string{"<script", "javascript:", "onclick", "style="} {
				if strings.Contains(strings.ReplaceAll(got, "#ZgotmplZ", ""), evil) {
					t.Errorf("got %q in the page, want it escaped", evil)
				}
			}
		})
	}
}
