package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// AccessControl is a profile of rules about who may play, download or picture the entries that name it. An account has
// one default profile, made with it, for entries that name none.
type AccessControl struct {
	bun.BaseModel `bun:"table:access_controls"`
	Record

	ID          int64        `bun:"id,pk,autoincrement"`
	Name        string       `bun:"name"`
	SystemName  string       `bun:"system_name"`
	Description string       `bun:"description"`
	Default     bool         `bun:"is_default"`
	Rules       []AccessRule `bun:"rules"`
}

// AccessRule applies its actions when all its conditions hold.
type AccessRule struct {
	Description string            `json:"description,omitempty"`
	Data        string            `json:"data,omitempty"`
	Message     string            `json:"message,omitempty"`
	Code        string            `json:"code,omitempty"`
	Conditions  []AccessCondition `json:"conditions,omitempty"`
	Actions     []AccessAction    `json:"actions,omitempty"`
	// Contexts are what the rule is about: playing, downloading, … (ContextType of the wire). Empty means everything.
	Contexts []string `json:"contexts,omitempty"`
	// Stop ends the profile's evaluation when the rule applies.
	Stop bool `json:"stop,omitempty"`
	// Admins says that the rule is for administrators, too.
	Admins bool `json:"admins,omitempty"`
}

// AccessCondition is a condition of a rule. Type is ConditionType of the wire; which other fields count follows from it.
type AccessCondition struct {
	Type        string   `json:"type"`
	Not         bool     `json:"not,omitempty"`
	Description string   `json:"description,omitempty"`
	Values      []string `json:"values,omitempty"`
	// Header is the HTTP header that holds the value or the address; Internal says that addresses of private networks count.
	Header   string `json:"header,omitempty"`
	Internal bool   `json:"internal,omitempty"`
	// GeoCoder names the service asked where an address is.
	GeoCoder   string            `json:"geo_coder,omitempty"`
	Conditions []AccessCondition `json:"conditions,omitempty"`
}

// AccessAction is what a rule does. Type is RuleActionType of the wire.
type AccessAction struct {
	Type string `json:"type"`
	// Seconds is the length of a preview.
	Seconds int `json:"seconds,omitempty"`
	// IDs are those of flavor params, delivery profiles or edge servers; Blocked says that they are refused rather than the
	// only ones allowed.
	IDs     string `json:"ids,omitempty"`
	Blocked bool   `json:"blocked,omitempty"`
	// Pattern and Replacement rewrite the host of URLs.
	Pattern     string `json:"pattern,omitempty"`
	Replacement string `json:"replacement,omitempty"`
	// Server and AliveTimeout are kept as the wire has them.
	Server       int64 `json:"server,omitempty"`
	AliveTimeout int   `json:"alive_timeout,omitempty"`
	Seamless     bool  `json:"seamless,omitempty"`
}

var accessControls = table[AccessControl, *AccessControl]{
	noun: "access control profile",
	fields: fields{
		"id": {"id", kindInt}, "systemName": {"system_name", kindText}, "name": {"name", kindText},
		"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	},
	check: func(p *AccessControl) error {
		return errors.Join(checkText("name", p.Name, maxNameBytes), checkText("system name", p.SystemName, maxKeyBytes),
			checkText("description", p.Description, maxTextBytes))
	},
}

// AccessControl returns a profile of the account.
func (db *DB) AccessControl(ctx context.Context, account AccountID, id int64) (AccessControl, error) {
	return accessControls.get(ctx, db, account, id)
}

// DefaultAccessControl returns the account's default profile.
func (db *DB) DefaultAccessControl(ctx context.Context, account AccountID) (AccessControl, error) {
	var row AccessControl
	err := db.read.NewSelect().Model(&row).Where("account = ?", account).Where("is_default").Where("deleted_at = 0").Scan(ctx)
	if err != nil {
		return AccessControl{}, notFound(err, "default access control profile of account %d", account)
	}
	return row, nil
}

// AccessControls returns a page of the account's profiles and how many the query selects.
func (db *DB) AccessControls(ctx context.Context, account AccountID, q Query) ([]AccessControl, int, error) {
	return accessControls.list(ctx, db, account, q)
}

// AddAccessControl stores a profile. One that says it is the default takes that from the one that was.
func (db *DB) AddAccessControl(ctx context.Context, account AccountID, p AccessControl) (out AccessControl, err error) {
	err = db.InTx(ctx, func(tx *Tx) error {
		if p.Default {
			if err := tx.clearDefaultAccess(ctx, account, 0); err != nil {
				return err
			}
		}
		out, err = accessControls.insert(ctx, tx, account, p)
		return err
	})
	return out, err
}

// UpdateAccessControl changes a profile by fn. A default profile stays one until another becomes it.
func (db *DB) UpdateAccessControl(ctx context.Context, account AccountID, id int64, fn func(p *AccessControl) error) (out AccessControl, err error) {
	err = db.InTx(ctx, func(tx *Tx) error {
		old, err := accessControls.get(ctx, tx, account, id)
		if err != nil {
			return err
		}
		next := old
		if err := fn(&next); err != nil {
			return err
		}
		if next.Default && !old.Default {
			if err := tx.clearDefaultAccess(ctx, account, id); err != nil {
				return err
			}
		}
		out, err = accessControls.update(ctx, tx, account, id, func(p *AccessControl) error {
			p.Name, p.SystemName, p.Description, p.Rules = next.Name, next.SystemName, next.Description, next.Rules
			p.Default = old.Default || next.Default
			return nil
		})
		return err
	})
	return out, err
}

// DeleteAccessControl deletes a profile; the default one is ErrConflict. Entries that name it fall back to the default.
func (db *DB) DeleteAccessControl(ctx context.Context, account AccountID, id int64) error {
	return db.InTx(ctx, func(tx *Tx) error {
		old, err := accessControls.get(ctx, tx, account, id)
		if err != nil {
			return err
		}
		if old.Default {
			return fmt.Errorf("access control profile %d: %w: it is the account's default", id, ErrConflict)
		}
		return accessControls.delete(ctx, tx, account, id, nil)
	})
}

func (tx *Tx) clearDefaultAccess(ctx context.Context, account AccountID, but int64) error {
	_, err := tx.tx.NewUpdate().Table("access_controls").Set("is_default = ?", false).Set("updated_at = ?", StampOf(tx.now)).
		Where("account = ?", account).Where("is_default").Where("id <> ?", but).Exec(ctx)
	return err
}

// addDefaultAccess makes the default profile of a new account: no rules.
func (tx *Tx) addDefaultAccess(ctx context.Context, account AccountID) error {
	_, err := accessControls.insert(ctx, tx, account, AccessControl{Name: "Default", Default: true, Rules: []AccessRule{}})
	return err
}
