package house

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/internal/config"
)

const deploy = "../../deploy"

// dashboard is what is looked at of a Grafana dashboard.
type dashboard struct {
	UID, Title string
	Panels     []struct {
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr string }
	}
}

// rules is what is looked at of a file of Prometheus alerts.
type rules struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
}

var (
	named     = regexp.MustCompile(`\bsluice_[a-z0-9_]+`)
	histogram = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// TestDashboardsAndAlertsAskForMetricsThatExist: a renamed metric would leave a panel empty and an alert silent.
func TestDashboardsAndAlertsAskForMetricsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, m := range metrics(t) {
		known[m.name] = true
	}
	asked := 0
	for where, exprs := range expressions(t) {
		for _, expr := range exprs {
			names := named.FindAllString(expr, -1)
			if len(names) == 0 && !strings.HasPrefix(expr, "up{") {
				t.Errorf("%s: %q asks for nothing of sluice", where, expr)
			}
			for _, name := range names {
				asked++
				if base := histogram.ReplaceAllString(name, ""); !known[name] && (base == name || !known[base]) {
					t.Errorf("%s: there is no metric %s", where, name)
				}
			}
			if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
				t.Errorf("%s: brackets do not match: %q", where, expr)
			}
		}
	}
	if asked < 60 {
		t.Errorf("only %d metrics are asked for: the search is broken", asked)
	}
}

// expressions lists what dashboards and alerts ask for, by where they do.
func expressions(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, path := range files(t, "grafana/*.json") {
		var d dashboard
		if err := json.Unmarshal(content(t, path), &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if d.UID+".json" != filepath.Base(path) || d.Title == "" {
			t.Errorf("%s: its uid is %q and its title %q", path, d.UID, d.Title)
		}
		for i, p := range d.Panels {
			where := path + ": " + p.Title
			if p.Title == "" || len(p.Targets) == 0 || p.GridPos.W <= 0 || p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: panel %d has no title, no target or no room", path, i)
			}
			for _, target := range p.Targets {
				out[where] = append(out[where], target.Expr)
			}
		}
	}
	for _, path := range files(t, "prometheus/*.rules.yml") {
		var r rules
		document(t, path, &r)
		for _, g := range r.Groups {
			for _, a := range g.Rules {
				if a.Alert == "" || a.Annotations["summary"] == "" || !slices.Contains([]string{"page", "warn"}, a.Labels["severity"]) {
					t.Errorf("%s: alert %q has no name, no summary or no severity", path, a.Alert)
				}
				out[path+": "+a.Alert] = append(out[path+": "+a.Alert], a.Expr)
			}
		}
	}
	return out
}

var setting = regexp.MustCompile(`\bSLUICE_[A-Z0-9_]+`)

// TestDeploymentSetsOptionsThatExist: a mistyped variable is ignored by the environment and by nobody else.
func TestDeploymentSetsOptionsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, o := range config.Options {
		known[o.Env()] = true
	}
	set := 0
	for _, path := range slices.Concat(files(t, "systemd/*.service"), files(t, "Containerfile"), files(t, "compose.yaml"), files(t, "*.sh")) {
		for _, name := range setting.FindAllString(string(content(t, path)), -1) {
			set++
			if !known[name] {
				t.Errorf("%s: there is no option %s", path, name)
			}
		}
	}
	if set < 10 {
		t.Errorf("only %d options are set: the search is broken", set)
	}
	for _, path := range slices.Concat(files(t, "compose.yaml"), files(t, "prometheus/prometheus.yml")) {
		var tree map[string]any
		document(t, path, &tree)
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(deploy, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: nothing is there (%v)", pattern, err)
	}
	return found
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func document(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal(content(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
