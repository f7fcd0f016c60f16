package catalog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

const defaultMaxAttempts = 5

type taskRow struct {
	bun.BaseModel `bun:"table:tasks"`

	ID          TaskID        `bun:"id,pk,autoincrement"`
	Account     AccountID     `bun:"account"`
	Entry       EntryID       `bun:"entry"`
	EntryNum    int64         `bun:"entry_num"`
	Stage       Stage         `bun:"stage"`
	Name        string        `bun:"name"`
	Version     int           `bun:"version"`
	State       TaskState     `bun:"state"`
	Priority    int           `bun:"priority"`
	Optional    bool          `bun:"optional"`
	Asset       AssetID       `bun:"asset"`
	Upload      UploadTokenID `bun:"upload"`
	NeedsBytes  int64         `bun:"needs_bytes"`
	Blockers    int           `bun:"blockers"`
	Attempt     int           `bun:"attempt"`
	Forgiven    int           `bun:"forgiven"`
	MaxAttempts int           `bun:"max_attempts"`
	Payload     string        `bun:"payload"`
	Result      string        `bun:"result"`
	Worker      string        `bun:"worker"`
	LeaseUntil  int64         `bun:"lease_until"`
	NotBefore   int64         `bun:"not_before"`
	Done        int64         `bun:"done"`
	Total       int64         `bun:"total"`
	Weight      int64         `bun:"weight"`
	Bytes       int64         `bun:"bytes"`
	ErrorCode   string        `bun:"error_code"`
	ErrorText   string        `bun:"error_text"`
	CreatedAt   int64         `bun:"created_at"`
	QueuedAt    int64         `bun:"queued_at"`
	StartedAt   int64         `bun:"started_at"`
	FinishedAt  int64         `bun:"finished_at"`
}

func (r *taskRow) task() Task {
	return Task{
		ID: r.ID, Account: r.Account, Entry: r.Entry, Stage: r.Stage, Name: r.Name, Version: r.Version, State: r.State,
		Priority: r.Priority, Optional: r.Optional, Asset: r.Asset, Blockers: r.Blockers, Attempt: r.Attempt, Forgiven: r.Forgiven,
		MaxAttempts: r.MaxAttempts, Payload: decode(r.Payload), Result: decode(r.Result), Worker: r.Worker,
		LeaseUntil: fromMicros(r.LeaseUntil), NotBefore: fromMicros(r.NotBefore), Done: r.Done, Total: r.Total,
		Weight: r.Weight, Upload: r.Upload, NeedsBytes: r.NeedsBytes, Bytes: r.Bytes, ErrorCode: r.ErrorCode, ErrorText: r.ErrorText,
		CreatedAt: fromMicros(r.CreatedAt), QueuedAt: fromMicros(r.QueuedAt), StartedAt: fromMicros(r.StartedAt),
		FinishedAt: fromMicros(r.FinishedAt),
	}
}

func tasksOf(rows []taskRow) []Task {
	out := make([]Task, len(rows))
	for i := range rows {
		out[i] = rows[i].task()
	}
	return out
}

type depRow struct {
	bun.BaseModel `bun:"table:task_deps"`

	After TaskID `bun:"after"`
	Task  TaskID `bun:"task"`
}

// AddTasks adds a graph of tasks to the current version of an entry; those without unfinished predecessors are runnable
// at once. A stage and name that the version already has, a deleted entry, and a predecessor that will never finish are
// ErrConflict.
func (db *DB) AddTasks(ctx context.Context, entry EntryID, tasks []NewTask) ([]Task, error) {
	var out []Task
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		out, err = tx.AddTasks(ctx, entry, tasks)
		return err
	})
	return out, err
}

// AddTasks is DB.AddTasks inside a transaction. Within Complete the completed task counts as done already.
func (tx *Tx) AddTasks(ctx context.Context, entry EntryID, tasks []NewTask) ([]Task, error) {
	row, err := tx.openEntry(ctx, entry)
	if err != nil {
		return nil, err
	}
	return tx.addTasks(ctx, row, tasks)
}

func (tx *Tx) addTasks(ctx context.Context, entry *entryRow, tasks []NewTask) ([]Task, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	open, err := tx.openPredecessors(ctx, tasks)
	if err != nil {
		return nil, fmt.Errorf("add tasks to entry %s: %w", entry.ID, err)
	}
	rows, err := tx.taskRows(nil, entry, tasks, open)
	if err != nil {
		return nil, fmt.Errorf("add tasks to entry %s: %w", entry.ID, err)
	}
	if err := tx.insertTasks(ctx, rows); err != nil {
		return nil, fmt.Errorf("add tasks to entry %s: %w", entry.ID, err)
	}
	if err := tx.insertDeps(ctx, taskDeps(nil, tasks, rows, open)); err != nil {
		return nil, fmt.Errorf("add tasks to entry %s: %w", entry.ID, err)
	}
	return tasksOf(rows), nil
}

// prioritySpan is what lies between the tasks of entries whose priorities differ by one: more than between those of one entry.
const prioritySpan = 100

// taskRows appends the rows of an entry's new tasks; open has the existing predecessors that are not done.
func (tx *Tx) taskRows(rows []taskRow, entry *entryRow, tasks []NewTask, open map[TaskID]bool) ([]taskRow, error) {
	before := entry.entry().Details.Priority * prioritySpan
	for i, n := range tasks {
		var row taskRow
		if err := row.fill(n, i, open); err != nil {
			return nil, fmt.Errorf("task %s %q: %w", n.Stage, n.Name, err)
		}
		row.Account, row.Entry, row.EntryNum, row.Version = entry.Account, entry.ID, entry.Num, entry.Version
		row.CreatedAt = micros(tx.now)
		row.Priority += before
		rows = append(rows, row)
	}
	return rows, nil
}

// insertTasks stores new rows, of one entry or of many, and sets their ids.
func (tx *Tx) insertTasks(ctx context.Context, rows []taskRow) error {
	for i := range rows {
		tx.woken = tx.woken || rows[i].State == TaskRunnable
	}
	err := tx.guard(ctx, func() error {
		_, err := tx.tx.NewInsert().Model(&rows).Returning("id").Exec(ctx)
		return err
	})
	if uniqueViolation(err) {
		return fmt.Errorf("%w: a task's stage and name are taken: %w", ErrConflict, err)
	}
	return err
}

// fill sets the row from task i of its graph; open has the existing predecessors that are not done.
func (r *taskRow) fill(n NewTask, i int, open map[TaskID]bool) error {
	if n.Stage == "" {
		return fmt.Errorf("%w: no stage", ErrInvalid)
	}
	if n.MaxAttempts < 0 || n.Weight < 0 {
		return fmt.Errorf("%w: negative attempts or weight", ErrInvalid)
	}
	if n.NeedsBytes < 0 || n.NeedsBytes > 0 && n.Upload == "" {
		return fmt.Errorf("%w: needs %d bytes of upload %q", ErrInvalid, n.NeedsBytes, n.Upload)
	}
	if err := checkText("task name", n.Name, maxKeyBytes); err != nil {
		return err
	}
	payload, err := encode(n.Payload)
	if err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	blockers := map[int]bool{}
	for _, a := range n.After {
		if a < 0 || a >= i {
			return fmt.Errorf("%w: predecessor %d does not come before task %d", ErrInvalid, a, i)
		}
		blockers[a] = true
	}
	existing := map[TaskID]bool{}
	for _, id := range n.AfterTasks {
		if open[id] {
			existing[id] = true
		}
	}
	*r = taskRow{
		Stage: n.Stage, Name: n.Name, State: TaskRunnable, Priority: n.Priority, Optional: n.Optional, Asset: n.Asset,
		Blockers: len(blockers) + len(existing), MaxAttempts: n.MaxAttempts, Payload: payload, Weight: n.Weight,
		Upload: n.Upload, NeedsBytes: n.NeedsBytes,
	}
	if n.NeedsBytes > 0 {
		r.Blockers++
	}
	if r.Blockers > 0 {
		r.State = TaskWaiting
	}
	if r.MaxAttempts == 0 {
		r.MaxAttempts = defaultMaxAttempts
	}
	return nil
}

// openPredecessors locks the existing predecessors of new tasks and returns those that are not done.
func (tx *Tx) openPredecessors(ctx context.Context, tasks []NewTask) (map[TaskID]bool, error) {
	var ids []TaskID
	for _, n := range tasks {
		ids = append(ids, n.AfterTasks...)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []taskRow
	q := tx.tx.NewSelect().Model(&rows).Column("id", "state", "optional").Where("id IN (?)", bun.List(ids)).Order("id")
	if tx.db.postgres {
		q = q.For("UPDATE")
	}
	if err := q.Scan(ctx); err != nil {
		return nil, err
	}
	open, found := map[TaskID]bool{}, map[TaskID]bool{}
	for _, r := range rows {
		found[r.ID] = true
		switch r.State {
		case TaskDone:
		case TaskDead, TaskCancelled:
			if r.State == TaskCancelled || !r.Optional {
				return nil, fmt.Errorf("%w: predecessor %d is %s", ErrConflict, r.ID, r.State)
			}
		default:
			open[r.ID] = true
		}
	}
	for _, id := range ids {
		if !found[id] {
			return nil, fmt.Errorf("predecessor %d: %w", id, ErrNotFound)
		}
	}
	return open, nil
}

// taskDeps appends what the tasks of one graph, whose rows have ids, wait for.
func taskDeps(deps []depRow, tasks []NewTask, rows []taskRow, open map[TaskID]bool) []depRow {
	seen := map[depRow]bool{}
	add := func(d depRow) {
		if !seen[d] {
			seen[d] = true
			deps = append(deps, d)
		}
	}
	for i, n := range tasks {
		for _, a := range n.After {
			add(depRow{After: rows[a].ID, Task: rows[i].ID})
		}
		for _, id := range n.AfterTasks {
			if open[id] {
				add(depRow{After: id, Task: rows[i].ID})
			}
		}
	}
	return deps
}

func (tx *Tx) insertDeps(ctx context.Context, deps []depRow) error {
	if len(deps) == 0 {
		return nil
	}
	_, err := tx.tx.NewInsert().Model(&deps).Exec(ctx)
	return err
}

// Task returns a task.
func (db *DB) Task(ctx context.Context, id TaskID) (Task, error) {
	row, err := taskByID(ctx, db.read, id)
	if err != nil {
		return Task{}, err
	}
	return row.task(), nil
}

func taskByID(ctx context.Context, q bun.IDB, id TaskID) (*taskRow, error) {
	var row taskRow
	if err := q.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, notFound(err, "task %d", id)
	}
	return &row, nil
}

// Tasks returns all tasks of an entry, of every version, in the order they were made.
func (db *DB) Tasks(ctx context.Context, entry EntryID) ([]Task, error) {
	return tasks(ctx, db.read, entry)
}

// Tasks is DB.Tasks as the transaction sees it.
func (tx *Tx) Tasks(ctx context.Context, entry EntryID) ([]Task, error) {
	return tasks(ctx, tx.tx, entry)
}

func tasks(ctx context.Context, q bun.IDB, entry EntryID) ([]Task, error) {
	var rows []taskRow
	if err := q.NewSelect().Model(&rows).Where("entry = ?", entry).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("tasks of entry %s: %w", entry, err)
	}
	return tasksOf(rows), nil
}

// TaskStates returns the states of tasks; those that do not exist are left out.
func (db *DB) TaskStates(ctx context.Context, ids []TaskID) (map[TaskID]TaskState, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []taskRow
	if err := db.read.NewSelect().Model(&rows).Column("id", "state").Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("states of %d tasks: %w", len(ids), err)
	}
	states := make(map[TaskID]TaskState, len(rows))
	for _, r := range rows {
		states[r.ID] = r.State
	}
	return states, nil
}
