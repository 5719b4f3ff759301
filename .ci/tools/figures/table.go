package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// writeTables writes Markdown: what is counted once for the whole checkout, and a row for each package. before may be
// nil; a package that one of the two lacks has a dash there.
func writeTables(w io.Writer, before, after *Figures) error {
	var t tables
	t.whole(before, after)
	t.packages(before, after)
	_, err := io.WriteString(w, t.String())
	return err
}

// tables collects Markdown.
type tables struct{ strings.Builder }

func (t *tables) row(cells ...string) { fmt.Fprintf(t, "| %s |\n", strings.Join(cells, " | ")) }

func (t *tables) whole(before, after *Figures) {
	both := []*Figures{after}
	if before != nil {
		both = []*Figures{before, after}
	}
	head, rule := []string{"Measured"}, []string{"---"}
	for _, f := range both {
		head, rule = append(head, "`"+f.Commit+"`"), append(rule, "---:")
	}
	t.row(head...)
	t.row(rule...)
	for _, r := range []struct {
		name  string
		value func(*Figures) string
	}{
		{"Lines of ours that `cmd/bot` compiles", count(func(f *Figures) int { return f.Binary })},
		{"Lines of Go without tests", count(func(f *Figures) int { return f.Lines })},
		{"Lines of tests", count(func(f *Figures) int { return f.Tests })},
		{"Packages", count(func(f *Figures) int { return len(f.Packages) })},
		{"Exported names", count(func(f *Figures) int { return sum(f, func(p Package) int { return p.Exported }) })},
		{"Files that one purchase runs", count(func(f *Figures) int { return f.Run.Core })},
		{"The same with packages below `internal`", count(func(f *Figures) int { return f.Run.Files })},
		{"Functions that one purchase runs", count(func(f *Figures) int { return f.Run.Functions })},
		{"Longest function, in lines", largest(func(p Package) Function { return p.Longest })},
		{"Largest cyclomatic complexity", largest(func(p Package) Function { return p.Cyclomatic })},
		{"Largest cognitive complexity", largest(func(p Package) Function { return p.Cognitive })},
		{"nobody, somebody, whoever in Go without tests", count(func(f *Figures) int { return f.Words })},
		{"Lines over 120 columns: Go without tests", count(func(f *Figures) int { return f.Long.Go })},
		{"Lines over 120 columns: tests", count(func(f *Figures) int { return f.Long.Tests })},
		{"Lines over 120 columns: Markdown", count(func(f *Figures) int { return f.Long.Markdown })},
		{"Lines over 120 columns: shell", count(func(f *Figures) int { return f.Long.Shell })},
	} {
		cells := []string{r.name}
		for _, f := range both {
			cells = append(cells, r.value(f))
		}
		t.row(cells...)
	}
}

func (t *tables) packages(before, after *Figures) {
	all := maps.Clone(after.Packages)
	if before != nil {
		maps.Copy(all, before.Packages)
	}
	t.WriteString("\nA star marks the packages that `cmd/bot` links.")
	if before != nil {
		t.WriteString(" A cell with two figures compares before and after; a dash is a package that is not there.")
	}
	t.WriteString("\n\n")
	t.row("Package", "Files", "Lines", "Exported", "Longest function", "Cyclomatic", "Cognitive")
	t.row("---", "---:", "---:", "---:", "---:", "---:", "---:")
	for _, path := range slices.Sorted(maps.Keys(all)) {
		then, now := lookUp(before, path), lookUp(after, path)
		name := "`" + path + "`"
		if now != nil && now.Binary || now == nil && then.Binary {
			name += " \\*"
		}
		cells := []string{name}
		for _, value := range []func(Package) int{
			func(p Package) int { return p.Files },
			func(p Package) int { return p.Lines },
			func(p Package) int { return p.Exported },
			func(p Package) int { return p.Longest.Value },
			func(p Package) int { return p.Cyclomatic.Value },
			func(p Package) int { return p.Cognitive.Value },
		} {
			cell := figure(now, value)
			if before != nil {
				cell = figure(then, value) + " → " + cell
			}
			cells = append(cells, cell)
		}
		t.row(cells...)
	}
}

func lookUp(f *Figures, path string) *Package {
	if f == nil {
		return nil
	}
	if p, ok := f.Packages[path]; ok {
		return &p
	}
	return nil
}

func figure(p *Package, value func(Package) int) string {
	if p == nil {
		return "–"
	}
	return thousands(value(*p))
}

func count(value func(*Figures) int) func(*Figures) string {
	return func(f *Figures) string { return thousands(value(f)) }
}

func sum(f *Figures, value func(Package) int) (total int) {
	for _, p := range f.Packages {
		total += value(p)
	}
	return total
}

// largest names the function with the largest figure of all packages.
func largest(value func(Package) Function) func(*Figures) string {
	return func(f *Figures) string {
		path := slices.MaxFunc(slices.Sorted(maps.Keys(f.Packages)), func(a, b string) int {
			return cmp.Compare(value(f.Packages[a]).Value, value(f.Packages[b]).Value)
		})
		found := value(f.Packages[path])
		return fmt.Sprintf("%s (`%s`, %s)", thousands(found.Value), found.Name, path)
	}
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
