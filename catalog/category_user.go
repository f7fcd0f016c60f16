package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// MemberLevel is what a member of a category may do in it, the most first; the values are the wire's.
type MemberLevel int

// Levels of members. A manager also changes who is a member, a moderator decides about entries, a contributor adds entries, a
// member sees them. LevelNone sees nothing that others do not.
const (
	LevelManager     MemberLevel = 0
	LevelModerator   MemberLevel = 1
	LevelContributor MemberLevel = 2
	LevelMember      MemberLevel = 3
	LevelNone        MemberLevel = 4
)

// States of members; the values are the wire's. Only active ones may do what their level says.
const (
	MemberActive    = 1
	MemberPending   = 2
	MemberNotActive = 3
)

// How a membership came to be as it is; the values are the wire's.
const (
	MemberManual    = 0
	MemberAutomatic = 1
)

// CategoryUser says that a user is a member of a category. The owner of a category need not be one.
type CategoryUser struct {
	bun.BaseModel `bun:"table:category_users"`
	Record

	ID       int64       `bun:"id,pk,autoincrement"`
	Category CategoryID  `bun:"category"`
	User     string      `bun:"user_id"`
	Level    MemberLevel `bun:"permission_level"`
	Status   int         `bun:"status"`
	Method   int         `bun:"update_method"`
	// Permissions are names with commas between them: those of the level, which the catalog sets, and others.
	Permissions string `bun:"permission_names"`
}

// levelPermissions are the names of what each level may do.
var levelPermissions = map[MemberLevel][]string{
	LevelManager:     {"CATEGORY_MODERATE", "CATEGORY_CONTRIBUTE", "CATEGORY_EDIT", "CATEGORY_VIEW"},
	LevelModerator:   {"CATEGORY_MODERATE", "CATEGORY_CONTRIBUTE", "CATEGORY_VIEW"},
	LevelContributor: {"CATEGORY_CONTRIBUTE", "CATEGORY_VIEW"},
	LevelMember:      {"CATEGORY_VIEW"},
	LevelNone:        nil,
}

var categoryUsers = table[CategoryUser, *CategoryUser]{noun: "category user", fields: fields{
	"id": {"id", kindInt}, "categoryId": {"category", kindInt}, "userId": {"user_id", kindText}, "permissionLevel": {"permission_level", kindInt},
	"status": {"status", kindInt}, "updateMethod": {"update_method", kindInt}, "permissionNames": {"permission_names", kindCSV},
	"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
}, check: func(u *CategoryUser) error {
	if _, ok := levelPermissions[u.Level]; !ok {
		return fmt.Errorf("%w: there is no permission level %d", ErrInvalid, u.Level)
	}
	if u.Status < MemberActive || u.Status > MemberNotActive {
		return fmt.Errorf("%w: a member cannot have status %d", ErrInvalid, u.Status)
	}
	if u.User == "" {
		return fmt.Errorf("%w: a member needs a user", ErrInvalid)
	}
	names := slices.Clone(levelPermissions[u.Level])
	for name := range strings.SplitSeq(u.Permissions, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(levelPermissions[LevelManager], name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	u.Permissions = strings.Join(names, ",")
	return firstOf(checkText("user id", u.User, maxUserBytes), checkText("permission names", u.Permissions, maxTextBytes))
}}

// MemberQuery selects members besides what conditions say.
type MemberQuery struct {
	Query
	// FullIDs are conditions on the full ids of the category.
	FullIDs []Cond
	// Text, when set, is found in the user's id or screen name.
	Text string
}

// CategoryUsers returns a page of an account's memberships, and how many there are.
func (db *DB) CategoryUsers(ctx context.Context, account AccountID, q MemberQuery) ([]CategoryUser, int, error) {
	like := func(f fields, name string) (clauses, error) {
		return f.where([]Cond{{name, OpLike, []any{q.Text}}}, db.postgres)
	}
	ids, err := like(categoryUsers.fields, "userId")
	if err != nil {
		return nil, 0, err
	}
	screen, err := like(users.fields, "screenName")
	if err != nil {
		return nil, 0, err
	}
	above, err := categories.fields.where(q.FullIDs, db.postgres)
	if err != nil {
		return nil, 0, err
	}
	rows, total, err := listWhere[CategoryUser](ctx, db, categoryUsers.fields, q.Query, "id", func(s *bun.SelectQuery) *bun.SelectQuery {
		s = categoryUsers.mine(account)(s)
		if len(above) > 0 {
			s = s.Where("category IN (?)", above.apply(db.read.NewSelect().Table("categories").Column("id").Where("account = ?", account)))
		}
		if q.Text == "" {
			return s
		}
		named := screen.apply(db.read.NewSelect().Table("users").Column("id").Where("account = ?", account).Where("deleted_at = 0"))
		return s.WhereGroup(" AND ", func(s *bun.SelectQuery) *bun.SelectQuery { return ids.apply(s).WhereOr("user_id IN (?)", named) })
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list of category users: %w", err)
	}
	return rows, total, nil
}

// CategoryUser returns what a user is in a category by itself, whatever is inherited.
func (db *DB) CategoryUser(ctx context.Context, account AccountID, category CategoryID, user string) (CategoryUser, error) {
	return categoryUser(ctx, db.read, account, category, user)
}

func categoryUser(ctx context.Context, q bun.IDB, account AccountID, category CategoryID, user string) (CategoryUser, error) {
	var u CategoryUser
	err := q.NewSelect().Model(&u).Where("account = ?", account).Where("category = ?", category).Where("user_id = ?", user).Scan(ctx)
	if err != nil {
		return CategoryUser{}, notFound(err, "user %q in category %d", user, category)
	}
	return u, nil
}

// AddCategoryUser makes a user a member of a category. ErrConflict says that it is one, ErrNotFound that there is no category.
func (db *DB) AddCategoryUser(ctx context.Context, account AccountID, u CategoryUser) (CategoryUser, error) {
	err := db.inTx(ctx, durable, func(tx *Tx) error { return tx.AddCategoryUser(ctx, account, &u) })
	return u, err
}

// AddCategoryUser is DB.AddCategoryUser inside a transaction.
func (tx *Tx) AddCategoryUser(ctx context.Context, account AccountID, u *CategoryUser) error {
	if _, err := categories.get(ctx, tx, account, u.Category); err != nil {
		return err
	}
	made, err := categoryUsers.insert(ctx, tx, account, *u)
	if err == nil {
		*u = made
	}
	return err
}

// UpdateCategoryUser changes what a user is in a category by fn, which must leave category and user alone.
func (db *DB) UpdateCategoryUser(ctx context.Context, account AccountID, category CategoryID, user string, fn func(*CategoryUser) error) (u CategoryUser, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		u, err = tx.UpdateCategoryUser(ctx, account, category, user, fn)
		return err
	})
	return u, err
}

// UpdateCategoryUser is DB.UpdateCategoryUser inside a transaction.
func (tx *Tx) UpdateCategoryUser(ctx context.Context, account AccountID, category CategoryID, user string, fn func(*CategoryUser) error) (CategoryUser, error) {
	u, err := categoryUser(ctx, tx.tx, account, category, user)
	if err != nil {
		return u, err
	}
	return categoryUsers.update(ctx, tx, account, u.ID, fn)
}

// RemoveCategoryUser ends a membership. ErrNotFound says that there is none.
func (db *DB) RemoveCategoryUser(ctx context.Context, account AccountID, category CategoryID, user string) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.RemoveCategoryUser(ctx, account, category, user) })
}

// RemoveCategoryUser is DB.RemoveCategoryUser inside a transaction.
func (tx *Tx) RemoveCategoryUser(ctx context.Context, account AccountID, category CategoryID, user string) error {
	u, err := categoryUser(ctx, tx.tx, account, category, user)
	if err != nil {
		return err
	}
	_, err = tx.tx.NewDelete().Model(&u).WherePK().Exec(ctx)
	return err
}

// CopyMembers makes the members of one category those of another too; who is one there stays what he is.
func (db *DB) CopyMembers(ctx context.Context, account AccountID, from, to CategoryID) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		_, err := tx.tx.NewRaw(`INSERT INTO category_users
			(account, category, user_id, permission_level, status, update_method, permission_names, created_at, updated_at, deleted_at)
			SELECT account, ?, user_id, permission_level, status, update_method, permission_names, ?, ?, 0 FROM category_users
			WHERE account = ? AND category = ?
			ON CONFLICT (category, user_id) DO NOTHING`, to, StampOf(tx.now), StampOf(tx.now), account, from).Exec(ctx)
		return err
	})
}

// MembersOf is the category whose members a category has: itself, or the nearest that it lies in that does not inherit.
func (db *DB) MembersOf(ctx context.Context, c Category) (CategoryID, error) {
	of, err := db.membersOf(ctx, c)
	return of.ID, err
}

func (db *DB) membersOf(ctx context.Context, c Category) (*privacyRow, error) {
	own := &privacyRow{ID: c.ID, FullIDs: c.FullIDs, Owner: c.Owner, More: c.More}
	if !c.Policy().Inherits {
		return own, nil
	}
	rows, err := db.privacyRows(ctx, c.Account, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("id IN (?)", bun.List(categoryIDs(strings.Split(c.FullIDs, CategorySeparator))))
	})
	return own.source(byID(rows)), err
}

// Level is what a user may do in a category: what the membership says, while it is active, and everything for the owner.
func (db *DB) Level(ctx context.Context, c Category, user string) (MemberLevel, error) {
	if user == "" {
		return LevelNone, nil
	}
	of, err := db.membersOf(ctx, c)
	if err != nil {
		return LevelNone, err
	}
	if user == c.Owner || user == of.Owner {
		return LevelManager, nil
	}
	levels, err := db.levels(ctx, c.Account, user, []CategoryID{of.ID})
	if level, ok := levels[of.ID]; ok {
		return level, err
	}
	return LevelNone, err
}

// maxNamed is how many categories a query about a user's memberships names; of more, all of the user's are read.
const maxNamed = 200

// levels are what a user may do in those of some categories that it is an active member of.
func (db *DB) levels(ctx context.Context, account AccountID, user string, ids []CategoryID) (map[CategoryID]MemberLevel, error) {
	var rows []CategoryUser
	q := db.read.NewSelect().Model(&rows).Column("category", "permission_level").Where("account = ?", account).Where("user_id = ?", user).
		Where("status = ?", MemberActive)
	if len(ids) <= maxNamed {
		q = q.Where("category IN (?)", bun.List(ids))
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("memberships of user %q: %w", user, err)
	}
	out := make(map[CategoryID]MemberLevel, len(rows))
	for _, r := range rows {
		out[r.Category] = r.Level
	}
	return out, nil
}

// countMembers counts the active and the pending members of a category.
func (db *DB) countMembers(ctx context.Context, c Category) (active, pending int64, err error) {
	of, err := db.MembersOf(ctx, c)
	if err != nil {
		return 0, 0, err
	}
	var rows []struct {
		Status int
		N      int64
	}
	err = db.read.NewSelect().Table("category_users").Column("status").ColumnExpr("count(*) AS n").Where("category = ?", of).Group("status").Scan(ctx, &rows)
	for _, r := range rows {
		switch r.Status {
		case MemberActive:
			active = r.N
		case MemberPending:
			pending = r.N
		}
	}
	return active, pending, err
}
