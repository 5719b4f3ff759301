package layout

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the module path of go.mod, with which every import of this repository begins.
const module = "licensebot"

// slackGo is the Slack library. Only packages whose rule has slack set may import it.
const slackGo = "github.com/slack-go/slack"

// rule lists the packages of this repository that the packages in a folder may import.
type rule struct {
	dir     string
	imports []string // for code
	tests   []string // for tests, besides imports
	slack   bool     // they may import slack-go
}

// purchasing lists the packages that tests of purchasing may import: they run the whole Desk over a real ledger.
var purchasing = []string{
	"cocalc", "cocalc/cocalctest", "purchase", "purchase/desk", "purchase/orders", "purchase/purchasetest",
	"purchase/reconcile", "purchase/register", "storage",
}

// rules lists every folder of packages. The rule with the longest matching dir applies to a package; packages with the
// same rule may import each other. A new folder needs a rule.
var rules = []rule{
	{dir: "commands", tests: []string{"internal/goldenfile"}},
	{dir: "cocalc", imports: []string{"internal/backoff", "internal/failpoint"}, tests: []string{"cocalc/cocalctest"}},
	{dir: "cocalc/cocalctest", tests: []string{"cocalc"}},
	{dir: "purchase", imports: []string{"cocalc"}, tests: []string{
		"cocalc/cocalctest", "purchase/purchasetest", "purchase/reconcile", "storage",
	}},
	{dir: "purchase/register", imports: []string{"cocalc", "purchase"}, tests: purchasing},
	{
		dir:     "purchase/reconcile",
		imports: []string{"cocalc", "internal/backoff", "purchase", "purchase/register"},
		tests:   append(slices.Clone(purchasing), "storage/storagetest"),
	},
	{dir: "purchase/notify", imports: []string{"purchase", "purchase/register"}, tests: purchasing},
	{dir: "purchase/orders", imports: []string{"cocalc", "purchase", "purchase/register"}, tests: purchasing},
	{dir: "purchase/checkout", imports: []string{
		"cocalc", "internal/backoff", "purchase", "purchase/reconcile", "purchase/register",
	}, tests: purchasing},
	{dir: "purchase/upkeep", imports: []string{
		"cocalc", "internal/backoff", "purchase", "purchase/reconcile", "purchase/register",
	}, tests: purchasing},
	{dir: "purchase/desk", imports: []string{
		"purchase", "purchase/checkout", "purchase/notify", "purchase/orders", "purchase/reconcile", "purchase/register",
		"purchase/upkeep",
	}, tests: purchasing},
	{dir: "purchase/purchasetest", imports: []string{
		"cocalc", "cocalc/cocalctest", "purchase", "purchase/desk", "purchase/orders", "purchase/reconcile",
		"purchase/register", "storage",
	}},
	{dir: "storage", imports: []string{"purchase", "internal/failpoint"}, tests: []string{
		"storage/storagetest", "cocalc", "purchase/reconcile",
	}},
	{
		dir: "storage/storagetest", imports: []string{
			"purchase", "purchase/desk", "purchase/orders", "purchase/reconcile",
			"cocalc",
		},
		tests: []string{"cocalc/cocalctest"},
	},
	{
		dir: "bot", slack: true, imports: []string{
			"commands", "purchase", "purchase/orders", "internal/backoff", "internal/failpoint",
		},
		tests: []string{
			"purchase/desk",
			"cocalc", "cocalc/cocalctest", "storage", "storage/storagetest", "internal/app", "internal/goldenfile",
			"purchase/reconcile", "slacksim",
		},
	},
	{
		dir: "internal/app", slack: true,
		imports: []string{
			"bot", "cocalc", "internal/backoff", "internal/control", "internal/diagnosis", "internal/records", "purchase",
			"purchase/desk", "purchase/reconcile", "storage",
		},
		tests: []string{"cocalc/cocalctest", "internal/largeledger", "slacksim", "storage/storagetest"},
	},
	{dir: "internal/diagnosis", imports: []string{"cocalc"}},
	{dir: "slacksim", slack: true},
	{dir: "cmd/slacksim", imports: []string{"slacksim"}},
	{dir: "internal/backoff"},
	{dir: "internal/goldenfile"},
	{dir: "internal/layout"},
	{dir: "internal/failpoint"},
	{dir: "internal/killtest", tests: []string{
		"cocalc", "cocalc/cocalctest", "slacksim", "internal/app", "internal/failpoint", "purchase",
		"purchase/reconcile", "purchase/register", "storage",
	}},
	{dir: "internal/daytest", tests: []string{
		"bot", "cocalc", "cocalc/cocalctest", "internal/app", "purchase", "purchase/reconcile", "slacksim",
	}},
	{dir: "internal/mutants"},
	{dir: "internal/simulation", slack: true, imports: []string{
		"commands", "cocalc", "cocalc/cocalctest", "purchase", "purchase/desk", "purchase/reconcile",
		"storage", "bot", "internal/app",
	}},
	{
		dir: "internal/control", imports: []string{"internal/records", "storage", "purchase"},
		tests: []string{"storage/storagetest"},
	},
	{dir: "internal/records", imports: []string{"purchase"}, tests: []string{"storage/storagetest"}},
	{dir: "internal/config", imports: []string{
		"bot", "cocalc", "commands", "internal/app", "internal/escape",
		"purchase",
	}},
	{dir: "internal/escape"},
	{dir: "internal/cli", imports: []string{"internal/app", "purchase"}},
	{
		dir: "internal/benchscale", imports: []string{"cocalc/cocalctest", "internal/largeledger", "slacksim"},
		tests: []string{"purchase", "storage"},
	},
	{
		dir: "internal/largeledger", imports: []string{
			"cocalc", "purchase", "purchase/orders", "purchase/reconcile", "purchase/register", "storage",
		},
		tests: []string{"purchase/purchasetest"},
	},
	{dir: "internal/processtest", imports: []string{"internal/config"}},
	{
		dir: "cmd/bot", slack: true, imports: []string{
			"commands", "cocalc", "purchase", "purchase/orders", "purchase/reconcile", "purchase/register", "storage", "bot",
			"internal/app", "internal/cli", "internal/config", "internal/control", "internal/diagnosis", "internal/escape",
			"internal/failpoint", "internal/records",
		},
		tests: []string{
			"cocalc/cocalctest", "internal/goldenfile", "internal/largeledger", "internal/processtest", "purchase/desk",
			"slacksim",
		},
	},
	{
		dir: "cmd/demo", imports: []string{
			"cocalc", "cocalc/cocalctest", "purchase", "bot", "internal/app", "internal/cli", "internal/config",
			"internal/largeledger", "slacksim",
		},
		tests: []string{"internal/goldenfile", "internal/processtest", "storage"},
	},
}

func TestPackages_Imports_FollowTheRules(t *testing.T) {
	for _, f := range sources(t) {
		home, known := ruleFor(f.dir)
		if !known {
			t.Errorf("%s: got no rule for its folder, want one in the table", f.path)
			continue
		}
		for _, imported := range f.imports {
			if within(imported, slackGo) && !home.slack {
				t.Errorf("%s: got the import of %s, want it only where the table allows it", f.path, imported)
			}
			of, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			there, known := ruleFor(of)
			switch {
			case known && there.dir == home.dir:
			case known && slices.Contains(home.imports, there.dir):
			case known && f.isTest && slices.Contains(home.tests, there.dir):
			default:
				t.Errorf("%s: got the import of %s; %s: want only %s", f.path, imported, home.dir, importsAllowed(home, f.isTest))
			}
		}
	}
}

// Packages that pay or keep the ledger must not depend on Slack, not even through other packages.
func TestPackages_Money_KnowsNoSlack(t *testing.T) {
	imports := map[string][]string{}
	for _, f := range sources(t) {
		if !f.isTest {
			pkg := module + "/" + f.dir
			imports[pkg] = append(imports[pkg], f.imports...)
		}
	}
	for _, start := range []string{"commands", "cocalc", "cocalc/cocalctest", "purchase", "storage"} {
		if way := importPath(imports, module+"/"+start, slackGo, map[string]bool{}); way != nil {
			t.Errorf("%s: got a way to Slack, want none: %s", start, strings.Join(way, " → "))
		}
	}
}

func TestPackages_Comments_Introduce(t *testing.T) {
	comments := map[string]string{}
	for _, f := range sources(t) {
		if f.isTest {
			continue
		}
		start := "Package " + f.pkg + " "
		if f.pkg == "main" {
			start = "Command " + path.Base(f.dir) + " "
		}
		if _, seen := comments[f.dir]; !seen {
			comments[f.dir] = start
		}
		if strings.HasPrefix(f.doc, start) {
			comments[f.dir] = ""
		}
	}
	for dir, missing := range comments {
		if missing != "" {
			t.Errorf("%s: got no package comment that begins with %q, want one", dir, missing)
		}
	}
}

func TestFiles_Length(t *testing.T) {
	const most = 450
	for _, f := range sources(t) {
		if f.lines > most {
			t.Errorf("%s: got %d lines, want at most %d", f.path, f.lines, most)
		}
	}
}

func TestFiles_Names_SayWhatIsInside(t *testing.T) {
	nothing := []string{"util", "utils", "helper", "helpers", "common", "misc", "types", "stuff", "base", "lib"}
	for _, f := range sources(t) {
		name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
		for _, n := range append(strings.Split(f.dir, "/"), name) {
			if slices.Contains(nothing, n) {
				t.Errorf("%s: got the name %q, want one that says what is inside", f.path, n)
			}
		}
	}
}

// Every rule is the rule of some package.
func TestPackages_Rules_NameExistingOnes(t *testing.T) {
	found := map[string]bool{}
	for _, f := range sources(t) {
		if home, known := ruleFor(f.dir); known {
			found[home.dir] = true
		}
	}
	for _, r := range rules {
		if !found[r.dir] {
			t.Errorf("got a rule for %s, want a package of that name", r.dir)
		}
	}
}

// source describes a Go file for the tests of this package.
type source struct {
	path    string // from the root, with slashes
	dir     string
	pkg     string
	isTest  bool
	doc     string // the package comment
	imports []string
	lines   int
}

// sources reads all Go files of the module, except for those in folders that the go command ignores.
func sources(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	var all []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a temporary file that is already deleted
			}
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			hidden := strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")
			if name != root && (hidden || base == "testdata" || base == "node_modules" || base == "vendor") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		s, err := readSource(name, filepath.ToSlash(rel))
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("got no Go file, want some")
	}
	return all
}

func readSource(file, rel string) (source, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return source{}, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	s := source{
		path: rel, dir: path.Dir(rel), pkg: parsed.Name.Name, isTest: strings.HasSuffix(rel, "_test.go"),
		doc: docOf(parsed), lines: bytes.Count(text, []byte("\n")),
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, fmt.Errorf("%s imports %s: %w", rel, spec.Path.Value, err)
		}
		s.imports = append(s.imports, imported)
	}
	return s, nil
}

func docOf(f *ast.File) string {
	if f.Doc == nil {
		return ""
	}
	return f.Doc.Text()
}

// moduleRoot returns the folder of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("got no go.mod above the working directory, want one")
		}
		dir = up
	}
}

// ruleFor returns the rule that applies to a package, given its folder; ok is false if there is none.
func ruleFor(dir string) (_ rule, ok bool) {
	best := rule{}
	for _, r := range rules {
		if within(dir, r.dir) && len(r.dir) > len(best.dir) {
			best = r
		}
	}
	return best, best.dir != ""
}

func within(dir, outer string) bool { return dir == outer || strings.HasPrefix(dir, outer+"/") }

// importsAllowed describes the allowed imports of a rule, for failures.
func importsAllowed(r rule, isTest bool) string {
	may := slices.Clone(r.imports)
	if isTest {
		may = append(may, r.tests...)
	}
	if len(may) == 0 {
		return "no package of this repository"
	}
	return strings.Join(may, ", ")
}

// importPath returns a chain of imports from one package to another; nil if there is none.
func importPath(imports map[string][]string, from, to string, seen map[string]bool) []string {
	if within(from, to) {
		return []string{from}
	}
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, next := range imports[from] {
		if way := importPath(imports, next, to, seen); way != nil {
			return append([]string{from}, way...)
		}
	}
	return nil
}
