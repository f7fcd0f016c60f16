package house

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// levels orders the rooms: a package may import rooms of a lower level, and packages of its own room.
var levels = map[string]int{
	"catalog": 1, "storage": 1,
	"packager": 2, "codec": 2,
	"pipeline": 3,
	"ingest":   4, "live": 4,
	"api":   5,
	"bench": 6,
	"cmd":   7,
}

type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	CgoFiles   []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,CgoFiles", "sluice/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

func room(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, "sluice/")
	if !ok {
		return ""
	}
	r, _, _ := strings.Cut(rest, "/")
	return r
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from := room(p.ImportPath)
		if from == "internal" {
			continue
		}
		level, ok := levels[from]
		if !ok {
			t.Errorf("%s: room %q has no level: add it to the map with its place in docs/architecture.md", p.ImportPath, from)
			continue
		}
		for _, imp := range p.Imports {
			to := room(imp)
			if to == "" || to == "internal" || to == from {
				continue
			}
			if levels[to] >= level {
				t.Errorf("%s imports %s: %s may not know %s", p.ImportPath, imp, from, to)
			}
		}
	}
}

func TestFeaturesOfTheEdgeDoNotImportEachOther(t *testing.T) {
	for _, p := range packages(t) {
		if room(p.ImportPath) != "api" {
			continue
		}
		for _, imp := range p.Imports {
			if room(imp) == "api" && !strings.HasPrefix(imp, "sluice/api/rpc") && feature(imp) != feature(p.ImportPath) {
				t.Errorf("%s imports %s: features meet in the catalog and in events", p.ImportPath, imp)
			}
		}
	}
}

func feature(importPath string) string {
	parts := strings.SplitN(importPath, "/", 4)
	if len(parts) < 3 {
		return importPath
	}
	return parts[2]
}

func TestOnlyCodecAVKnowsLibav(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, "sluice/codec/av") {
			continue
		}
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, "github.com/asticode/go-astiav") {
				t.Errorf("%s imports %s: only codec/av may", p.ImportPath, imp)
			}
			if imp == "C" {
				t.Errorf("%s uses cgo: only codec/av may", p.ImportPath)
			}
		}
	}
}

func TestPolicyBuildsWithoutCgo(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "sluice/codec", "sluice/codec/plan", "sluice/codec/sched", "sluice/codec/worker", "sluice/packager/...")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "go-astiav") {
		t.Error("a package that must not depends on go-astiav")
	}
}

// TestNoProductPathRunsFFmpeg looks for exec of the ffmpeg tools outside tests, helpers of tests (packages whose name ends in test) and bench.
func TestNoProductPathRunsFFmpeg(t *testing.T) {
	for _, p := range packages(t) {
		if r := room(p.ImportPath); r == "bench" || r == "internal" || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		for _, f := range append(p.GoFiles, p.CgoFiles...) {
			path := filepath.Join(p.Dir, f)
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if importsExec(file) {
				checkNoTool(t, path, file)
			}
		}
	}
}

func importsExec(f *ast.File) bool {
	for _, i := range f.Imports {
		if i.Path.Value == `"os/exec"` {
			return true
		}
	}
	return false
}

func checkNoTool(t *testing.T, path string, f *ast.File) {
	t.Helper()
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		s, err := strconv.Unquote(lit.Value)
		if err == nil && (filepath.Base(s) == "ffmpeg" || filepath.Base(s) == "ffprobe") {
			t.Errorf("%s names %q in a file that runs commands", path, s)
		}
		return true
	})
}

// TestEveryPackageSaysWhatItIs wants a package comment in each package, in doc.go.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		found := false
		for _, f := range append(p.GoFiles, p.CgoFiles...) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			found = found || (file.Doc != nil && len(file.Doc.Text()) > 40)
		}
		if !found && len(p.GoFiles)+len(p.CgoFiles) > 0 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
