package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A mutant that can't be compiled proves nothing. To be quick, this checks the types in the changed declaration alone.
func TestTable_EveryMutantHasItsTypes(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	exports := exportData(t, root)
	imports := importer.ForCompiler(fset, "gc", func(of string) (io.ReadCloser, error) { return os.Open(exports[of]) })
	packages := map[string]map[string]*ast.File{}
	for _, m := range table() {
		t.Run(m.name, func(t *testing.T) {
			d, err := find(root, m.in)
			if err != nil {
				t.Fatal(err)
			}
			changed, err := d.apply(m.change)
			if err != nil {
				t.Fatal(err)
			}
			folder := path.Dir(d.file)
			if packages[folder] == nil {
				packages[folder] = parsePackage(t, fset, filepath.Join(root, filepath.FromSlash(folder)))
			}
			mutated, err := parser.ParseFile(fset, "mutant "+d.file, changed, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			withoutBodies(mutated, m.in[len(folder)+1:])
			files := []*ast.File{mutated}
			for name, file := range packages[folder] {
				if name != path.Base(d.file) {
					files = append(files, file)
				}
			}
			config := types.Config{Importer: imports, Error: func(err error) {
				// What is imported may be used in the bodies that are left out.
				if e := (types.Error{}); errors.As(err, &e) && strings.Contains(e.Msg, "imported ") &&
					strings.HasSuffix(e.Msg, "and not used") {
					return
				}
				t.Error(err)
			}}
			_, _ = config.Check("licensebot/"+folder, fset, files, nil) // each error is reported above
		})
	}
}

// parsePackage parses the files of a package, and leaves the bodies of its functions out.
func parsePackage(t *testing.T, fset *token.FileSet, folder string) map[string]*ast.File {
	t.Helper()
	listed, err := build.ImportDir(folder, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range listed.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		withoutBodies(file, "")
		files[name] = file
	}
	return files
}

// withoutBodies takes the bodies of a file's functions out, except for those of one function, and of generic functions
// and init, which must have theirs.
func withoutBodies(file *ast.File, but string) {
	for _, d := range file.Decls {
		f, is := d.(*ast.FuncDecl)
		if is && methodName(f) != but && f.Type.TypeParams == nil && f.Name.Name != "init" {
			f.Body = nil
		}
	}
}

// exportData is where the types that each package exports are stored, by import path.
func exportData(t *testing.T, root string) map[string]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-json=ImportPath,Export", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for each := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := each.Decode(&p); errors.Is(err, io.EOF) {
			return exports
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
}
