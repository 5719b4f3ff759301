package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logVerbs lists the verbs with which log messages begin.
var logVerbs = strings.Fields(
	`acknowledge add answer ask back begin cancel check close compact compare connect continue count delete doubt drop end
	enter fail find finish forget give go hold ignore keep leave let listen load look lose make miss move open
	pause post prune put reach read recover record refuse remove repeat replace rest restore resume retry return run
	save send set show skip start stop take tell try turn update upgrade use verify
	wait warn write`)

// A log message begins with a verb in its base form, which says what the program does. Durations are whole milliseconds
// in a field whose name ends in _ms.
func TestLog_Messages_ReadAlike(t *testing.T) {
	root := moduleRoot(t)
	found := 0
	for _, s := range sources(t) {
		if s.isTest {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, s.path), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch method.Sel.Name {
			case "Dur":
				t.Errorf("%s: got a duration without its unit, want a field named …_ms", s.path)
			case "Int", "Int64", "Float64":
				name, literal := "", false
				if len(call.Args) > 0 {
					name, literal = beginning(call.Args[0])
				}
				if literal && otherUnit.MatchString(name) {
					t.Errorf("%s: got the field %q, want milliseconds in a field named …_ms", s.path, name)
				}
			case "Msg":
				if text, literal := beginning(call.Args[0]); literal {
					found++
					if verb, _, _ := strings.Cut(text, " "); !slices.Contains(logVerbs, strings.TrimSuffix(verb, ":")) {
						t.Errorf("%s: got the message %q, want one that begins with a verb of the list", s.path, text)
					}
				}
			}
			return true
		})
	}
	if found < 50 {
		t.Errorf("got %d lines, want more", found)
	}
}

// otherUnit matches names of fields with another unit of time than milliseconds.
var otherUnit = regexp.MustCompile(`(?i)(^|_)(s|sec|secs|seconds|minutes|hours|days|us|ns)$`)

// beginning returns the string literal with which an expression begins; ok is false if it begins with none.
func beginning(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		return beginning(e.X)
	}
	return "", false
}
