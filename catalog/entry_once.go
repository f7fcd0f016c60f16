package catalog

import (
	"context"
	"errors"
)

// AddEntryOnce is AddEntry for what may be delivered twice: when the account has an entry with the same DedupKey, which must be set,
// that entry comes back and the flag is false. It may be deleted meanwhile.
func (db *DB) AddEntryOnce(ctx context.Context, e Entry) (made Entry, added bool, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) (err error) {
		made, added, err = tx.AddEntryOnce(ctx, e)
		return err
	})
	if err != nil {
		return Entry{}, false, err
	}
	return made, added, nil
}

// AddEntryOnce is DB.AddEntryOnce inside a transaction.
func (tx *Tx) AddEntryOnce(ctx context.Context, e Entry) (Entry, bool, error) {
	old, err := entryByDedup(ctx, tx.tx, e.Account, e.DedupKey)
	if err == nil {
		return old, false, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return Entry{}, false, err
	}
	made, err := tx.AddEntry(ctx, e)
	if !errors.Is(err, ErrConflict) {
		return made, err == nil, err
	}
	// Of two at once, one meets the other's row only when it is committed.
	if old, oldErr := entryByDedup(ctx, tx.tx, e.Account, e.DedupKey); oldErr == nil {
		return old, false, nil
	}
	return Entry{}, false, err
}
