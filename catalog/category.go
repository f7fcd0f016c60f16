package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
)

// CategoryID identifies a category.
type CategoryID int64

// CategoryStatus is the state of a category; the values are the wire's.
type CategoryStatus int

// States of a category. While it is updating, entries do not all have its new name yet.
const (
	CategoryUpdating CategoryStatus = 1
	CategoryActive   CategoryStatus = 2
	CategoryDeleted  CategoryStatus = 3
)

// Category is a place of an account's tree of topics. Entries are in any number of them.
type Category struct {
	bun.BaseModel `bun:"table:categories"`
	Record

	ID CategoryID `bun:"id,pk,autoincrement"`
	// Parent is 0 for a category at the top.
	Parent CategoryID `bun:"parent"`
	Depth  int        `bun:"depth"`
	Name   string     `bun:"name"`
	// FullName has the names from the top, FullIDs the ids, with > between them. Full names are unique in the account,
	// whatever their case.
	FullName    string         `bun:"full_name"`
	FullFolded  string         `bun:"full_folded"`
	FullIDs     string         `bun:"full_ids"`
	Status      CategoryStatus `bun:"status"`
	Description string         `bun:"description"`
	Tags        string         `bun:"tags"`
	ReferenceID string         `bun:"reference_id"`
	Owner       string         `bun:"owner"`
	SortValue   int64          `bun:"sort_value"`
	// More is what else the wire has, as JSON. Policy reads it.
	More json.RawMessage `bun:"more"`
	// Private says that it has a privacy context; the catalog sets it.
	Private bool `bun:"private"`
}

// CategorySeparator stands between the names of a full name.
const CategorySeparator = ">"

// Limits of the tree.
const (
	maxCategoryName  = 255
	maxCategoryDepth = 32
)

var categories = table[Category, *Category]{noun: "category", fields: fields{
	"id": {"id", kindInt}, "parentId": {"parent", kindInt}, "depth": {"depth", kindInt}, "name": {"name", kindText}, "fullName": {"full_name", kindText},
	"fullIds": {"full_ids", kindText}, "status": {"status", kindInt}, "tags": {"tags", kindCSV}, "referenceId": {"reference_id", kindText},
	"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime}, "partnerSortValue": {"sort_value", kindInt}, "owner": {"owner", kindText},
}, check: func(c *Category) error {
	c.Private = len(c.Policy().Contexts) > 0
	return firstOf(checkCategoryName(c.Name), checkText("full name", c.FullName, maxKeyBytes), checkText("description", c.Description, maxTextBytes),
		checkText("tags", c.Tags, maxTextBytes), checkText("reference id", c.ReferenceID, maxKeyBytes), checkText("owner", c.Owner, maxUserBytes))
}}

func checkCategoryName(name string) error {
	if strings.TrimSpace(name) == "" || strings.ContainsAny(name, CategorySeparator+",") {
		return fmt.Errorf("%w: category name %q is empty or has a comma or >", ErrInvalid, name)
	}
	return checkText("category name", name, maxCategoryName)
}

// Category returns an account's category.
func (db *DB) Category(ctx context.Context, account AccountID, id CategoryID) (Category, error) {
	return categories.get(ctx, db, account, id)
}

// Categories returns a page of an account's categories, and how many there are.
func (db *DB) Categories(ctx context.Context, account AccountID, q Query) ([]Category, int, error) {
	return categories.list(ctx, db, account, q)
}

// CategoryByName returns the category of a full name, whatever its case.
func (db *DB) CategoryByName(ctx context.Context, account AccountID, full string) (Category, error) {
	return categoryByName(ctx, db.read, account, full)
}

func categoryByName(ctx context.Context, q bun.IDB, account AccountID, full string) (Category, error) {
	var c Category
	err := q.NewSelect().Model(&c).Where("account = ?", account).Where("full_folded = ?", strings.ToLower(full)).Where("deleted_at = 0").Scan(ctx)
	if err != nil {
		return Category{}, notFound(err, "category %q", full)
	}
	return c, nil
}

// AddCategory stores a new category under its parent. ErrConflict says that the parent has one of the name, ErrNotFound that
// there is no such parent.
func (db *DB) AddCategory(ctx context.Context, account AccountID, c Category) (made Category, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		made, err = tx.AddCategory(ctx, account, c)
		return err
	})
	return made, err
}

// AddCategory is DB.AddCategory inside a transaction.
func (tx *Tx) AddCategory(ctx context.Context, account AccountID, c Category) (Category, error) {
	c.Name = strings.TrimSpace(c.Name)
	parent, err := tx.categoryParent(ctx, account, c.Parent)
	if err != nil {
		return Category{}, err
	}
	c.place(parent)
	if c.Depth > maxCategoryDepth {
		return Category{}, fmt.Errorf("category %q: %w: it lies more than %d deep", c.FullName, ErrInvalid, maxCategoryDepth)
	}
	if c.Status == 0 {
		c.Status = CategoryActive
	}
	made, err := categories.insert(ctx, tx, account, c)
	if err != nil {
		return Category{}, err
	}
	made.FullIDs = join2(parent.FullIDs, fmt.Sprint(made.ID))
	_, err = tx.tx.NewUpdate().Model(&made).Column("full_ids").WherePK().Exec(ctx)
	return made, err
}

// categoryParent returns the parent of an id; the zero category for the top.
func (tx *Tx) categoryParent(ctx context.Context, account AccountID, id CategoryID) (Category, error) {
	if id == 0 {
		return Category{Depth: -1}, nil
	}
	return categories.get(ctx, tx, account, id)
}

// place puts a category below parent, save for its ids.
func (c *Category) place(parent Category) {
	c.Parent, c.Depth, c.FullName = parent.ID, parent.Depth+1, join2(parent.FullName, c.Name)
	c.FullFolded = strings.ToLower(c.FullName)
}

func join2(a, b string) string {
	if a == "" {
		return b
	}
	return a + CategorySeparator + b
}

// SplitCategory returns the names of a full name.
func SplitCategory(full string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(full, CategorySeparator) {
		part = strings.TrimSpace(part)
		if err := checkCategoryName(part); err != nil {
			return nil, fmt.Errorf("category %q: %w", full, err)
		}
		out = append(out, part)
	}
	return out, nil
}

// EnsureCategory returns the category of a full name, and makes it, and its parents, when there is none.
func (tx *Tx) EnsureCategory(ctx context.Context, account AccountID, full string) (Category, error) {
	names, err := SplitCategory(full)
	if err != nil {
		return Category{}, err
	}
	at := Category{Depth: -1}
	for _, name := range names {
		next, err := categoryByName(ctx, tx.tx, account, join2(at.FullName, name))
		if errors.Is(err, ErrNotFound) {
			next, err = tx.AddCategory(ctx, account, Category{Name: name, Parent: at.ID})
			if errors.Is(err, ErrConflict) { // someone else was faster
				next, err = categoryByName(ctx, tx.tx, account, join2(at.FullName, name))
			}
		}
		if err != nil {
			return Category{}, err
		}
		at = next
	}
	return at, nil
}

// UpdateCategory changes a category by fn. With another name or parent, what lies below it moves along; the entries of all of
// these are updated by SettleCategories, and until then their status is CategoryUpdating.
func (db *DB) UpdateCategory(ctx context.Context, account AccountID, id CategoryID, fn func(*Category) error) (c Category, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		c, err = tx.UpdateCategory(ctx, account, id, fn)
		return err
	})
	return c, err
}

// UpdateCategory is DB.UpdateCategory inside a transaction.
func (tx *Tx) UpdateCategory(ctx context.Context, account AccountID, id CategoryID, fn func(*Category) error) (Category, error) {
	old, err := categories.get(ctx, tx, account, id)
	if err != nil {
		return old, err
	}
	next := old
	if err := fn(&next); err != nil {
		return old, err
	}
	next.ID, next.Name = old.ID, strings.TrimSpace(next.Name)
	if next.Name == old.Name && next.Parent == old.Parent {
		return categories.update(ctx, tx, account, id, func(row *Category) error { *row = next; return nil })
	}
	return tx.moveCategory(ctx, account, old, next)
}

// moveCategory gives a category another name or parent.
func (tx *Tx) moveCategory(ctx context.Context, account AccountID, old, next Category) (Category, error) {
	parent, err := tx.categoryParent(ctx, account, next.Parent)
	if err != nil {
		return next, err
	}
	if parent.ID == old.ID || strings.HasPrefix(parent.FullIDs+CategorySeparator, old.FullIDs+CategorySeparator) {
		return next, fmt.Errorf("category %d: %w: it cannot lie below itself", old.ID, ErrInvalid)
	}
	below, err := tx.subtree(ctx, account, old)
	if err != nil {
		return next, err
	}
	next.place(parent)
	next.FullIDs, next.Status = join2(parent.FullIDs, fmt.Sprint(old.ID)), CategoryUpdating
	moved, err := categories.update(ctx, tx, account, old.ID, func(row *Category) error { *row = next; return nil })
	if err != nil {
		return next, err
	}
	for _, c := range below {
		_, err := categories.update(ctx, tx, account, c.ID, func(row *Category) error {
			row.FullName = moved.FullName + strings.TrimPrefix(row.FullName, old.FullName)
			row.FullIDs = moved.FullIDs + strings.TrimPrefix(row.FullIDs, old.FullIDs)
			row.FullFolded, row.Depth, row.Status = strings.ToLower(row.FullName), row.Depth+moved.Depth-old.Depth, CategoryUpdating
			if row.Depth > maxCategoryDepth {
				return fmt.Errorf("%w: it would lie more than %d deep", ErrInvalid, maxCategoryDepth)
			}
			return nil
		})
		if err != nil {
			return next, err
		}
	}
	return moved, nil
}

// subtree returns what lies below a category.
func (tx *Tx) subtree(ctx context.Context, account AccountID, c Category) ([]Category, error) {
	var rows []Category
	err := tx.tx.NewSelect().Model(&rows).Where("account = ?", account).Where("deleted_at = 0").
		Where("full_ids LIKE ?", c.FullIDs+CategorySeparator+"%").Order("depth", "id").Scan(ctx)
	return rows, err
}

// DeleteCategory deletes a category with all that lies below. Its entries go to its parent when they shall be moved and it has one;
// SettleCategories does that.
func (db *DB) DeleteCategory(ctx context.Context, account AccountID, id CategoryID, move bool) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.DeleteCategory(ctx, account, id, move) })
}

// DeleteCategory is DB.DeleteCategory inside a transaction.
func (tx *Tx) DeleteCategory(ctx context.Context, account AccountID, id CategoryID, move bool) error {
	c, err := categories.get(ctx, tx, account, id)
	if err != nil {
		return err
	}
	below, err := tx.subtree(ctx, account, c)
	if err != nil {
		return err
	}
	to := CategoryID(0)
	if move {
		to = c.Parent
	}
	for _, row := range append(below, c) {
		err := categories.delete(ctx, tx, account, row.ID, func(row *Category) { row.Status, row.Parent = CategoryUpdating, to })
		if err != nil {
			return err
		}
		if _, err := tx.tx.NewDelete().Table("category_users").Where("category = ?", row.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// CategoryCounts are how many entries a category has, by itself and with all below, how many categories lie in it, how many
// entries wait for approval, and how many members it has and how many wait to be.
type CategoryCounts struct{ Direct, All, Children, Waiting, Members, Pending int64 }

// CountCategory returns the counts of a category.
func (db *DB) CountCategory(ctx context.Context, c Category) (n CategoryCounts, err error) {
	count := func(q *bun.SelectQuery, into *int64) {
		if err == nil {
			*into, err = q.Count(ctx)
		}
	}
	links := func(status int) *bun.SelectQuery {
		return db.read.NewSelect().TableExpr("category_entries AS l").Join("JOIN entries AS e ON e.id = l.entry").
			Where("e.status <> ?", EntryDeleted).Where("l.status = ?", status)
	}
	count(links(CategoryEntryActive).Where("l.category = ?", c.ID), &n.Direct)
	count(links(CategoryEntryPending).Where("l.category = ?", c.ID), &n.Waiting)
	below := db.read.NewSelect().Table("categories").Column("id").Where("account = ?", c.Account).Where("deleted_at = 0").
		Where("id = ? OR full_ids LIKE ?", c.ID, c.FullIDs+CategorySeparator+"%")
	count(db.read.NewSelect().TableExpr("(?) AS found", links(CategoryEntryActive).ColumnExpr("DISTINCT l.entry").Where("l.category IN (?)", below)), &n.All)
	count(db.read.NewSelect().Table("categories").Where("account = ?", c.Account).Where("deleted_at = 0").Where("parent = ?", c.ID), &n.Children)
	if err == nil {
		n.Members, n.Pending, err = db.countMembers(ctx, c)
	}
	return n, err
}

// categoryIDs reads ids as entries have them; what is no number is left out.
func categoryIDs(list []string) []CategoryID {
	var out []CategoryID
	for _, s := range list {
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
			out = append(out, CategoryID(n))
		}
	}
	return out
}
