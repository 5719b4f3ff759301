package slacksim_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Any Slack app can use these packages: they import no other package of this module, and only the packages for tests
// import testing.
func TestPackages_Imports(t *testing.T) {
	const module = "licensebot"
	forTests := []string{"slacktest", "page/pagetest"}
	packages := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		packages[dir] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			inModule := imported == module || strings.HasPrefix(imported, module+"/")
			if inModule && imported != module+"/slacksim" && !strings.HasPrefix(imported, module+"/slacksim/") {
				t.Errorf("imports of %s: got %s, want none of this module from outside of slacksim", path, imported)
			}
			isTest := strings.HasSuffix(path, "_test.go") || slices.Contains(forTests, dir)
			if !isTest && (imported == "testing" || strings.HasPrefix(imported, "testing/")) {
				t.Errorf("imports of %s: got %s, want it only in %s", path, imported, strings.Join(forTests, " and "))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append([]string{".", "blockkit", "page"}, forTests...) {
		if !packages[want] {
			t.Errorf("files of package %s: got none, want some", want)
		}
	}
}
