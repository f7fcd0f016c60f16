package house

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.md")

type metric struct{ name, help string }

// metrics finds the options of every metric in the sources: composite literals with a Name that starts with sluice_.
func metrics(t *testing.T) []metric {
	t.Helper()
	var out []metric
	for _, p := range packages(t) {
		for _, f := range append(p.GoFiles, p.CgoFiles...) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CompositeLit:
					if m := (metric{text(n, "Name"), text(n, "Help")}); strings.HasPrefix(m.name, "sluice_") {
						out = append(out, m)
					}
				case *ast.CallExpr: // a helper that takes name and help
					if len(n.Args) >= 2 {
						if m := (metric{literal(n.Args[0]), literal(n.Args[1])}); strings.HasPrefix(m.name, "sluice_") {
							out = append(out, m)
						}
					}
				}
				return true
			})
		}
	}
	slices.SortFunc(out, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(out, func(a, b metric) bool { return a.name == b.name })
}

func text(lit *ast.CompositeLit, key string) string {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if k, ok := kv.Key.(*ast.Ident); ok && k.Name == key {
				return literal(kv.Value)
			}
		}
	}
	return ""
}

func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}

func TestMetricsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Metrics\n\n`GET /metrics` speaks Prometheus. Names are `sluice_<room>_<noun>_<unit>`, units are base units, labels never hold ids.\nThe Go runtime's and the process's own metrics (`go_*`, `process_*`) are there too.\n\n| Metric | Meaning |\n| --- | --- |\n")
	for _, m := range metrics(t) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.name, m.help)
	}
	path := filepath.Join("..", "..", "docs", "metrics.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("docs/metrics.md is out of date; run: go test ./internal/house -run Metrics -update\n%s", diff)
	}
}

var metricName = regexp.MustCompile(`^sluice_[a-z]+(_[a-z0-9]+)+$`)

func TestMetricsHaveNamesAndHelp(t *testing.T) {
	all := metrics(t)
	if len(all) < 20 {
		t.Fatalf("found only %d metrics: the search is broken", len(all))
	}
	for _, m := range all {
		if !metricName.MatchString(m.name) || m.help == "" {
			t.Errorf("metric %q, help %q", m.name, m.help)
		}
	}
}
