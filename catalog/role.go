package catalog

import (
	"context"
	"strings"

	"github.com/uptrace/bun"
)

// RoleActive is the status of a role that is in force; the other one is 2, blocked. The values are the wire's.
const RoleActive = 1

// Role says which actions sessions may call. The roles of account 0 are everyone's.
type Role struct {
	bun.BaseModel `bun:"table:roles"`
	Record

	ID          int64  `bun:"id,pk,autoincrement"`
	Status      int    `bun:"status"`
	Name        string `bun:"name"`
	SystemName  string `bun:"system_name"` // unique in the account; may be empty
	Description string `bun:"description"`
	// Permissions are patterns with commas between them: service.action, service.* or *, in lower case.
	Permissions string `bun:"permissions"`
	Tags        string `bun:"tags"`
}

// Permits says whether the role lets sessions call an action; both names are in lower case.
func (r *Role) Permits(service, action string) bool {
	if r.Status != RoleActive {
		return false
	}
	for p := range strings.SplitSeq(r.Permissions, ",") {
		if p == "*" || p == service+".*" || p == service+"."+action {
			return true
		}
	}
	return false
}

var roles = table[Role, *Role]{
	noun:   "role",
	shared: true,
	fields: fields{
		"id": {"id", kindInt}, "partnerId": {"account", kindInt}, "status": {"status", kindInt}, "name": {"name", kindText},
		"systemName": {"system_name", kindText}, "description": {"description", kindText}, "tags": {"tags", kindCSV},
		"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	},
	check: func(r *Role) error {
		return firstOf(
			checkText("role name", r.Name, maxNameBytes), checkText("system name", r.SystemName, maxKeyBytes),
			checkText("description", r.Description, maxReasonBytes), checkText("permissions", r.Permissions, maxTextBytes),
			checkText("tags", r.Tags, maxReasonBytes),
		)
	},
}

// AddRole stores a new role.
func (db *DB) AddRole(ctx context.Context, a AccountID, r Role) (Role, error) {
	return roles.insert(ctx, db, a, r)
}

// Role returns a role of the account or a shared one.
func (db *DB) Role(ctx context.Context, a AccountID, id int64) (Role, error) {
	return roles.get(ctx, db, a, id)
}

// RoleBySystemName returns the account's role of that name, or the shared one.
func (db *DB) RoleBySystemName(ctx context.Context, a AccountID, name string) (Role, error) {
	var r Role
	err := roles.mine(a)(db.read.NewSelect().Model(&r)).Where("system_name = ?", name).Where("system_name <> ''").
		Order("account DESC").Limit(1).Scan(ctx)
	if err != nil {
		return Role{}, notFound(err, "role %q", name)
	}
	return r, nil
}

// Roles returns a page of the account's roles and the shared ones, and how many there are on all pages.
func (db *DB) Roles(ctx context.Context, a AccountID, q Query) ([]Role, int, error) {
	return roles.list(ctx, db, a, q)
}

// UpdateRole changes a role of the account's own by fn.
func (db *DB) UpdateRole(ctx context.Context, a AccountID, id int64, fn func(*Role) error) (Role, error) {
	return roles.update(ctx, db, a, id, fn)
}

// DeleteRole deletes a role of the account's own.
func (db *DB) DeleteRole(ctx context.Context, a AccountID, id int64) error {
	return roles.delete(ctx, db, a, id, nil)
}
