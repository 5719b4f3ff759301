package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// columns is how long a line may be.
const columns = 120

var (
	words = regexp.MustCompile(`(?i)\b(nobody|somebody|whoever)\b`)
	// target matches where a link leads: (…) of Markdown, and a bare address.
	target = regexp.MustCompile(`\]\([^)]*\)|<?https?://[^\s>)]*>?`)
)

// measureText counts words and long lines in the files of a checkout.
func measureText(root string, f *Figures) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			hidden := strings.HasPrefix(name, ".") && name != ".ci" && path != root
			if hidden || name == "testdata" || name == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		isTest := strings.HasSuffix(name, "_test.go")
		switch {
		case isTest:
			f.Long.Tests += longLines(text, nil)
		case strings.HasSuffix(name, ".go"):
			f.Long.Go += longLines(text, nil)
			f.Words += len(words.FindAll(text, -1))
		case strings.HasSuffix(name, ".md"):
			f.Long.Markdown += longLines(text, withoutLinks)
		case isShell(name, text):
			f.Long.Shell += longLines(text, nil)
		}
		return nil
	})
}

func isShell(name string, text []byte) bool {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	return name == "Makefile" || name == "Dockerfile" || strings.HasSuffix(name, ".sh") ||
		bytes.HasPrefix(first, []byte("#!")) && bytes.Contains(first, []byte("sh"))
}

// withoutLinks returns a line of Markdown without what may be long: it is empty for the row of a table, and the targets
// of links are left out.
func withoutLinks(line []byte) []byte {
	if bytes.HasPrefix(bytes.TrimSpace(line), []byte("|")) {
		return nil
	}
	return target.ReplaceAll(line, nil)
}

// longLines counts the lines of a text that have too many columns after the change.
func longLines(text []byte, change func([]byte) []byte) (count int) {
	for line := range bytes.Lines(text) {
		if change != nil {
			line = change(line)
		}
		if utf8.RuneCount(bytes.TrimRight(line, "\r\n")) > columns {
			count++
		}
	}
	return count
}
