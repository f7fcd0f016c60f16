package console

import (
	"net/http"
	"runtime"
	"time"

	"sluice/catalog"
)

// shownRunning bounds the running tasks that one answer names.
const shownRunning = 500

// Health is how well something works.
type Health string

// States of health.
const (
	OK       Health = "ok"
	Degraded Health = "degraded"
	Failed   Health = "failed"
)

// System is the state of this process and of what it depends on.
type System struct {
	Status     Health      `json:"status"`
	Version    string      `json:"version"`
	StartedAt  time.Time   `json:"started_at"`
	Isolation  Isolation   `json:"isolation"`
	Components []Component `json:"components"`
	Volumes    []Volume    `json:"volumes"`
	// Workers are those that were heard of lately; the page adds what the catalog says that they run.
	Workers []Worker `json:"workers"`
	// MetricsURL is where Prometheus metrics are; empty hides the link.
	MetricsURL string `json:"metrics_url"`
}

// Isolation says how well the process that touches strangers' media is caged.
type Isolation struct {
	Level      string   `json:"level"`      // one word for people
	Mechanisms []string `json:"mechanisms"` // in force
	Missing    []string `json:"missing"`    // wanted, but this machine does not offer them
}

// Component is a part of the system or something it depends on.
type Component struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Status  Health `json:"status"`
	Detail  string `json:"detail,omitempty"`
	// Took is how long it took to answer, in microseconds; 0 when it was not asked.
	Took int64 `json:"took_us,omitempty"`
}

// Volume is a disk that the process fills, in bytes.
type Volume struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Free int64  `json:"free"`
	// Reserve is kept for work under way: with less, new files wait.
	Reserve int64 `json:"reserve"`
}

// Worker is a process that runs tasks.
type Worker struct {
	Name   string          `json:"name"`
	Stages []catalog.Stage `json:"stages"`
	// Silent is how long it has not been heard of, in milliseconds; some seconds for one that lives.
	Silent int64 `json:"silent_ms"`
}

// workerView is a worker with what it does.
type workerView struct {
	Worker
	Running []taskView `json:"running"`
}

// withTasks gives each worker the tasks that it runs; one that only the catalog knows of comes last.
func withTasks(workers []Worker, tasks []catalog.Task) []workerView {
	views := make([]workerView, 0, len(workers))
	at := map[string]int{}
	add := func(w Worker) int {
		w.Stages = orEmpty(w.Stages)
		at[w.Name] = len(views)
		views = append(views, workerView{Worker: w, Running: []taskView{}})
		return at[w.Name]
	}
	for _, w := range workers {
		add(w)
	}
	for _, t := range tasks {
		i, known := at[t.Worker]
		if !known {
			i = add(Worker{Name: t.Worker})
		}
		views[i].Running = append(views[i].Running, viewTask(t))
	}
	return views
}

// getSystem answers GET /v1/system.
func (c *Console) getSystem(w http.ResponseWriter, r *http.Request) error {
	s := System{Status: OK, Version: c.cfg.Version}
	if c.cfg.System != nil {
		s = c.cfg.System(r.Context())
	}
	if s.Version == "" {
		s.Version = "development"
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = c.started
	}
	s.Components = append(s.Components[:len(s.Components):len(s.Components)], Component{Name: "go", Version: runtime.Version(), Status: OK})
	s.Isolation.Mechanisms = orEmpty(s.Isolation.Mechanisms)
	s.Isolation.Missing = orEmpty(s.Isolation.Missing)
	s.Volumes = orEmpty(s.Volumes)
	running, _, err := c.cfg.Catalog.ListTasks(r.Context(), catalog.TaskFilter{States: []catalog.TaskState{catalog.TaskRunning}, Limit: shownRunning})
	if err != nil {
		// The page is for such times: it tells what else is known.
		c.cfg.Logger.Warn("running tasks cannot be listed", "error", err)
	}
	writeJSON(w, http.StatusOK, struct {
		System
		Workers []workerView `json:"workers"`
		Now     time.Time    `json:"now"`
	}{s, withTasks(s.Workers, running), time.Now().UTC()})
	return nil
}

// orEmpty makes a missing list an empty one, which JSON tells apart.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
