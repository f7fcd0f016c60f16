package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/uptrace/bun"
)

// NewEntry is an entry to be made.
type NewEntry struct {
	Account     AccountID
	Name        string
	ReferenceID string
	MediaType   MediaType
	Description string
	Tags        []string
	// SourceKey says where the original came from; it is kept as it is.
	SourceKey string
	// DedupKey, when set, is unique in the account: the second entry with it is refused, also after the first was deleted
	// and until it is purged.
	DedupKey string
	// ID, when set, is the entry's id, made with NewEntryID before the entry itself so that keys may contain it.
	ID EntryID
}

// NewEntryID returns a random id for an entry to be made.
func NewEntryID() EntryID { return EntryID(newObjectID()) }

// NewAssetID returns a random id for an asset to be made, so that object keys may contain it.
func NewAssetID() AssetID { return AssetID(newObjectID()) }

// CreateEntry makes an entry in state EntryImport with its assets and its graph of tasks and the event entry.created, all
// in one transaction. When the account has an entry with the same DedupKey, that entry is returned together with an
// error that wraps ErrConflict. Unknown accounts are ErrNotFound.
func (db *DB) CreateEntry(ctx context.Context, n NewEntry, assets []Asset, tasks []NewTask) (Entry, []Asset, []Task, error) {
	var e Entry
	var made []Asset
	var todo []Task
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		e, made, todo, err = tx.CreateEntry(ctx, n, assets, tasks)
		return err
	})
	if errors.Is(err, ErrConflict) {
		// Of two arrivals at once, one meets the other's row only when it is committed.
		if old, ferr := db.entryByDedup(ctx, n.Account, n.DedupKey); ferr == nil {
			return old, nil, nil, fmt.Errorf("create entry %q: %w: entry %s has the same dedup key", n.Name, ErrConflict, old.ID)
		}
	}
	if err != nil {
		return Entry{}, nil, nil, fmt.Errorf("create entry %q: %w", n.Name, err)
	}
	return e, made, todo, nil
}

// CreateEntry is DB.CreateEntry inside a transaction; a used DedupKey gives ErrConflict without the entry.
func (tx *Tx) CreateEntry(ctx context.Context, n NewEntry, assets []Asset, tasks []NewTask) (Entry, []Asset, []Task, error) {
	fail := func(err error) (Entry, []Asset, []Task, error) { return Entry{}, nil, nil, err }
	a, err := account(ctx, tx.tx, n.Account)
	if err != nil {
		return fail(err)
	}
	row, err := tx.insertEntry(ctx, n)
	if err == nil {
		err = tx.countEntries(ctx, a, 1)
	}
	if err != nil {
		return fail(err)
	}
	e := row.entry()
	if err := tx.Emit(EventEntryCreated, e.Account, e.ID, string(e.ID), entryFact(e)); err != nil {
		return fail(err)
	}
	made, err := tx.addAssets(ctx, row, assets)
	if err != nil {
		return fail(err)
	}
	todo, err := tx.addTasks(ctx, row, tasks)
	if err != nil {
		return fail(err)
	}
	return e, made, todo, nil
}

func (tx *Tx) insertEntry(ctx context.Context, n NewEntry) (*entryRow, error) {
	e := BlankEntry(n.Account)
	e.ID, e.Status, e.MediaType, e.Name, e.Description = n.ID, EntryImport, n.MediaType, n.Name, n.Description
	e.ReferenceID, e.Tags, e.SourceKey, e.DedupKey = n.ReferenceID, n.Tags, n.SourceKey, n.DedupKey
	return tx.storeEntry(ctx, e)
}

// AddEntry makes an entry as given, without assets or tasks, and writes entry.created. An empty ID gets one; versions count
// from 1. Unknown accounts are ErrNotFound, a taken id or dedup key is ErrConflict.
func (db *DB) AddEntry(ctx context.Context, e Entry) (Entry, error) {
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		e, err = tx.AddEntry(ctx, e)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// AddEntry is DB.AddEntry inside a transaction.
func (tx *Tx) AddEntry(ctx context.Context, e Entry) (Entry, error) {
	a, err := account(ctx, tx.tx, e.Account)
	if err != nil {
		return Entry{}, fmt.Errorf("add entry %q: %w", e.Name, err)
	}
	row, err := tx.storeEntry(ctx, e)
	if err == nil && e.Replaced == "" { // what is to replace an entry's content is none to the account
		err = tx.countEntries(ctx, a, 1)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("add entry %q: %w", e.Name, err)
	}
	made := row.entry()
	return made, tx.Emit(EventEntryCreated, made.Account, made.ID, string(made.ID), entryFact(made))
}

func (tx *Tx) storeEntry(ctx context.Context, e Entry) (*entryRow, error) {
	given := e.ID
	e.Version, e.CreatedAt, e.UpdatedAt, e.Revision = max(e.Version, 1), tx.now, tx.now, 1
	cats, _, err := tx.resolveCategories(ctx, Entry{}, &e)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		if given == "" {
			e.ID = NewEntryID()
		} else if err := checkID(string(given)); err != nil {
			return nil, err
		}
		var row entryRow
		if err := row.fill(e); err != nil {
			return nil, err
		}
		var res sql.Result
		err := tx.guard(ctx, func() (err error) {
			res, err = tx.tx.NewInsert().Model(&row).On("CONFLICT (id) DO NOTHING").Returning("num").Exec(ctx)
			return err
		})
		if uniqueViolation(err) {
			return nil, fmt.Errorf("%w: the dedup key is used: %w", ErrConflict, err)
		}
		if err != nil {
			return nil, err
		}
		made, err := res.RowsAffected()
		if err == nil && made == 1 && len(cats) > 0 {
			err = tx.linkCategories(ctx, e, cats)
		}
		if err != nil || made == 1 {
			return &row, err
		}
		if given != "" || try == maxTries {
			return nil, fmt.Errorf("entry %s: %w: the id is taken", e.ID, ErrConflict)
		}
	}
}

// checkID refuses what is no id of an entry or asset.
func checkID(id string) error {
	ok := len(id) == 10 && strings.HasPrefix(id, "0_")
	for _, c := range strings.TrimPrefix(id, "0_") {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z')
	}
	if !ok {
		return fmt.Errorf("%w: %q is not an id", ErrInvalid, id)
	}
	return nil
}

func (db *DB) entryByDedup(ctx context.Context, account AccountID, key string) (Entry, error) {
	return entryByDedup(ctx, db.read, account, key)
}

func entryByDedup(ctx context.Context, q bun.IDB, account AccountID, key string) (Entry, error) {
	if key == "" {
		return Entry{}, ErrNotFound
	}
	var row entryRow
	err := q.NewSelect().Model(&row).Where("account = ?", account).Where("dedup_key = ?", key).Scan(ctx)
	if err != nil {
		return Entry{}, notFound(err, "entry with dedup key %q", key)
	}
	return row.entry(), nil
}

// Entry returns an account's entry, also when it is deleted and not yet purged.
func (db *DB) Entry(ctx context.Context, account AccountID, id EntryID) (Entry, error) {
	e, err := db.EntryByID(ctx, id)
	if err == nil && e.Account != account {
		return Entry{}, notFound(sql.ErrNoRows, "entry %s", id)
	}
	return e, err
}

// EntryByID returns an entry of any account.
func (db *DB) EntryByID(ctx context.Context, id EntryID) (Entry, error) {
	var row entryRow
	if err := db.lookups.entry.scan(ctx, db.read, id, &row); err != nil {
		return Entry{}, notFound(err, "entry %s", id)
	}
	return row.entry(), nil
}

// Entry returns an entry of any account as the transaction sees it.
func (tx *Tx) Entry(ctx context.Context, id EntryID) (Entry, error) {
	row, err := entryByID(ctx, tx.tx, id)
	if err != nil {
		return Entry{}, err
	}
	return row.entry(), nil
}

func entryByID(ctx context.Context, q bun.IDB, id EntryID) (*entryRow, error) {
	var row entryRow
	if err := q.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, notFound(err, "entry %s", id)
	}
	return &row, nil
}

// UpdateEntry changes an entry by fn, raises its revision and writes entry.updated (and entry.ready or entry.failed when
// the status became so). Nothing is written when fn changes nothing. Fn sees the newest state, may run several times, and
// cannot change ids, the account, CreatedAt or the revision.
func (db *DB) UpdateEntry(ctx context.Context, id EntryID, fn func(e *Entry) error) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.UpdateEntry(ctx, id, fn) })
}

// UpdateEntry is DB.UpdateEntry inside a transaction.
func (tx *Tx) UpdateEntry(ctx context.Context, id EntryID, fn func(e *Entry) error) error {
	if err := tx.lockEntries(ctx, id); err != nil {
		return fmt.Errorf("entry %s: %w", id, err)
	}
	row, err := entryByID(ctx, tx.tx, id)
	if err != nil {
		return err
	}
	if err := tx.changeEntry(ctx, row, fn); err != nil {
		return fmt.Errorf("entry %s: %w", id, err)
	}
	return nil
}

// changeEntry applies fn to a locked row.
func (tx *Tx) changeEntry(ctx context.Context, row *entryRow, fn func(e *Entry) error) error {
	old, e := row.entry(), row.entry()
	if err := fn(&e); err != nil {
		return err
	}
	e.ID, e.Account, e.CreatedAt, e.Revision, e.UpdatedAt = old.ID, old.Account, old.CreatedAt, old.Revision, old.UpdatedAt
	if reflect.DeepEqual(old, e) {
		return nil
	}
	cats, recategorised, err := tx.resolveCategories(ctx, old, &e)
	if err != nil {
		return err
	}
	e.Revision++
	e.UpdatedAt = tx.now
	if err := row.fill(e); err != nil {
		return err
	}
	if _, err := tx.tx.NewUpdate().Model(row).WherePK().Exec(ctx); err != nil {
		return err
	}
	if recategorised {
		if err := tx.linkCategories(ctx, e, cats); err != nil {
			return err
		}
	}
	return tx.emitChange(old, row.entry())
}

func (tx *Tx) emitChange(old, e Entry) error {
	names := []string{EventEntryUpdated}
	switch {
	case e.Status == old.Status:
	case e.Status == EntryReady:
		names = []string{EventEntryReady, EventEntryUpdated}
	case e.Status == EntryErrorImporting, e.Status == EntryErrorConverting:
		names = []string{EventEntryFailed, EventEntryUpdated}
	case e.Status == EntryDeleted:
		names = []string{EventEntryDeleted}
	}
	for _, n := range names {
		if err := tx.Emit(n, e.Account, e.ID, string(e.ID), entryFact(e)); err != nil {
			return err
		}
	}
	return nil
}

// entryFact is the data of an entry's event: enough to decide whether to look the entry up.
func entryFact(e Entry) any {
	return struct {
		Status    EntryStatus `json:"status"`
		Version   int         `json:"version"`
		Revision  int64       `json:"revision"`
		Name      string      `json:"name"`
		ErrorCode string      `json:"error_code,omitempty"`
	}{e.Status, e.Version, e.Revision, e.Name, e.ErrorCode}
}

// EntryByDedup returns the account's entry with a dedup key, also when it is deleted and not yet purged.
func (tx *Tx) EntryByDedup(ctx context.Context, account AccountID, key string) (Entry, error) {
	return entryByDedup(ctx, tx.tx, account, key)
}
