package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// operator returns the edits that change one node of a declaration. It finds the node by the expressions that the node
// contains (its mentions), and returns an error unless exactly one node has them. Removed code stays behind a constant
// condition, so that every variable is still used and the result compiles.
type operator func(d declaration) ([]edit, error)

// never makes the condition of an if, or of a case without a value to compare, false.
func never(mention ...phrase) operator { return decide(mention, "false && (%s)") }

// always makes the condition of an if, or of a case without a value to compare, true.
func always(mention ...phrase) operator { return decide(mention, "true || (%s)") }

// decide changes the condition of the one if or case whose condition, or the statement before it, has the mentions. A
// condition that equals a mention is preferred to conditions that contain it.
func decide(mention []phrase, how string) operator {
	return func(d declaration) ([]edit, error) {
		return d.change(mention, func(phrases []ast.Expr) (chosen []ast.Node, edits func(ast.Node) []edit) {
			ast.Inspect(d.node, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.IfStmt:
					if mentions(&ast.IfStmt{Init: n.Init, Cond: n.Cond, Body: &ast.BlockStmt{}}, phrases) {
						chosen = append(chosen, n.Cond)
					}
				case *ast.SwitchStmt:
					if n.Tag != nil {
						return true
					}
					for _, clause := range n.Body.List {
						list := clause.(*ast.CaseClause).List
						if len(list) > 0 && mentions(&ast.CaseClause{List: list}, phrases) {
							chosen = append(chosen, clause)
						}
					}
				}
				return true
			})
			if exact := slices.DeleteFunc(slices.Clone(chosen), func(n ast.Node) bool {
				clause, is := n.(*ast.CaseClause)
				if is && len(clause.List) == 1 {
					n = clause.List[0]
				}
				return len(phrases) != 1 || !sameSyntax(n, phrases[0])
			}); len(exact) > 0 {
				chosen = exact
			}
			return chosen, func(n ast.Node) []edit {
				if clause, is := n.(*ast.CaseClause); is {
					from, to := d.offset(clause.List[0].Pos()), d.offset(clause.List[len(clause.List)-1].End())
					var values []string
					for _, e := range clause.List {
						text, _, _ := d.text(e)
						values = append(values, text)
					}
					return []edit{{from, to, fmt.Sprintf(how, strings.Join(values, " || "))}}
				}
				text, from, to := d.text(n)
				return []edit{{from, to, fmt.Sprintf(how, text)}}
			}
		})
	}
}

// dropOperand removes an operand from a chain of && or ||.
func dropOperand(mention ...phrase) operator {
	return func(d declaration) ([]edit, error) {
		neutral := map[ast.Node]string{}
		return d.change(mention, func(phrases []ast.Expr) (chosen []ast.Node, how func(ast.Node) []edit) {
			ast.Inspect(d.node, func(n ast.Node) bool {
				binary, is := n.(*ast.BinaryExpr)
				if !is || binary.Op != token.LAND && binary.Op != token.LOR {
					return true
				}
				for _, operand := range []ast.Expr{binary.X, binary.Y} {
					inner, chain := operand.(*ast.BinaryExpr)
					if chain && inner.Op == binary.Op || !mentions(operand, phrases) {
						continue
					}
					chosen = append(chosen, operand)
					neutral[operand] = "(true || %s)"
					if binary.Op == token.LOR {
						neutral[operand] = "(false && (%s))"
					}
				}
				return true
			})
			return innermost(chosen), func(n ast.Node) []edit {
				text, from, to := d.text(n)
				return []edit{{from, to, fmt.Sprintf(neutral[n], text)}}
			}
		})
	}
}

// dropValue removes a value from the list of a case.
func dropValue(value phrase, mention ...phrase) operator {
	return func(d declaration) ([]edit, error) {
		return d.change(append(mention, value), func(phrases []ast.Expr) (chosen []ast.Node, how func(ast.Node) []edit) {
			var removed edit
			ast.Inspect(d.node, func(n ast.Node) bool {
				clause, is := n.(*ast.CaseClause)
				if !is || !mentions(&ast.CaseClause{List: clause.List}, phrases) {
					return true
				}
				for i, e := range clause.List {
					if len(clause.List) == 1 || !sameSyntax(e, phrases[len(phrases)-1]) {
						continue
					}
					chosen = append(chosen, e)
					removed = edit{from: d.offset(e.Pos()), to: d.offset(e.End())}
					if i+1 < len(clause.List) {
						removed.to = d.offset(clause.List[i+1].Pos())
					} else {
						removed.from = d.offset(clause.List[i-1].End())
					}
				}
				return true
			})
			return chosen, func(ast.Node) []edit { return []edit{removed} }
		})
	}
}

// dropStatement removes the innermost statement that has the mentions.
func dropStatement(mention ...phrase) operator { return statement(mention, "if false {\n%s\n}") }

// instead replaces a statement by other statements.
func instead(by string, mention ...phrase) operator {
	return statement(mention, "if false {\n%s\n}\n"+escaped(by))
}

// before inserts statements before a statement.
func before(by string, mention ...phrase) operator { return statement(mention, escaped(by)+"\n%s") }

// after inserts statements after a statement.
func after(by string, mention ...phrase) operator { return statement(mention, "%s\n"+escaped(by)) }

func escaped(format string) string { return strings.ReplaceAll(format, "%", "%%") }

// statement changes the innermost statement that has the mentions.
func statement(mention []phrase, how string) operator {
	return func(d declaration) ([]edit, error) {
		return d.change(mention, func(phrases []ast.Expr) ([]ast.Node, func(ast.Node) []edit) {
			return d.statements(phrases), func(n ast.Node) []edit {
				text, from, to := d.text(n)
				return []edit{{from, to, fmt.Sprintf(how, text)}}
			}
		})
	}
}

// statements returns the innermost statements that contain all phrases.
func (d declaration) statements(phrases []ast.Expr) []ast.Node {
	var chosen []ast.Node
	ast.Inspect(d.node, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		}
		for _, s := range list {
			if _, clause := s.(*ast.CaseClause); clause {
				continue
			}
			if _, clause := s.(*ast.CommClause); clause {
				continue
			}
			if mentions(s, phrases) {
				chosen = append(chosen, s)
			}
		}
		return true
	})
	return innermost(chosen)
}

// start inserts statements at the beginning of a function.
func start(by string) operator {
	return func(d declaration) ([]edit, error) {
		f, is := d.node.(*ast.FuncDecl)
		if !is {
			return nil, fmt.Errorf("it is no function")
		}
		at := d.offset(f.Body.Lbrace) + 1
		return []edit{{at, at, "\n" + by + "\n"}}, nil
	}
}

// swap replaces an expression by another. If the declaration has the expression several times, mentions choose the
// statement in which it is replaced.
func swap(expression, by phrase, mention ...phrase) operator {
	return func(d declaration) ([]edit, error) {
		if _, err := by.parse(); err != nil {
			return nil, fmt.Errorf("%s: %w", by, err)
		}
		within := []ast.Node{d.node}
		if len(mention) > 0 {
			phrases, err := parseAll(append(mention, expression))
			if err != nil {
				return nil, err
			}
			within = d.statements(phrases)
		}
		return d.change([]phrase{expression}, func(phrases []ast.Expr) (chosen []ast.Node, how func(ast.Node) []edit) {
			for _, part := range within {
				ast.Inspect(part, func(n ast.Node) bool {
					if e, is := n.(ast.Expr); is && sameSyntax(e, phrases[0]) {
						chosen = append(chosen, e)
					}
					return true
				})
			}
			return chosen, func(n ast.Node) []edit {
				_, from, to := d.text(n)
				return []edit{{from, to, string(by)}}
			}
		})
	}
}

// change returns the edits for the one node that the mentions choose. It returns an error if they choose several nodes
// or none.
func (d declaration) change(
	mention []phrase, choose func(phrases []ast.Expr) ([]ast.Node, func(ast.Node) []edit),
) ([]edit, error) {
	phrases, err := parseAll(mention)
	if err != nil {
		return nil, err
	}
	chosen, how := choose(phrases)
	if len(chosen) != 1 {
		return nil, fmt.Errorf("%d places, not one, mention %q", len(chosen), mention)
	}
	return how(chosen[0]), nil
}

func parseAll(mention []phrase) ([]ast.Expr, error) {
	var phrases []ast.Expr
	for _, m := range mention {
		e, err := m.parse()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		phrases = append(phrases, e)
	}
	return phrases, nil
}

// innermost returns the nodes that contain none of the other nodes.
func innermost(nodes []ast.Node) []ast.Node {
	var inner []ast.Node
	for _, n := range nodes {
		has := false
		for _, other := range nodes {
			if other != n && n.Pos() <= other.Pos() && other.End() <= n.End() {
				has = true
			}
		}
		if !has {
			inner = append(inner, n)
		}
	}
	return inner
}

// dropEach removes every statement that has the mentions, for statements that belong together: a lock and its unlock.
func dropEach(mention ...phrase) operator {
	return func(d declaration) ([]edit, error) {
		phrases, err := parseAll(mention)
		if err != nil {
			return nil, err
		}
		var edits []edit
		for _, n := range d.statements(phrases) {
			text, from, to := d.text(n)
			edits = append(edits, edit{from, to, "if false {\n" + text + "\n}"})
		}
		if len(edits) < 2 {
			return nil, fmt.Errorf("%d statements, not several, mention %q", len(edits), mention)
		}
		return edits, nil
	}
}

// setField changes the value of a field in a composite literal.
func setField(key, value phrase, mention ...phrase) operator {
	return func(d declaration) ([]edit, error) {
		return d.change(append(mention, key), func(phrases []ast.Expr) (chosen []ast.Node, how func(ast.Node) []edit) {
			ast.Inspect(d.node, func(n ast.Node) bool {
				literal, is := n.(*ast.CompositeLit)
				if !is || !mentions(literal, phrases) {
					return true
				}
				for _, e := range literal.Elts {
					if field, is := e.(*ast.KeyValueExpr); is && sameSyntax(field.Key, phrases[len(phrases)-1]) {
						chosen = append(chosen, field.Value)
					}
				}
				return true
			})
			return chosen, func(n ast.Node) []edit {
				_, from, to := d.text(n)
				return []edit{{from, to, string(value)}}
			}
		})
	}
}

// both applies two operators, which must change different places.
func both(first, second operator) operator {
	return func(d declaration) ([]edit, error) {
		edits, err := first(d)
		if err != nil {
			return nil, err
		}
		more, err := second(d)
		return append(edits, more...), err
	}
}
