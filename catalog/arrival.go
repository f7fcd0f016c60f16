package catalog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Arrival is an entry to be made together with what it begins with.
type Arrival struct {
	// Entry needs an ID, from NewEntryID, and a DedupKey; its Account is that of all arrivals.
	Entry  Entry
	Assets []Asset
	Tasks  []NewTask // without predecessors outside of the graph
}

// AddArrivals makes many entries of an account with their assets and tasks, with a statement a table: what a door does a hundred
// times a second (bench: dropfolder). It returns the entries; of an arrival whose DedupKey an entry has already, which may be deleted
// meanwhile, that entry, with the flag false. A taken id, or a key that two of the arrivals share, is ErrConflict.
func (tx *Tx) AddArrivals(ctx context.Context, id AccountID, arrivals []Arrival) ([]Entry, []bool, error) {
	owner, err := account(ctx, tx.tx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("add %d entries: %w", len(arrivals), err)
	}
	out, added := make([]Entry, 0, len(arrivals)), make([]bool, 0, len(arrivals))
	for len(arrivals) > 0 {
		batch := arrivals[:min(len(arrivals), insertBatch)]
		arrivals = arrivals[len(batch):]
		have, err := tx.delivered(ctx, id, batch)
		if err != nil {
			return nil, nil, fmt.Errorf("add %d entries: %w", len(batch), err)
		}
		fresh, places := make([]Arrival, 0, len(batch)), make([]int, 0, len(batch))
		for _, a := range batch {
			if old, ok := have[a.Entry.DedupKey]; ok {
				out, added = append(out, old), append(added, false)
				continue
			}
			a.Entry.Account, a.Entry.Version, a.Entry.Revision = id, max(a.Entry.Version, 1), 1
			a.Entry.CreatedAt, a.Entry.UpdatedAt = tx.now, tx.now
			places = append(places, len(out))
			fresh = append(fresh, a)
			out, added = append(out, Entry{}), append(added, true)
		}
		rows, err := tx.addFresh(ctx, fresh)
		if err == nil {
			err = tx.countEntries(ctx, owner, len(fresh))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("add %d entries: %w", len(fresh), err)
		}
		for i, place := range places {
			out[place] = rows[i].entry()
		}
	}
	return out, added, nil
}

// delivered returns the entries that have the keys of arrivals.
func (tx *Tx) delivered(ctx context.Context, id AccountID, arrivals []Arrival) (map[string]Entry, error) {
	keys := make([]string, len(arrivals))
	for i, a := range arrivals {
		if keys[i] = a.Entry.DedupKey; keys[i] == "" || a.Entry.ID == "" {
			return nil, fmt.Errorf("%w: an arrival needs an id and a dedup key", ErrInvalid)
		}
	}
	var rows []entryRow
	err := tx.tx.NewSelect().Model(&rows).Where("account = ?", id).Where("dedup_key IN (?)", bun.List(keys)).Scan(ctx)
	have := make(map[string]Entry, len(rows))
	for i := range rows {
		have[rows[i].DedupKey] = rows[i].entry()
	}
	return have, err
}

// addFresh stores entries that nobody has, what they begin with, and their events.
func (tx *Tx) addFresh(ctx context.Context, fresh []Arrival) ([]entryRow, error) {
	if len(fresh) == 0 {
		return nil, nil
	}
	rows, err := tx.insertArrivals(ctx, fresh)
	if err != nil {
		return nil, err
	}
	var assets []assetRow
	var tasks []taskRow
	for i, a := range fresh {
		if assets, err = tx.assetRows(assets, &rows[i], a.Assets); err != nil {
			return nil, err
		}
		if tasks, err = tx.taskRows(tasks, &rows[i], a.Tasks, nil); err != nil {
			return nil, err
		}
		e := rows[i].entry()
		if err := tx.Emit(EventEntryCreated, e.Account, e.ID, string(e.ID), entryFact(e)); err != nil {
			return nil, err
		}
	}
	if len(assets) > 0 {
		if err := tx.insertAssets(ctx, assets); err != nil {
			return nil, err
		}
	}
	if len(tasks) > 0 {
		if err := tx.insertTasks(ctx, tasks); err != nil {
			return nil, err
		}
	}
	var deps []depRow
	for _, a := range fresh {
		deps = taskDeps(deps, a.Tasks, tasks[:len(a.Tasks)], nil)
		tasks = tasks[len(a.Tasks):]
	}
	return rows, tx.insertDeps(ctx, deps)
}

// insertArrivals stores the rows of entries, in their order, with their categories.
func (tx *Tx) insertArrivals(ctx context.Context, fresh []Arrival) ([]entryRow, error) {
	rows, cats := make([]entryRow, len(fresh)), make([][]Category, len(fresh))
	for i := range fresh {
		e := &fresh[i].Entry
		if err := checkID(string(e.ID)); err != nil {
			return nil, err
		}
		var err error
		if cats[i], _, err = tx.resolveCategories(ctx, Entry{}, e); err != nil {
			return nil, err
		}
		if err := rows[i].fill(*e); err != nil {
			return nil, fmt.Errorf("entry %q: %w", e.Name, err)
		}
	}
	err := tx.guard(ctx, func() error {
		_, err := tx.tx.NewInsert().Model(&rows).Returning("num").Exec(ctx)
		return err
	})
	if uniqueViolation(err) {
		return nil, fmt.Errorf("%w: an id or a dedup key is used: %w", ErrConflict, err)
	}
	if err != nil {
		return nil, err
	}
	for i := range fresh {
		if len(cats[i]) > 0 {
			if err := tx.linkCategories(ctx, fresh[i].Entry, cats[i]); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}
