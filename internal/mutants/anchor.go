package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// declaration is a top-level declaration of the program: a function, a method, or one constant, variable or type.
type declaration struct {
	file   string // from the root of the module, with slashes
	source string // of the file
	node   ast.Node
	fset   *token.FileSet
}

// find reads the declaration with a name like "purchase.(*Desk).move", "cocalc.Cents.String" or
// "cocalc.beforeRounding": the package's folder, then the receiver of a method, then the name. The folder's test files
// are not searched. It is an error if the folder has no such declaration, or several.
func find(root, name string) (declaration, error) {
	folder, local := path.Split(name)
	base, local, named := strings.Cut(local, ".")
	if !named {
		return declaration{}, fmt.Errorf("%q names no declaration of a package", name)
	}
	folder += base
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.go"))
	if err != nil {
		return declaration{}, err
	}
	identifier := local[strings.LastIndex(local, ".")+1:]
	var found []declaration
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return declaration{}, err
		}
		if !bytes.Contains(source, []byte(identifier)) {
			continue // parsing it would take much longer
		}
		ofFile, err := declarations(path.Join(folder, filepath.Base(file)), string(source), local)
		if err != nil {
			return declaration{}, err
		}
		found = append(found, ofFile...)
	}
	if len(found) != 1 {
		return declaration{}, fmt.Errorf("%s is declared %d times, not once", name, len(found))
	}
	return found[0], nil
}

// declarations returns the declarations of a file with a name that is local to the file's package.
func declarations(file, source, name string) ([]declaration, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []declaration
	add := func(node ast.Node) { found = append(found, declaration{file, source, node, fset}) }
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if methodName(d) == name {
				add(d)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					if slices.ContainsFunc(spec.Names, func(id *ast.Ident) bool { return id.Name == name }) {
						add(spec)
					}
				case *ast.TypeSpec:
					if spec.Name.Name == name {
						add(spec)
					}
				}
			}
		}
	}
	return found, nil
}

// methodName returns the name of a function with its receiver, without type parameters: "(*Desk).move", "Cents.String".
func methodName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	receiver, pointer := f.Recv.List[0].Type, false
	if star, is := receiver.(*ast.StarExpr); is {
		receiver, pointer = star.X, true
	}
	switch generic := receiver.(type) {
	case *ast.IndexExpr:
		receiver = generic.X
	case *ast.IndexListExpr:
		receiver = generic.X
	}
	name := ""
	if id, is := receiver.(*ast.Ident); is {
		name = id.Name
	}
	if pointer {
		name = "(*" + name + ")"
	}
	return name + "." + f.Name.Name
}

// edit replaces a part of a file's source.
type edit struct {
	from, to int // offsets in bytes
	by       string
}

// apply returns the source of the declaration's file with the operator's change.
func (d declaration) apply(change operator) (string, error) {
	edits, err := change(d)
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.file, err)
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	changed := d.source
	for _, e := range edits {
		changed = changed[:e.from] + e.by + changed[e.to:]
	}
	if changed == d.source {
		return "", errors.New("it changes nothing")
	}
	return changed, nil
}

// text returns the source of a node and its offsets in the file.
func (d declaration) text(n ast.Node) (text string, from, to int) {
	from, to = d.offset(n.Pos()), d.offset(n.End())
	return d.source[from:to], from, to
}

func (d declaration) offset(at token.Pos) int { return d.fset.Position(at).Offset }
