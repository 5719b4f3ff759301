package layout

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is the maximum length of a line of Markdown or of a shell script; golangci-lint checks lines of Go.
const columns = 120

// linkTarget matches the target of a Markdown link, which may be long.
var linkTarget = regexp.MustCompile(`\]\([^)]*\)|<?https?://[^\s>)]*>?`)

// Tables and links of Markdown may have longer lines.
func TestFiles_Lines_HaveAtMost120Columns(t *testing.T) {
	root, found := moduleRoot(t), 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if strings.HasPrefix(name, ".") && name != ".ci" && path != root || name == "testdata" || name == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		markdown := strings.HasSuffix(name, ".md")
		if !entry.Type().IsRegular() || strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !markdown && name != "Makefile" && name != "Dockerfile" && !bytes.HasPrefix(text, []byte("#!")) {
			return nil
		}
		found++
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			line = strings.TrimRight(line, "\r\n")
			if markdown && strings.HasPrefix(strings.TrimSpace(line), "|") {
				continue
			}
			if markdown {
				line = linkTarget.ReplaceAllString(line, "")
			}
			if got := utf8.RuneCountInString(line); got > columns {
				t.Errorf("%s:%d: got %d columns, want at most %d", strings.TrimPrefix(path, root+"/"), number, got, columns)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("got %d files; the search finds too few", found)
	}
}
