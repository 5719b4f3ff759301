package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
)

// phrase is an expression by which a node is recognized: "errSentBefore", "w.PutBudget", "o.Price > 0". How it is
// wrapped, spaced or commented makes no difference.
type phrase string

func (p phrase) parse() (ast.Expr, error) {
	return parser.ParseExprFrom(token.NewFileSet(), "", string(p), parser.SkipObjectResolution)
}

// mentions reports whether a node contains every phrase as an expression. It returns false for a nil node.
func mentions(n ast.Node, phrases []ast.Expr) bool {
	if n == nil || reflect.ValueOf(n).IsNil() {
		return false
	}
	for _, p := range phrases {
		found := false
		ast.Inspect(n, func(part ast.Node) bool {
			if e, is := part.(ast.Expr); is && sameSyntax(e, p) {
				found = true
			}
			return !found
		})
		if !found {
			return false
		}
	}
	return true
}

// sameSyntax compares two syntax trees without their positions and comments.
func sameSyntax(a, b ast.Node) bool {
	return sameValue(reflect.ValueOf(a), reflect.ValueOf(b))
}

var (
	position = reflect.TypeFor[token.Pos]()
	comment  = reflect.TypeFor[*ast.CommentGroup]()
)

func sameValue(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case position, comment:
		return true
	}
	switch a.Kind() {
	case reflect.Interface, reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return sameValue(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !sameValue(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if !sameValue(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}
