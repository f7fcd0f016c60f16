package dropfolder

import (
	"context"

	"sluice/catalog"
)

// move puts a file into another state for the event's sake, if it is still in the state it has in f; otherwise catalog.ErrConflict.
// Errors, reasons and times to try again are cleared before set, which may be nil, changes what else there is to change.
func move(ctx context.Context, tx *catalog.Tx, fence catalog.Fence, f catalog.DropFolderFile, event Event, to catalog.DropFolderFileStatus,
	set func(*catalog.DropFolderFile)) (catalog.DropFolderFile, error) {
	if err := check(event, f.Status, to); err != nil {
		return f, err
	}
	moved, err := tx.UpdateDropFolderFile(ctx, fence, f.ID, f.Status, func(n *catalog.DropFolderFile) error {
		n.Status, n.ErrorCode, n.ErrorText, n.Why, n.NextAt = to, "", "", "", 0
		if set != nil {
			set(n)
		}
		return nil
	})
	if err == nil {
		transitions.WithLabelValues(string(event)).Inc()
	}
	return moved, err
}

// moveAll is move for many files in the same state, of which those are returned that were in it.
func moveAll(ctx context.Context, tx *catalog.Tx, fence catalog.Fence, ids []catalog.DropFolderFileID, event Event, from, to catalog.DropFolderFileStatus) (
	[]catalog.DropFolderFileID, error) {
	if err := check(event, from, to); err != nil || len(ids) == 0 {
		return nil, err
	}
	moved, err := tx.MoveDropFolderFiles(ctx, fence, ids, from, to)
	if err == nil {
		transitions.WithLabelValues(string(event)).Add(float64(len(moved)))
	}
	return moved, err
}

// change is a change of state that many files may have in common.
type change struct {
	event    Event
	from, to catalog.DropFolderFileStatus
}

// moveEach is move for many files in the same state, of which those come back, in the order of their ids, that were in it.
func moveEach(ctx context.Context, tx *catalog.Tx, fence catalog.Fence, ids []catalog.DropFolderFileID, c change,
	set func(*catalog.DropFolderFile)) ([]catalog.DropFolderFile, error) {
	if err := check(c.event, c.from, c.to); err != nil || len(ids) == 0 {
		return nil, err
	}
	moved, err := tx.UpdateDropFolderFiles(ctx, fence, ids, c.from, func(n *catalog.DropFolderFile) error {
		n.Status, n.ErrorCode, n.ErrorText, n.Why, n.NextAt = c.to, "", "", "", 0
		set(n)
		return nil
	})
	if err == nil {
		transitions.WithLabelValues(string(c.event)).Add(float64(len(moved)))
	}
	return moved, err
}
