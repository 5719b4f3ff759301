package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// position is a place in a file, by line and column.
type position struct{ line, column int }

func (p position) before(q position) bool {
	return p.line < q.line || p.line == q.line && p.column < q.column
}

// measureRun runs the test of one purchase with coverage of the given packages, and counts the files and functions of
// which a statement ran.
func measureRun(root, test string, packages []string) (Run, error) {
	dir, err := os.MkdirTemp("", "figures-")
	if err != nil {
		return Run{}, err
	}
	defer os.RemoveAll(dir)
	profile := filepath.Join(dir, "cover.out")
	out, err := output(root, "go", "test", "./bot", "-count=1", "-v", "-run", test,
		"-coverpkg="+strings.Join(packages, ","), "-coverprofile="+profile)
	if err != nil {
		return Run{}, err
	}
	if !strings.Contains(string(out), "--- PASS: Test") {
		return Run{}, fmt.Errorf("no test of package bot matches %s", test)
	}
	ran, err := readProfile(profile)
	if err != nil {
		return Run{}, err
	}
	module, err := output(root, "go", "list", "-m")
	if err != nil {
		return Run{}, err
	}
	prefix := strings.TrimSpace(string(module)) + "/"
	counted := Run{Files: len(ran)}
	for name, starts := range ran {
		functions, err := functionsWith(filepath.Join(root, strings.TrimPrefix(name, prefix)), starts)
		if err != nil {
			return Run{}, err
		}
		counted.Functions += functions
		if !strings.HasPrefix(name, prefix+"internal/") {
			counted.Core++
		}
	}
	return counted, nil
}

// readProfile returns the starts of the blocks that ran, by the name of the file. A line of a profile is
// "name.go:line.column,line.column statements count".
func readProfile(file string) (map[string][]position, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	ran := map[string][]position{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "mode:") {
			continue
		}
		name, block, found := strings.Cut(line, ".go:")
		var from, to position
		var statements, count int
		_, err := fmt.Sscanf(block, "%d.%d,%d.%d %d %d",
			&from.line, &from.column, &to.line, &to.column, &statements, &count)
		if !found || err != nil {
			return nil, fmt.Errorf("profile line %q: %w", line, err)
		}
		if count > 0 {
			ran[name+".go"] = append(ran[name+".go"], from)
		}
	}
	return ran, lines.Err()
}

// functionsWith counts the functions and methods of a file that hold one of the positions.
func functionsWith(file string, positions []position) (count int, err error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	for _, d := range parsed.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		from, to := files.Position(fn.Body.Pos()), files.Position(fn.Body.End())
		for _, p := range positions {
			if !p.before(position{from.Line, from.Column}) && p.before(position{to.Line, to.Column}) {
				count++
				break
			}
		}
	}
	return count, nil
}
