package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Figures is one measurement of a checkout.
type Figures struct {
	Commit   string             `json:"commit"`   // abbreviated hash; ends with "+" if files differ from the commit
	Packages map[string]Package `json:"packages"` // by path below the module
	Lines    int                `json:"lines"`    // of non-test Go
	Tests    int                `json:"tests"`    // lines of test Go
	Binary   int                `json:"binary"`   // lines of ours that ./cmd/bot compiles
	Run      Run                `json:"run"`
	Words    int                `json:"words"` // nobody, somebody and whoever in non-test Go
	Long     Long               `json:"long"`
}

// Package is what is counted in the non-test Go files of one package.
type Package struct {
	Files      int      `json:"files"`
	Lines      int      `json:"lines"`
	Exported   int      `json:"exported"` // top-level names, and methods of exported types
	Longest    Function `json:"longest"`  // in lines, from func to the closing brace
	Cyclomatic Function `json:"cyclomatic"`
	Cognitive  Function `json:"cognitive"`
	Binary     bool     `json:"binary"` // whether ./cmd/bot links it
}

// Function is the function of a package with the largest figure.
type Function struct {
	Name  string `json:"name"`
	Value int    `json:"value"`
}

// Run is what one purchase runs, in the packages of the buying program but for cmd and simulators.
type Run struct {
	Files     int `json:"files"`
	Core      int `json:"core"` // of Files, those outside internal
	Functions int `json:"functions"`
}

// Long counts lines of more than 120 columns; a tab is one column.
type Long struct {
	Go       int `json:"go"`
	Tests    int `json:"tests"`
	Markdown int `json:"markdown"` // but for tables, and not counting the targets of links
	Shell    int `json:"shell"`    // shell scripts, Makefile and Dockerfile
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Module       *struct {
		Path string
		Main bool
	}
}

func measure(root, test string) (*Figures, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	all, err := list(root, "./...")
	if err != nil {
		return nil, err
	}
	linked, err := list(root, "-deps", "./cmd/bot")
	if err != nil {
		return nil, err
	}
	f := &Figures{Packages: map[string]Package{}}
	if f.Commit, err = commit(root); err != nil {
		return nil, err
	}
	for _, p := range all {
		measured, err := measurePackage(p)
		if err != nil {
			return nil, err
		}
		f.Packages[below(p)] = measured
		f.Lines += measured.Lines
		tests, err := countLines(p.Dir, append(p.TestGoFiles, p.XTestGoFiles...))
		if err != nil {
			return nil, err
		}
		f.Tests += tests
	}
	var covered []string
	for _, p := range linked {
		measured := f.Packages[below(p)]
		measured.Binary = true
		f.Packages[below(p)] = measured
		f.Binary += measured.Lines
		if !strings.HasPrefix(below(p), "cmd/") && !simulates(below(p)) {
			covered = append(covered, p.ImportPath)
		}
	}
	if f.Run, err = measureRun(root, test, covered); err != nil {
		return nil, err
	}
	if err := measureText(root, f); err != nil {
		return nil, err
	}
	return f, nil
}

// simulates reports whether a package stands in for CoCalc or Slack.
func simulates(path string) bool {
	return strings.HasSuffix(path, "test") || strings.Contains(path, "slacksim")
}

// list returns the packages of the main module among those that go list names.
func list(root string, args ...string) ([]listed, error) {
	out, err := output(root, "go", append([]string{"list", "-json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var packages []listed
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && p.Module.Main {
			packages = append(packages, p)
		}
	}
}

// below is the path of a package without that of the module.
func below(p listed) string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, p.Module.Path), "/")
}

func commit(root string) (string, error) {
	hash, err := output(root, "git", "rev-parse", "--short", "HEAD")
	if err != nil {
		return "", err
	}
	changes, err := output(root, "git", "status", "--porcelain")
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(string(hash))
	if len(bytes.TrimSpace(changes)) > 0 {
		name += "+"
	}
	return name, nil
}

// output runs a program in root. Its standard error is part of the error.
func output(root, name string, args ...string) ([]byte, error) {
	command := exec.Command(name, args...)
	command.Dir = root
	command.Env = append(os.Environ(), "PWD="+root)
	var errs bytes.Buffer
	command.Stderr = &errs
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, errs.Bytes(), out)
	}
	return out, nil
}

func countLines(dir string, files []string) (lines int, err error) {
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return 0, err
		}
		lines += bytes.Count(text, []byte("\n"))
	}
	return lines, nil
}
