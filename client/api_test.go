package client_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/api.txt anew: the promise changes")

// namesMax bounds what there is to learn: the exported names at the level of the package.
const namesMax = 80

// TestAPI holds the exported API against the one that was promised last.
func TestAPI(t *testing.T) {
	names, api := exported(t)
	if len(names) > namesMax {
		t.Errorf("%d exported names, more than %d", len(names), namesMax)
	}
	const golden = "testdata/api.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(api), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(api, "\n")
	for _, promised := range strings.Split(string(want), "\n") {
		if !slices.Contains(lines, promised) {
			t.Errorf("no longer there: %s", promised)
		}
	}
	if !t.Failed() && api != string(want) {
		t.Errorf("the API has grown; go test ./client -run TestAPI -update promises it:\n%s", api)
	}
}

// exported returns the package's exported names, and a line for each of them, each method and each field.
func exported(t *testing.T) (names []string, api string) {
	t.Helper()
	fset := token.NewFileSet()
	p, err := doc.NewFromFiles(fset, files(t, fset), "client")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	line := func(prefix string, n any) {
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, n); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, prefix+strings.Join(strings.Fields(b.String()), " "))
	}
	function := func(f *doc.Func) {
		f.Decl.Body = nil
		line("", f.Decl)
	}
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			for _, n := range v.Names {
				names = append(names, n)
				lines = append(lines, v.Decl.Tok.String()+" "+n)
			}
		}
	}
	values(p.Consts)
	values(p.Vars)
	for _, f := range p.Funcs {
		names = append(names, f.Name)
		function(f)
	}
	for _, typ := range p.Types {
		names = append(names, typ.Name)
		values(typ.Consts)
		values(typ.Vars)
		for _, f := range typ.Funcs {
			names = append(names, f.Name)
			function(f)
		}
		for _, m := range typ.Methods {
			function(m)
		}
		spec := typ.Decl.Specs[0].(*ast.TypeSpec)
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			line("type ", spec)
			continue
		}
		lines = append(lines, "type "+typ.Name+" struct")
		for _, f := range s.Fields.List {
			for _, n := range f.Names {
				if n.IsExported() {
					line("field "+typ.Name+"."+n.Name+" ", f.Type)
				}
			}
		}
	}
	slices.Sort(lines)
	return names, strings.Join(lines, "\n") + "\n"
}

// files parses the package without its tests.
func files(t *testing.T, fset *token.FileSet) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}
