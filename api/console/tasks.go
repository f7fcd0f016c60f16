package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/catalog"
)

var taskStates = []catalog.TaskState{
	catalog.TaskWaiting, catalog.TaskRunnable, catalog.TaskQueued, catalog.TaskRunning,
	catalog.TaskDone, catalog.TaskDead, catalog.TaskCancelled,
}

// stages in the order in which an entry goes through them.
var stages = catalog.Stages()

func stageOrder[V any](counts map[catalog.Stage]V) []catalog.Stage {
	var known, other []catalog.Stage
	for _, s := range stages {
		if _, ok := counts[s]; ok {
			known = append(known, s)
		}
	}
	for s := range counts {
		if !slices.Contains(stages, s) {
			other = append(other, s)
		}
	}
	slices.Sort(other)
	return append(known, other...)
}

// listTasks answers GET /v1/tasks?state&stage&entry&limit&offset, the newest tasks first.
func (c *Console) listTasks(w http.ResponseWriter, r *http.Request) error {
	filter, err := taskFilter(r)
	if err != nil {
		return err
	}
	tasks, total, err := c.cfg.Catalog.ListTasks(r.Context(), filter)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"tasks": viewTasks(tasks), "total": total, "limit": filter.Limit, "offset": filter.Offset,
	})
	return nil
}

func taskFilter(r *http.Request) (catalog.TaskFilter, error) {
	var f catalog.TaskFilter
	q, err := parseQuery(r, "state", "stage", "entry", "limit", "offset")
	if err != nil {
		return f, err
	}
	if list := q.Get("state"); list != "" {
		for _, name := range strings.Split(list, ",") {
			state := catalog.TaskState(name)
			if !slices.Contains(taskStates, state) {
				return f, refuse(http.StatusBadRequest, codeInvalid, "state: %q is not one of %s", name, listed(taskStates))
			}
			if !slices.Contains(f.States, state) {
				f.States = append(f.States, state)
			}
		}
	}
	if f.Stage, err = stageOf(q); err != nil {
		return f, err
	}
	if f.Entry = catalog.EntryID(q.Get("entry")); f.Entry != "" && !plausibleID(string(f.Entry)) {
		return f, refuse(http.StatusBadRequest, codeInvalid, "entry: %q is not an entry id", f.Entry)
	}
	f.Limit, f.Offset, err = page(q)
	return f, err
}

// listed is names for a message.
func listed[T ~string](names []T) string {
	text := make([]string, len(names))
	for i, n := range names {
		text[i] = string(n)
	}
	return strings.Join(text, ", ")
}

// retryTask answers POST /v1/tasks/{id}/retry: a dead task runs again.
func (c *Console) retryTask(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return refuse(http.StatusBadRequest, codeInvalid, "%q is not a task id", r.PathValue("id"))
	}
	if err := c.cfg.Catalog.RetryDead(r.Context(), catalog.TaskID(id)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// retryAllLimit bounds how many tasks one request sends back to work.
const retryAllLimit = 1000

// retryTasks answers POST /v1/tasks/retry?stage: dead tasks, of one stage or of all, run again, the newest 1,000 at most.
func (c *Console) retryTasks(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, "stage")
	if err != nil {
		return err
	}
	stage, err := stageOf(q)
	if err != nil {
		return err
	}
	dead, _, err := c.cfg.Catalog.ListTasks(r.Context(), catalog.TaskFilter{Stage: stage, States: []catalog.TaskState{catalog.TaskDead}, Limit: retryAllLimit})
	if err != nil {
		return err
	}
	retried := 0
	for _, t := range dead {
		switch err := c.cfg.Catalog.RetryDead(r.Context(), t.ID); {
		case err == nil:
			retried++
		case errors.Is(err, catalog.ErrConflict), errors.Is(err, catalog.ErrNotFound): // somebody else was faster
		default:
			return err
		}
	}
	writeJSON(w, http.StatusOK, map[string]int{"retried": retried})
	return nil
}

// stageOf is the stage that a query names; "" when it names none.
func stageOf(q url.Values) (catalog.Stage, error) {
	stage := catalog.Stage(q.Get("stage"))
	if stage != "" && !slices.Contains(stages, stage) {
		return "", refuse(http.StatusBadRequest, codeInvalid, "stage: %q is not one of %s", stage, listed(stages))
	}
	return stage, nil
}

// getWork answers GET /v1/work: how many tasks are unfinished or dead, by stage and state.
func (c *Console) getWork(w http.ResponseWriter, r *http.Request) error {
	counts, err := c.cfg.Catalog.TaskCounts(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewWork(counts))
	return nil
}
