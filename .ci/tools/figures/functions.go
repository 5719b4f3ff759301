package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"

	"github.com/fzipp/gocyclo"
	"github.com/uudashr/gocognit"
)

// measurePackage counts what is in the non-test files of a package.
func measurePackage(p listed) (Package, error) {
	lines, err := countLines(p.Dir, p.GoFiles)
	if err != nil {
		return Package{}, err
	}
	measured := Package{Files: len(p.GoFiles), Lines: lines}
	files := token.NewFileSet()
	var cyclomatic gocyclo.Stats
	var cognitive []gocognit.Stat
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return Package{}, err
		}
		measured.Exported += exported(file)
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				length := files.Position(fn.End()).Line - files.Position(fn.Pos()).Line + 1
				measured.Longest.raise(fn.Name.Name, length)
			}
		}
		cyclomatic = gocyclo.AnalyzeASTFile(file, files, cyclomatic)
		cognitive = gocognit.ComplexityStats(file, files, cognitive)
	}
	for _, s := range cyclomatic {
		measured.Cyclomatic.raise(s.FuncName, s.Complexity)
	}
	for _, s := range cognitive {
		measured.Cognitive.raise(s.FuncName, s.Complexity)
	}
	return measured, nil
}

func (f *Function) raise(name string, value int) {
	if value > f.Value {
		*f = Function{name, value}
	}
}

// exported counts the exported names at the top level of a file, and the exported methods of exported types.
func exported(file *ast.File) (count int) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
				count++
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						count++
					}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.IsExported() {
							count++
						}
					}
				}
			}
		}
	}
	return count
}

// receiver is the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
