package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/codec"
	"sluice/internal/fault"
	"sluice/pipeline"
	"sluice/pipeline/stage"
)

// Importer ends a fetch task: *stage.Env is one.
type Importer interface {
	ImportFile(ctx context.Context, t catalog.Task, p stage.ImportPayload, progress stage.Progress) (stage.Outcome, error)
}

// Handler returns the handler of catalog.StageFetch.
func (f *Fetcher) Handler(in Importer) pipeline.Handler { return stage.Handler(f.Stage(in)) }

// Stage returns the stage: it downloads, and then does what the import stage does. An attempt goes on where the last one on this
// machine stopped.
func (f *Fetcher) Stage(in Importer) func(context.Context, catalog.Task, stage.Progress) (stage.Outcome, error) {
	return func(ctx context.Context, t catalog.Task, progress stage.Progress) (stage.Outcome, error) {
		start := time.Now()
		out, err := f.run(ctx, t, progress, in)
		observe(start, err)
		return out, err
	}
}

func (f *Fetcher) run(ctx context.Context, t catalog.Task, progress stage.Progress, in Importer) (stage.Outcome, error) {
	var p Payload
	if err := json.Unmarshal(t.Payload, &p); err != nil {
		return stage.Outcome{}, codec.NewError(codec.EngineBug, "fetch", fmt.Sprintf("task %d: payload", t.ID), err)
	}
	req, err := p.request(f.Secrets, t.Account)
	if err != nil {
		return stage.Outcome{}, err
	}
	req.account = t.Account
	dir, err := filepath.Abs(f.folder(t.ID))
	if err != nil {
		return stage.Outcome{}, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return stage.Outcome{}, err
	}
	p.Path = filepath.Join(dir, "data")
	state := dir + ".json"
	if !imported(p.Path, state) {
		_, err := f.download(ctx, req, p.Path, state, func(done, total int64) { progress(done, total, done) })
		if err != nil {
			if final(err) {
				err = errors.Join(err, os.RemoveAll(dir), quietly(os.Remove(state)))
			}
			return stage.Outcome{}, err
		}
	}
	fault.Point("fetch.downloaded")
	out, err := in.ImportFile(ctx, t, p.ImportPayload, progress)
	if err != nil {
		return out, err
	}
	fault.Point("fetch.imported")
	after := out.After
	out.After = func(ctx context.Context) {
		_ = os.RemoveAll(dir) // the sweep removes what stays
		_ = os.Remove(state)
		if after != nil {
			after(ctx)
		}
	}
	return out, nil
}

func (f *Fetcher) folder(id catalog.TaskID) string {
	return filepath.Join(f.Dir, fmt.Sprintf("task-%d", id))
}

// imported says whether an earlier attempt downloaded the file and gave it to storage already.
func imported(path, statePath string) bool {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return false
	}
	b, err := os.ReadFile(statePath)
	var st state
	return err == nil && json.Unmarshal(b, &st) == nil && st.Done
}

// final says whether no retry of the task can help.
func final(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	again, _ := e.RetryAfter()
	return !again
}

var taskFolder = regexp.MustCompile(`^task-([0-9]+)(\.json)?$`)

// Sweep removes what is left of downloads whose tasks are over.
func (f *Fetcher) Sweep(ctx context.Context, db *catalog.DB) error {
	names, err := os.ReadDir(f.Dir)
	if err != nil {
		return quietly(err)
	}
	var errs []error
	for _, n := range names {
		m := taskFolder.FindStringSubmatch(strings.TrimSuffix(n.Name(), ".tmp"))
		if m == nil {
			continue
		}
		var id catalog.TaskID
		if _, err := fmt.Sscan(m[1], &id); err != nil {
			continue
		}
		states, err := db.TaskStates(ctx, []catalog.TaskID{id})
		if err != nil {
			return err
		}
		switch states[id] {
		case "", catalog.TaskDone, catalog.TaskCancelled:
			errs = append(errs, os.RemoveAll(filepath.Join(f.Dir, n.Name())))
		}
	}
	return errors.Join(errs...)
}
