package console_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/console"
	"sluice/catalog"
)

func TestDeadLettersAreListedWithTheirReasonAndRetried(t *testing.T) {
	f := start(t, nil)
	e, tasks := f.entry("Film", nil, nil, catalog.NewTask{Stage: catalog.StageProbe, Name: "p"},
		catalog.NewTask{Stage: catalog.StageThumbs, Name: "t", Optional: true})
	f.kill(tasks[1].ID, "media_crash", "The picture could not be made.")

	got := f.call("GET", "/v1/tasks?state=dead", http.StatusOK)
	if d := cmp.Diff([]string{"t"}, names(got, "tasks")); d != "" {
		t.Fatal(d)
	}
	dead := got["tasks"].([]any)[0].(map[string]any)
	for name, want := range map[string]any{
		"error_code": "media_crash", "error_text": "The picture could not be made.", "entry_id": string(e.ID),
		"stage": "thumbs", "state": "dead", "optional": true, "attempt": 1.0,
	} {
		if dead[name] != want {
			t.Errorf("%s is %v, want %v", name, dead[name], want)
		}
	}

	path := fmt.Sprintf("/v1/tasks/%d/retry", tasks[1].ID)
	f.call("POST", path, http.StatusNoContent)
	if got := f.call("GET", "/v1/tasks?state=dead", http.StatusOK); got["total"] != 0.0 {
		t.Errorf("%v dead letters are left", got["total"])
	}
	f.call("POST", path, http.StatusConflict)
	f.call("POST", "/v1/tasks/999999/retry", http.StatusNotFound)
	f.call("POST", "/v1/tasks/0/retry", http.StatusBadRequest)
	f.call("POST", "/v1/tasks/x/retry", http.StatusBadRequest)
}

func TestDeadLettersAreRetriedByStageAndAllTogether(t *testing.T) {
	f := start(t, nil)
	_, tasks := f.entry("Film", nil, nil, catalog.NewTask{Stage: catalog.StageFetch}, catalog.NewTask{Stage: catalog.StageThumbs, Optional: true},
		catalog.NewTask{Stage: catalog.StageCaptions, Optional: true}, catalog.NewTask{Stage: catalog.StageThumbs, Name: "2", Optional: true})
	for _, task := range tasks[1:] {
		f.kill(task.ID, "media_crash", "It crashed.")
	}
	for _, step := range []struct {
		query string
		want  float64
	}{{"?stage=fetch", 0}, {"?stage=thumbs", 2}, {"", 1}, {"", 0}} {
		if got := f.call("POST", "/v1/tasks/retry"+step.query, http.StatusOK); got["retried"] != step.want {
			t.Errorf("%q: retried %v, want %v", step.query, got["retried"], step.want)
		}
	}
	f.call("POST", "/v1/tasks/retry?stage=nonsense", http.StatusBadRequest)
	f.call("POST", "/v1/tasks/retry?state=done", http.StatusBadRequest)
}

func TestTasksAreFiltered(t *testing.T) {
	f := start(t, nil)
	a, _ := f.entry("A", nil, nil, catalog.NewTask{Stage: catalog.StageProbe, Name: "a1"},
		catalog.NewTask{Stage: catalog.StagePlan, Name: "a2", After: []int{0}})
	f.entry("B", nil, nil, catalog.NewTask{Stage: catalog.StageProbe, Name: "b1"})
	for query, want := range map[string][]string{
		"":                                       {"b1", "a2", "a1"},
		"?stage=probe":                           {"b1", "a1"},
		"?state=waiting":                         {"a2"},
		"?state=waiting,runnable&limit=2":        {"b1", "a2"},
		"?entry=" + string(a.ID):                 {"a2", "a1"},
		"?entry=" + string(a.ID) + "&state=done": {},
	} {
		t.Run(query, func(t *testing.T) {
			if d := cmp.Diff(want, names(f.call("GET", "/v1/tasks"+query, http.StatusOK), "tasks")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWorkIsCountedByStageInTheOrderOfTheWork(t *testing.T) {
	f := start(t, nil)
	_, tasks := f.entry("A", nil, nil, catalog.NewTask{Stage: "zebra"}, catalog.NewTask{Stage: catalog.StageFinish, After: []int{0}},
		catalog.NewTask{Stage: catalog.StageProbe}, catalog.NewTask{Stage: catalog.StageThumbs, Optional: true})
	f.kill(tasks[3].ID, "x", "y")
	want := map[string]any{"dead": 1.0, "stages": []any{
		map[string]any{"stage": "probe", "counts": map[string]any{"runnable": 1.0}},
		map[string]any{"stage": "thumbs", "counts": map[string]any{"dead": 1.0}},
		map[string]any{"stage": "finish", "counts": map[string]any{"waiting": 1.0}},
		map[string]any{"stage": "zebra", "counts": map[string]any{"runnable": 1.0}},
	}}
	if d := cmp.Diff(want, f.call("GET", "/v1/work", http.StatusOK)); d != "" {
		t.Error(d)
	}
}

func TestSystemIsReported(t *testing.T) {
	t.Run("by itself", func(t *testing.T) {
		f := start(t, func(c *console.Config) { c.Version = "1.2.3" })
		got := f.call("GET", "/v1/system", http.StatusOK)
		if got["version"] != "1.2.3" || got["status"] != "ok" || got["started_at"] == nil || got["now"] == nil {
			t.Errorf("got %v", got)
		}
		if d := cmp.Diff(map[string]any{"level": "", "mechanisms": []any{}, "missing": []any{}}, got["isolation"]); d != "" {
			t.Error(d)
		}
	})
	t.Run("with its workers and what they run", func(t *testing.T) {
		f := start(t, func(c *console.Config) {
			c.System = func(context.Context) console.System {
				return console.System{
					Volumes: []console.Volume{{Name: "data", Size: 100, Free: 40, Reserve: 5}},
					Workers: []console.Worker{{Name: "idle", Stages: []catalog.Stage{catalog.StageProbe}, Silent: 1200}, {Name: "busy"}},
				}
			}
		})
		_, tasks := f.entry("Film", nil, nil, catalog.NewTask{Stage: catalog.StageProbe, Name: "a"}, catalog.NewTask{Stage: catalog.StageProbe, Name: "b"})
		for i, worker := range []string{"busy", "stranger"} {
			if _, err := f.db.Claim(t.Context(), tasks[i].ID, worker, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		got := f.call("GET", "/v1/system", http.StatusOK)
		if d := cmp.Diff([]any{map[string]any{"name": "data", "size": 100.0, "free": 40.0, "reserve": 5.0}}, got["volumes"]); d != "" {
			t.Error(d)
		}
		doing := map[string][]string{}
		for _, w := range got["workers"].([]any) {
			worker := w.(map[string]any)
			doing[worker["name"].(string)] = names(worker, "running")
		}
		if d := cmp.Diff(map[string][]string{"idle": {}, "busy": {"a"}, "stranger": {"b"}}, doing); d != "" {
			t.Error(d)
		}
	})
	t.Run("by the configuration", func(t *testing.T) {
		f := start(t, func(c *console.Config) { c.System = testSystem })
		got := f.call("GET", "/v1/system", http.StatusOK)
		if got["version"] != "0.1.0-test" || got["metrics_url"] != "/metrics" {
			t.Errorf("got %v", got)
		}
		if d := cmp.Diff([]string{"catalog", "redis", "storage", "go"}, names(got, "components")); d != "" {
			t.Error(d)
		}
	})
}
