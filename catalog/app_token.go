package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"sluice/catalog/seal"
)

// AppTokenStatus is the state of an app token; the values are the wire's.
type AppTokenStatus int

// States of an app token.
const (
	AppTokenDisabled AppTokenStatus = 1
	AppTokenActive   AppTokenStatus = 2
	AppTokenDeleted  AppTokenStatus = 3
)

// AppToken is a shared secret with which an application starts sessions of a fixed kind. Token is sealed in the database.
type AppToken struct {
	bun.BaseModel `bun:"table:app_tokens"`
	Record

	ID        string         `bun:"id,pk"`
	Token     string         `bun:"-"`
	Sealed    string         `bun:"token"`
	Status    AppTokenStatus `bun:"status"`
	ExpiresAt Stamp          `bun:"expires_at"`
	HashType  string         `bun:"hash_type"` // SHA1, MD5, SHA256 or SHA512
	// What the sessions are: their type, user, longest duration in seconds (0 for the account's) and privileges.
	SessionType int    `bun:"session_type"`
	SessionUser string `bun:"session_owner"`
	Duration    int64  `bun:"duration"`
	Privileges  string `bun:"privileges"`
	Description string `bun:"description"`
}

func (t *AppToken) place() string { return fmt.Sprintf("app token %s of account %d", t.ID, t.Account) }

var appTokens = table[AppToken, *AppToken]{
	noun: "app token",
	fields: fields{
		"id": {"id", kindText}, "partnerId": {"account", kindInt}, "status": {"status", kindInt},
		"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime}, "sessionUserId": {"session_owner", kindText},
	},
	check: func(t *AppToken) error {
		if !slices.Contains([]string{"SHA1", "MD5", "SHA256", "SHA512"}, t.HashType) {
			return fmt.Errorf("%w: hash type %.20q", ErrInvalid, t.HashType)
		}
		return firstOf(
			checkText("session user", t.SessionUser, maxKeyBytes), checkText("session privileges", t.Privileges, maxReasonBytes),
			checkText("description", t.Description, maxReasonBytes),
		)
	},
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// AddAppToken stores a new app token with an id and a token of its own.
func (db *DB) AddAppToken(ctx context.Context, a AccountID, t AppToken) (AppToken, error) {
	t.ID, t.Token, t.Account = newObjectID(), newSecret(), a
	var err error
	if t.Sealed, err = db.seal(t.Token, t.place()); err != nil {
		return AppToken{}, err
	}
	return appTokens.insert(ctx, db, a, t)
}

// AppToken returns an app token.
func (db *DB) AppToken(ctx context.Context, a AccountID, id string) (AppToken, error) {
	t, err := appTokens.get(ctx, db, a, id)
	if err != nil {
		return AppToken{}, err
	}
	return t, db.openAppToken(&t)
}

func (db *DB) openAppToken(t *AppToken) (err error) {
	t.Token, err = db.unseal(t.Sealed, t.place())
	return err
}

// AppTokens returns a page of app tokens and how many there are on all pages.
func (db *DB) AppTokens(ctx context.Context, a AccountID, q Query) ([]AppToken, int, error) {
	list, total, err := appTokens.list(ctx, db, a, q)
	for i := range list {
		if err := db.openAppToken(&list[i]); err != nil {
			return nil, 0, err
		}
	}
	return list, total, err
}

// UpdateAppToken changes an app token by fn, which must leave its token alone.
func (db *DB) UpdateAppToken(ctx context.Context, a AccountID, id string, fn func(*AppToken) error) (AppToken, error) {
	t, err := appTokens.update(ctx, db, a, id, fn)
	if err != nil {
		return AppToken{}, err
	}
	return t, db.openAppToken(&t)
}

// DeleteAppToken deletes an app token; its sessions are revoked apart from it.
func (db *DB) DeleteAppToken(ctx context.Context, a AccountID, id string) error {
	return appTokens.delete(ctx, db, a, id, func(t *AppToken) { t.Status = AppTokenDeleted })
}

func (tx *Tx) resealTokens(ctx context.Context, ring *seal.Ring) error {
	var rows []AppToken
	if err := tx.tx.NewSelect().Model(&rows).Where("deleted_at = 0").Order("id").Scan(ctx); err != nil {
		return err
	}
	for _, t := range rows {
		sealed, changed, err := reseal(ring, t.Sealed, t.place())
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		if _, err := tx.tx.NewUpdate().Table("app_tokens").Set("token = ?", sealed).Where("id = ?", t.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
