package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// States of an entry in a category; the values are the wire's.
const (
	CategoryEntryPending  = 1
	CategoryEntryActive   = 2
	CategoryEntryRejected = 4
)

// CategoryEntry says that an entry is in a category. Active ones are Entry.Categories and Entry.CategoryIDs, too: the two are
// kept in step by whatever changes either.
type CategoryEntry struct {
	bun.BaseModel `bun:"table:category_entries"`
	Record

	ID       int64      `bun:"id,pk,autoincrement"`
	Category CategoryID `bun:"category"`
	Entry    EntryID    `bun:"entry"`
	Status   int        `bun:"status"`
	User     string     `bun:"user_id"` // who put it there
}

var categoryEntries = table[CategoryEntry, *CategoryEntry]{noun: "category entry", fields: fields{
	"id": {"id", kindInt}, "categoryId": {"category", kindInt}, "entryId": {"entry", kindText}, "status": {"status", kindInt},
	"createdAt": {"created_at", kindTime}, "creatorUserId": {"user_id", kindText},
}}

// CategoryEntries returns a page of the account's links between categories and entries, and how many there are.
func (db *DB) CategoryEntries(ctx context.Context, account AccountID, q Query) ([]CategoryEntry, int, error) {
	return categoryEntries.list(ctx, db, account, q)
}

// AddCategoryEntry puts an entry into a category. ErrConflict says that it is there.
func (db *DB) AddCategoryEntry(ctx context.Context, account AccountID, l CategoryEntry) (CategoryEntry, error) {
	err := db.inTx(ctx, durable, func(tx *Tx) error { return tx.AddCategoryEntry(ctx, account, &l) })
	return l, err
}

// AddCategoryEntry is DB.AddCategoryEntry inside a transaction.
func (tx *Tx) AddCategoryEntry(ctx context.Context, account AccountID, l *CategoryEntry) error {
	if _, err := categories.get(ctx, tx, account, l.Category); err != nil {
		return err
	}
	made, err := categoryEntries.insert(ctx, tx, account, *l)
	if err != nil {
		return err
	}
	*l = made
	return tx.showCategories(ctx, l.Entry)
}

// SetCategoryEntry gives an entry another state in a category. ErrNotFound says that it is not there.
func (db *DB) SetCategoryEntry(ctx context.Context, account AccountID, category CategoryID, entry EntryID, status int) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.SetCategoryEntry(ctx, account, category, entry, status) })
}

// SetCategoryEntry is DB.SetCategoryEntry inside a transaction.
func (tx *Tx) SetCategoryEntry(ctx context.Context, account AccountID, category CategoryID, entry EntryID, status int) error {
	return tx.changeLink(ctx, account, category, entry, func(l CategoryEntry) error {
		_, err := categoryEntries.update(ctx, tx, account, l.ID, func(l *CategoryEntry) error { l.Status = status; return nil })
		return err
	})
}

// RemoveCategoryEntry takes an entry out of a category. ErrNotFound says that it is not there.
func (db *DB) RemoveCategoryEntry(ctx context.Context, account AccountID, category CategoryID, entry EntryID) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.RemoveCategoryEntry(ctx, account, category, entry) })
}

// RemoveCategoryEntry is DB.RemoveCategoryEntry inside a transaction.
func (tx *Tx) RemoveCategoryEntry(ctx context.Context, account AccountID, category CategoryID, entry EntryID) error {
	return tx.changeLink(ctx, account, category, entry, func(l CategoryEntry) error {
		_, err := tx.tx.NewDelete().Model(&l).WherePK().Exec(ctx)
		return err
	})
}

func (tx *Tx) changeLink(ctx context.Context, account AccountID, category CategoryID, entry EntryID, fn func(CategoryEntry) error) error {
	var l CategoryEntry
	err := tx.tx.NewSelect().Model(&l).Where("account = ?", account).Where("category = ?", category).Where("entry = ?", entry).Scan(ctx)
	if err != nil {
		return notFound(err, "entry %s in category %d", entry, category)
	}
	if err := fn(l); err != nil {
		return err
	}
	return tx.showCategories(ctx, entry)
}

// showCategories makes an entry's own lists what the links say.
func (tx *Tx) showCategories(ctx context.Context, entry EntryID) error {
	var rows []Category
	err := tx.tx.NewSelect().Model(&rows).Join("JOIN category_entries AS l ON l.category = category.id").
		Where("l.entry = ?", entry).Where("l.status = ?", CategoryEntryActive).Where("category.deleted_at = 0").Order("category.id").Scan(ctx)
	if err != nil {
		return err
	}
	err = tx.UpdateEntry(ctx, entry, func(e *Entry) error {
		e.Categories, e.CategoryIDs = listsOf(rows)
		return nil
	})
	if errors.Is(err, ErrNotFound) { // purged meanwhile
		return nil
	}
	return err
}

func listsOf(rows []Category) (names, ids []string) {
	for _, c := range rows {
		names, ids = append(names, c.FullName), append(ids, fmt.Sprint(c.ID))
	}
	return names, ids
}

// resolveCategories makes the two lists of an entry that is about to be stored agree: names whose category does not exist are
// made, ids that the account does not have are left out. It returns the categories, and whether anything changed.
func (tx *Tx) resolveCategories(ctx context.Context, old Entry, e *Entry) ([]Category, bool, error) {
	names, ids := !slices.Equal(old.Categories, e.Categories), !slices.Equal(old.CategoryIDs, e.CategoryIDs)
	if !names && !ids {
		return nil, false, nil
	}
	var rows []Category
	seen := map[CategoryID]bool{}
	add := func(c Category) {
		if !seen[c.ID] {
			seen[c.ID] = true
			rows = append(rows, c)
		}
	}
	if names || !ids {
		for _, name := range tokens(tokenList(e.Categories)) {
			c, err := tx.EnsureCategory(ctx, e.Account, name)
			if err != nil {
				return nil, false, err
			}
			add(c)
		}
	}
	if wanted := categoryIDs(e.CategoryIDs); ids && len(wanted) > 0 {
		var found []Category
		err := tx.tx.NewSelect().Model(&found).Where("account = ?", e.Account).Where("deleted_at = 0").Where("id IN (?)", bun.List(wanted)).Order("id").Scan(ctx)
		if err != nil {
			return nil, false, err
		}
		for _, c := range found {
			add(c)
		}
	}
	slices.SortFunc(rows, func(a, b Category) int { return int(a.ID - b.ID) })
	e.Categories, e.CategoryIDs = listsOf(rows)
	return rows, true, nil
}

// linkCategories makes the links of a stored entry those of its lists. Links that wait for approval stay.
func (tx *Tx) linkCategories(ctx context.Context, e Entry, rows []Category) error {
	q := tx.tx.NewDelete().Table("category_entries").Where("entry = ?", e.ID).Where("status = ?", CategoryEntryActive)
	if len(rows) > 0 {
		ids := make([]CategoryID, len(rows))
		for i, c := range rows {
			ids[i] = c.ID
		}
		q = q.Where("category NOT IN (?)", bun.List(ids))
	}
	if _, err := q.Exec(ctx); err != nil || len(rows) == 0 {
		return err
	}
	links := make([]CategoryEntry, len(rows))
	for i, c := range rows {
		links[i] = CategoryEntry{Category: c.ID, Entry: e.ID, Status: CategoryEntryActive, User: e.Owner}
		links[i].Record = Record{Account: e.Account, CreatedAt: StampOf(tx.now), UpdatedAt: StampOf(tx.now)}
	}
	_, err := tx.tx.NewInsert().Model(&links).On("CONFLICT (category, entry) DO UPDATE").Set("status = EXCLUDED.status").
		Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	return err
}

// settleBatch is how many entries are updated in one transaction, so that others get their turn.
const settleBatch = 100

// SettleCategories brings the entries of categories that were renamed, moved or deleted up to date, of one account or, with 0,
// of all. Any process may call it at any time; what one did, another finds done.
func (db *DB) SettleCategories(ctx context.Context, account AccountID) error {
	for {
		var rows []Category
		q := db.read.NewSelect().Model(&rows).Where("status = ?", CategoryUpdating).Order("id").Limit(100)
		if account != 0 {
			q = q.Where("account = ?", account)
		}
		if err := q.Scan(ctx); err != nil {
			return fmt.Errorf("settle categories: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		for _, c := range rows {
			if err := db.settleCategory(ctx, c); err != nil {
				return fmt.Errorf("settle category %d: %w", c.ID, err)
			}
		}
	}
}

func (db *DB) settleCategory(ctx context.Context, c Category) error {
	gone := c.DeletedAt != 0
	for after := EntryID(""); ; {
		done := false
		err := db.inTx(ctx, durable, func(tx *Tx) error {
			var links []CategoryEntry
			err := tx.tx.NewSelect().Model(&links).Where("category = ?", c.ID).Where("entry > ?", after).Order("entry").Limit(settleBatch).Scan(ctx)
			if err != nil {
				return err
			}
			if done = len(links) == 0; done {
				status := CategoryActive
				if gone {
					status = CategoryDeleted
				}
				_, err := tx.tx.NewUpdate().Table("categories").Set("status = ?", status).Where("id = ?", c.ID).Where("updated_at = ?", c.UpdatedAt).Exec(ctx)
				return err
			}
			for _, l := range links {
				if err := tx.settleLink(ctx, c, l); err != nil {
					return err
				}
			}
			after = links[len(links)-1].Entry
			return nil
		})
		if err != nil || done {
			return err
		}
	}
}

// settleLink brings one entry of a changed category up to date.
func (tx *Tx) settleLink(ctx context.Context, c Category, l CategoryEntry) error {
	if c.DeletedAt != 0 {
		if _, err := tx.tx.NewDelete().Model(&l).WherePK().Exec(ctx); err != nil {
			return err
		}
		if c.Parent != 0 && l.Status == CategoryEntryActive {
			to := CategoryEntry{Category: c.Parent, Entry: l.Entry, Status: l.Status, User: l.User}
			to.Record = Record{Account: l.Account, CreatedAt: StampOf(tx.now), UpdatedAt: StampOf(tx.now)}
			if _, err := tx.tx.NewInsert().Model(&to).On("CONFLICT (category, entry) DO NOTHING").Exec(ctx); err != nil {
				return err
			}
		}
	}
	return tx.showCategories(ctx, l.Entry)
}
