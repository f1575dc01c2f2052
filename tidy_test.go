package hearth

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// place is one row of the package table: what a package may import of this module, and how many places in it start a
// goroutine. ARCHITECTURE.md shows the same table to people.
type place struct {
	imports string // space-separated; "." is the root, "*" is everything
	starts  int
}

// table is the architecture. A package that is not here does not belong.
var table = map[string]place{
	".":                 {"", 0},
	"value":             {".", 0},
	"respwire":          {".", 0},
	"op":                {". value respwire", 0},
	"engine":            {". op value", 0},
	"engine/local":      {". op value engine", 0},
	"engine/valkey":     {". op value respwire engine", 6},
	"engine/enginetest": {". op value engine", 0},
	"topics":            {".", 4},
	"topics/webhook":    {". guard topics", 2},
	"topics/valkey":     {". respwire topics topics/webhook", 5},
	"topics/topicstest": {". topics", 2},
	"auth":              {".", 0},
	"control":           {". auth", 0},
	"control/store":     {". control auth", 0},
	"guard":             {".", 0},
	"origin":            {". guard", 0},
	"gateway":           {". op value engine topics topics/webhook guard auth control", 5},
	"door":              {". gateway", 3},
	"door/h2":           {". door", 2},
	"door/momento":      {". op value gateway topics control auth pb door door/h2", 4},
	"door/resp":         {". op value respwire engine gateway topics control door", 2},
	"door/memcache":     {". op value engine gateway control door", 1},
	"door/httpapi":      {". op value engine gateway topics control auth door", 4},
	"chart":             {"", 0},
	"trace":             {". op engine engine/local chart", 0},
	"certs":             {"", 0},
	"observe":           {". op gateway control engine door door/h2", 0},
	"pb":                {"", 0},
	"client":            {".", 1},
	"crowd":             {". client chart", 4},
	"cmd/hearth":        {"*", 4},
	"fleet":             {"", 2},
	"test":              {"cmd client", 0},
	"test/await":        {"", 0},

	"pb/pbtest":             {"", 0},
	"door/doortest":         {"door", 2},
	"door/momento/grpchost": {". door/h2 door/momento", 0},
}

// What keeps the tree readable. An exception below says why; the lists may only shrink.
const (
	fileLinesMax     = 600
	functionLinesMax = 70
)

// longer names functions that read better long, as "file:function", with the reason.
var longer = map[string]string{}

// written names package variables that are written after start, as "file:name", with the reason.
var written = map[string]string{}

// TestArchitecture holds the table that people read against the one that is enforced.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`[^|]*\\|.*\\| ([^|]+) \\|$").FindAllSubmatch(text, -1) {
		imports := strings.NewReplacer("`", "", "–", "", "all", "*").Replace(string(row[2]))
		shown[string(row[1])] = imports
	}
	for dir, row := range table {
		imports, ok := shown[dir]
		if !ok {
			t.Errorf("ARCHITECTURE.md has no row for %s", dir)
		} else if imports != row.imports {
			t.Errorf("%s may import %q here, and %q in ARCHITECTURE.md", dir, row.imports, imports)
		}
		if !exists(dir) {
			t.Errorf("the table has %s, the tree has not", dir)
		}
	}
	for dir := range shown {
		if _, ok := table[dir]; !ok {
			t.Errorf("ARCHITECTURE.md has a row for %s, the table has none", dir)
		}
	}
}

func TestTree(t *testing.T) {
	fset := token.NewFileSet()
	documented := map[string]bool{}
	starts := map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(path):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".pb.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, path, src, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		row, known := table[dir]
		if !known {
			t.Errorf("%s: package %s is not in the table of tidy_test.go", path, dir)
			return nil
		}
		if lines := bytes.Count(src, []byte("\n")); lines > fileLinesMax && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines; at most %d", path, lines, fileLinesMax)
		}
		if strings.HasSuffix(path, "_test.go") {
			return nil
		}
		documented[dir] = documented[dir] || f.Doc != nil
		checkImports(t, path, dir, row, f)
		starts[dir] += checkBody(t, fset, path, f)
		checkNames(t, path, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
		if starts[dir] > table[dir].starts {
			t.Errorf("package %s starts goroutines in %d places; the table allows %d", dir, starts[dir], table[dir].starts)
		}
	}
}

// skipped folders hold other modules, data, or nothing of ours.
func skipped(path string) bool {
	base := filepath.Base(path)
	return path != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" || base == "examples" ||
		exists(filepath.Join(path, "go.mod")))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func checkImports(t *testing.T, path, dir string, row place, f *ast.File) {
	allowed := strings.Fields(row.imports)
	for _, im := range f.Imports {
		p, _ := strconv.Unquote(im.Path.Value)
		name, ours := strings.CutPrefix(p, "github.com/hearthcache/hearth")
		name = strings.TrimPrefix(name, "/")
		if name == "" {
			name = "."
		}
		// pb may be several packages: they count as one.
		if strings.HasPrefix(name, "pb/") {
			name = "pb"
		}
		if ours && name != dir && !slices.Contains(allowed, name) && row.imports != "*" {
			t.Errorf("%s: package %s may not import %s", path, dir, name)
		}
	}
}

// checkBody checks functions and returns the number of places that start a goroutine.
func checkBody(t *testing.T, fset *token.FileSet, path string, f *ast.File) (starts int) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			lines := fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1
			if lines > functionLinesMax && longer[path+":"+n.Name.Name] == "" {
				t.Errorf("%s: %s has %d lines; at most %d", path, n.Name.Name, lines, functionLinesMax)
			}
			if n.Name.Name == "init" && n.Recv == nil {
				t.Errorf("%s: init functions hide what happens at start", path)
			}
		case *ast.GoStmt:
			starts++
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Go" && len(n.Args) == 1 {
				starts++
			}
		}
		return true
	})
	checkWrites(t, path, f)
	return starts
}

// checkWrites finds assignments to package variables of the same file, by their names: a local that hides one is
// reported too, and is better named otherwise.
func checkWrites(t *testing.T, path string, f *ast.File) {
	vars := map[string]bool{}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			for _, n := range s.(*ast.ValueSpec).Names {
				vars[n.Name] = true
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || a.Tok == token.DEFINE {
			return true
		}
		for _, l := range a.Lhs {
			if id, ok := l.(*ast.Ident); ok && id.Name != "_" && vars[id.Name] && written[path+":"+id.Name] == "" {
				t.Errorf("%s: package variable %s is written", path, id.Name)
			}
		}
		return true
	})
}

var forbiddenNames = regexp.MustCompile(`^(util|utils|common|types|models|helpers|misc)$`)

// checkNames checks the package's name and that exported names are documented.
func checkNames(t *testing.T, path string, f *ast.File) {
	if forbiddenNames.MatchString(f.Name.Name) {
		t.Errorf("%s: a package named %s says nothing", path, f.Name.Name)
	}
	if f.Name.Name == "main" {
		return
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d)) {
				t.Errorf("%s: %s has no comment", path, d.Name.Name)
			}
		case *ast.GenDecl:
			checkSpecs(t, path, d)
		}
	}
}

func checkSpecs(t *testing.T, path string, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
				t.Errorf("%s: type %s has no comment", path, s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
					t.Errorf("%s: %s has no comment", path, n.Name)
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	typ := d.Recv.List[0].Type
	if s, ok := typ.(*ast.StarExpr); ok {
		typ = s.X
	}
	if x, ok := typ.(*ast.IndexExpr); ok {
		typ = x.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}
