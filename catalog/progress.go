package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Progress is how far an entry's tasks are, of its current version.
type Progress struct {
	// Done of Total is in the weights of the tasks; a task without weight counts 1. Both are 0 when there are no tasks.
	Done  float64
	Total float64
	// Stage is the furthest that runs now, else the first that is not done; "" when all is done.
	Stage  Stage
	Stages []StageProgress
}

// StageProgress is how far one task is.
type StageProgress struct {
	Task  TaskID
	Stage Stage
	Name  string
	State TaskState
	// Done of Total is in the stage's unit; Total 0 means unknown.
	Done      int64
	Total     int64
	Bytes     int64
	Attempt   int
	Started   time.Time // of the last attempt
	Finished  time.Time
	ErrorCode string // of the last failed attempt
	ErrorText string
}

// progressBatch bounds how many entries one query asks for.
const progressBatch = 200

// Progress returns how far entries are; entries without tasks are left out.
func (db *DB) Progress(ctx context.Context, ids ...EntryID) (map[EntryID]Progress, error) {
	out := make(map[EntryID]Progress, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), progressBatch)
		var rows []taskRow
		err := db.read.NewSelect().Model(&rows).
			Column("id", "entry", "version", "stage", "name", "state", "done", "total", "weight", "bytes", "attempt", "optional",
				"started_at", "finished_at", "error_code", "error_text").
			Where("entry IN (?)", bun.List(ids[:n])).
			Where("version = (SELECT e.version FROM entries AS e WHERE e.id = task_row.entry)").
			Order("id").Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("progress: %w", err)
		}
		for i := range rows {
			p := out[rows[i].Entry]
			p.add(&rows[i])
			out[rows[i].Entry] = p
		}
		ids = ids[n:]
	}
	return out, nil
}

func (p *Progress) add(r *taskRow) {
	weight := float64(max(r.Weight, 1))
	p.Total += weight
	skipped := r.State == TaskDead && r.Optional
	switch {
	case r.State == TaskDone, skipped:
		p.Done += weight
	case r.State == TaskRunning && r.Total > 0:
		p.Done += weight * float64(min(max(r.Done, 0), r.Total)) / float64(r.Total)
	}
	switch {
	case r.State == TaskRunning:
		p.Stage = r.Stage
	case p.Stage == "" && r.State != TaskDone && r.State != TaskCancelled && !skipped:
		p.Stage = r.Stage
	}
	p.Stages = append(p.Stages, StageProgress{
		Task: r.ID, Stage: r.Stage, Name: r.Name, State: r.State, Done: r.Done, Total: r.Total, Bytes: r.Bytes,
		Attempt: r.Attempt, Started: fromMicros(r.StartedAt), Finished: fromMicros(r.FinishedAt),
		ErrorCode: r.ErrorCode, ErrorText: r.ErrorText,
	})
}
