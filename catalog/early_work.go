package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// EarlyState is where the early work on an upload stands.
type EarlyState string

// States of early work: its tasks exist; its file allows none, so that all waits for the end; the plan of the complete file took
// it over; it was given up, and its objects are to be removed.
const (
	EarlyWorking  EarlyState = "working"
	EarlyUnsuited EarlyState = "unsuited"
	EarlyAdopted  EarlyState = "adopted"
	EarlyDropped  EarlyState = "dropped"
)

// EarlyWork is what is made for an entry while the upload of its original arrives.
type EarlyWork struct {
	Upload UploadTokenID
	// Generation is that of the upload's file.
	Generation int
	Entry      EntryID
	Version    int
	State      EarlyState
	// Path is the file that grows, and Size how much of it counts when it is complete; 0 when only its end tells.
	Path string
	Size int64
	// Made is how far the plan of a file of unknown size is.
	Made EarlyMade
	// Renditions are the assets of the early plan by the names that the plan gives them; none before there is a plan.
	Renditions map[string]AssetID
	CreatedAt  time.Time
}

// EarlyMade is a plan of the beginning of a file: its object, and how many of its spans have tasks.
type EarlyMade struct {
	Plan  string `json:"plan"`
	Spans int    `json:"spans"`
}

// Run names the early work among the runs of tasks of its entry.
func (w EarlyWork) Run() string {
	id := string(w.Upload)
	return fmt.Sprintf("early-%s-%d", id[max(0, len(id)-8):], w.Generation)
}

type earlyWorkRow struct {
	bun.BaseModel `bun:"table:early_works"`

	Upload     UploadTokenID `bun:"upload,pk"`
	Generation int           `bun:"generation"`
	Entry      EntryID       `bun:"entry"`
	Version    int           `bun:"version"`
	State      EarlyState    `bun:"state"`
	Path       string        `bun:"path"`
	Size       int64         `bun:"size"`
	Renditions string        `bun:"renditions"`
	Made       string        `bun:"made"`
	CreatedAt  int64         `bun:"created_at"`
}

func (r *earlyWorkRow) work() EarlyWork {
	w := EarlyWork{
		Upload: r.Upload, Generation: r.Generation, Entry: r.Entry, Version: r.Version, State: r.State, Path: r.Path, Size: r.Size,
		CreatedAt: fromMicros(r.CreatedAt),
	}
	if r.Renditions != "" {
		_ = json.Unmarshal([]byte(r.Renditions), &w.Renditions) // written by fill
	}
	if r.Made != "" {
		_ = json.Unmarshal([]byte(r.Made), &w.Made) // written by fill
	}
	return w
}

func (r *earlyWorkRow) fill(w EarlyWork) error {
	renditions := ""
	if len(w.Renditions) > 0 {
		var err error
		if renditions, err = encode(w.Renditions); err != nil {
			return err
		}
	}
	made := ""
	if w.Made != (EarlyMade{}) {
		var err error
		if made, err = encode(w.Made); err != nil {
			return err
		}
	}
	*r = earlyWorkRow{
		Made:   made,
		Upload: w.Upload, Generation: w.Generation, Entry: w.Entry, Version: w.Version, State: w.State, Path: w.Path, Size: w.Size,
		Renditions: renditions, CreatedAt: micros(w.CreatedAt),
	}
	return nil
}

// BeginEarly records that early work on an upload begins, in state EarlyWorking, with its first tasks. Work that there is
// already is ErrConflict.
func (tx *Tx) BeginEarly(ctx context.Context, w EarlyWork, tasks []NewTask) error {
	w.State, w.CreatedAt = EarlyWorking, tx.now
	var row earlyWorkRow
	if err := row.fill(w); err != nil {
		return err
	}
	err := tx.guard(ctx, func() error {
		_, err := tx.tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if uniqueViolation(err) {
		err = fmt.Errorf("%w: it has begun: %w", ErrConflict, err)
	}
	if err == nil {
		_, err = tx.AddTasks(ctx, w.Entry, tasks)
	}
	if err != nil {
		return fmt.Errorf("early work on upload %s: %w", w.Upload, err)
	}
	return nil
}

// EarlyWork returns the early work on an upload.
func (db *DB) EarlyWork(ctx context.Context, id UploadTokenID) (EarlyWork, error) {
	return earlyWork(ctx, db.read, id)
}

// EarlyWork is DB.EarlyWork as the transaction sees it.
func (tx *Tx) EarlyWork(ctx context.Context, id UploadTokenID) (EarlyWork, error) {
	return earlyWork(ctx, tx.tx, id)
}

func earlyWork(ctx context.Context, q bun.IDB, id UploadTokenID) (EarlyWork, error) {
	var row earlyWorkRow
	if err := q.NewSelect().Model(&row).Where("upload = ?", id).Scan(ctx); err != nil {
		return EarlyWork{}, notFound(err, "early work on upload %s", id)
	}
	return row.work(), nil
}

// EarlyWorkOf returns the early work on the original of an entry's version.
func (db *DB) EarlyWorkOf(ctx context.Context, entry EntryID, version int) (EarlyWork, error) {
	var row earlyWorkRow
	err := db.read.NewSelect().Model(&row).Where("entry = ?", entry).Where("version = ?", version).Limit(1).Scan(ctx)
	if err != nil {
		return EarlyWork{}, notFound(err, "early work for entry %s", entry)
	}
	return row.work(), nil
}

// UpdateEarly changes early work by fn, under the lock of its entry. Its upload, entry and version stay.
func (tx *Tx) UpdateEarly(ctx context.Context, id UploadTokenID, fn func(w *EarlyWork) error) error {
	w, err := tx.lockEarly(ctx, id)
	if err != nil {
		return err
	}
	n := w
	if err := fn(&n); err != nil {
		return err
	}
	n.Upload, n.Entry, n.Version, n.CreatedAt = w.Upload, w.Entry, w.Version, w.CreatedAt
	var row earlyWorkRow
	if err := row.fill(n); err != nil {
		return err
	}
	if _, err := tx.tx.NewUpdate().Model(&row).WherePK().Exec(ctx); err != nil {
		return fmt.Errorf("early work on upload %s: %w", id, err)
	}
	return nil
}

func (tx *Tx) lockEarly(ctx context.Context, id UploadTokenID) (EarlyWork, error) {
	w, err := tx.EarlyWork(ctx, id)
	if err != nil {
		return w, err
	}
	if err := tx.lockEntries(ctx, w.Entry); err != nil {
		return w, fmt.Errorf("early work on upload %s: %w", id, err)
	}
	return tx.EarlyWork(ctx, id)
}

// AdoptEarly makes early work part of what is made of the complete file: its entry fails with its tasks from now on. It returns
// the tasks; ErrConflict says that one of them has failed or the work is not EarlyWorking, and nothing was changed.
func (tx *Tx) AdoptEarly(ctx context.Context, id UploadTokenID) ([]TaskID, error) {
	w, err := tx.lockEarly(ctx, id)
	if err != nil {
		return nil, err
	}
	var rows []taskRow
	err = tx.tx.NewSelect().Model(&rows).Column("id", "state").Where("upload <> ''").Where("upload = ?", id).Where("version = ?", w.Version).Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("tasks of upload %s: %w", id, err)
	}
	ids := make([]TaskID, len(rows))
	for i, r := range rows {
		if r.State == TaskDead || r.State == TaskCancelled {
			return nil, fmt.Errorf("early work on upload %s: %w: task %d is %s", id, ErrConflict, r.ID, r.State)
		}
		ids[i] = r.ID
	}
	if w.State != EarlyWorking || len(w.Renditions) == 0 {
		return nil, fmt.Errorf("early work on upload %s: %w: it is %s", id, ErrConflict, w.State)
	}
	_, err = tx.tx.NewUpdate().Table("tasks").Set("optional = ?", false).Where("id IN (?)", bun.List(ids)).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("tasks of upload %s: %w", id, err)
	}
	return ids, tx.UpdateEarly(ctx, id, func(w *EarlyWork) error { w.State = EarlyAdopted; return nil })
}

// DropEarly gives early work up: its tasks are cancelled for good and its renditions deleted. The caller, or whoever looks after
// early works, removes the objects and then ends it. Dropping it again does nothing.
func (tx *Tx) DropEarly(ctx context.Context, id UploadTokenID) error {
	w, err := tx.lockEarly(ctx, id)
	if err != nil || w.State == EarlyDropped {
		return err
	}
	// Version 0 keeps a retry of the entry from bringing them back.
	_, err = tx.tx.NewUpdate().Table("tasks").Set("version = 0").
		Set("state = CASE WHEN state = ? THEN state ELSE ? END", TaskDone, TaskCancelled).Set("finished_at = ?", micros(tx.now)).
		Where("upload <> ''").Where("upload = ?", id).Where("version = ?", w.Version).Exec(ctx)
	if err != nil {
		return fmt.Errorf("drop early work on upload %s: %w", id, err)
	}
	for _, a := range w.Renditions {
		if err := tx.DeleteAsset(ctx, a); err != nil {
			return fmt.Errorf("drop early work on upload %s: %w", id, err)
		}
	}
	err = tx.UpdateEntry(ctx, w.Entry, func(e *Entry) error {
		if e.Version == w.Version && e.Status != EntryReady && e.Status != EntryDeleted {
			e.PlayableAt = time.Time{}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop early work on upload %s: %w", id, err)
	}
	return tx.UpdateEarly(ctx, id, func(w *EarlyWork) error { w.State, w.Renditions = EarlyDropped, nil; return nil })
}

// EndEarly forgets early work.
func (db *DB) EndEarly(ctx context.Context, id UploadTokenID) error {
	return db.inTx(ctx, lazy, func(tx *Tx) error {
		_, err := tx.tx.NewDelete().Table("early_works").Where("upload = ?", id).Exec(ctx)
		return err
	})
}
