package page

import (
	"html"
	"html/template"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// html/template chooses its filter by the name of an attribute, also after "data-": it filters data-action, data-src
// and data-on… as addresses and scripts, and an id with a colon becomes #ZgotmplZ. So every attribute with an id of an
// app, or with the text of a person, needs a name with which its value stays unchanged.
func TestPage_Attributes_IdsOfApps(t *testing.T) {
	attribute := regexp.MustCompile(`[\s"](data-[a-z-]+|value|id|for|name|aria-[a-z]+|placeholder|title|download)="\{\{`)
	seen := map[string]bool{}
	err := fs.WalkDir(templateFiles, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(templateFiles, path)
		for _, found := range attribute.FindAllStringSubmatch(string(text), -1) {
			seen[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 20 {
		t.Fatalf("got %d attributes, want at least 20: %v", len(seen), seen)
	}
	for name := range seen {
		probe := template.Must(template.New("").Parse(`<span ` + name + `="{{.}}"></span>`))
		for _, value := range []string{"list_page:1", "javascript:alert(1)", `{"id":"a b&c","p":2}`, "ü — ✓", "a/b?c=d#e"} {
			var out strings.Builder
			if err := probe.Execute(&out, value); err != nil {
				t.Fatal(err)
			}
			if want := `<span ` + name + `="` + value + `"></span>`; html.UnescapeString(out.String()) != want {
				t.Errorf("%s with %q: got %s, want %s", name, value, out.String(), want)
			}
		}
	}
}
