package failpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// unmet maps the kinds of audit records that no listed transaction has to the reason why no kill test has them.
var unmet = map[string]string{
	"restored":              "written by bot restore, before any bot opens the ledger",
	"books":                 "only of a ledger that contradicts itself",
	"uncounted":             "only after twenty looks at a list of purchases that stays empty",
	"corrected":             "only when the list of purchases says something else than the item",
	"slack-lost":            "only after Slack has refused the bot's token for a minute",
	"slack-back":            "only when Slack takes the token again after that",
	"channel-read":          "only when a guest or another organization comes into a channel, or leaves it",
	"diagnosis":             "only when the CoCalc server stops selling licenses, or sells them again",
	"released":              "a week after a checkout of unknown outcome, on a server that sells no licenses any more",
	"subscription-resumed":  "in the place of subscription-cancelled, when a person resumes it",
	"subscription-repriced": "in the place of subscription-cancelled, when a person changes the license",
	"renewals":              "only when the renewals of an upgraded ledger pass the monthly budget",
	"agreement-void":        "only when an approver has lost the right before the last yes",
}

// Every constant is in the list, and the program uses each of them.
func TestAll_IsWhatTheCodeHits(t *testing.T) {
	consts := constants(t)
	for name, what := range consts {
		if !slices.Contains(names(), what) {
			t.Errorf("got no %s in the list, want every constant", name)
		}
	}
	used := map[string]bool{}
	for _, f := range program(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && types.ExprString(s.X) == "failpoint" {
				used[s.Sel.Name] = true
				if s.Sel.Name != "Transaction" && s.Sel.Name != "Hit" && s.Sel.Name != "Enabled" && s.Sel.Name != "Name" &&
					s.Sel.Name != "Phase" && s.Sel.Name != "Enable" && s.Sel.Name != "Commit" &&
					s.Sel.Name != "Before" && s.Sel.Name != "After" && consts[s.Sel.Name] == "" {
					t.Errorf("the code: got failpoint.%s, want one of the list", s.Sel.Name)
				}
			}
			return true
		})
	}
	for name := range consts {
		if !used[name] {
			t.Errorf("%s: got no code that hits it, want some", name)
		}
	}
	seen := map[Point]bool{}
	for _, s := range All() {
		if seen[s] {
			t.Errorf("%q: got it twice in the list, want once", s)
		}
		seen[s] = true
	}
}

// A function that hits the failpoint before an action also hits the one after it.
func TestHit_InPairs(t *testing.T) {
	calls := 0
	for path, f := range program(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			sides := map[string]int{}
			ast.Inspect(fn, func(n ast.Node) bool {
				c, ok := n.(*ast.CallExpr)
				if !ok || len(c.Args) != 2 {
					return true
				}
				if name := types.ExprString(c.Fun); name == "failpoint.Hit" || name == "passes" {
					calls++
					switch types.ExprString(c.Args[0]) {
					case "failpoint.Before":
						sides[types.ExprString(c.Args[1])]++
					case "failpoint.After":
						sides[types.ExprString(c.Args[1])]--
					}
				}
				return true
			})
			for what, n := range sides {
				if n != 0 {
					t.Errorf("%s: %s: got %s on one side only, want it before and after", path, fn.Name.Name, what)
				}
			}
		}
	}
	if calls < 8 { // a pair each: requests to CoCalc, commits, acknowledgements, requests to Slack
		t.Errorf("got %d calls, want at least 8", calls)
	}
}

// Every kind of audit record is in some listed transaction, or in unmet with a reason.
func TestAll_HasEveryAuditRecord(t *testing.T) {
	var listed []string
	for _, d := range transactions() {
		listed = append(listed, strings.Split(d, ", ")...)
	}
	kinds := auditKinds(t)
	if len(kinds) < 20 {
		t.Fatalf("got the kinds %q, want at least 20", kinds)
	}
	for _, kind := range kinds {
		_, excused := unmet[kind]
		if in := slices.Contains(listed, kind); in == excused {
			t.Errorf("audit records %q: got them in the list %t and in unmet %t, want one of the two", kind, in, excused)
		}
	}
}

// auditKinds returns the kinds of audit records that package purchase writes: those of Event literals, and all states.
func auditKinds(t *testing.T) (kinds []string) {
	texts := map[string]string{} // of constants
	for path, f := range program(t) {
		if !strings.Contains(filepath.ToSlash(path), "/purchase/") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if ok && len(v.Names) == 1 && len(v.Values) == 1 {
				if text, ok := literal(v.Values[0]); ok {
					texts[v.Names[0].Name] = text
					if v.Type != nil && types.ExprString(v.Type) == "State" {
						kinds = append(kinds, text)
					}
				}
			}
			return true
		})
	}
	for _, f := range program(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) { // an assignment to the field Kind
				for i, to := range a.Lhs {
					if field, ok := to.(*ast.SelectorExpr); ok && field.Sel.Name == "Kind" {
						if text, ok := literal(a.Rhs[i]); ok {
							kinds = append(kinds, text)
						}
					}
				}
			}
			c, ok := n.(*ast.CompositeLit)
			if !ok || c.Type == nil || ofPurchase(c.Type) != "Event" {
				return true
			}
			for _, e := range c.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok || types.ExprString(kv.Key) != "Kind" {
					continue
				}
				if text, ok := literal(kv.Value); ok {
					kinds = append(kinds, text)
				} else if call, ok := kv.Value.(*ast.CallExpr); ok && texts[ofPurchase(call.Args[0])] != "" {
					kinds = append(kinds, texts[ofPurchase(call.Args[0])])
				}
			}
			return true
		})
	}
	// The comparison with CoCalc passes its two kinds to one function.
	kinds = append(kinds, texts["NotificationForeign"], texts["NotificationUnexplained"])
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// constants returns the Names that list.go declares, by the names of their constants.
func constants(t *testing.T) map[string]Name {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "list.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Name{}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil && types.ExprString(v.Type) == "Name" {
			text, _ := literal(v.Values[0])
			all[v.Names[0].Name] = Name(text)
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("got %d constants, want more", len(all))
	}
	return all
}

func literal(e ast.Expr) (string, bool) {
	b, ok := e.(*ast.BasicLit)
	if !ok || b.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(b.Value)
	return text, err == nil
}

// ofPurchase returns the text of an expression without the qualifier "purchase.".
func ofPurchase(e ast.Expr) string { return strings.TrimPrefix(types.ExprString(e), "purchase.") }

// program parses the non-test files of the packages that have failpoints, by path.
func program(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	for _, dir := range []string{"cocalc", "storage", "bot", "purchase", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, 0)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
